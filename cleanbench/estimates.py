"""Metrics of a ranking where only a random sample of the items was judged, with known inclusion probabilities.

A sample that favours the top of rankings, scored as if it were everything, misleads: faulty items look frequent.
Here each judged item stands for the items that it was drawn to represent. Totals are Horvitz and Thompson's (JASA
1952), which are unbiased, and so is P@k. AP is statAP (Aslam and Pavlu, "A practical sampling strategy for efficient
retrieval evaluation", 2007), a ratio of unbiased totals, less the estimate of the bias of that ratio to first order;
places in the ranking are those among all items, ties in expectation over their orders, as in `cleanbench.metrics`.

**What inclusion probabilities mean here.** Items of equal probability were drawn together, so many of so many, at
random without replacement (a stratum); items of different ones independently of each other. The probability 1 is
certainty: all that was judged before the draw. So the probabilities alone tell with which probability two items were
both drawn. `cleanbench.annotate_next` draws so; Poisson sampling with distinct probabilities fits too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from cleanbench.core import Bools, Floats, Ints, UserError
from cleanbench.metrics import METRICS, depth, ramp_sum

WHOLE = 1e-6  # relative: how far the size of a stratum may be from a whole number
MOST = 1e15  # items; a probability that stands for more is a mistake, and its reciprocal may overflow


@dataclass(frozen=True, eq=False)
class Places:
    """Where the judged items stand among all items of a ranking.

    Attributes:
        before: Items with a higher score, shape ``(n,)``.
        ties: Items with the same score, itself among them, shape ``(n,)``.
        known: Up to which depth the places are those of the ranking; beyond it they are estimated.
        items: How many items there are.
        scored: How many of them the method scores; the others may have been left out of the draw.
    """

    before: Floats
    ties: Floats
    known: int
    items: int
    scored: int

    @classmethod
    def among(cls, scores: Floats, every: Floats) -> Self:
        """Place ``scores``, shape ``(n,)``, among those of ``every`` item, shape ``(M,)``, themselves among them."""
        rising, items = np.sort(every), len(every)
        upper = np.searchsorted(rising, scores, side="right")
        ties = (upper - np.searchsorted(rising, scores)).astype(np.float64)
        return cls((items - upper).astype(np.float64), ties, items, items, int(np.count_nonzero(np.isfinite(every))))


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error.

    The standard error is itself an estimate, from linearised ratios: where fewer than about twenty faulty items are in
    the sample it is often too small, most of all that of AUROC, because a faulty item that stands for many clean ones
    far down is seldom drawn and counts for much when it is.
    """

    value: float
    standard_error: float


