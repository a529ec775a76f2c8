"""Seeds as a second source of variance, beside the items."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.special import stdtrit

from cleanbench.metrics import METRICS
from cleanbench.uncertainty.intervals import LEVEL, Interval


def over_seeds(name: str, values: Sequence[float], ends: Sequence[Interval]) -> Interval:
    """Return the interval of a metric's mean over seeds: for the expectation over seeds, on the population of items.

    Distances from the mean to its limits are recovered from both sources and added in squares (MOVER: Zou and Donner,
    Statistics in Medicine 2008). Those over items are averaged, as all seeds are scored on the same items, and so do
    not shrink with more seeds; that over seeds is Student's t times the standard error. With one seed the variance
    over seeds is unknown, and the interval is that of the items alone.

    Args:
        name: Of the metric.
        values: One per seed.
        ends: The intervals of the values.

    Example:
        >>> over_seeds("AP", [0.5, 0.5], [Interval(0.4, 0.7), Interval(0.4, 0.7)])
        Interval(low=0.4, high=0.7)
    """
    mean = fmean(values)
    spread = 0.0
    if len(values) > 1:
        spread = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * stdev(values) / math.sqrt(len(values))
    below = math.hypot(fmean([value - each.low for value, each in zip(values, ends, strict=True)]), spread)
    above = math.hypot(fmean([each.high - value for value, each in zip(values, ends, strict=True)]), spread)
    lowest, highest = METRICS[name].span
    return Interval(max(mean - below, lowest), min(mean + above, highest))
