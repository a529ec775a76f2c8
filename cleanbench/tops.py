"""The top of a ranking with ties: which items are in it, and how two tops overlap."""

import numpy as np

from cleanbench.core import Bools, Floats


def share_within(scores: Floats, budget: float) -> Floats:
    """Return the chance of each item to be among the first ``budget`` of a ranking with ties, shape ``(M,)``.

    1 above the level that the budget ends in, 0 below it, and within it the share of the level that is left.
    """
    above, held = _places(scores, np.ones(len(scores), dtype=np.bool_))
    share: Floats = np.clip((budget - above) / held, 0.0, 1.0)
    return share


def overlap(one: Floats, other: Floats, depth: float) -> float:
    """Return the Jaccard overlap of two tops, in [0, 1]: what is in both over what is in either.

    Ties are broken at random, in each ranking by itself; the value is the ratio of both expected numbers. Rankings by
    chance of M items overlap by about depth / (2 M).

    Args:
        one: Scores of the items, shape ``(M,)``.
        other: Scores of the same items by something else.
        depth: How many items a top has, more than 0.
    """
    first, second = share_within(one, depth), share_within(other, depth)
    both = float(first @ second)
    return both / float(first.sum() + second.sum() - both)


def rank_biased_overlap(one: Floats, other: Floats, persistence: float = 0.98, depth: int = 1000) -> float:
    """Return the rank-biased overlap of two rankings, in [0, 1], extrapolated from their first ``depth`` items.

    Webber, Moffat and Zobel, "A Similarity Measure for Indefinite Rankings" (ACM TOIS 2010), extrapolated: the
    agreement at each depth, weighted as by a reader who goes on to the next item with a chance of ``persistence``, and
    so looks at 1 / (1 - persistence) items on average. Agreement is its expectation where ties are broken at random, in
    each ranking by itself; so a ranking with ties does not agree with itself altogether.

    Args:
        one: Scores of the items, shape ``(M,)``, at least one.
        other: Scores of the same items by something else.
        persistence: In (0, 1).
        depth: Items that are compared, at most M of them.
    """
    last = min(depth, len(one))
    near = (share_within(one, last) > 0) & (share_within(other, last) > 0)  # others are in no common top
    (above, held), (above_too, held_too) = _places(one, near), _places(other, near)
    depths = np.arange(1, last + 1)
    agreement = np.empty(last)
    for d in depths:
        shared = np.clip((d - above) / held, 0, 1) @ np.clip((d - above_too) / held_too, 0, 1)
        agreement[d - 1] = shared / d
    weights = persistence ** depths.astype(np.float64)
    return float(agreement[-1] * weights[-1] + (1 - persistence) / persistence * (agreement @ weights))


def _places(scores: Floats, chosen: Bools) -> tuple[Floats, Floats]:
    """Return how many items are above the level of each chosen item, and how many that level holds."""
    ordered = np.sort(-scores)
    wanted = -scores[chosen]
    above = np.searchsorted(ordered, wanted, side="left").astype(np.float64)
    return above, np.searchsorted(ordered, wanted, side="right") - above
