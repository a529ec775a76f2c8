"""Colour hash."""

from cleanbench import View
from cleanbench.hashes import BitHash, Packed
from cleanbench.thumbnails import reduction


class ColorHash(BitHash):
    """Score pairs by the share of equal bits of their 42-bit colour hashes.

    Three bits each for the share of black pixels, of gray ones, and of six hues among faint and among bright colours.
    It is `imagehash.colorhash` with its defaults, bit for bit, which names no paper for it. Scores are in [0, 1]. All
    pairs are retrieved exactly.

    Hashing takes about .75 milliseconds of CPU time per image of 256 x 256 pixels.

    It knows nothing of where the colours are: flips, rotations and most crops leave it as it is, and so do other
    subjects in the same colours. Bits of a number are not ordered, so neighbouring shares may differ in three bits.
    Gray images have few different hashes.
    """

    length = 42

    def hashes(self, data: View) -> Packed:
        return reduction(data, "colours")
