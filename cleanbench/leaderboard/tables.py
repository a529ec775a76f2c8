"""Boards as Markdown: one page per issue and an index; the same records always give the same bytes."""

import math
import statistics
from collections.abc import Mapping, Sequence

from cleanbench.core import Issue
from cleanbench.grid import grid_of
from cleanbench.leaderboard import cuts
from cleanbench.leaderboard.board import truth_of
from cleanbench.leaderboard.legend import legend
from cleanbench.leaderboard.markdown import NOTHING, code, escaped, markdown, number, percent
from cleanbench.leaderboard.rows import BAND, BOUNDED, SHOWN, Row, mean, rows_of
from cleanbench.licence import sentence
from cleanbench.metrics import METRICS
from cleanbench.not_run import NotRun
from cleanbench.records import Record, Terms
from cleanbench.sampled import doubts_of, in_words, population
from cleanbench.scoring import weakness
from cleanbench.uncertainty.comparison import Comparison
from cleanbench.uncertainty.intervals import Interval

# Rows that are the best in fewer replicates are not named.
FAVOURITE = 0.01
# A band of ties narrower than this changes no printed digit.
NARROW = 0.0005
WRITTEN = (
    "Written by `python -m cleanbench.leaderboard` from `records.jsonl`; its `--check` computes every number again "
    "from `rankings/` and `truth/`. Do not edit this page."
)

KINDS: Mapping[str, str] = {
    "human": "human: people judged the items",
    "metadata": "metadata: derived from what is recorded about the images (such as patient or capture), not judged",
    "synthetic": (
        "synthetic: a program planted the faults. These numbers show how methods cope with planted faults; "
        "**they do not rank methods for real data**"
    ),
}

# The same where negatives are presumed: what is said of the faults holds for them alone.
PRESUMING: Mapping[str, str] = {
    "human": "human positives, presumed negatives: people judged the faults",
    "metadata": f"metadata positives, presumed negatives: {KINDS['metadata'].partition(': ')[2]}",
    "synthetic": f"synthetic positives, presumed negatives: {KINDS['synthetic'].partition(': ')[2]}",
}
PRESUMED = "What counts as clean is presumed to be so: nobody looked at all of it."


def page(records: Sequence[Record], comparison: Comparison | None = None, absent: Sequence[NotRun] = ()) -> str:
    """Render the table of one issue of one board.

    Args:
        records: All records of the issue, at least one.
        comparison: Of the rows, in the order of `rows_of`; None where they cannot be compared.
        absent: What did not run.
    """
    first = records[0]
    rows = rows_of(records)
    lines = [
        f"# {first.issue.heading} on {escaped(first.dataset)}",
        "",
        *facts(records),
        *_link(records),
        "",
        *ranked(rows, first, comparison),
        *favourites(rows, comparison),
        *cuts.section(rows),
        *_absent(absent),
        "",
        "## How to read it",
        "",
        *legend(rows, comparison),
        "",
        WRITTEN,
    ]
    return "\n".join(lines) + "\n"


def _absent(absent: Sequence[NotRun]) -> list[str]:
    """Say what did not run, and why."""
    if not absent:
        return []
    rows = [
        [code(each.method), code(each.encoder) if each.encoder else NOTHING, escaped(each.reason)] for each in absent
    ]
    return ["", "## Not run", "", *markdown(["Method", "Encoder", "Reason"], rows, right=set())]


def by_issue(records: Sequence[Record]) -> list[tuple[Issue, list[Record]]]:
    """Split the records of a board by issue, leaving out issues without a record."""
    groups = [(issue, [record for record in records if record.issue is issue]) for issue in Issue]
    return [(issue, group) for issue, group in groups if group]


