"""The distance between rows as they are, for the kernels that otherwise measure angles."""

import numpy as np

from cleanbench.core import Floats, Ints
from cleanbench.measures import PAIR_VALUES, Cosines, blocks, in_range, products_of_rows, working_precision


class SquaredGaps(Cosines):
    """Squared Euclidean distances, divided by the square of their bound: twice the length of the longest row.

    The similarity is the negative of that, in [-1, 0]. Equal rows have exactly 0; all have if every row is zero. The
    bound is that of the set, so the same two rows are nearer to each other beside a longer one.

    As for cosines, a matrix product finds candidates: with rows u over the longest length and h = (1 - u²) / 2, the
    product of (u, 1, h) and (v, h, 1) is 1 - (u - v)² / 2. It is made in float64, because a few long rows would leave
    the others below what float32 resolves.
    """

    def __init__(self, embeddings: Floats) -> None:
        super().__init__(embeddings)
        self.largest_square = float(self.squares.max(initial=0.0)) or 1.0  # any number will do for rows of zeros

    def __call__(self, first: Ints, second: Ints) -> Floats:
        """Return the similarities of the rows ``first`` with the rows ``second``, both ``(M,)``."""
        gaps = np.empty(len(first))
        step = max(1, PAIR_VALUES // self.embeddings.shape[1])
        for start in range(0, len(first), step):
            part = slice(start, start + step)
            gap = self.embeddings[first[part]].astype(np.float64) - self.embeddings[second[part]]
            gaps[part] = products_of_rows(gap, gap)
        return -np.minimum(gaps / (4 * self.largest_square), 1.0)

    @staticmethod
    def comparable(embeddings: Floats) -> Floats:
        """Return rows of the same similarities whose squares float64 can hold."""
        return in_range(embeddings, together=True)

    @staticmethod
    def distances(similarities: Floats) -> Floats:
        """Return the squared distances, in [0, 1]."""
        return np.abs(similarities)

    def factors(self) -> Floats:
        """Return (u, h, 1) for each row."""
        columns = self.embeddings.shape[1]
        lifted = np.ones((len(self.embeddings), columns + 2))
        np.divide(self.embeddings, np.sqrt(self.largest_square), out=lifted[:, :columns], dtype=np.float64)
        for rows in blocks(len(lifted), 8 * columns):
            lifted[rows, columns] = (1 - products_of_rows(lifted[rows, :columns], lifted[rows, :columns])) / 2
        return lifted

    def points(self) -> Floats:
        """Return the rows over the longest, as float32."""
        return np.ascontiguousarray(self.factors()[:, :-2], dtype=np.float32)

    def facing(self, factors: Floats) -> Floats:
        """Return (u, 1, h) for rows (u, h, 1)."""
        turned = factors.copy()
        turned[..., -2:] = factors[..., :-3:-1]
        return turned

    def noise(self, factors: Floats) -> float:
        """Return a bound on how far the product of ``factors`` is from what calls say."""
        return 4 * super().noise(factors)  # rows (u, h, 1) are longer than 1, and h is rounded too

    def resolution(self) -> Floats:
        """Return for each row the squared distance that the rounding of its own values makes."""
        eps = 8 * np.finfo(working_precision(self.embeddings)).eps
        resolved: Floats = eps**2 * self.squares / (4 * self.largest_square)
        return resolved
