"""Whether a truth is fair to a method that had no part in it: leave one method out (Zobel, SIGIR 1998).

In which way items came to be judged is not recorded. A method is credited with the judged items among its first k.
What only one method is credited with would perhaps not have been judged without it. Its AP is computed again as if that
had not been: a method like it that comes later would get that. Where scores tie, who has what is an expectation over
random orders of the tied items, in each ranking by itself.

The test tells how much the *known* methods would lose. It cannot tell what a new kind of method would find that none
of these does, nor whether the items came from these methods at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleanbench.core import Bools, Floats, Ints
from cleanbench.metrics import METRICS
from cleanbench.tops import share_within

ORDERS = 100  # of tied items, over which AP without a method's own finds is averaged


@dataclass(frozen=True, eq=False)
class First:
    """Which judged items are among the first k of a ranking.

    Attributes:
        chance: Of each judged item, over random orders of ties; 0 for what was not retrieved. Shape ``(L,)``.
        tied: Items, judged or not, of the level that the first k end in; 0 where they end between two levels.
        left: How many of those are among the first k.
    """

    chance: Floats
    tied: int = 0
    left: int = 0

    @classmethod
    def of(cls, k: int, scores: Floats, places: Ints) -> "First":
        """Look up judged items in a ranking.

        Args:
            k: How many items come first.
            scores: Of all that is ranked, shape ``(M,)``.
            places: Where each judged item stands in it, -1 for one that is not there, shape ``(L,)``.
        """
        chance = np.where(np.isfinite(scores), share_within(scores, k), 0.0)
        tied = int(np.count_nonzero((chance > 0) & (chance < 1)))
        left = k - int(np.count_nonzero(chance == 1)) if tied else 0
        return cls(np.append(chance, 0.0)[places], tied, left)

    def draw(self, rng: np.random.Generator) -> Bools:
        """Return which judged items are among the first k in one order of the ties, shape ``(L,)``."""
        within: Bools = self.chance == 1
        unsure = np.flatnonzero((self.chance > 0) & ~within)
        within[unsure] = rng.choice(self.tied, len(unsure), replace=False) < self.left
        return within


@dataclass(frozen=True)
class LeftOut:
    """What becomes of a method if its own finds were never judged.

    Attributes:
        faulty: Expected number of judged faulty items that only it has among its first k.
        clean: Expected number of judged clean items that only it has.
        before: AP on the judged items.
        unjudged: AP on the judged items without these; where ties leave open which these are, the mean over `ORDERS`
            random orders.
        as_clean: AP if these were taken for clean, as evaluations of search engines do; likewise a mean.
        place: Its place among all methods by AP, 1 the best, equal values sharing a place.
        place_after: The same with ``unjudged`` in place of its own AP.
    """

    faulty: float
    clean: float
    before: float | None
    unjudged: float | None
    as_clean: float | None
    place: int | None
    place_after: int | None


def leave_out(asked: Sequence[Floats], labels: Bools, firsts: Sequence[First], seed: int = 0) -> list[LeftOut]:
    """Leave out each method in turn.

    Args:
        asked: The scores of the judged items by each method, shape ``(L,)``.
        labels: True for those that are faulty, shape ``(L,)``.
        firsts: Which judged items are among the first k of each method.
        seed: Of the orders of ties.
    """
    before = [_ap(labels, scores) for scores in asked]
    rng = np.random.default_rng(seed)
    results = []
    for position, scores in enumerate(asked):
        others = [first for place, first in enumerate(firsts) if place != position]
        own = firsts[position].chance * nowhere(others, len(labels))
        after, as_clean = _without(scores, labels, firsts[position], others, own, rng)
        results.append(
            LeftOut(
                faulty=float(own[labels].sum()),
                clean=float(own[~labels].sum()),
                before=before[position],
                unjudged=after,
                as_clean=as_clean,
                place=_place(before[position], before, position),
                place_after=_place(after, before, position),
            )
        )
    return results


def nowhere(firsts: Sequence[First], count: int) -> Floats:
    """Return the chance of each of ``count`` judged items that no method has it among its first k, ``(L,)``."""
    missed = np.ones(count)
    for first in firsts:
        missed *= 1 - first.chance
    return missed


def _without(
    scores: Floats, labels: Bools, mine: First, others: Sequence[First], chance: Floats, rng: np.random.Generator
) -> tuple[float | None, float | None]:
    """Return AP without a method's own finds, and with these taken for clean; ``chance``: of each item to be one."""
    left, as_clean = [], []
    for _ in range(ORDERS if ((chance > 0) & (chance < 1)).any() else 1):
        own = mine.draw(rng)
        for other in others:
            own &= ~other.draw(rng)
        left.append(_ap(labels[~own], scores[~own]))
        as_clean.append(_ap(labels & ~own, scores))
    return _mean(left), _mean(as_clean)


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are defined; None if none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _ap(labels: Bools, scores: Floats) -> float | None:
    return METRICS["AP"].compute(labels, scores).value


def _place(value: float | None, others: Sequence[float | None], position: int) -> int | None:
    if value is None:
        return None
    rivals = [other for place, other in enumerate(others) if place != position and other is not None]
    return 1 + sum(rival > value for rival in rivals)
