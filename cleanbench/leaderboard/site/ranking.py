"""The table of a board: it says all without a script, and has what a script sorts and filters by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cleanbench.leaderboard.entries import CHANCE, Entry, Figure
from cleanbench.leaderboard.markdown import NOTHING
from cleanbench.leaderboard.rows import SHOWN
from cleanbench.leaderboard.site.entry_page import stem
from cleanbench.leaderboard.site.words import interval, number
from cleanbench.leaderboard.tables import counted_items
from cleanbench.metrics import METRICS
from cleanbench.records import Record
from cleanbench.report import page
from cleanbench.report.page import Html, code, escaped

# Of these the value is drawn beside the number; they lie between 0 and 1.
DRAWN = ("AP", "AUROC")


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


def heads_of(entries: Sequence[Entry]) -> list[Head]:
    """Return the columns that a table of these lines has."""
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


def keys_of(entry: Entry, heads: Sequence[Head]) -> list[float | str | None]:
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


def ranking_table(
    entries: Sequence[Entry], heads: Sequence[Head], chance: Mapping[str, float | None], first: Record
) -> Html:
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
        f'<div class="table board" role="region" aria-label="Ranking" tabindex="0"><table id="board"{levels(chance)}>'
        f"<caption>{escaped(caption)}</caption><thead><tr>"
        f'<th scope="col" class="js pick"><span class="hidden">Compare</span></th>{columns}</tr></thead>\n'
        f"<tbody>{chr(10).join(body)}</tbody></table></div>"
    )


def levels(chance: Mapping[str, float | None]) -> str:
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
