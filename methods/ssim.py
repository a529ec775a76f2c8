"""Structural similarity."""

import numpy as np

from cleanbench import Detector, Floats, Ints, Need, Ranking, View
from cleanbench.candidates import check, retrieve
from cleanbench.structure import ssim
from cleanbench.thumbnails import reduction

PAIRS = 8  # scored at once: their intermediate arrays stay in the processor's cache


class SSIM(Detector):
    """Score pairs by the structural similarity of their 64 x 64 gray thumbnails.

    Wang et al. (IEEE Transactions on Image Processing, 2004), Eq. 13, averaged over all pixels, with K1 = .01 and
    K2 = .03. Departs from the paper in the window, as the CleanPatrick baseline does: a box of 7 x 7 with mirrored
    borders instead of a Gaussian of 11 x 11. Scores are in [-1, 1].

    Pixels are compared in place: a small shift, a flip or a rotation makes two pictures of the same thing unlike,
    and two flat images are alike whatever they show.

    A pair takes about 40 microseconds, too much for all pairs of a large set: those retrieved are the best of
    ``factor`` times as many candidates, and the ranking's notes estimate how many of the true best are among them.

    Args:
        candidates: Where retrieved pairs come from: a source of `cleanbench.candidates`, or ``all`` for every pair.
        factor: How many candidates are scored for each pair that is retrieved.
    """

    needs = Need.IMAGES

    def __init__(self, candidates: str = "structure", factor: int = 50) -> None:
        check(candidates, factor)
        self.candidates = candidates
        self.factor = factor

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        thumbnails = reduction(data, "gray_64x64_area")
        scores = np.empty(len(pairs))
        for start in range(0, len(pairs), PAIRS):
            first, second = pairs[start : start + PAIRS].T
            scores[start : start + PAIRS] = ssim(thumbnails[first], thumbnails[second])
        return scores

    def retrieve(self, data: View, limit: int) -> Ranking:
        return retrieve(data, lambda pairs: self.near_duplicates(data, pairs), limit, self.candidates, self.factor)
