"""Histograms of oriented gradients as embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cleanbench.core import Floats, UserError
from cleanbench.encoders.base import Encoder


@dataclass(frozen=True)
class HOG(Encoder):
    """Embeds an image as histograms of oriented gradients: the cheap default that needs no training.

    Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection" (CVPR 2005), with
    scikit-image's L2-Hys normalised blocks of 2x2 cells. It sees shape and texture and is blind to colour.

    Attributes:
        size: Side of the resized gray square, in pixels.
        cell: Side of a cell, in pixels; ``size`` must be a multiple of it, at least twice.
        orientations: Number of directions per histogram.
    """

    size: int = 32
    cell: int = 8
    orientations: int = 9

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If a setting is no positive whole number, or cells do not tile the image.
        """
        for name in ("size", "cell", "orientations"):
            if not isinstance(value := getattr(self, name), int) or value < 1:
                raise UserError(f"{name}={value!r} of the encoder must be a whole number, at least 1")
        if self.size % self.cell or self.size < 2 * self.cell:
            raise UserError(f"size={self.size} must be a multiple of cell={self.cell}, at least twice as large")

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Return block histograms, float32, shape ``(len(batch), D)``; D is 324 with the defaults."""
        from skimage.feature import hog

        side = (self.size, self.size)
        rows = [
            hog(
                np.asarray(image.convert("L").resize(side, Image.Resampling.BILINEAR)),
                orientations=self.orientations,
                pixels_per_cell=(self.cell, self.cell),
                cells_per_block=(2, 2),
                block_norm="L2-Hys",
            )
            for image in batch
        ]
        return np.stack(rows).astype(np.float32)
