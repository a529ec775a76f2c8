"""All boards as a page: what each rests on, and how far its methods lie from chance."""

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import quote

from cleanbench.core import Issue, digest_of
from cleanbench.leaderboard import aggregate, contaminated
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.entries import Entry, chance_of
from cleanbench.leaderboard.index import prevalences, span
from cleanbench.leaderboard.markdown import percent
from cleanbench.leaderboard.rows import mean
from cleanbench.leaderboard.site.drawings import strip
from cleanbench.leaderboard.site.words import BADGES, badge, number
from cleanbench.leaderboard.tables import terms_of
from cleanbench.licence import sentence
from cleanbench.records import Record
from cleanbench.report import page
from cleanbench.report.page import Column, Html
from cleanbench.sampled import population

Lines = Mapping[Issue, tuple[Sequence[Entry], Sequence[Record]]]


def index_page(contents: Mapping[Board, Lines], diagrams: Sequence[str], pages: Collection[str], style: str) -> str:
    """Render the list of all boards.

    Args:
        contents: Of every board the lines and records of its issues.
        diagrams: Files of drawings that compare methods across data sets.
        pages: What there is over several boards, of ``aggregate`` and ``contaminated``.
        style: Of the site.
    """
    groups = contaminated.variants(
        {board: [record for _, records in lines.values() for record in records] for board, lines in contents.items()}
    )
    grouped = {board for boards in groups.values() for board in boards}
    sections = [_board(board, lines) for board, lines in contents.items() if lines and board not in grouped]
    for base in sorted({base for base, _ in groups}):
        own = {
            name: {board: contents[board] for board in boards} for (of, name), boards in groups.items() if of == base
        }
        sections.append(_contaminations(base, own, contaminated.STEM in pages))
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
    if aggregate.STEM in pages:
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


def _contaminations(base: str, protocols: Mapping[str, Mapping[Board, Lines]], side_by_side: bool) -> page.Section:
    """Return a line for each issue of each protocol, with a link for each seed."""
    rows = [
        _seeds(protocol, issue, {board: lines[issue] for board, lines in boards.items() if issue in lines})
        for protocol, boards in protocols.items()
        for issue in dict.fromkeys(issue for lines in boards.values() for issue in lines)
    ]
    head: list[str | Column] = ["Contamination", "Issue", "Seeds", "Truth"]
    head += [*map(Column, ("Items", "Faulty", "Prevalence", "Methods")), "AP"]
    first = page.link("Side by side", "contaminated.html")
    return page.section(
        f"Contaminations of {base}",
        page.paragraph("A board for each seed of a contamination."),
        *([page.paragraph(first, ": methods under every protocol, means over seeds.")] if side_by_side else []),
        page.table(head, rows, "AP: a stroke per method and seed, from 0 to 1; the tall one is chance."),
        anchor=f"contaminations-{base}-{digest_of([base])[:4]}",
    )


def _seeds(
    protocol: str, issue: Issue, boards: Mapping[Board, tuple[Sequence[Entry], Sequence[Record]]]
) -> list[str | int]:
    firsts = [records[0] for _, records in boards.values()]
    values = [entry.figures["AP"].value for entries, _ in boards.values() for entry in entries]
    known = [value for value in values if value is not None]
    chances = [chance for _, records in boards.values() if (chance := chance_of(records)["AP"]) is not None]
    chance = mean(chances) if chances else None
    told = f"from {min(known):.3f} to {max(known):.3f}" if known else "undefined"
    links = [page.link(seed, place) for seed, place in contaminated.links(list(boards), issue, ".html")]
    kinds = dict.fromkeys((truth_of(each).kind, truth_of(each).presumed) for each in firsts)
    return [
        page.code(protocol),
        issue.heading,
        Html(", ".join(links)),
        Html(" ".join(badge(kind, presumed=presumed) for kind, presumed in kinds)),
        span([each.items for each in firsts]),
        span([each.faulty for each in firsts]),
        prevalences(firsts),
        span([len({entry.method for entry in entries}) for entries, _ in boards.values()]),
        strip(known, chance, f"AP of {len(values)} methods and seeds {told}; chance {number(chance)}"),
    ]


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
        percent(faulty / items) if items else "",
        len({entry.method for entry in entries}),
        strip(known, chance, label),
        number(max(known, default=None)),
    ]
