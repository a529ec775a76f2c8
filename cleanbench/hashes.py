"""Bits of images and their Hamming distances: hashes of shared thumbnails, and all pairs of least distance.

Hashes are packed as `numpy.packbits` packs them, shape ``(N, bytes)``. The distance of a pair is the number of bits
that differ or, where an image has several forms (flipped, turned), the least one over the forms of one of them.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import Floats, Ints, Issue, Need, Ranking
from cleanbench.detector import Detector
from cleanbench.neighbours import hamming
from cleanbench.pairs import Best, pair_count
from cleanbench.progress import progress
from cleanbench.thumbnails import HASH_SIZE
from cleanbench.view import View

Packed = npt.NDArray[np.uint8]

BLOCK = 1 << 17  # pairs compared at once: their words stay in the processor's cache
IMAGES = 1024  # transformed at once
SCALE = 1 << 12  # of cosines as whole numbers: products with bytes and their sums stay far below 2^53


class BitHash(Detector):
    """A method that scores pairs by the share of equal bits of a hash; a subclass says which hash.

    Attributes:
        length: How many bits the hash has; what pads it to whole bytes is equal for all images.
    """

    needs = Need.IMAGES
    length: int = HASH_SIZE**2

    @abstractmethod
    def hashes(self, data: View) -> Packed:
        """Return the hash of every image, packed, ``(N, bytes)``."""

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        """Return the share of equal bits, in [0, 1], shape ``(M,)``."""
        return 1 - hamming(self.hashes(data), pairs) / self.length

    def retrieve(self, data: View, limit: int) -> Ranking:
        """Return the pairs of most equal bits, exactly; ties by position."""
        pairs, distances = closest_pairs(self.hashes(data), limit)
        return Ranking(Issue.NEAR_DUPLICATE, pairs, 1 - distances / self.length)


def average_bits(thumbnails: npt.NDArray[np.uint8]) -> Packed:
    """Return which pixels are brighter than the mean of their thumbnail ``(N, 8, 8)``: `imagehash.average_hash`."""
    pixels = thumbnails.reshape(len(thumbnails), -1).astype(np.int32)
    return np.packbits(pixels * pixels.shape[1] > pixels.sum(axis=1, keepdims=True), axis=1)


def difference_bits(thumbnails: npt.NDArray[np.uint8]) -> Packed:
    """Return which pixels are brighter than those left of them, of thumbnails ``(N, 8, 9)``: `imagehash.dhash`."""
    brighter = thumbnails[:, :, 1:] > thumbnails[:, :, :-1]
    return np.packbits(brighter.reshape(len(thumbnails), -1), axis=1)


def frequency_bits(thumbnails: npt.NDArray[np.uint8]) -> Packed:
    """Return which of the 8 x 8 lowest frequencies exceed their median, of ``(N, 32, 32)``: `imagehash.phash`.

    Transforms as SciPy does one by one, to the last bit: in flat pictures its rounding decides.
    """
    from scipy.fft import dct

    bits = np.empty((len(thumbnails), HASH_SIZE**2 // 8), dtype=np.uint8)
    for block in _blocks(len(thumbnails)):
        columns = dct(thumbnails[block].astype(np.float64), axis=1)[:, :HASH_SIZE]
        lowest = dct(columns, axis=2)[:, :, :HASH_SIZE].reshape(len(columns), -1)
        bits[block] = np.packbits(lowest > np.median(lowest, axis=1, keepdims=True), axis=1)
    return bits


def symmetric_bits(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the signs of the 8 x 8 lowest frequencies but the mean, of all flips and quarter turns of an image.

    A flip changes the sign of every other frequency and a transposition swaps them, so the eight forms come from one
    transform. It is one of whole numbers, exact, and each frequency gives two bits: whether it is positive and whether
    it is negative. Thus the forms of a flipped or turned thumbnail are those of the thumbnail in another order, and the
    distance of two images is the same if both are flipped or turned alike: zeros, which flat and symmetric pictures
    have many of, count as half a difference from either sign.

    Args:
        thumbnails: Shape ``(N, 32, 32)``.

    Returns:
        126 bits of each form of each image, packed, ``(8, N, 16)``; the image as it is comes first.
    """
    size = thumbnails.shape[1]
    frequencies = np.arange(HASH_SIZE)[:, None]
    waves = np.rint(SCALE * np.cos(np.pi * frequencies * (2 * np.arange(size // 2) + 1) / (2 * size)))
    odd = (-1.0) ** frequencies
    cosines = np.concatenate([waves, odd * waves[:, ::-1]], axis=1)
    bits = np.empty((8, len(thumbnails), 16), dtype=np.uint8)
    for block in _blocks(len(thumbnails)):
        lowest = cosines @ thumbnails[block].astype(np.float64) @ cosines.T
        forms = (
            turned * down * across
            for turned in (lowest, lowest.swapaxes(1, 2))
            for down in (1.0, odd)
            for across in (1.0, odd.T)
        )
        for form, values in enumerate(forms):
            signs = values.reshape(len(values), -1)[:, 1:]
            bits[form, block] = np.packbits(np.concatenate([signs > 0, signs < 0], axis=1), axis=1)
    return bits


def least_distances(forms: npt.NDArray[np.uint8], pairs: Ints) -> Ints:
    """Return the least distance of each pair ``(M, 2)`` over the ``forms`` ``(F, N, bytes)`` of its second image."""
    # Forms one after the other are rows like any other; the first image of a pair is as it is.
    rows = forms.reshape(-1, forms.shape[2])
    steps = np.arange(len(forms)) * forms.shape[1]
    least: Ints = np.min([hamming(rows, pairs + np.array([0, step])) for step in steps], axis=0)
    return least


def closest_pairs(packed: Packed, limit: int, forms: npt.NDArray[np.uint8] | None = None) -> tuple[Ints, Ints]:
    """Return the ``limit`` of all pairs whose distance is least, shape ``(limit, 2)``, and the distances; least first.

    Exact; ties are ordered by (i, j). Every pair is compared, but memory is that of a block and of a few times
    ``limit`` pairs.

    Args:
        packed: The bits of each image, ``(N, bytes)``.
        limit: How many pairs; fewer if there are no more.
        forms: The bits of each form of each image, ``(F, N, bytes)``, if distances are the least over them.
    """
    words = _words(packed)
    facing = _words(packed[None] if forms is None else forms)
    count, bits = len(words), 8 * packed.shape[1]
    limit = min(limit, pair_count(count))
    if limit < 1:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)
    dtype = np.dtype(np.uint8 if bits < 255 else np.uint16)
    best, start, within = Best(limit), 0, bits + 1
    with progress("pairs", pair_count(count), "pair") as bar:
        while start < count - 1 and within > 0:
            stop = min(count, start + max(1, BLOCK // (count - start)))
            distances = _block(words[start:stop], facing[:, start:], dtype)
            # The diagonal is no pair, and what lies left of it was seen from the other side.
            distances[np.tril_indices(stop - start)] = bits + 1
            found = np.flatnonzero(distances < within)
            rows, columns = np.divmod(found, distances.shape[1])
            best.add((rows + start) * count + columns + start, -distances.ravel()[found].astype(np.float64))
            within = within if best.bound is None else round(-best.bound)
            bar.update(pair_count(count - start) - pair_count(count - stop))
            start = stop
    codes, scores = best.ordered()
    return np.stack(np.divmod(codes, count), axis=1), (-scores).astype(np.int64)


def _block(words: npt.NDArray[np.uint64], facing: npt.NDArray[np.uint64], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return the distances of images ``(B, W)`` to all forms of images ``(F, M, W)``, the least ones, ``(B, M)``."""
    shape = (len(words), facing.shape[1])
    different, counted = np.empty(shape, dtype=np.uint64), np.empty(shape, dtype=np.uint8)
    least = total = np.empty(shape, dtype=dtype)
    for form, others in enumerate(facing):
        if form == 1:
            total = np.empty(shape, dtype=dtype)
        for word in range(words.shape[1]):
            np.bitwise_xor(words[:, None, word], others[None, :, word], out=different)
            if word == 0:
                np.bitwise_count(different, out=total if dtype == np.uint8 else counted)
                if dtype != np.uint8:
                    total[...] = counted
            else:
                total += np.bitwise_count(different, out=counted)
        if form:
            np.minimum(least, total, out=least)
    return least


def _words(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Return bytes ``(..., bytes)`` as words of 64 bits ``(..., W)``, padded with zeros."""
    size = -(-packed.shape[-1] // 8) * 8
    padded = np.zeros((*packed.shape[:-1], size), dtype=np.uint8)
    padded[..., : packed.shape[-1]] = packed
    return padded.view(np.uint64)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + IMAGES, count)) for start in range(0, count, IMAGES))
