"""The effective rank of embeddings: what shows a collapse that the loss hides."""

import numpy as np
import numpy.typing as npt


def effective_rank(embeddings: npt.ArrayLike) -> float:
    """Return in how many directions embeddings vary: exp of the entropy of the covariance's normalised singular values.

    Roy and Vetterli, "The Effective Rank: A Measure of Effective Dimensionality" (EUSIPCO 2007), of the covariance
    matrix. Of the centred embeddings themselves, whose singular values are the roots of these, it would hardly fall
    when one direction takes over: with 99 % of the variance in one of 256 it would be 59, and here it is 1.1.

    Between 1 (all on a line) and min(N - 1, D); 0 if all rows are equal. It is blind to what the directions mean: noise
    has the highest rank of all.

    Args:
        embeddings: Shape ``(N, D)``.

    Returns:
        NaN if a value is not finite.

    Example:
        >>> round(effective_rank([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 6)
        2.0
    """
    rows = np.asarray(embeddings, dtype=np.float64)
    if not np.isfinite(rows).all():
        return float("nan")
    centred = rows - rows.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False)
    # Below this share of the largest entry, what centring leaves of equal rows is rounding.
    if values.size == 0 or values[0] <= np.abs(rows).max() * np.sqrt(rows.size) * np.finfo(np.float32).eps:
        return 0.0
    variances = values[values > 0] ** 2
    shares = variances / variances.sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))
