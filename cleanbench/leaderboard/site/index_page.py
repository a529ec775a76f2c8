"""All boards as a page: what each rests on, and how far its methods lie from chance."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from cleanbench.core import Issue, digest_of
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.entries import Entry, chance_of
from cleanbench.leaderboard.site.drawings import strip
from cleanbench.leaderboard.site.words import BADGES, badge, number
from cleanbench.leaderboard.tables import terms_of
from cleanbench.licence import sentence
from cleanbench.records import Record
from cleanbench.report import page
from cleanbench.report.page import Column, Html
from cleanbench.sampled import population

Lines = Mapping[Issue, tuple[Sequence[Entry], Sequence[Record]]]


def index_page(contents: Mapping[Board, Lines], diagrams: Sequence[str], aggregated: bool, style: str) -> str:
    """Render the list of all boards.

    Args:
        contents: Of every board the lines and records of its issues.
        diagrams: Files of drawings that compare methods across data sets.
        aggregated: Whether there are standings over several boards.
        style: Of the site.
    """
    sections = [_board(board, lines) for board, lines in contents.items() if lines]
    if diagrams:
        links = [page.link(name.removesuffix(".svg").replace("_", " "), name) for name in diagrams]
        sections.append(page.section("Across data sets", page.bullets(links)))
    lead = [
        page.paragraph(
            "A board compares methods on one data set with one revision of its truth; numbers of different boards are "
            "not comparable. Beside each table lie the records, the ranking behind every number and the truth, so that "
            "everything can be computed again without the data set."
        ),
        page.bullets(Html(f"{badge(kind)} {page.escaped(meaning)}") for kind, meaning in BADGES.items()),
        page.paragraph("A truth that was planted does not rank methods for real data."),
    ]
    if aggregated:
        lead.append(page.paragraph(page.link("Across boards", "aggregate.html"), ": mean rank and Borda share."))
    if not sections:
        lead.append(page.paragraph("There is no board yet."))
    return page.document(
        "Leaderboards",
        sections,
        lead=lead,
        footer="Written by python -m cleanbench.leaderboard; its --check computes every number again.",
        style=style,
    )


def _board(board: Board, lines: Lines) -> page.Section:
    records = [record for _, group in lines.values() for record in group]
    first = records[0]
    rows = [_row(board, issue, entries, group) for issue, (entries, group) in lines.items()]
    head: list[str | Column] = ["Issue", "Truth", *map(Column, ("Items", "Faulty", "Prevalence", "Methods"))]
    head += ["AP", Column("Best AP")]
    terms = terms_of(records)
    parts = [
        page.paragraph(f"{first.images:,} images, truth revision ", page.code(board.folder.name), "."),
        *([] if terms is None else [page.paragraph(sentence(terms))]),
        page.table(head, rows, "AP: a stroke per method and encoder, from 0 to 1; the tall one is chance."),
    ]
    return page.section(first.dataset, *parts, anchor=f"{board.name}-{digest_of([board.name])[:4]}")


def _row(board: Board, issue: Issue, entries: Sequence[Entry], records: Sequence[Record]) -> list[str | int]:
    first, truth = records[0], truth_of(records[0])
    faulty, items = population(first)
    values = [entry.figures["AP"].value for entry in entries]
    known = [value for value in values if value is not None]
    chance = chance_of(records)["AP"]
    span = f"from {min(known):.3f} to {max(known):.3f}" if known else "undefined"
    label = f"AP of {len(entries)} methods with encoders {span}; chance {number(chance)}"
    return [
        page.link(issue.heading, f"{quote(board.name)}/{issue}.html"),
        Html(f"{page.code(truth.name)} {badge(truth.kind, presumed=truth.presumed)}"),
        first.items,
        first.faulty,
        f"{faulty / items:.1%}" if items else "",
        len({entry.method for entry in entries}),
        strip(known, chance, label),
        number(max(known, default=None)),
    ]