@dataclass(frozen=True, eq=False)
class Sample:
    """Judged items, each standing for those that it was drawn to represent.

    Attributes:
        labels: True for faulty items, shape ``(n,)``.
        inclusion: With which probability each was drawn, in (0, 1], shape ``(n,)``.
    """

    labels: Bools
    inclusion: Floats

    @cached_property
    def strata(self) -> tuple[tuple[Ints, float], ...]:
        """The members of each stratum, as positions, and how many items it was drawn from.

        Raises:
            UserError: If a stratum of several items was drawn from a number of items that is not whole, or one from
                more items than any set has.
        """
        rates, stratum, drawn = np.unique(self.inclusion, return_inverse=True, return_counts=True)
        order = np.argsort(stratum, kind="stable")
        members = np.split(order, np.cumsum(drawn)[:-1])
        if len(rates) and rates[0] < 1 / MOST:
            raise UserError(f"the inclusion probability {rates[0]:.3g} stands for more items than any data set has")
        sizes = drawn / rates
        odd = (np.abs(sizes - np.rint(sizes)) > WHOLE * sizes) & (drawn > 1)
        if odd.any():
            which = int(odd.argmax())
            raise UserError(
                f"{drawn[which]} items have the inclusion probability {rates[which]:.6g}, which makes them a sample of "
                f"{sizes[which]:.3f} items, no whole number; items of equal probability must be all that were drawn "
                "together: leave none of them out"
            )
        whole = np.where(drawn > 1, np.rint(sizes), sizes)
        return tuple(zip(members, whole.tolist(), strict=True))

    @property
    def items(self) -> float:
        """For how many items the sample stands."""
        return sum(size for _, size in self.strata)

    def total(self, values: Floats) -> Estimate:
        """Estimate the sum of ``values``, shape ``(n,)``, over all items: unbiased."""
        return Estimate(float((values / self.inclusion).sum()), self.covariance(values, values) ** 0.5)

    def covariance(self, one: Floats, other: Floats) -> float:
        """Estimate the covariance of two estimated totals: unbiased.

        A lone member of a stratum counts as drawn independently of everything else (Poisson sampling).
        """
        total = 0.0
        for members, size in self.strata:
            drawn = len(members)
            if drawn == 1:
                share = 1 / size
                total += (1 - share) / share**2 * float(one[members[0]] * other[members[0]])
            elif drawn < size:
                spread = (one[members] - one[members].mean()) @ (other[members] - other[members].mean()) / (drawn - 1)
                total += size**2 * (1 - drawn / size) / drawn * float(spread)
        return total

    def above_and_beside(self, level: Ints, values: Floats) -> tuple[Floats, Floats]:
        """Estimate, for each item, the sum of ``values`` over the items of higher levels and of its own.

        Unbiased given that the item was drawn: of two items of one stratum both are drawn less often than if they
        were drawn independently.

        Args:
            level: Of each item, 0 for the highest, shape ``(n,)``.
            values: Shape ``(n,)``; an item's own does not count.
        """
        above, beside = _above_and_beside(level, values / self.inclusion)
        for members, size in self.strata:
            drawn = len(members)
            if 1 < drawn < size:
                own = np.unique(level[members], return_inverse=True)[1]
                higher, same = _above_and_beside(own, values[members])
                excess = (size - 1) / (drawn - 1) - size / drawn
                above[members] += excess * higher
                beside[members] += excess * same
        return above, beside


def estimates(sample: Sample, scores: Floats, places: Places | None) -> Iterator[tuple[str, Estimate | str]]:
    """Estimate the metrics of `cleanbench.metrics.METRICS` for the ranking of all items.

    Args:
        sample: The judged items.
        scores: What the ranking gives each of them, shape ``(n,)``.
        places: Where they stand among all items; None if that is not known.

    Yields:
        Each name with its estimate, or with the reason why there is none. By chance an estimate may lie outside of
        [0, 1], as it must to be unbiased; `cleanbench.sampled` brings what is shown within.
    """
    refusal = unfit(sample, places)
    for name, metric in METRICS.items():
        if refusal:
            yield name, refusal
        elif metric.needs_faulty and not sample.labels.any():
            yield name, "no faulty items in the sample"
        elif metric.needs_clean and sample.labels.all():
            yield name, "no clean items in the sample"
        elif name == "AUROC":
            yield name, auroc(sample, scores)
        elif name == "AP" or metric.cut is not None:
            yield (
                name,
                "the places of the judged items among all are not known"
                if places is None
                else _placed(name, metric.cut, sample, scores, places),
            )
        else:
            yield name, "not estimated from a sample of judged items"


def unfit(sample: Sample, places: Places | None) -> str:
    """Say why a sample does not stand for the ranked items; empty if it does."""
    if not len(sample.labels):
        return "no items"
    try:
        strata = sample.strata
    except UserError as error:
        return str(error)
    least = 0 if places is None else places.scored or places.known
    if (sample.inclusion == 1).all() and len(sample.labels) < least:
        return (
            f"every inclusion probability is 1, as if all items had been judged, but only {len(sample.labels):,} of "
            f"{least:,} were; leave the column inclusion out, or state with which probability each was drawn"
        )
    poisson = all(len(members) in (1, size) for members, size in strata)  # its size is random
    slack = max(0.5, WHOLE * sample.items)
    if places is not None and not poisson and not places.scored - slack <= sample.items <= places.items + slack:
        return f"the sample stands for {sample.items:,.0f} items, the ranking has {places.items:,}"
    return ""


