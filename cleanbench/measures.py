"""What is near: the cosine of two rows, exactly and row by row, and what kernels need to search by it."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cleanbench.core import Floats, Ints

BLOCK_BYTES = 1 << 24  # of one block of similarities: large enough for a fast product, small beside the data
PAIR_VALUES = 1 << 19  # values of one side of the pairs multiplied at once: stays in the processor's cache


def normalised(embeddings: Floats) -> Floats:
    """Return the rows scaled to length 1, shape and precision kept; a row of zeros stays zero."""
    unit = np.empty(embeddings.shape, dtype=working_precision(embeddings))
    for rows in blocks(len(unit), 8 * unit.shape[1]):
        scaled = in_range(embeddings[rows]).astype(np.float64)
        lengths = np.sqrt(products_of_rows(scaled, scaled))
        unit[rows] = scaled / np.where(lengths > 0, lengths, 1.0)[:, None]
    return unit


def in_range(embeddings: Floats, together: bool = False) -> Floats:
    """Return the rows, where need be times powers of two, so that their squares neither overflow nor vanish.

    Args:
        embeddings: Shape ``(N, D)``.
        together: All times the same power; small ones may vanish beside large ones.
    """
    if np.finfo(embeddings.dtype).maxexp <= 128:  # squares of float32 are no matter for float64
        return embeddings
    largest = np.zeros(len(embeddings), dtype=embeddings.dtype)
    for rows in blocks(len(embeddings), 8 * embeddings.shape[1]):
        largest[rows] = np.maximum(embeddings[rows].max(axis=1, initial=0), -embeddings[rows].min(axis=1, initial=0))
    if together:
        largest[:] = largest.max(initial=0)
    if ((largest == 0) | ((largest > 2.0**-200) & (largest < 2.0**200))).all():
        return embeddings
    return np.ldexp(embeddings, -np.frexp(largest)[1][:, None])


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
        self.embeddings = self.comparable(embeddings)
        self.squares = np.empty(len(embeddings))
        for rows in blocks(len(embeddings), 8 * embeddings.shape[1]):
            self.squares[rows] = products_of_rows(self.embeddings[rows], self.embeddings[rows])

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
    def comparable(embeddings: Floats) -> Floats:
        """Return rows of the same similarities whose squares float64 can hold."""
        return in_range(embeddings)

    @staticmethod
    def distances(similarities: Floats) -> Floats:
        """Return what calls return as distances in [0, 1]."""
        return (1 - similarities) / 2

    def factors(self) -> Floats:
        """Return rows whose matrix product with `facing` rows is 1 - 2 * distance, in [-1, 1], up to `noise`."""
        return normalised(self.embeddings)

    def points(self) -> Floats:
        """Return float32 points that are the nearer in Euclidean distance the more similar the rows are."""
        return np.ascontiguousarray(self.factors(), dtype=np.float32)

    def facing(self, factors: Floats) -> Floats:
        """Return the other side of the product for some of the `factors`."""
        return factors

    def noise(self, factors: Floats) -> float:
        """Return a bound on how far the product of ``factors`` is from what calls say."""
        return rounding(factors)

    def resolution(self) -> Floats:
        """Return for each row the distance below which its precision does not tell another row from it."""
        return np.full(len(self.embeddings), 8 * np.finfo(working_precision(self.embeddings)).eps)


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
