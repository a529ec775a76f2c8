"""Raw pixels as embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cleanbench.core import Floats, UserError
from cleanbench.encoders.base import Encoder


@dataclass(frozen=True)
class Pixels(Encoder):
    """Embeds an image as its RGB values, resized and flattened: the plainest baseline.

    Attributes:
        size: Side of the resized square, in pixels; the embedding has ``3 * size ** 2`` values in [0, 1].
    """

    size: int = 32

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If the size is no positive whole number.
        """
        if not isinstance(self.size, int) or self.size < 1:
            raise UserError(f"size={self.size!r} of the encoder must be a whole number, at least 1")

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Return values in [0, 1], float32, shape ``(len(batch), 3 * size ** 2)``."""
        side = (self.size, self.size)
        resized = [np.asarray(image.resize(side, Image.Resampling.BILINEAR)) for image in batch]
        return np.stack(resized).reshape(len(batch), -1).astype(np.float32) / np.float32(255)
