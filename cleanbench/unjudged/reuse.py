"""Whether a truth is fair to a method that had no part in it: leave one method out (Zobel, SIGIR 1998).

In which way items came to be judged is not recorded. A method is credited with the judged items among its first k: in
its top k in at least half of the orders of ties. What only one method is credited with would perhaps not have been
judged without it. Its AP is computed again as if that had not been: a method like it that comes later would get that.

The test tells how much the *known* methods would lose. It cannot tell what a new kind of method would find that none
of these does, nor whether the items came from these methods at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleanbench.core import Bools, Floats
from cleanbench.metrics import METRICS


@dataclass(frozen=True)
class LeftOut:
    """What becomes of a method if its own finds were never judged.

    Attributes:
        faulty: Judged faulty items that only it has among its first k.
        clean: Judged clean items that only it has.
        before: AP on the judged items.
        unjudged: AP on the judged items without these.
        as_clean: AP if these were taken for clean, as evaluations of search engines do.
        place: Its place among all methods by AP, 1 the best, equal values sharing a place.
        place_after: The same with ``unjudged`` in place of its own AP.
    """

    faulty: int
    clean: int
    before: float | None
    unjudged: float | None
    as_clean: float | None
    place: int | None
    place_after: int | None


def leave_out(asked: Sequence[Floats], labels: Bools, within: Sequence[Bools]) -> list[LeftOut]:
    """Leave out each method in turn.

    Args:
        asked: The scores of the judged items by each method, shape ``(L,)``.
        labels: True for those that are faulty, shape ``(L,)``.
        within: Whether each judged item is among the first k of each method, as of `among_first`.
    """
    before = [_ap(labels, scores) for scores in asked]
    results = []
    for position, scores in enumerate(asked):
        others = np.any([mine for other, mine in enumerate(within) if other != position], axis=0)
        own = within[position] & ~others
        after = _ap(labels[~own], scores[~own])
        results.append(
            LeftOut(
                faulty=int(np.count_nonzero(own & labels)),
                clean=int(np.count_nonzero(own & ~labels)),
                before=before[position],
                unjudged=after,
                as_clean=_ap(labels & ~own, scores),
                place=_place(before[position], before, position),
                place_after=_place(after, before, position),
            )
        )
    return results


def among_first(k: int, scores: Floats) -> Bools:
    """Return which items are among the first ``k`` in at least half of the orders of ties, shape ``(M,)``."""
    rising = np.sort(scores)
    upper = np.searchsorted(rising, scores, side="right")
    before, ties = len(rising) - upper, upper - np.searchsorted(rising, scores)
    first: Bools = (k - before >= ties / 2) & np.isfinite(scores)
    return first


def _ap(labels: Bools, scores: Floats) -> float | None:
    return METRICS["AP"].compute(labels, scores).value


def _place(value: float | None, others: Sequence[float | None], position: int) -> int | None:
    if value is None:
        return None
    rivals = [other for place, other in enumerate(others) if place != position and other is not None]
    return 1 + sum(rival > value for rival in rivals)
