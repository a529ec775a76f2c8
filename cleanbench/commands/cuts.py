"""What methods flag by themselves, beside the tables of their rankings."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from cleanbench.core import Issue
from cleanbench.records import Measured, Record, encoder_labels


def cuts_of_sweep(issue: Issue, records: Sequence[Record]) -> list[Table]:
    """Return the table of the methods' own cuts, best F1 first; none where no method has one.

    Args:
        issue: What was ranked.
        records: Of this issue, of one state of a data set.
    """
    labelled = list(zip(records, encoder_labels(records), strict=True))
    decided = [(record, encoder) for record, encoder in labelled if record.cut or "undecided" in record.notes]
    if not decided:
        return []
    title = f"{issue.heading} on {records[0].dataset}: what methods flag by themselves"
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in ("Method", "Encoder"):
        table.add_column(column, no_wrap=True)
    for column in ("Flagged", "Precision", "Recall", "F1", "CPU s"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("Why not")
    for record, encoder in sorted(decided, key=lambda row: (-_f1(row[0]), row[0].label)):
        cut = record.cut
        cells = ["–"] * 5
        if cut is not None:
            measured = (_cell(value) for value in (cut.precision, cut.recall, cut.f1))
            cells = [f"{cut.flagged:,} of {record.items:,}", *measured, f"{cut.cpu_seconds:.1f}"]
        reason = "" if cut else str(record.notes["undecided"])
        table.add_row(record.label, encoder or "–", *cells, Text(reason, overflow="fold"))
    if all(record.cut for record, _ in decided):
        table.columns.pop()
    return [table]


def _f1(record: Record) -> float:
    value = record.cut.f1.value if record.cut else None
    return -1.0 if value is None else value


def _cell(measured: Measured) -> str:
    return "–" if measured.value is None else f"{measured.value:.3f}"
