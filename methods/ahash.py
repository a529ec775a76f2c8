"""Average hash."""

from cleanbench import View
from cleanbench.hashes import BitHash, Packed, average_bits
from cleanbench.thumbnails import reduction


class AHash(BitHash):
    """Score pairs by the share of equal bits of their 64-bit average hashes.

    Each bit tells whether a pixel of an 8 x 8 gray thumbnail is brighter than the thumbnail's mean (Krawetz, "Looks
    Like It", hackerfactor.com, 2011); it is `imagehash.average_hash`, bit for bit. Scores are in [0, 1]. All pairs are
    retrieved exactly.

    It sees where an image is bright and where dark, and nothing else: in a set of centred objects on plain ground many
    different images share their hash.
    """

    def hashes(self, data: View) -> Packed:
        return average_bits(reduction(data, "gray_8x8"))
