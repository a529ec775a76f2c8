"""Curves of a ranking: precision over recall, ROC and effort; ties are what a random order of them is expected to do.

All come from `Levels`, the counts at distinct scores: a curve has a corner per distinct score, and tied items lie on
the straight line of expected counts between two corners, never on the staircase of one lucky order. In precision over
recall that line is bent (Davis and Goadrich, ICML 2006), so it is given by points on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from cleanbench.core import Bools, Floats, Ints
from cleanbench.metrics import Levels
from cleanbench.uncertainty.resampling import Resampling

GRID = 100  # steps of a band
REPLICATES = 400  # enough for a drawing; intervals of metrics have more
CONFIDENCE = 0.95
_POINTS = 20  # at most, on the bent line of tied items
_CHUNK = 2_000_000  # weights in memory at once


@dataclass(frozen=True, eq=False)
class Curve:
    """Points in the unit square, x ascending, both of shape ``(n,)``."""

    x: Floats
    y: Floats


@dataclass(frozen=True, eq=False)
class Band:
    """Pointwise limits of a curve over a grid, all of shape ``(n,)``."""

    x: Floats
    low: Floats
    high: Floats


def precision_recall(levels: Levels) -> Curve:
    """Return precision (share of the reviewed that is faulty) over recall (share of the faulty that is found).

    Precision at recall 0 is that of the first level. ``levels`` must hold a faulty item.

    Example:
        >>> curve = precision_recall(Levels.of(np.array([True, False, True]), np.array([0.9, 0.5, 0.1])))
        >>> curve.x.tolist(), curve.y.round(3).tolist()
        ([0.0, 0.5, 0.5, 1.0], [1.0, 1.0, 0.5, 0.667])
    """
    items, faulty = np.diff(levels.reviewed), np.diff(levels.found)
    bent = (faulty > 0) & (items > 1)
    points = np.where(bent, np.minimum(items, _POINTS), 1).astype(np.int64)
    level = np.repeat(np.arange(len(items)), points)
    first = np.cumsum(points) - points
    share = (np.arange(len(level)) - first[level] + 1) / points[level]
    found = levels.found[level] + share * faulty[level]
    reviewed = levels.reviewed[level] + share * items[level]
    recall, precision = found / levels.found[-1], found / reviewed
    return Curve(np.append(0.0, recall), np.append(faulty[0] / items[0], precision))


def roc(levels: Levels) -> Curve:
    """Return the share of the faulty items above a score over that of the clean ones; both must occur."""
    clean = levels.reviewed - levels.found
    return Curve(clean / clean[-1], levels.found / levels.found[-1])


def effort(levels: Levels) -> Curve:
    """Return the share of the faulty items found over the share of all items reviewed."""
    return Curve(levels.reviewed / levels.reviewed[-1], levels.found / levels.found[-1])


CURVES: Mapping[str, Callable[[Levels], Curve]] = MappingProxyType(
    {"precision_recall": precision_recall, "roc": roc, "effort": effort}
)


def bands(labels: Bools, scores: Floats, items: Ints, count: int = REPLICATES, seed: int = 0) -> dict[str, Band]:
    """Return a pointwise band for each of `CURVES`: where 95 % of the curves of replicates of the items lie.

    Items (for pairs: images, or whole components of judged pairs) get weights from the exponential distribution, the
    Bayesian bootstrap (Rubin, Annals of Statistics 1981). The band covers each place of the curve by itself, not the
    whole curve at once; where the curve runs along 0 or 1 it is too narrow, because no replicate leaves that line.

    Args:
        labels: True for faulty, shape ``(M,)``; both kinds must occur.
        scores: Shape ``(M,)``.
        items: The judged images ``(M,)`` or pairs ``(M, 2)``, which says what varies together.
        count: How many replicates.
        seed: Of the weights.
    """
    levels = Levels.of(labels, scores)
    order = np.argsort(scores)[::-1]
    ends = levels.reviewed[1:].astype(np.int64) - 1
    shared = Resampling.of(items)
    first, second, faulty = shared.first[order], shared.second[order], np.asarray(labels)[order]
    grid = np.linspace(0, 1, GRID + 1)
    grids = {"precision_recall": np.append(1 / levels.found[-1], grid[grid > 1 / levels.found[-1]]), "roc": grid}
    drawn: dict[str, list[Floats]] = {name: [] for name in CURVES}
    rng = np.random.default_rng(seed)
    at_once = max(1, _CHUNK // max(len(labels), shared.units))
    for start in range(0, count, at_once):
        units = rng.exponential(size=(min(at_once, count - start), shared.units))
        weights = units[:, first] * units[:, second] if shared.unit == "images" else units[:, first]
        reviewed = np.cumsum(weights, axis=1)[:, ends]
        found = np.cumsum(weights * faulty, axis=1)[:, ends]
        for true, seen in zip(np.insert(found, 0, 0, axis=1), np.insert(reviewed, 0, 0, axis=1), strict=True):
            drawn["precision_recall"].append(_precision_at(grids["precision_recall"], true, seen))
            drawn["roc"].append(_highest_at(grid, (seen - true) / (seen - true)[-1], true / true[-1]))
            drawn["effort"].append(np.interp(grid, seen / seen[-1], true / true[-1]))
    limits = [100 * (1 - CONFIDENCE) / 2, 100 * (1 + CONFIDENCE) / 2]
    return {
        name: Band(grids.get(name, grid), *np.percentile(np.array(curves), limits, axis=0))
        for name, curves in drawn.items()
    }


def reduced(curve: Curve, columns: int = 300) -> Curve:
    """Return a curve that draws the same at ``columns`` pixels, with at most four points for each.

    The first, lowest, highest and last point of each column are kept (M4 of Jugel et al., VLDB 2014).
    """
    if len(curve.x) <= 4 * columns:
        return curve
    column = np.minimum((curve.x * columns).astype(np.int64), columns - 1)
    starts = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
    ends = np.append(starts[1:], len(column)) - 1
    own = np.repeat(np.arange(len(starts)), ends - starts + 1)
    by_height = np.lexsort((curve.y, own))  # columns keep their places
    kept = np.unique(np.concatenate([starts, ends, by_height[starts], by_height[ends]]))
    return Curve(curve.x[kept], curve.y[kept])


def _precision_at(recall: Floats, found: Floats, reviewed: Floats) -> Floats:
    """Return the precision where each recall is first reached."""
    wanted = recall * found[-1]
    wanted[-1] = found[-1]
    after = np.clip(np.searchsorted(found, wanted, side="left"), 1, len(found) - 1)
    step = found[after] - found[after - 1]
    share = np.divide(wanted - found[after - 1], step, out=np.ones_like(wanted), where=step > 0)
    precision: Floats = wanted / (reviewed[after - 1] + share * (reviewed[after] - reviewed[after - 1]))
    return precision


def _highest_at(grid: Floats, x: Floats, y: Floats) -> Floats:
    """Return the highest y at each x of the grid, for a curve of straight lines that also rises upright."""
    after = np.searchsorted(x, grid, side="right")  # beyond all points at this x: the one before is the highest
    before, after = after - 1, np.minimum(after, len(x) - 1)
    width = x[after] - x[before]
    share = np.divide(grid - x[before], width, out=np.zeros_like(grid), where=width > 0)
    highest: Floats = y[before] + share * (y[after] - y[before])
    return highest
