"""Curves of many rankings in one chart: a few stand out, and a reader chooses which, without a script."""

from collections.abc import Sequence

from cleanbench.report.charts import SERIES
from cleanbench.report.page import Html, escaped

FADED = "stroke: var(--soft); stroke-width: 1; stroke-opacity: .35; stroke-dasharray: none;"
STANDING_OUT = 6  # at first; as many as there are colours


def series(place: int) -> int:
    """Return the colour and dashes of the ranking at a place of the table."""
    return place % len(SERIES)


def key(place: int) -> str:
    """Return the class of a ranking's curves."""
    return f"k{place}"


def chooser(group: str, names: Sequence[str], chosen: int) -> tuple[Html, str]:
    """Return boxes to tick, one per ranking, and the style by which ticking acts on the curves beside them.

    Args:
        group: Names the boxes; the class of the element that holds this and the charts.
        names: Of the rankings, in the order of their places.
        chosen: How many of the first are ticked.
    """
    boxes, rules = [], []
    for place, name in enumerate(names):
        box = f"{group}-{key(place)}"
        ticked = " checked" if place < chosen else ""
        boxes.append(
            f'<label><input type="checkbox" id="{box}"{ticked}><i class="swatch s{series(place)}"></i>'
            f"{escaped(name)}</label>"
        )
        curve = f".{group}:has(#{box}{':not(:checked)' if ticked else ':checked'}) .{key(place)}"
        rules.append(f"{curve} {{ {FADED if ticked else _shown(place)} }}")
    shown = f'<fieldset class="keys"><legend>Curves that stand out</legend>{"".join(boxes)}</fieldset>'
    return Html(shown), "\n".join(rules) + "\n"


def _shown(place: int) -> str:
    number = series(place)
    dashes = SERIES[number][2]
    return f"stroke: var(--s{number}); stroke-width: 2; stroke-opacity: 1; stroke-dasharray: {dashes};"
