"""Kernels that methods share: nearest neighbours, cosines and Hamming distances of pairs, top pairs.

Blocked matrix products in the embeddings' own precision find the candidates, and row-wise products in float64
decide between them. So no N x N array exists, and a number that is returned depends on its two images alone, not
on the block that they met in: matrix products round differently from one block shape to the next.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import Floats, Ints
from cleanbench.pairs import pair_count
from cleanbench.progress import progress

BLOCK_BYTES = 1 << 24  # of one block of similarities: large enough for a fast product, small beside the data
PAIR_VALUES = 1 << 19  # values of one side of the pairs multiplied at once: stays in the processor's cache
SPARE = 8  # candidates beyond the k nearest, so that rounding in the product cannot push one of the k out


def normalised(embeddings: Floats) -> Floats:
    """Return the rows scaled to length 1, shape and precision kept; a row of zeros stays zero."""
    unit = np.array(embeddings, dtype=working_precision(embeddings))
    for rows in blocks(len(unit), 8 * unit.shape[1]):
        lengths = np.sqrt(products_of_rows(unit[rows], unit[rows]))
        unit[rows] /= np.where(lengths > 0, lengths, 1.0).astype(unit.dtype)[:, None]
    return unit


def working_precision(embeddings: Floats) -> np.dtype[Any]:
    """Return float64 for float64 embeddings and float32 for all others."""
    return np.dtype(np.float64 if embeddings.dtype == np.float64 else np.float32)


def rounding(unit: Floats) -> float:
    """Return a bound on how far a matrix product of normalised rows is from the cosine."""
    return 4 * float(np.finfo(unit.dtype).eps) * math.sqrt(unit.shape[1])


def cosine(embeddings: Floats, pairs: Ints) -> Floats:
    """Return the cosine of the angle between two rows for each pair ``(M, 2)``, float64, shape ``(M,)``.

    The rows need not be normalised. Equal rows have exactly 1; a row of zeros has 0 with every row.
    """
    return Cosines(embeddings)(pairs[:, 0], pairs[:, 1])


class Cosines:
    """`cosine` for many calls on the same embeddings, and what kernels need to find rows of large cosine.

    A measure of its own is a subclass: kernels take the class and ask it for everything that is not the search itself.
    """

    def __init__(self, embeddings: Floats) -> None:
        self.embeddings = embeddings
        self.squares = np.empty(len(embeddings))
        for rows in blocks(len(embeddings), 8 * embeddings.shape[1]):
            self.squares[rows] = products_of_rows(embeddings[rows], embeddings[rows])

    def __call__(self, first: Ints, second: Ints) -> Floats:
        """Return the cosines of the rows ``first`` with the rows ``second``, both ``(M,)``."""
        products = np.empty(len(first))
        step = max(1, PAIR_VALUES // self.embeddings.shape[1])
        for start in range(0, len(first), step):
            part = slice(start, start + step)
            products[part] = products_of_rows(self.embeddings[first[part]], self.embeddings[second[part]])
        # The root of the product, not the product of roots: it is exact where both are equal.
        lengths = np.sqrt(self.squares[first] * self.squares[second])
        cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
        return np.clip(cosines, -1.0, 1.0, out=cosines)

    @staticmethod
    def distances(similarities: Floats) -> Floats:
        """Return what calls return as distances in [0, 1]."""
        return (1 - similarities) / 2

    def factors(self) -> Floats:
        """Return rows whose matrix product with `facing` rows is 1 - 2 * distance, in [-1, 1], up to `noise`."""
        return normalised(self.embeddings)

    def facing(self, factors: Floats) -> Floats:
        """Return the other side of the product for some of the `factors`."""
        return factors

    def noise(self, factors: Floats) -> float:
        """Return a bound on how far the product of ``factors`` is from what calls say."""
        return rounding(factors)

    def resolution(self) -> Floats:
        """Return for each row the distance below which its precision does not tell another row from it."""
        return np.full(len(self.embeddings), 8 * np.finfo(working_precision(self.embeddings)).eps)


def hamming(packed: npt.NDArray[np.uint8], pairs: Ints) -> Ints:
    """Return how many bits differ for each pair ``(M, 2)``, shape ``(M,)``.

    Args:
        packed: Bits of each image as `numpy.packbits` packs them, shape ``(N, bytes)``.
        pairs: Positions of two images.
    """
    distances = np.empty(len(pairs), dtype=np.int64)
    step = max(1, PAIR_VALUES // packed.shape[1])
    for start in range(0, len(pairs), step):
        first, second = pairs[start : start + step].T
        distances[start : start + step] = np.bitwise_count(packed[first] ^ packed[second]).sum(axis=1)
    return distances


def nearest(embeddings: Floats, k: int) -> tuple[Ints, Floats]:
    """Return the k rows nearest by cosine to each row and their cosines, both ``(N, k)``, nearest first.

    A row is no neighbour of itself, an equal row is one. Ties are ordered by position.

    Raises:
        ValueError: If ``k`` is not in ``[1, N - 1]``.
    """
    count = len(embeddings)
    if not 1 <= k < count:
        raise ValueError(f"k must be between 1 and {count - 1} for {count} rows, not {k}")
    unit = normalised(embeddings)
    wanted, noise = min(k + SPARE, count - 1), rounding(unit)
    indices = np.empty((count, k), dtype=np.int64)
    cosines = np.empty((count, k))
    with progress("neighbours", count, "image") as bar:
        for rows in blocks(count, count * unit.itemsize):
            here = np.arange(rows.start, rows.stop)
            similarities = unit[rows] @ unit.T
            similarities[here - rows.start, here] = -np.inf
            candidates = np.sort(_largest(similarities, wanted), axis=1)
            pairs = np.stack([np.repeat(here, wanted), candidates.ravel()], axis=1)
            exact = cosine(embeddings, pairs).reshape(candidates.shape)
            order = np.argsort(-exact, axis=1, kind="stable")[:, :k]
            indices[rows] = np.take_along_axis(candidates, order, axis=1)
            cosines[rows] = np.take_along_axis(exact, order, axis=1)
            # Where more images lie within rounding of the k-th than there are spares, they are all compared.
            last = np.take_along_axis(similarities, candidates, axis=1).min(axis=1)
            for row in np.flatnonzero(last >= cosines[rows][:, -1] - noise):
                near = np.flatnonzero(similarities[row] >= cosines[here[row], -1] - noise)
                exact_near = cosine(embeddings, np.stack([np.full(len(near), here[row]), near], axis=1))
                best = np.argsort(-exact_near, kind="stable")[:k]
                indices[here[row]], cosines[here[row]] = near[best], exact_near[best]
            bar.update(len(here))
    return indices, cosines


def top_pairs(embeddings: Floats, limit: int, measure: type[Cosines] = Cosines) -> tuple[Ints, Floats]:
    """Return the ``limit`` pairs of largest similarity, shape ``(limit, 2)``, and the similarities; largest first.

    Ties are ordered by (i, j). Memory is that of a block and of a few times ``limit`` pairs.
    """
    exact = measure(embeddings)
    unit = exact.factors()
    count = len(unit)
    limit = min(limit, pair_count(count))
    if limit == 0:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0)
    best = _Best(limit, exact.noise(unit))
    with progress("pairs", pair_count(count), "pair") as bar:
        for rows in blocks(count, count * unit.itemsize):
            similarities = exact.facing(unit[rows]) @ unit[rows.start :].T
            # The diagonal is no pair, and what lies left of it was seen from the other side.
            similarities[np.tril_indices(len(similarities), 0, similarities.shape[1])] = -np.inf
            found = np.flatnonzero(similarities >= best.threshold)
            found_similarities = similarities.ravel()[found]
            # From a place in the block to i * N + j.
            found += found // similarities.shape[1] * rows.start + rows.start * (count + 1)
            best.add(found, found_similarities)
            bar.update(pair_count(count - rows.start) - pair_count(count - rows.stop))
    pairs = np.stack(np.divmod(best.codes, count), axis=1)
    found_exactly = exact(pairs[:, 0], pairs[:, 1])
    order = np.lexsort((best.codes, -found_exactly))[:limit]
    return pairs[order], found_exactly[order]


class _Best:
    """The pairs that may be among the ``limit`` most similar, in the order of their codes."""

    def __init__(self, limit: int, noise: float) -> None:
        self.limit = limit
        self.noise = noise
        self.threshold = -2.0  # below every cosine, above the mark of what is no pair
        self.codes: Ints = np.zeros(0, dtype=np.int64)
        self.similarities: Floats = np.zeros(0, dtype=np.float32)

    def add(self, codes: Ints, similarities: Floats) -> None:
        self.codes = np.concatenate([self.codes, codes])
        self.similarities = np.concatenate([self.similarities, similarities])
        if len(self.codes) > 2 * self.limit:
            self._shrink()

    def _shrink(self) -> None:
        last = np.partition(self.similarities, -self.limit)[-self.limit]
        # Whatever rounding may have put below the last one stays, for the exact products to decide.
        self.threshold = float(last) - self.noise
        kept = np.flatnonzero(self.similarities >= self.threshold)
        if len(kept) > 2 * self.limit:
            # Too many to tell apart: equal images by the thousand. Memory is bounded, so position decides.
            above = np.flatnonzero(self.similarities > last)
            tied = np.flatnonzero(self.similarities == last)[: self.limit - len(above)]
            kept = np.sort(np.concatenate([above, tied]))
        self.codes, self.similarities = self.codes[kept], self.similarities[kept]


def label_distances(embeddings: Floats, labels: Ints, measure: type[Cosines] = Cosines) -> tuple[Floats, Floats]:
    """Return each row's distance to the nearest other row of its own label and to the nearest of another label.

    The distance is that of the measure, by default (1 - cosine) / 2, in [0, 1].

    Returns:
        Two arrays ``(N,)``, float64; infinite where no such row exists.
    """
    # Sorted by label, the rows of a class are neighbouring columns: two slices instead of a mask of N x N.
    order = np.argsort(labels, kind="stable")
    classes, starts = np.unique(labels[order], return_index=True)
    bounds = np.append(starts, len(labels))
    exact = measure(embeddings)
    unit = exact.factors()[order]
    partners = np.full((2, len(unit)), -1, dtype=np.int64)
    with progress("labels", len(unit), "image") as bar:
        for rows in blocks(len(unit), len(unit) * unit.itemsize):
            similarities = exact.facing(unit[rows]) @ unit.T
            here = np.arange(rows.start, rows.stop)
            similarities[here - rows.start, here] = -np.inf
            inside = np.searchsorted(bounds, (rows.start, rows.stop - 1), side="right") - 1
            for which in range(inside[0], inside[1] + 1):
                members = slice(max(bounds[which], rows.start), min(bounds[which + 1], rows.stop))
                own = similarities[
                    members.start - rows.start : members.stop - rows.start, bounds[which] : bounds[which + 1]
                ]
                if own.shape[1] > 1:
                    partners[0, members] = own.argmax(axis=1) + bounds[which]
                own[...] = -np.inf
            if len(classes) > 1:
                partners[1, rows] = similarities.argmax(axis=1)
            bar.update(len(here))
    distances = np.full((2, len(unit)), np.inf)
    for side, partner in enumerate(partners):
        known = np.flatnonzero(partner >= 0)
        distances[side, order[known]] = exact.distances(exact(order[known], order[partner[known]]))
    return distances[0], distances[1]


def farthest(embeddings: Floats, rows: Ints, measure: type[Cosines] = Cosines) -> Floats:
    """Return the distance of each of ``rows`` to the row farthest from it, by the measure, shape ``(len(rows),)``."""
    exact = measure(embeddings)
    unit = exact.factors()
    partners = np.empty(len(rows), dtype=np.int64)
    for block in blocks(len(rows), len(unit) * unit.itemsize):
        similarities = exact.facing(unit[rows[block]]) @ unit.T
        similarities[np.arange(len(similarities)), rows[block]] = np.inf
        partners[block] = similarities.argmin(axis=1)
    return exact.distances(exact(rows, partners))


def blocks(count: int, row_bytes: int) -> Iterator[slice]:
    """Cut ``range(count)`` into slices of at most `BLOCK_BYTES`."""
    step = max(1, BLOCK_BYTES // max(1, row_bytes))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def products_of_rows(first: Floats, second: Floats) -> Floats:
    """Return the products of rows, summed in float64, each row by itself."""
    products: Floats = np.einsum(
        "ij,ij->i", first.astype(np.float64, copy=False), second.astype(np.float64, copy=False)
    )
    return products


def _largest(values: Floats, wanted: int) -> Ints:
    """Return the columns of the ``wanted`` largest values of each row, in any order; of equal ones the first."""
    columns = np.argpartition(values, values.shape[1] - wanted, axis=1)[:, -wanted:]
    last = np.take_along_axis(values, columns, axis=1).min(axis=1, keepdims=True)
    # Partitioning takes any of equal values; only rows where that mattered are sorted in full.
    for row in np.flatnonzero(np.count_nonzero(values >= last, axis=1) > wanted):
        columns[row] = np.argsort(-values[row], kind="stable")[:wanted]
    return columns
