"""Raw pixels as embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cleanbench.core import Floats
from cleanbench.encoders.base import Encoder


@dataclass(frozen=True)
class Pixels(Encoder):
    """Embeds an image as its RGB values, resized and flattened: the plainest baseline.

    Attributes:
        size: Side of the resized square, in pixels; the embedding has ``3 * size ** 2`` values in [0, 1].
    """

    size: int = 32

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Return values in [0, 1], float32, shape ``(len(batch), 3 * size ** 2)``."""
        side = (self.size, self.size)
        resized = [np.asarray(image.resize(side, Image.Resampling.BILINEAR)) for image in batch]
        return np.stack(resized).reshape(len(batch), -1).astype(np.float32) / np.float32(255)
