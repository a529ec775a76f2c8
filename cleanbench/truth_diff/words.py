"""A difference of truths in words, tables and a CSV file."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from cleanbench.commands.plain import table
from cleanbench.datasets.tables import count
from cleanbench.store import write_whole
from cleanbench.truth_diff.compare import Difference, Moved, kendall, places

NOTHING = "–"


def told(found: Difference, moves: Sequence[Moved], metric: str) -> str:
    """Return what there is to tell about one issue: the truths, and what happens to rankings."""
    noun = "pairs" if found.issue.ranks_pairs else "images"
    rows = [
        ["A", *_counts(*found.before)],
        ["B", *_counts(*found.after)],
        ["only in A", *_counts(len(found.only_before), sum(found.only_before.values()))],
        ["only in B", *_counts(len(found.only_after), sum(found.only_after.values()))],
    ]
    same = found.common - len(found.to_faulty) - len(found.to_clean)
    lines = [
        found.issue.heading,
        "",
        *table(["", "Judged", "Faulty", "Prevalence"], rows),
        "",
        f"Both judge {found.common:,} {noun}: {same:,} alike, {len(found.to_faulty):,} clean in A and faulty in B, "
        f"{len(found.to_clean):,} faulty in A and clean in B; Cohen's kappa {_number(found.kappa)}.",
    ]
    if not found.common:
        lines.append("They judge nothing in common. Do both name images by the same ids?")
    return "\n".join([*lines, *_moves(found, moves, metric)])


def write_changes(path: Path, found: Sequence[Difference]) -> int:
    """Write every item on which the truths differ, with both labels (empty: not judged); return how many.

    Raises:
        UserError: If the file cannot be written.
    """
    rows = [
        [str(each.issue), ",".join(item), *("" if label is None else int(label) for label in labels)]
        for each in found
        for item, *labels in each.changes
    ]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([["issue", "ids", "a", "b"], *rows])
    write_whole(path, stream.getvalue().encode())
    return len(rows)


def _moves(found: Difference, moves: Sequence[Moved], metric: str) -> list[str]:
    if not moves:
        return []
    before, after = [move.before.value for move in moves], [move.after.value for move in moves]
    ranks = list(zip(places(before, metric), places(after, metric), strict=True))
    head = ["Method", f"{metric} by A", f"{metric} by B", "Place by A", "Place by B", "A on both", "B on both"]
    rows = [
        [
            move.method,
            _number(move.before.value),
            _number(move.after.value),
            *(NOTHING if place is None else str(place) for place in pair),
            _number(move.common_before),
            _number(move.common_after),
        ]
        for move, pair in zip(moves, ranks, strict=True)
    ]
    both = [(one, other) for one, other in ranks if one is not None and other is not None]
    changed = sum(one != other for one, other in both)
    scored = f"{count(len(both), 'ranking')}{'' if len(both) == len(moves) else ' that both truths score'}"
    return [
        "",
        *table(head, rows),
        "",
        f"{changed} of {scored} change place; Kendall's tau-b between the two columns "
        f"{_number(kendall(before, after))}. On both: {metric} on the items that both judge, by the labels of either, "
        "so that only changed labels tell.",
        *_estimated(found, moves, metric),
        *_undefined(moves, metric),
        *_left_out(found, moves),
    ]


def _estimated(found: Difference, moves: Sequence[Moved], metric: str) -> list[str]:
    """Say which column holds estimates, and of how many items."""
    noun = "pairs" if found.issue.ranks_pairs else "images"
    sizes = sorted({f"{move.items:,}" for move in moves})
    return [
        f"{name} is a random sample: {metric} by {name} is estimated from {judged:,} judged {noun} for all "
        f"{' or '.join(sizes)} {noun}."
        for name, (judged, _), sampled in zip("AB", (found.before, found.after), found.sampled, strict=True)
        if sampled
    ]


def _undefined(moves: Sequence[Moved], metric: str) -> list[str]:
    """Say why a ranking has no number by a truth, each reason once."""
    methods: dict[str, list[str]] = {}
    for name in ("before", "after"):
        for move in moves:
            value = getattr(move, name)
            if value.value is None:
                truth = "A" if name == "before" else "B"
                methods.setdefault(f"no {metric} by {truth}, {value.reason or 'undefined'}", []).append(move.method)
    return [
        f"{'All rankings' if len(named) == len(moves) > 1 else ', '.join(named)}: {reason}."
        for reason, named in methods.items()
    ]


def _left_out(found: Difference, moves: Sequence[Moved]) -> list[str]:
    most = max(move.unscored for move in moves)
    if not most:
        return []
    whole = " (by a sample such a ranking has no number)" if any(found.sampled) else ""
    return [f"Up to {most:,} judged items are not in a ranking, and left out for it{whole}; run it on the new truth."]


def _counts(judged: int, faulty: int) -> list[str]:
    return [f"{judged:,}", f"{faulty:,}", f"{faulty / judged:.1%}" if judged else NOTHING]


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"
