"""Perceptual hash."""

from cleanbench import View
from cleanbench.hashes import BitHash, Packed, frequency_bits
from cleanbench.thumbnails import reduction


class PHash(BitHash):
    """Score pairs by the share of equal bits of their 64-bit perceptual hashes.

    The hash compares the 8 x 8 lowest frequencies of a 32 x 32 gray thumbnail with their median (Zauner, 2010,
    "Implementation and benchmarking of perceptual image hash functions"); it is `imagehash.phash`, bit for bit. Scores
    are in [0, 1]. All pairs are retrieved exactly.

    There are only 65 different scores, so a ranking of many pairs is mostly ties. Flips and rotations change the
    hash beyond recognition (see `invariant_hash`), and flat images share hashes without showing the same.
    """

    def hashes(self, data: View) -> Packed:
        return frequency_bits(reduction(data, "gray_32x32"))
