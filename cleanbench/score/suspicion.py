"""What a person should look at before a submission goes on a board.

The truth of a public board is public, so a ranking can be copied from it. Nothing here proves that: each sign has
innocent causes, and a careful cheat shows none. What is flagged is for a person to ask about.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from cleanbench.core import Bools, Floats, Issue
from cleanbench.datasets.tables import count
from cleanbench.leaderboard.evidence import Judgements
from cleanbench.metrics import evaluate
from cleanbench.records import Record
from cleanbench.score.ranking_file import Ranked
from cleanbench.score.standing import Other, called

ENOUGH = 10  # faulty and clean items from which on a perfect order is remarkable
PERFECT = 0.999  # AUROC from which on a ranking has seen the truth, or is very good
STEP, TIMES = 0.1, 1.5  # beyond the best known AP that nobody makes unnoticed
ALIKE, NEARLY = 0.999, 0.99  # rank correlations from which on two rankings are one, or nearly
JUDGED = 0.95  # share of the ranked items from which on a ranking keeps to the judged ones


@dataclass(frozen=True)
class Listed:
    """How many items a ranking has a score for, how many of them were judged, and how many were judged at all."""

    ranked: int
    judged: int
    truth: int

    @classmethod
    def of(cls, ranked: Ranked, judgements: Judgements) -> "Listed":
        """Count what a ranking lists."""
        finite = {row for row, score in zip(ranked.rows, ranked.scores.tolist(), strict=True) if np.isfinite(score)}
        return cls(len(finite), len(finite & set(judgements.items)), len(judgements.items))


def suspicions(
    record: Record, scores: Floats, listed: Listed, judgements: Judgements, others: Sequence[Other]
) -> list[str]:
    """Say what is remarkable about a ranking, in sentences; nothing if nothing is.

    Args:
        record: Its record.
        scores: Its scores of the judged items.
        listed: Which items it ranks.
        judgements: The truth.
        others: The other rankings of the issue, on the board or handed in together with it.
    """
    return [
        *follows_truth(judgements.labels, scores),
        *keeps_to_judged(listed, record.issue, record.images),
        *leaps(record, [other.record for other in others]),
        *copies(scores, others),
    ]


def follows_truth(labels: Bools, scores: Floats) -> list[str]:
    """Flag a ranking that has (almost) every faulty item before every clean one."""
    faulty = int(np.count_nonzero(labels))
    if min(faulty, len(labels) - faulty) < ENOUGH:
        return []
    area = evaluate(labels, scores, ["AUROC"])["AUROC"].value
    if area is None or area < PERFECT:
        return []
    if len(np.unique(scores)) == 2:
        return ["its scores take two values, one for the faulty items of the truth and one for the others"]
    return [f"it ranks the faulty items of the truth before the clean ones almost without exception (AUROC {area:.4f})"]


def keeps_to_judged(listed: Listed, issue: Issue, images: int) -> list[str]:
    """Flag a ranking that lists the judged items and (almost) no others, which a method is not told."""
    possible = images * (images - 1) // 2 if issue.ranks_pairs else images
    noun = "pairs" if issue.ranks_pairs else "images"
    if listed.ranked == listed.judged == listed.truth < possible:
        return [f"it scores exactly the judged {noun}, which a method is not told"]
    if listed.truth < JUDGED * possible and listed.judged >= JUDGED * max(listed.ranked, listed.truth):
        return [f"it scores the judged {noun} and hardly others ({listed.judged:,} of {listed.ranked:,} were judged)"]
    return []


def leaps(record: Record, others: Sequence[Record]) -> list[str]:
    """Flag an AP that is beyond the interval of the best other and a step above it."""
    own = record.metrics["AP"].value
    known = [other for other in others if other.metrics["AP"].value is not None]
    if own is None or not known:
        return []
    best = max(known, key=lambda other: other.metrics["AP"].value or 0.0)
    value, high = best.metrics["AP"].value or 0.0, best.metrics["AP"].high or 0.0
    if own <= high or (own < value + STEP and own < value * TIMES):
        return []
    return [
        f"its AP is {own:.3f}, that of the best other ({called(best)}) {value:.3f} with an interval up to "
        f"{max(value, high):.3f}"
    ]


def copies(scores: Floats, others: Sequence[Other]) -> list[str]:
    """Flag a ranking that orders the judged items (nearly) as another one does, or the other way round."""
    same: dict[str, list[tuple[float, str]]] = {}
    for other in others:
        likeness = correlation(scores, other.scores)
        if abs(likeness) >= (NEARLY if len(scores) >= 2 * ENOUGH else ALIKE):
            nearly = "" if abs(likeness) >= ALIKE else "nearly "
            way = f"it orders the judged items {nearly}as {{}} does" + (", the other way round" if likeness < 0 else "")
            same.setdefault(way, []).append((likeness, other.name))
    return [
        f"{way.format(_few([name for _, name in found]))} (rank correlation {max(found, key=_size)[0]:.4f})"
        for way, found in same.items()
    ]


def _size(found: tuple[float, str]) -> float:
    return abs(found[0])


def correlation(first: Floats, second: Floats) -> float:
    """Return Spearman's rank correlation; 0 where one ranking is constant."""
    ranks: Sequence[Floats] = [rankdata(each) for each in (first, second)]
    centred = [each - each.mean() for each in ranks]
    lengths = [float(np.sqrt(each @ each)) for each in centred]
    return float(centred[0] @ centred[1]) / (lengths[0] * lengths[1]) if all(lengths) else 0.0


def _few(names: Sequence[str]) -> str:
    different = list(dict.fromkeys(names))
    more = f" and {count(len(different) - 3, 'other')}" if len(different) > 3 else ""
    return ", ".join(different[:3]) + more
