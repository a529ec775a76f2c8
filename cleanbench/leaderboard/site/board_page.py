"""One issue of one board as a page: a table that sorts, filters and compares, and the grid of methods and encoders."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from cleanbench.core import Issue
from cleanbench.grid import Grid, grid_of, left_out_in_words, shares_in_words
from cleanbench.leaderboard import cuts
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.curves import Curve
from cleanbench.leaderboard.entries import Entry, chance_of
from cleanbench.leaderboard.legend import legend
from cleanbench.leaderboard.markdown import NOTHING
from cleanbench.leaderboard.rows import Row
from cleanbench.leaderboard.site.controls import TRAY, comparing, controls
from cleanbench.leaderboard.site.data import data_of
from cleanbench.leaderboard.site.entry_page import WRITTEN
from cleanbench.leaderboard.site.ranking import heads_of, ranking_table
from cleanbench.leaderboard.site.words import badge, from_markdown, number
from cleanbench.leaderboard.tables import facts, favourites
from cleanbench.not_run import NotRun
from cleanbench.records import Record
from cleanbench.report import page
from cleanbench.report.page import Column, Html, code, escaped
from cleanbench.uncertainty.comparison import Comparison


def board_page(
    entries: Sequence[Entry],
    records: Sequence[Record],
    board: Board,
    curves: Mapping[str, Curve],
    comparison: Comparison | None,
    absent: Sequence[NotRun],
    *,
    style: str,
    script: str,
) -> str:
    """Render the page of an issue.

    Args:
        entries: Its lines, the best first.
        records: Its records, at least one.
        board: Its board.
        curves: By the records' keys; none where a ranking could not be read.
        comparison: Of the lines; None where they cannot be compared.
        absent: What did not run.
        style: Of the site.
        script: Of the site.
    """
    first = records[0]
    truth = truth_of(first)
    grid = grid_of(records)
    heads = heads_of(entries)
    chance = chance_of(records)
    crumbs = page.paragraph(
        page.link("All boards", "../../index.html"), " ", badge(truth.kind, presumed=truth.presumed)
    )
    rows = [entry.row for entry in entries]
    best = [page.paragraph(from_markdown(line)) for line in favourites(rows, comparison) if line]
    table = ranking_table(entries, heads, chance, first)
    sections = [
        page.section("Ranking", controls(entries), table, TRAY, *best, anchor="ranking"),
        page.section("Compare", comparing(first, chance), anchor="compare"),
        *([page.section("Methods × encoders", *_grid(grid), anchor="grid")] if grid.complete_methods else []),
        *([page.section("What methods flag", *_flags(rows), anchor="flags")] if cuts.flagging(rows) else []),
        *([page.section("Not run", _absent(absent), anchor="not-run")] if absent else []),
        page.section("How to read it", *_reading(entries, comparison), anchor="reading"),
        page.section("Files", _files(board, first.issue, bool(grid.complete_methods)), anchor="files"),
    ]
    lead = [crumbs, page.bullets(map(from_markdown, facts(records)))]
    data = data_of(entries, heads, chance, first, curves, comparison)
    return page.document(
        f"{first.issue.heading} on {first.dataset}",
        [*sections[:-1], page.Section(sections[-1].title, "files", Html(f"{sections[-1].body}\n{data}"))],
        lead=lead,
        footer=WRITTEN,
        style=style,
        script=script,
    )


def _grid(grid: Grid) -> list[Html]:
    """Return the mean AP of every method on every encoder, shaded from chance on."""
    means = [value for cell in grid.values if (value := grid.mean(*cell)) is not None]
    lowest = grid.chance if grid.chance is not None else min(means)
    span = max(max(means) - lowest, 0.05)

    def shaded(value: float | None) -> str:
        if value is None:
            return "<td></td>"
        share = max(0.0, (value - lowest) / span)
        return f'<td class="number shade" style="--s:{share * 100:.0f}%">{value:.3f}</td>'

    head = "".join(f'<th scope="col" class="number">{code(name)}</th>' for name in (*grid.encoders,))
    rows = []
    for method in grid.methods:
        cells = "".join(shaded(grid.mean(method, encoder)) for encoder in grid.encoders)
        mean = f'<td class="number">{number(grid.mean_of_method(method))}</td>'
        rows.append(f'<tr><th scope="row">{escaped(method)}</th>{cells}{mean}</tr>')
    below = "".join(f'<td class="number">{number(grid.mean_of_encoder(encoder))}</td>' for encoder in grid.encoders)
    rows.append(f'<tr class="mean"><th scope="row">mean</th>{below}<td></td></tr>')
    caption = (
        f"{grid.metric}, mean over seeds, shaded from chance to the best; empty: no record. Means are over the largest "
        "part of the grid without holes."
    )
    table = (
        '<div class="table" role="region" aria-label="Methods and encoders" tabindex="0"><table>'
        f'<caption>{escaped(caption)}</caption><thead><tr><th scope="col">Method</th>{head}'
        f'<th scope="col" class="number">mean</th></tr></thead>\n<tbody>{chr(10).join(rows)}</tbody></table></div>'
    )
    left_out = left_out_in_words(grid)
    sentences = [shares_in_words(grid), *([left_out] if left_out else [])]
    return [Html(table), *map(page.paragraph, sentences)]


def _flags(rows: Sequence[Row]) -> list[Html]:
    """Return what methods flag by themselves."""
    head: list[str | Column] = [name if name in ("Method", "Encoder") else Column(name) for name in cuts.HEAD]
    cells = [
        [row.method, code(row.encoder) if row.encoder else NOTHING, *numbers] for row, numbers in cuts.flagging(rows)
    ]
    return [page.paragraph(cuts.LEGEND), page.table(head, cells, "Best mean F1 first.")]


def _absent(absent: Sequence[NotRun]) -> Html:
    rows = [[each.method, code(each.encoder) if each.encoder else NOTHING, each.reason] for each in absent]
    return page.table(["Method", "Encoder", "Reason"], rows, "Methods that ranked nothing here, and why.")


def _reading(entries: Sequence[Entry], comparison: Comparison | None) -> list[Html]:
    told = [*map(from_markdown, legend([entry.row for entry in entries], comparison))]
    if comparison is not None:
        told.append(Html("The ranks stand small below the rank; on an equal track, ranks and tiers are those on it."))
    told.append(Html(
        "Small below a value: the interval of AP and AUROC where there is one, otherwise the standard deviation over "
        "seeds. All intervals are on the pages of the methods."
    ))  # fmt: skip
    told.append(Html(
        "The line below AP and AUROC runs from 0 to 1: a dot for the value, a band for the interval where there is "
        "one, and a stroke for chance."
    ))  # fmt: skip
    if len({entry.encoder for entry in entries if entry.encoder}) > 1:
        told.append(Html(
            "Tracks: <em>free</em> ranks methods on whatever encoder each was run with, which mixes what the method "
            "does with what its encoder shows it; <em>equal</em> ranks those on one encoder among themselves."
        ))  # fmt: skip
    return [page.bullets(told)]


def _files(board: Board, issue: Issue, has_grid: bool) -> Html:
    links = [
        ("this table as Markdown", board.table(issue)),
        ("CSV", board.exported(issue, ".csv")),
        ("LaTeX", board.exported(issue, ".tex")),
        ("JSON", board.exported(issue, ".json")),
        *([("tables by encoder", board.by_encoder(issue))] if has_grid else []),
        ("records", board.records_file),
        ("truth", board.truth(issue)),
    ]
    return page.bullets(page.link(name, quote(path.relative_to(board.folder).as_posix())) for name, path in links)
