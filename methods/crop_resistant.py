"""Crop-resistant hash."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from cleanbench import Detector, Floats, Ints, Need, Ranking, View
from cleanbench.candidates import SOURCES as SHARED
from cleanbench.candidates import check, retrieve
from cleanbench.hashes import closest_pairs, difference_bits
from cleanbench.pairs import pair_count
from cleanbench.thumbnails import LANCZOS, gray, luminance_of, reduction

SIDE = 300  # pixels of the thumbnail that is segmented
BRIGHT = 128  # what is brighter belongs to a hill, the rest to valleys
SMALLEST = 500  # pixels that a segment must exceed
MOST = SIDE * SIDE // (SMALLEST + 1)  # segments that an image can have
BITS = 64
TOLERATED = BITS // 4  # bits in which segments that match may differ
SECONDS_PER_PAIR = 0.7e-9  # of CPU time, to compare two segments
PAIRS = 64  # whose segments are compared at once


class CropResistant(Detector):
    """Score pairs by the share of segments of one image whose difference hash is found in the other.

    Steinebach, Liu and Yannikos, "Efficient Cropping-Resistant Robust Image Hashing" (ARES 2014), as
    `imagehash.crop_resistant_hash` does it: the connected bright and the connected dark regions of a blurred 300 x 300
    gray thumbnail are segments; the bounding box of each is cut out of the image and hashed. Segments and their hashes
    are those of imagehash, bit for bit. Two segments match if they differ in at most a quarter of their 64 bits.

    The score of image a in b is the share of its segments that match one of b, less 1/64 of a segment for each
    bit in which they differ on average; that is 1 - (a - b) / segments for imagehash's difference, in [0, 1]. Since
    imagehash's difference depends on which image comes first, the score of a pair is the larger of both ways: a crop
    is found in its original, though the original is not found in the crop.

    Images with few segments match easily: of a picture without hill or valley the whole is the only segment. The
    threshold of brightness is fixed, so a change of brightness changes the segments.

    Hashing takes about 4 milliseconds of CPU time per image of 256 x 256 pixels, which is more than all other hashes
    together; therefore it is done in a pass of its own if another method has been there before. Retrieved pairs are the
    best of ``factor`` times as many candidates; the ranking's notes estimate how many of the true best are among them.

    Args:
        candidates: Where retrieved pairs come from: ``segments``, the images of the closest pairs of segments; another
            source of `cleanbench.candidates`; or ``all`` for every pair.
        factor: How many candidates (of ``segments``: pairs of segments) there are for each pair that is retrieved.
    """

    needs = Need.IMAGES

    def __init__(self, candidates: str = "segments", factor: int = 200) -> None:
        check(candidates, factor, SOURCES)
        self.candidates = candidates
        self.factor = factor

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        hashes, counts = segments_of(data)
        return found_shares(hashes.view(np.uint64)[..., 0], counts, pairs)

    def retrieve(self, data: View, limit: int) -> Ranking:
        hashes, counts = segments_of(data)
        words = hashes.view(np.uint64)[..., 0]
        return retrieve(
            data,
            lambda pairs: found_shares(words, counts, pairs),
            limit,
            self.candidates,
            self.factor,
            sources=SOURCES,
        )


def segments_of(data: View) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the packed hashes of the segments of all images ``(N, K, 8)`` and their numbers ``(N,)``."""
    hashes = reduction(data, "segments", {"segments": ({}, segments)})
    return np.ascontiguousarray(hashes[:, 1:]), hashes[:, 0, 0]


def pairs_of_segments(data: View, count: int) -> Ints:
    """Return the pairs of images that the ``count`` pairs of closest segments join."""
    hashes, counts = segments_of(data)
    each = counts.astype(np.int64)
    owners = np.repeat(np.arange(len(data)), each)
    data.afford(SECONDS_PER_PAIR * pair_count(len(owners)))
    closest, _ = closest_pairs(hashes[np.arange(MOST) < each[:, None]], count)
    joined = np.unique(np.sort(owners[closest], axis=1), axis=0)
    return joined[joined[:, 0] < joined[:, 1]]


SOURCES = {"segments": pairs_of_segments, **SHARED}


