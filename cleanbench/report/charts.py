"""Curves in the unit square as SVG: a few kilobytes that follow the page's colours, by day, by night and on paper.

Drawn by hand rather than by matplotlib, because a drawing must take its colours from the page that it is part of, and
because a run should not wait seconds for nine of them. The same lines always give the same bytes.
"""

import csv
import html
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from cleanbench.core import Floats
from cleanbench.report.curves import Band, Curve, reduced

Kind = Literal["line", "chance", "perfect", "other"]

WIDTH, HEIGHT = 400, 330
LEFT, RIGHT, TOP, BOTTOM = 54, 8, 30, 46
LEGEND = 18  # height of a line
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Okabe and Ito's colours for colour-blind readers, darkened on bright paper to a contrast of 3, lightened on dark one.
# With each comes a pattern of dashes, for readers and printers without colours.
SERIES = (
    ("#0072b2", "#5fb0ea", "none"),
    ("#c44e00", "#ff914d", "8 3"),
    ("#00805f", "#35c795", "2 2"),
    ("#a8508a", "#e6a3cd", "8 3 2 3"),
    ("#8a6d00", "#e3c53a", "4 2"),
    ("#4a4fc4", "#a9adff", "12 3"),
)


@dataclass(frozen=True, eq=False)
class Line:
    """A curve in a chart.

    Attributes:
        name: Whose it is.
        curve: Its points.
        kind: ``line`` for what is shown, ``other`` for what is only in the background, or a reference.
        band: Its limits.
        series: Which of `SERIES` it has.
        key: What a page highlights it by; empty if by nothing.
    """

    name: str
    curve: Curve
    kind: Kind = "line"
    band: Band | None = None
    series: int = 0
    key: str = ""


@dataclass(frozen=True, eq=False)
class Chart:
    """A drawing and the numbers in it.

    Attributes:
        title: What it shows.
        x: What runs to the right.
        y: What runs upward.
        lines: Drawn in this order, the last on top.
        columns: How finely lines are drawn.
    """

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    columns: int = 300

    def svg(self) -> str:
        """Return the drawing for a page that holds `style`."""
        shown = "\n".join([*_frame(self), *(part for line in self.lines for part in _drawn(line, self.columns))])
        return (
            f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_safe(self.alt)}" '
            f'xmlns="http://www.w3.org/2000/svg">\n{shown}\n</svg>'
        )

    def file(self) -> str:
        """Return the drawing as a file of its own, in the colours of a bright page and with a legend."""
        named = [line for line in self.lines[::-1] if line.kind != "other"]
        height = HEIGHT + LEGEND * len(named) + LEGEND // 3
        head, rest = self.svg().split("\n", 1)
        sized = head.replace("<svg", f'<svg width="{WIDTH}" height="{height}"').replace(
            f"0 0 {WIDTH} {HEIGHT}", f"0 0 {WIDTH} {height}"
        )
        paper = f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
        plain = re.sub(r"var\(--\w+, (#[0-9a-f]+)\)", r"\1", style())  # few programs know variables
        legend = "\n".join(part for place, line in enumerate(named) for part in _entry(line, place))
        drawn = rest.removesuffix("</svg>")
        start = f'<?xml version="1.0" encoding="utf-8"?>\n{sized}\n<style>\n{plain}</style>\n{paper}'
        return f"{start}\n{drawn}{legend}\n</svg>\n"

    def csv(self) -> str:
        """Return what is drawn: the points of every curve, and the limits of its band.

        A curve of many points is thinned, but less than in the drawing.
        """
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["curve", "part", self.x, self.y])
        for line in self.lines:
            curve = reduced(line.curve, 2 * self.columns)
            rows.writerows([line.name, "curve", *point] for point in _points(curve.x, curve.y))
            if line.band is not None:
                rows.writerows([line.name, "band low", *point] for point in _points(line.band.x, line.band.low))
                rows.writerows([line.name, "band high", *point] for point in _points(line.band.x, line.band.high))
        return text.getvalue()

    @property
    def alt(self) -> str:
        """What the drawing shows, for those who do not see it."""
        names = [line.name for line in self.lines if line.kind != "other"]
        others = sum(line.kind == "other" for line in self.lines)
        more = f" and {others} more" if others else ""
        return f"{self.title}: {self.y} over {self.x}, for {', '.join(names)}{more}"


