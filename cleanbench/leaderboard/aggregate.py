"""Methods over several boards: mean rank and Borda share by AP, for each kind of truth by itself."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cleanbench.core import Issue
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.evidence import Evidence
from cleanbench.leaderboard.markdown import NOTHING, code, markdown
from cleanbench.leaderboard.rows import mean, rows_of
from cleanbench.leaderboard.spreadsheet import text_cell
from cleanbench.records import Record
from cleanbench.report import page
from cleanbench.report.page import Column
from cleanbench.uncertainty.aggregation import Block, Place, Standing, standings

STEM = "aggregate"
HEAD = ("Method", "Borda share", "95 %", "Mean rank", "95 %", "Boards", "Data sets")
READING = (
    "Borda share: of the other methods on a board, the share that a method beats by AP, ties counting half; 1 is best. "
    "It takes methods that did not run everywhere, and flatters those that ran only where the others are weak.",
    "Mean rank: among the methods that ran on all of these boards; a dash for the others.",
    "Data sets weigh alike. Contaminated variants of one set, and revisions of one truth, are averaged first and count "
    "once; so are issues, where there are several.",
    "95 %: over the items of these boards. On other data sets the order may be another one, and a few data sets "
    "cannot tell by how much.",
    "All issues: the methods that ran on each of them, among themselves.",
    "Kinds of truth never share a table: planted faults do not rank methods for real data.",
)


@dataclass(frozen=True, eq=False)
class Ranked:
    """One issue of one board, as far as it can be aggregated.

    Attributes:
        kind: Of its truth: ``human``, ``metadata`` or ``synthetic``.
        issue: The issue.
        dataset: Its data set.
        block: The methods on it.
    """

    kind: str
    issue: Issue
    dataset: str
    block: Block


@dataclass(frozen=True, eq=False)
class Table:
    """Standings over the boards that share a kind of truth and an issue.

    Attributes:
        kind: Of the truths.
        issue: The issue; None for all of them together.
        datasets: The data sets, variants by themselves, sorted.
        rows: The best first.
    """

    kind: str
    issue: Issue | None
    datasets: tuple[str, ...]
    rows: Sequence[Standing]

    @property
    def title(self) -> str:
        """What is ranked, by which kind of truth."""
        return f"{self.issue.heading if self.issue else 'All issues'}, {self.kind} truth"

    @property
    def boards(self) -> str:
        """What it rests on, in words."""
        families = len({name.partition("~")[0] for name in self.datasets})
        noun = "data set" if families == 1 else "independent data sets"
        return f"{families} {noun}: {', '.join(self.datasets)}."


def ranked(board: Board, records: Sequence[Record], found: Mapping[Path, Evidence]) -> Ranked | None:
    """Return what one issue of a board adds; None where its records have no intervals, or their rankings are missing.

    Args:
        board: The board.
        records: All its records of the issue, at least one.
        found: What their rankings are worth, by path.
    """
    values, draws = {}, {}
    for row in rows_of(records):
        evidence = [found.get(board.ranking(record)) for record in row.records]
        replicates = [each.scored.replicates for each in evidence if each is not None]
        known = [each.values["AP"] for each in replicates if each is not None and "AP" in each.values]
        if len(known) < len(row.records) or not row.values("AP"):
            return None
        name = f"{row.method} on {row.encoder}" if row.encoder else row.method
        values[name] = mean(row.values("AP"))
        draws[name] = sum(known[1:], start=known[0]) / len(known)
    first = records[0]
    block = Block(first.dataset.partition("~")[0], values, draws)
    return Ranked(truth_of(first).kind, first.issue, first.dataset, block)


def tables(found: Sequence[Ranked]) -> list[Table]:
    """Return the standings by kind of truth and issue, then over all issues, where there are two boards or more.

    Over all issues stand the methods that ran on each of them: whoever ran on one alone has other rivals.
    """
    made = []
    for kind in sorted({each.kind for each in found}):
        of_kind = [each for each in found if each.kind == kind]
        for issue in (*Issue, None):
            group = [each for each in of_kind if issue in (each.issue, None)]
            if issue is None:
                group = _on_all_issues(group)
            if len(group) < 2:
                continue
            names = tuple(sorted({each.dataset for each in group}))
            made.append(Table(kind, issue, names, standings([each.block for each in group])))
    return made


def _on_all_issues(group: Sequence[Ranked]) -> list[Ranked]:
    """Keep the methods that have a place on every issue; nothing if there is one issue, or fewer than two of them."""
    issues = {each.issue for each in group}
    places = [{name for each in group if each.issue is issue for name in each.block.values} for issue in issues]
    names = set.intersection(*places) if len(issues) > 1 else set()
    if len(names) < 2:
        return []
    kept = []
    for each in group:
        values = {name: value for name, value in each.block.values.items() if name in names}
        draws = {name: drawn for name, drawn in each.block.draws.items() if name in names}
        kept.append(replace(each, block=Block(each.block.family, values, draws)))
    return [each for each in kept if len(each.block.values) > 1]


def as_markdown(made: Sequence[Table]) -> str:
    """Render the standings as a page."""
    lines = ["# Across boards", "", *(f"- {sentence}" for sentence in READING), ""]
    for table in made:
        lines += [f"## {table.title}", "", table.boards, ""]
        cells = [[code(each.method), *_cells(each)] for each in table.rows]
        lines += [*markdown(HEAD, cells, right=set(HEAD) - {"Method"}), ""]
    return "\n".join([*lines, _WRITTEN]) + "\n"


def as_html(made: Sequence[Table], style: str) -> str:
    """Render the standings as a page of the site."""
    head: list[str | Column] = [HEAD[0], *map(Column, HEAD[1:])]
    sections = [
        page.section(
            table.title,
            page.paragraph(table.boards),
            page.table(head, [[each.method, *_cells(each)] for each in table.rows]),
        )
        for table in made
    ]
    lead = [page.paragraph(page.link("All boards", "index.html")), page.bullets(READING)]
    return page.document("Across boards", sections, lead=lead, footer=_WRITTEN.replace("`", ""), style=style)


def as_csv(made: Sequence[Table]) -> str:
    """Return a line per table and method, six digits of each number: more would not be the same on every machine."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    places = [f"{name}{end}" for name in ("borda", "rank") for end in ("", "_low", "_high")]
    writer.writerow(["truth", "issue", "method", *places, "boards", "datasets"])
    for table in made:
        for each in table.rows:
            values = [value for place in (each.borda, each.rank) for value in _parts(place)]
            name = text_cell(each.method)
            writer.writerow([table.kind, table.issue or "all", name, *values, each.blocks, each.families])
    return text.getvalue()


def _cells(standing: Standing) -> list[str]:
    shown = [*_place(standing.borda, 3), *_place(standing.rank, 1)]
    return [*shown, str(standing.blocks), str(standing.families)]


def _place(place: Place | None, digits: int) -> list[str]:
    if place is None:
        return [NOTHING, NOTHING]
    return [f"{place.value:.{digits}f}", f"{place.low:.{digits}f}–{place.high:.{digits}f}"]


def _parts(place: Place | None) -> list[str]:
    return ["", "", ""] if place is None else [f"{end:.6f}" for end in (place.value, place.low, place.high)]


_WRITTEN = "Written by `python -m cleanbench.leaderboard`; its `--check` computes every number again."
