"""Tiles cut from photographs that come with scikit-image and scikit-learn; no two share a pixel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleanbench.core import Floats
from cleanbench.datasets.edits import Pixels

SIDE = 64

# Rec. 601, as Pillow's conversion to gray.
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

# A tile must show something: flat ones look like any other flat one.
LEAST_SPREAD = 12.0  # standard deviation of luminance, levels
LEAST_EDGE = 1.01  # mean step between neighbouring pixels, levels
BLACK, MOST_BLACK = 8.0, 0.35  # at most this share of pixels may be darker than this level

# Beyond this correlation, at any small shift or mirrored, one of two tiles is left out: a pair that was
# not planted but looks planted would make the truth wrong.
LOOKALIKE = 0.86
GRID, WINDOW, REACH, STEP = 32, 24, 4, 2  # tiles are compared at 32x32, 24x24 windows, shifts up to 4


@dataclass(frozen=True)
class Photograph:
    """A photograph that ships inside scikit-image or scikit-learn.

    Attributes:
        label: The class of its tiles.
        file: Name of the picture in its package.
        cell: Side of a tile in the photograph, in pixels; enlarged or reduced to `SIDE`.
        licence: As its package states it.
        credit: What is seen and by whom.
    """

    label: str
    file: str
    cell: int
    licence: str
    credit: str


_CC0 = "CC0"
_FREE = "no known copyright restrictions"
_BY = "CC BY 2.0"

PHOTOGRAPHS = (
    Photograph("astronaut", "astronaut", 48, "public domain", "Eileen Collins, NASA"),
    Photograph("cameraman", "camera", 48, _CC0, "Lav Varshney"),
    Photograph("cat", "chelsea", 36, _CC0, "Chelsea the cat, Stefan van der Walt"),
    Photograph("coffee", "coffee", 48, _CC0, "Rachel Michetti, courtesy of Pikolo Espresso Bar"),
    Photograph("flower", "flower.jpg", 36, _BY, "flickr.com/photos/vultilion/6056698931"),
    Photograph("galaxies", "hubble_deep_field", 72, "public domain", "Hubble eXtreme Deep Field, NASA"),
    Photograph("grass", "grass", 48, _CC0, "linolafett, DeviantArt"),
    Photograph("gravel", "gravel", 48, _CC0, "CC0Textures"),
    Photograph("retina", "retina", 72, _CC0, "Mikael Häggström, WikiJournal of Medicine 2014"),
    Photograph("rocket", "rocket", 36, "public domain", "launch of DSCOVR, SpaceX"),
    Photograph("temple", "china.jpg", 48, _BY, "danielbuechele, flickr.com/photos/danielbuechele/6061409035"),
    Photograph("tissue", "immunohistochemistry", 48, _FREE, "colonic glands, CMMI"),
)


@dataclass(frozen=True, eq=False)
class Tile:
    """A square of a photograph.

    Attributes:
        label: The photograph's class.
        row: Row of its cell in the grid over the photograph.
        column: Column of its cell.
        box: Where it lies in the photograph: left, upper, right, lower; in pixels.
        pixels: RGB, shape ``(SIDE, SIDE, 3)``.
    """

    label: str
    row: int
    column: int
    box: tuple[int, int, int, int]
    pixels: Pixels

    def touches(self, other: "Tile") -> bool:
        """Whether the two lie side by side, or corner to corner, in one photograph."""
        return self.label == other.label and (max(abs(self.row - other.row), abs(self.column - other.column)) == 1)


def read(file: str) -> Pixels:
    """Return a picture of scikit-learn (with suffix) or scikit-image (without), RGB."""
    if file.endswith(".jpg"):
        from sklearn.datasets import load_sample_image

        return np.asarray(load_sample_image(file), dtype=np.uint8)
    import skimage.data

    picture: npt.NDArray[Any] = getattr(skimage.data, file)()
    if picture.dtype == bool:
        picture = picture * np.uint8(255)
    return np.ascontiguousarray(picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2))


def cut(photographs: Sequence[Photograph] = PHOTOGRAPHS) -> list[Tile]:
    """Return the tiles of photographs that show something and resemble no earlier one."""
    tiles = [tile for photograph in photographs for tile in _grid(photograph)]
    gray = np.stack([luminance(tile.pixels) for tile in tiles])
    spread = gray.std(axis=(1, 2))
    edge = (np.abs(np.diff(gray, axis=1)).mean((1, 2)) + np.abs(np.diff(gray, axis=2)).mean((1, 2))) / 2
    black = (gray < BLACK).mean((1, 2))
    shown = np.flatnonzero((spread >= LEAST_SPREAD) & (edge >= LEAST_EDGE) & (black < MOST_BLACK))
    alike = resemblance(gray[shown]) > LOOKALIKE
    kept: list[int] = []
    for index in range(len(shown)):
        if not alike[index, kept].any():
            kept.append(index)
    return [tiles[shown[index]] for index in kept]


def luminance(pixels: Pixels) -> Floats:
    """Return luminance, float32 in [0, 255], without the last axis of ``pixels``."""
    return np.asarray(pixels.astype(np.float32) @ LUMA)


def resemblance(gray: Floats) -> Floats:
    """Return how much each two images resemble each other at any small shift, mirrored or not.

    The largest correlation of luminance over shifts of up to an eighth of the side, with and without a
    left-right flip.

    Args:
        gray: Luminance, shape ``(N, SIDE, SIDE)``.

    Returns:
        Correlations, symmetric, shape ``(N, N)``; -1 on the diagonal.
    """
    factor = gray.shape[1] // GRID
    small = gray.reshape(len(gray), GRID, factor, GRID, factor).mean((2, 4))
    start = (GRID - WINDOW) // 2
    centre = _standard(small[:, start : start + WINDOW, start : start + WINDOW])
    best = np.full((len(gray), len(gray)), -1, dtype=np.float32)
    for turned in (small, small[:, :, ::-1], small[:, ::-1], small[:, ::-1, ::-1]):
        for down in range(start - REACH, start + REACH + 1, STEP):
            for right in range(start - REACH, start + REACH + 1, STEP):
                window = turned[:, down : down + WINDOW, right : right + WINDOW]
                np.maximum(best, centre @ _standard(window).T, out=best)
    best = np.maximum(best, best.T)
    np.fill_diagonal(best, -1)
    return best


def _standard(windows: Floats) -> Floats:
    rows = windows.reshape(len(windows), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6))


def _grid(photograph: Photograph) -> list[Tile]:
    picture = read(photograph.file)
    height, width = picture.shape[:2]
    cell = photograph.cell
    top, left = height % cell // 2, width % cell // 2
    tiles = []
    for row in range(height // cell):
        for column in range(width // cell):
            upper, near = top + row * cell, left + column * cell
            square = Image.fromarray(picture[upper : upper + cell, near : near + cell])
            resized = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
            box = (near, upper, near + cell, upper + cell)
            tiles.append(Tile(photograph.label, row, column, box, resized))
    return tiles
