"""SelfClean's automatic cut: which scores are too high for the distribution that the others follow."""

import numpy as np

from cleanbench.core import Bools, Floats


def fraction_cut(
    scores: Floats, images: int, *, contamination: float = 0.01, significance: float = 0.05, pairs: bool = False
) -> Bools:
    """Return which items are flagged, shape ``(M,)``.

    Gröger et al., "Intrinsic Self-Supervision for Data Quality Audits" (NeurIPS 2024): the logits of the distances
    1 - score of clean items are taken to follow a logistic distribution. It is fitted through two of their quantiles,
    at c and at √(c / 2), c being the contamination. Flagged is what lies below the quantile s c N / M of the fitted
    distribution, so that about that share of clean items is flagged by mistake; s is the significance, N the number
    of images and M that of items. For pairs c is squared.

    Distances of 0 or less (exact copies) and of 1 or more have no logit and leave the fit: the former are always
    flagged, the latter never. The authors' code leaves out both and returns positions among the remaining items, which
    are not those of the items that it was given.

    The answer means something for the scores of *all* images or of *all* pairs, in [0, 1]; of the head of a list the
    quantiles are others: `cut_of_pairs` takes them from elsewhere. The cut is as good as the fit: where the logits are
    far from a logistic distribution, it is at some place or other.

    Args:
        scores: Higher is more suspicious, 1 - distance; -inf (not retrieved) is not flagged. Shape ``(M,)``.
        images: How many there are.
        contamination: A guess at the share of faulty items, in (0, .5); the authors' alpha.
        significance: In (0, 1); the authors' q.
        pairs: Whether items are pairs of images.

    Raises:
        ValueError: If an argument is out of range, or there are so few scores that the cut is no quantile.
    """
    ends = quantiles_of_cut(contamination, pairs)
    if np.isnan(scores).any():
        raise ValueError("a score is NaN")
    distances = 1 - scores.astype(np.float64)
    inside = (distances > 0) & (distances < 1)
    if not inside.any():
        return distances <= 0
    level = _level(ends, images, len(scores), significance)
    near, far = np.quantile(_logit(distances[inside]), ends)
    return _below(distances, near, far, ends, level)


def cut_of_pairs(
    scores: Floats, images: int, quantiles: Floats, *, contamination: float = 0.01, significance: float = 0.05
) -> Bools:
    """Return which of some pairs are flagged, as `fraction_cut` would flag them among all pairs, shape ``(M,)``.

    Args:
        scores: Of some of the pairs.
        images: How many there are.
        quantiles: Distances of all pairs at the shares `quantiles_of_cut`, those of 0 and of 1 left out, ``(2,)``.
        contamination: As for `fraction_cut`.
        significance: As for `fraction_cut`.

    Raises:
        ValueError: As by `fraction_cut`.
    """
    ends = quantiles_of_cut(contamination, pairs=True)
    level = _level(ends, images, images * (images - 1) // 2, significance)
    near, far = _logit(quantiles)
    return _below(1 - scores.astype(np.float64), near, far, ends, level)


def quantiles_of_cut(contamination: float, pairs: bool) -> Floats:
    """Return the shares at which the fitted distribution has the quantiles of the scores, shape ``(2,)``.

    Raises:
        ValueError: If the contamination is not in (0, .5).
    """
    if not 0 < contamination < 0.5:
        raise ValueError(f"contamination={contamination} must be in (0, .5)")
    alpha = contamination**2 if pairs else contamination
    return np.array([alpha, np.sqrt(alpha / 2)])


def _level(ends: Floats, images: int, items: int, significance: float) -> float:
    if not 0 < significance < 1:
        raise ValueError(f"significance={significance} must be in (0, 1)")
    level = float(significance * ends[0] * images / items)
    if not 0 < level < 1:
        raise ValueError(f"images={images} does not fit {items} scores: give the scores of all items")
    return level


def _below(distances: Floats, near: float, far: float, ends: Floats, level: float) -> Bools:
    """Flag copies, and what lies below the quantile ``level`` of the logistic through ``near`` and ``far``."""
    expected_near, expected_far = _logit(ends)
    scale = (far - near) / (expected_far - expected_near)
    cut = near + (_logit(np.array(level)) - expected_near) * scale
    flags: Bools = distances <= 0
    inside = (distances > 0) & (distances < 1)
    flags[inside] = _logit(distances[inside]) < cut
    return flags


def _logit(shares: Floats) -> Floats:
    logits: Floats = np.log(shares) - np.log1p(-shares)
    return logits
