"""All files that follow from the records of a board: what a merge writes and a check compares."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

from cleanbench.core import Issue, UserError
from cleanbench.grid import grid_of
from cleanbench.leaderboard import across, aggregate, by_encoder, contaminated, heatmap, index, tables
from cleanbench.leaderboard.board import Board
from cleanbench.leaderboard.entries import entries_of
from cleanbench.leaderboard.evidence import Judgements, Look, look
from cleanbench.leaderboard.exports import as_csv, as_json, as_latex
from cleanbench.leaderboard.site.board_page import board_page
from cleanbench.leaderboard.site.entry_page import entry_page, stem
from cleanbench.leaderboard.site.index_page import index_page
from cleanbench.leaderboard.tables import terms_of
from cleanbench.licence import may_show_images
from cleanbench.not_run import NotRun
from cleanbench.records import Record
from cleanbench.uncertainty.comparison import Comparison

INDEX, SITE = "README.md", "index.html"


def index_files(
    root: Path,
    contents: Mapping[Board, Sequence[Record]],
    diagrams: Iterable[Path] = (),
    ranked: Sequence[aggregate.Ranked] = (),
) -> dict[Path, str]:
    """Return the lists of all boards and the standings over them, by their places.

    Args:
        root: Holds the boards.
        contents: Their records.
        diagrams: What `index_figures` drew.
        ranked: What the boards add to the standings.
    """
    lines = {
        board: {issue: (entries_of(own), own) for issue, own in tables.by_issue(records)}
        for board, records in contents.items()
    }
    files: dict[Path, str] = {}
    if made := aggregate.tables(ranked):
        files |= {
            root / f"{aggregate.STEM}.md": aggregate.as_markdown(made),
            root / f"{aggregate.STEM}.csv": aggregate.as_csv(made),
            root / f"{aggregate.STEM}.html": aggregate.as_html(made, asset("site.css")),
        }
    if variants := contaminated.tables(contents):
        files |= {
            root / f"{contaminated.STEM}.md": contaminated.as_markdown(variants),
            root / f"{contaminated.STEM}.csv": contaminated.as_csv(variants),
            root / f"{contaminated.STEM}.html": contaminated.as_html(variants, asset("site.css") + asset("board.css")),
        }
    names, pages = [path.name for path in diagrams], {path.stem for path in files}
    files[root / INDEX] = index.index(contents, names, pages)
    files[root / SITE] = index_page(lines, names, pages, asset("site.css"))
    return files


def index_figures(root: Path, contents: Mapping[Board, Sequence[Record]]) -> dict[Path, str]:
    """Return the drawings that compare methods across data sets, by their places."""
    return {root / name: drawn for name, drawn in across.diagrams(contents).items()}


@dataclass(frozen=True, eq=False)
class Sources:
    """What the pages of an issue show besides its records.

    Attributes:
        comparison: Of the rows; None where they cannot be compared.
        looks: At the rankings, by the records' keys; none where one cannot be read.
        absent: What did not run.
        ranked: What the issue adds to the standings over boards; None where it adds nothing.
    """

    comparison: Comparison | None = None
    looks: Mapping[str, Look] = field(default_factory=dict)
    absent: Sequence[NotRun] = ()
    ranked: aggregate.Ranked | None = None


def pictures_of(board: Board, records: Sequence[Record], looks: Mapping[str, Look]) -> set[Path]:
    """Return where pictures lie, or may be put, of the items that the pages of an issue show.

    There are none unless the records state a licence that lets a board show them.
    """
    terms = terms_of(records)
    if terms is None or not may_show_images(terms, shared=True):
        return set()
    return {board.picture(name) for each in looks.values() for suspect in each.top for name in suspect.ids}


def looks_at(board: Board, records: Sequence[Record], truth: Judgements) -> dict[str, Look]:
    """Look at the ranking of every record, by the record's key; what cannot be read is left out."""
    looks = {}
    for record in records:
        try:
            looks[record.key] = look(board.ranking(record), record.issue, truth)
        except UserError:  # a check names the file
            continue
    return looks


def issue_files(board: Board, issue: Issue, records: Sequence[Record], sources: Sources) -> dict[Path, str]:
    """Return the tables and pages of one issue of a board, by their places; its heat map is in `figures`.

    Args:
        board: The board.
        issue: The issue.
        records: All its records, at least one.
        sources: What they show besides.
    """
    comparison, absent = sources.comparison, sources.absent
    grid = grid_of(records)
    entries = entries_of(records, comparison)
    style, script = asset("site.css") + asset("board.css"), asset("board.js")
    curves = {key: each.curve for key, each in sources.looks.items() if each.curve is not None}
    pictures = set(filter(Path.exists, pictures_of(board, records, sources.looks)))
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
        files[board.entry(issue, stem(entry))] = entry_page(entry, sources.looks, pictures, board, asset("site.css"))
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
