"""Boards: merging is safe, idempotent and order-independent; a check finds every changed digit."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanbench.commands import grammar
from cleanbench.core import GroundTruth, Issue, Ranking, UserError, digest_of
from cleanbench.leaderboard.board import Board, boards, settled
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge
from cleanbench.leaderboard.tables import page, rows_of
from cleanbench.metrics import METRICS, evaluate
from cleanbench.rankings import align, write_ranking, write_truth
from cleanbench.records import Cost, EncoderName, Measured, Record, RunFile, Seeds, TruthName, read_run, write_run

IDS = tuple(f"image{number:03d}" for number in range(60))
RNG = np.random.default_rng(0)
COMMAND = (sys.executable, "-m", "cleanbench.leaderboard")
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


def measured(truth: GroundTruth, ranking: Ranking) -> tuple[dict[str, Measured], float]:
    """Score a ranking, as a run does."""
    known = [tuple(np.atleast_1d(item).tolist()) for item in ranking.items]
    asked = [tuple(np.atleast_1d(item).tolist()) for item in truth.items]
    scores = align(asked, known, ranking.scores)
    values = evaluate(truth.labels, scores)
    return {name: Measured(value=v.value, reason=v.reason) for name, v in values.items()}, np.isfinite(scores).mean()


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
        metrics, coverage = measured(truth, ranking)
        record = Record(
            method=method,
            issue=issue,
            dataset="demo",
            encoder="pixels" if encoder else None,
            items=len(truth),
            faulty=truth.faulty,
            metrics=metrics,
            settings=changed or {},
            changed=changed or {},
            fingerprint=digest_of(["data"]),
            images=len(IDS),
            unreadable=0,
            coverage=coverage,
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
    """Return all files of a folder but the lock."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def only(root: Path) -> Board:
    (board,) = boards(root)
    return board


def table(root: Path, issue: Issue = Issue.OFF_TOPIC) -> list[list[str]]:
    """Return the cells of a committed table, without head and rule."""
    lines = only(root).table(issue).read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][2:]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    output = tmp_path / "runs"
    make_run(output, "phash")
    make_run(output, "knn", changed={"n_neighbors": 5}, seed=0)
    make_run(output, "knn", changed={"n_neighbors": 5}, seed=1)
    make_run(output, "chance", scores=np.zeros)
    return output


@pytest.fixture
def root(runs: Path, tmp_path: Path) -> Path:
    merged = merge(runs, tmp_path / "boards")
    assert (merged.refused, merged.runs, merged.added, merged.known) == ([], 4, 8, 0)
    return tmp_path / "boards"


def differences(root: Path) -> str:
    return "\n".join(check(root).differences)


# Merging


def test_a_merged_board_holds_everything_and_passes_its_check(root: Path) -> None:
    files = contents(root)
    place = f"demo/{REVISION[:8]}"
    assert {f"{place}/{name}" for name in ("records.jsonl", "off_topic.md", "near_duplicate.md")} <= set(files)
    assert {f"{place}/truth/{issue}.parquet" for issue in ISSUES} <= set(files)
    names = [name.rpartition("/")[2] for name in files if name.startswith(f"{place}/rankings/off_topic/")]
    assert any(name.startswith("knn-n_neighbors=5-none-1-") for name in names)
    assert len(names) == 4
    assert "[Near duplicate](demo/" in (root / "README.md").read_text()
    checked = check(root)
    assert (checked.boards, checked.records, checked.differences) == (1, 8, ())


def test_merging_again_changes_no_byte(root: Path, runs: Path) -> None:
    before = contents(root)
    merged = merge(runs, root)
    assert (merged.added, merged.removed, merged.known) == (0, 0, 8)
    assert contents(root) == before


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(6)), st.integers(1, 5))
def test_the_order_of_merging_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("order")
    made = [
        make_run(folder / "all", "knn", key=digest_of([str(number)]), seed=number % 2, minute=minute)
        for number, minute in enumerate((3, 1, 1, 2, 2, 2))
    ]
    merge(folder / "all", folder / "at once")
    for part in (order[:cut], order[cut:]):
        shutil.copytree(folder / "all" / "demo" / "truth", folder / "part" / "demo" / "truth")
        for number in part:
            shutil.copytree(made[number], folder / "part" / "demo" / made[number].name)
        merge(folder / "part", folder / "in parts")
        shutil.rmtree(folder / "part")
    assert contents(folder / "in parts") == contents(folder / "at once")
    assert len(only(folder / "at once").records()) == 4


