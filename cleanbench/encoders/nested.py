"""Encoders within encoders: their embeddings come through the store, their names reach keys and records."""

from typing import Any

from cleanbench.encoders.base import Encoder, Wanted
from cleanbench.encoders.extraction import Embeddings, extract
from cleanbench.view import source_digest


def embeddings_of(encoder: Encoder, wanted: Wanted) -> Embeddings:
    """Return the embeddings of a set by an encoder within another: computed once, shared with all who want them."""
    embeddings = extract(encoder, wanted.images, wanted.pixels_digest, wanted.store, ids=wanted.ids)
    wanted.warnings.extend(embeddings.warnings)
    if embeddings.spent is not None and not embeddings.computed:
        wanted.found.append(embeddings.spent)
    return embeddings


def code_of(encoder: Encoder) -> tuple[str, str]:
    """Return what identifies an encoder's code."""
    return type(encoder).__qualname__, source_digest(type(encoder))


def named_settings(encoder: Encoder) -> dict[str, Any]:
    """Return an encoder's settings and, as ``kind``, its class."""
    return {"kind": type(encoder).__name__, **encoder.settings()}
