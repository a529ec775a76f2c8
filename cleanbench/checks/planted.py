"""Small data with planted faults: images, embeddings and labels in which every kind of method can find them."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleanbench.core import Floats, GroundTruth, Ints, Issue
from cleanbench.pairs import decode, encode, pair_count
from cleanbench.view import View

CLASSES = 6
OFF_TOPIC = 1 / 20  # share of all images
COPIES = 1 / 10  # share of all images that are a copy of another one
FLIPPED = 0.15  # share of the labels of ordinary images
CLEAN_PAIRS = 10  # per pair of a copy and its original; half of them within a class
SIDE = 48  # pixels
DIMENSIONS = 32


@dataclass(frozen=True, eq=False)
class Planted:
    """Data with known faults.

    Attributes:
        view: Images, embeddings, labels, class names and calibration positions of all images.
        truths: What is faulty, by issue. Off-topic judges every image, label error leaves out the off-topic ones.
    """

    view: View
    truths: Mapping[Issue, GroundTruth]


def planted(images: int = 200, seed: int = 0) -> Planted:
    """Make a data set with planted faults that images *and* embeddings show.

    - Ordinary images are smooth and coloured, alike within a class; embeddings scatter around a class mean.
    - Off-topic images are high-contrast patterns; their embeddings are long and at right angles to
      everything else, each other included, because a cluster of foreign images is no outlier.
    - A copy is re-encoded, a little brighter or darker; its embedding is nearly its original's.
    - A label error is an ordinary image, neither copy nor original, with the label of another class.

    Args:
        images: How many, from 60 to 500 (so that there are as many right angles as needed).
        seed: Another seed makes other data of the same kind.

    Raises:
        ValueError: If ``images`` is out of range.
    """
    if not 60 <= images <= 500:
        raise ValueError(f"planted data has 60 to 500 images, not {images}")
    rng = np.random.default_rng(seed)
    foreign, copies = round(images * OFF_TOPIC), round(images * COPIES)
    ordinary = images - foreign - copies
    classes = np.arange(ordinary) % CLASSES
    originals = rng.choice(ordinary, copies, replace=False)
    # Rows so far: ordinary, copies, foreign. They are shuffled at the end.
    own = np.concatenate([classes, classes[originals], rng.integers(CLASSES, size=foreign)])
    eligible = np.setdiff1d(np.arange(ordinary), originals)
    flipped = rng.choice(eligible, round(ordinary * FLIPPED), replace=False)
    labels = own.copy()
    labels[flipped] = (own[flipped] + rng.integers(1, CLASSES, size=len(flipped))) % CLASSES

    order = rng.permutation(images)
    place = np.argsort(order)
    pictures = _pictures(classes, originals, foreign, rng)
    axes = _axes(rng)
    embeddings = _embeddings(axes, classes, originals, foreign, rng)
    view = View.from_arrays(
        images=[pictures[row] for row in order],
        embeddings=_frozen(embeddings[order]),
        labels=_frozen(labels[order]),
        classes=[f"class {index}" for index in range(CLASSES)],
        class_embeddings=_frozen((axes[:CLASSES] * 4).astype(np.float32)),
        calibration=_frozen(np.sort(place[np.setdiff1d(eligible, flipped)[:: CLASSES + 1]])),
    )
    pairs, same = _pairs(place[originals], place[ordinary : ordinary + copies], own[order], rng)
    inside = place[: ordinary + copies]
    ids = [f"{position:03d}" for position in range(images)]
    truths = {
        Issue.OFF_TOPIC: GroundTruth.of(
            Issue.OFF_TOPIC, ids, np.arange(images), order >= ordinary + copies, kind="synthetic"
        ),
        Issue.NEAR_DUPLICATE: GroundTruth.of(Issue.NEAR_DUPLICATE, ids, pairs, same, kind="synthetic"),
        Issue.LABEL_ERROR: GroundTruth.of(
            Issue.LABEL_ERROR, ids, inside, np.isin(inside, place[flipped]), kind="synthetic"
        ),
    }
    return Planted(view, MappingProxyType(truths))


def class_embeddings(classes: Ints, rng: np.random.Generator) -> Floats:
    """Return embeddings that scatter around a mean per class, float32, shape ``(len(classes), 32)``."""
    return _around(_axes(rng)[classes] * 4, rng).astype(np.float32)


def _embeddings(axes: Floats, classes: Ints, originals: Ints, foreign: int, rng: np.random.Generator) -> Floats:
    ordinary = _around(axes[classes] * 4, rng)
    copied = ordinary[originals] + rng.normal(0, 0.02, (len(originals), DIMENSIONS))
    outlying = axes[CLASSES : CLASSES + foreign] * rng.uniform(12, 18, (foreign, 1))
    return np.concatenate([ordinary, copied, outlying]).astype(np.float32)


def _axes(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return directions at right angles to each other that are no coordinate axes, as rows."""
    orthogonal: npt.NDArray[np.float64] = np.linalg.qr(rng.normal(size=(DIMENSIONS, DIMENSIONS))).Q
    return orthogonal


