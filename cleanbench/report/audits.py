"""The figures of an audit: effort, recall by slice, overlap of tops."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cleanbench.core import Floats
from cleanbench.leaderboard.drawing import draw, plain
from cleanbench.records import Measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Told apart by colour-blind readers (Okabe and Ito), and by dashes on grey paper.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
LINES = 12  # that one figure tells apart


def draw_effort(curves: Mapping[str, tuple[Floats, Floats]], title: str) -> str:
    """Draw the recall over the share reviewed of several rankings, with the line of a random order, as SVG.

    Args:
        curves: By ranking the shares reviewed and the recalls, as `cleanbench.audit.budgets.curve` returns them. The
            first `LINES` are drawn.
        title: Of the figure.
    """
    drawn = dict(list(curves.items())[:LINES])

    def fill(figure: "Figure") -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="random order")
        for place, (name, (reviewed, recall)) in enumerate(zip(plain(list(drawn)), drawn.values(), strict=True)):
            style: dict[str, Any] = {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place // len(COLOURS)]}
            axes.plot(reviewed, recall, label=name, **style)
        axes.set(xlabel="Share of the annotated items reviewed", ylabel="Share of the faulty items found")
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.grid(alpha=0.3)
        for text in figure.legend(loc="outside right upper", frameon=False, fontsize="small").get_texts():
            text.set_parse_math(False)  # names may hold dollar signs, which are no formulas

    data = {name: [[round(float(x), 6) for x in axis] for axis in line] for name, line in drawn.items()}
    return draw((8.5, 4.8), title, json.dumps(data), fill)


def draw_slices(recalls: Mapping[str, Measured], whole: float, title: str) -> str:
    """Draw the recall of each slice with its interval beside that of the whole set, as SVG.

    Args:
        recalls: By slice; one without a value is left out.
        whole: Recall of the whole set.
        title: Of the figure.
    """
    known = {name: share for name, share in recalls.items() if share.value is not None}
    rows = max(1, len(known))

    def fill(figure: "Figure") -> None:
        axes = figure.subplots()
        for row, share in enumerate(known.values()):
            if share.low is not None and share.high is not None:
                axes.plot([share.low, share.high], [row, row], color="0.45", linewidth=1.5)
            axes.plot([share.value or 0.0], [row], "o", color=COLOURS[0])
        axes.axvline(whole, color=COLOURS[1], linestyle="--", linewidth=1, label=f"whole set, {whole:.3f}")
        axes.set_yticks(range(len(known)), plain(list(known)), parse_math=False)
        axes.set(xlabel="Share of the slice's faulty items within the budget", xlim=(0, 1), ylim=(rows - 0.5, -0.5))
        axes.grid(axis="x", alpha=0.3)
        figure.legend(loc="outside lower right", frameon=False, fontsize="small")

    data = {name: [share.value, share.low, share.high] for name, share in known.items()}
    return draw((7, 1.2 + 0.32 * rows), title, json.dumps({"whole": whole, "slices": data}), fill)


def draw_overlap(names: Sequence[str], overlaps: Floats, title: str) -> str:
    """Draw how much the tops of rankings have in common, as SVG.

    Args:
        names: Of n rankings.
        overlaps: Shape ``(n, n)``, in [0, 1].
        title: Of the figure.
    """
    count, shown = len(names), plain(names)
    side = 2.2 + 0.45 * count + 0.07 * max(map(len, shown))

    def fill(figure: "Figure") -> None:
        axes = figure.subplots()
        drawn = axes.imshow(overlaps, vmin=0, vmax=1, cmap="viridis_r")
        if count <= LINES:
            for row, column in np.ndindex(count, count):
                value = overlaps[row, column]
                ink = "white" if value > 0.5 else "black"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, size="small")
        axes.set_xticks(range(count), shown, rotation=30, ha="left", parse_math=False)
        axes.set_yticks(range(count), shown, parse_math=False)
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        figure.colorbar(drawn, ax=axes, label="in both over in either", shrink=0.6)

    data = json.dumps({"names": list(names), "overlaps": overlaps.tolist()})
    return draw((max(side, 0.3 + 0.08 * len(title)), side), title, data, fill)
