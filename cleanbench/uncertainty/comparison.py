"""Which methods can be told apart on one truth: paired differences on the same replicates of the items."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from cleanbench.core import Bools, Floats, Ints
from cleanbench.uncertainty.intervals import EDGE, LEVEL, small_sample, to_scale
from cleanbench.uncertainty.replicates import Replicates


@dataclass(frozen=True, eq=False)
class Comparison:
    """What can be said of the order of R rankings.

    Attributes:
        p_values: Two-sided, of the hypothesis that two have the same value on the population, adjusted by Holm for
            all pairs, shape ``(R, R)``; symmetric, 1 on the diagonal.
        better: Whether the first is better than the second at a familywise error of 5 %, shape ``(R, R)``.
        lowest: Best rank that each may have, shape ``(R,)``.
        highest: Worst rank that each may have, shape ``(R,)``.
        tiers: From 1, shape ``(R,)``: the best one and all that cannot be told apart from it, then the same among
            those that remain. Two of one tier may well differ from each other, and neighbours of different tiers
            need not: a tier is a statement about its best.
        best: Share of the replicates in which each is the best, shape ``(R,)``; sums to 1.
    """

    p_values: Floats
    better: Bools
    lowest: Ints
    highest: Ints
    tiers: Ints
    best: Floats


def compare(rankings: Sequence[Sequence[Replicates]], rarer: int, name: str = "AP") -> Comparison:
    """Compare rankings of one truth by a metric.

    The difference of two is taken on the metric's scale (`to_scale`), replicate by replicate, so that what the same
    items do to both cancels, and Student's t compares it with its standard deviation. Two of one quality are biased
    alike, so no bias is subtracted. Where rankings have several seeds, the variance of their means over seeds is added,
    with degrees of freedom by Welch and Satterthwaite. Ranks hold at a joint level of 95 %: a method has at least as
    many above it as are significantly better (Mogstad, Romano, Shaikh and Wilhelm, Review of Economic Studies 2024).

    Args:
        rankings: For each, its replicates, one per seed; at least one ranking, all on the same truth.
        rarer: The number of faulty or of clean items, whichever is less.
        name: Of a metric for which higher is better, defined on this truth.
    """
    scaled = [_over_seeds(seeds, name, rarer) for seeds in rankings]
    estimates = np.array([each.estimate for each in scaled])
    draws = np.array([each.draws for each in scaled])
    spread = np.array([each.variance for each in scaled])
    steps = np.array([len(seeds) - 1 for seeds in rankings])
    items = _variances(draws)
    if rankings[0][0].alone is not None:
        own = _variances(np.array([each.alone for each in scaled]))
        items = np.maximum(own, items - 2 * own)
    items = items * small_sample(rarer)
    unseen = np.array([_unseen(each.at_sample, rarer, name) for each in scaled])
    total = items + np.add.outer(spread + unseen, spread + unseen)
    own_terms = spread**2 / np.maximum(steps, 1)
    terms = (items**2 + EDGE) / max(rarer - 1, 1) + np.add.outer(own_terms, own_terms)
    difference = np.subtract.outer(estimates, estimates)
    adjusted = _holm(2 * stdtr(total**2 / terms, -np.abs(difference) / np.sqrt(total)))
    better = (adjusted < 1 - LEVEL) & (difference > 0)
    order = np.argsort(-estimates, kind="stable")
    return Comparison(
        p_values=adjusted,
        better=better,
        lowest=1 + better.sum(axis=0),
        highest=len(rankings) - better.sum(axis=1),
        tiers=_tiers(order, better),
        best=_best(draws),
    )


@dataclass(frozen=True, eq=False)
class _Scaled:
    """A ranking over its seeds, on the scale of the metric: the mean, its replicates and its variance over seeds."""

    at_sample: float  # as the metric has it
    estimate: float
    draws: Floats
    alone: Floats | None
    variance: float


def _over_seeds(seeds: Sequence[Replicates], name: str, rarer: int) -> _Scaled:
    measured = np.array([each.at_sample[name] for each in seeds])
    values = to_scale(name, measured, rarer)
    return _Scaled(
        at_sample=float(measured.mean()),
        estimate=float(values.mean()),
        draws=np.mean([to_scale(name, each.values[name], rarer) for each in seeds], axis=0),
        alone=None
        if seeds[0].alone is None
        else np.mean([to_scale(name, each.alone[name], rarer) for each in seeds if each.alone is not None], axis=0),
        variance=float(np.var(values, ddof=1)) / len(seeds) if len(seeds) > 1 else 0.0,
    )


def _unseen(value: float, rarer: int, name: str) -> float:
    """Return the variance by a failure that was not seen among ``rarer`` things.

    Jeffreys' interval adds half a failure; the two that are compared share it.
    It matters near the upper bound alone, where replicates of a ranking without mistakes hold no mistakes.
    """
    share = np.sqrt(0.25 * rarer / (rarer + 0.25) ** 2 / (rarer + 1.25))  # standard deviation of a beta variable
    return float(to_scale(name, value, rarer) - to_scale(name, value * (1 - share), rarer)) ** 2


def _variances(draws: Floats) -> Floats:
    """Return the variance of the difference of each two rows, shape ``(R, R)``."""
    covariance = np.atleast_2d(np.cov(draws))
    single = np.diag(covariance)
    variances: Floats = np.maximum(np.add.outer(single, single) - 2 * covariance, 0)
    return variances


def _holm(p_values: Floats) -> Floats:
    """Adjust p-values of all pairs (Holm, Scandinavian Journal of Statistics 1979)."""
    first, second = np.triu_indices(len(p_values), 1)
    given = p_values[first, second]
    order = np.argsort(given, kind="stable")
    steps = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.ones_like(p_values)
    adjusted[first[order], second[order]] = adjusted[second[order], first[order]] = np.minimum(steps, 1)
    return adjusted


def _tiers(order: Ints, better: Bools) -> Ints:
    """Return the tier of each; ``order`` lists them from the best on."""
    tiers = np.zeros(len(order), dtype=np.int64)
    tier, left = 0, list(order)
    while left:
        tier += 1
        tiers[[each for each in left if not better[left[0], each]]] = tier
        left = [each for each in left if not tiers[each]]
    return tiers


def _best(draws: Floats) -> Floats:
    """Return how often each is the highest; equal ones share."""
    highest = draws == draws.max(axis=0)
    shares: Floats = (highest / highest.sum(axis=0)).mean(axis=1)
    return shares