def _around(means: Floats, rng: np.random.Generator) -> Floats:
    return means + rng.normal(0, 0.4, means.shape)


def _pictures(classes: Ints, originals: Ints, foreign: int, rng: np.random.Generator) -> list[npt.NDArray[np.uint8]]:
    motifs = [_smooth(3, 70, rng) for _ in range(CLASSES)]
    ordinary = [128 + motifs[index] + _smooth(6, 50, rng) + rng.normal(0, 3, (SIDE, SIDE, 3)) for index in classes]
    pictures = [_pixels(values) for values in ordinary]
    copies = [_encoded_again(pictures[row], rng.uniform(-8, 8)) for row in originals]
    return [*pictures, *copies, *(_pattern(rng) for _ in range(foreign))]


def _smooth(cells: int, amplitude: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a smooth random colour field of a given amplitude around 0."""
    coarse = rng.uniform(0, 255, (cells, cells, 3)).astype(np.uint8)
    fine = np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float64)
    return (fine - 127.5) / 127.5 * amplitude


def _encoded_again(picture: npt.NDArray[np.uint8], brighter: float) -> npt.NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(_pixels(picture + brighter)).save(buffer, format="JPEG", quality=75)
    return np.asarray(Image.open(buffer))


def _pattern(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return a slanted high-contrast board in two colours, no two of them alike."""
    angle, width, height = rng.uniform(0, np.pi), rng.uniform(3, 10), rng.uniform(3, 10)
    y, x = np.mgrid[:SIDE, :SIDE]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    board = (np.floor(along / width) + np.floor(across / height)) % 2
    dark, light = rng.uniform(0, 30, 3), rng.uniform(225, 255, 3)
    return _pixels(np.where(board[..., None] > 0, light, dark))


def _pixels(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    pixels: npt.NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels


def _pairs(
    originals: Ints, copies: Ints, classes: Ints, rng: np.random.Generator
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return the pairs of copies and clean pairs, half of these within a class, and which are which."""
    count = len(classes)
    same = np.sort(np.stack([originals, copies], axis=1), axis=1)
    every = decode(np.setdiff1d(np.arange(pair_count(count)), encode(same, count)), count)
    within = classes[every[:, 0]] == classes[every[:, 1]]
    wanted = len(same) * CLEAN_PAIRS // 2
    clean = [rng.choice(np.flatnonzero(kind), wanted, replace=False) for kind in (within, ~within)]
    pairs = np.concatenate([same, every[np.concatenate(clean)]])
    return pairs, np.arange(len(pairs)) < len(same)


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array on memory that cannot be made writeable again, like the files of a run."""
    return np.frombuffer(np.ascontiguousarray(array).tobytes(), dtype=array.dtype).reshape(array.shape)
