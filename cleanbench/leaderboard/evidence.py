"""What a ranking and a truth say by themselves: the numbers of a record, computed again from files of ids."""

import heapq
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleanbench import scoring
from cleanbench.audit.cuts import Cut, measured
from cleanbench.core import Bools, Floats, GroundTruth, Ints, Issue, UserError
from cleanbench.estimates import Places, Sample
from cleanbench.leaderboard.curves import Curve, curve_of
from cleanbench.metrics import Levels
from cleanbench.queues import queued_places, read_queue
from cleanbench.rankings import align, read_flags, read_table
from cleanbench.records import Measured, Record, Resampled
from cleanbench.sampled import Sampled
from cleanbench.uncertainty.replicates import REPLICATES

# Numbers pass through JSON without loss; the rest is room for another order of summation in another build of numpy.
TOLERANCE = 1e-12
# Replicates are the same everywhere; logarithms may differ in the last digit, which the logit near a bound enlarges.
INTERVAL_TOLERANCE = 1e-6
# Items of a ranking that its page shows.
TOP = 8


@dataclass(frozen=True, eq=False)
class Judgements:
    """A truth by ids, without its data set.

    Attributes:
        items: The judged images or pairs.
        positions: The same as positions among the sorted ids that occur, shape ``(L,)`` or ``(L, 2)``.
        labels: True for faulty, shape ``(L,)``.
        revision: As in `GroundTruth`.
        probability: As in `GroundTruth`.
        inclusion: As in `GroundTruth`.
    """

    items: list[tuple[str, ...]]
    positions: Ints
    labels: Bools
    revision: str
    probability: Floats | None = None
    inclusion: Floats | None = None


