"""A table of an audit: for the terminal rounded, as CSV with every digit."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | None
NOTHING = "–"


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: Its head.
        digits: Decimals that are shown of a number; None for a column of text.
        printed: Whether it is shown in the terminal, too.
    """

    name: str
    digits: int | None = None
    printed: bool = True

    def shown(self, cell: Cell) -> str:
        """Return a cell as it is shown; a dash where there is nothing."""
        if cell is None:
            return NOTHING
        return cell if isinstance(cell, str) else f"{cell:,.{self.digits or 0}f}"


@dataclass(frozen=True)
class Listing:
    """A table.

    Attributes:
        name: Of its CSV file, without ending.
        title: What it shows.
        columns: Its columns.
        rows: A cell per column, None where there is no value.
        notes: What a reader must know, in sentences.
        printed: Whether it is for the terminal, too; what is not is too long for it.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    notes: tuple[str, ...] = ()
    printed: bool = True

    def csv(self) -> str:
        """Return it as CSV: numbers unrounded, an empty cell where there is no value."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(column.name for column in self.columns)
        writer.writerows(self.rows)
        return text.getvalue()


def text(*names: str) -> tuple[Column, ...]:
    """Return columns of text."""
    return tuple(Column(name) for name in names)


def numbers(digits: int, *names: str, printed: bool = True) -> tuple[Column, ...]:
    """Return columns of numbers."""
    return tuple(Column(name, digits, printed) for name in names)
