"""Small reductions of images that several methods share: whichever method comes first has all of them computed.

Decoding an image costs more than any of them, so they are derived together, in one pass over the images, and found
again one by one: `reduction`.
"""

import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleanbench.view import Derivation, View

LANCZOS, BICUBIC = Image.Resampling.LANCZOS, Image.Resampling.BICUBIC
HASH_SIZE = 8  # bits along a side of a hash

# Red, green and blue in ITU-R 601 luminance, in units of 2^-15, as OpenCV rounds it.
LUMINANCE = np.array([9798, 19235, 3735])

# Kinds of pixels that `colours` counts: gray, faint, bright and between these two, each in six hues; or black.
HUES, COLOUR_BITS = 6, 3
HUE_KIND = [min(value * HUES // 255, HUES - 1) for value in range(256)]
SATURATION_KIND = [HUES * (0 if value < 85 else 1 if value < 170 else 2 if value > 170 else 3) for value in range(256)]
BLACK = 4 * HUES


def reduction(data: View, name: str, also: Mapping[str, Derivation] | None = None) -> npt.NDArray[Any]:
    """Return one of the `REDUCTIONS` of every image, read-only, ``(N, ...)``.

    What is missing of the others is computed in the same pass, for methods to come.

    Args:
        data: The images.
        name: A key of `REDUCTIONS`, or of ``also``.
        also: What else to derive in this pass, as `View.derived_together` takes it.
    """
    return data.derived_together({**REDUCTIONS, **(also or {})})[name]


class _Last(threading.local):
    """The luminance of the image that a thread reduces: several reductions of it start from there."""

    image: Image.Image | None = None
    luminance: Image.Image


_last = _Last()


def luminance_of(image: Image.Image) -> Image.Image:
    """Return an image's luminance (ITU-R 601) at its own size; of the same image again without converting it again."""
    if _last.image is not image:
        _last.luminance = image.convert("L")
        _last.image = image
    return _last.luminance


def gray(image: Image.Image, width: int, height: int, filtered: int) -> npt.NDArray[np.uint8]:
    """Return an image's luminance, resized by one of Pillow's filters, shape ``(height, width)``."""
    return np.asarray(luminance_of(image).resize((width, height), filtered))


def area_gray(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """Return the luminance of an image's colours, averaged over equal areas, shape ``(size, size)``.

    Averages are exact and rounded once, to even; so they are those of OpenCV's ``INTER_AREA``, which computes in
    single precision, but for averages that lie within its rounding of a half. A picture that is smaller than ``size``
    along a side is interpolated (bilinear) instead.
    """
    if min(image.size) < size:
        return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR).convert("L"))
    means = area_means(np.asarray(image), size).astype(np.int64)
    luminance: npt.NDArray[np.uint8] = ((means @ LUMINANCE + (1 << 14)) >> 15).astype(np.uint8)
    return luminance


def symmetric_gray(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """Return an image's luminance, averaged over equal areas, shape ``(size, size)``.

    Of a flipped or turned image it is the flipped or turned result, to the last bit, which no filter of Pillow's is:
    they round rows before columns.
    """
    return area_means(np.asarray(luminance_of(image)), size).astype(np.uint8)


def area_means(pixels: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.float64]:
    """Return the means over ``size`` x ``size`` equal areas of pixels ``(H, W)`` or ``(H, W, C)``, rounded to even.

    Pixels on a border between areas count by their shares. The sums are of whole numbers below 2^53, so they are exact
    and depend neither on the order of summation nor on that of the axes.
    """
    height, width = pixels.shape[:2]
    rows = (_shares(height, size) @ pixels.reshape(height, -1)).reshape(size, width, -1)
    sums = _shares(width, size) @ np.ascontiguousarray(rows.swapaxes(0, 1)).reshape(width, -1)
    means: npt.NDArray[np.float64] = np.rint(sums.reshape(size, size, -1) / (height * width)).swapaxes(0, 1)
    return means.reshape(size, size, *pixels.shape[2:])


@lru_cache(maxsize=256)
def _shares(length: int, parts: int) -> Any:
    """Return the share of each of ``length`` pixels in each of ``parts`` stretches, sparse, in parts of a pixel."""
    from scipy.sparse import csr_array

    starts, pixels = np.arange(parts)[:, None] * length, np.arange(length) * parts
    shared = np.minimum(starts + length, pixels + parts) - np.maximum(starts, pixels)
    return csr_array(np.maximum(shared, 0).astype(np.float64))


def luminance_spread(image: Image.Image) -> npt.NDArray[np.float64]:
    """Return the standard deviation of luminance over an image, one number in [0, 127.5]."""
    return np.asarray(np.asarray(luminance_of(image), dtype=np.float64).std())


def wavelet_bits(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the 64 bits of `imagehash.whash`, packed into 8 bytes.

    Its low Haar band is the sum over 8 x 8 blocks of a thumbnail whose side is a power of two, and what it takes away
    before is the same for all blocks. So whole numbers decide; only where the two middle sums are equal does the
    outcome depend on how it rounds, and there it is asked itself.
    """
    side = max(2 ** int(np.log2(min(image.size))), HASH_SIZE)
    thumbnail = np.asarray(luminance_of(image).resize((side, side), LANCZOS))
    block = side // HASH_SIZE
    sums = np.add.reduce(thumbnail.reshape(HASH_SIZE, block, -1), axis=1, dtype=np.int64)
    sums = sums.reshape(HASH_SIZE, HASH_SIZE, block).sum(axis=2).ravel()
    below, above = np.partition(sums, (31, 32))[31:33]
    if below == above:
        import imagehash

        return np.packbits(imagehash.whash(image).hash)
    return np.packbits(sums >= above)


def colours(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the 42 bits of `imagehash.colorhash`, packed into 8 bytes, the last 22 bits zero.

    Three bits each: the share of black pixels, of gray ones, and of six hues among the rest, twice: faint and bright.
    """
    hue, saturation, _ = image.convert("HSV").split()
    kinds = np.asarray(hue.point(HUE_KIND)) + np.asarray(saturation.point(SATURATION_KIND))
    kinds[np.asarray(luminance_of(image)) < 256 // 8] = BLACK
    counts = np.array(Image.fromarray(kinds).histogram()[: BLACK + 1])
    gray_ones, faint, bright, between = counts[:BLACK].reshape(4, HUES)
    levels = 2**COLOUR_BITS
    coloured = max(1, int(faint.sum() + bright.sum() + between.sum()))
    shares = [counts[BLACK] / kinds.size * levels, gray_ones.sum() / kinds.size * levels]
    shares.extend(np.concatenate([faint, bright]) * levels / coloured)
    numbers = np.minimum(levels - 1, np.array(shares, dtype=np.int64))
    bits = numbers[:, None] // 2 ** np.arange(COLOUR_BITS - 1, -1, -1) % 2 ** np.arange(COLOUR_BITS, 0, -1) > 0
    return np.packbits(np.pad(bits.ravel(), (0, 64 - bits.size)))


REDUCTIONS: Mapping[str, Derivation] = {
    "gray_8x8": ({"width": 8, "height": 8, "filtered": int(LANCZOS)}, gray),
    "gray_9x8": ({"width": 9, "height": 8, "filtered": int(LANCZOS)}, gray),
    "gray_32x32": ({"width": 32, "height": 32, "filtered": int(LANCZOS)}, gray),
    "gray_9x8_bicubic": ({"width": 9, "height": 8, "filtered": int(BICUBIC)}, gray),
    "gray_64x64_area": ({"size": 64}, area_gray),
    "gray_32x32_symmetric": ({"size": 32}, symmetric_gray),
    "luminance_spread": ({}, luminance_spread),
    "wavelet_bits": ({}, wavelet_bits),
    "colours": ({}, colours),
}