def read_truth(path: Path, issue: Issue) -> Judgements:
    """Read judgements and compute their revision.

    Raises:
        UserError: If the file is missing or damaged, or holds no judgements that a `GroundTruth` takes.
    """
    import pyarrow.parquet

    rows, labels = _read(path, issue, "label")
    columns = pyarrow.parquet.read_schema(path).names
    probability, inclusion = (
        _read(path, issue, name)[1] if name in columns else None for name in ("probability", "inclusion")
    )
    # The revision depends on the order of the ids, not on the images between them that are not judged.
    ids = sorted({part for row in rows for part in row})
    positions = {part: position for position, part in enumerate(ids)}
    located = np.array([[positions[part] for part in row] for row in rows], dtype=np.int64)
    items = located if issue.ranks_pairs else located.reshape(-1)
    try:
        truth = GroundTruth.of(issue, ids, items, labels, probability=probability, inclusion=inclusion)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    ordered = [tuple(ids[position] for position in np.atleast_1d(item)) for item in truth.items]
    return Judgements(ordered, truth.items, truth.labels, truth.revision, truth.probability, truth.inclusion)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a ranking is worth against a truth.

    Attributes:
        ranked: Items in the ranking.
        scored: The annotated ones among them.
        cut: What the method's own flags are worth; None if the ranking has none.
    """

    ranked: int
    scored: scoring.Scored
    cut: Cut | None = None


def score(path: Path, issue: Issue, truth: Judgements, images: int | None = None, count: int = REPLICATES) -> Evidence:
    """Score a ranking as a run would.

    Args:
        path: The ranking.
        issue: What it ranks.
        truth: The judgements.
        images: In the data set; needed only where a sample of pairs was judged.
        count: Replicates of the intervals, as `scoring.score` takes them.

    Raises:
        UserError: If the file is missing or damaged, ranks an item twice or has a score that is no finite number
            and not ``-inf``.
    """
    rows, scores = read_scores(path, issue)
    asked = align(truth.items, rows, scores)
    if truth.inclusion is None:
        scored = scoring.score(truth.positions, truth.labels, asked, count)
    else:
        scored = scoring.estimated(truth.labels, asked, _estimated(path, issue, truth, asked, scores, images))
    return Evidence(len(rows), scored, _cut(path, issue, truth))


def _estimated(
    path: Path, issue: Issue, truth: Judgements, asked: Floats, scores: Floats, images: int | None
) -> Sampled:
    """Estimate metrics from a sample of the items, as a run does."""
    assert truth.inclusion is not None
    sample = Sample(truth.labels, truth.inclusion)
    if not issue.ranks_pairs:
        return Sampled.by(sample, asked, Places.among(asked, scores))
    queue = None if images is None else read_queue(path)
    return Sampled.by(sample, asked, queued_places(queue, truth.items, asked, sample, images or 0))


@dataclass(frozen=True)
class Suspect:
    """An item near the top of a ranking.

    Attributes:
        ids: Of the image, or of both images of a pair.
        score: By the method, higher is more suspicious.
        faulty: Whether it was judged to be faulty; None where it was not judged.
    """

    ids: tuple[str, ...]
    score: float
    faulty: bool | None


@dataclass(frozen=True, eq=False)
class Look:
    """What a page shows of a ranking.

    Attributes:
        curve: How many faults it finds after how many annotated items; None where these are only a sample, whose
            curve is not that of all items.
        top: Its most suspicious items.
    """

    curve: Curve | None
    top: tuple[Suspect, ...]


def look(path: Path, issue: Issue, truth: Judgements) -> Look:
    """Read what a page shows of a ranking.

    Raises:
        UserError: As `score`.
    """
    rows, scores = read_scores(path, issue)
    known = dict(zip(truth.items, truth.labels.tolist(), strict=True))
    # Ids decide among equal scores, so that the same ranking always shows the same items.
    first = heapq.nsmallest(TOP, zip((-scores).tolist(), rows, strict=True))
    top = tuple(Suspect(row, -score, known.get(row)) for score, row in first if np.isfinite(score))
    sampled = truth.inclusion is not None
    return Look(None if sampled else curve_of(Levels.of(truth.labels, align(truth.items, rows, scores))), top)


def count_differences(record: Record, evidence: Evidence) -> list[str]:
    """Say which counts of a record are not those of its ranking and truth."""
    scored = evidence.scored
    differences = [
        f"{name} is {getattr(record, name)} in the record, {getattr(scored, name)} by ranking and truth"
        for name in ("items", "faulty", "coverage")
        if abs(getattr(record, name) - getattr(scored, name)) > TOLERANCE
    ]
    if not record.issue.ranks_pairs and evidence.ranked > record.images:
        differences.append(f"the ranking has {evidence.ranked} images, the record's data set only {record.images}")
    return differences


def value_differences(record: Record, evidence: Evidence) -> list[str]:
    """Say which values of metrics are not those of ranking and truth, of the metrics that both have, intervals aside.

    Cheaper than `metric_differences`, and lenient to records of versions with other metrics.
    """
    differences = []
    for name, value in evidence.scored.metrics.items():
        stated = record.metrics.get(name)
        if stated is None:
            continue
        if stated.value is None or value.value is None:
            same = stated.value == value.value
        else:
            same = abs(stated.value - value.value) <= TOLERANCE
        if not same:
            differences.append(f"{name} is {_shown(stated)} in the record, {_shown(value)} by ranking and truth")
    return differences


def metric_differences(record: Record, evidence: Evidence) -> list[str]:
    """Say which metrics of a record are not those of its ranking and truth, in the order of the metrics.

    Intervals are compared in records that say what these draw again; earlier ones have none.
    """
    differences, metrics = [], evidence.scored.metrics
    for name, value in metrics.items():
        stated = record.metrics.get(name)
        if stated is None:
            differences.append(f"the record lacks {name}, {_shown(value)} by ranking and truth")
        elif not _agrees(stated, value):
            differences.append(f"{name} is {_shown(stated)} in the record, {_shown(value)} by ranking and truth")
        elif record.resampled is None:
            if stated.low is not None or stated.high is not None:
                differences.append(f"{name} has an interval in the record, which does not say what it draws again")
        elif not (_near(stated.low, value.low) and _near(stated.high, value.high)):
            differences.append(
                f"the interval of {name} is {_interval(stated)} in the record, {_interval(value)} by ranking and truth"
            )
    if record.resampled not in (None, drawn := evidence.scored.drawn):
        differences.append(f"the intervals draw {_drawn(record.resampled)} in the record, {_drawn(drawn)} by the truth")
    unknown = [name for name in record.metrics if name not in metrics]
    return differences + [f"the record has {name}, which this version cannot compute" for name in unknown]


def cut_differences(record: Record, evidence: Evidence) -> list[str]:
    """Say what a record says of the method's own cut that its ranking and the truth do not."""
    if record.cut is None or evidence.cut is None:
        if record.cut is None and evidence.cut is None:
            return []
        with_cut, without = ("ranking", "record") if record.cut is None else ("record", "ranking")
        return [f"the {with_cut} has the method's own cut, the {without} has none"]
    differences, flagged = [], evidence.cut.flagged
    if record.cut.flagged != flagged:
        differences.append(f"flagged is {record.cut.flagged} in the record, {flagged} by ranking and truth")
    for name, value in measured(evidence.cut, record.issue).items():
        stated = getattr(record.cut, name)
        if not _agrees(stated, value):
            differences.append(f"the cut's {name} is {_shown(stated)} in the record, {_shown(value)} by its flags")
        elif not (_near(stated.low, value.low) and _near(stated.high, value.high)):
            differences.append(
                f"the interval of the cut's {name} is {_interval(stated)} in the record, "
                f"{_interval(value)} by its flags"
            )
    return differences


