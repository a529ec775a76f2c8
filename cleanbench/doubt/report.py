"""From finished runs and a truth with probabilities to tables and figures."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cleanbench.commands.plain import table
from cleanbench.core import Issue, UserError
from cleanbench.datasets.tables import count
from cleanbench.doubt.posterior import Doubted, Draws
from cleanbench.fusion.members import Member, of_issue
from cleanbench.leaderboard.evidence import read_truth
from cleanbench.rankings import align
from cleanbench.report.doubt import draw_intervals, draw_sensitivity
from cleanbench.store import write_together

NOTHING = "–"
OPEN = 0.025  # probability from which on it is open which of two methods is ahead
CLOSEST = 10  # pairs of methods that are shown
FILES = ("draws.svg", "draws.csv", "swaps.csv", "thresholds.svg", "thresholds.csv")


def doubted(runs: Sequence[Member], issue: Issue) -> Doubted | None:
    """Return the probabilities of an issue and the scores of the finished runs; None if there are no runs with one.

    Raises:
        UserError: If runs do not belong together, or their truth has inclusion probabilities.
    """
    members = [member for member in of_issue(runs, issue) if member.records[issue].truth is not None]
    if not members:
        return None
    named = members[0].records[issue].truth
    assert named is not None
    path = members[0].folder.parent / "truth" / named.set_revision[:8] / f"{issue}.parquet"
    truth = read_truth(path, issue)
    if truth.probability is None:
        return None
    if truth.inclusion is not None:
        raise UserError(
            f"the {issue} truth is a random sample with inclusion probabilities, which draws of labels do not take "
            "into account yet; standard errors are in the records of the runs"
        )
    scores = {}
    for member in members:
        # Names must differ: seeds of one method are methods of their own here.
        several = sum(other.title == member.title for other in members) > 1
        name = f"{member.title}, seed {member.first.seeds.method}" if several else member.title
        name = f"{name} ({member.folder.name})" if name in scores else name
        scores[name] = align(truth.items, *member.scores(issue))
    return Doubted(truth.probability, truth.labels, scores)


def write(found: Doubted, draws: Draws, issue: Issue, dataset: str, to: Path, metric: str) -> list[Path]:
    """Write the figures and the numbers behind them, all or none; return the files.

    Raises:
        UserError: If they cannot be written.
    """
    order = ranked(draws, metric)
    methods = [draws.methods[place] for place in order]
    heading = f"{issue.heading} on {dataset}"
    expected, interval = draws.expected(metric)[order], draws.interval(metric)[order]
    given = draws.given[draws.metrics.index(metric)][order]
    intervals = draw_intervals(
        methods, expected, interval, given, metric, f"{heading}: labels drawn from probabilities"
    )
    numbers = _table(["method", "metric", "given", "expected", "low", "high"], _numbers(draws))
    shares = draws.swaps(metric)
    swaps = _table(
        ["method", "other", "metric", "probability_better"],
        [
            [draws.methods[one], draws.methods[other], metric, _exact(shares[one, other])]
            for one in order
            for other in order
            if one != other
        ],
    )
    thresholds = found.thresholds()
    curves = found.sensitivity(metric, thresholds)[order]
    faulty = np.array([(found.probability >= threshold).mean() for threshold in thresholds])
    sensitivity = draw_sensitivity(methods, thresholds, curves, faulty, metric, f"{heading}: where faults begin")
    values = _table(
        ["method", "metric", "threshold", "faulty_share", "value"],
        [
            [name, metric, repr(float(threshold)), repr(float(share)), _exact(value)]
            for name, curve in zip(methods, curves, strict=True)
            for threshold, share, value in zip(thresholds, faulty, curve, strict=True)
        ],
    )
    contents = zip(FILES, (intervals, numbers, swaps, sensitivity, values), strict=True)
    files = {to / f"{issue}_{name}": content for name, content in contents}
    write_together(files)
    return list(files)


def told(found: Doubted, draws: Draws, issue: Issue, dataset: str, metric: str) -> str:
    """Return what there is to tell about one issue."""
    unsure = float(np.minimum(found.probability, 1 - found.probability).sum())
    order = ranked(draws, metric)
    rows = []
    for place in order:
        cells = [draws.methods[place]]
        for name in draws.metrics:
            low, high = draws.interval(name)[place]
            cells += [
                _number(draws.given[draws.metrics.index(name)][place]),
                f"{_number(draws.expected(name)[place])} [{_number(low)}, {_number(high)}]",
            ]
        rows.append(cells)
    head = ["Method", *(cell for name in draws.metrics for cell in (name, f"expected {name} [95 %]"))]
    lines = [
        f"{issue.heading} on {dataset}: {len(found.labels):,} judged, {int(found.labels.sum()):,} faulty by the given "
        f"labels, {found.probability.sum():,.1f} expected; if the likelier label is taken, {unsure:,.1f} are expected "
        "to be wrong",
        "",
        *table(head, rows),
        "",
        f"Over {draws.values.shape[2]:,} draws of all labels from their probabilities, the same for all methods. The "
        "interval is the doubt about labels alone, not about which items were picked. If the probabilities are right, "
        "and errors independent, true labels would give the expected value on average; the given labels settle every "
        "doubt one way.",
    ]
    if len(order) > 1:
        shares = draws.swaps(metric)
        pairs = [
            (shares[second, first], draws.methods[first], draws.methods[second])
            for at, first in enumerate(order)
            for second in order[at + 1 :]
        ]
        pairs = sorted((pair for pair in pairs if np.isfinite(pair[0])), key=lambda pair: -pair[0])
        if pairs:
            open_pairs = sum(share >= OPEN for share, *_ in pairs)
            closest = pairs[:CLOSEST]
            rows = [[first, second, f"{share:.3f}"] for share, first, second in closest]
            lines += [
                "",
                *table([f"Ahead by {metric}", "Behind", "P(ranks swap)"], rows),
                "",
                f"{open_pairs:,} of {count(len(pairs), 'pair')} of methods swap ranks with a probability of {OPEN:.1%} "
                "or more"
                + (f"; the {CLOSEST} closest are shown, all are in the CSV." if len(pairs) > CLOSEST else "."),
            ]
    return "\n".join(lines)


def ranked(draws: Draws, metric: str) -> list[int]:
    """Return the methods from the best to the worst by the given labels; what is undefined comes last."""
    given = draws.given[draws.metrics.index(metric)]
    return sorted(range(len(given)), key=lambda place: -given[place] if np.isfinite(given[place]) else np.inf)


def _numbers(draws: Draws) -> list[list[str]]:
    rows = []
    for row, name in enumerate(draws.metrics):
        expected, interval = draws.expected(name), draws.interval(name)
        for place, method in enumerate(draws.methods):
            numbers = (draws.given[row][place], expected[place], *interval[place])
            rows.append([method, name, *(_exact(value) for value in numbers)])
    return rows


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([head, *rows])
    return stream.getvalue().encode()


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else NOTHING


def _exact(value: float) -> str:
    return repr(float(value)) if np.isfinite(value) else ""
