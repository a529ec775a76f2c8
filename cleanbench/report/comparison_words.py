"""What a comparison found, in words: each sentence a function of the numbers that make it true."""

from collections.abc import Sequence

import numpy as np

from cleanbench.leaderboard.rows import Row, mean
from cleanbench.report import sentences
from cleanbench.report.compared import BY, Compared, name_of


def findings(compared: Compared) -> list[str]:
    """Say what the comparison found."""
    first = compared.rows[0].records[0]
    said = [sentences.judged(first)]
    if compared.comparison is not None:
        said += [tiers_in_words(compared), chance_in_words(compared)]
    if compared.left_out:
        runs = "1 run is" if compared.left_out == 1 else f"{compared.left_out} runs are"
        said.append(f"{runs} left out: on another state of the data or of the truth.")
    return [text for text in said if text]


def highest(rows: Sequence[Row]) -> str:
    """Name the rows with the highest AP as it is printed, and say what that is."""
    leading = [row for row in rows if row.printed_ap == max(other.printed_ap for other in rows)]
    verb = "has" if len(leading) == 1 else "have"
    return f"{sentences.listed([name_of(row) for row in leading])} {verb} the highest {BY}, {leading[0].printed_ap:.3f}"


def tiers_in_words(compared: Compared) -> str:
    """Name what has the highest AP and what it cannot be told apart from, and count the tiers."""
    comparison, rows = compared.comparison, compared.rows
    if comparison is None or len(rows) < 2:
        return ""
    leader = int(np.argmax([mean(row.values(BY)) for row in rows]))
    leading = [place for place, row in enumerate(rows) if row.printed_ap == rows[leader].printed_ap]
    near = [place for place in range(len(rows)) if place not in leading and not comparison.better[leader, place]]
    others = len(rows) - len(leading)
    best = highest(rows)
    if not others:
        found = best
    elif not near:
        found = f"{best}, told apart from {'the other one' if others == 1 else f'all {others} others'}"
    elif len(near) == others:
        found = f"{best}, not told apart from {'the other one' if others == 1 else f'any of the {others} others'}"
    else:
        found = f"{best}, not told apart from {sentences.listed([name_of(rows[place]) for place in near])}"
    tiers = int(comparison.tiers.max())
    count = f"{tiers} tiers in all" if tiers > 1 else "a single tier"
    return f"{found} ({BY}, paired replicates, Holm's correction for all pairs, 5%): {count}."


def chance_in_words(compared: Compared) -> str:
    """Name the rows that cannot be told from a random order, or are worse, by the interval of AUROC."""
    unclear, worse = [], []
    for row in compared.rows:
        ends = row.interval("AUROC")
        if ends is None or compared.is_constant(row):
            continue
        if ends.high < 0.5:
            worse.append(name_of(row))
        elif ends.low <= 0.5:
            unclear.append(name_of(row))
    said = []
    if unclear:
        said.append(f"By AUROC, {sentences.listed(unclear)} cannot be told from a random order.")
    if worse:
        said.append(f"By AUROC worse than a random order: {sentences.listed(worse)}.")
    return " ".join(said)


def warnings(compared: Compared) -> list[str]:
    """Return what a reader must know before trusting the table."""
    said = [sentences.few_faulty(compared.rows[0].records[0])]
    tied = [name_of(row) for row in compared.rows if row.decided_by_ties and not compared.is_constant(row)]
    if tied:
        said.append(
            f"Of {sentences.listed(tied)} the order of tied items moves AP more than its interval is wide: many items "
            "share a score."
        )
    return [text for text in said if text]


def remarks(compared: Compared) -> list[str]:
    """Return what else a reader should know of rows."""
    rows = compared.rows
    partly = [name_of(row) for row in rows if any(record.coverage < 1 for record in row.records)]
    foreign = [name_of(row) for row in rows if row.foreign]
    told = [name_of(row) for row in rows if any(record.supervised for record in row.records)]
    said = []
    if partly:
        said.append(f"Not every judged item got a score from {sentences.listed(partly)}; those without rank last.")
    if foreign:
        said.append(f"On another encoder than that of the paper: {sentences.listed(foreign)}.")
    if told:
        said.append(f"Supervised, told labels that are stated to be right: {sentences.listed(told)}.")
    return said
