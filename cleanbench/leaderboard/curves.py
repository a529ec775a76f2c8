"""Curves small enough for a page: the faults found after every number of items reviewed, ties as expected.

Recall, precision and effort all follow from them, so that a page needs one list of corners per ranking. Only basic
operations on Python's floats are used, which give the same bytes on every machine.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from cleanbench.metrics import Levels

# A corner is left out where the line past it is this near: in precision, and in the share of faults found.
PRECISION, SHARE = 0.005, 0.0025

# Items reviewed and faults found by then, from (0, 0) on; straight in between, as expected of tied items.
Curve = tuple[tuple[int, float], ...]


def curve_of(levels: Levels) -> Curve:
    """Return the corners of a ranking's curve, exact: where its direction changes.

    Example:
        >>> curve_of(Levels.counted([1, 1, 2, 6], [1, 1, 1, 0]))
        ((0, 0), (2, 2), (4, 3), (10, 3))
    """
    reviewed, found = (counts.astype(np.int64) for counts in (levels.reviewed, levels.found))
    items, faulty = np.diff(reviewed), np.diff(found)
    # Of whole numbers below 2**31, so that the products are exact.
    turns = faulty[1:] * items[:-1] != faulty[:-1] * items[1:]
    kept = np.concatenate([[True], turns, [True]])[: len(reviewed)]
    return tuple(zip(reviewed[kept].tolist(), found[kept].tolist(), strict=True))


def mean_of(curves: Sequence[Curve]) -> Curve:
    """Return the mean faults found at each number of items reviewed, over curves of the same items."""
    if len(curves) == 1:
        return curves[0]
    depths = sorted({reviewed for curve in curves for reviewed, _ in curve})
    heights = [_heights(curve, depths) for curve in curves]
    means = [sum(column) / len(curves) for column in zip(*heights, strict=True)]
    return tuple(zip(depths, means, strict=True))


def thinned(curve: Curve) -> Curve:
    """Return a curve of fewer corners that strays from this one by less than a drawing shows.

    At every corner of the given curve the precision is within `PRECISION` and the share of faults found within `SHARE`.
    """
    faulty = curve[-1][1]
    kept = [curve[0]]
    steepest, flattest, before = float("inf"), float("-inf"), curve[0]
    for reviewed, found in curve[1:]:
        start, height = kept[-1]
        slope = (found - height) / (reviewed - start)
        if not flattest <= slope <= steepest:
            kept.append(before)
            start, height = before
            steepest, flattest = float("inf"), float("-inf")
        # Within which slopes a line from the last corner kept passes near enough to this one.
        room = min(PRECISION * reviewed, SHARE * faulty)
        steepest = min(steepest, (found + room - height) / (reviewed - start))
        flattest = max(flattest, (found - room - height) / (reviewed - start))
        before = (reviewed, found)
    return (*kept, before) if len(curve) > 1 else curve


def _heights(curve: Curve, depths: Iterable[int]) -> list[float]:
    """Return the faults found at depths in rising order."""
    heights: list[float] = []
    corner = 1
    for depth in depths:
        while corner < len(curve) - 1 and curve[corner][0] < depth:
            corner += 1
        (start, low), (end, high) = curve[corner - 1], curve[corner]
        heights.append(low + (high - low) * (depth - start) / (end - start))
    return heights
