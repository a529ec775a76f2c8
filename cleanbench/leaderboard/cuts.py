"""The part of a board's page that says what methods flag by themselves."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cleanbench.records import Cut

if TYPE_CHECKING:
    from cleanbench.leaderboard.tables import Row

HEAD = ("Method", "Encoder", "Flagged", "Precision", "Recall", "F1")
NOTHING = "–"
LEGEND = (
    "A method's own cut: which items it would hand over for correction. Precision is the share of the flagged items "
    "that are faulty, recall the share of the faulty items that are flagged, F1 their harmonic mean. A cut made for "
    "few false alarms is no worse for its low recall. Means over seeds; items that are not annotated do not count."
)


def cells(rows: "Sequence[Row]") -> list[tuple[str, str, list[str]]]:
    """Return method, encoder and the other cells of each row with a cut, best mean F1 first."""
    found = []
    for row in rows:
        cuts = [record.cut for record in row.records if record.cut is not None]
        if cuts:
            flagged = f"{statistics.fmean(cut.flagged for cut in cuts):,.0f}"
            values = [_mean(cuts, name) for name in ("precision", "recall", "f1")]
            shown = [NOTHING if value is None else f"{value:.3f}" for value in values]
            first = -1.0 if values[-1] is None else values[-1]
            found.append((-round(first, 3), row.method, row.encoder, [flagged, *shown]))
    return [(method, encoder, shown) for _, method, encoder, shown in sorted(found)]


def _mean(cuts: Sequence[Cut], name: str) -> float | None:
    """Return the mean over the seeds where it is defined; None where it never is."""
    values = [getattr(cut, name).value for cut in cuts]
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
