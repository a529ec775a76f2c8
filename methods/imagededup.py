"""imagededup."""

from importlib.metadata import version

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleanbench import Detector, Floats, Ints, Need, UserError, View
from cleanbench.neighbours import hamming

HASHES = {"ahash": "AHash", "dhash": "DHash", "phash": "PHash", "whash": "WHash"}


class ImageDedup(Detector):
    """Score pairs by the share of equal bits of a 64-bit hash of imagededup.

    idealo's imagededup (Jain, Lennan, John and Tran, 2019, https://github.com/idealo/imagededup, Apache-2.0). Each
    image is hashed by its `encode_image`, which is given the decoded pixels, so no files are exported. Scores are
    in [0, 1]; where imagededup lists duplicates up to ``max_distance_threshold`` bits, 10 by default, every pair has
    its distance here, and a threshold would only cut the ranking at 1 - 10 / 64.

    Its hashes are not those of `imagehash` by the same name: images are shrunk before they turn gray, and pHash leaves
    the constant term out of the median. There are only 65 different scores, so rankings of many pairs are mostly ties.

    Args:
        hash: ``phash``, ``dhash``, ``ahash`` or ``whash``. Its CNN is not offered, because its weights would have to
            be downloaded.
    """

    needs = Need.IMAGES
    requires = ("imagededup",)

    def __init__(self, hash: str = "phash") -> None:
        if hash not in tuple(HASHES):
            raise UserError(f"imagededup has no hash {hash!r}; choose one of {', '.join(HASHES)}")
        self.hash = hash

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        # Another release may hash differently, so its number is part of the key.
        hashes = data.derived(f"imagededup-{version('imagededup')}", {"kind": self.hash}, hash_of)
        return 1 - hamming(hashes, pairs) / (8 * hashes.shape[1])


def hash_of(image: Image.Image, kind: str) -> npt.NDArray[np.uint8]:
    """Return the 64 bits of a hash, packed into 8 bytes."""
    import imagededup.methods

    hasher = getattr(imagededup.methods, HASHES[kind])(verbose=False)
    return packed(hasher.encode_image(image_array=np.asarray(image)))


def packed(hexadecimal: str) -> npt.NDArray[np.uint8]:
    """Return the bytes of a hash that imagededup writes as 16 hexadecimal digits.

    Example:
        >>> packed("00ff000000000001").tolist()
        [0, 255, 0, 0, 0, 0, 0, 1]
    """
    return np.frombuffer(bytes.fromhex(hexadecimal), dtype=np.uint8)
