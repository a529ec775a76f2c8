"""What an inspection says, in a form that the terminal and the page share."""

from collections.abc import Sequence
from dataclasses import dataclass

from cleanbench.report.page import Column

Cell = str | int


@dataclass(frozen=True)
class Listing:
    """A table.

    Attributes:
        caption: What it shows.
        head: Its columns.
        rows: Its cells, a tuple per row.
    """

    caption: str
    head: tuple[str | Column, ...]
    rows: Sequence[tuple[Cell, ...]]


@dataclass(frozen=True)
class Part:
    """What is said about one thing.

    Attributes:
        title: What it is about.
        facts: Names with their values.
        sentences: What was found.
        warnings: What somebody should look at before trusting numbers made with the set.
        listings: Tables.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    sentences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    listings: tuple[Listing, ...] = ()


def share(part: int, whole: int) -> str:
    """Return a share in per cent; a dash where there is no whole.

    Example:
        >>> share(1, 8)
        '12.5%'
    """
    return f"{part / whole:.1%}" if whole else "–"