def test_a_newer_run_with_another_key_replaces_the_older_and_its_ranking(root: Path, tmp_path: Path) -> None:
    later = make_run(tmp_path / "later", "phash", key="f" * 64, minute=5)
    merged = merge(tmp_path / "later", root)
    assert (merged.added, merged.removed) == (2, 2)
    kept = [record for record in only(root).records() if record.method == "phash"]
    assert {record.key for record in kept} == {"f" * 64}
    assert not any("phash-none-0-" in name and "ffff" not in name for name in contents(root))
    assert not check(root).differences
    edit_run(later, created="2024-01-01T00:00:00+00:00", key="e" * 64)
    assert merge(tmp_path / "later", root).known == 2
    assert {record.key for record in only(root).records() if record.method == "phash"} == {"f" * 64}


def test_a_repeated_run_replaces_nothing_unless_its_numbers_changed(root: Path, runs: Path) -> None:
    before = contents(root)
    make_run(runs, "phash", minute=7)
    assert merge(runs, root).added == 0
    assert contents(root) == before
    make_run(runs, "phash", minute=7, scores=np.arange)
    assert merge(runs, root).removed == 2
    assert not check(root).differences


def test_records_without_truth_are_on_no_board(tmp_path: Path) -> None:
    edit_run(make_run(tmp_path / "runs"), truth=None)
    assert merge(tmp_path / "runs", tmp_path / "boards").unscored == 2
    assert boards(tmp_path / "boards") == []


def test_settled_keeps_encoders_of_other_settings_apart() -> None:
    encoders = [EncoderName(settings={"size": size, "seed": 0}, digest="", key="") for size in (16, 32)]
    records = [minimal(encoder="pixels", encoder_detail=encoder) for encoder in encoders]
    assert len(settled(records)) == 2
    assert [row.encoder for row in rows_of(records)] == ["pixels (size=16)", "pixels (size=32)"]


# Refusals: each names the run and the reason, and what is sound is merged all the same


def broken(root: Path, tmp_path: Path, change: Callable[[Path], object]) -> str:
    """Merge a broken run beside a sound one; return what was refused."""
    output = tmp_path / "broken"
    make_run(output, "sound")
    run = make_run(output, "broken")
    change(run)
    merged = merge(output, root)
    assert "sound" in {record.method for record in only(root).records()}
    assert not check(root).differences
    assert merged.refused
    assert all(str(run) in reason for reason in merged.refused)
    return "\n".join(merged.refused)


def rewrite_metric(run: Path, name: str, value: float) -> None:
    metrics = dict(read_run(run / "record.json").records[0].metrics)
    edit_run(run, metrics={**metrics, name: Measured(value=value)}, issue=Issue.OFF_TOPIC)


def add_interval(run: Path) -> None:
    (record, *_) = read_run(run / "record.json").records
    metrics = {**record.metrics, "AP": record.metrics["AP"].model_copy(update={"low": 0.1, "high": 0.9})}
    write_run(
        run / "record.json",
        RunFile(records=(record.model_copy(update={"metrics": metrics}),), not_ranked={}, complete=True),
    )


def rewrite_column(run: Path, name: str, values: list[object]) -> None:
    path = run / "rankings" / "off_topic.parquet"
    found = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(found.set_column(found.column_names.index(name), name, pyarrow.array(values)), path)


