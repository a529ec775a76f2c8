"""What the ranking of one issue puts on top that is another issue's fault."""

from dataclasses import dataclass

import numpy as np

from cleanbench.core import Bools, GroundTruth, Ints, Issue, Ranking
from cleanbench.records import Measured
from cleanbench.tops import share_within


@dataclass(frozen=True)
class Crossing:
    """The top of one issue's ranking against another issue's truth; expectations over random orders of ties.

    A pair stands for its two images: it is faulty by a truth of images if either image is, and judged if that is known.
    An image is faulty by a truth of pairs if it is in a faulty pair, and judged if it is in any judged pair. Where both
    are pairs, a pair is itself.

    Attributes:
        ranked: The issue of the ranking.
        truth: The issue of the truth.
        top: Items looked at.
        judged: How many of them the truth says something about.
        faulty: How many of these are faulty by it.
        share: faulty / judged.
        usual: The same share over the whole ranking: what a random order has in its top.
    """

    ranked: Issue
    truth: Issue
    top: int
    judged: float
    faulty: float
    share: Measured
    usual: float | None


def crossing(ranking: Ranking, truth: GroundTruth, images: int, top: int) -> Crossing:
    """Compare the top of a ranking with a truth, of the same or of another issue.

    A high share of another issue's faults is no mistake of the ranking by itself: an image may be both. But who reviews
    the top for one issue finds the other, and a metric of the first counts it as a false alarm.

    Args:
        ranking: Of whatever items.
        truth: In positions of the same images.
        images: How many there are.
        top: At least 1; beyond the number of ranked items it is that number.
    """
    judged, faulty = _judged(ranking.items, truth, images)
    top = min(top, len(ranking))
    within = share_within(ranking.scores, top)
    known, bad = float(within[judged].sum()), float(within[faulty].sum())
    share = Measured(value=None, reason="none of the top is judged")
    if known > 0:
        share = Measured(value=min(1.0, bad / known))
    whole = int(np.count_nonzero(judged))
    usual = int(np.count_nonzero(faulty)) / whole if whole else None
    return Crossing(ranking.issue, truth.issue, top, known, bad, share, usual)


def _judged(items: Ints, truth: GroundTruth, images: int) -> tuple[Bools, Bools]:
    """Return which items the truth judges, and which of them are faulty by it."""
    if items.ndim == 2 and truth.items.ndim == 2:
        codes, known = (pairs[:, 0] * images + pairs[:, 1] for pairs in (items, truth.items))
        return np.isin(codes, known), np.isin(codes, known[truth.labels])
    of_image, bad = np.zeros(images, dtype=np.bool_), np.zeros(images, dtype=np.bool_)
    of_image[truth.items] = True
    bad[truth.items[truth.labels]] = True
    if items.ndim == 1:
        return of_image[items], bad[items]
    faulty: Bools = np.any(bad[items], axis=1)
    judged: Bools = np.logical_or(of_image[items].all(axis=1), faulty)
    return judged, faulty
