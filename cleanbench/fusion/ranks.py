"""Reciprocal rank fusion: of images by their ranks, of pairs by estimated ranks that depend on each pair alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from cleanbench.core import Bools, Floats
from cleanbench.pairs import pair_count

K = 60  # of Cormack, Clarke and Büttcher, who found that it matters little
TAIL = 0.9  # the reference above this quantile tells how scores thin out beyond its largest


def fused_images(members: Sequence[Floats], k: float = K) -> Floats:
    """Fuse scores of images, each ``(N,)``, to the sum of 1 / (k + rank).

    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning Methods"
    (SIGIR 2009), with the mean of their ranks for tied images, which is their expectation over random orders. An image
    that a member does not score (``-inf``) gets nothing from it; one that no member scores stays at ``-inf``.

    Example:
        >>> fused_images([np.array([3.0, 1.0]), np.array([2.0, 2.0])], k=1)
        array([0.9       , 0.73333333])
    """
    return _fused(members, [rankdata(-scores, method="average") for scores in members], k)


def fused_pairs(members: Sequence[Floats], reference: Bools, images: int, k: float = K) -> Floats:
    """Fuse scores of pairs, each ``(M,)``, to the sum of 1 / (k + estimated rank among all pairs of the set).

    A rank among the pairs that were asked would change with what else was asked. `Reference.ranks` estimates the rank
    among all pairs from random pairs, which are the same for every pair. Otherwise as `fused_images`.

    Args:
        members: The scores of each member.
        reference: Which pairs are random ones.
        images: How many images the set has.
        k: Of reciprocal rank fusion.
    """
    total = pair_count(images)
    ranks = [Reference(scores[reference]).ranks(scores, total) for scores in members]
    return _fused(members, ranks, k)


def _fused(members: Sequence[Floats], ranks: Sequence[Floats], k: float) -> Floats:
    scored = np.isfinite(np.stack(members))
    # Sorted before they are summed: the order of the members must not matter in the last digit either.
    shares = np.sort(np.where(scored, 1 / (k + np.stack(ranks)), 0.0), axis=0)
    fused: Floats = np.where(scored.any(axis=0), shares.sum(axis=0), -np.inf)
    return fused


@dataclass(frozen=True, eq=False)
class Reference:
    """A member's scores of random pairs, which tell how rare a score is among all pairs.

    Attributes:
        scores: Shape ``(R,)``; ``-inf`` where the member has no score.
    """

    scores: Floats

    def ranks(self, scores: Floats, total: int) -> Floats:
        """Estimate the expected rank of each score among ``total`` pairs, shape ``(M,)``, at least 1.

        It is 1 + ``total`` times the share of random pairs with a higher score, ties counting half. Beyond the largest
        of them the share falls exponentially from its value there: by a factor e with each mean excess of the
        reference over its 90 % quantile. That is a guess about a tail nobody has seen, the exponential one, for want of
        a better: it keeps the order of a member's best pairs, and says little about how much one leads another. Of a
        member that scores none of the random pairs, all that counts is which pairs it scores.
        """
        known = np.sort(self.scores[np.isfinite(self.scores)])
        above = len(known) - np.searchsorted(known, scores, side="right")
        tied = len(known) - np.searchsorted(known, scores, side="left") - above
        shares: Floats = (above + tied / 2) / len(self.scores)
        beyond = np.isfinite(scores) & (above + tied == 0)
        if not len(known):
            shares[beyond] = 0.5 / len(self.scores)
            return 1 + total * shares
        largest = known[-1]
        share = np.count_nonzero(known == largest) / 2 / len(self.scores)
        shares[beyond] = share * np.exp(-(scores[beyond] - largest) / _mean_excess(known))
        return 1 + total * shares


def _mean_excess(known: Floats) -> float:
    """Return by how much scores above a high quantile exceed it; where none does, above a lower one."""
    for level in (TAIL, 0.5, 0.0):
        least = np.quantile(known, level, method="lower")
        excess = known[known > least] - least
        if len(excess):
            return float(excess.mean())
    return 1.0  # the reference is constant: it has no scale to offer