def rescore(path: Path, scores: Callable[[int], np.ndarray], ids: tuple[str, ...] = IDS) -> None:
    write_ranking(path, Ranking(Issue.OFF_TOPIC, np.arange(60), scores(60).astype(float)), ids)


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "fingerprint": (lambda run: edit_run(run, fingerprint="0123456789abcdef"), "fingerprint 0123456789ab, those of"),
    "images": (lambda run: edit_run(run, images=61), "61 images, the board 60"),
    "kind": (
        lambda run: edit_run(run, truth=TruthName.of(replace(TRUTHS[Issue.OFF_TOPIC], kind="human"), REVISION)),
        "kind of its off_topic truth is human, that of the board synthetic",
    ),
    "no ranking": (lambda run: (run / "rankings" / "off_topic.parquet").unlink(), "off_topic.parquet does not exist"),
    "damaged ranking": (
        lambda run: (run / "rankings" / "off_topic.parquet").write_bytes(b"PAR1"),
        "is no readable Parquet file",
    ),
    "AP": (lambda run: rewrite_metric(run, "AP", 0.987), "AP is 0.987 in the record, 0."),
    "unknown metric": (lambda run: rewrite_metric(run, "F9", 0.5), "the record has F9"),
    "lacks a metric": (lambda run: edit_run(run, metrics={}), "the record lacks AUROC"),
    "interval": (lambda run: add_interval(run), "AP has an interval in the record; this version computes none"),
    "coverage": (lambda run: edit_run(run, coverage=0.5), "coverage is 0.5 in the record, 1.0 by"),
    "faulty": (lambda run: edit_run(run, faulty=1), "faulty is 1 in the record"),
    "no truth": (
        lambda run: edit_run(run, truth=TruthName.of(TRUTHS[Issue.OFF_TOPIC], "a" * 64)),
        "truth/aaaaaaaa/off_topic.parquet does not exist",
    ),
    "foreign truth": (
        lambda run: edit_run(run, truth=TruthName.of(TRUTHS[Issue.LABEL_ERROR], REVISION)),
        "its truth revision is",
    ),
    "folder": (lambda run: edit_run(run, dataset="../elsewhere"), "cannot name a folder"),
    "revision": (lambda run: edit_run(run, truth=TruthName.of(TRUTHS[Issue.OFF_TOPIC], "../x")), "no SHA-256"),
    "JSON": (lambda run: (run / "record.json").write_text("{"), "not valid JSON"),
    "schema": (lambda run: (run / "record.json").write_text("{}"), "has no schema 1"),
    "ids twice": (
        lambda run: rescore(run / "rankings" / "off_topic.parquet", np.arange, (*IDS[:-1], IDS[0])),
        "ranks 1 items twice",
    ),
    "no ids": (lambda run: rewrite_column(run, "id", [None] * 60), "has ids that are no text"),
    "no numbers": (lambda run: rewrite_column(run, "score", ["high"] * 60), "a column score that holds no numbers"),
    "NaN": (lambda run: rewrite_column(run, "score", [float("nan")] * 60), "60 scores that are NaN or +inf"),
}


@pytest.mark.parametrize("defect", REFUSALS)
def test_a_defect_is_refused_with_its_reason(defect: str, root: Path, tmp_path: Path) -> None:
    change, message = REFUSALS[defect]
    assert message in broken(root, tmp_path, change)


def test_every_defect_is_reported(root: Path, tmp_path: Path) -> None:
    refused = broken(root, tmp_path, lambda run: edit_run(run, coverage=0.5, faulty=1, metrics={}))
    assert refused.count("coverage is") == refused.count("faulty is") == refused.count("lacks AUROC") == 2


def test_the_oldest_record_of_a_new_board_says_which_data_it_is_about(tmp_path: Path) -> None:
    make_run(tmp_path / "runs", "a", minute=2, fingerprint="2" * 64)
    make_run(tmp_path / "runs", "b", minute=1, fingerprint="1" * 64)
    merged = merge(tmp_path / "runs", tmp_path / "boards")
    assert len(merged.refused) == 2
    assert all("fingerprint 222222222222, those of the board 111111111111" in reason for reason in merged.refused)
    assert {record.method for record in only(tmp_path / "boards").records()} == {"b"}


def test_a_missing_folder_of_runs_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="output=DIR"):
        merge(tmp_path / "none", tmp_path / "boards")
    with pytest.raises(UserError, match="board=DIR"):
        check(tmp_path / "none")


# Interruption and concurrency


