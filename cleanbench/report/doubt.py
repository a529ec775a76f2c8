"""Figures of a truth in doubt: intervals over draws of labels, and metrics against the threshold on probabilities."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cleanbench.core import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#1f5f8b", "#c8553d", "#3a7d44", "#7d5ba6", "#b8860b", "#4f4f4f", "#2a9d8f", "#a23b72")
DASHES = ("-", "--", ":", "-.")  # told apart without colours, too


def draw_intervals(
    methods: Sequence[str], expected: Floats, interval: Floats, given: Floats, metric: str, title: str
) -> bytes:
    """Return a drawing of expectation and interval of each method, and its value by the given labels, as SVG.

    Args:
        methods: Names, from top to bottom, shape ``(K,)``.
        expected: Means over draws, shape ``(K,)``; NaN leaves a row empty.
        interval: Lower and upper ends, shape ``(K, 2)``.
        given: Values by the given labels, shape ``(K,)``.
        metric: What is shown.
        title: Of the figure.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        _style()
        figure = Figure(figsize=(7, 1.4 + 0.3 * len(methods)), layout="constrained")
        axes = figure.subplots()
        rows = np.arange(len(methods))
        axes.hlines(rows, interval[:, 0], interval[:, 1], color=COLOURS[0], linewidth=2, label="95 % of draws")
        axes.plot(expected, rows, "o", color=COLOURS[0], label="expected")
        axes.plot(given, rows, "x", color=COLOURS[1], label="by the given labels")
        axes.set_yticks(rows, list(methods), parse_math=False)
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.set_xlabel(metric)
        axes.grid(alpha=0.3)
        figure.suptitle(title, x=0.02, ha="left", parse_math=False)
        figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize="small")
        return _svg(figure, title)


def draw_sensitivity(
    methods: Sequence[str],
    thresholds: Floats,
    curves: npt.NDArray[np.float64],
    faulty: Floats,
    metric: str,
    title: str,
) -> bytes:
    """Return a drawing of a metric of each method against the threshold that makes labels of probabilities, as SVG.

    Args:
        methods: Names, shape ``(K,)``.
        thresholds: Rising, shape ``(T,)``.
        curves: Values, NaN where undefined, shape ``(K, T)``.
        faulty: Share of items that each threshold calls faulty, shape ``(T,)``; about what a random order has as AP.
        metric: What is shown.
        title: Of the figure.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        _style()
        figure = Figure(figsize=(7, 4.2 + 0.12 * len(methods)), layout="constrained")
        axes = figure.subplots()
        for place, (name, values) in enumerate(zip(methods, curves, strict=True)):
            colour, dash = COLOURS[place % len(COLOURS)], DASHES[place // len(COLOURS) % len(DASHES)]
            axes.plot(thresholds, values, dash, color=colour, label=name, marker="." if len(thresholds) < 30 else "")
        axes.plot(thresholds, faulty, color="0.6", linewidth=1, label="share of faulty items")
        axes.set_xlabel("faulty from this probability on")
        axes.set_ylabel(metric)
        axes.grid(alpha=0.3)
        figure.suptitle(title, x=0.02, ha="left", parse_math=False)
        legend = figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize="small")
        for text in legend.get_texts():
            text.set_parse_math(False)
        return _svg(figure, title)


def _svg(figure: "Figure", title: str) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    return drawn.getvalue()


def _style() -> None:
    import matplotlib as mpl

    mpl.rcdefaults()  # not the user's own style
    mpl.rcParams.update({"svg.hashsalt": "cleanbench", "svg.fonttype": "none", "font.size": 10})
