"""Whether two computations of the same scores agree."""

import numpy as np

from cleanbench.core import Floats

RELATIVE = 1e-5


def close(scores: Floats, original: Floats, every: Floats | None = None) -> bool:
    """Return whether scores agree within 1e-5 of their size or of the spread of all scores.

    The spread matters near 0, the distance of copies, say, where a relative bound asks for more digits than a
    difference of two floats has.

    Args:
        scores: Shape ``(L,)``.
        original: The scores that they should equal, shape ``(L,)``.
        every: All scores, if ``original`` is a part of them.
    """
    whole = original if every is None else every
    finite = whole[np.isfinite(whole)]
    spread = float(np.ptp(finite)) if len(finite) else 0.0
    return np.allclose(scores, original, rtol=RELATIVE, atol=RELATIVE * spread)


def difference(scores: Floats, original: Floats) -> str:
    """Say how far two computations of the same scores are apart."""
    different = scores != original
    with np.errstate(invalid="ignore"):  # -inf - -inf
        apart = float(np.max(np.abs(scores - original), where=different, initial=0))
    return f"{np.count_nonzero(different)} of {len(scores)}, by up to {apart:.2g}"


def rank_correlation(first: Floats, second: Floats) -> float:
    """Return Spearman's correlation; 1 for equal orders even if all tie, where it is undefined."""
    from scipy.stats import rankdata

    one, other = rankdata(first), rankdata(second)
    if np.array_equal(one, other):
        return 1.0
    if one.min() == one.max() or other.min() == other.max():
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
