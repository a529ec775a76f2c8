"""Perceptual hash of the CleanPatrick detector class."""

import numpy as np
from PIL import Image

from cleanbench import View
from cleanbench.hashes import BitHash, Packed, frequency_bits
from cleanbench.thumbnails import LANCZOS, reduction


class PHashReference(BitHash):
    """Score pairs by the share of equal bits of the perceptual hashes of 9 x 8 gray thumbnails.

    The pHash detector class of the CleanPatrick code, whose numbers this reproduces: an image is first shrunk to 9 x 8
    pixels (bicubic), and `imagehash.phash` enlarges that to 32 x 32. Its other script hashes whole images, as `phash`
    does; the two differ in about half of the distances. Scores are in [0, 1]. All pairs are retrieved exactly.

    The thumbnail holds no more than the frequencies that the hash compares, so this sees less than `phash`. Ties, flips
    and flat images are as there.
    """

    def hashes(self, data: View) -> Packed:
        return reference_bits(reduction(data, "gray_9x8_bicubic"))


def reference_bits(thumbnails: Packed) -> Packed:
    """Return the packed hashes of gray thumbnails ``(N, 8, 9)``."""
    enlarged = np.empty((len(thumbnails), 32, 32), dtype=np.uint8)
    for position, thumbnail in enumerate(thumbnails):
        enlarged[position] = np.asarray(Image.fromarray(thumbnail).resize((32, 32), LANCZOS))
    return frequency_bits(enlarged)
