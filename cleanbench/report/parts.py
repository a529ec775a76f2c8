"""What is said about a data set, in a form that the terminal and HTML pages share."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cleanbench.report import page
from cleanbench.report.page import Column, Html, Section, visible
from cleanbench.store import write_whole

if TYPE_CHECKING:
    from rich.table import Table

ROWS = 30  # of a table in the terminal
ROWS_OF_PAGE = 1000

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


def print_parts(title: str, parts: Sequence[Part]) -> None:
    """Print all parts; long tables are cut, and a page has more of them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A pipe has no width; names are the user's: brackets and colons in them are neither markup nor emoji.
    width = None if sys.stdout.isatty() else 160
    console = Console(file=sys.stdout, width=width, markup=False, emoji=False, highlight=False)
    console.print(visible(title), style="bold")
    for part in parts:
        console.print(f"\n{visible(part.title)}", style="bold")
        if part.facts:
            grid = Table(box=None, show_header=False, pad_edge=False)
            for name, value in part.facts:
                grid.add_row(visible(name), Text(visible(value)))
            console.print(grid)
        for told in part.sentences:
            console.print(visible(told), soft_wrap=True)
        for warning in part.warnings:
            console.print(f"warning: {visible(warning)}", style="yellow", soft_wrap=True)
        for listing in part.listings:
            # A title of the table itself would be folded to the table's width.
            console.print(visible(listing.caption), style="italic", soft_wrap=True)
            console.print(_table(listing))


def section_of(part: Part, extra: Sequence[Html] = ()) -> Section:
    """Return a part as a section of a page, warnings first, and ``extra`` at its end."""
    blocks: list[Html] = [page.note(f"{warning}.", warning=True) for warning in part.warnings]
    blocks += [page.facts(part.facts)] if part.facts else []
    blocks += [page.paragraph(told) for told in part.sentences]
    for listing in part.listings:
        cut = len(listing.rows) > ROWS_OF_PAGE
        more = f" (the first {ROWS_OF_PAGE:,} of {len(listing.rows):,})" if cut else ""
        blocks.append(page.table(listing.head, listing.rows[:ROWS_OF_PAGE], listing.caption + more))
    return page.section(part.title, *blocks, *extra)


def save(path: Path, text: str) -> None:
    """Write a page or another file of text, with the folder it lies in.

    Raises:
        UserError: If it cannot be written.
    """
    write_whole(path, text.encode())


def _table(listing: Listing) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in listing.head:
        right = isinstance(name, Column)
        table.add_column(
            visible(name.name if isinstance(name, Column) else name),
            justify="right" if right else "left",
            overflow="fold",
        )
    for row in listing.rows[:ROWS]:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else Text(visible(cell)) for cell in row))
    if len(listing.rows) > ROWS:
        table.caption = f"{len(listing.rows) - ROWS:,} more"
        table.caption_justify = "left"
    return table
