"""Perceptual hash."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleanbench import Detector, Floats, Ints, Need, View
from cleanbench.neighbours import hamming


class PHash(Detector):
    """Score pairs by the share of equal bits of their 64-bit perceptual hashes.

    The hash compares the 8 x 8 lowest frequencies of a 32 x 32 gray thumbnail with their median (Zauner, 2010,
    "Implementation and benchmarking of perceptual image hash functions"; `imagehash.phash`). Scores are in [0, 1].

    There are only 65 different scores, so a ranking of many pairs is mostly ties. Flips and rotations change the
    hash beyond recognition, and flat images share hashes without showing the same.
    """

    needs = Need.IMAGES

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        hashes = data.derived("phash", {}, phash)
        return 1 - hamming(hashes, pairs) / (8 * hashes.shape[1])


def phash(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the 64 bits of an image's perceptual hash, packed into 8 bytes."""
    import imagehash

    return np.packbits(imagehash.phash(image).hash)
