"""How much of a ranking was judged, and between which bounds its metrics lie whatever the rest may be."""

from dataclasses import dataclass

import numpy as np

from cleanbench.core import Bools, Floats, Ints
from cleanbench.metrics import METRICS, Value


@dataclass(frozen=True, eq=False)
class Partly:
    """A ranking of which a part is judged.

    Attributes:
        scores: Higher is more suspicious, shape ``(M,)``.
        judged: Whether each item was judged, shape ``(M,)``.
        faulty: Whether it was judged to be faulty, shape ``(M,)``.
    """

    scores: Floats
    judged: Bools
    faulty: Bools

    def judged_at(self, cut: str) -> Value:
        """Return the share of judged items in the top, in expectation over orders of ties; ``cut`` as in P@k."""
        return METRICS[f"P@{cut}"].compute(self.judged, self.scores)

    def precision_bounds(self, cut: str) -> tuple[Value, Value]:
        """Return the P@k if all that is not judged were clean, and if it were faulty: its exact bounds."""
        metric = METRICS[f"P@{cut}"]
        return metric.compute(self.faulty, self.scores), metric.compute(self.faulty | ~self.judged, self.scores)

    def average_precision(self, unjudged_faulty: bool) -> Value:
        """Return AP if all that is not judged were faulty, or if it were clean.

        These are the customary pair, and no bounds: a faulty item at the end lowers AP, wherever the others are. For
        bounds see `average_precision_bounds`.
        """
        labels = self.faulty | ~self.judged if unjudged_faulty else self.faulty
        return METRICS["AP"].compute(labels, self.scores)

    def average_precision_bounds(self) -> tuple[float, float] | None:
        """Return the lowest and the highest AP of all labels that unjudged items and all orders that ties may have.

        None if nothing is faulty and nothing unjudged. Of a given number of faulty items among the unjudged ones, AP
        is lowest if they are the last and highest if they are the first of them, as every exchange of a faulty item
        with a clean one before it raises AP. So all numbers are tried, in O(M) after one sort.
        """
        # Within a tie: for the lowest AP what is faulty comes last, for the highest first, what is open in between.
        kind = np.where(self.faulty, 2, np.where(self.judged, 0, 1))
        lowest = _extreme(kind[np.lexsort((kind, -self.scores))], last=True)
        highest = _extreme(kind[np.lexsort((-kind, -self.scores))], last=False)
        return None if lowest is None or highest is None else (lowest, highest)


def _extreme(kind: Ints, last: bool) -> float | None:
    """Return the lowest AP with the last unjudged items faulty (or the highest with the first), over their number.

    Args:
        kind: Of the items in order: 0 clean, 1 unjudged, 2 faulty.
        last: Whether unjudged items become faulty from the end.
    """
    places = np.arange(1, len(kind) + 1, dtype=np.float64)
    faulty = np.concatenate([[0.0], np.cumsum(kind == 2)])
    inverse = np.where(kind == 2, 1 / places, 0.0)
    count, total = float(faulty[-1]), float((np.where(kind == 2, faulty[1:], 0.0) / places).sum())
    below = np.cumsum(inverse[::-1])[::-1] - inverse  # sum of 1 / place over the faulty items after each
    open_places = np.flatnonzero(kind == 1)[:: -1 if last else 1]
    # Each that becomes faulty adds its own precision and lifts that of the faulty items after it.
    added = np.arange(len(open_places), dtype=np.float64)
    share = 1 / places[open_places]
    turned_before = 0.0 if last else added
    turned_after = np.concatenate([[0.0], np.cumsum(share)[:-1]]) if last and len(share) else 0.0
    steps = (faulty[open_places] + turned_before + 1) * share + below[open_places] + turned_after
    totals = np.concatenate([[total], total + np.cumsum(steps)])
    counts = count + np.arange(len(totals))
    values = totals[counts > 0] / counts[counts > 0]
    if not len(values):
        return None
    return float(values.min() if last else values.max())
