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
        digits: Decimals that are shown of a number; None for a column of text. With 1 it is an expected count, which
            is shown without a decimal where it is whole.
        printed: Whether it is shown in the terminal, too.
    """

    name: str
    digits: int | None = None
    printed: bool = True

    def shown(self, cell: Cell) -> str:
        """Return a cell as it is shown; a dash where there is nothing."""
        if cell is None:
            return NOTHING
        if isinstance(cell, str):
            return cell
        shown = f"{cell:,.{self.digits or 0}f}"
        return shown.removesuffix(".0") if self.digits == 1 else shown

    def exact(self, cell: Cell) -> Cell:
        """Return a cell as it is written to a file: a whole number of items without a decimal."""
        counts = self.digits is not None and self.digits <= 1
        return int(cell) if counts and isinstance(cell, float) and cell.is_integer() else cell


@dataclass(frozen=True)
class Listing:
    """A table.

    Attributes:
        name: Of its CSV file, without ending.
        title: What it shows.
        columns: Its columns.
        rows: A cell per column, None where there is no value.
        notes: What a reader must know, in sentences.
        printed: Whether it is for the terminal, too; details are not.
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
        writer.writerows(
            [column.exact(cell) for column, cell in zip(self.columns, row, strict=True)] for row in self.rows
        )
        return text.getvalue()


def text(*names: str) -> tuple[Column, ...]:
    """Return columns of text."""
    return tuple(Column(name) for name in names)


def numbers(digits: int, *names: str, printed: bool = True) -> tuple[Column, ...]:
    """Return columns of numbers."""
    return tuple(Column(name, digits, printed) for name in names)
