"""Curves of rankings: expectations over orders of ties, bands like replicates made naively, drawings that are true."""

import csv
import io
from itertools import pairwise, permutations
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanbench.metrics import METRICS, Levels
from cleanbench.report import charts
from cleanbench.report.charts import Chart, Line
from cleanbench.report.curves import CURVES, GRID, Curve, bands, effort, precision_recall, reduced, roc
from cleanbench.uncertainty.resampling import Resampling

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def rankings(draw, most=6):
    size = draw(st.integers(2, most))
    labels = draw(st.lists(st.booleans(), min_size=size, max_size=size).filter(lambda own: 0 < sum(own) < len(own)))
    scores = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    return np.array(labels), np.array(scores, dtype=float)


def expected_found(labels, scores):
    """Return the mean number of faulty items among the first k, for every k, over all orders of ties."""
    orders = [order for order in permutations(range(len(labels))) if np.all(np.diff(scores[list(order)]) <= 0)]
    return np.mean([np.cumsum(labels[list(order)]) for order in orders], axis=0)


@given(rankings())
def test_curves_pass_through_what_is_expected_over_all_orders_of_ties(ranking):
    labels, scores = ranking
    found, reviewed = expected_found(labels, scores), np.arange(1, len(labels) + 1)
    levels, faulty = Levels.of(labels, scores), labels.sum()
    shown = precision_recall(levels)
    points = np.stack([shown.x, shown.y], axis=1)
    for recall, precision in zip(found / faulty, found / reviewed, strict=True):
        # Levels without a faulty item are one upright step: only its end is a point.
        near = np.abs(points - [recall, precision]).max(axis=1).min() < 1e-12
        upright = np.abs(shown.x - recall) < 1e-12
        assert near or (shown.y[upright].min() - 1e-12 <= precision <= shown.y[upright].max() + 1e-12)
    clean = (reviewed - found) / (len(labels) - faulty)
    line = effort(levels)
    assert np.interp(reviewed / len(labels), line.x, line.y) == pytest.approx(found / faulty)
    other = roc(levels)
    for x, y in zip(clean, found / faulty, strict=True):
        distances = [distance((x, y), *ends) for ends in zip(*_ends(other), strict=True)]
        assert min(distances) < 1e-12


def _ends(curve):
    points = np.stack([curve.x, curve.y], axis=1)
    return points[:-1], points[1:]


def distance(point, start, end):
    """Return how far a point is from a straight line between two others."""
    along = end - start
    share = np.clip(np.dot(point - start, along) / max(np.dot(along, along), 1e-300), 0, 1)
    return np.abs(start + share * along - point).max()


@given(rankings(most=40))
def test_areas_under_the_curves_are_the_metrics(ranking):
    levels, prevalence = Levels.of(*ranking), ranking[0].mean()
    auroc = METRICS["AUROC"].formula(levels)
    line = roc(levels)
    assert np.trapezoid(line.y, line.x) == pytest.approx(auroc)
    line = effort(levels)
    assert np.trapezoid(line.y, line.x) == pytest.approx(prevalence / 2 + (1 - prevalence) * auroc)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("pairs", [False, True])
def test_bands_are_quantiles_of_curves_of_replicates(ties, pairs):
    rng = np.random.default_rng(3)
    labels = rng.random(60) < 0.3
    scores = rng.normal(size=60) + labels
    if ties:
        scores = np.round(scores)
    items = np.stack([np.zeros(60, dtype=int), np.arange(1, 61)], axis=1) if pairs else np.arange(60)
    found = bands(labels, scores, items, count=25, seed=1)
    shared = Resampling.of(items)
    assert shared.unit == ("images" if pairs else "items")
    order = np.argsort(scores)[::-1]
    draws = np.random.default_rng(1).exponential(size=(25, shared.units))
    naive = {name: [] for name in CURVES}
    for units in draws:
        weights = units[shared.first] * (units[shared.second] if pairs else 1)
        for name in CURVES:
            naive[name].append([slowly(name, x, weights[order], labels[order], scores[order]) for x in found[name].x])
    for name, band in found.items():
        low, high = np.percentile(np.array(naive[name]), [2.5, 97.5], axis=0)
        assert band.low == pytest.approx(low)
        assert band.high == pytest.approx(high)
        assert len(band.x) == len(band.low) <= GRID + 1


