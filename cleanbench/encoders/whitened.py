"""PCA whitening of another encoder's embeddings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import UserError, digest_of
from cleanbench.encoders.base import Encoder, SetEncoder, Wanted
from cleanbench.encoders.nested import code_of, embeddings_of, named_settings
from cleanbench.settings import check_types
from cleanbench.store import new_array, open_array

# Rows that are in memory as float64 at a time.
BLOCK = 4096

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Whitened(SetEncoder):
    """Rotates embeddings to their principal axes and divides each by its standard deviation.

    Mean and axes are those of the set itself, without labels: a row depends on all images. Axes without variance
    are left out, so that N images give at most N - 1 values. Each axis points to where its largest loading is
    positive.

    Attributes:
        encoder: Whose embeddings are whitened.
        components: How many axes are kept, those of largest variance; None keeps all that have any.
        regularisation: Added to each variance, as a share of the largest, so that axes of mere noise are not
            blown up; 0 whitens exactly.
    """

    encoder: Encoder
    components: int | None = None
    regularisation: float = 1e-3

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If a setting makes no sense.
        """
        if not isinstance(self.encoder, Encoder):
            raise UserError(f"encoder.encoder is a {type(self.encoder).__name__}, expected an encoder")
        check_types(self)
        if self.components is not None and self.components < 1:
            raise UserError(f"encoder.components={self.components!r} must be at least 1, or null for all")
        if self.regularisation < 0:
            raise UserError(f"encoder.regularisation={self.regularisation} must be 0 or positive")

    def identity(self) -> str:
        """Return a digest of code, settings and the inner encoder's identity."""
        return digest_of(
            [*code_of(self), repr(self.components), repr(float(self.regularisation)), self.encoder.identity()]
        )

    def settings(self) -> dict[str, Any]:
        """Return the settings, and the inner encoder's with the name of its class."""
        return {
            "encoder": named_settings(self.encoder),
            "components": self.components,
            "regularisation": self.regularisation,
        }

    def embed(self, wanted: Wanted, target: Path) -> str:
        """Write the whitened rows; the inner encoder's come from the store where they are there.

        Raises:
            UserError: If the inner embeddings are all equal, or have fewer axes than asked for.
        """
        inner = embeddings_of(self.encoder, wanted)
        rows = open_array(inner.path)
        mean, axes, variances = principal_axes(rows)
        if not len(variances):
            raise UserError(
                f"the {len(rows):,} embeddings by {type(self.encoder).__name__} are all equal; "
                "there is nothing to whiten"
            )
        if self.components is not None and self.components > len(variances):
            raise UserError(
                f"encoder.components={self.components}, but the {len(rows):,} embeddings of {rows.shape[1]:,} values "
                f"by {type(self.encoder).__name__} vary along {len(variances)} axes; ask for at most as many"
            )
        kept = slice(self.components)
        scale = np.sqrt(variances[kept] + self.regularisation * variances[0])
        projection = axes[:, kept] / scale
        whitened = new_array(target, (len(rows), projection.shape[1]), np.float32)
        for start in range(0, len(rows), BLOCK):
            whitened[start : start + BLOCK] = (rows[start : start + BLOCK] - mean) @ projection
        whitened.flush()
        fitted = np.vstack([mean, projection.T]).astype("<f8").tobytes().hex()
        return digest_of([inner.weights, fitted])


def principal_axes(rows: npt.NDArray[Any]) -> tuple[Array, Array, Array]:
    """Return the mean, the principal axes and the variances along them, the largest first.

    Args:
        rows: Shape ``(N, D)``.

    Returns:
        The mean ``(D,)``, axes in columns ``(D, R)`` and variances ``(R,)``; R is the numerical rank of the
        centred rows, at most ``min(N - 1, D)``, and 0 if all rows are equal.
    """
    count, width = rows.shape
    blocks = range(0, count, BLOCK)
    mean = sum(rows[start : start + BLOCK].sum(axis=0, dtype=np.float64) for start in blocks) / count
    square = sum(float(np.square(rows[start : start + BLOCK], dtype=np.float64).sum()) for start in blocks) / count
    if count <= width:
        # The Gram matrix has the same variances and is smaller than the covariance.
        centred = rows - mean
        values, vectors = np.linalg.eigh(centred @ centred.T / count)
    else:
        covariance = np.zeros((width, width))
        for start in blocks:
            centred = rows[start : start + BLOCK] - mean
            covariance += centred.T @ centred
        values, vectors = np.linalg.eigh(covariance / count)
    values, vectors = values[::-1], vectors[:, ::-1]
    # What float32 embeddings of equal images leave as variance is rounding.
    noise = float(np.finfo(np.float32).eps) ** 2 * square
    real = (values > noise) & (values > max(count, width) * np.finfo(np.float64).eps * values[0])
    real[min(count - 1, width) :] = False
    variances, axes = values[real], vectors[:, real]
    if count <= width:
        axes = (rows - mean).T @ axes
        axes /= np.linalg.norm(axes, axis=0)
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] if axes.size else np.ones(axes.shape[1])
    return mean, axes * np.sign(largest), variances
