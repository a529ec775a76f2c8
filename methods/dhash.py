"""Difference hash."""

from cleanbench import View
from cleanbench.hashes import BitHash, Packed, difference_bits
from cleanbench.thumbnails import reduction


class DHash(BitHash):
    """Score pairs by the share of equal bits of their 64-bit difference hashes.

    Each bit tells whether a pixel of a 9 x 8 gray thumbnail is brighter than the one left of it (Krawetz, "Kind of Like
    That", hackerfactor.com, 2013); it is `imagehash.dhash`, bit for bit. Scores are in [0, 1]. All pairs are retrieved
    exactly.

    A change of brightness or contrast leaves the hash as it is; a flip inverts it. Flat areas give zeros, so images
    that are mostly flat have many equal bits whatever they show.
    """

    def hashes(self, data: View) -> Packed:
        return difference_bits(reduction(data, "gray_9x8"))
