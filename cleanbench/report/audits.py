"""The figures of an audit: effort, recall by slice, overlap of tops."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from cleanbench.core import Floats
from cleanbench.records import Measured
from cleanbench.report.drawing import COLOURS, DASHES, as_svg, plain, plain_style

LINES = 12  # that one figure tells apart


def draw_effort(curves: Mapping[str, tuple[Floats, Floats]], title: str) -> str:
    """Draw the recall over the share reviewed of several rankings, with the line of a random order, as SVG.

    Args:
        curves: By ranking the shares reviewed and the recalls, as `cleanbench.audit.budgets.curve` returns them. The
            first `LINES` are drawn.
        title: Of the figure.
    """
    from matplotlib.figure import Figure

    drawn = dict(list(curves.items())[:LINES])
    (title, *names) = plain([title, *drawn])
    with plain_style():
        figure = Figure(figsize=(8.5, 4.8), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="random order")
        for place, (name, (reviewed, recall)) in enumerate(zip(names, drawn.values(), strict=True)):
            style = {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place // len(COLOURS) % len(DASHES)]}
            axes.plot(reviewed, recall, label=name, **style)  # type: ignore[arg-type]
        axes.set(xlabel="Share of the annotated items reviewed", ylabel="Share of the faulty items found")
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.grid(alpha=0.3)
        legend = figure.legend(loc="outside right upper", frameon=False, fontsize="small")
        for text in legend.get_texts():
            text.set_parse_math(False)
        figure.suptitle(title, x=0.02, ha="left", size="medium", parse_math=False)
        data = {name: [[round(float(x), 6) for x in axis] for axis in line] for name, line in drawn.items()}
        return as_svg(figure, title, json.dumps(data))


def draw_slices(recalls: Mapping[str, Measured], whole: float, title: str) -> str:
    """Draw the recall of each slice with its interval beside that of the whole set, as SVG.

    Args:
        recalls: By slice; one without a value is left out.
        whole: Recall of the whole set.
        title: Of the figure.
    """
    from matplotlib.figure import Figure

    known = {name: share for name, share in recalls.items() if share.value is not None}
    (title, *names) = plain([title, *known])
    with plain_style():
        figure = Figure(figsize=(7, 1.2 + 0.32 * max(1, len(known))), layout="constrained")
        axes = figure.subplots()
        for row, share in enumerate(known.values()):
            if share.low is not None and share.high is not None:
                axes.plot([share.low, share.high], [row, row], color="0.45", linewidth=1.5)
        values = [share.value for share in known.values()]
        axes.plot(values, range(len(values)), "o", color=COLOURS[0])  # type: ignore[arg-type]
        axes.axvline(whole, color=COLOURS[1], linestyle="--", linewidth=1, label=f"whole set, {whole:.3f}")
        axes.set_yticks(range(len(names)), names, parse_math=False)
        axes.set(
            xlabel="Share of the slice's faulty items within the budget", xlim=(0, 1), ylim=(len(names) - 0.5, -0.5)
        )
        axes.grid(axis="x", alpha=0.3)
        figure.legend(loc="outside lower right", frameon=False, fontsize="small")
        figure.suptitle(title, x=0.02, ha="left", size="medium", parse_math=False)
        data = {name: [share.value, share.low, share.high] for name, share in known.items()}
        return as_svg(figure, title, json.dumps({"whole": whole, "slices": data}))


def draw_overlap(names: Sequence[str], overlaps: Floats, title: str) -> str:
    """Draw how much the tops of rankings have in common, as SVG.

    Args:
        names: Of n rankings.
        overlaps: Shape ``(n, n)``, in [0, 1].
        title: Of the figure.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    (title, *shown) = plain([title, *names])
    count = len(shown)
    with plain_style():
        side = 2.2 + 0.45 * count + 0.07 * max(map(len, shown))
        figure = Figure(figsize=(max(side, 0.3 + 0.08 * len(title)), side), layout="constrained")
        axes = figure.subplots()
        drawn = axes.imshow(overlaps, vmin=0, vmax=1, cmap=mpl.colormaps["viridis_r"])
        if count <= LINES:
            for row, column in np.ndindex(count, count):
                ink = "white" if overlaps[row, column] > 0.5 else "black"
                axes.text(
                    column, row, f"{overlaps[row, column]:.2f}", ha="center", va="center", color=ink, size="small"
                )
        axes.set_xticks(range(count), shown, rotation=30, ha="left", parse_math=False)
        axes.set_yticks(range(count), shown, parse_math=False)
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        figure.colorbar(drawn, ax=axes, label="in both over in either")
        figure.suptitle(title, x=0.02, ha="left", size="medium", parse_math=False)
        return as_svg(figure, title, json.dumps({"names": list(names), "overlaps": overlaps.tolist()}))
