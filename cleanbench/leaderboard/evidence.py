"""What a ranking and a truth say by themselves: the numbers of a record, computed again from files of ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cleanbench.core import Bools, Floats, GroundTruth, Issue, UserError
from cleanbench.estimates import Places, Sample
from cleanbench.metrics import Value, evaluate
from cleanbench.queues import queued_places, read_queue
from cleanbench.rankings import align, read_table
from cleanbench.records import Measured, Record
from cleanbench.sampled import Sampled

# Numbers pass through JSON without loss; the rest is room for another order of summation in another build of numpy.
TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Judgements:
    """A truth by ids, without its data set.

    Attributes:
        items: The judged images or pairs.
        labels: True for faulty, shape ``(L,)``.
        revision: As in `GroundTruth`.
        probability: As in `GroundTruth`.
        inclusion: As in `GroundTruth`.
    """

    items: list[tuple[str, ...]]
    labels: Bools
    revision: str
    probability: Floats | None = None
    inclusion: Floats | None = None


@dataclass(frozen=True)
class Scored:
    """What a ranking is worth against a truth.

    Attributes:
        ranked: Items in the ranking.
        items: Annotated items.
        faulty: How many of them are faulty.
        coverage: Share of the annotated items that the ranking scores.
        metrics: By name.
        notes: What a record says where only a sample was judged.
    """

    ranked: int
    items: int
    faulty: int
    coverage: float
    metrics: dict[str, Value]
    notes: Mapping[str, str | int | float] = field(default_factory=dict)


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
    return Judgements(ordered, truth.labels, truth.revision, truth.probability, truth.inclusion)


def score(path: Path, issue: Issue, truth: Judgements, images: int | None = None) -> Scored:
    """Score a ranking as a run would.

    Args:
        path: The ranking.
        issue: What it ranks.
        truth: The judgements.
        images: In the data set; needed only where a sample of pairs was judged.

    Raises:
        UserError: If the file is missing or damaged, ranks an item twice or has a score that is no finite number
            and not ``-inf``.
    """
    rows, scores = _read(path, issue, "score")
    if len(set(rows)) < len(rows):
        raise UserError(f"{path} ranks {len(rows) - len(set(rows))} items twice")
    if bad := int(np.count_nonzero(np.isnan(scores) | np.isposinf(scores))):
        raise UserError(f"{path} has {bad} scores that are NaN or +inf")
    asked: npt.NDArray[np.float64] = align(truth.items, rows, scores)
    if truth.inclusion is None:
        sampled = Sampled(evaluate(truth.labels, asked), {})
    else:
        sampled = _estimated(path, issue, truth, asked, scores, images)
    return Scored(
        ranked=len(rows),
        items=len(truth.labels),
        faulty=int(np.count_nonzero(truth.labels)),
        coverage=float(np.isfinite(asked).mean()) if len(asked) else 1.0,
        metrics=sampled.metrics,
        notes=sampled.notes,
    )


def _estimated(
    path: Path, issue: Issue, truth: Judgements, asked: Floats, scores: Floats, images: int | None
) -> Sampled:
    assert truth.inclusion is not None
    sample = Sample(truth.labels, truth.inclusion)
    if not issue.ranks_pairs:
        return Sampled.by(sample, asked, Places.among(asked, scores))
    queue = None if images is None else read_queue(path)
    return Sampled.by(sample, asked, queued_places(queue, truth.items, asked, sample, images or 0))


def count_differences(record: Record, scored: Scored) -> list[str]:
    """Say which counts of a record are not those of its ranking and truth."""
    differences = [
        f"{name} is {getattr(record, name)} in the record, {getattr(scored, name)} by ranking and truth"
        for name in ("items", "faulty", "coverage")
        if abs(getattr(record, name) - getattr(scored, name)) > TOLERANCE
    ]
    if not record.issue.ranks_pairs and scored.ranked > record.images:
        differences.append(f"the ranking has {scored.ranked} images, the record's data set only {record.images}")
    return differences


def metric_differences(record: Record, scored: Scored) -> list[str]:
    """Say which metrics of a record are not those of its ranking and truth, in the order of the metrics."""
    differences = []
    for name, value in scored.metrics.items():
        stated = record.metrics.get(name)
        if stated is None:
            differences.append(f"the record lacks {name}, {_shown(value)} by ranking and truth")
        elif not _agrees(stated, value):
            differences.append(f"{name} is {_shown(stated)} in the record, {_shown(value)} by ranking and truth")
        elif stated.low is not None or stated.high is not None:
            differences.append(f"{name} has an interval in the record; this version computes none")
    unknown = [name for name in record.metrics if name not in scored.metrics]
    return differences + [f"the record has {name}, which this version cannot compute" for name in unknown]


def _agrees(stated: Measured, value: Value) -> bool:
    if stated.value is None or value.value is None:
        return stated.value == value.value and stated.reason == value.reason
    return abs(stated.value - value.value) <= TOLERANCE and stated.reason is None


def _shown(value: Value | Measured) -> str:
    return f"undefined ({value.reason})" if value.value is None else repr(value.value)


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
