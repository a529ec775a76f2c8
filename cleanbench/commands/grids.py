"""The grid method × encoder in the terminal."""

from collections.abc import Sequence
from statistics import fmean

from rich.table import Table

from cleanbench.grid import Grid, grid_of, left_out_in_words, shares_in_words
from cleanbench.records import Record

HOLE = "–"


def grid_of_sweep(records: Sequence[Record]) -> list[Table | str]:
    """Return a title, the grid of AP of one issue and what it says; nothing below two methods and two encoders.

    Args:
        records: Of one data set, truth and issue, at least one.
    """
    grid = grid_of(records)
    # Methods that each ran on an encoder of their own make no grid: it would be a table of holes.
    if len(grid.methods) < 2 or len(grid.encoders) < 2 or len(grid.values) <= len(grid.methods):
        return []
    sentences = [shares_in_words(grid)]
    if left_out := left_out_in_words(grid):
        sentences.append(left_out)
    if grid.beside:
        beside = sorted(((method, fmean(values)) for method, values in grid.beside.items()), key=lambda each: -each[1])
        named = ", ".join(f"{method} {value:.3f}" for method, value in beside)
        sentences.append(f"Without an encoder: {named}.")
    seeds = ", mean over seeds" if any(len(values) > 1 for values in grid.values.values()) else ""
    title = f"{records[0].issue.heading} on {records[0].dataset}: {grid.metric} by method and encoder{seeds}"
    return [title, _table(grid), *sentences]


def _table(grid: Grid) -> Table:
    """Return methods by encoders, the best first."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Method", no_wrap=True)
    for name in (*grid.encoders, "mean"):
        table.add_column(name, justify="right", no_wrap=True)
    for method in grid.methods:
        cells = [grid.mean(method, encoder) for encoder in grid.encoders]
        table.add_row(method, *map(_cell, cells), _cell(grid.mean_of_method(method)))
    if grid.complete_methods:
        table.add_row("mean", *[_cell(grid.mean_of_encoder(encoder)) for encoder in grid.encoders], "", style="dim")
    return table


def _cell(value: float | None) -> str:
    return HOLE if value is None else f"{value:.3f}"
