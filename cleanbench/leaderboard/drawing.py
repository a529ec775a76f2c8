"""Figures as SVG that carry what they were drawn from.

Numbers are text, not outlines, and the data and the version of matplotlib lie in the metadata, so that `drawn` can read
what a file says.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(size: tuple[float, float], title: str, data: str, fill: Callable[["Figure"], None]) -> str:
    """Draw a figure as SVG; the same content always gives the same bytes with the same matplotlib.

    Args:
        size: Width and height in inches.
        title: In a line.
        data: What it shows, kept in the metadata.
        fill: Draws everything but the title.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    (title,) = plain([title])
    with mpl.rc_context(), warnings.catch_warnings():
        # A viewer finds the letters that matplotlib's own font, which only measures them here, does not have.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        mpl.rcdefaults()  # not the user's own style
        # The salt names clip paths and hatches, which without one get names at random.
        mpl.rcParams.update(
            {"svg.hashsalt": "cleanbench", "svg.fonttype": "none", "font.size": 10, "hatch.linewidth": 0.6}
        )
        figure = Figure(figsize=size, layout="constrained")
        fill(figure)
        figure.suptitle(title, x=0.02, ha="left", size="medium", parse_math=False)
        drawn = io.StringIO()
        described = {"Title": title, "Description": data, "Date": None}
        figure.savefig(drawn, format="svg", metadata=described)
    # Spaces at the ends of lines say nothing, and tools for text remove them.
    return "\n".join(line.rstrip() for line in drawn.getvalue().splitlines()) + "\n"


def plain(names: Sequence[str]) -> list[str]:
    """Return names without line breaks and what XML cannot hold."""
    return ["".join(sign if sign.isprintable() else " " for sign in name) for name in names]
