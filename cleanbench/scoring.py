"""What a ranking is worth against a truth: metrics with intervals, the same wherever a ranking is scored."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cleanbench.core import Bools, Floats, Ints
from cleanbench.metrics import evaluate
from cleanbench.records import Measured, Record, Resampled
from cleanbench.sampled import Sampled
from cleanbench.uncertainty.intervals import intervals, weak
from cleanbench.uncertainty.replicates import REPLICATES, Replicates, replicate
from cleanbench.uncertainty.resampling import Resampling


@dataclass(frozen=True, eq=False)
class Scored:
    """What a ranking is worth.

    Attributes:
        items: Annotated items.
        faulty: How many of them are faulty.
        coverage: Share of the annotated items that the ranking scores.
        metrics: By name, with intervals.
        drawn: What the intervals drew again; None where there are none.
        replicates: Of the metrics; None where these are estimates, or none were asked for.
        notes: What a record says where only a sample was judged.
    """

    items: int
    faulty: int
    coverage: float
    metrics: dict[str, Measured]
    drawn: Resampled | None
    replicates: Replicates | None
    notes: Mapping[str, str | int | float] = field(default_factory=dict)


def score(items: Ints, labels: Bools, scores: Floats, count: int = REPLICATES) -> Scored:
    """Score annotated items.

    Two rankings of one truth, its items in one order, get the same replicates and can be compared by them.

    Args:
        items: Images, shape ``(M,)``, or pairs of them, shape ``(M, 2)``, by any numbers.
        labels: True for faulty, shape ``(M,)``.
        scores: Higher is more suspicious, ``-inf`` for what was not retrieved, shape ``(M,)``.
        count: Replicates; the default is that of records. With 0 there are no intervals, which are what costs.
    """
    resampling = Resampling.of(items)
    values = evaluate(labels, scores)
    replicates = replicate(labels, scores, resampling, count=count) if count else None
    found = {} if replicates is None else intervals(labels, scores, values, resampling, replicates)
    metrics = {}
    for name, each in values.items():
        ends = found.get(name)
        low, high = (None, None) if ends is None else (ends.low, ends.high)
        metrics[name] = Measured(value=each.value, low=low, high=high, reason=each.reason)
    return Scored(
        items=len(labels),
        faulty=int(np.count_nonzero(labels)),
        coverage=float(np.isfinite(scores).mean()) if len(scores) else 1.0,
        metrics=metrics,
        drawn=Resampled(unit=resampling.unit, units=resampling.units) if found else None,
        replicates=replicates,
    )


def estimated(labels: Bools, scores: Floats, found: Sampled) -> Scored:
    """Return what a ranking is worth where only a sample of the items was judged: estimates, their errors in the notes.

    Args:
        labels: Of the judged items, True for faulty, shape ``(M,)``.
        scores: Of the judged items, shape ``(M,)``.
        found: The estimates.
    """
    return Scored(
        items=len(labels),
        faulty=int(np.count_nonzero(labels)),
        coverage=float(np.isfinite(scores).mean()) if len(scores) else 1.0,
        metrics={name: Measured(value=each.value, reason=each.reason) for name, each in found.metrics.items()},
        drawn=None,
        replicates=None,
        notes=found.notes,
    )


def weakness(record: Record, name: str = "AP") -> str:
    """Say why the interval of a metric in a record is rough; empty where it has none, or where it is not."""
    if record.resampled is None:
        return ""
    images = record.resampled.units if record.resampled.unit == "images" else None
    return weak(name, record.faulty, record.items, images, record.metrics[name].value)
