"""Finished runs, made without running anything, and the boards that they are merged into."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cleanbench.core import GroundTruth, Issue, Ranking, digest_of
from cleanbench.leaderboard.board import Board, boards
from cleanbench.leaderboard.check import check
from cleanbench.rankings import align, write_ranking, write_truth
from cleanbench.records import Cost, EncoderName, Record, RunFile, Seeds, TruthName, read_run, write_run
from cleanbench.scoring import Scored, score

IDS = tuple(f"image{number:03d}" for number in range(60))
RNG = np.random.default_rng(0)
ISSUES = (Issue.OFF_TOPIC, Issue.NEAR_DUPLICATE)
# Not every image is judged, and pairs come in any order.
ITEMS = {
    Issue.OFF_TOPIC: np.flatnonzero(RNG.random(60) < 0.8),
    Issue.NEAR_DUPLICATE: np.array([[b, a] for a in range(10) for b in range(a + 1, 10)]),
    Issue.LABEL_ERROR: np.arange(60),
}
TRUTHS = {
    issue: GroundTruth.of(
        issue,
        IDS,
        items,
        RNG.random(len(items)) < 0.3,
        kind="synthetic",
        probability=RNG.random(len(items)) if issue is Issue.NEAR_DUPLICATE else None,
    )
    for issue, items in ITEMS.items()
}
REVISION = digest_of([TRUTHS[issue].revision for issue in ISSUES])


def measured(truth: GroundTruth, ranking: Ranking) -> Scored:
    """Score a ranking, as a run does."""
    known = [tuple(np.atleast_1d(item).tolist()) for item in ranking.items]
    asked = [tuple(np.atleast_1d(item).tolist()) for item in truth.items]
    return score(truth.items, truth.labels, align(asked, known, ranking.scores))


def make_run(
    output: Path,
    method: str = "phash",
    *,
    seed: int = 0,
    key: str = "",
    minute: int = 0,
    changed: dict[str, int] | None = None,
    encoder: EncoderName | None = None,
    scores: Callable[[int], np.ndarray] | None = None,
    issues: tuple[Issue, ...] = ISSUES,
    revision: str = REVISION,
    **others: object,
) -> Path:
    """Write the folder of a finished run and the truths beside it, as `cleanbench.run` does."""
    key = key or digest_of([method, str(seed), str(changed)])
    draw = scores or np.random.default_rng(int(key[:8], 16)).random
    run = output / "demo" / f"{method}-{'pixels' if encoder else 'none'}-{seed}-{key[:12]}"
    records = []
    for issue in issues:
        truth = TRUTHS[issue]
        items = truth.items if issue.ranks_pairs else np.arange(len(IDS))
        ranking = Ranking(issue, items, draw(len(items)).astype(np.float32))
        write_ranking(run / "rankings" / f"{issue}.parquet", ranking, IDS)
        write_truth(output / "demo" / "truth" / revision[:8] / f"{issue}.parquet", truth, IDS)
        scored = measured(truth, ranking)
        record = Record(
            method=method,
            issue=issue,
            dataset="demo",
            encoder="pixels" if encoder else None,
            items=len(truth),
            faulty=truth.faulty,
            metrics=scored.metrics,
            resampled=scored.drawn,
            settings=changed or {},
            changed=changed or {},
            fingerprint=digest_of(["data"]),
            images=len(IDS),
            unreadable=0,
            coverage=scored.coverage,
            truth=TruthName.of(truth, revision),
            encoder_detail=encoder,
            supervised=False,
            seeds=Seeds(dataset=0, encoder=None, method=seed),
            cost=Cost(cpu_seconds=1.25, wall_seconds=1.5, fit_cpu_seconds=0.5, peak_mib=200.4, base_mib=90),
            key=key,
            versions={"cleanbench": "0.1.0"},
            created=f"2025-01-01T00:{minute:02d}:00+00:00",
        )
        records.append(record.model_copy(update=others))
    write_run(run / "record.json", RunFile(records=tuple(records), not_ranked={}, complete=True))
    return run


def edit_run(run: Path, **changes: object) -> None:
    """Change fields of all records of a run."""
    content = read_run(run / "record.json")
    edited = tuple(record.model_copy(update=changes) for record in content.records)
    write_run(run / "record.json", content.model_copy(update={"records": edited}))


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder but the locks."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def only(root: Path) -> Board:
    (board,) = boards(root)
    return board


def table(root: Path, issue: Issue = Issue.OFF_TOPIC) -> list[list[str]]:
    """Return the cells of a committed table, without head and rule."""
    lines = only(root).table(issue).read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][2:]


def differences(root: Path) -> str:
    return "\n".join(check(root).differences)


def rescore(path: Path, scores: Callable[[int], np.ndarray], ids: tuple[str, ...] = IDS) -> None:
    write_ranking(path, Ranking(Issue.OFF_TOPIC, np.arange(60), scores(60).astype(float)), ids)