def test_an_interrupted_merge_leaves_a_board_that_the_next_one_completes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "later"
    make_run(output, "phash", key="f" * 64, minute=5)
    make_run(output, "new")
    shutil.copytree(root, tmp_path / "whole")
    merge(output, tmp_path / "whole")
    whole, real = contents(tmp_path / "whole"), Path.replace
    for survived in range(8):
        interrupted = tmp_path / f"interrupted{survived}"
        shutil.copytree(root, interrupted)
        left = iter(range(survived))

        def stop(path: Path, target: Path, left: object = left) -> Path:
            if next(left, None) is None:  # type: ignore[call-overload]
                raise KeyboardInterrupt
            return real(path, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", stop)
            with pytest.raises(KeyboardInterrupt):
                merge(output, interrupted)
        board = only(interrupted)
        assert len(board.records()) in (8, 10)
        for difference in check(interrupted).differences:
            assert "no record has this ranking" in difference or "not what its records give" in difference
        merge(output, interrupted)
        assert contents(interrupted) == whole


MERGE_ONE_BY_ONE = """
import sys, time
from pathlib import Path
from cleanbench.leaderboard.merge import merge
print("ready", flush=True)
sys.stdin.read()
for output in sys.argv[2:]:
    assert not merge(Path(output), Path(sys.argv[1])).refused
"""


def test_processes_that_merge_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    places = [[tmp_path / f"runs{number}-{seed}" for seed in range(5)] for number in range(4)]
    for number, outputs in enumerate(places):
        for seed, output in enumerate(outputs):
            make_run(output, f"method{number}", seed=seed)
    script = [sys.executable, "-c", MERGE_ONE_BY_ONE, str(tmp_path / "boards")]
    merges = [
        subprocess.Popen([*script, *map(str, outputs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for outputs in places
    ]
    for process in merges:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in merges:  # all at once, now that none is still starting
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(timeout=60) for process in merges] == [0, 0, 0, 0]
    for process in merges:
        assert process.stdout is not None
        process.stdout.close()
    assert len(only(tmp_path / "boards").records()) == 40
    assert not check(tmp_path / "boards").differences


# Tables


def minimal(method: str = "m", score: float = 0.5, **others: object) -> Record:
    """Return a record with the same value in every metric."""
    fields: dict[str, object] = {
        "method": method,
        "issue": Issue.OFF_TOPIC,
        "dataset": "demo",
        "encoder": None,
        "items": 50,
        "faulty": 10,
        "metrics": {name: Measured(value=score) for name in METRICS},
        "settings": {},
        "changed": {},
        "fingerprint": "f" * 64,
        "images": 60,
        "unreadable": 0,
        "coverage": 1.0,
        "truth": TruthName(name="default", kind="human", revision="b" * 64, set_revision="c" * 64),
        "encoder_detail": None,
        "supervised": False,
        "seeds": Seeds(dataset=None, encoder=None, method=0),
        "cost": Cost(cpu_seconds=1, wall_seconds=1, fit_cpu_seconds=0, peak_mib=1, base_mib=1),
        "key": digest_of([method]),
        "versions": {"cleanbench": "0.1.0"},
        "created": "2025-01-01T00:00:00+00:00",
    }
    return Record.model_validate(fields | others)


def cells(records: list[Record]) -> list[list[str]]:
    lines = page(records).splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_equal_values_share_a_rank() -> None:
    records = [minimal("c", 0.9), minimal("b", 0.7001), minimal("a", 0.6999), minimal("d", 0.3), minimal("e", 0.1)]
    assert [row[:2] for row in cells(records)[2:]] == [
        ["1", "`c`"], ["2", "`a`"], ["2", "`b`"], ["4", "`d`"], ["", "*by chance, expected*"], ["5", "`e`"],
    ]  # fmt: skip


def test_seeds_are_averaged_with_their_spread(root: Path) -> None:
    board = only(root)
    knn = [record for record in board.records() if record.method == "knn" and record.issue is Issue.OFF_TOPIC]
    values = np.array([record.metrics["AP"].value for record in knn], dtype=float)
    (row,) = [row for row in table(root) if "knn" in row[1]]
    assert row[1] == "`knn (n_neighbors=5)`"
    assert row[3] == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    assert row[-3:] == ["2", "1.8", "200"]


def test_the_chance_row_is_always_there_and_equals_the_method_chance(root: Path) -> None:
    truth = TRUTHS[Issue.OFF_TOPIC]
    rows = {row[1]: row for row in table(root)}
    expected = METRICS["AP"].chance(truth.faulty, len(truth))
    assert rows["*by chance, expected*"][3] == f"*{expected:.3f}*"
    assert rows["`chance`"][3:10] == [value.strip("*") for value in rows["*by chance, expected*"][3:10]]
    assert "by chance, expected" in page([minimal()])


def test_the_band_of_ties_shows_where_it_is_wide(root: Path) -> None:
    rows = {row[1]: row for row in table(root)}
    assert rows["`phash`"][10] == ""
    assert rows["`chance`"][10].endswith("–1.000")


def test_the_page_says_what_the_numbers_rest_on(root: Path) -> None:
    text = only(root).table(Issue.NEAR_DUPLICATE).read_text()
    truth = TRUTHS[Issue.NEAR_DUPLICATE]
    assert text.startswith("# Near duplicate on demo\n")
    assert "do not rank methods for real data" in text
    assert f"{len(truth)} annotated pairs, {truth.faulty} faulty. Prevalence {truth.faulty / len(truth):.1%}" in text
    assert f"`{digest_of(['data'])[:8]}`" in text
    assert f"`{REVISION[:8]}`" in text
    assert "cleanbench 0.1.0" in text
    assert "people judged" in page([minimal()])
    assert "real data" not in page([minimal()])


def test_supervision_coverage_and_undefined_values_are_marked() -> None:
    undefined = {name: Measured(value=None, reason="no faulty items") for name in METRICS}
    text = page([minimal("a|b", supervised=True, coverage=0.9999), minimal("x")])
    assert "| `a\\|b` † |" in text
    assert "| Coverage |" in text
    assert "| 0.999 |" in text
    assert "supervised, the method was told" in text
    assert "Coverage" not in page([minimal()])
    rows = cells([minimal(metrics=undefined, faulty=0)])[2:]
    assert [row[0] for row in rows] == ["–", ""]
    assert {row[3] for row in rows} == {"–"}


# Checking


def change_digit(path: Path, after: str) -> None:
    """Change the first digit after a text."""
    text = path.read_text()
    at = text.index(after) + len(after)
    while not text[at].isdigit():
        at += 1
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])


@pytest.mark.parametrize("field", ['"R@5%": {"value": 0.', '"items": ', '"cpu_seconds": ', '"created": "'])
def test_a_changed_digit_in_a_record_is_found(root: Path, field: str) -> None:
    change_digit(only(root).records_file, field)
    found = differences(root)
    assert "records.jsonl" in found
    assert "its ranking was filed for another" in found
    if field.startswith('"R@5%"'):
        assert "R@5% is 0." in found


def test_a_changed_digit_in_a_page_or_the_index_is_found(root: Path) -> None:
    change_digit(only(root).table(Issue.OFF_TOPIC), "| 1 | ")
    change_digit(root / "README.md", "Near duplicate](")
    (first, second) = check(root).differences
    assert "off_topic.md: not what its records give" in first
    assert "README.md: not what its records give" in second
    assert "\n    -| 1 | " in first


def test_a_changed_ranking_is_found(root: Path) -> None:
    board = only(root)
    (record, *_) = [each for each in board.records() if each.method == "phash"]
    rescore(board.ranking(record), np.arange)
    assert f"off_topic of phash ({board.ranking(record).name}): AP is" in differences(root)
    board.ranking(record).write_bytes(b"nothing")
    assert f"{board.ranking(record)} is no readable Parquet file" in differences(root)


def test_missing_orphaned_and_unknown_files_are_found(root: Path) -> None:
    board = only(root)
    gone = board.ranking(board.records()[0])
    orphan = gone.with_name("orphan.parquet")
    gone.rename(orphan)
    (root / "notes.txt").write_text("")
    (board.folder / "truth" / "notes.txt").write_text("")
    board.table(Issue.NEAR_DUPLICATE).unlink()
    found = differences(root)
    for expected in (
        f"{gone}: missing",
        f"{orphan}: no record has this ranking",
        f"{root / 'notes.txt'}: no file of a board",
        f"{board.folder / 'truth' / 'notes.txt'}: no record has this file",
        f"{board.table(Issue.NEAR_DUPLICATE)}: missing",
    ):
        assert expected in found


def test_a_foreign_truth_is_found(root: Path) -> None:
    truth = TRUTHS[Issue.OFF_TOPIC]
    flipped = GroundTruth.of(Issue.OFF_TOPIC, IDS, truth.items, ~truth.labels, kind="synthetic")
    write_truth(only(root).truth(Issue.OFF_TOPIC), flipped, IDS)
    found = differences(root)
    assert f"off_topic.parquet: its revision is {flipped.revision[:12]}, that of the records" in found
    assert "faulty is" in found


def test_the_revision_of_the_set_is_recomputed_where_all_truths_are_there(tmp_path: Path) -> None:
    whole = digest_of([TRUTHS[issue].revision for issue in Issue])
    make_run(tmp_path / "runs", issues=tuple(Issue), revision=whole)
    make_run(tmp_path / "others", issues=tuple(Issue), revision="a" * 64)
    merge(tmp_path / "runs", tmp_path / "boards")
    assert not check(tmp_path / "boards").differences
    merge(tmp_path / "others", tmp_path / "wrong")
    assert "not that of its three truths" in differences(tmp_path / "wrong")


def test_records_in_another_order_or_twice_or_damaged_are_found(root: Path) -> None:
    path = only(root).records_file
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(reversed(lines)))
    assert "not as a merge writes it" in differences(root)
    path.write_text("".join([lines[0], *lines]))
    assert "1 records that others replace" in differences(root)
    path.write_text("".join([*lines[:-1], lines[-1][:-20]]))
    assert f"line {len(lines)}: not valid JSON" in differences(root)
    path.write_text("")
    assert "no records" in differences(root)


