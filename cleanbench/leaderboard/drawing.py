"""Figures as SVG that carry what they were drawn from.

Numbers are text, not outlines, and the data lie in the metadata, so that `differences` can read what a file says.
"""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG, DUBLIN_CORE = "{http://www.w3.org/2000/svg}", "{http://purl.org/dc/elements/1.1/}"


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
        described = {"Title": title, "Description": data, "Date": None, "Creator": None}
        figure.savefig(drawn, format="svg", metadata=described)
    # Spaces at the ends of lines say nothing, and tools for text remove them.
    return "\n".join(line.rstrip() for line in drawn.getvalue().splitlines()) + "\n"


def differences(path: Path, drawn: str) -> Iterator[str]:
    """Compare a file with a drawing by data and text, which are the same for every version of matplotlib."""
    try:
        found = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ElementTree.ParseError) as error:
        yield f"{path}: no readable SVG file ({error})"
        return
    expected = ElementTree.fromstring(drawn)
    data = f".//{DUBLIN_CORE}description"
    if found.findtext(data) != expected.findtext(data):
        yield f"{path}: its data are {found.findtext(data)}, its records give {expected.findtext(data)}"
    own, others = ([text.text for text in drawing.iter(f"{SVG}text")] for drawing in (found, expected))
    if own != others:
        odd = [f"{mine!r} for {theirs!r}" for mine, theirs in zip(own, others, strict=False) if mine != theirs]
        shown = ", ".join(odd) or f"{len(own)} texts, not {len(others)}"
        yield f"{path}: it does not show what its records give: {shown}"


def plain(names: Sequence[str]) -> list[str]:
    """Return names without line breaks and what XML cannot hold."""
    return ["".join(sign if sign.isprintable() else " " for sign in name) for name in names]