def facts(records: Sequence[Record]) -> list[str]:
    """Say what the numbers of a page rest on."""
    first, truth = records[0], truth_of(records[0])
    versions = sorted({record.versions.get("cleanbench", "unknown") for record in records})
    unreadable = max(record.unreadable for record in records)
    kind = PRESUMING.get(truth.kind, truth.origin) if truth.presumed else KINDS.get(truth.kind, truth.kind)
    return [
        f"- Data set: {code(first.dataset)}, {first.images:,} images"
        + (f", {unreadable:,} of them unreadable and ranked last" if unreadable else ""),
        f"- Truth: {code(truth.name)}, {kind}.",
        f"- Items: {counted_items(first)}, {first.faulty:,} faulty. "
        + (
            f"They are a random sample: {told}.{f' {PRESUMED}' if truth.presumed else ''}"
            if (told := in_words(first))
            else f"Prevalence {_share(first)}, which is about the AP of a random order. "
            + (PRESUMED if truth.presumed else "What is not annotated is not counted.")
        ),
        f"- Fingerprint of the data `{first.fingerprint[:8]}`, truth revision `{truth.set_revision[:8]}` "
        f"(of this issue `{truth.revision[:8]}`)",
        *_terms(records),
        f"- Made with cleanbench {', '.join(versions)}",
        *_doubts(records),
    ]


def counted_items(record: Record) -> str:
    """Return how many items there are, called annotated only where all of them were.

    Example: ``392 annotated pairs``, or ``10,098 pairs`` if negatives are presumed.
    """
    noun = _noun(record.issue)
    return f"{record.items:,} {noun if truth_of(record).presumed else f'annotated {noun}'}"


def terms_of(records: Sequence[Record]) -> Terms | None:
    """Return the terms of the data set as the newest record states them; None if no record does."""
    stated = [record for record in records if record.terms is not None]
    return max(stated, key=lambda record: (record.created, record.key)).terms if stated else None


def _terms(records: Sequence[Record]) -> list[str]:
    """Say what the card of the data set says; nothing where no record knows."""
    terms = terms_of(records)
    if terms is None:
        return []
    stated = {
        "Cite": terms.citation,
        "Identifier": terms.identifier,
        "How this truth was made": terms.truth,
        "Images that belong together": terms.grouping,
        "Known blemishes": " ".join(terms.blemishes),
    }
    return [
        f"- {escaped(sentence(terms))}",
        *[f"- {title}: {escaped(text)}" for title, text in stated.items() if text.strip()],
    ]


def _doubts(records: Sequence[Record]) -> list[str]:
    """Say where intervals are not to be relied on."""
    reason = next(filter(None, map(weakness, records)), "")
    told = [f"- {escaped(f'{record.label}: {doubt}')}." for record in records for doubt in doubts_of(record)]
    if not reason:
        return list(dict.fromkeys(told))
    return [f"- **{reason[0].upper()}{reason[1:]}: intervals and ranks are rough, and hold less often than they say.**"]


def _link(records: Sequence[Record]) -> list[str]:
    """Lead from methods on whatever encoder each was run with to methods on the same one."""
    if not grid_of(records).complete_methods:
        return []
    return [
        f"- Methods meet here on different encoders. [By encoder]({records[0].issue}_by_encoder.md) they meet on the "
        "same, and the grid of both tells whether a method or its encoder is good."
    ]


def ranked(rows: Sequence[Row], first: Record, comparison: Comparison | None = None) -> list[str]:
    """Return the table with the chance row where its AP puts it."""
    covered = all(record.coverage == 1 for row in rows for record in row.records)
    standing = [] if comparison is None else ["Ranks", "Tier"]
    head = ["Rank", *standing, "Method", "Encoder", *SHOWN, "AP of ties", *([] if covered else ["Coverage"])]
    head += ["Seeds", "CPU s", "Peak MiB"]
    costed = any(row.encoder_costs for row in rows)
    head += ["Encoder CPU s"] if costed else []
    printed = [row.printed_ap for row in rows]
    ranks = [[_rank(row, printed), *_standing(place, comparison)] for place, row in enumerate(rows)]
    cells = [_cells(row, own, covered, costed) for row, own in zip(rows, ranks, strict=True)]
    expected = [METRICS[name].chance(*population(first)) for name in SHOWN]
    chance = ["", *[""] * len(standing), "*by chance, expected*", ""]
    chance += [NOTHING if value is None else f"*{number(value)}*" for value in expected]
    chance += [""] * (len(head) - len(chance))
    # Below the rows that print the same AP: a method that is no better than chance is not shown beneath it.
    level = -math.inf if expected[0] is None else round(expected[0], 3)
    cells.insert(sum(value >= level for value in printed), chance)
    return markdown(head, cells, right=set(head) - {"Method", "Encoder"})


