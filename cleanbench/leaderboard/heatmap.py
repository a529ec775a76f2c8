"""The grid method × encoder as a heat map that carries the numbers it was drawn from."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cleanbench.grid import Grid
from cleanbench.leaderboard import drawing
from cleanbench.leaderboard.drawing import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Light to dark, even in lightness, and told apart by colour-blind readers and on grey paper.
COLOURS = "viridis_r"
WORSE = "white"
HOLE = "////"
EDGE: Mapping[str, Any] = {"edgecolor": "0.6", "linewidth": 0.6}
# A best value nearer to chance than this does not get the deepest colour: noise would look like success.
LEAST_SPAN = 0.05


def draw(grid: Grid, title: str) -> str:
    """Draw a grid as SVG; the same grid always gives the same bytes with the same matplotlib.

    Colours run from chance, the palest, to the best value; what is worse than chance has none. What is
    drawn can be read back, see `drawing`.
    """
    return drawing.draw(_size(grid, title), title, _data(grid), lambda figure: _fill(figure, grid))


def _data(grid: Grid) -> str:
    """Return what the drawing shows as JSON: means over seeds, null for a hole."""
    return json.dumps(
        {
            "metric": grid.metric,
            "chance": grid.chance,
            "methods": grid.methods,
            "encoders": grid.encoders,
            "means": [[grid.mean(method, encoder) for encoder in grid.encoders] for method in grid.methods],
        }
    )


def _size(grid: Grid, title: str) -> tuple[float, float]:
    """Return width and height in inches; cells have room for three decimals, the sides for the longest names."""
    names, slanted = (max(map(len, labels)) for labels in (grid.methods, grid.encoders))
    width = 2.2 + 0.08 * names + 0.75 * len(grid.encoders)
    return max(width, 0.3 + 0.08 * len(title)), 1.2 + 0.06 * slanted + 0.34 * len(grid.methods)


def _fill(figure: "Figure", grid: Grid) -> None:
    """Draw cells, values, holes and the scale."""
    import matplotlib as mpl
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize, to_rgba
    from matplotlib.patches import Patch, Rectangle

    means = [value for cell in grid.values if (value := grid.mean(*cell)) is not None]
    lowest = min(means) if grid.chance is None else grid.chance
    scale = Normalize(lowest, max(*means, lowest + LEAST_SPAN))
    colours = mpl.colormaps[COLOURS].with_extremes(under=WORSE)
    axes = figure.subplots()
    for row, method in enumerate(grid.methods):
        for column, encoder in enumerate(grid.encoders):
            value = grid.mean(method, encoder)
            shade = to_rgba(WORSE) if value is None else colours(scale(value))
            hatch = HOLE if value is None else None
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=shade, hatch=hatch, **EDGE))
            if value is not None:
                axes.text(column + 0.5, row + 0.5, f"{value:.3f}", ha="center", va="center", color=_ink(shade))
    columns, rows = len(grid.encoders), len(grid.methods)
    axes.set(xlim=(0, columns), ylim=(rows, 0), aspect="auto")
    # Names may hold dollar signs, which are no formulas.
    axes.set_xticks(
        [place + 0.5 for place in range(columns)], plain(grid.encoders), rotation=30, ha="left", parse_math=False
    )
    axes.set_yticks([place + 0.5 for place in range(rows)], plain(grid.methods), parse_math=False)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    anchored = "" if grid.chance is None else f", from {grid.chance:.3f} by chance"
    figure.colorbar(ScalarMappable(scale, colours), ax=axes, label=f"{grid.metric}{anchored}")
    keys = []
    if min(means) < lowest:
        keys.append(Patch(facecolor=WORSE, label="worse than chance", **EDGE))
    if len(grid.values) < rows * columns:
        keys.append(Patch(facecolor=WORSE, hatch=HOLE, label="no record", **EDGE))
    if keys:
        figure.legend(handles=keys, loc="outside lower left", ncols=len(keys), frameon=False, fontsize="small")


def _ink(shade: Sequence[float]) -> str:
    """Return the colour of text that contrasts more with a shade, by its relative luminance (WCAG 2.1)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shade[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # Contrast is (lighter + .05) / (darker + .05), which is equal for black and white at this luminance.
    return "black" if luminance > math.sqrt(1.05 * 0.05) - 0.05 else "white"
