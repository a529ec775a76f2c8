"""Metrics of a ranking that treat ties honestly and declare their bounds, chance level and source.

Labels are True for faulty items; a higher score is more suspicious; ``-inf`` was not retrieved and ties at the bottom.
A 64-bit hash has 65 distances, so reading an order out of scores reports the luck of a sort. Here a metric is a formula
over `Levels`, the counts per distinct score: AUROC, AP, P@k, R@k and FoE are the exact expectation over random orders
of tied items. A formula trusts that `Metric.undefined` finds nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from types import MappingProxyType
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import zeta

from cleanbench.core import Bools, Floats

CUTS = ("1", "5", "10", "20", "50", "100", "500", "1000", "1%", "5%", "10%")


@dataclass(frozen=True, slots=True)
class Value:
    """What a metric has to say: a finite number, or the reason why there is none."""

    value: float | None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None) or not isfinite(self.value or 0):
            raise ValueError(f"expected a finite value or a reason, got {self.value} and {self.reason!r}")


@dataclass(frozen=True, slots=True)
class Levels:
    """Counts at or above each distinct score, most suspicious first: all that a metric needs to know.

    Attributes:
        reviewed: Items so far, after a leading 0, strictly increasing, shape ``(L + 1,)``.
        found: Faulty items so far, after a leading 0, shape ``(L + 1,)``. Both are whole numbers, kept as float64
            (exact up to 2**53) because products of counts overflow int64.
    """

    reviewed: Floats
    found: Floats

    @classmethod
    def of(cls, labels: Bools, scores: Floats) -> Self:
        """Group ``labels`` by ``scores``, both of shape ``(M,)``, in O(M log M) time and O(M) memory.

        Raises:
            ValueError: The shapes differ, labels are not boolean, or a score is NaN or ``+inf``.
        """
        labels, scores = np.asarray(labels), np.asarray(scores)
        if labels.ndim != 1 or labels.shape != scores.shape:
            raise ValueError(f"labels {labels.shape} and scores {scores.shape} must have the same shape (M,)")
        if labels.dtype != np.bool_:
            raise ValueError(f"labels must be boolean, True for faulty, not {labels.dtype}")
        if (wrong := np.isnan(scores) | np.isposinf(scores)).any():
            which = f"{wrong.sum()} scores are NaN or +inf, the first is {scores[wrong.argmax()]} at {wrong.argmax()}"
            raise ValueError(f"{which}: expected finite scores, or -inf for what was not retrieved")
        order = np.argsort(scores)[::-1]
        falling = scores[order]
        last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)[: falling.size])
        found = np.cumsum(labels[order], dtype=np.float64)[last]
        return cls(np.append(0.0, last + 1.0), np.append(0.0, found))

    @classmethod
    def counted(cls, items: npt.ArrayLike, faulty: npt.ArrayLike) -> Self:
        """Cumulate the items and the faulty items of each level, whole numbers ``(L,)``; levels may be empty."""
        items, faulty = np.asarray(items, dtype=np.float64), np.asarray(faulty, dtype=np.float64)
        held = items > 0
        return cls(np.append(0.0, np.cumsum(items[held])), np.append(0.0, np.cumsum(faulty[held])))


Formula = Callable[[Levels], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """A formula with its meaning: when it is defined, what it can reach, what a random order gets.

    A ranking where all faulty or all clean items lead in one tie attains the bounds, and one where all items tie has
    the chance level of ``expected`` (None: of ``formula``), unless ``random`` computes that. ``cut`` is one of `CUTS`.
    ``span`` holds what it can reach on any data set, where `bounds` are those of one.
    """

    name: str
    formula: Formula
    reference: str
    description: str
    expected: Formula | None = None
    random: Callable[[int, int], float | None] | None = None
    higher_is_better: bool = True
    needs_faulty: bool = True
    needs_clean: bool = False
    cut: str | None = None
    span: tuple[float, float] = (0.0, 1.0)

    def undefined(self, faulty: int, items: int) -> str | None:
        """Say why there is no value for ``faulty`` of ``items``, or return None where there is one."""
        if not 0 <= faulty <= items:
            raise ValueError(f"expected 0 <= faulty <= items, got {faulty} faulty of {items} items")
        if items == 0:
            return "no items"
        if self.needs_faulty and faulty == 0:
            return "no faulty items"
        if self.needs_clean and faulty == items:
            return "no clean items"
        if self.cut is not None and (k := depth(self.cut, items)) > items:
            return f"k = {k} is beyond the number of items, {items}"
        return None

    def compute(self, labels: Bools, scores: Floats) -> Value:
        """Return the value, or the reason why there is none; arguments and errors as in `Levels.of`."""
        return self.measure(Levels.of(labels, scores))

    def measure(self, levels: Levels) -> Value:
        """Return the value on counts, or the reason why there is none."""
        faulty, items = int(levels.found[-1]), int(levels.reviewed[-1])
        if reason := self.undefined(faulty, items):
            return Value(None, reason)
        low, high = self.bounds(faulty, items)
        return Value(min(max(self.formula(levels), low), high))  # rounding may stray past a bound by an ulp

    def chance(self, faulty: int, items: int) -> float | None:
        """Return the expectation over random strict orders; None where undefined or without a closed form."""
        if self.undefined(faulty, items):
            return None
        tied = Levels.counted([items], [faulty])
        return self.random(faulty, items) if self.random else (self.expected or self.formula)(tied)

    def bounds(self, faulty: int, items: int) -> tuple[float, float]:
        """Return the lowest and the highest value that rankings attain; ValueError where undefined."""
        if reason := self.undefined(faulty, items):
            raise ValueError(f"{self.name} has no bounds: {reason}")
        clean, expected = items - faulty, self.expected or self.formula
        faulty_lead = expected(Levels.counted([faulty, clean], [faulty, 0]))
        clean_lead = expected(Levels.counted([clean, faulty], [0, faulty]))
        return (clean_lead, faulty_lead) if self.higher_is_better else (faulty_lead, clean_lead)


def evaluate(labels: Bools, scores: Floats, names: Sequence[str] | None = None) -> dict[str, Value]:
    """Compute the metrics called ``names``, or all of `METRICS`, from one sort of the scores.

    Raises:
        ValueError: A name is unknown, or `Levels.of` refuses the labels or scores, both of shape ``(M,)``.

    Example:
        >>> evaluate(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]), ["AUROC", "P@1"])
        {'AUROC': Value(value=0.75, reason=None), 'P@1': Value(value=1.0, reason=None)}
    """
    chosen = tuple(METRICS) if names is None else names
    if unknown := [name for name in chosen if name not in METRICS]:
        raise ValueError(f"unknown metrics {unknown}; expected some of {', '.join(METRICS)}")
    levels = Levels.of(labels, scores)
    return {name: METRICS[name].measure(levels) for name in chosen}


def auroc(levels: Levels) -> float:
    """Probability that a faulty item outranks a clean one, ties counting half, in [0, 1]."""
    clean = levels.reviewed - levels.found
    outranked = clean[-1] - (clean[1:] + clean[:-1]) / 2
    return float(np.diff(levels.found) @ outranked / (levels.found[-1] * clean[-1]))


def average_precision(levels: Levels) -> float:
    """Expected average precision over random orders of tied items, in (0, 1].

    The j-th place of a level is faulty with probability ``faulty / items``, and then has an average of
    ``(j - 1) (faulty - 1) / (items - 1)`` faulty ones of the level before it (McSherry and Najork 2008).

    Example:
        >>> average_precision(Levels.of(np.array([True, False, True, False]), np.array([0.9, 0.5, 0.5, 0.1])))
        0.9166666666666666
    """
    items, faulty = np.diff(levels.reviewed), np.diff(levels.found)
    slope = (faulty - 1) / np.maximum(items - 1, 1)
    precisions = ramp_sum(levels.found[:-1] + 1, slope, levels.reviewed[:-1], items)
    return float((faulty / items) @ precisions / levels.found[-1])


def average_precision_when(faulty_first: bool, levels: Levels) -> float:
    """Average precision if every tie were resolved for, or else against, the method."""
    faulty = np.diff(levels.found)
    before = levels.reviewed[:-1] if faulty_first else levels.reviewed[1:] - faulty
    precisions = ramp_sum(levels.found[:-1] + 1, np.ones_like(faulty), before, faulty)
    return float(precisions.sum() / levels.found[-1])


def average_precision_step(levels: Levels) -> float:
    """Average precision over distinct thresholds: all of a level has the precision at its end."""
    return float(np.diff(levels.found) @ (levels.found[1:] / levels.reviewed[1:]) / levels.found[-1])


def auprg(levels: Levels) -> float:
    """Area under precision gain 1 - P/N fp/tp over recall gain 1 - P/N fn/tp in [0, 1], for P faulty and N clean items.

    Lines of ROC space stay straight, so recall gain 0 is crossed where tp = P^2 / (P + N) on the ROC curve.
    """
    faulty, clean = levels.found[-1], levels.reviewed[-1] - levels.found[-1]
    crossing, false = faulty**2 / levels.reviewed[-1], levels.reviewed - levels.found
    beyond = np.searchsorted(levels.found, crossing)
    true = np.append(crossing, levels.found[beyond:])
    loss = faulty / clean * np.append(np.interp(crossing, levels.found, false), false[beyond:]) / true
    width = faulty**2 / clean * np.diff(true) / (true[1:] * true[:-1])  # steps of recall gain, in all 1
    return float(1 - width @ (loss[1:] + loss[:-1]) / 2)


def auprg_reference(levels: Levels) -> float:
    """Sum of steps of recall gain times precision gain at their end, gains clipped to [0, 1]."""
    ratio = levels.found[-1] / (levels.reviewed[-1] - levels.found[-1])
    true, reviewed = levels.found[levels.found > 0], levels.reviewed[levels.found > 0]
    recall_gain = np.clip(1 - ratio * (true[-1] - true) / true, 0, 1)
    return float(np.diff(recall_gain, prepend=0) @ np.clip(1 - ratio * (reviewed - true) / true, 0, 1))


def depth(cut: str, items: int) -> int:
    """Turn one of `CUTS` into a number of items; a percentage is rounded up, in whole numbers."""
    return -(-items * int(cut[:-1]) // 100) if cut.endswith("%") else int(cut)


def precision_at(cut: str, levels: Levels) -> float:
    """Expected share of faulty items in the top, in [0, 1]."""
    k = depth(cut, int(levels.reviewed[-1]))
    return float(np.interp(k, levels.reviewed, levels.found) / k)


def recall_at(cut: str, levels: Levels) -> float:
    """Expected share of the faulty items that is in the top, in [0, 1]."""
    k = depth(cut, int(levels.reviewed[-1]))
    return float(np.interp(k, levels.reviewed, levels.found) / levels.found[-1])


def fraction_of_effort(levels: Levels) -> float:
    """Expected share of items reviewed over share of faults found, averaged over the faults."""
    items, faulty = np.diff(levels.reviewed), np.diff(levels.found)
    step = (items + 1) / (faulty + 1)  # the j-th of the faulty items tied here is expected at place j * step
    efforts = ramp_sum(levels.reviewed[:-1] + step, step, levels.found[:-1], faulty)
    return float(efforts.sum() / levels.reviewed[-1])


def ramp_sum(start: Floats, slope: Floats, before: Floats, count: Floats) -> Floats:
    """Sum ``(start + (j - 1) slope) / (before + j)`` over j = 1..count, elementwise, without cancellation.

    With H a difference of harmonic numbers it is ``start H + slope (count - (before + 1) H)``; H and the bracket cancel
    where count is small beside before, so both are expanded.
    """
    total = np.zeros_like(start)
    for _ in range(32):  # summed as it stands: all there is without long ties, and the expansion needs `before`
        total += np.where(count > 0, start / (before + 1), 0)
        start, before, count = start + slope, before + 1, np.maximum(count - 1, 0)
        if not count.any():
            return total
    low = before + 0.5
    u, w = count / low, count / (2 * low + count)
    log = np.log1p(u)  # = 2 artanh(w), whose series gives the excess u - log where that cancels
    excess = np.where(u < 0.5, u * w - 2 * w**3 * np.polyval(1 / np.arange(25, 1, -2), w * w), u - log)
    bend = [-127 / 30720, 31 / 8064, -7 / 960, 1 / 24, 0]  # harmonic number n less log(n + 1/2), in its -2nd power
    rest: Floats = np.polyval(bend, (low + count) ** -2) - np.polyval(bend, low**-2)
    return total + start * (log + rest) + slope * (low * excess - log / 2 - (before + 1) * rest)


def _random_auprg(faulty: int, items: int) -> float:
    # The curve is straight from the i-th faulty item to the next, above which (i + 1) / (P + 1) of N clean ones
    # are expected: sum (i + 1) (1/from^2 - 1/to^2) over true positives from P^2 / (P + N) up to P.
    crossing, beyond = faulty * faulty / items, faulty * faulty // items + 1
    series = beyond / crossing**2 + zeta(2, beyond) - zeta(2, faulty) - 1 / faulty
    return float(1 - faulty**3 / (2 * (faulty + 1) * (items - faulty)) * series)


# fmt: off
_TIED = "McSherry and Najork, ECIR 2008"
_METRICS = (
    Metric("AUROC", auroc, "Hanley and McNeil, Radiology 1982", needs_clean=True, description=
        "Chance that a faulty item outranks a clean one; high even if a long queue starts with clean items"),
    Metric("AP", average_precision, _TIED, description=
        "Mean precision at the faulty items; chance is about the prevalence, so compare on one data set"),
    Metric("AP_step", average_precision_step, "scikit-learn's average_precision_score", expected=average_precision,
        description="AP over distinct scores; may fall when a faulty item rises out of a tie, or exceed AP_best"),
    Metric("AP_worst", partial(average_precision_when, False), _TIED, expected=average_precision, description=
        "AP if ties resolve against the method; far from AP_best, an order of tied items is luck"),
    Metric("AP_best", partial(average_precision_when, True), _TIED, expected=average_precision, description=
        "AP if ties resolve for the method; 1 for a constant score, so not a result by itself"),
    Metric("AUPRG", auprg, "Flach and Kull, NIPS 2015", random=_random_auprg, needs_clean=True,
        span=(-np.inf, 1.0), description=
        "Area under precision-recall-gain; a constant score has 0, an early miss among rare faults far less"),
    Metric("AUPRG_reference", auprg_reference, "CleanPatrick, arXiv:2505.11034, code", needs_clean=True,
        random=lambda *_: None, description=
        "AUPRG in steps clipped to [0, 1]; chance has no closed form, and rises as faults get rare"),
    *(Metric(f"P@{cut}", partial(precision_at, cut), _TIED, needs_faulty=False, cut=cut, description=
        "Share of faulty items in the top; blind to everything below, at most their number over k") for cut in CUTS),
    *(Metric(f"R@{cut}", partial(recall_at, cut), _TIED, cut=cut, description=
        "Share of the faulty items in the top; blind to their order, at most k over their number") for cut in CUTS),
    Metric("FoE", fraction_of_effort, "SelfClean-Audio, arXiv:2509.26291", higher_is_better=False, span=(0.0, np.inf),
        description=
        "Share reviewed over share found, mean over faults; about 1 at random, ruled by the first few faults"),
)
# fmt: on
METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _METRICS})
