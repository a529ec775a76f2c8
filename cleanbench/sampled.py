"""Records where only a random sample of the items was judged: their numbers are estimates, and say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from cleanbench.core import Floats, GroundTruth, Ranking
from cleanbench.estimates import Estimate, Places, Sample, estimates
from cleanbench.metrics import Value
from cleanbench.queues import Queue, queued_places
from cleanbench.records import Record

SAMPLED = "sampled"  # the note of such a record
ITEMS, FAULTY, ERROR = "estimated items", "estimated faulty", "standard error of"


@dataclass(frozen=True)
class Sampled:
    """What a record says where only a sample of the items was judged.

    Attributes:
        metrics: Estimates by name, or the reasons why there are none.
        notes: That they are estimates, for how many items, and their standard errors.
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
        metrics = {name: _value(estimate) for name, estimate in found.items()}
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
        return cls(metrics, notes)


def _value(estimate: Estimate | str) -> Value:
    return Value(None, estimate) if isinstance(estimate, str) else Value(estimate.value)


def needs_queue(record: Record) -> bool:
    """Return whether the numbers of a record rest on its queue: estimates for all pairs from a sample of them."""
    return record.issue.ranks_pairs and SAMPLED in record.notes


def population(record: Record) -> tuple[int, int]:
    """Return how many items are faulty and how many there are: those that were judged, or what a sample stands for."""
    if ITEMS not in record.notes:
        return record.faulty, record.items
    items = int(record.notes[ITEMS])
    return min(max(round(float(record.notes[FAULTY])), 0), items), items


def in_words(record: Record) -> str:
    """Say that the numbers of a record are estimates; empty if they are none."""
    if ITEMS not in record.notes:
        return ""
    items, faulty, error = (float(record.notes[name]) for name in (ITEMS, FAULTY, f"{ERROR} faulty"))
    noun = "pairs" if record.issue.ranks_pairs else "images"
    # Where every faulty item is in the sample with certainty, nothing about their number is estimated.
    counted = f"about {faulty} ± {error} of" if error or faulty % 1 else f"{faulty:,.0f} of"
    judged = "" if record.truth is not None and record.truth.presumed else "judged "
    return (
        f"{counted} {items:,.0f} {noun} are faulty: all numbers are estimates from a sample of "
        f"{record.items:,} {judged}{noun}, drawn with known probabilities"
    )
