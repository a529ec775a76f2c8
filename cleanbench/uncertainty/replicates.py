"""Metrics of a ranking on weighted samples of its items: one pass over the levels for each replicate.

The formulas of `cleanbench.metrics` count items. Here each is continued from counts to masses whose mean is 1, so that
masses of 1 give the metric itself: sums over places become differences of harmonic numbers, which are defined for any
mass, and items of one level keep their expected order. No replicate is kept beyond its metrics.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleanbench.compilation import compiled
from cleanbench.core import Bools, Floats
from cleanbench.metrics import METRICS, Levels, depth
from cleanbench.uncertainty.resampling import Resampling

REPLICATES = 2000
SEED = 0
DIGITS = 12
_AREAS = ("AUROC", "AP", "AP_step", "AP_worst", "AP_best", "AUPRG", "AUPRG_reference", "FoE")


@dataclass(frozen=True, eq=False)
class Replicates:
    """Values of metrics on replicates of the items.

    Attributes:
        at_sample: By metric, the value where all weights are equal: the metric up to rounding.
        values: By metric, shape ``(B,)``.
        alone: The same where each pair is drawn independently; None unless images were drawn.
    """

    at_sample: dict[str, float]
    values: dict[str, Floats]
    alone: dict[str, Floats] | None = None


def replicate(
    labels: Bools,
    scores: Floats,
    resampling: Resampling,
    names: Sequence[str] | None = None,
    count: int = REPLICATES,
    seed: int = SEED,
) -> Replicates:
    """Compute metrics on ``count`` replicates in O(count M) time and O(M + count) memory.

    Args:
        labels: True for faulty, shape ``(M,)``.
        scores: Higher is more suspicious, ``-inf`` for what was not retrieved, shape ``(M,)``.
        resampling: Which weights the items share, in the same order.
        names: Of metrics; all of `METRICS` by default. Those that are undefined here are left out.
        count: How many replicates.
        seed: Another seed gives other replicates; results that are compared need the same.
    """
    levels = Levels.of(labels, scores)
    items, faulty = int(levels.reviewed[-1]), int(levels.found[-1])
    defined = [name for name in names or METRICS if METRICS[name].undefined(faulty, items) is None]
    if not faulty or not items - faulty:  # the value is the same on every replicate
        fixed = {name: METRICS[name].formula(levels) for name in defined}
        return Replicates(fixed, {name: np.full(count, value) for name, value in fixed.items()})
    order = np.argsort(scores)[::-1]
    depths = sorted({depth(cut, items) for name in defined if (cut := METRICS[name].cut) is not None})
    table = np.empty((count + 1, len(_AREAS) + len(depths) + 1))
    _replicate(
        np.asarray(labels)[order],
        levels.reviewed.astype(np.int64),
        levels.found.astype(np.int64),
        np.asarray(resampling.first)[order],
        np.asarray(resampling.second)[order],
        resampling.unit == "images",
        resampling.units,
        np.array(depths, dtype=np.float64),
        np.uint64(seed),
        table,
    )
    # Rankings of one order may differ in the last digits, as sums of weights depend on where the others have ties.
    table = np.round(table, DIGITS)
    columns = {name: _column(name, table, depths, items) for name in defined}
    alone = None
    if resampling.unit == "images":
        alone = replicate(labels, scores, Resampling.independent(items), defined, count, seed).values
    at_sample = {name: float(column[0]) for name, column in columns.items()}
    return Replicates(at_sample, {name: column[1:] for name, column in columns.items()}, alone)


def uniforms(count: int, seed: int = SEED) -> Floats:
    """Return two rows of ``count`` uniform variables for what a metric adds to its replicates, shape ``(2, count)``."""
    drawn = np.empty(2 * count)
    _fill(np.uint64(seed), drawn)
    return drawn.reshape(2, count)


def _column(name: str, table: Floats, depths: list[int], items: int) -> Floats:
    """Return a metric's values: of the sample first, then of its replicates."""
    if name in _AREAS:
        return table[:, _AREAS.index(name)]
    cut = METRICS[name].cut
    assert cut is not None  # what is no area is a share of the top
    k = depth(cut, items)
    found = table[:, len(_AREAS) + depths.index(k)]
    return found / (k if name.startswith("P@") else table[:, -1])


@compiled
def _replicate(faulty, reviewed, found, first, second, product, units, depths, seed, table):  # type: ignore[no-untyped-def]
    """Fill a table of metrics: row 0 for equal weights, then a row for each replicate."""
    items = len(faulty)
    weights, drawn = np.ones(items), np.empty(units)
    _measure(faulty, reviewed, found, weights, depths, table[0])
    for row in range(1, len(table)):
        for unit in range(units):
            drawn[unit] = _exponential(seed, np.uint64((row - 1) * units + unit))
        total = 0.0
        for item in range(items):
            weights[item] = drawn[first[item]] * drawn[second[item]] if product else drawn[first[item]]
            total += weights[item]
        scale = items / total
        for item in range(items):
            weights[item] *= scale
        _measure(faulty, reviewed, found, weights, depths, table[row])


