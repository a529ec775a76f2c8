"""Structural similarity of the CleanPatrick detector class."""

import numpy as np
import numpy.typing as npt

from cleanbench import Detector, Floats, Ints, Issue, Need, Ranking, View
from cleanbench.pairs import Best, pair_count
from cleanbench.progress import progress
from cleanbench.thumbnails import reduction

WINDOW = 7
AREA = WINDOW**2
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
ROWS, COLUMNS = 64, 1024  # scored at once: their intermediate arrays stay in the processor's cache
SECONDS_PER_PAIR = 40e-9  # of CPU time, measured at 16,577 images


class SSIMReference(Detector):
    """Score pairs by the structural similarity of their 9 x 8 gray thumbnails.

    The SSIM detector class of the CleanPatrick code, whose numbers this reproduces: scikit-image's
    ``structural_similarity`` with its defaults (Wang et al., IEEE Transactions on Image Processing, 2004, Eq. 13, with
    a box of 7 x 7, sample covariances, K1 = .01 and K2 = .03) on thumbnails shrunk to 9 x 8 pixels (bicubic), of
    which six windows lie inside. Scores are in [-1, 1]. All pairs are retrieved exactly.

    Six windows that overlap almost entirely see little but the rough distribution of light: many different images are
    alike. What is said of `ssim` holds here as well.
    """

    needs = Need.IMAGES

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        windows = Windows(reduction(data, "gray_9x8_bicubic"))
        scores = np.empty(len(pairs))
        for start in range(0, len(pairs), COLUMNS):
            part = slice(start, start + COLUMNS)
            scores[part] = windows.similarities(*pairs[part].T)
        return scores

    def retrieve(self, data: View, limit: int) -> Ranking:
        count = len(data)
        data.afford(SECONDS_PER_PAIR * pair_count(count))
        windows, best = Windows(reduction(data, "gray_9x8_bicubic")), Best(limit)
        with progress("pairs", pair_count(count), "pair") as bar:
            for start in range(0, count - 1, ROWS):
                scores = windows.band(start, min(start + ROWS, count))
                # The diagonal is no pair, and what lies left of it was seen from the other side.
                scores[np.tril_indices(len(scores))] = -np.inf
                found = np.flatnonzero(scores > (-np.inf if best.bound is None else best.bound))
                rows, columns = np.divmod(found, scores.shape[1])
                best.add((rows + start) * count + columns + start, scores.ravel()[found])
                bar.update(pair_count(count - start) - pair_count(count - start - len(scores)))
        codes, values = best.ordered()
        return Ranking(Issue.NEAR_DUPLICATE, np.stack(np.divmod(codes, max(count, 1)), axis=1), values)


class Windows:
    """The windows of gray thumbnails ``(N, 8, 9)``, and what is computed of each of them once.

    All sums are of whole numbers below 2^24, so products of matrices in single precision are exact, and a score depends
    neither on the pairs that it is computed with nor on the order of its images.
    """

    def __init__(self, thumbnails: npt.NDArray[np.uint8]) -> None:
        views = np.lib.stride_tricks.sliding_window_view(thumbnails, (WINDOW, WINDOW), axis=(1, 2))
        pixels = np.moveaxis(views, 0, 2).reshape(-1, len(thumbnails), AREA)
        self.pixels = np.ascontiguousarray(pixels, dtype=np.float32)
        self.sums = self.pixels.sum(axis=2, dtype=np.float64)
        squares = np.einsum("wnp,wnp->wn", self.pixels, self.pixels).astype(np.float64)
        self.spreads = AREA * squares - self.sums**2

    def similarities(self, first: Ints, second: Ints) -> Floats:
        """Return the structural similarities of images ``first`` with images ``second``, ``(M,)``."""
        total = np.zeros(len(first))
        for pixels, sums, spreads in zip(self.pixels, self.sums, self.spreads, strict=True):
            products = np.einsum("mp,mp->m", pixels[first], pixels[second]).astype(np.float64)
            total += _similarity(products, sums[first], sums[second], spreads[first], spreads[second])
        return total / len(self.pixels)

    def band(self, start: int, stop: int) -> Floats:
        """Return the similarities of the images from ``start`` to ``stop`` with all from ``start`` on."""
        count = self.pixels.shape[1]
        scores: Floats = np.zeros((stop - start, count - start))
        for left in range(start, count, COLUMNS):
            right = min(left + COLUMNS, count)
            total = np.zeros((stop - start, right - left))
            for pixels, sums, spreads in zip(self.pixels, self.sums, self.spreads, strict=True):
                products = (pixels[start:stop] @ pixels[left:right].T).astype(np.float64)
                total += _similarity(
                    products, sums[start:stop, None], sums[left:right], spreads[start:stop, None], spreads[left:right]
                )
            scores[:, left - start : right - start] = total / len(self.pixels)
        return scores


def _similarity(products: Floats, sum_a: Floats, sum_b: Floats, spread_a: Floats, spread_b: Floats) -> Floats:
    """Return the similarity of two windows; works in ``products``, the sums of products of their pixels."""
    of_means = sum_a * sum_b
    shared = np.multiply(products, AREA, out=products)
    shared -= of_means
    shared *= 2 / (AREA * (AREA - 1))
    shared += C2
    of_means *= 2 / AREA**2
    of_means += C1
    shared *= of_means
    squares = np.add(sum_a * sum_a, sum_b * sum_b, out=of_means)
    squares *= 1 / AREA**2
    squares += C1
    spreads = spread_a + spread_b
    spreads *= 1 / (AREA * (AREA - 1))
    spreads += C2
    spreads *= squares
    shared /= spreads
    return shared
