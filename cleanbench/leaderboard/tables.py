"""Boards as Markdown: one page per issue and an index; the same records always give the same bytes."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from cleanbench.core import Issue
from cleanbench.grid import grid_of
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.licence import sentence
from cleanbench.metrics import METRICS
from cleanbench.records import Record, Terms, encoder_labels

SHOWN = ("AP", "AUROC", "P@10", "P@100", "R@100", "P@1%", "FoE")
BAND = ("AP_worst", "AP_best")
# A band of ties narrower than this changes no printed digit.
NARROW = 0.0005
NOTHING = "–"
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


@dataclass(frozen=True)
class Row:
    """One method with one encoder, over its seeds.

    Attributes:
        method: Label of the method.
        encoder: Label of the encoder; empty if the method reads no embeddings.
        records: One per seed, at least one.
    """

    method: str
    encoder: str
    records: tuple[Record, ...]

    def values(self, name: str) -> list[float]:
        """Return the values of a metric, one per seed; none where it is undefined."""
        measured = [record.metrics[name].value for record in self.records if name in record.metrics]
        return [value for value in measured if value is not None]

    @property
    def encoder_costs(self) -> list[float]:
        """CPU seconds of the embeddings, one per seed; none where there are none, or nothing was recorded."""
        details = [record.encoder_detail for record in self.records]
        return [detail.cost.cpu_seconds for detail in details if detail is not None and detail.cost is not None]

    @property
    def printed_ap(self) -> float:
        """Mean AP as printed: what prints alike shares a rank. ``-inf`` where it is undefined."""
        values = self.values("AP")
        return round(_mean(values), 3) if values else -math.inf


def rows_of(records: Sequence[Record]) -> list[Row]:
    """Group the records of one issue by method and encoder, best mean AP first, then by name."""
    encoders = encoder_labels(records)
    groups: dict[tuple[str, str], list[Record]] = {}
    for record, encoder in zip(records, encoders, strict=True):
        groups.setdefault((record.label, encoder), []).append(record)
    rows = [Row(method, encoder, tuple(group)) for (method, encoder), group in groups.items()]
    return sorted(rows, key=lambda row: (-row.printed_ap, row.method, row.encoder))


def page(records: Sequence[Record]) -> str:
    """Render the table of one issue of one board.

    Args:
        records: All records of the issue, at least one.
    """
    first = records[0]
    rows = rows_of(records)
    lines = [
        f"# {first.issue.heading} on {escaped(first.dataset)}",
        "",
        *facts(records),
        *_link(records),
        "",
        *ranked(rows, first),
        "",
        "## How to read it",
        "",
        *legend(rows),
        "",
        WRITTEN,
    ]
    return "\n".join(lines) + "\n"


def index(contents: Mapping[Board, Sequence[Record]]) -> str:
    """Render the list of all boards."""
    lines = [
        "# Leaderboards",
        "",
        "A board compares methods on one data set with one revision of its truth; numbers of different boards are not "
        "comparable. Beside each table lie the records (`records.jsonl`), the ranking behind every number "
        "(`rankings/`) and the truth (`truth/`), so that everything can be computed again without the data set.",
        "",
    ]
    entries = [
        _entry(board, issue, records) for board, all_of in contents.items() for issue, records in by_issue(all_of)
    ]
    if entries:
        head = ("Data set", "Truth revision", "Issue", "Truth", "Items", "Faulty", "Prevalence", "Methods")
        lines += markdown(head, entries, right={"Items", "Faulty", "Prevalence", "Methods"})
        lines += [
            "",
            "Truth: *human* was judged by people, *metadata* follows from what is recorded about the images, "
            "*synthetic* faults were planted by a program, which does not rank methods for real data. Prevalence is "
            "about the AP of a random order.",
            *_non_commercial(contents),
        ]
    else:
        lines.append("There is no board yet.")
    lines += [
        "",
        "`python -m cleanbench.leaderboard` merges the finished runs under `runs` and writes these pages; "
        "`python -m cleanbench.leaderboard --check` computes every number again. Do not edit what they write.",
    ]
    return "\n".join(lines) + "\n"


def _non_commercial(contents: Mapping[Board, Sequence[Record]]) -> list[str]:
    """Name the data sets that may not be used commercially: their numbers stand in the list above."""
    stated = {records[0].dataset: terms_of(records) for records in contents.values() if records}
    named = [code(name) for name, terms in stated.items() if terms is not None and terms.commercial is False]
    return ["", f"Non-commercial use only: the data behind {', '.join(sorted(named))}."] if named else []


def by_issue(records: Sequence[Record]) -> list[tuple[Issue, list[Record]]]:
    """Split the records of a board by issue, leaving out issues without a record."""
    groups = [(issue, [record for record in records if record.issue is issue]) for issue in Issue]
    return [(issue, group) for issue, group in groups if group]


def facts(records: Sequence[Record]) -> list[str]:
    """Say what the numbers of a page rest on."""
    first, truth = records[0], truth_of(records[0])
    versions = sorted({record.versions.get("cleanbench", "unknown") for record in records})
    unreadable = max(record.unreadable for record in records)
    kind = KINDS.get(truth.kind, truth.kind)
    return [
        f"- Data set: {code(first.dataset)}, {first.images:,} images"
        + (f", {unreadable:,} of them unreadable and ranked last" if unreadable else ""),
        f"- Truth: {code(truth.name)}, {kind}.",
        f"- Items: {first.items:,} annotated {_noun(first.issue)}, {first.faulty:,} faulty. Prevalence "
        f"{_share(first)}, which is about the AP of a random order. What is not annotated is not counted.",
        f"- Fingerprint of the data `{first.fingerprint[:8]}`, truth revision `{truth.set_revision[:8]}` "
        f"(of this issue `{truth.revision[:8]}`)",
        *_terms(records),
        f"- Made with cleanbench {', '.join(versions)}",
    ]


def terms_of(records: Sequence[Record]) -> Terms | None:
    """Return the terms of the data set as the newest record states them; None if no record does."""
    stated = [record for record in records if record.terms is not None]
    return max(stated, key=lambda record: (record.created, record.key)).terms if stated else None


def _terms(records: Sequence[Record]) -> list[str]:
    """Say under which licence the data are, and what to cite; nothing where no record knows."""
    terms = terms_of(records)
    if terms is None:
        return []
    cited = f" Cite: {escaped(terms.citation)}." if terms.citation else ""
    found = f" Identifier: {escaped(terms.identifier)}." if terms.identifier else ""
    return [f"- {escaped(sentence(terms))}{cited}{found}"]


def _link(records: Sequence[Record]) -> list[str]:
    """Lead from methods on whatever encoder each was run with to methods on the same one."""
    if not grid_of(records).complete_methods:
        return []
    return [
        f"- Methods meet here on different encoders. [By encoder]({records[0].issue}_by_encoder.md) they meet on the "
        "same, and the grid of both tells whether a method or its encoder is good."
    ]


def ranked(rows: Sequence[Row], first: Record) -> list[str]:
    """Return the table with the chance row where its AP puts it."""
    covered = all(record.coverage == 1 for row in rows for record in row.records)
    head = ["Rank", "Method", "Encoder", *SHOWN, "AP of ties", *([] if covered else ["Coverage"])]
    head += ["Seeds", "CPU s", "Peak MiB"]
    costed = any(row.encoder_costs for row in rows)
    head += ["Encoder CPU s"] if costed else []
    printed = [row.printed_ap for row in rows]
    cells = [_cells(row, _rank(row, printed), covered, costed) for row in rows]
    expected = [METRICS[name].chance(first.faulty, first.items) for name in SHOWN]
    chance = ["", "*by chance, expected*", ""]
    chance += [NOTHING if value is None else f"*{number(value)}*" for value in expected]
    chance += [""] * (len(head) - len(chance))
    # Below the rows that print the same AP: a method that is no better than chance is not shown beneath it.
    level = -math.inf if expected[0] is None else round(expected[0], 3)
    cells.insert(sum(value >= level for value in printed), chance)
    return markdown(head, cells, right=set(head) - {"Method", "Encoder"})


def _cells(row: Row, rank: str, covered: bool, costed: bool) -> list[str]:
    costs = [record.cost for record in row.records]
    supervised = any(record.supervised for record in row.records)
    coverage = min(record.coverage for record in row.records)
    return [
        rank,
        code(row.method) + (" †" if supervised else ""),
        (code(row.encoder) if row.encoder else NOTHING) + (" ‡" if _foreign(row) else ""),
        *[_measured(row.values(name)) for name in SHOWN],
        _band(row),
        # Rounded down: what is not covered whole never prints as 1.
        *([] if covered else [f"{math.floor(coverage * 1000) / 1000:.3f}"]),
        str(len(row.records)),
        f"{_mean([cost.fit_cpu_seconds + cost.cpu_seconds for cost in costs]):.1f}",
        f"{_mean([cost.peak_mib for cost in costs]):.0f}",
        *([f"{_mean(row.encoder_costs):.1f}" if row.encoder_costs else NOTHING] if costed else []),
    ]


def _foreign(row: Row) -> bool:
    """Return whether a method did not see the representation that its paper reports on."""
    return any(record.paper_encoder not in (None, record.encoder) for record in row.records)


def _rank(row: Row, printed: Sequence[float]) -> str:
    if row.printed_ap == -math.inf:
        return NOTHING
    return str(1 + sum(other > row.printed_ap for other in printed))


def _band(row: Row) -> str:
    means = [_mean(row.values(name)) for name in BAND if row.values(name)]
    middle = _mean(row.values("AP")) if means else 0.0
    if all(abs(mean - middle) <= NARROW for mean in means):
        return ""
    return "–".join(f"{mean:.3f}" for mean in means)


def legend(rows: Sequence[Row]) -> list[str]:
    """Say what the columns of `ranked` mean."""
    alike: dict[str, list[str]] = {}
    for name in SHOWN:
        alike.setdefault(METRICS[name].description, []).append(name)
    described = [f"- {', '.join(names)}: {description}." for description, names in alike.items()]
    described += [
        "- Higher is better, except FoE.",
        "- Rank: by mean AP as printed; equal values share a rank. There are no intervals yet: a difference of a few "
        "hundredths is not known to be one, and does not rank methods.",
        "- by chance, expected: what a random order has on average, computed, not drawn. A method below it ranks the "
        "wrong way round, or knows nothing.",
        "- AP of ties: AP if every tie of scores resolved against, and for, the method; empty where that changes no "
        "digit. All other values are means over the orders of tied items.",
        f"- {NOTHING}: undefined here, such as a top of more items than there are; as encoder: reads no embeddings.",
        "- CPU s and Peak MiB: user and system time with the work that issues share, and highest memory with Python "
        "and libraries; without the encoder; they depend on the machine. Of methods that read pixels the "
        "first one to run also decodes them for the others.",
    ]
    if any(row.encoder_costs for row in rows):
        described.append(
            "- Encoder CPU s: of training, where there is any, and of embedding every image; spent once, whatever "
            f"reads the embeddings. {NOTHING}: no embeddings, or not recorded."
        )
    if any(len(row.records) > 1 for row in rows):
        described.append("- ±: standard deviation over seeds, which is not the uncertainty from having few items.")
    if any(record.coverage < 1 for row in rows for record in row.records):
        described.append("- Coverage: lowest share of the annotated items that got a score; the others rank last.")
    if any(record.supervised for row in rows for record in row.records):
        described.append("- †: supervised, the method was told labels that are stated to be right.")
    if papers := sorted({record.paper_encoder or "" for row in rows if _foreign(row) for record in row.records}):
        described.append(f"- ‡: not the encoder that the method's paper reports on, {', '.join(map(code, papers))}.")
    return described


def _entry(board: Board, issue: Issue, records: Sequence[Record]) -> list[str]:
    first, truth = records[0], truth_of(records[0])
    place = f"{quote(board.name)}/{issue}"
    grid = f", [by encoder]({place}_by_encoder.md)" if grid_of(records).complete_methods else ""
    return [
        code(first.dataset),
        f"`{board.folder.name}`",
        f"[{issue.heading}]({place}.md){grid}",
        escaped(truth.kind),
        f"{first.items:,}",
        f"{first.faulty:,}",
        _share(first),
        str(len({record.label for record in records})),
    ]


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], right: set[str]) -> list[str]:
    """Return the lines of a table whose columns ``right`` are set flush right."""
    rule = ["---:" if name in right else ":---" for name in head]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _measured(values: Sequence[float]) -> str:
    if not values:
        return NOTHING
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{_mean(values):.3f}{spread}"


def number(value: float | None) -> str:
    """Return a number as pages print it; a dash where there is none."""
    return NOTHING if value is None else f"{value:.3f}"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _share(record: Record) -> str:
    return f"{record.faulty / record.items:.1%}" if record.items else NOTHING


def _noun(issue: Issue) -> str:
    return "pairs" if issue.ranks_pairs else "images"


def code(text: str) -> str:
    """Set a name as code, where nothing but a backtick and, in a table, a bar has a meaning."""
    return "`" + text.replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`"


def escaped(text: str) -> str:
    """Escape what Markdown or HTML would read as more than text."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in text.replace("\n", " "))
