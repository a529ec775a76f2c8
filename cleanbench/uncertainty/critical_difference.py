"""Methods across data sets: mean ranks, and by how much they must differ to mean anything."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from cleanbench.core import UserError
from cleanbench.uncertainty.intervals import LEVEL

# Fewer independent data sets cannot tell methods apart by their ranks: even where one of two always wins, the
# two-sided sign test of five has a p-value of 1/16.
ENOUGH = 6


@dataclass(frozen=True)
class CriticalDifference:
    """Mean ranks over data sets (Demsar, JMLR 2006).

    Attributes:
        datasets: Independent data sets, sorted.
        ranks: By method, the mean rank, 1 for the best; the best first.
        difference: What two mean ranks must differ by (Nemenyi's test at 5 %).
        p_value: Of Friedman's test that all methods are alike.
        groups: Methods that cannot be told apart, as long as can be, in the order of ``ranks``; at least two in each.
    """

    datasets: tuple[str, ...]
    ranks: Mapping[str, float]
    difference: float
    p_value: float
    groups: tuple[tuple[str, ...], ...]


def critical_difference(values: Mapping[str, Mapping[str, float]]) -> CriticalDifference:
    """Compare methods by their ranks on several data sets.

    Contaminated variants of one set (``name~…``) have the same images, so they are averaged and count once. Methods
    that lack a value on a set are left out.

    Args:
        values: By data set, then by method; higher is better.

    Raises:
        UserError: If there are fewer than six independent data sets, or fewer than three methods on all of them.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    independent: dict[str, list[Mapping[str, float]]] = {}
    for name in sorted(values):
        independent.setdefault(name.partition("~")[0], []).append(values[name])
    if len(independent) < ENOUGH:
        raise UserError(
            f"a comparison across data sets needs at least {ENOUGH} independent ones, and there are "
            f"{len(independent)} ({', '.join(independent)}); variants of one set count once"
        )
    methods = sorted(set.intersection(*(set(each) for each in values.values())))
    if len(methods) < 3:
        raise UserError(f"a comparison across data sets needs at least 3 methods that ran on all, not {len(methods)}")
    table = np.array(
        [[fmean([each[method] for each in variants]) for method in methods] for variants in independent.values()]
    )
    ranks = rankdata(-table, axis=1).mean(axis=0)
    order = np.argsort(ranks, kind="stable")
    sets, count = table.shape
    difference = float(studentized_range.ppf(LEVEL, count, math.inf)) / math.sqrt(2)
    difference *= math.sqrt(count * (count + 1) / (6 * sets))
    # Friedman's statistic is undefined where every method ties with every other on every set.
    p_value = float(friedmanchisquare(*table.T).pvalue) if np.ptp(table, axis=1).any() else 1.0
    named = {methods[place]: float(ranks[place]) for place in order}
    return CriticalDifference(tuple(independent), named, difference, p_value, _groups(named, difference))


def _groups(ranks: Mapping[str, float], difference: float) -> tuple[tuple[str, ...], ...]:
    """Return the longest runs of methods whose mean ranks differ by no more than ``difference``."""
    names, values = list(ranks), list(ranks.values())
    groups: list[tuple[str, ...]] = []
    reached = 0
    for first, best in enumerate(values):
        end = sum(value <= best + difference for value in values)
        if end > max(reached, first + 1):
            groups.append(tuple(names[first:end]))
            reached = end
    return tuple(groups)
