"""95 % intervals of metrics.

The estimand: the annotated items are a sample of a population of items, in which faulty and clean ones come as they
come, so that their numbers vary, too; an interval is for the value that the metric takes on that population, with the
method's scores as they are. (P@k and R@k of M items: for the top k/M of the population.) For pairs the images are
sampled. What else could have been otherwise is not in it: other judges, a population other than that of the data set,
a method with another seed.

Replicates (`cleanbench.uncertainty.replicates`) say how a metric varies with the items. From them:

- Areas (AP, AUPRG, FoE): the estimate less its bias, plus and minus Student's t times the replicates' standard
  deviation, corrected for few items (`small_sample`; AUPRG rests on the few that lead), all on a scale without
  bounds: logit, or log where the metric has one bound.
- AUROC, P@k and R@k are shares of something counted. Their replicates are mixed with half a success and half a failure
  among as many as are counted: for P@k of independent items that is Jeffreys' interval, which keeps its width where all
  or none of the top are faulty. What AUROC counts is the rarer of faulty and clean items. All take quantiles.
- Where all faulty items lead or all trail (or the metric is at an end of its range), replicates cannot know that other
  items may be ranked otherwise. The interval then reaches to the value if the largest share of faulty items that
  Jeffreys' limit allows (none seen among n) were at the other end.
- Image weights count what each pair has of its own three times; two of these are taken back (`shrinkage`). Few images
  tell little of how much they vary, for which intervals are a little wider (`PER_DEGREE`).

``benchmarks/interval_coverage.py`` shows how often such intervals hold the truth, `weak` says where nothing is claimed.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, expit, ndtri, stdtrit

from cleanbench.core import Bools, Floats
from cleanbench.metrics import METRICS, Levels, Value, depth
from cleanbench.uncertainty.replicates import SEED, Replicates, uniforms
from cleanbench.uncertainty.resampling import Resampling

LEVEL = 0.95
# Fewer give intervals, but no promise that they hold the truth in 95 of 100 cases.
ENOUGH_FAULTY = 20
# Ruled by the few items that lead, they vary as if they rested on a third of what is counted, as simulation shows.
LED, LEADING = ("AUPRG", "AUPRG_reference"), 3
# The spread over n images that pairs share is known as well as that over n/10 items, as simulation shows.
PER_DEGREE = 10
ENOUGH_FAULTY_FOR = dict.fromkeys(LED, 100)
ENOUGH_TOP = 100
ENOUGH_OF_EACH = 5  # hits and misses in the top
ENOUGH_IMAGES = 300  # where images are drawn again
# Values nearer to a bound than this lie at it: their logit would be that of rounding.
EDGE = 1e-9


@dataclass(frozen=True)
class Interval:
    """Where the value on the population lies; holds the estimate."""

    low: float
    high: float


def intervals(
    labels: Bools, scores: Floats, values: dict[str, Value], resampling: Resampling, replicates: Replicates
) -> dict[str, Interval]:
    """Return the interval of each metric that has one.

    None has one where all items are faulty, or none is: nothing then says how those of the other kind are ranked.

    Args:
        labels: True for faulty, shape ``(M,)``.
        scores: Shape ``(M,)``.
        values: The metrics; those without a value get no interval.
        resampling: What was drawn.
        replicates: Of the metrics.
    """
    levels = Levels.of(labels, scores)
    items, faulty = int(levels.reviewed[-1]), int(levels.found[-1])
    if not 0 < faulty < items:
        return {}
    rarer = min(faulty, items - faulty)
    counted = min(rarer, resampling.disjoint)
    outranked = METRICS["AUROC"].formula(levels)
    wider = _few_images(resampling)
    found = {}
    for name, each in values.items():
        if each.value is None:
            continue
        if is_share(name):
            low, high = _share(name, replicates, _counted(name, levels), wider)
        else:
            reach = wider * _reach(counted / LEADING if name in LED else counted)
            low, high = _area(name, replicates, reach, rarer)
            if outranked in (0, 1) or each.value in METRICS[name].span:
                other = _otherwise(name, faulty, items, rarer, outranked >= 0.5)
                low, high = min(low, other), max(high, other)
            low, high = _within(name, low, high, faulty, items)
        found[name] = Interval(min(low, each.value), max(high, each.value))
    return found


def is_share(name: str) -> bool:
    """Return whether a metric is a share of counted things, rather than an area under a curve."""
    return name == "AUROC" or METRICS[name].cut is not None


def weak(name: str, faulty: int, items: int, images: int | None = None, value: float | None = None) -> str:
    """Say why an interval is not claimed to hold the truth in 95 of 100 cases; empty where it is.

    Args:
        name: Of a metric.
        faulty: Faulty items.
        items: Annotated items.
        images: How many images were drawn again; None where items or components were.
        value: Of the metric, if known.

    Example:
        >>> weak("P@10", 100, 500)
        'k = 10 is below 100'
        >>> weak("AP", 1, 500)
        '1 faulty item is fewer than 20'
    """
    enough = ENOUGH_FAULTY_FOR.get(name, ENOUGH_FAULTY)
    if faulty < enough:
        return f"{_items(faulty, 'faulty')} fewer than {enough}"
    if items - faulty < ENOUGH_FAULTY:
        return f"{_items(items - faulty, 'clean')} fewer than {ENOUGH_FAULTY}"
    if images is not None and images < ENOUGH_IMAGES:
        return f"{images} images that judged pairs share are fewer than {ENOUGH_IMAGES}"
    cut = METRICS[name].cut
    if cut is not None and (k := depth(cut, items)) < ENOUGH_TOP:
        return f"k = {k} is below {ENOUGH_TOP}"
    if cut is not None and value is not None:
        precise = name.startswith("P@")
        hits = value * (k if precise else faulty)
        if min(hits, k - hits) < ENOUGH_OF_EACH:
            return (
                f"the top {k} hold fewer than {ENOUGH_OF_EACH} faulty items, or fewer than {ENOUGH_OF_EACH} clean ones"
            )
        if not precise and faulty - hits < ENOUGH_OF_EACH:
            return f"fewer than {ENOUGH_OF_EACH} of {faulty} faulty items lie below the top {k}"
    return ""


def _items(number: int, kind: str) -> str:
    return f"1 {kind} item is" if number == 1 else f"{number} {kind} items are"


def to_scale(name: str, values: Floats | float, counted: float = np.inf) -> Floats:
    """Bring values of a metric to a scale without bounds, on which a higher value is higher.

    Args:
        name: Of the metric.
        values: Any number of them.
        counted: Of metrics with two bounds, the number of things they rest on: half a failure is added to as many, as
            a perfect value on a few things is not infinitely better than a nearly perfect one.
    """
    low, high = METRICS[name].span
    given = np.asarray(values, dtype=np.float64)
    if np.isinf(high):
        return np.log(np.maximum(given - low, EDGE))
    if np.isinf(low):
        return -np.log(np.maximum(high - given, EDGE))
    share = np.clip((given - low) / (high - low), EDGE, 1)
    scaled: Floats = np.log(share / np.maximum(1 - share + 0.5 / counted, EDGE))
    return scaled


def from_scale(name: str, scaled: float, counted: float = np.inf) -> float:
    """Return what `to_scale` brought to its scale; at most the upper bound."""
    low, high = METRICS[name].span
    if np.isinf(high):
        return low + float(np.exp(scaled))
    if np.isinf(low):
        return high - float(np.exp(-scaled))
    return low + (high - low) * min(float(expit(scaled)) * (1 + 0.5 / counted), 1.0)


def shrinkage(values: Floats, alone: Floats | None) -> float:
    """Return the factor by which deviations of replicates are too large.

    The product of two weights of variance 1 has variance 3, so what a pair has of its own is counted three times,
    while what pairs share through an image is counted once, as it should be. Replicates that draw pairs alone measure
    the former. The variance that remains is the dyadic-robust one (Aronow, Samii and Assenova, Political Analysis
    2015), and at least that of independent pairs.

    Args:
        values: On replicates of images, shape ``(B,)``.
        alone: On replicates of pairs, shape ``(B,)``; None where no images were drawn.
    """
    if alone is None:
        return 1.0
    own, whole = float(np.var(alone)), float(np.var(values))
    return float(np.sqrt(max(own, whole - 2 * own) / whole)) if whole > 0 else 1.0


def _few_images(resampling: Resampling) -> float:
    """Return by how much intervals are wider as the spread itself is only estimated, where images are drawn again."""
    if resampling.unit != "images":
        return 1.0
    return _reach(resampling.units / PER_DEGREE) / float(ndtri((1 + LEVEL) / 2))


def _reach(counted: float) -> float:
    """Return how many standard deviations of the replicates an interval reaches to either side."""
    return float(stdtrit(max(counted - 1, 1), (1 + LEVEL) / 2)) * float(np.sqrt(small_sample(counted)))


def small_sample(counted: float) -> float:
    """Return the factor from the variance of a mean over replicates of n items to its unbiased estimate.

    Exponential weights give the sample's variance over n + 1, where it should be over n - 1. The rarer of faulty and
    clean items decide how a metric varies, and stand for n.
    """
    return (counted + 1) / max(counted - 1, 1)


def _area(name: str, replicates: Replicates, reach: float, counted: int) -> tuple[float, float]:
    """Return the bias-corrected interval on the scale of the metric."""
    estimate = float(to_scale(name, replicates.at_sample[name], counted))
    values = to_scale(name, replicates.values[name], counted)
    alone = None if replicates.alone is None else to_scale(name, replicates.alone[name], counted)
    factor = shrinkage(values, alone)
    centre = estimate - (float(np.mean(values)) - estimate) * factor**2  # a bias shrinks with the variance
    half = reach * float(np.std(values, ddof=1)) * factor
    return from_scale(name, centre - half, counted), from_scale(name, centre + half, counted)


def _share(name: str, replicates: Replicates, counted: int, wider: float) -> tuple[float, float]:
    """Return the interval from replicates mixed with half a success and half a failure among ``counted``."""
    given = replicates.values[name]
    first, second = uniforms(len(given), SEED)
    part = 1 - first ** (1 / counted)  # beta with parameters 1 and `counted`: the weight of one item more
    # Its success: beta with parameters 1/2 and 1/2, the arcsine law.
    mixed = to_scale(name, (1 - part) * given + part * np.sin(np.pi / 2 * second) ** 2)
    alone = None if replicates.alone is None else to_scale(name, replicates.alone[name])
    factor = wider * shrinkage(to_scale(name, given), alone)
    centre = float(np.mean(mixed))
    low, high = centre + (np.quantile(mixed, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - centre) * factor
    return from_scale(name, float(low)), from_scale(name, float(high))


def _counted(name: str, levels: Levels) -> int:
    """Return of how many things a metric is a share."""
    items, faulty = int(levels.reviewed[-1]), int(levels.found[-1])
    cut = METRICS[name].cut
    if cut is None:
        return min(faulty, items - faulty)
    if name.startswith("R@"):
        return faulty
    # P@k is a mean over the orders of the items that tie around place k, and so rests on all of them.
    return int(levels.reviewed[np.searchsorted(levels.reviewed, depth(cut, items))])


def _within(name: str, low: float, high: float, faulty: int, items: int) -> tuple[float, float]:
    """Bound an end that could be infinite by what the worst ranking of as many items has."""
    (lowest, highest), (worst, best) = METRICS[name].span, METRICS[name].bounds(faulty, items)
    return max(low, worst) if np.isinf(lowest) else low, min(high, best) if np.isinf(highest) else high


def _otherwise(name: str, faulty: int, items: int, seen: int, lead: bool) -> float:
    """Return the value if as many faulty items as Jeffreys' limit allows ranked at the other end."""
    share = float(betaincinv(seen + 0.5, 0.5, (1 - LEVEL) / 2))
    top = faulty * (share if lead else 1 - share)
    large = 1e6  # as of a population: halves of items would have no places
    levels = Levels.counted(
        np.array([top, items - faulty, faulty - top]) * large, np.array([top, 0, faulty - top]) * large
    )
    return METRICS[name].formula(levels)
