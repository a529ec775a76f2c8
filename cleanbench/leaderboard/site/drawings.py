"""Curves and strips as SVG whose colours are those of the page around it."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from cleanbench.leaderboard.curves import Curve
from cleanbench.report.page import Html, escaped

# The plot inside a drawing, in the units of its view box; `board.js` gets it from the page.
WIDTH, HEIGHT = 360, 264
LEFT, RIGHT, TOP, BOTTOM = 42, 342, 10, 222
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Straight in counts is not straight in precision: a piece is drawn in steps of about this much, at most so many.
STEP, PIECES = 0.02, 8
# In the units of the view box: a line is two of them thick.
STRAY = 0.4


def effort_points(curve: Curve) -> list[tuple[float, float]]:
    """Return share of items reviewed and share of faults found, at every corner."""
    items, faulty = curve[-1]
    return [(reviewed / items, found / faulty) for reviewed, found in curve]


def precision_points(curve: Curve) -> list[tuple[float, float]]:
    """Return recall and precision, from the first item on, close enough together to draw straight lines between."""
    faulty = curve[-1][1]
    points: list[tuple[float, float]] = []
    for (start, low), (end, high) in pairwise(curve):
        if not points:
            # The precision of a first level of ties is the same at each of its places.
            points.append((0.0, high / end))
        pieces = min(1 + int(abs(high / end - points[-1][1]) / STEP), PIECES)
        for piece in range(1, pieces + 1):
            depth = start + (end - start) * piece / pieces
            found = low + (high - low) * piece / pieces
            points.append((found / faulty, found / depth))
    return points


def effort_chart(curves: Sequence[Curve], mean: Curve | None = None) -> Html:
    """Draw the share of faults found after every share of items reviewed, one line per curve."""
    lines = [effort_points(curve) for curve in curves]
    middle = None if mean is None else effort_points(mean)
    return _chart("Items reviewed", "Faults found", lines, [(0.0, 0.0), (1.0, 1.0)], middle)


def precision_chart(curves: Sequence[Curve], mean: Curve | None = None) -> Html:
    """Draw precision over recall, one line per curve."""
    items, faulty = curves[0][-1]
    chance = [(0.0, faulty / items), (1.0, faulty / items)]
    lines = [precision_points(curve) for curve in curves]
    middle = None if mean is None else precision_points(mean)
    return _chart("Faults found (recall)", "Precision", lines, chance, middle)


def frame(across: str, up: str, inside: str = "") -> Html:
    """Return axes from 0 to 100 % and what is drawn inside."""
    lines, below, beside = [], [], []
    for tick in TICKS:
        x, y = _place((tick, tick))
        lines.append(f"M{x:g} {TOP}V{BOTTOM}M{LEFT} {y:g}H{RIGHT}")
        below.append(f'<text x="{x:g}" y="{BOTTOM + 15}">{tick:.0%}</text>')
        beside.append(f'<text x="{LEFT - 6}" y="{y + 4:g}">{tick:.0%}</text>')
    below.append(f'<text x="{(LEFT + RIGHT) / 2:g}" y="{HEIGHT - 8}">{escaped(across)}</text>')
    below.append(f'<text transform="translate(10 {(TOP + BOTTOM) / 2:g}) rotate(-90)">{escaped(up)}</text>')
    return Html(
        f'<path class="gridlines" d="{"".join(lines)}"/><g text-anchor="middle">{"".join(below)}</g>'
        f'<g text-anchor="end">{"".join(beside)}</g>{inside}'
    )


def strip(values: Iterable[float], chance: float | None, label: str) -> Html:
    """Draw values between 0 and 1 as ticks on a line, and the level of chance."""
    width, margin = 220, 4
    places = sorted({round(margin + value * (width - 2 * margin), 1) for value in values})
    ticks = "".join(f"M{place:g} 7V19" for place in places)
    level = "" if chance is None else f'<path class="level" d="M{margin + chance * (width - 2 * margin):.1f} 2V24"/>'
    return Html(
        f'<svg class="strip" viewBox="0 0 {width} 26" role="img" aria-label="{escaped(label)}">'
        f'<path class="gridlines" d="M{margin} 13H{width - margin}"/><path class="ticks" d="{ticks}"/>{level}</svg>'
    )


def path(points: Iterable[tuple[float, float]]) -> str:
    """Return the ``d`` of a line through points of the unit square."""
    places = _straightened([_place(point) for point in points])
    (x, y), *_ = places
    # Steps from place to place take half the room of places.
    steps = [(b - a, d - c) for (a, c), (b, d) in pairwise(places)]
    return f"M{x:g} {y:g}" + (f"l{' '.join(f'{across:g} {up:g}' for across, up in steps)}" if steps else "")


def _straightened(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out corners that stray from a straight line by less than `STRAY` (Ramer 1972, Douglas and Peucker 1973)."""
    kept = {0, len(places) - 1}
    pieces = [(0, len(places) - 1)]
    while pieces:
        first, last = pieces.pop()
        (x, y), (end_x, end_y) = places[first], places[last]
        width, height = end_x - x, end_y - y
        length = math.sqrt(width * width + height * height)
        farthest, where = STRAY, None
        for between in range(first + 1, last):
            across, up = places[between][0] - x, places[between][1] - y
            # From a line that ends where it began: as far as from that point.
            distance = abs(across * height - up * width) / length if length else math.sqrt(across * across + up * up)
            if distance > farthest:
                farthest, where = distance, between
        if where is not None:
            kept.add(where)
            pieces += [(first, where), (where, last)]
    return [places[place] for place in sorted(kept)]


def _chart(
    across: str,
    up: str,
    lines: Sequence[Sequence[tuple[float, float]]],
    chance: Sequence[tuple[float, float]],
    mean: Sequence[tuple[float, float]] | None,
) -> Html:
    drawn = [f'<path class="chance" d="{path(chance)}"/>']
    single = "seed" if mean is not None else "line"
    drawn += [f'<path class="{single}" d="{path(points)}"/>' for points in lines]
    if mean is not None:
        drawn.append(f'<path class="line" d="{path(mean)}"/>')
    label = f"{up} over {across[0].lower()}{across[1:]}; the numbers are in the table of metrics"
    inside = frame(across, up, "".join(drawn))
    return Html(f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{inside}</svg>')


def _place(point: tuple[float, float]) -> tuple[float, float]:
    """Return a place in the drawing, to half a unit."""
    x, y = point
    return round(2 * (LEFT + x * (RIGHT - LEFT))) / 2, round(2 * (BOTTOM - y * (BOTTOM - TOP))) / 2
