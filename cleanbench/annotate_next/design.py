"""The design of a sample: weights from rankings, strata of equal weight, a draw without replacement in each.

Any weights give unbiased estimates; good ones give small standard errors. The strata are cut so that `Sample` of
`cleanbench.estimates` can tell from the inclusion probabilities alone how items were drawn together: strata of the
same share of drawn items are made one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma

from cleanbench.core import Floats, Ints, UserError

STRATA = 10
LEAST = 2  # drawn in each stratum: one alone would tell nothing about how much its items differ


@dataclass(frozen=True, eq=False)
class Drawn:
    """A drawn sample.

    Attributes:
        items: Positions of the drawn items, in random order, shape ``(n,)``.
        inclusion: With which probability each was drawn, shape ``(n,)``.
    """

    items: Ints
    inclusion: Floats


def place_weight(places: Floats, items: int) -> Floats:
    """Return how much the judgement of each item weighs in average precision, by its place; of all items about 1.

    It is statAP's prior (Aslam and Pavlu 2007): ``(1 + 1/r + ... + 1/M) / 2M`` for place r of M.

    Args:
        places: From 1; of tied items their mean, shape ``(n,)``.
        items: How many items the ranking has.
    """
    weights: Floats = (1 + digamma(items + 1) - digamma(places)) / (2 * items)
    return weights


def combined(weights: Sequence[Floats]) -> Floats:
    """Combine the weights of several rankings: their mean, and their spread, for what decides between methods.

    The sum is squared, because what rankings place high is also likelier to be faulty, and the errors of AP come from
    the faulty items: in `benchmarks/sampled_truth.py` that halves the standard error of AP where faults are rare.
    """
    table = np.stack(weights)
    total: Floats = (table.mean(axis=0) + table.std(axis=0)) ** 2
    return total


def strata_of(weights: Floats, budget: int, strata: int = STRATA) -> list[tuple[Ints, int]]:
    """Cut items into strata of about equal total weight and share the budget among them.

    Args:
        weights: Positive, shape ``(M,)``.
        budget: How many items are drawn in all.
        strata: How many strata at most.

    Returns:
        The items of each stratum and how many are drawn from it, the heaviest stratum first; no two strata have the
        same share.

    Raises:
        UserError: If the budget is too small for one stratum.
    """
    if budget >= len(weights):
        return [(np.arange(len(weights)), len(weights))] if len(weights) else []
    if budget < LEAST:
        raise UserError(f"budget={budget} leaves {budget} items for a stratum, at least {LEAST} are needed")
    order = np.argsort(-weights, kind="stable")
    certain = 0
    left, mass = budget, float(weights.sum())
    # What is heavy enough to be drawn for sure is; each such item leaves less of the budget for lighter ones.
    while left > LEAST and weights[order[certain]] * left >= mass:
        mass -= float(weights[order[certain]])
        certain, left = certain + 1, left - 1
    rest = order[certain:]
    count = max(1, min(strata, left // (2 * LEAST)))
    cumulated = np.cumsum(weights[rest])
    bounds = np.searchsorted(cumulated, cumulated[-1] * np.arange(1, count) / count, side="right")
    groups = [group for group in np.split(rest, bounds) if len(group)]
    sizes = _shared([len(group) for group in groups], left)
    found = [(order[:certain], certain)] if certain else []
    return _merged([*found, *zip(groups, sizes, strict=True)])


def draw(strata: Sequence[tuple[Ints, int]], rng: np.random.Generator) -> Drawn:
    """Draw the sample, at random without replacement in each stratum."""
    items = [np.zeros(0, dtype=np.int64)]
    inclusion = [np.zeros(0)]
    for members, drawn in strata:
        items.append(rng.choice(members, drawn, replace=False))
        inclusion.append(np.full(drawn, drawn / len(members)))
    order = rng.permutation(sum(map(len, items)))
    return Drawn(np.concatenate(items)[order], np.concatenate(inclusion)[order])


def _shared(sizes: Sequence[int], budget: int) -> list[int]:
    """Share a budget as equally as the sizes allow, so that all of it is used."""
    shares = [0] * len(sizes)
    left = min(budget, sum(sizes))
    while left:
        open_strata = [place for place, size in enumerate(sizes) if shares[place] < size]
        each, more = divmod(left, len(open_strata))
        for rank, place in enumerate(open_strata):
            given = min(sizes[place] - shares[place], each + (rank < more))
            shares[place] += given
            left -= given
    return shares


def _merged(strata: Sequence[tuple[Ints, int]]) -> list[tuple[Ints, int]]:
    """Make strata of the same share one: a draw from all of their items is as good, and can be told by its share."""
    by_share: dict[float, list[tuple[Ints, int]]] = {}
    for members, drawn in strata:
        by_share.setdefault(drawn / len(members), []).append((members, drawn))
    merged = [
        (np.concatenate([members for members, _ in group]), sum(drawn for _, drawn in group))
        for group in by_share.values()
    ]
    # Shares that are equal as fractions may round apart or together; after a merge they may meet again.
    return merged if len({drawn / len(members) for members, drawn in merged}) == len(merged) else _merged(merged)
