"""The part of a board's page that says what methods flag by themselves."""

import statistics
from collections.abc import Sequence

from cleanbench.leaderboard.markdown import NOTHING, code, markdown, number
from cleanbench.leaderboard.rows import Row
from cleanbench.records import Cut

HEAD = ("Method", "Encoder", "Flagged", "Precision", "Recall", "F1")
LEGEND = (
    "A method's own cut: which items it would hand over for correction. Precision is the share of the flagged items "
    "that are faulty, recall the share of the faulty items that are flagged, F1 their harmonic mean. A cut made for "
    "few false alarms is no worse for its low recall. Means over seeds; items that are not annotated do not count."
)


def section(rows: Sequence[Row]) -> list[str]:
    """Return the lines of the section, best mean F1 first; none where no method flags anything by itself."""
    found = flagging(rows)
    if not found:
        return []
    cells = [[code(row.method), code(row.encoder) if row.encoder else NOTHING, *numbers] for row, numbers in found]
    table = markdown(HEAD, cells, right=set(HEAD) - {"Method", "Encoder"})
    return ["", "## What methods flag", "", LEGEND, "", *table]


def flagging(rows: Sequence[Row]) -> list[tuple[Row, list[str]]]:
    """Return the rows whose method flags items by itself, best mean F1 first, with the numbers of `HEAD`."""
    found = []
    for row in rows:
        cuts = [record.cut for record in row.records if record.cut is not None]
        if cuts:
            flagged = f"{statistics.fmean(cut.flagged for cut in cuts):,.0f}"
            values = [_mean(cuts, name) for name in ("precision", "recall", "f1")]
            first = -1.0 if values[-1] is None else round(values[-1], 3)
            found.append((-first, row.method, row.encoder, row, [flagged, *map(number, values)]))
    return [(row, numbers) for *_, row, numbers in sorted(found, key=lambda each: each[:3])]


def _mean(cuts: Sequence[Cut], name: str) -> float | None:
    """Return the mean over the seeds where it is defined; None where it never is."""
    values = [getattr(cut, name).value for cut in cuts]
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