@compiled
def _exponential(seed, counter):  # type: ignore[no-untyped-def]
    return -np.log(_uniform(seed, counter))


@compiled
def _uniform(seed, counter):  # type: ignore[no-untyped-def]
    """Return draw number ``counter`` of SplitMix64, in (0, 1)."""
    z = _mixed(_mixed(seed) + (counter + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))
    return (np.float64(z >> np.uint64(11)) + 0.5) * 2.0**-53


@compiled
def _fill(seed, drawn):  # type: ignore[no-untyped-def]
    """Fill an array with draws from the end of the stream, which weights do not reach."""
    for place in range(len(drawn)):
        drawn[place] = _uniform(seed, np.uint64(2**63 + place))


@compiled
def _mixed(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def _measure(faulty, reviewed, found, weights, depths, out):  # type: ignore[no-untyped-def]
    """Write the areas, the faulty mass at each depth, and the whole faulty mass into ``out``."""
    items, positive = len(faulty), 0.0
    for item in range(items):
        if faulty[item]:
            positive += weights[item]
    clean = items - positive
    ratio, crossing = positive / clean, positive * positive / items
    auroc = ap = step_ap = worst = best = gain = reference = effort = 0.0
    before = hits = recall_gain = 0.0  # items and faulty ones above this level; recall gain at its top
    at = 0
    for level in range(len(reviewed) - 1):
        mass = true = 0.0
        for item in range(reviewed[level], reviewed[level + 1]):
            mass += weights[item]
            if faulty[item]:
                true += weights[item]
        tied, tied_faulty = reviewed[level + 1] - reviewed[level], found[level + 1] - found[level]
        if tied == tied_faulty:
            true = mass  # also to the last digit
        while at < len(depths) and depths[at] <= before + mass:
            out[8 + at] = hits + true * (depths[at] - before) / mass
            at += 1
        if tied_faulty:
            false, after, after_hits = mass - true, before + mass, hits + true
            auroc += true * (clean - (before - hits) - false / 2)
            # The x-th place of the level has start + x slope faulty ones up to it, itself being one.
            best_here = true - (before - hits) * _harmonic(before, true)
            if tied == tied_faulty:
                ap += best_here
                worst += best_here
                stride = 1.0
            else:
                slope = 0.0
                if tied_faulty > 1:
                    slope = true / mass * (tied_faulty - 1) * tied / (tied_faulty * (tied - 1.0))
                start = hits + (true / tied_faulty + 1) / 2 - slope * (mass / tied + 1) / 2
                ap += true / mass * (slope * mass + (start - slope * before) * _harmonic(before, mass))
                worst += true - (before + false - hits) * _harmonic(before + false, true)
                stride = mass / true * (tied + 1.0) * tied_faulty / (tied * (tied_faulty + 1.0))
            best += best_here
            step_ap += true * after_hits / after
            effort += stride * true + (before - stride * hits) * _harmonic(hits, true)
            if after_hits > crossing:
                low, low_false = hits, before - hits
                if low < crossing:
                    low_false += false * (crossing - low) / true
                    low = crossing
                width = positive * positive / clean * (after_hits - low) / (after_hits * low)
                gain += width * ratio * (low_false / low + (after - after_hits) / after_hits) / 2
        before += mass
        hits += true
        if hits > 0:
            gained = min(max(1 - ratio * (positive - hits) / hits, 0.0), 1.0)
            reference += (gained - recall_gain) * min(max(1 - ratio * (before - hits) / hits, 0.0), 1.0)
            recall_gain = gained
    while at < len(depths):  # what rounding left beyond the last item
        out[8 + at] = positive
        at += 1
    out[0], out[1], out[2] = auroc / (positive * clean), ap / positive, step_ap / positive
    out[3], out[4], out[5], out[6] = worst / positive, best / positive, 1 - gain, reference
    out[7], out[8 + len(depths)] = effort / items, positive


@compiled
def _harmonic(before, count):  # type: ignore[no-untyped-def]
    """Return the sum of ``1 / (before + j)`` over j = 1..count, continued to any count by the digamma function."""
    total = 0.0
    while before < 16:
        total += count / ((before + 1) * (before + count + 1))
        before += 1
    low = before + 0.5
    return total + np.log1p(count / low) + _bend(low + count) - _bend(low)


@compiled
def _bend(y):  # type: ignore[no-untyped-def]
    """Return the digamma function at y + 1/2 less the logarithm of y, for y from 16 on."""
    z = 1 / (y * y)
    return z * (1 / 24 - z * (7 / 960 - z * (31 / 8064 - z * 127 / 30720)))
