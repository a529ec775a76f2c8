"""Quantiles of the distances of all pairs, in one pass and without holding them."""

import numpy as np

from cleanbench.core import Floats, Ints
from cleanbench.distances import Distance
from cleanbench.measures import blocks
from cleanbench.pairs import pair_count
from cleanbench.progress import progress

DIGITS = 14  # bits of a distance's mantissa that are told apart: quantiles are right to one part in 2**15
COPIES = 1e-14  # below it the products of float64 rows do not tell a distance from 0
# CPU seconds, measured on one core: per pair and column, and per pair.
SECONDS_PER_PRODUCT = 3e-11
SECONDS_PER_PAIR = 2.5e-8


def pair_quantiles(embeddings: Floats, shares: Floats, distance: Distance) -> Floats | None:
    """Return quantiles of the distances between two different rows, over the pairs with a distance in (0, 1).

    A histogram in the leading bits of the distances takes the place of a list of them, so a quantile is right to one
    part in 32,768. Copies, with distance 0, and pairs with distance 1 are left out, as SelfClean's cut wants it.

    Args:
        embeddings: Shape ``(N, D)``.
        shares: Of the pairs, each in [0, 1], shape ``(K,)``.
        distance: Between rows.

    Returns:
        One distance for each share, interpolated between pairs on the scale of logits, shape ``(K,)``; None if
        no pair is left.
    """
    exact = distance.measure(embeddings.astype(np.float64))
    factors = exact.factors()
    count = len(factors)
    first, end = _leading(np.array([COPIES, 1.0]))
    counts = np.zeros(int(end - first) + 1, dtype=np.int64)
    with progress("pairs", pair_count(count), "pair") as bar:
        for rows in blocks(count, 8 * count):
            apart = (1 - exact.facing(factors[rows]) @ factors[rows.start :].T) / 2
            above = apart[np.triu(np.ones(apart.shape, dtype=np.bool_), 1)]
            places = _leading(above[(above >= COPIES) & (above < 1)]) - first
            counts += np.bincount(places, minlength=len(counts))
            bar.update(len(above))
    reached = np.cumsum(counts)
    if not reached[-1]:
        return None
    places = shares * (reached[-1] - 1)
    lower, upper = (
        _logit(_middle(first + np.searchsorted(reached, ends, side="right"), distance.squared))
        for ends in (np.floor(places), np.ceil(places))
    )
    logits = lower + (upper - lower) * (places - np.floor(places))
    quantiles: Floats = 1 / (1 + np.exp(-logits))
    return quantiles


def pair_quantiles_cost(count: int, columns: int) -> tuple[float, float]:
    """Return the CPU seconds and the bytes that `pair_quantiles` is expected to take."""
    return (
        pair_count(count) * (SECONDS_PER_PRODUCT * columns + SECONDS_PER_PAIR),
        24.0 * count * columns + 2**28,
    )


def _leading(distances: Floats) -> Ints:
    """Return exponent and leading bits as whole numbers, which are ordered as the distances are."""
    leading: Ints = distances.view(np.int64) >> (52 - DIGITS)
    return leading


def _middle(leading: Ints, squared: bool) -> Floats:
    edges = np.stack([leading, leading + 1]) << (52 - DIGITS)
    middle: Floats = edges.view(np.float64).mean(axis=0)
    return np.sqrt(middle) if squared else middle


def _logit(shares: Floats) -> Floats:
    logits: Floats = np.log(shares) - np.log1p(-shares)
    return logits