def auroc(sample: Sample, scores: Floats) -> Estimate:
    """Estimate the probability that a faulty item outranks a clean one: a ratio of unbiased sums over pairs."""
    level = np.unique(-scores, return_inverse=True)[1]
    faulty, clean = sample.labels.astype(np.float64), (~sample.labels).astype(np.float64)
    nowhere = np.zeros_like(level)

    def wins(values: Floats, upwards: bool) -> tuple[Floats, Floats]:
        above, beside = sample.above_and_beside(-level + level.max() if upwards else level, values)
        return above + beside / 2, sample.above_and_beside(nowhere, values)[1]

    outranked, rivals = wins(clean, upwards=True)
    outranking, leaders = wins(faulty, upwards=False)
    pairs, won = faulty * rivals, faulty * outranked
    # Both sums are over pairs, so each item counts with its part in them as the faulty one and as the clean one.
    return _ratio(sample, won, pairs, won + clean * outranking, pairs + clean * leaders)


def average_precision(sample: Sample, places: Places, scores: Floats) -> Estimate:
    """Estimate average precision: statAP without its bias to first order.

    Precision at a faulty item is (1 + faulty items before it) / place; summed over all faulty items, and in expectation
    over orders of ties, that is a sum over faulty items and over pairs of faulty items, which are drawn with known
    probabilities: an unbiased total, divided by that of the faulty items.
    """
    faulty, ties = sample.labels.astype(np.float64), places.ties
    level = np.unique(-scores, return_inverse=True)[1]
    inverse = ramp_sum(np.ones_like(ties), np.zeros_like(ties), places.before, ties) / ties
    shared = ramp_sum(np.zeros_like(ties), np.ones_like(ties), places.before, ties)
    shared = np.where(ties > 1, shared / np.maximum(ties * (ties - 1), 1), 0.0)  # per tied item that may come first
    above, beside = sample.above_and_beside(level, faulty)
    own = faulty * (inverse * (1 + above) + shared * beside)
    below = sample.above_and_beside(level.max() - level, faulty * inverse)[0]
    beside_them = sample.above_and_beside(level, faulty * shared)[1]
    return _ratio(sample, own, faulty, own + faulty * (below + beside_them), faulty)


def precision_at(k: int, sample: Sample, places: Places) -> Estimate:
    """Estimate the expected share of faulty items in the top: unbiased."""
    return sample.total(_in_top(k, places) * sample.labels / k)


def recall_at(k: int, sample: Sample, places: Places) -> Estimate:
    """Estimate the expected share of the faulty items that is in the top: a ratio of two unbiased totals."""
    faulty = sample.labels.astype(np.float64)
    found = _in_top(k, places) * faulty
    return _ratio(sample, found, faulty, found, faulty)


def _ratio(sample: Sample, above: Floats, below: Floats, moves_above: Floats, moves_below: Floats) -> Estimate:
    """Estimate a ratio of two unbiased totals, less its bias to first order.

    The ratio ``Y / X`` is biased by about ``-Cov(Y - ratio X, X) / X^2``, which is estimated and taken off: where few
    faulty items are drawn, that is much of the standard error.

    Args:
        sample: The judged items.
        above: What each item adds to the upper total, shape ``(n,)``.
        below: The same of the lower total.
        moves_above: How much the upper total moves with each item, which is more than it adds where totals are over
            pairs: their Hájek projection.
        moves_below: The same of the lower total.
    """
    count = float((below / sample.inclusion).sum())
    value = float((above / sample.inclusion).sum()) / count
    influence = (moves_above - value * moves_below) / count
    bias = -sample.covariance(influence, moves_below / count)
    return Estimate(value - bias, sample.total(influence).standard_error)


def _placed(name: str, cut: str | None, sample: Sample, scores: Floats, places: Places) -> Estimate | str:
    if cut is None:
        return average_precision(sample, places, scores)
    k = depth(cut, places.items)
    if k > places.items:
        return f"k = {k} is beyond the number of items, {places.items}"
    if k > places.known:
        return f"k = {k} is beyond the {places.known:,} first items, whose places are known"
    return (precision_at if name.startswith("P@") else recall_at)(k, sample, places)


def _in_top(k: int, places: Places) -> Floats:
    """Return with which probability over orders of ties each item is among the first ``k``."""
    share: Floats = np.clip((k - places.before) / places.ties, 0, 1)
    return share


def _above_and_beside(level: Ints, values: Floats) -> tuple[Floats, Floats]:
    per_level = np.bincount(level, values).astype(np.float64)
    above: Floats = np.cumsum(per_level) - per_level
    return above[level], per_level[level] - values
