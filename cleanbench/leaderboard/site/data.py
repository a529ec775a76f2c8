"""What the script of a board's page needs beside the table, as JSON in the page: a file cannot fetch another."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cleanbench.core import Bools
from cleanbench.leaderboard.curves import Curve, mean_of, thinned
from cleanbench.leaderboard.entries import Entry
from cleanbench.leaderboard.rows import SHOWN
from cleanbench.leaderboard.site import drawings
from cleanbench.leaderboard.site.entry_page import stem
from cleanbench.leaderboard.site.ranking import Head, keys_of
from cleanbench.records import Record
from cleanbench.report.page import Html
from cleanbench.uncertainty.comparison import Comparison

# What a page holds of a curve: more digits than a drawing can show say nothing.
DIGITS = 2


def data_of(
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
            "keys": keys_of(entry, heads),
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