@cache
def style() -> str:
    """Return the style that drawings need; colours are those of the page around them, where it has some."""
    text = resources.files("cleanbench.report").joinpath("chart.css").read_text(encoding="utf-8")
    rules = [
        f".chart .s{number}.line {{ stroke: var(--s{number}, {colour}); stroke-dasharray: {dashes}; }} "
        f".chart .s{number}.band {{ fill: var(--s{number}, {colour}); }}"
        for number, (colour, _, dashes) in enumerate(SERIES)
    ]
    return text + "\n".join(rules) + "\n"


@cache
def colours() -> str:
    """Return the colours of curves for a page, bright and dark."""
    bright, dark = (
        " ".join(f"--s{number}: {colour[night]};" for number, colour in enumerate(SERIES)) for night in (0, 1)
    )
    return f":root {{ {bright} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def _frame(chart: Chart) -> Iterable[str]:
    right, base = WIDTH - RIGHT, HEIGHT - BOTTOM
    yield f'<text class="title" x="{LEFT}" y="18">{_safe(chart.title)}</text>'
    grid = "".join(f"M{_x(tick)} {TOP}V{base}M{LEFT} {_y(tick)}H{right}" for tick in TICKS)
    yield f'<path class="grid" d="{grid}"/>'
    for tick in TICKS:
        yield f'<text x="{_x(tick)}" y="{base + 17}" text-anchor="middle">{tick:g}</text>'
        yield f'<text x="{LEFT - 7}" y="{float(_y(tick)) + 4.5:g}" text-anchor="end">{tick:g}</text>'
    yield f'<text x="{(LEFT + right) / 2:g}" y="{HEIGHT - 10}" text-anchor="middle">{_safe(chart.x)}</text>'
    middle = (TOP + base) / 2
    yield f'<text transform="translate(11 {middle:g}) rotate(-90)" text-anchor="middle">{_safe(chart.y)}</text>'


def _drawn(line: Line, columns: int) -> Iterable[str]:
    own = f" s{line.series % len(SERIES)}" if line.kind == "line" else ""
    if line.band is not None:
        there = _path(Curve(line.band.x, line.band.high))
        back = _path(Curve(line.band.x[::-1], line.band.low[::-1]))
        yield f'<path class="band{own}" d="{there}L{back[1:]}Z"/>'
    key = f" {line.key}" if line.key else ""
    path = _path(reduced(line.curve, columns))
    yield f'<path class="{line.kind}{own}{key}" d="{path}"><title>{_safe(line.name)}</title></path>'


def _entry(line: Line, place: int) -> Iterable[str]:
    """Return a line of the legend: a stroke as in the drawing, and whose it is."""
    y = HEIGHT + LEGEND * place + LEGEND // 3
    own = f" s{line.series % len(SERIES)}" if line.kind == "line" else ""
    yield f'<path class="{line.kind}{own}" d="M{LEFT} {y}h32"/>'
    yield f'<text x="{LEFT + 40}" y="{y + 4.5:g}">{_safe(line.name)}</text>'


def _path(curve: Curve) -> str:
    """Return a curve as SVG writes paths, to a twentieth of a pixel."""
    points = [f"{x} {y}" for x, y in zip(map(_x, curve.x.tolist()), map(_y, curve.y.tolist()), strict=True)]
    return f"M{'L'.join(points)}"


def _x(value: float) -> str:
    return f"{round(LEFT + value * (WIDTH - LEFT - RIGHT), 1):g}"


def _y(value: float) -> str:
    return f"{round(HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM), 1):g}"


def _points(x: Floats, y: Floats) -> Iterable[tuple[str, str]]:
    return ((f"{one:.8g}", f"{other:.8g}") for one, other in zip(x.tolist(), y.tolist(), strict=True))


def _safe(text: str) -> str:
    """Return text that XML can hold."""
    return html.escape("".join(sign if sign.isprintable() else " " for sign in text))
