"""The embeddings of several encoders side by side."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import UserError, digest_of
from cleanbench.encoders.base import Encoder, SetEncoder, Wanted
from cleanbench.encoders.nested import code_of, embeddings_of, named_settings
from cleanbench.store import new_array, open_array

# Rows that are in memory at a time.
BLOCK = 4096


@dataclass(frozen=True)
class Concat(SetEncoder):
    """Puts the L2-normalised embeddings of several encoders side by side.

    With weights w, cosine similarity becomes the mean of the encoders' cosine similarities, weighted by w².

    Attributes:
        encoders: By name, at least one; they are put side by side in the order of their names.
        weights: Factor of an encoder's normalised embedding, by name; 1 where none is given.
    """

    encoders: Mapping[str, Encoder]
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If there is no encoder, or a weight is not positive or without its encoder.
        """
        for name, encoder in self.encoders.items():
            if not isinstance(encoder, Encoder):
                raise UserError(f"encoder.encoders.{name} is a {type(encoder).__name__}, expected an encoder")
        if not self.encoders:
            raise UserError("encoder.encoders is empty; name at least one")
        for name, weight in self.weights.items():
            if name not in self.encoders:
                raise UserError(f"encoder.weights.{name} has no encoder; there are {', '.join(sorted(self.encoders))}")
            number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
            if not (number and math.isfinite(weight) and weight > 0):
                raise UserError(f"encoder.weights.{name}={weight!r} must be a positive number")

    def identity(self) -> str:
        """Return a digest of code, weights and the encoders' identities."""
        parts = [part for name, weight in self._weighted() for part in (self.encoders[name].identity(), repr(weight))]
        return digest_of([*code_of(self), *parts])

    def settings(self) -> dict[str, Any]:
        """Return the weights, and the encoders with the names of their classes."""
        return {
            "encoders": {name: named_settings(self.encoders[name]) for name, _ in self._weighted()},
            "weights": dict(self._weighted()),
        }

    def embed(self, wanted: Wanted, target: Path) -> str:
        """Write the rows, shape ``(N, D₁ + D₂ + …)``; the encoders' own come from the store where they are there.

        Raises:
            UserError: If an embedding is zero, naming the image.
        """
        inner = [(name, weight, embeddings_of(self.encoders[name], wanted)) for name, weight in self._weighted()]
        arrays = [open_array(embeddings.path) for _, _, embeddings in inner]
        shape = (len(wanted.images), sum(array.shape[1] for array in arrays))
        rows = new_array(target, shape, np.float32)
        for start in range(0, shape[0], BLOCK):
            column = 0
            for (name, weight, _), array in zip(inner, arrays, strict=True):
                block = array[start : start + BLOCK].astype(np.float64)
                norms = np.linalg.norm(block, axis=1, keepdims=True)
                if not norms.all():
                    culprit = wanted.images.describe(start + int(np.argmin(norms)))
                    raise UserError(f"the embedding of {culprit} by {name} is zero; it has no direction to normalise")
                rows[start : start + BLOCK, column : column + array.shape[1]] = weight * block / norms
                column += array.shape[1]
        rows.flush()
        return digest_of(part for _, weight, embeddings in inner for part in (embeddings.weights, repr(weight)))

    def _weighted(self) -> list[tuple[str, float]]:
        return [(name, float(self.weights.get(name, 1.0))) for name in sorted(self.encoders)]
