"""The contract of encoders, and extraction: every image of a set through one encoder, once."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from PIL import Image

from cleanbench.core import Floats, UserError, digest_of
from cleanbench.images import Images
from cleanbench.progress import progress
from cleanbench.store import Store
from cleanbench.view import source_digest


@dataclass(frozen=True)
class Fitted:
    """An encoder that is ready to encode.

    Attributes:
        digest: Names the weights in records; for an encoder without weights, its identity.
        encode: Maps a batch of RGB images to float32 embeddings, shape ``(batch, D)``; the row of an
            image depends on that image alone.
        history: What training measured, by name; empty where nothing was trained.
    """

    digest: str
    encode: Callable[[Sequence[Image.Image]], Floats]
    history: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Encoder:
    """Turns images into embeddings; a subclass is a frozen dataclass whose fields are its settings."""

    def identity(self) -> str:
        """Return a digest of all that decides its output besides the images: code, settings, weights."""
        settings = json.dumps(asdict(self), sort_keys=True)
        sources = [source_digest(base) for base in type(self).__mro__ if base not in Encoder.__mro__]
        return digest_of([type(self).__qualname__, *sources, settings])

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Make it ready: load or train weights; ``folder`` keeps checkpoints.

        The default suits an encoder that needs neither and implements `encode`.
        """
        return Fitted(self.identity(), self.encode)

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Return the embeddings of a batch, float32, shape ``(len(batch), D)``."""
        raise UserError(f"{type(self).__name__} encodes only what `prepare` returns")


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of a set on disk: the file, what identifies them, and the digest of the weights."""

    path: Path
    key: str
    weights: str


def embedding_key(encoder: Encoder, pixels_digest: str) -> str:
    """Return what identifies the embeddings of a set, known before anything is computed."""
    return digest_of([encoder.identity(), pixels_digest])


def extract(encoder: Encoder, images: Images, pixels_digest: str, store: Store, batch_size: int = 64) -> Embeddings:
    """Encode all images, in batches, into a memory map of the store; done once per encoder and set.

    Args:
        encoder: What encodes.
        images: The readable images of the set.
        pixels_digest: Identifies them.
        store: Where the embeddings are kept.
        batch_size: How many decoded images are in memory at once.

    Raises:
        UserError: If an embedding is not finite, naming the image, or the encoder returns another shape.
    """
    key = embedding_key(encoder, pixels_digest)

    def fill(folder: Path) -> None:
        fitted = encoder.prepare(images, folder)
        rows: np.memmap[Any, Any] | None = None
        with progress("embeddings", len(images), "image") as bar:
            for start in range(0, len(images), batch_size):
                stop = min(start + batch_size, len(images))
                encoded = np.asarray(fitted.encode([images[index] for index in range(start, stop)]), dtype=np.float32)
                width = encoded.shape[-1] if rows is None else rows.shape[1]
                if encoded.shape != (stop - start, width):
                    raise UserError(
                        f"{type(encoder).__name__} returned embeddings of shape {encoded.shape} "
                        f"for {stop - start} images, expected {(stop - start, width)}"
                    )
                finite = np.isfinite(encoded).all(axis=1)
                if not finite.all():
                    culprit = images.describe(start + int(np.argmin(finite)))
                    raise UserError(f"the embedding of {culprit} by {type(encoder).__name__} is not finite")
                if rows is None:
                    shape = (len(images), width)
                    rows = open_memmap(folder / "array.npy", mode="w+", dtype=np.float32, shape=shape)
                rows[start:stop] = encoded
                bar.update(stop - start)
        (folder / "fitted.json").write_text(json.dumps({"digest": fitted.digest, "history": fitted.history}))

    folder = store.folder(f"embeddings/{type(encoder).__name__.lower()}-{key[:32]}", fill)
    return Embeddings(folder / "array.npy", key, json.loads((folder / "fitted.json").read_text())["digest"])
