"""All files that follow from the records of a board: what a merge writes and a check compares."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from cleanbench.core import Issue, UserError
from cleanbench.grid import grid_of
from cleanbench.leaderboard import across, by_encoder, heatmap, tables
from cleanbench.leaderboard.board import Board
from cleanbench.leaderboard.curves import Curve
from cleanbench.leaderboard.entries import entries_of
from cleanbench.leaderboard.evidence import Judgements, curve
from cleanbench.leaderboard.exports import as_csv, as_json, as_latex
from cleanbench.leaderboard.site.board_page import board_page
from cleanbench.leaderboard.site.entry_page import entry_page, stem
from cleanbench.leaderboard.site.index_page import index_page
from cleanbench.not_run import NotRun
from cleanbench.records import Record
from cleanbench.uncertainty.comparison import Comparison

INDEX, SITE = "README.md", "index.html"


def index_files(
    root: Path, contents: Mapping[Board, Sequence[Record]], diagrams: Iterable[Path] = ()
) -> dict[Path, str]:
    """Return the lists of all boards, by their places.

    Args:
        root: Holds the boards.
        contents: Their records.
        diagrams: What `index_figures` drew.
    """
    lines = {
        board: {issue: (entries_of(own), own) for issue, own in tables.by_issue(records)}
        for board, records in contents.items()
    }
    names = [path.name for path in diagrams]
    return {root / INDEX: tables.index(contents, names), root / SITE: index_page(lines, names, asset("site.css"))}


def index_figures(root: Path, contents: Mapping[Board, Sequence[Record]]) -> dict[Path, str]:
    """Return the drawings that compare methods across data sets, by their places."""
    return {root / name: drawn for name, drawn in across.diagrams(contents).items()}


def issue_files(
    board: Board,
    issue: Issue,
    records: Sequence[Record],
    comparison: Comparison | None,
    truth: Judgements | None,
    absent: Sequence[NotRun],
) -> dict[Path, str]:
    """Return the tables and pages of one issue of a board, by their places; its heat map is in `figures`.

    Args:
        board: The board.
        issue: The issue.
        records: All its records, at least one.
        comparison: Of the rows; None where they cannot be compared.
        truth: The judgements; None if they cannot be read, and then there are no curves.
        absent: What did not run.
    """
    grid = grid_of(records)
    entries = entries_of(records, comparison)
    style, script = asset("site.css") + asset("board.css"), asset("board.js")
    curves = {} if truth is None else _curves(board, records, truth)
    files = {
        board.table(issue): tables.page(records, comparison, absent),
        board.exported(issue, ".csv"): as_csv(entries, records),
        board.exported(issue, ".json"): as_json(entries, records, board, absent),
        board.exported(issue, ".tex"): as_latex(entries, records),
        board.site(issue): board_page(entries, records, board, curves, comparison, absent, style=style, script=script),
    }
    if grid.complete_methods:
        files[board.by_encoder(issue)] = by_encoder.page(records, grid)
    for entry in entries:
        files[board.entry(issue, stem(entry))] = entry_page(entry, curves, board, asset("site.css"))
    return files


def figures(board: Board, issue: Issue, records: Sequence[Record]) -> dict[Path, str]:
    """Return the drawings of one issue of a board; their bytes depend on the version of matplotlib."""
    grid = grid_of(records)
    if not grid.complete_methods:
        return {}
    return {board.grid(issue): heatmap.draw(grid, by_encoder.title(grid, records))}


@cache
def asset(name: str) -> str:
    """Return a style or a script of the site."""
    return resources.files("cleanbench.leaderboard.site").joinpath(name).read_text(encoding="utf-8")


def _curves(board: Board, records: Sequence[Record], truth: Judgements) -> dict[str, Curve]:
    """Return the curve of every record whose ranking can be read, by the record's key."""
    curves = {}
    for record in records:
        try:
            curves[record.key] = curve(board.ranking(record), record.issue, truth)
        except UserError:  # a check names the file
            continue
    return curves
