"""The sizes of images as a figure: are they of one kind, or is something odd among them?"""

import io
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import Ints


def draw_sizes(widths: "npt.NDArray[Any]", heights: "npt.NDArray[Any]") -> str:
    """Draw widths against heights as SVG; the same sizes give the same bytes with the same matplotlib.

    Args:
        widths: In pixels, shape ``(N,)``, at least one.
        heights: In pixels, shape ``(N,)``.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    sizes, counts = np.unique(np.column_stack([widths, heights]), axis=0, return_counts=True)
    with mpl.rc_context():
        mpl.rcdefaults()  # not the user's own style
        mpl.rcParams.update({"svg.hashsalt": "cleanbench", "svg.fonttype": "none", "font.size": 10})
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        # Thousands of shapes would make the page heavy; they become one picture in the drawing.
        many = len(sizes) > 1000
        axes.scatter(sizes[:, 0], sizes[:, 1], s=_areas(counts), color="#1f5f8b", alpha=0.5, lw=0, rasterized=many)
        axes.set(xlabel="Width in pixels", ylabel="Height in pixels")
        axes.set(xlim=(0, None), ylim=(0, None))
        axes.grid(alpha=0.3)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", dpi=120, metadata={"Date": None, "Creator": None})
    return drawn.getvalue()


def _areas(counts: Ints) -> npt.NDArray[np.floating[Any]]:
    """Return areas of dots that grow with the share of images, none too small to be seen."""
    areas: npt.NDArray[np.floating[Any]] = 12 + 400 * counts / counts.sum()
    return areas
