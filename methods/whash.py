"""Wavelet hash."""

from cleanbench import View
from cleanbench.hashes import BitHash, Packed
from cleanbench.thumbnails import reduction


class WHash(BitHash):
    """Score pairs by the share of equal bits of their 64-bit wavelet hashes.

    Each bit tells whether one of 8 x 8 coefficients, the low band of a Haar wavelet transform, exceeds their median. It
    is `imagehash.whash` with its defaults, bit for bit, which names no paper for it. The low band of this wavelet holds
    nothing but the means of blocks, so the hash differs from `ahash` in its threshold and its thumbnail alone. Scores
    are in [0, 1]. All pairs are retrieved exactly.

    Hashing takes about .07 milliseconds of CPU time per image of 256 x 256 pixels, and 2 where the two middle
    coefficients are equal, since imagehash itself is asked then.

    Where a large part of an image has one colour, half of the bits compare equal values and depend on rounding.
    """

    def hashes(self, data: View) -> Packed:
        return reduction(data, "wavelet_bits")
