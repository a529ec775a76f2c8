"""``python -m cleanbench.truth_diff A B``: how two truths differ, and what that does to the ranks of methods."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanbench.commands import grammar
from cleanbench.core import Issue, UserError
from cleanbench.metrics import METRICS
from cleanbench.spelling import nearest
from cleanbench.truth_diff.compare import difference, moved
from cleanbench.truth_diff.sources import rankings, truths
from cleanbench.truth_diff.words import told, write_changes

PROGRAM = "python -m cleanbench.truth_diff"


@dataclass(frozen=True)
class Options:
    """Compare two truths, written A B or a=A b=B, and score the same rankings by both.

    A truth is a truth table (CSV), a truth file of a run or board (Parquet), or a folder that holds some: a data set,
    the folder truth beside runs (name one of its revisions if it holds several), or a revision of a board.

    Attributes:
        a: The first truth.
        b: The second truth.
        issue: off_topic, near_duplicate or label_error; null for all that both hold.
        rankings: A board's revision, or the runs of a data set, whose rankings are scored by both; null takes those of
            A and B, if they are boards.
        metric: By which rankings are compared.
        changes: A CSV file for every item on which the truths differ.
    """

    a: Path
    b: Path
    issue: Issue | None = None
    rankings: Path | None = None
    metric: str = "AP"
    changes: Path | None = None


def truth_diff(options: Options) -> int:
    """Do what the options say; 1 if the truths differ, 0 if they do not."""
    if options.metric not in METRICS:
        raise UserError(f"metric={options.metric} is no metric.{nearest(options.metric, METRICS)}")
    first, warnings = truths(options.a, options.issue)
    second, more = truths(options.b, options.issue)
    for warning in (*warnings, *more):
        sys.stderr.write(f"warning: {warning}\n")
    common = [issue for issue in Issue if issue in first and issue in second]
    if not common:
        raise UserError(
            f"{options.a} judges {', '.join(first)}, {options.b} judges {', '.join(second)}: nothing can be compared"
        )
    sources = [options.a, options.b] if options.rankings is None else [options.rankings]
    ranked = [each for source in dict.fromkeys(sources) for each in rankings(source)]
    if options.rankings is not None and not ranked:
        raise UserError(f"{options.rankings} holds no rankings; name a revision of a board, or the runs of a data set")
    found = [difference(issue, first[issue], second[issue]) for issue in common]
    parts = [
        told(each, moved(ranked, each.issue, first[each.issue], second[each.issue], options.metric), options.metric)
        for each in found
    ]
    lonely = [issue for issue in Issue if (issue in first) != (issue in second)]
    parts += [f"{issue.heading}: only in {'A' if issue in first else 'B'}" for issue in lonely]
    if options.changes is not None:
        parts.append(f"{options.changes}: {write_changes(options.changes, found):,} differences")
    sys.stdout.write("\n\n".join(parts) + "\n")
    return 1 if lonely or any(each.changes for each in found) else 0


def spelled(words: Sequence[str]) -> list[str]:
    """Return the words of the command with the names of the two truths written out."""
    names = iter(("a", "b"))
    options = [f"{name}=" for name in Options.__dataclass_fields__]
    return [
        word if word.startswith(("-", *options)) or (name := next(names, None)) is None else f"{name}={word}"
        for word in words
    ]


if __name__ == "__main__":
    grammar.run(PROGRAM, Options, truth_diff, spelled(sys.argv[1:]))
