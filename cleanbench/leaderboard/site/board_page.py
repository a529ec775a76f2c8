"""One issue of one board as a page: a table that sorts, filters and compares, and the grid of methods and encoders."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cleanbench.core import Bools, Issue
from cleanbench.grid import Grid, grid_of, left_out_in_words, shares_in_words
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.curves import Curve, mean_of, thinned
from cleanbench.leaderboard.entries import CHANCE, Entry, Figure, chance_of
from cleanbench.leaderboard.legend import legend
from cleanbench.leaderboard.markdown import NOTHING
from cleanbench.leaderboard.rows import SHOWN
from cleanbench.leaderboard.site import drawings
from cleanbench.leaderboard.site.entry_page import WRITTEN, stem
from cleanbench.leaderboard.site.words import badge, from_markdown, interval, number
from cleanbench.leaderboard.tables import counted_items, facts
from cleanbench.metrics import METRICS
from cleanbench.not_run import NotRun
from cleanbench.records import Record
from cleanbench.report import page
from cleanbench.report.page import Html, code, escaped
from cleanbench.uncertainty.comparison import Comparison

# Of these the value is drawn beside the number; they lie between 0 and 1.
DRAWN = ("AP", "AUROC")
FREE = "free"
# What a page holds of a curve: more digits than a drawing can show say nothing.
DIGITS = 2


@dataclass(frozen=True)
class Head:
    """A column of the table.

    Attributes:
        name: Its heading.
        first: How a click sorts first: ``up`` or ``down``.
        right: Whether it holds numbers, set flush right.
    """

    name: str
    first: str = "down"
    right: bool = True


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
    heads = _heads(entries)
    chance = chance_of(records)
    crumbs = page.paragraph(
        page.link("All boards", "../../index.html"), " ", badge(truth.kind, presumed=truth.presumed)
    )
    sections = [
        page.section("Ranking", _controls(entries), _table(entries, heads, chance, first), anchor="ranking"),
        page.section("Compare", _compare(first, chance), anchor="compare"),
        *([page.section("Methods × encoders", *_grid(grid), anchor="grid")] if grid.complete_methods else []),
        *([page.section("Not run", _absent(absent), anchor="not-run")] if absent else []),
        page.section("How to read it", *_reading(entries, comparison), anchor="reading"),
        page.section("Files", _files(board, first.issue, bool(grid.complete_methods)), anchor="files"),
    ]
    lead = [crumbs, page.bullets(map(from_markdown, facts(records)))]
    data = _data(entries, heads, chance, first, curves, comparison)
    return page.document(
        f"{first.issue.heading} on {first.dataset}",
        [*sections[:-1], page.Section(sections[-1].title, "files", Html(f"{sections[-1].body}\n{data}"))],
        lead=lead,
        footer=WRITTEN,
        style=style,
        script=script,
    )


def _heads(entries: Sequence[Entry]) -> list[Head]:
    heads = [Head("Rank", "up")]
    if any(entry.standing is not None for entry in entries):
        heads += [Head("Tier", "up")]
    heads += [Head("Method", "up", right=False), Head("Encoder", "up", right=False)]
    heads += [Head(name, "down" if METRICS[name].higher_is_better else "up") for name in SHOWN]
    heads += [Head("AP of ties")]
    heads += [Head("Coverage", "up")] if any(entry.coverage < 1 for entry in entries) else []
    heads += [Head("Seeds"), Head("CPU s", "up"), Head("Peak MiB", "up")]
    heads += [Head("Encoder CPU s", "up")] if any(entry.encoder_cpu_seconds is not None for entry in entries) else []
    return heads


def _keys(entry: Entry, heads: Sequence[Head]) -> list[float | str | None]:
    """Return what the columns sort by."""
    keys: dict[str, float | str | None] = {
        "Rank": entry.rank,
        "Tier": None if entry.standing is None else entry.standing.tier,
        "Method": entry.method,
        "Encoder": entry.encoder,
        "AP of ties": None if entry.ties is None else entry.ties[1] - entry.ties[0],
        "Coverage": entry.coverage,
        "Seeds": len(entry.records),
        "CPU s": entry.cpu_seconds,
        "Peak MiB": entry.peak_mib,
        "Encoder CPU s": entry.encoder_cpu_seconds,
    } | {name: figure.value for name, figure in entry.figures.items()}
    return [keys[head.name] for head in heads]


def _table(entries: Sequence[Entry], heads: Sequence[Head], chance: Mapping[str, float | None], first: Record) -> Html:
    """Return the table with the chance row where its AP puts it."""
    columns = "".join(
        f'<th scope="col" data-first="{head.first}"{_right(head)}{_sorted(head)}>{escaped(head.name)}</th>'
        for head in heads
    )
    body = [_row(entry, heads) for entry in entries]
    level = chance["AP"]
    # Below the lines that print the same AP, as on the Markdown page.
    above = len(body) if level is None else sum(entry.row.printed_ap >= round(level, 3) for entry in entries)
    body.insert(above, _chance_row(heads, chance))
    caption = f"{len(entries)} lines, each a method with its encoder, on {counted_items(first)}."
    return Html(
        f'<div class="table board" role="region" aria-label="Ranking" tabindex="0"><table id="board"{_levels(chance)}>'
        f"<caption>{escaped(caption)}</caption><thead><tr>"
        f'<th scope="col" class="js pick"><span class="hidden">Compare</span></th>{columns}</tr></thead>\n'
        f"<tbody>{chr(10).join(body)}</tbody></table></div>"
    )


def _levels(chance: Mapping[str, float | None]) -> str:
    """Tell the style where chance lies on the lines that are drawn."""
    known = [(name, level) for name in DRAWN if (level := chance[name]) is not None]
    return f' style="{";".join(f"--{name}:{level * 100:.1f}" for name, level in known)}"'


def _row(entry: Entry, heads: Sequence[Head]) -> str:
    name = stem(entry)
    issue = entry.records[0].issue
    marks = '<abbr class="mark" title="supervised">†</abbr>' if entry.supervised else ""
    marks += '<abbr class="mark" title="ranking made elsewhere">¶</abbr>' if entry.row.submitted else ""
    other = '<abbr class="mark" title="not the encoder of the method\'s paper">‡</abbr>'
    title = page.link(entry.method, f"{issue}/{name}.html")
    cells: dict[str, str] = {
        "Rank": f"{NOTHING if entry.rank is None else entry.rank}{_small(str(entry.standing or ''))}",
        "Tier": "" if entry.standing is None else str(entry.standing.tier),
        "Method": f"{title}{marks}",
        "Encoder": f"{code(entry.encoder) if entry.encoder else NOTHING}{other if entry.row.foreign else ''}",
        "AP of ties": _ties(entry),
        "Coverage": f"{entry.coverage:.1%}",
        "Seeds": str(len(entry.records)),
        "CPU s": number(entry.cpu_seconds, 1),
        "Peak MiB": number(entry.peak_mib, 0),
        "Encoder CPU s": number(entry.encoder_cpu_seconds, 1),
    } | {metric: _figure(metric, figure) for metric, figure in entry.figures.items()}
    filled = []
    for head in heads:
        tag, scope = ("th", ' scope="row"') if head.name == "Method" else ("td", "")
        filled.append(f"<{tag}{scope}{_right(head)}>{cells[head.name]}</{tag}>")
    box = f'<td class="js pick"><input type="checkbox" aria-label="Compare {escaped(entry.title)}"></td>'
    band = ' class="band"' if entry.standing is not None and entry.standing.tier % 2 == 0 else ""
    return f'<tr id="{name}"{band}>{box}{"".join(filled)}</tr>'


def _chance_row(heads: Sequence[Head], chance: Mapping[str, float | None]) -> str:
    cells = []
    for head in heads:
        if head.name == "Method":
            cells.append(f'<th scope="row">{CHANCE}</th>')
        else:
            cells.append(f"<td{_right(head)}>{number(chance[head.name]) if head.name in chance else ''}</td>")
    return f'<tr id="chance"><td class="js pick"></td>{"".join(cells)}</tr>'


def _figure(name: str, figure: Figure) -> str:
    """Return a number with its spread and interval, and, of some metrics, value and interval on a line from 0 to 1."""
    if figure.value is None:
        return NOTHING
    spread = "" if figure.spread is None else f"±{figure.spread:.3f}"
    if name not in DRAWN:
        return f"{figure.value:.3f}{_small(spread)}"
    small = _small(interval(figure) or spread)
    low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
    ends = "" if figure.low is None else f"--l:{low * 100:.1f};--h:{high * 100:.1f};"
    return f'{figure.value:.3f}{small}<i class="bar {name}" style="{ends}--v:{figure.value * 100:.1f}"></i>'


def _ties(entry: Entry) -> str:
    if entry.ties is None:
        return ""
    luck = '<abbr class="mark" title="wider than the interval">§</abbr>' if entry.row.decided_by_ties else ""
    return "–".join(f"{end:.3f}" for end in entry.ties) + luck


def _small(text: str) -> str:
    return f"<small>{text}</small>" if text else ""


def _right(head: Head) -> str:
    return ' class="number"' if head.right else ""


def _sorted(head: Head) -> str:
    return ' aria-sort="ascending"' if head.name == "Rank" else ""


def _controls(entries: Sequence[Entry]) -> Html:
    """Return what filters the table; hidden until there is a script that makes it work."""
    encoders = sorted({entry.encoder for entry in entries})
    tracks = [(FREE, "Free: every method on its encoder")]
    tracks += [(name, f"Equal: all on {name}") for name in encoders if name]
    options = "".join(f'<option value="{escaped(value)}">{escaped(shown)}</option>' for value, shown in tracks)
    boxes = [("encoder", name, name or "none") for name in encoders] if len(encoders) > 1 else []
    facets = _facet("Encoder", boxes)
    told = [("told", "yes", "supervised, †"), ("told", "no", "not supervised")]
    facets += _facet("Supervision", told) if len({entry.supervised for entry in entries}) > 1 else ""
    own = [("paper", "no", "another, ‡"), ("paper", "yes", "the same, or none is named")]
    facets += _facet("Encoder of the paper", own) if len({entry.row.foreign for entry in entries}) > 1 else ""
    track = f'<label>Track <select id="track">{options}</select></label>' if len(tracks) > 1 else ""
    return Html(
        '<form class="js controls" id="controls"><div class="line">'
        '<label>Filter <input type="search" id="filter" placeholder="method or encoder" autocomplete="off"></label>'
        f'{track}<button type="reset">Reset</button></div>{facets}'
        '<p role="status" aria-live="polite" id="shown"></p></form>'
        '<p class="js tray" id="tray" hidden><button type="button" id="leap"></button>'
        '<button type="button" id="drop">Clear</button></p>'
    )


def _facet(title: str, boxes: Sequence[tuple[str, str, str]]) -> str:
    if not boxes:
        return ""
    inputs = "".join(
        f'<label><input type="checkbox" name="{name}" value="{escaped(value)}" checked> {escaped(shown)}</label>'
        for name, value, shown in boxes
    )
    return f"<fieldset><legend>{escaped(title)}</legend>{inputs}</fieldset>"


def _compare(first: Record, chance: Mapping[str, float | None]) -> Html:
    noun = "pairs" if first.issue.ranks_pairs else "images"
    box = f'viewBox="0 0 {drawings.WIDTH} {drawings.HEIGHT}"'
    effort = drawings.frame("Items reviewed", "Faults found", '<g class="lines"></g><path class="cursor" d=""/>')
    precision = drawings.frame("Faults found (recall)", "Precision", '<g class="lines"></g>')
    return Html(
        "<noscript><p>Comparing methods needs JavaScript; their pages show the same curves one by one.</p></noscript>"
        '<div class="js"><p id="hint">Tick methods in the table to lay their curves over each other, at most eight.</p>'
        '<div id="comparison" hidden><div class="charts">'
        f'<svg class="chart" {box} role="img" aria-label="Share of faults found over share of items reviewed; the '
        f'numbers are in the table below" id="effort">{effort}</svg>'
        f'<svg class="chart" {box} role="img" aria-label="Precision over recall; the numbers are in the table below" '
        f'id="precision">{precision}</svg></div>'
        f'<p class="line"><label>Review <input type="range" id="depth" min="1" max="{first.items}"> '
        f'<output id="reviewed" for="depth"></output></label> <span class="hidden">{noun}</span>'
        "</p>"
        f'<div class="table" role="region" aria-label="Comparison" tabindex="0"><table id="compared"{_levels(chance)}>'
        "<caption>Means over seeds; found and precision are read off the drawn curves.</caption>"
        "<thead></thead><tbody></tbody></table></div></div></div>"
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


def _data(
    entries: Sequence[Entry],
    heads: Sequence[Head],
    chance: Mapping[str, float | None],
    first: Record,
    curves: Mapping[str, Curve],
    comparison: Comparison | None,
) -> Html:
    """Return what the script needs beside the table."""
    rows = [
        {
            "id": stem(entry),
            "title": entry.title,
            "method": entry.method,
            "encoder": entry.encoder,
            "told": "yes" if entry.supervised else "no",
            "paper": "no" if entry.row.foreign else "yes",
            "ap": None if entry.rank is None else entry.row.printed_ap,
            "keys": _keys(entry, heads),
            "curve": _corners([curves[record.key] for record in entry.records if record.key in curves]),
            **({} if comparison is None else _compared(entry, comparison.better[place])),
        }
        for place, entry in enumerate(entries)
    ]
    content: dict[str, Any] = {
        "items": first.items,
        "faulty": first.faulty,
        "plot": [drawings.LEFT, drawings.RIGHT, drawings.TOP, drawings.BOTTOM],
        "step": [drawings.STEP, drawings.PIECES],
        "shown": list(SHOWN),
        "compared": comparison is not None,
        "chance": [chance.get(head.name) for head in heads],
        "rows": rows,
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    # Nothing in a name may end the element.
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Html(f'<script type="application/json" id="data">{text}</script>')


def _corners(curves: Sequence[Curve]) -> list[list[float]] | None:
    if not curves or not curves[0][-1][1]:
        return None
    corners = thinned(mean_of(curves))
    return [[depth for depth, _ in corners], [_short(found) for _, found in corners]]


def _compared(entry: Entry, better: Bools) -> dict[str, int | str]:
    """Return where a line may stand, its tier, and which lines it is better than."""
    own = entry.standing
    where = {} if own is None else {"lowest": own.lowest, "highest": own.highest, "tier": own.tier}
    return {**where, "better": _bits(better)}


def _bits(marks: Bools) -> str:
    """Return which marks are set as the bits of a hexadecimal number, the first one the highest."""
    bits = "".join("01"[mark] for mark in marks.tolist())
    return f"{int(bits, 2):0{-(-len(bits) // 4)}x}"


def _short(value: float) -> float:
    rounded = round(value, DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded
