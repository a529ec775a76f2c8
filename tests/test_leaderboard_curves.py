"""Curves of boards."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanbench.leaderboard.curves import PRECISION, SHARE, Curve, curve_of, mean_of, thinned
from cleanbench.leaderboard.site.drawings import STRAY, _straightened, precision_points
from cleanbench.metrics import Levels

RANKINGS = st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=2, max_size=60).filter(
    lambda items: any(label for label, _ in items)
)


def levels_of(items: list[tuple[bool, int]]) -> Levels:
    labels, scores = (np.array(column) for column in zip(*items, strict=True))
    return Levels.of(labels, scores.astype(float))


def found_at(curve: Curve, depth: float) -> float:
    return float(np.interp(depth, *zip(*curve, strict=True)))


@given(RANKINGS)
def test_a_curve_passes_through_every_level_and_has_no_corner_that_is_none(items: list[tuple[bool, int]]) -> None:
    levels = levels_of(items)
    curve = curve_of(levels)
    for reviewed, found in zip(levels.reviewed, levels.found, strict=True):
        assert found_at(curve, reviewed) == pytest.approx(found, abs=1e-9)
    for (a, low), (b, middle), (c, high) in zip(curve, curve[1:], curve[2:], strict=False):
        assert (middle - low) * (c - b) != (high - middle) * (b - a)


@given(st.lists(RANKINGS, min_size=1, max_size=3))
def test_a_mean_curve_is_the_mean_at_every_depth(rankings: list[list[tuple[bool, int]]]) -> None:
    size = min(map(len, rankings))
    curves = [curve_of(levels_of([(True, 20), *items[:size]])) for items in rankings]
    middle = mean_of(curves)
    for depth in range(size + 2):
        assert found_at(middle, depth) == pytest.approx(np.mean([found_at(each, depth) for each in curves]), abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(2, 3000), st.floats(0.01, 0.9))
def test_a_thinned_curve_stays_near_and_keeps_both_ends(seed: int, size: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random(size) < share
    labels[0] = True
    curve = curve_of(Levels.of(labels, rng.normal(size=size) + labels))
    thin = thinned(curve)
    assert (thin[0], thin[-1]) == (curve[0], curve[-1])
    assert set(thin) <= set(curve)
    for reviewed, found in curve[1:]:
        astray = abs(found_at(thin, reviewed) - found)
        assert astray <= PRECISION * reviewed + 1e-9
        assert astray <= SHARE * curve[-1][1] + 1e-9


def test_a_long_curve_becomes_short() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(40_000) < 0.2
    curve = curve_of(Levels.of(labels, rng.normal(size=40_000) + labels))
    assert len(curve) > 5_000
    assert len(thinned(curve)) < 250


def test_precision_of_ties_is_constant_from_the_start_and_bent_later() -> None:
    points = precision_points(curve_of(Levels.counted([2, 8], [1, 1])))
    assert points[:2] == [(0.0, 0.5), (0.5, 0.5)]
    assert points[-1] == (1.0, 0.2)
    # The middle of the second level: 1.5 found of 6, which is not halfway between .5 and .2.
    recalls, precisions = zip(*points[1:], strict=True)
    assert np.interp(0.75, recalls, precisions) == pytest.approx(1.5 / 6, abs=1e-3)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 200)), min_size=2, max_size=40))
def test_a_straightened_line_strays_less_than_is_seen(places: list[tuple[int, int]]) -> None:
    line = [(float(x), float(y)) for x, y in places]
    kept = _straightened(line)
    assert (kept[0], kept[-1]) == (line[0], line[-1])
    for x, y in line:
        pieces = [_distance((x, y), *ends) for ends in pairwise(kept)]
        assert min(pieces, default=0) <= STRAY + 1e-9


def _distance(point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    """Return the distance of a point from the line through two others, or from both where they are one."""
    (x, y), (a, b), (c, d) = point, start, end
    length = float(np.hypot(c - a, d - b))
    return float(np.hypot(x - a, y - b)) if not length else abs((x - a) * (d - b) - (y - b) * (c - a)) / length
