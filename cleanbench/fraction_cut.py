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
    quantiles are others. The cut is as good as the fit: where the logits are far from a logistic distribution, it is
    at some place or other.

    Args:
        scores: Higher is more suspicious, 1 - distance; -inf (not retrieved) is not flagged. Shape ``(M,)``.
        images: How many there are.
        contamination: A guess at the share of faulty items, in (0, .5); the authors' alpha.
        significance: In (0, 1); the authors' q.
        pairs: Whether items are pairs of images.

    Raises:
        ValueError: If an argument is out of range, or there are so few scores that the cut is no quantile.
    """
    if not 0 < contamination < 0.5:
        raise ValueError(f"contamination={contamination} must be in (0, .5)")
    if not 0 < significance < 1:
        raise ValueError(f"significance={significance} must be in (0, 1)")
    if np.isnan(scores).any():
        raise ValueError("a score is NaN")
    alpha = contamination**2 if pairs else contamination
    level = significance * alpha * images / max(len(scores), 1)
    if len(scores) and not 0 < level < 1:
        raise ValueError(f"images={images} does not fit {len(scores)} scores: give the scores of all items")
    distances = 1 - scores.astype(np.float64)
    flags: Bools = distances <= 0
    inside = np.flatnonzero((distances > 0) & (distances < 1))
    if not len(inside):
        return flags
    logits = _logit(distances[inside])
    ends = np.array([alpha, np.sqrt(alpha / 2)])
    near, far = np.quantile(logits, ends)
    expected_near, expected_far = _logit(ends)
    scale = (far - near) / (expected_far - expected_near)
    cut = near + (_logit(np.array(level)) - expected_near) * scale
    flags[inside] = logits < cut
    return flags


def _logit(shares: Floats) -> Floats:
    logits: Floats = np.log(shares) - np.log1p(-shares)
    return logits
