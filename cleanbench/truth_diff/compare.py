"""Two truths item by item, and rankings scored by both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleanbench.core import Bools, Issue
from cleanbench.leaderboard.board import settled
from cleanbench.leaderboard.evidence import Judgements, score
from cleanbench.metrics import METRICS, Value
from cleanbench.pairs import pair_count
from cleanbench.rankings import align, read_table
from cleanbench.records import Record, encoder_labels
from cleanbench.truth_diff.sources import Ranked

Item = tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """How two truths of one issue differ.

    Attributes:
        issue: The issue.
        before: Judged and faulty items of the first.
        after: The same of the second.
        sampled: Whether the first, and the second, is a random sample with known inclusion probabilities.
        common: Items that both judge.
        only_before: Items that only the first judges, with their labels.
        only_after: Items that only the second judges, with their labels.
        to_faulty: Items that were clean and now are faulty.
        to_clean: Items that were faulty and now are clean.
        kappa: Cohen's kappa (1960) on the common items: 1 for the same labels, 0 for agreement by chance; None if
            there are none, or both label all of them alike.
    """

    issue: Issue
    before: tuple[int, int]
    after: tuple[int, int]
    sampled: tuple[bool, bool]
    common: int
    only_before: dict[Item, bool]
    only_after: dict[Item, bool]
    to_faulty: tuple[Item, ...]
    to_clean: tuple[Item, ...]
    kappa: float | None

    @property
    def changes(self) -> list[tuple[Item, bool | None, bool | None]]:
        """All items on which the truths differ, sorted, with both labels; None: not judged."""
        rows: list[tuple[Item, bool | None, bool | None]] = [
            *((item, label, None) for item, label in self.only_before.items()),
            *((item, None, label) for item, label in self.only_after.items()),
            *((item, False, True) for item in self.to_faulty),
            *((item, True, False) for item in self.to_clean),
        ]
        return sorted(rows, key=lambda row: row[0])


@dataclass(frozen=True)
class Moved:
    """What becomes of one ranking.

    Attributes:
        method: As tables call it.
        before: The metric by the first truth, or why there is none; an estimate where that is a random sample.
        after: By the second.
        common_before: By the labels of the first, on the items that both judge.
        common_after: By those of the second, on the same items.
        unscored: Items of either truth that the ranking does not hold; they are left out.
        items: Images, or pairs of them, of the data set: what estimates from a sample are about.
    """

    method: str
    before: Value
    after: Value
    common_before: float | None
    common_after: float | None
    unscored: int
    items: int


def difference(issue: Issue, before: Judgements, after: Judgements) -> Difference:
    """Compare two truths."""
    old, new = (dict(zip(truth.items, truth.labels.tolist(), strict=True)) for truth in (before, after))
    common = sorted(old.keys() & new.keys())
    first, second = (np.array([labels[item] for item in common], dtype=bool) for labels in (old, new))
    return Difference(
        issue,
        (len(old), sum(old.values())),
        (len(new), sum(new.values())),
        (before.inclusion is not None, after.inclusion is not None),
        len(common),
        {item: label for item, label in old.items() if item not in new},
        {item: label for item, label in new.items() if item not in old},
        tuple(item for item in common if new[item] and not old[item]),
        tuple(item for item in common if old[item] and not new[item]),
        kappa(first, second),
    )


def kappa(first: Bools, second: Bools) -> float | None:
    """Return Cohen's kappa of two labellings of the same items; None where it is undefined.

    Example:
        >>> kappa(np.array([True, True, False, False]), np.array([True, False, False, False]))
        0.5
    """
    if not len(first):
        return None
    agreed = float((first == second).mean())
    by_chance = float(first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean()))
    return None if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)


def moved(ranked: Sequence[Ranked], issue: Issue, before: Judgements, after: Judgements, metric: str) -> list[Moved]:
    """Score rankings by both truths, best by the first truth first; of repeated runs the newest counts."""
    own = [each for each in ranked if each.record.issue is issue]
    standing = {id(record) for record in settled(each.record for each in own)}
    own = [each for each in own if id(each.record) in standing]
    records = [each.record for each in own]
    found = [_moved(each, name, before, after, metric) for each, name in zip(own, _names(records), strict=True)]
    sign = -1 if METRICS[metric].higher_is_better else 1
    return sorted(found, key=lambda each: np.inf if each.before.value is None else sign * each.before.value)


def places(values: Sequence[float | None], metric: str) -> list[int | None]:
    """Return the place of each value, 1 the best; equal values share one, and what is undefined has none."""
    sign = 1 if METRICS[metric].higher_is_better else -1
    known = [sign * value for value in values if value is not None]
    return [None if value is None else 1 + sum(other > sign * value for other in known) for value in values]


def kendall(first: Sequence[float | None], second: Sequence[float | None]) -> float | None:
    """Return Kendall's tau-b of two columns, where both are known; None where it is undefined."""
    from scipy.stats import kendalltau

    both = [(one, other) for one, other in zip(first, second, strict=True) if one is not None and other is not None]
    if len(both) < 2:
        return None
    one, other = np.array(both).T
    if len(np.unique(one)) < 2 or len(np.unique(other)) < 2:
        return None
    return float(kendalltau(one, other).statistic)


def _moved(ranked: Ranked, name: str, before: Judgements, after: Judgements, metric: str) -> Moved:
    issue = ranked.record.issue
    items, scores = read_table(ranked.path, issue, "score")
    held = set(items)
    old, new = (dict(zip(truth.items, truth.labels.tolist(), strict=True)) for truth in (before, after))
    common = sorted((old.keys() & new.keys()) & held)
    asked = align(common, items, scores)

    def on_common(labels: dict[Item, bool]) -> float | None:
        return METRICS[metric].compute(np.array([labels[item] for item in common], dtype=bool), asked).value

    def by(truth: Judgements) -> Value:
        inside = [place for place, item in enumerate(truth.items) if item in held]
        if truth.inclusion is not None:  # a sample: what it stands for is estimated
            if missing := len(truth.items) - len(inside):  # without these the others stand for too little
                return Value(None, f"{missing:,} of {len(truth.items):,} sampled items are not in the ranking")
            measured = score(ranked.path, issue, truth, images).scored.metrics[metric]
            return Value(measured.value, measured.reason)
        aligned = align([truth.items[place] for place in inside], items, scores)
        return METRICS[metric].compute(truth.labels[inside], aligned)

    images = ranked.record.images
    unscored = len((old.keys() | new.keys()) - held)
    population = pair_count(images) if issue.ranks_pairs else images
    return Moved(name, by(before), by(after), on_common(old), on_common(new), unscored, population)


def _names(records: Sequence[Record]) -> list[str]:
    names = [
        f"{record.label} on {encoder}" if encoder else record.label
        for record, encoder in zip(records, encoder_labels(records), strict=True)
    ]
    return [
        f"{name}, seed {record.seeds.method}" if names.count(name) > 1 else name
        for name, record in zip(names, records, strict=True)
    ]