def _standing(place: int, comparison: Comparison | None) -> list[str]:
    if comparison is None:
        return []
    lowest, highest = comparison.lowest[place], comparison.highest[place]
    return [str(lowest) if lowest == highest else f"{lowest}–{highest}", str(comparison.tiers[place])]


def favourites(rows: Sequence[Row], comparison: Comparison | None) -> list[str]:
    """Say which rows are the best in how many replicates."""
    if comparison is None:
        return []
    named = [
        (share, f"{code(row.method)}{f' on {code(row.encoder)}' if row.encoder else ''}")
        for share, row in zip(comparison.best, rows, strict=True)
    ]
    shown = [f"{name} {share:.0%}" for share, name in sorted(named, key=lambda each: -each[0]) if share >= FAVOURITE]
    return [
        "",
        f"Best AP, by share of the samples drawn again: {', '.join(shown)}; others less than {FAVOURITE:.0%} each.",
    ]


def _cells(row: Row, ranks: list[str], covered: bool, costed: bool) -> list[str]:
    costs = [record.cost for record in row.records if record.cost is not None]
    supervised = any(record.supervised for record in row.records)
    coverage = min(record.coverage for record in row.records)
    return [
        *ranks,
        code(row.method) + (" †" if supervised else "") + (" ¶" if row.submitted else ""),
        (code(row.encoder) if row.encoder else NOTHING) + (" ‡" if row.foreign else ""),
        *[_measured(row.values(name), row.interval(name) if name in BOUNDED else None) for name in SHOWN],
        _band(row) + (" §" if row.decided_by_ties else ""),
        # Rounded down: what is not covered whole never prints as 1.
        *([] if covered else [f"{math.floor(coverage * 1000) / 1000:.3f}"]),
        str(len(row.records)),
        f"{mean([cost.total_cpu_seconds for cost in costs]):.1f}" if costs else NOTHING,
        f"{mean([cost.peak_mib for cost in costs]):.0f}" if costs else NOTHING,
        *([f"{mean(row.encoder_costs):.1f}" if row.encoder_costs else NOTHING] if costed else []),
    ]


def rank_of(row: Row, printed: Sequence[float]) -> int | None:
    """Return the rank by AP as printed among those of all rows; None where a row has no AP."""
    if row.printed_ap == -math.inf:
        return None
    return 1 + sum(other > row.printed_ap for other in printed)


def _rank(row: Row, printed: Sequence[float]) -> str:
    rank = rank_of(row, printed)
    return NOTHING if rank is None else str(rank)


def _band(row: Row) -> str:
    means = [mean(row.values(name)) for name in BAND if row.values(name)]
    middle = mean(row.values("AP")) if means else 0.0
    if all(abs(each - middle) <= NARROW for each in means):
        return ""
    return "–".join(f"{each:.3f}" for each in means)


def _measured(values: Sequence[float], interval: Interval | None) -> str:
    if not values:
        return NOTHING
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    ends = "" if interval is None else f" [{interval.low:.3f}, {interval.high:.3f}]"
    return f"{mean(values):.3f}{spread}{ends}"


def _share(record: Record) -> str:
    faulty, items = population(record)
    return percent(faulty / items) if items else NOTHING


def _noun(issue: Issue) -> str:
    return "pairs" if issue.ranks_pairs else "images"
