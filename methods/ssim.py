"""Structural similarity."""

import numpy as np
import numpy.typing as npt

from cleanbench import Detector, Floats, Ints, Need, Ranking, UserError, View
from cleanbench.candidates import known_source, retrieve
from cleanbench.thumbnails import reduction

WINDOW = 7
AREA = WINDOW**2
PAIRS = 8  # scored at once: their intermediate arrays stay in the processor's cache
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class SSIM(Detector):
    """Score pairs by the structural similarity of their 64 x 64 gray thumbnails.

    Wang et al. (IEEE Transactions on Image Processing, 2004), Eq. 13, averaged over all pixels, with K1 = .01 and
    K2 = .03. Departs from the paper in the window, as the CleanPatrick baseline does: a box of 7 x 7 with mirrored
    borders instead of a Gaussian of 11 x 11. Scores are in [-1, 1].

    Pixels are compared in place: a small shift, a flip or a rotation makes two pictures of the same thing unlike,
    and two flat images are alike whatever they show.

    Args:
        candidates: Where retrieved pairs come from: a source of `cleanbench.candidates`, or ``all`` for every pair.
        factor: How many candidates are scored for each pair that is retrieved.
    """

    needs = Need.IMAGES

    def __init__(self, candidates: str = "thumbnails", factor: int = 50) -> None:
        self.candidates = known_source(candidates)
        self.factor = factor
        if factor < 1:
            raise UserError(f"factor={factor} must be at least 1: so many candidates are scored for each wanted pair")

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        thumbnails = reduction(data, "gray_64x64_area")
        scores = np.empty(len(pairs))
        for start in range(0, len(pairs), PAIRS):
            first, second = pairs[start : start + PAIRS].T
            scores[start : start + PAIRS] = ssim(thumbnails[first], thumbnails[second])
        return scores

    def retrieve(self, data: View, limit: int) -> Ranking:
        return retrieve(data, lambda pairs: self.near_duplicates(data, pairs), limit, self.candidates, self.factor)


def ssim(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Floats:
    """Return the mean structural similarity of images ``(M, H, W)`` with their partners, shape ``(M,)``.

    In single precision from the windows' means and covariances on: scores are right to about 1e-7.
    """
    a, b = first.astype(np.int32), second.astype(np.int32)
    # Sums over a window are whole numbers below 2^31, so variances lose nothing to cancellation.
    sum_a, sum_b = window_sums(a), window_sums(b)
    spread, shared = AREA * window_sums(a * a + b * b), AREA * window_sums(a * b)
    product, squares = sum_a * sum_b, sum_a * sum_a + sum_b * sum_b
    spread -= squares
    shared -= product
    similarity = _term(product, 2, C1)
    similarity *= _term(shared, 2, C2)
    lengths = _term(squares, 1, C1)
    lengths *= _term(spread, 1, C2)
    similarity /= lengths
    return similarity.reshape(len(similarity), -1).mean(axis=1, dtype=np.float64)


def window_sums(images: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the sum over the window around each pixel, the image mirrored at its borders, same shape."""
    height, width = (np.pad(np.arange(size), WINDOW // 2, mode="reflect") for size in images.shape[1:])
    rows = _sevens(images[:, height].swapaxes(0, 1)).swapaxes(0, 1)
    return np.moveaxis(_sevens(np.moveaxis(rows[:, :, width], 2, 0)), 0, 2)


def _sevens(values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the sums of seven successive ones along the first axis, in four additions instead of six."""
    count = len(values) - WINDOW + 1
    twos = values[:-1] + values[1:]
    sums = twos[:count] + twos[2 : count + 2]
    sums += twos[4 : count + 4]
    sums += values[6:]
    return sums


def _term(numbers: npt.NDArray[np.int32], factor: int, constant: float) -> npt.NDArray[np.float32]:
    term = numbers.astype(np.float32)
    term *= np.float32(factor / AREA**2)
    term += np.float32(constant)
    return term