def test_a_record_in_the_wrong_folder_is_found(root: Path) -> None:
    path = only(root).records_file
    content = [json.loads(line) for line in path.read_text().splitlines()]
    content[1]["dataset"] = "other"
    content[2]["fingerprint"] = "0" * 64
    path.write_text("".join(json.dumps(line) + "\n" for line in content))
    found = differences(root)
    assert f"line 2: the record belongs to other/{REVISION[:8]}" in found
    assert "line 3: its data have the fingerprint 000000000000" in found


# The command line


def command(*words: str) -> tuple[int, str, str]:
    ran = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def test_the_command_line_tells_success_defects_and_mistakes_apart(runs: Path, tmp_path: Path) -> None:
    board = tmp_path / "boards"
    assert command(f"output={runs}", f"board={board}")[0] == 0
    code, said, _ = command(f"board={board}", "--check")
    assert (code, said.count("\n")) == (0, 1)
    edit_run(make_run(runs, "broken"), coverage=0.5)
    code, said, _ = command(f"output={runs}", f"board={board}")
    assert (code, said.count("refused: ")) == (1, 2)
    (board / "README.md").unlink()
    code, said, _ = command(f"board={board}", "--check")
    assert (code, "README.md: missing" in said) == (1, True)
    code, said, complaint = command("outptu=runs")
    assert (code, said) == (2, "")
    assert "Did you mean 'output='?" in complaint
    code, _, complaint = command(f"output={tmp_path / 'none'}", f"board={board}")
    assert (code, complaint.count("\n")) == (2, 1)
    code, said, _ = command("--help")
    assert code == 0
    assert "board=leaderboards" in said


