"""Structural similarity of gray thumbnails, and a short description of each that finds similar ones."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cleanbench.core import Floats

WINDOW = 7
AREA = WINDOW**2
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
STRIDE = 8  # pixels between those that `local_structure` keeps along each axis
IMAGES = 256  # described at once


def ssim(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Floats:
    """Return the mean structural similarity of images ``(M, H, W)`` with their partners, shape ``(M,)``.

    In single precision from the windows' means and covariances on: scores are right to about 1e-7.
    """
    a, b = first.astype(np.int32), second.astype(np.int32)
    # Sums over a window are whole numbers below 2^31, so variances lose nothing to cancellation.
    sum_a, sum_b = window_sums(a), window_sums(b)
    spread, shared = AREA * window_sums(a * a + b * b), AREA * window_sums(a * b)
    product, squares = sum_a * sum_b, sum_a * sum_a + sum_b * sum_b
    spread -= squares
    shared -= product
    similarity = _term(product, 2, C1)
    similarity *= _term(shared, 2, C2)
    lengths = _term(squares, 1, C1)
    lengths *= _term(spread, 1, C2)
    similarity /= lengths
    means: Floats = similarity.reshape(len(similarity), -1).mean(axis=1, dtype=np.float64)
    return means


def window_sums(images: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the sum over the window around each pixel, the image mirrored at its borders, same shape."""
    height, width = (np.pad(np.arange(size), WINDOW // 2, mode="reflect") for size in images.shape[1:])
    rows = _sevens(images[:, height].swapaxes(0, 1)).swapaxes(0, 1)
    return np.moveaxis(_sevens(np.moveaxis(rows[:, :, width], 2, 0)), 0, 2)


def _sevens(values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the sums of seven successive ones along the first axis, in four additions instead of six."""
    count = len(values) - WINDOW + 1
    twos = values[:-1] + values[1:]
    sums = twos[:count] + twos[2 : count + 2]
    sums += twos[4 : count + 4]
    sums += values[6:]
    return sums


def _term(numbers: npt.NDArray[np.int32], factor: int, constant: float) -> npt.NDArray[np.float32]:
    term = numbers.astype(np.float32)
    term *= np.float32(factor / AREA**2)
    term += np.float32(constant)
    return term


def local_structure(thumbnails: npt.NDArray[np.uint8]) -> Floats:
    """Return descriptions whose cosine is about the structural similarity of thumbnails ``(N, H, W)``, ``(N, D)``.

    With m the mean and v the variance around a pixel x, the products of (x - m, sqrt(C2 / 2)) / sqrt(v + C2 / 2) of
    two images sum to the term of Wang et al. for contrast and structure, but with the geometric mean of the two
    variances in the place of the arithmetic one. Every eighth pixel along each axis is kept; brightness is left out.
    """
    described = [_structure(thumbnails[block]) for block in _blocks(len(thumbnails))]
    return np.concatenate(described) if described else np.zeros((0, 1), dtype=np.float32)


def _structure(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    pixels = thumbnails.astype(np.int32)
    kept = (slice(None), slice(STRIDE // 2, None, STRIDE), slice(STRIDE // 2, None, STRIDE))
    sums, squares = window_sums(pixels)[kept], window_sums(pixels * pixels)[kept]
    scale = np.sqrt((AREA * squares - sums * sums) / AREA**2 + C2 / 2)
    parts = [(pixels[kept] - sums / AREA) / scale, np.sqrt(C2 / 2) / scale]
    return np.concatenate([part.reshape(len(pixels), -1) for part in parts], axis=1).astype(np.float32)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + IMAGES, count)) for start in range(0, count, IMAGES))