def slowly(name, x, weights, faulty, scores):
    """Return the height of a weighted curve at x, walking down the ranking level by level."""
    true, seen, whole = 0.0, 0.0, {"true": weights[faulty].sum(), "all": weights.sum()}
    walked = [(0.0, 0.0)]
    for score in dict.fromkeys(scores.tolist()):
        own = scores == score
        true, seen = true + weights[own & faulty].sum(), seen + weights[own].sum()
        walked.append((true, seen))
    heights = []
    for (true, seen), (next_true, next_seen) in pairwise(walked):
        if name == "precision_recall":
            start, end, wanted = true, next_true, x * whole["true"]
        elif name == "roc":
            start, end, wanted = seen - true, next_seen - next_true, x * (whole["all"] - whole["true"])
        else:
            start, end, wanted = seen, next_seen, x * whole["all"]
        slack = 1e-9 * whole["all"]
        if start - slack <= wanted <= end + slack:
            part = 1.0 if end - start < slack else min(max((wanted - start) / (end - start), 0), 1)
            at_true, at_seen = true + part * (next_true - true), seen + part * (next_seen - seen)
            if name == "precision_recall":
                if end - start >= slack:  # recall grows here; where it first reaches what is wanted
                    return at_true / at_seen
            else:
                heights.append(at_true / whole["true"])
    return max(heights)


def test_a_band_holds_its_curve_and_narrows_with_more_items():
    rng = np.random.default_rng(0)
    widths = []
    for size in (100, 1600):
        labels = rng.random(size) < 0.3
        scores = rng.normal(size=size) + labels
        band, line = bands(labels, scores, np.arange(size))["effort"], effort(Levels.of(labels, scores))
        inside = np.interp(band.x, line.x, line.y)
        assert ((band.low - 1e-9 <= inside) & (inside <= band.high + 1e-9)).mean() > 0.95
        widths.append((band.high - band.low).mean())
    assert 3 < widths[0] / widths[1] < 5.5  # by the root of 16


@given(st.lists(st.floats(0, 1), min_size=1, max_size=2000), st.integers(1, 40))
def test_a_thinned_curve_keeps_ends_and_extremes_of_every_column(heights, columns):
    curve = Curve(np.linspace(0, 1, len(heights)), np.array(heights))
    thin = reduced(curve, columns)
    assert len(thin.x) <= max(4 * columns, 1)
    assert (thin.x[0], thin.y[0], thin.x[-1], thin.y[-1]) == (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1])
    whole, kept = (np.minimum((each.x * columns).astype(int), columns - 1) for each in (curve, thin))
    for column in range(columns):
        own = curve.y[whole == column]
        if len(own):
            assert (own.min(), own.max()) == (thin.y[kept == column].min(), thin.y[kept == column].max())


def chart(name="a <b> & c"):
    levels = Levels.of(np.array([True, False, True, False]), np.array([4.0, 3.0, 2.0, 1.0]))
    limits = bands(np.array([True, False, True, False]), np.array([4.0, 3.0, 2.0, 1.0]), np.arange(4))
    return Chart("ROC", "x", "y", [Line(name, roc(levels), band=limits["roc"]), Line("other", roc(levels), "other")])


def test_a_chart_is_well_formed_and_the_same_each_time():
    own = chart()
    assert own.svg() == chart().svg()
    drawing = ElementTree.fromstring(own.file())
    titles = [title.text for title in drawing.iter(f"{SVG}title")]
    assert titles == ["a <b> & c", "other"]
    texts = [text.text for text in drawing.iter(f"{SVG}text")]
    assert texts[-1] == "a <b> & c", "the legend names what stands out"
    assert "var(" not in own.file()
    assert "http" not in own.file().replace("http://www.w3.org/2000/svg", "")


def test_a_line_is_drawn_where_its_numbers_are():
    (line, other) = [path for path in ElementTree.fromstring(chart().svg()).iter(f"{SVG}path") if len(path)]
    right, base = charts.WIDTH - charts.RIGHT, charts.HEIGHT - charts.BOTTOM
    points = [tuple(map(float, point.split())) for point in line.get("d")[1:].split("L")]
    share = [((x - charts.LEFT) / (right - charts.LEFT), (base - y) / (base - charts.TOP)) for x, y in points]
    expected = [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]
    assert np.array(share) == pytest.approx(np.array(expected), abs=1e-3)
    assert line.get("class") == "line s0"
    assert other.get("class") == "other"


def test_the_csv_of_a_chart_holds_every_point_and_the_band():
    rows = list(csv.DictReader(io.StringIO(chart().csv())))
    own = [(float(row["x"]), float(row["y"])) for row in rows if row["curve"] == "a <b> & c" and row["part"] == "curve"]
    assert own == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]
    assert sum(row["part"] == "band low" for row in rows) == GRID + 1
