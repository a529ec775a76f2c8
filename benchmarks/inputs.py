"""Data for benchmarks: clustered embeddings with labels, and small JPEG pictures."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleanbench import Floats, Ints, View
from cleanbench.core import Need, read_only
from cleanbench.images import Encoded, Images
from cleanbench.pairs import decode, pair_count

DIMENSIONS, CLASSES = 192, 114
SIDE = 256  # pixels of a picture
WRONG = 0.1  # share of labels that name another class
COPIES = 0.05  # share of rows that nearly repeat another one


@dataclass(frozen=True)
class Input:
    """What both sides of a comparison are given.

    Attributes:
        embeddings: Shape ``(N, D)``, float32.
        labels: Shape ``(N,)``.
        files: Encoded pictures; empty where they are not needed.
        pairs: Pairs ``i < j`` that are asked, shape ``(M, 2)``.
        top: How many pairs are retrieved.
    """

    embeddings: Floats
    labels: Ints
    files: tuple[bytes, ...]
    pairs: Ints
    top: int

    @property
    def view(self) -> View:
        """The same as a method sees it, with nothing derived yet."""
        data: dict[Need, Any] = {
            Need.EMBEDDINGS: read_only(self.embeddings),
            Need.LABELS: read_only(self.labels),
            Need.CLASS_NAMES: tuple(f"class {label}" for label in range(int(self.labels.max()) + 1)),
        }
        if self.files:
            data[Need.IMAGES] = Images(Encoded(self.files))
        return View(~Need(0), _size=len(self.labels), _data=data)


def clusters(images: int, dimensions: int, classes: int, seed: int = 0) -> tuple[Floats, Ints]:
    """Return embeddings that scatter around a mean per class, float32, and labels, a tenth of them wrong."""
    rng = np.random.default_rng(seed)
    own = rng.integers(classes, size=images)
    means = rng.normal(size=(classes, dimensions)).astype(np.float32)
    embeddings = means[own] + rng.normal(0, 0.7, (images, dimensions)).astype(np.float32)
    copies = rng.choice(images, round(COPIES * images), replace=False)
    embeddings[copies] = embeddings[rng.integers(images, size=len(copies))]
    embeddings[copies] += rng.normal(0, 0.02, (len(copies), dimensions)).astype(np.float32)
    wrong = rng.random(images) < WRONG
    return embeddings, np.where(wrong, rng.integers(classes, size=images), own)


@cache
def pictures(count: int) -> tuple[bytes, ...]:
    """Return JPEG files of `SIDE` x `SIDE` pixels."""
    return tuple(drawn(count, SIDE))


def drawn(count: int, side: int, seed: int = 0) -> Iterator[bytes]:
    """Yield JPEG files of smooth coloured noise, a fifth of them brighter copies of the one before."""
    rng = np.random.default_rng(seed)
    canvas: npt.NDArray[np.float64] = np.zeros((side, side, 3))
    for number in range(count):
        if number % 5 == 4:
            canvas = canvas + 6
        else:
            coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
            smooth = coarse.resize((side, side), Image.Resampling.BICUBIC)
            canvas = np.asarray(smooth) + rng.normal(0, 5, (side, side, 3))
        buffer = io.BytesIO()
        Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8)).save(buffer, format="JPEG", quality=90)
        yield buffer.getvalue()


def asked(images: int, wanted: int, seed: int = 0) -> Ints:
    """Return ``wanted`` random pairs, or all of them where there are no more."""
    total = pair_count(images)
    if wanted >= total:
        return decode(np.arange(total), images)
    codes = np.random.default_rng(seed).choice(total, wanted, replace=False)
    return decode(np.sort(codes), images)