def segments(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the number of an image's segments and, from the second row on, their packed hashes; ``(180, 8)``."""
    boxes = boxes_of_segments(image)
    luminance = luminance_of(image)
    across, down = image.width / SIDE, image.height / SIDE
    thumbnails = [
        np.asarray(luminance.crop((left * across, top * down, right * across, bottom * down)).resize((9, 8), LANCZOS))
        for left, top, right, bottom in boxes
    ]
    hashes = np.zeros((1 + MOST, BITS // 8), dtype=np.uint8)
    hashes[0, 0] = len(boxes)
    hashes[1 : 1 + len(boxes)] = difference_bits(np.stack(thumbnails))
    return hashes


def boxes_of_segments(image: Image.Image) -> list[tuple[int, int, int, int]]:
    """Return the bounding boxes (left, top, right, bottom) of an image's segments in its 300 x 300 thumbnail."""
    from scipy.ndimage import find_objects, label

    thumbnail = Image.fromarray(gray(image, SIDE, SIDE, LANCZOS)).filter(ImageFilter.GaussianBlur())
    bright = medians(np.asarray(thumbnail)) > BRIGHT
    boxes: list[tuple[int, int, int, int]] = []
    seen = 4 * SIDE  # imagehash counts the pixels around the thumbnail, and stops before it has seen all valleys
    for regions in (bright, ~bright):
        labels, _ = label(regions)
        sizes = np.bincount(labels.ravel())[1:]
        for (down, across), size in zip(find_objects(labels), sizes.tolist(), strict=True):
            if regions is not bright and seen >= SIDE * SIDE:
                break
            if size > SMALLEST:
                boxes.append((across.start, down.start, across.stop, down.stop))
            seen += size if size > 1 else 0  # nor does it count a pixel that stands alone
    return boxes or [(0, 0, SIDE, SIDE)]


def medians(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the median of the 3 x 3 pixels around each pixel, those at the borders repeated: Pillow's MedianFilter."""
    padded = np.pad(pixels, 1, mode="edge")
    top, middle, bottom = padded[:-2], padded[1:-1], padded[2:]
    low, high = np.minimum(top, bottom), np.maximum(top, bottom)
    columns = (np.minimum(low, middle), np.clip(middle, low, high), np.maximum(high, middle))
    # The median of nine is that of the largest minimum, the median of medians and the least maximum of columns.
    least, between, most = ([column[:, :-2], column[:, 1:-1], column[:, 2:]] for column in columns)
    largest = np.maximum(np.maximum(least[0], least[1]), least[2])
    smallest = np.minimum(np.minimum(most[0], most[1]), most[2])
    central = np.clip(between[1], np.minimum(between[0], between[2]), np.maximum(between[0], between[2]))
    result: npt.NDArray[np.uint8] = np.clip(central, np.minimum(largest, smallest), np.maximum(largest, smallest))
    return result


def found_shares(words: npt.NDArray[np.uint64], counts: npt.NDArray[np.uint8], pairs: Ints) -> Floats:
    """Return the scores of pairs ``(M, 2)`` from the hashes ``(N, K)`` of segments and their numbers ``(N,)``."""
    scores = np.empty(len(pairs))
    sizes = counts[pairs].astype(np.int64)
    # Pairs of like numbers of segments together, so that little is compared that is not there.
    order = np.lexsort((sizes[:, 1], sizes[:, 0]))
    for start in range(0, len(order), PAIRS):
        part = order[start : start + PAIRS]
        first, second = pairs[part].T
        most = sizes[part].max(axis=0)
        differing = words[first, : most[0], None] ^ words[second, None, : most[1]]
        distances = np.bitwise_count(differing).astype(np.int64)
        distances[np.arange(most[0]) >= sizes[part, 0, None]] = BITS + 1
        distances.swapaxes(1, 2)[np.arange(most[1]) >= sizes[part, 1, None]] = BITS + 1
        there, back = _share(distances.min(axis=2), sizes[part, 0]), _share(distances.min(axis=1), sizes[part, 1])
        scores[part] = np.maximum(there, back)
    return scores


def _share(nearest: Ints, sizes: Ints) -> Floats:
    """Return the share of segments whose nearest one ``(B, K)`` matches, less what the matching ones differ."""
    matches = nearest <= TOLERATED
    found = np.count_nonzero(matches, axis=1)
    differing = np.where(matches, nearest, 0).sum(axis=1)
    penalty = np.divide(differing, found * BITS, out=np.zeros(len(found)), where=found > 0)
    return (found - penalty) / sizes
