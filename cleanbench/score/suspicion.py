"""What a person should look at before a submission goes on a board.

The truth of a public board is public, so a ranking can be copied from it. Nothing here proves that: each sign has
innocent causes, and a careful cheat shows none. What is flagged is for a person to ask about.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import rankdata

from cleanbench.core import Bools, Floats
from cleanbench.leaderboard.evidence import Judgements
from cleanbench.metrics import evaluate
from cleanbench.rankings import align
from cleanbench.score.ranking_file import Ranked

ENOUGH = 10  # faulty and clean items from which on a perfect order is remarkable
LEAP = 0.5  # share of the way from the best known AP to 1 that nobody makes unnoticed
LEAST_LEAP = 0.1
ALIKE = 0.999  # rank correlation from which on two rankings are one


def suspicions(
    ranked: Ranked, judgements: Judgements, images: int, others: Mapping[str, Floats], pairs: bool
) -> list[str]:
    """Say what is remarkable about a ranking, in sentences; nothing if nothing is.

    Args:
        ranked: The ranking.
        judgements: The truth.
        images: How many the data set has.
        others: Of the rankings on the board, the scores of the judged items, by what tables call them.
        pairs: Whether it ranks pairs.
    """
    scores = align(judgements.items, ranked.rows, ranked.scores)
    return [
        *follows_truth(judgements.labels, scores),
        *(() if pairs else knows_judged(ranked, judgements, images)),
        *leaps(judgements.labels, scores, others),
        *copies(scores, others),
    ]


def follows_truth(labels: Bools, scores: Floats) -> list[str]:
    """Flag a ranking that has (almost) every faulty item before every clean one."""
    faulty = int(np.count_nonzero(labels))
    if min(faulty, len(labels) - faulty) < ENOUGH:
        return []
    area = evaluate(labels, scores, ["AUROC"])["AUROC"].value
    if area is None or area < ALIKE:
        return []
    if len(np.unique(scores)) == 2:
        return ["its scores take two values, one for the faulty items of the truth and one for the others"]
    return [f"it ranks the faulty items of the truth before the clean ones almost without exception (AUROC {area:.4f})"]


def knows_judged(ranked: Ranked, judgements: Judgements, images: int) -> list[str]:
    """Flag a ranking that lists exactly the judged images, which a method is not told."""
    finite = {row for row, score in zip(ranked.rows, ranked.scores, strict=True) if np.isfinite(score)}
    if len(finite) < images and finite == set(judgements.items):
        return ["it scores exactly the judged images, which a method is not told"]
    return []


def leaps(labels: Bools, scores: Floats, others: Mapping[str, Floats]) -> list[str]:
    """Flag an AP that leaves all others on the board far behind."""
    own = evaluate(labels, scores, ["AP"])["AP"].value
    known = {name: evaluate(labels, other, ["AP"])["AP"].value or 0.0 for name, other in others.items()}
    if own is None or not known:
        return []
    best = max(known, key=lambda name: known[name])
    if own - known[best] < max(LEAST_LEAP, LEAP * (1 - known[best])):
        return []
    return [f"its AP is {own:.3f}, that of the best other on the board ({best}) {known[best]:.3f}"]


def copies(scores: Floats, others: Mapping[str, Floats]) -> list[str]:
    """Flag a ranking that orders the judged items as another one does."""
    found = [name for name, other in others.items() if _correlation(scores, other) >= ALIKE]
    return [f"it orders the judged items as {', '.join(found[:3])} does"] if found else []


def _correlation(first: Floats, second: Floats) -> float:
    """Return Spearman's rank correlation; 0 where one ranking is constant."""
    ranks: Sequence[Floats] = [rankdata(each) for each in (first, second)]
    centred = [each - each.mean() for each in ranks]
    lengths = [float(np.sqrt(each @ each)) for each in centred]
    return float(centred[0] @ centred[1]) / (lengths[0] * lengths[1]) if all(lengths) else 0.0
