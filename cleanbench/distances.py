"""The distances between embeddings that methods offer by name."""

from dataclasses import dataclass

import numpy as np

from cleanbench.core import Floats, UserError
from cleanbench.euclidean import SquaredGaps
from cleanbench.measures import Cosines
from cleanbench.settings import flag

DISTANCES = ("cosine", "euclidean")


@dataclass(frozen=True)
class Distance:
    """A distance in [0, 1]: (1 - cosine) / 2, or the length of the difference of two rows over its bound.

    For rows of length 1 the second is the root of the first; for rows as they are the bound is twice the length of the
    longest row of the set.

    Attributes:
        name: ``cosine`` or ``euclidean``.
        normalise: Whether rows are scaled to length 1 before their Euclidean distance.
    """

    name: str = "cosine"
    normalise: bool = True

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If there is no such distance, or ``normalise`` is neither true nor false.
        """
        if self.name not in DISTANCES:
            raise UserError(f"distance={self.name!r} is unknown; choose one of {', '.join(DISTANCES)}")
        flag("normalise", self.normalise)

    @property
    def measure(self) -> type[Cosines]:
        """What kernels search by; it ranks pairs as the distance does."""
        return SquaredGaps if self.name == "euclidean" and not self.normalise else Cosines

    @property
    def squared(self) -> bool:
        """Whether what the measure calls the distance is the square of this one, for unit rows as for others."""
        return self.name == "euclidean"

    def columns(self, embeddings: Floats) -> int:
        """Return how many float32 columns cost as much: distances of rows as they are take double precision."""
        wide = self.measure is SquaredGaps or embeddings.dtype == np.float64
        columns: int = embeddings.shape[1]
        return 2 * columns if wide else columns

    def nearness(self, similarities: Floats) -> Floats:
        """Return 1 - distance for similarities of `measure`."""
        if self.squared:
            return 1 - np.sqrt(self.measure.distances(similarities))
        return (1 + similarities) / 2
