"""Structural similarity."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleanbench import Detector, Floats, Ints, Need, View

SIZE, WINDOW = 64, 7
PAIRS = 32  # scored at once: their intermediate arrays stay in the processor's cache
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class SSIM(Detector):
    """Score pairs by the structural similarity of their 64 x 64 gray thumbnails.

    Wang et al. (IEEE Transactions on Image Processing, 2004), Eq. 13, averaged over all pixels, with K1 = .01 and
    K2 = .03. Departs from the paper in the window, as the CleanPatrick baseline does: a box of 7 x 7 with mirrored
    borders instead of a Gaussian of 11 x 11. Scores are in [-1, 1].

    Pixels are compared in place: a small shift, a flip or a rotation makes two pictures of the same thing unlike,
    and two flat images are alike whatever they show.
    """

    needs = Need.IMAGES

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        thumbnails = data.derived("gray", {"size": SIZE}, gray)
        scores = np.empty(len(pairs))
        for start in range(0, len(pairs), PAIRS):
            first, second = pairs[start : start + PAIRS].T
            scores[start : start + PAIRS] = ssim(thumbnails[first], thumbnails[second])
        return scores


def gray(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """Return an image's luminance at ``size`` x ``size`` pixels: averaged over areas, or interpolated to more."""
    shrinks = min(image.size) >= size
    filtered = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return np.asarray(image.resize((size, size), filtered).convert("L"))


def ssim(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Floats:
    """Return the mean structural similarity of images ``(M, H, W)`` with their partners, shape ``(M,)``."""
    a, b = first.astype(np.int32), second.astype(np.int32)
    area = WINDOW**2
    # Sums over a window are whole numbers below 2^31, so variances lose nothing to cancellation.
    sum_a, sum_b = window_sums(a), window_sums(b)
    spread = area * window_sums(a * a + b * b) - sum_a * sum_a - sum_b * sum_b
    shared = area * window_sums(a * b) - sum_a * sum_b
    scale = np.float32(area**2)
    mean_product = (sum_a * sum_b) / scale
    mean_squares = (sum_a * sum_a + sum_b * sum_b) / scale
    similarity = (2 * mean_product + C1) * (2 * (shared / scale) + C2)
    similarity /= (mean_squares + C1) * (spread / scale + C2)
    return similarity.reshape(len(similarity), -1).mean(axis=1)


def window_sums(images: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the sum over the window around each pixel, the image mirrored at its borders, same shape."""
    margin = WINDOW // 2
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)), mode="reflect")
    height, width = images.shape[1:]
    rows = padded[:, :height].copy()
    for shift in range(1, WINDOW):
        rows += padded[:, shift : shift + height]
    sums = rows[:, :, :width].copy()
    for shift in range(1, WINDOW):
        sums += rows[:, :, shift : shift + width]
    return sums