def _cut(path: Path, issue: Issue, truth: Judgements) -> Cut | None:
    found = read_flags(path, issue)
    if found is None:
        return None
    rows, flags = found
    return Cut.of(truth.labels, align(truth.items, rows, flags.astype(np.float64)) > 0)


def read_scores(path: Path, issue: Issue) -> tuple[list[tuple[str, ...]], Floats]:
    """Return the items of a ranking and their scores.

    Raises:
        UserError: As `score`.
    """
    rows, scores = _read(path, issue, "score")
    if len(set(rows)) < len(rows):
        raise UserError(f"{path} ranks {len(rows) - len(set(rows))} items twice")
    if bad := int(np.count_nonzero(np.isnan(scores) | np.isposinf(scores))):
        raise UserError(f"{path} has {bad} scores that are NaN or +inf")
    return rows, scores


def _agrees(stated: Measured, value: Measured) -> bool:
    if stated.value is None or value.value is None:
        return stated.value == value.value and stated.reason == value.reason
    return abs(stated.value - value.value) <= TOLERANCE and stated.reason is None


def _near(stated: float | None, end: float | None) -> bool:
    if stated is None or end is None:
        return stated is end
    return abs(stated - end) <= INTERVAL_TOLERANCE * max(1.0, abs(end))


def _shown(value: Measured) -> str:
    return f"undefined ({value.reason})" if value.value is None else repr(value.value)


def _drawn(resampled: Resampled | None) -> str:
    return "nothing" if resampled is None else f"{resampled.units} {resampled.unit}"


def _interval(value: Measured) -> str:
    return "missing" if value.low is None or value.high is None else f"{value.low!r} to {value.high!r}"


def _read(path: Path, issue: Issue, column: str) -> tuple[list[tuple[str, ...]], Floats]:
    """Read ids and numbers."""
    try:
        rows, values = read_table(path, issue, column)
    except TypeError as error:  # ids of several types have no order
        raise UserError(f"{path} has ids that are no text") from error
    if not all(isinstance(part, str) for row in rows for part in row):
        raise UserError(f"{path} has ids that are no text")
    try:
        return rows, values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path} has a column {column} that holds no numbers") from error
