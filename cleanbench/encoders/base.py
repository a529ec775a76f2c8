"""The contract of encoders, and extraction: every image of a set through one encoder, once."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from PIL import Image

from cleanbench.core import Floats, UserError, digest_of
from cleanbench.detector import source_digest
from cleanbench.images import Images
from cleanbench.progress import progress
from cleanbench.store import Store


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
        left_out = {item.name for item in fields(self) if not item.metadata.get("identity", True)}
        decisive = {name: value for name, value in asdict(self).items() if name not in left_out}
        return digest_of([type(self).__qualname__, source_digest(type(self)), json.dumps(decisive, sort_keys=True)])

    def settings(self) -> dict[str, Any]:
        """Return what records say of it, as JSON values: the settings, and the names of encoders within."""
        return asdict(self)

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Make it ready: load or train weights; ``folder`` keeps checkpoints.

        The default suits an encoder that needs neither and implements `encode`.
        """
        return Fitted(self.identity(), self.encode)

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Return the embeddings of a batch, float32, shape ``(len(batch), D)``."""
        raise UserError(f"{type(self).__name__} encodes only what `prepare` returns")


@dataclass(frozen=True)
class Wanted:
    """A set whose embeddings are wanted.

    Attributes:
        ids: The keys of the images, in their order; None if the caller knows of none.
        images: The readable images of the set.
        pixels_digest: Identifies them.
        store: Where embeddings are kept.
    """

    ids: tuple[str, ...] | None
    images: Images
    pixels_digest: str
    store: Store


@dataclass(frozen=True)
class SetEncoder(Encoder):
    """An encoder that makes the rows of a whole set at once: read from a file, or made of other encoders' rows."""

    def embed(self, wanted: Wanted, target: Path) -> str:
        """Write the embeddings, finite float32 of shape ``(N, D)``, to ``target`` (``.npy``).

        Returns:
            The digest that names their weights in records.
        """
        raise NotImplementedError

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Refuse: there is nothing that encodes an image by itself."""
        raise UserError(f"{type(self).__name__} embeds a set as a whole; it does not encode single images")


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of a set on disk: the file, what identifies them, and the digest of the weights."""

    path: Path
    key: str
    weights: str


def embedding_key(encoder: Encoder, pixels_digest: str) -> str:
    """Return what identifies the embeddings of a set, known before anything is computed."""
    return digest_of([encoder.identity(), pixels_digest])


def extract(
    encoder: Encoder,
    images: Images,
    pixels_digest: str,
    store: Store,
    batch_size: int = 64,
    ids: tuple[str, ...] | None = None,
) -> Embeddings:
    """Encode all images, in batches, into a memory map of the store; done once per encoder and set.

    Args:
        encoder: What encodes.
        images: The readable images of the set.
        pixels_digest: Identifies them.
        store: Where the embeddings are kept.
        batch_size: How many decoded images are in memory at once.
        ids: The keys of the images, for encoders that join by them.

    Raises:
        UserError: If an embedding is not finite, naming the image.
    """
    key = embedding_key(encoder, pixels_digest)

    def fill(folder: Path) -> None:
        if isinstance(encoder, SetEncoder):
            digest = encoder.embed(Wanted(ids, images, pixels_digest, store), folder / "array.npy")
            (folder / "fitted.json").write_text(json.dumps({"digest": digest, "history": {}}))
            return
        fitted = encoder.prepare(images, folder)
        rows: np.memmap[Any, Any] | None = None
        with progress("embeddings", len(images), "image") as bar:
            for start in range(0, len(images), batch_size):
                stop = min(start + batch_size, len(images))
                encoded = np.asarray(fitted.encode([images[index] for index in range(start, stop)]), dtype=np.float32)
                finite = np.isfinite(encoded).all(axis=1)
                if not finite.all():
                    culprit = images.describe(start + int(np.argmin(finite)))
                    raise UserError(f"the embedding of {culprit} by {type(encoder).__name__} is not finite")
                if rows is None:
                    shape = (len(images), encoded.shape[1])
                    rows = open_memmap(folder / "array.npy", mode="w+", dtype=np.float32, shape=shape)
                rows[start:stop] = encoded
                bar.update(stop - start)
        (folder / "fitted.json").write_text(json.dumps({"digest": fitted.digest, "history": fitted.history}))

    folder = store.folder(f"embeddings/{type(encoder).__name__.lower()}-{key[:32]}", fill)
    return Embeddings(folder / "array.npy", key, json.loads((folder / "fitted.json").read_text())["digest"])
