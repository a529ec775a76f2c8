"""What a ranking and a truth say by themselves: the numbers of a record, computed again from files of ids."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cleanbench.audit.cuts import Cut, measured
from cleanbench.core import Bools, Floats, GroundTruth, Issue, UserError
from cleanbench.metrics import Value, evaluate
from cleanbench.rankings import align, read_flags, read_table
from cleanbench.records import Measured, Record

# Numbers pass through JSON without loss; the rest is room for another order of summation in another build of numpy.
TOLERANCE = 1e-12
# Ends of intervals come from scipy's special functions, which differ more from build to build.
INTERVAL_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Judgements:
    """A truth by ids, without its data set.

    Attributes:
        items: The judged images or pairs.
        labels: True for faulty, shape ``(L,)``.
        revision: As in `GroundTruth`.
    """

    items: list[tuple[str, ...]]
    labels: Bools
    revision: str


@dataclass(frozen=True)
class Scored:
    """What a ranking is worth against a truth.

    Attributes:
        ranked: Items in the ranking.
        items: Annotated items.
        faulty: How many of them are faulty.
        coverage: Share of the annotated items that the ranking scores.
        metrics: By name.
        cut: What the method's own flags are worth; None if the ranking has none.
    """

    ranked: int
    items: int
    faulty: int
    coverage: float
    metrics: dict[str, Value]
    cut: Cut | None = None


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
    return Judgements(ordered, truth.labels, truth.revision)


def score(path: Path, issue: Issue, truth: Judgements) -> Scored:
    """Score a ranking as a run would.

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
    return Scored(
        ranked=len(rows),
        items=len(truth.labels),
        faulty=int(np.count_nonzero(truth.labels)),
        coverage=float(np.isfinite(asked).mean()) if len(asked) else 1.0,
        metrics=evaluate(truth.labels, asked),
        cut=_cut(path, issue, truth),
    )


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


def cut_differences(record: Record, scored: Scored) -> list[str]:
    """Say what a record says of the method's own cut that its ranking and the truth do not."""
    if record.cut is None or scored.cut is None:
        if record.cut is None and scored.cut is None:
            return []
        with_cut, without = ("ranking", "record") if record.cut is None else ("record", "ranking")
        return [f"the {with_cut} has the method's own cut, the {without} has none"]
    differences = []
    if record.cut.flagged != scored.cut.flagged:
        differences.append(f"flagged is {record.cut.flagged} in the record, {scored.cut.flagged} by ranking and truth")
    for name, value in measured(scored.cut, record.issue).items():
        stated = getattr(record.cut, name)
        if not _agrees(stated, Value(value.value, value.reason)):
            differences.append(f"the cut's {name} is {_shown(stated)} in the record, {_shown(value)} by its flags")
        elif any(_apart(getattr(stated, end), getattr(value, end)) for end in ("low", "high")):
            differences.append(
                f"the interval of the cut's {name} is {stated.low} to {stated.high} in the record, {value.low} to "
                f"{value.high} by its flags"
            )
    return differences


def _cut(path: Path, issue: Issue, truth: Judgements) -> Cut | None:
    found = read_flags(path, issue)
    if found is None:
        return None
    rows, flags = found
    return Cut.of(truth.labels, align(truth.items, rows, flags.astype(np.float64)) > 0)


def _agrees(stated: Measured, value: Value) -> bool:
    if stated.value is None or value.value is None:
        return stated.value == value.value and stated.reason == value.reason
    return abs(stated.value - value.value) <= TOLERANCE and stated.reason is None


def _apart(stated: float | None, value: float | None) -> bool:
    if stated is None or value is None:
        return stated is not value
    return abs(stated - value) > INTERVAL_TOLERANCE


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
