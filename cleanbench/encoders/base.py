"""The contract of encoders: what turns images into embeddings."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from PIL import Image

from cleanbench.core import Floats, UserError, digest_of
from cleanbench.encoders.cost import Spent
from cleanbench.images import Images
from cleanbench.store import Store
from cleanbench.view import NotApplicable, source_digest


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
        sources = [source_digest(base) for base in type(self).__mro__ if base not in Encoder.__mro__]
        return digest_of([type(self).__qualname__, *sources, json.dumps(self._decisive(), sort_keys=True)])

    def settings(self) -> dict[str, Any]:
        """Return what records say of it, as JSON values: the settings, and the names of encoders within."""
        return self._decisive()

    def _decisive(self) -> dict[str, Any]:
        """Return the settings that decide the output: not the device, the threads or where a file lies."""
        left_out = {item.name for item in fields(self) if not item.metadata.get("identity", True)}
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Make it ready: load or train weights.

        ``folder`` belongs to this encoder on these images and survives interruption: a run that was killed finds
        there what it left, so that training can go on from a checkpoint. The default suits an encoder that needs
        neither and implements `encode`.
        """
        return Fitted(self.identity(), self.encode)

    def accept(self, history: Mapping[str, Sequence[float]]) -> None:
        """Refuse embeddings that are found in the store, for what their training measured.

        Settings that decide nothing about an embedding may still say which ones are wanted.

        Raises:
            UserError: Saying why.
        """

    def embed_classes(self, classes: Sequence[str]) -> Floats:
        """Return an embedding of each class name in the space of the images, float32, shape ``(len(classes), D)``.

        Raises:
            NotApplicable: If the encoder has no text tower, as most have none.
        """
        raise NotApplicable(f"the encoder {type(self).__name__} has no text tower; encoder=clip has one")

    def class_identity(self) -> str:
        """Return a digest of all that decides `embed_classes` besides the names."""
        return self.identity()

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
        warnings: What the encoder notices about its rows, in sentences for the user; it adds to them.
        found: What rows of other encoders had cost that were found in the store.
    """

    ids: tuple[str, ...] | None
    images: Images
    pixels_digest: str
    store: Store
    warnings: list[str] = field(default_factory=list)
    found: list[Spent] = field(default_factory=list)


@dataclass(frozen=True)
class SetEncoder(Encoder):
    """An encoder that makes the rows of a whole set at once: read from a file, or made of other encoders' rows."""

    def embed(self, wanted: Wanted, target: Path) -> str:
        """Write the embeddings, finite float32 of shape ``(N, D)``, to ``target`` (``.npy``).

        Returns:
            The digest that names their weights in records.
        """
        raise UserError(f"{type(self).__name__} does not say how it embeds a set")

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Refuse: there is nothing that encodes an image by itself."""
        raise UserError(f"{type(self).__name__} embeds a set as a whole; it does not encode single images")
