"""Records where only a random sample of the items was judged: their numbers are estimates, and say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from cleanbench.core import Floats, GroundTruth, Ranking
from cleanbench.estimates import Estimate, Places, Sample, estimates
from cleanbench.metrics import METRICS, Value
from cleanbench.queues import Queue, queued_places
from cleanbench.records import Record

SAMPLED = "sampled"  # the note of such a record
ITEMS, FAULTY, ERROR = "estimated items", "estimated faulty", "standard error of"
BEYOND = "unbounded estimate of"  # the note of an estimate that is recorded at the bound of its metric
STRAY = 1e-9  # beyond a bound: no more than rounding


@dataclass(frozen=True)
class Sampled:
    """What a record says where only a sample of the items was judged.

    Attributes:
        metrics: Estimates by name, or the reasons why there are none. An estimate beyond what its metric can be, which
            a small sample may give, is set to the bound: over many samples it is then a little too low (or high).
        notes: That they are estimates, for how many items, their standard errors, and what they were where they are
            set to a bound.
    """

    metrics: dict[str, Value]
    notes: dict[str, str | int | float]

    @classmethod
    def of(cls, truth: GroundTruth, scores: Floats, ranking: Ranking, queue: Queue | None, ids: Sequence[str]) -> Self:
        """Estimate the metrics of a ranking.

        Args:
            truth: The sample; its inclusion probabilities are known.
            scores: Of the items of the truth, shape ``(L,)``.
            ranking: All that was ranked.
            queue: The most suspicious of all pairs, if pairs are ranked and it is known.
            ids: All ids.
        """
        assert truth.inclusion is not None
        sample = Sample(truth.labels, truth.inclusion)
        if truth.issue.ranks_pairs:
            named = [(ids[first], ids[second]) for first, second in truth.items.tolist()]
            return cls.by(sample, scores, queued_places(queue, named, scores, sample, len(ids)))
        return cls.by(sample, scores, Places.among(scores, ranking.scores))

    @classmethod
    def by(cls, sample: Sample, scores: Floats, places: Places | None) -> Self:
        """Estimate the metrics by the places of the judged items among all; None if those are not known."""
        found = dict(estimates(sample, scores, places))
        metrics = {name: _value(name, estimate) for name, estimate in found.items()}
        notes: dict[str, str | int | float] = {SAMPLED: f"estimated from a sample of {len(sample.labels):,} items"}
        if not all(isinstance(estimate, str) for estimate in found.values()):
            faulty = sample.total(sample.labels.astype(np.float64))
            items = float(places.items if places is not None else sample.items)
            notes |= {
                ITEMS: round(items),
                FAULTY: round(faulty.value, 1),
                f"{ERROR} faulty": round(faulty.standard_error, 1),
            }
        for name in ("AP", "AUROC", "P@100"):
            estimate = found[name]
            if isinstance(estimate, Estimate):
                notes[f"{ERROR} {name}"] = round(estimate.standard_error, 4)
        for name, estimate in found.items():
            if isinstance(estimate, Estimate) and abs(estimate.value - _bounded(name, estimate.value)) > STRAY:
                notes[f"{BEYOND} {name}"] = round(estimate.value, 4)
        return cls(metrics, notes)


def _value(name: str, estimate: Estimate | str) -> Value:
    return Value(None, estimate) if isinstance(estimate, str) else Value(_bounded(name, estimate.value))


def _bounded(name: str, value: float) -> float:
    lowest, highest = METRICS[name].span
    return min(max(value, lowest), highest)


def needs_queue(record: Record) -> bool:
    """Return whether the numbers of a record rest on its queue: estimates for all pairs from a sample of them."""
    return record.issue.ranks_pairs and SAMPLED in record.notes


def population(record: Record) -> tuple[int, int]:
    """Return how many items are faulty and how many there are: those that were judged, or what a sample stands for.

    Both are 0 for a sample that stands for nothing known: no metric then has a value by chance.
    """
    if SAMPLED in record.notes and ITEMS not in record.notes:
        return 0, 0
    if ITEMS not in record.notes:
        return record.faulty, record.items
    items = int(record.notes[ITEMS])
    return min(max(round(float(record.notes[FAULTY])), 0), items), items


def in_words(record: Record) -> str:
    """Say that the numbers of a record are estimates, or why there are none; empty if all that counts was judged."""
    noun = "pairs" if record.issue.ranks_pairs else "images"
    if ITEMS not in record.notes:
        if SAMPLED not in record.notes:
            return ""
        return f"nothing can be estimated from the sample of {record.items:,} judged {noun}"
    items, faulty, error = (float(record.notes[name]) for name in (ITEMS, FAULTY, f"{ERROR} faulty"))
    # Where every faulty item is in the sample with certainty, nothing about their number is estimated.
    counted = f"about {faulty} ± {error} of" if error or faulty % 1 else f"{faulty:,.0f} of"
    judged = "" if record.truth is not None and record.truth.presumed else "judged "
    return (
        f"{counted} {items:,.0f} {noun} are faulty: all numbers are estimates from a sample of "
        f"{record.items:,} {judged}{noun}, drawn with known probabilities"
    )


def error_of(record: Record, name: str) -> float | None:
    """Return the standard error of an estimated metric; None where it is no estimate, or its error was not kept."""
    error = record.notes.get(f"{ERROR} {name}")
    return None if error is None else float(error)


def doubts_of(record: Record) -> list[str]:
    """Say why nothing could be estimated from a sample, or which estimates a small one drove out of bounds."""
    if SAMPLED not in record.notes:
        return []
    if ITEMS not in record.notes:
        return list(dict.fromkeys(each.reason for each in record.metrics.values() if each.reason))[:1]
    beyond = ", ".join(
        f"{name} {record.notes[f'{BEYOND} {name}']} as {value.value:g}"
        for name, value in record.metrics.items()
        if f"{BEYOND} {name}" in record.notes and value.value is not None
    )
    told = "estimates beyond what a metric can be, as a small sample may give, are shown at its bound"
    return [f"{told}: {beyond}"] if beyond else []
