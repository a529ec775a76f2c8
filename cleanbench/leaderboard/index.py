"""The list of all boards as Markdown; the same records always give the same bytes."""

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import quote

from cleanbench.core import Issue
from cleanbench.grid import grid_of
from cleanbench.leaderboard import aggregate, contaminated
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.markdown import NOTHING, code, escaped, markdown, percent
from cleanbench.leaderboard.tables import by_issue, terms_of
from cleanbench.licence import NOT_STATED
from cleanbench.records import Record
from cleanbench.sampled import population


def index(contents: Mapping[Board, Sequence[Record]], diagrams: Sequence[str] = (), pages: Collection[str] = ()) -> str:
    """Render the list of all boards.

    Args:
        contents: Their records.
        diagrams: Files of drawings that compare methods across data sets.
        pages: What there is over several boards, of ``aggregate`` and ``contaminated``.
    """
    groups = contaminated.variants(contents)
    grouped = {board for boards in groups.values() for board in boards}
    lines = [
        "# Leaderboards",
        "",
        "A board compares methods on one data set with one revision of its truth; numbers of different boards are not "
        "comparable. Beside each table lie the records (`records.jsonl`), the ranking behind every number "
        "(`rankings/`) and the truth (`truth/`), so that everything can be computed again without the data set.",
        "",
    ]
    entries = [
        _entry(board, issue, records)
        for board, all_of in contents.items()
        if board not in grouped
        for issue, records in by_issue(all_of)
    ]
    right = {"Items", "Faulty", "Prevalence", "Methods"}
    if entries:
        head = ("Data set", "Truth revision", "Issue", "Truth", "Items", "Faulty", "Prevalence", "Methods")
        lines += [*markdown(head, entries, right), ""]
    if groups:
        seeded = [line for (base, name), boards in groups.items() for line in _contaminated(f"{base}~{name}", boards)]
        lines += ["## Contaminated data sets", "", "A board for each seed of a contamination."]
        lines += ["[Side by side](contaminated.md): means over seeds."] if contaminated.STEM in pages else []
        head = ("Data set", "Issue", "Seeds", "Truth", "Items", "Faulty", "Prevalence", "Methods")
        lines += ["", *markdown(head, seeded, right), ""]
    if contents:
        lines += [
            "Truth: *human* was judged by people, *metadata* follows from what is recorded about the images, "
            "*synthetic* faults were planted by a program, which does not rank methods for real data. Of *presumed* "
            "negatives nobody looked at all. Prevalence is about the AP of a random order.",
            *_restricted(contents),
        ]
    else:
        lines.append("There is no board yet.")
    if aggregate.STEM in pages:
        lines += ["", "[Across boards](aggregate.md): mean rank and Borda share, by kind of truth and issue."]
    if diagrams:
        lines += ["", "## Across data sets", "", *(f"![Mean ranks over data sets]({name})" for name in diagrams)]
        lines += [
            "",
            "Mean ranks by AP of the methods that ran on all data sets; contaminated variants of one set count once. "
            "Bars join methods that Nemenyi's test at 5 % cannot tell apart.",
        ]
    lines += [
        "",
        "`python -m cleanbench.leaderboard` merges the finished runs under `runs` and writes these pages; "
        "`python -m cleanbench.leaderboard --check` computes every number again. Do not edit what they write.",
    ]
    return "\n".join(lines) + "\n"


def _entry(board: Board, issue: Issue, records: Sequence[Record]) -> list[str]:
    first = records[0]
    place = f"{quote(board.name)}/{issue}"
    grid = f", [by encoder]({place}_by_encoder.md)" if grid_of(records).complete_methods else ""
    return [
        code(first.dataset),
        f"`{board.folder.name}`",
        f"[{issue.heading}]({place}.md){grid}",
        _truth(first),
        f"{first.items:,}",
        f"{first.faulty:,}",
        prevalences([first]),
        str(len({record.label for record in records})),
    ]


def _contaminated(name: str, boards: Mapping[Board, Sequence[Record]]) -> list[list[str]]:
    """Return a line for each issue of a contamination, whatever its seeds."""
    found: dict[Issue, dict[Board, list[Record]]] = {}
    for board, records in boards.items():
        for issue, own in by_issue(records):
            found.setdefault(issue, {})[board] = own
    lines = []
    for issue, of_issue in found.items():
        firsts = [own[0] for own in of_issue.values()]
        named = [f"[{seed}]({place})" for seed, place in contaminated.links(list(of_issue), issue, ".md")]
        lines.append([
            code(name),
            issue.heading,
            ", ".join(named),
            "; ".join(dict.fromkeys(map(_truth, firsts))),
            span([each.items for each in firsts]),
            span([each.faulty for each in firsts]),
            prevalences(firsts),
            span([len({record.label for record in own}) for own in of_issue.values()]),
        ])  # fmt: skip
    return lines


def span(numbers: Sequence[int]) -> str:
    """Return a number, or the lowest and highest of several.

    Example:
        >>> span([1200, 1200]), span([3, 1, 2])
        ('1,200', '1–3')
    """
    return "–".join(f"{number:,}" for number in sorted({min(numbers), max(numbers)}))


def _truth(record: Record) -> str:
    return f"{code(truth_of(record).name)}, {escaped(truth_of(record).origin)}"


def prevalences(records: Sequence[Record]) -> str:
    """Return the share of faulty items, or the lowest and highest of several; a dash where there are no items."""
    shares = [faulty / items for faulty, items in map(population, records) if items]
    return "–".join(dict.fromkeys(map(percent, (min(shares), max(shares))))) if shares else NOTHING


def _restricted(contents: Mapping[Board, Sequence[Record]]) -> list[str]:
    """Name the data sets that may not be used commercially, and those without a licence."""
    stated = {records[0].dataset: terms_of(records) for records in contents.values() if records}
    known = [(code(name), terms) for name, terms in sorted(stated.items()) if terms is not None]
    told = {
        "Non-commercial use only: the data behind": [name for name, terms in known if terms.commercial is False],
        "No licence is stated of": [name for name, terms in known if terms.licence in ("", NOT_STATED)],
    }
    return [line for words, names in told.items() if names for line in ("", f"{words} {', '.join(names)}.")]
