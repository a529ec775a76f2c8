"""Runs on image sets made in memory, finished without running anything, for tests of reports."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cleanbench.core import GroundTruth, Issue, Ranking, digest_of
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Encoded, Images
from cleanbench.rankings import align, write_ranking, write_truth
from cleanbench.records import Cost, Record, RunFile, Seeds, Terms, TruthName, write_run
from cleanbench.scoring import score

ATTACKS = (
    "<script>document.title = 'attacked'</script>",
    '"><img src=x onerror="document.title = \'attacked\'">',
    "a&amp;b <!-- ]]> 'quoted' {brace} $dollar$ ☃",
)


def image_set(
    count: int = 40,
    names: Sequence[str] = (),
    *,
    broken: Sequence[int] = (),
    pairs: int = 0,
    name: str = "small",
    seed: int = 0,
    redistributable: bool = False,
    doubt: bool = False,
) -> ImageSet:
    """Return a set with truths of all issues, a third of the items faulty, and not all of them judged.

    Args:
        count: Images.
        names: The first ids; the others are made.
        broken: Images that cannot be read.
        pairs: Judged pairs; by default twice as many as images.
        name: Of the set.
        seed: Of pixels and truths.
        redistributable: As the card says.
        doubt: Whether truths have probabilities.
    """
    rng = np.random.default_rng(seed)
    ids = tuple(sorted([*names, *(f"image{number:05d}" for number in range(count - len(names)))]))
    files = []
    for number in range(count):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)).save(buffer, "PNG")
        files.append(b"" if number in broken else buffer.getvalue())
    judged = np.flatnonzero(rng.random(count) < 0.8)
    ends = np.sort(rng.integers(0, count, (4 * (pairs or 2 * count), 2)), axis=1)
    ends = np.unique(ends[ends[:, 0] < ends[:, 1]], axis=0)
    ends = rng.permutation(ends)[: pairs or 2 * count]
    items = {Issue.OFF_TOPIC: judged, Issue.NEAR_DUPLICATE: ends, Issue.LABEL_ERROR: np.arange(count)}
    truths = {
        (issue, "default"): GroundTruth.of(
            issue,
            ids,
            own,
            rng.random(len(own)) < 0.3,
            kind="synthetic",
            probability=rng.random(len(own)) if doubt else None,
        )
        for issue, own in items.items()
    }
    return ImageSet(
        name,
        ids,
        Images(Encoded(tuple(files))),
        labels=rng.integers(0, 3, count),
        classes=("<b>bold</b>", "cat", "dog"),
        attributes={"source": np.where(rng.random(count) < 0.5, "<i>here</i>", "there").astype(object)},
        truths=truths,
        card=Card("noise <b>", "secret & <b>", redistributable=redistributable),
    )


def finish(
    output: Path,
    images: ImageSet,
    method: str = "mine",
    *,
    quality: float = 1.0,
    ties: bool = False,
    seed: int = 0,
    issues: Sequence[Issue] = tuple(Issue),
    changed: Mapping[str, object] | None = None,
    minute: int = 0,
    **others: object,
) -> Path:
    """Write a run folder as a run does and return it.

    Args:
        output: Where folders of data sets go.
        images: What it ran on.
        method: Its name.
        quality: How much higher the scores of faulty items are, in standard deviations.
        ties: Whether scores are whole numbers.
        seed: Of the method.
        issues: What it ranks.
        changed: Settings that differ from the defaults.
        minute: When.
        others: Fields of the records that are to be otherwise.
    """
    key = digest_of([method, str(seed), str(changed)])
    rng = np.random.default_rng(int(key[:8], 16))
    folder = output / images.name / f"{digest_of([method])[:6]}-none-{seed}-{key[:12]}"
    records = []
    for issue in issues:
        truth = images.truth(issue)
        items = truth.items if issue.ranks_pairs else np.arange(len(images))
        asked = [tuple(np.atleast_1d(item).tolist()) for item in truth.items]
        known = [tuple(np.atleast_1d(item).tolist()) for item in items]
        faulty = align(asked, asked, truth.labels.astype(float))
        by_item = dict(zip(asked, faulty, strict=True))
        scores = rng.normal(size=len(items)) + quality * np.array([by_item.get(item, 0.0) for item in known])
        if ties:
            scores = np.round(scores)
        write_ranking(folder / "rankings" / f"{issue}.parquet", Ranking(issue, items, scores), images.ids)
        write_truth(folder.parent / "truth" / images.truth_revision[:8] / f"{issue}.parquet", truth, images.ids)
        found = score(truth.items, truth.labels, align(asked, known, scores), 200)
        record = Record(
            method=method,
            issue=issue,
            dataset=images.name,
            encoder=None,
            items=found.items,
            faulty=found.faulty,
            metrics=found.metrics,
            resampled=found.drawn,
            settings=dict(changed or {}),
            changed=dict(changed or {}),
            fingerprint=images.fingerprint,
            images=len(images),
            unreadable=0,
            coverage=found.coverage,
            truth=TruthName.of(truth, images.truth_revision),
            terms=Terms.of(images.card),
            encoder_detail=None,
            supervised=False,
            seeds=Seeds(dataset=0, encoder=None, method=seed),
            cost=Cost(cpu_seconds=1.25, wall_seconds=1.5, fit_cpu_seconds=0.5, peak_mib=200.4, base_mib=90),
            key=key,
            versions={"cleanbench": "0.1.0"},
            created=f"2025-01-01T00:{minute:02d}:00+00:00",
        )
        records.append(record.model_copy(update=others))
    write_run(folder / "record.json", RunFile(records=tuple(records), not_ranked={}, complete=True))
    return folder
