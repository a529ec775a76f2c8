"""Results of a sweep over the seeds of a contamination: mean and spread over the sets that it made."""

import re
import statistics
from collections.abc import Sequence

from rich.table import Table

from cleanbench.core import Issue
from cleanbench.records import Record, encoder_labels

SHOWN = ("AP", "AUROC", "P@100", "R@100", "FoE")
SEEDED = re.compile(r"(.+~.+)-s(\d+)")  # the name of a contaminated set
NOTHING = "–"


def spread_of_sweep(issue: Issue, records: Sequence[Record]) -> list[Table]:
    """Return a table for each contamination that ran with several seeds: mean ± standard deviation over them.

    Args:
        issue: What was ranked.
        records: Of this issue, of any data sets.
    """
    groups: dict[str, dict[tuple[str, str], list[tuple[str, Record]]]] = {}
    for record, encoder in zip(records, encoder_labels(records), strict=True):
        if record.items and (named := SEEDED.fullmatch(record.dataset)):
            rows = groups.setdefault(named[1], {})
            rows.setdefault((record.label, encoder), []).append((named[2], record))
    return [
        _table(issue, name, rows)
        for name, rows in groups.items()
        if len({seed for row in rows.values() for seed, _ in row}) > 1
    ]


def _table(issue: Issue, name: str, rows: dict[tuple[str, str], list[tuple[str, Record]]]) -> Table:
    title = f"{issue.heading} on {name}: mean ± standard deviation over the seeds of the contamination"
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in ("Method", "Encoder"):
        table.add_column(column, no_wrap=True)
    for column in (*SHOWN, "Seeds"):
        table.add_column(column, justify="right", no_wrap=True)
    found = []
    for (method, encoder), row in rows.items():
        # A method with seeds of its own first becomes one number per set: its spread is another one.
        values = {column: _per_seed(row, column) for column in SHOWN}
        first = statistics.fmean(values["AP"]) if values["AP"] else -1.0
        seeds = str(len({seed for seed, _ in row}))
        found.append((-first, method, (method, encoder or NOTHING, *map(_cell, values.values()), seeds)))
    for _, _, cells in sorted(found):
        table.add_row(*cells)
    return table


def _per_seed(row: Sequence[tuple[str, Record]], metric: str) -> list[float]:
    """Return the value of a metric for each seed, the mean where a method ran several times."""
    by_seed: dict[str, list[float]] = {}
    for seed, record in row:
        value = record.metrics[metric].value
        if value is not None:
            by_seed.setdefault(seed, []).append(value)
    return [statistics.fmean(values) for values in by_seed.values()]


def _cell(values: Sequence[float]) -> str:
    if not values:
        return NOTHING
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3f}{spread}"