@dataclass(frozen=True)
class Options:
    """Do something.

    More about it.

    Attributes:
        issue: What to look at,
            over two lines.
        depth: How far.
        name: Whose.
        quiet: Say nothing.
    """

    issue: Issue
    depth: int = 3
    name: str | None = None
    quiet: bool = False


def test_options_are_read_by_their_type() -> None:
    assert grammar.fill(Options, ["issue=off_topic"]) == Options(Issue.OFF_TOPIC)
    words = ["issue=label_error", "depth=5", "name=a=b", "--quiet"]
    assert grammar.fill(Options, words) == Options(Issue.LABEL_ERROR, 5, "a=b", True)
    assert grammar.fill(Options, ["issue=off_topic", "name=null", "quiet=false"]) == Options(Issue.OFF_TOPIC)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no value for issue; give issue=…"),
        (["issue=of_topic"], "Did you mean 'off_topic'?"),
        (["depth=deep"], "depth=deep: expected a value of type int"),
        (["depth="], "depth= has no value"),
        (["depth=1", "depth=2"], "depth is given twice"),
        (["quiet=yes"], "expected true or false"),
        (["--depth=1"], "Did you mean 'depth='?"),
        (["dept"], "Available: issue=, depth=, name=, --quiet, --help"),
    ],
)
def test_mistakes_in_options_are_explained(words: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        grammar.fill(Options, words)
    assert message in str(caught.value)


def test_the_help_comes_from_the_docstring() -> None:
    lines = grammar.help_of("python -m cleanbench.something", Options).splitlines()
    assert lines[:3] == ["usage: python -m cleanbench.something [key=value ...] [--flag ...]", "", "Do something."]
    assert [" ".join(line.split()) for line in lines[4:]] == [
        "issue=… What to look at, over two lines.",
        "depth=3 How far.",
        "name=null Whose.",
        "--quiet Say nothing.",
        "--help Show this and exit.",
    ]
