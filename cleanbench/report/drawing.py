"""Figures as SVG text: the same data always give the same bytes with the same matplotlib."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Told apart by colour-blind readers (Okabe and Ito), and by dashes on grey paper.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")


@contextmanager
def plain_style() -> Iterator[None]:
    """Draw in matplotlib's own style whatever the user's is, with text that stays text."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # A viewer finds the letters that matplotlib's own font, which only measures them here, does not have.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        mpl.rcdefaults()
        # The salt names clip paths and hatches, which without one get names at random.
        mpl.rcParams.update(
            {"svg.hashsalt": "cleanbench", "svg.fonttype": "none", "font.size": 10, "hatch.linewidth": 0.6}
        )
        yield


def as_svg(figure: "Figure", title: str, description: str) -> str:
    """Return a figure as SVG, with a title and the data that it shows in its metadata; within `plain_style`."""
    drawn = io.StringIO()
    described = {"Title": title, "Description": description, "Date": None, "Creator": None}
    figure.savefig(drawn, format="svg", metadata=described)
    # Spaces at the ends of lines say nothing, and tools for text remove them.
    return "\n".join(line.rstrip() for line in drawn.getvalue().splitlines()) + "\n"


def plain(names: Sequence[str]) -> list[str]:
    """Return names without line breaks and what XML cannot hold."""
    return ["".join(sign if sign.isprintable() else " " for sign in name) for name in names]
