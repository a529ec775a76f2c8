"""CleanVision."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleanbench import Bools, Detector, Floats, Ints, Issue, Need, NotApplicable, Ranking, View
from cleanbench.pairs import encode

# The scores below which CleanVision 0.3.7 flags an image by default.
THRESHOLDS = {
    "dark": 0.32,
    "light": 0.05,
    "odd_aspect_ratio": 0.35,
    "low_information": 0.3,
    "blurry": 0.29,
    "odd_size": 0.5,
}
SETS = ("exact_duplicates", "near_duplicates")
EXACT, NEAR = 1.0, 0.5  # scores of a pair
SECONDS = 0.01  # CPU time for an image of 256 x 256 pixels, decoded twice; measured with 0.3.7


class CleanVision(Detector):
    """Rank images by how far CleanVision's worst quality score lies below its threshold, and pairs by its sets.

    Cleanlab's CleanVision (https://github.com/cleanlab/cleanvision, Apache-2.0), with its own defaults. It is a tool
    without a paper.

    - Off-topic: 1 minus the smallest ratio of a score and the threshold below which it flags an image, over dark,
      light, odd aspect ratio, low information, blurry and odd size; at most 1, and above 0 for what it flags. That is
      this project's rule, since CleanVision ranks by one property at a time. (Where most images have one size it
      flags every other; here the root of the area must be below half or above one and a half times the usual.) Its
      property grayscale is left out: methods are handed RGB images, for which it never fires.
    - Near-duplicates: 1 for a pair in a set of exact duplicates (equal pixels), .5 for one in a set of near-duplicates
      (equal 64-bit pHash, not one bit apart), and -inf, not retrieved, for all other pairs.

    Its decisions are CleanVision's own: an image with a score below its threshold, a pair in a set.

    It looks for photographs that went wrong, not for foreign content: a sharp picture of something else ranks low, and
    a white background is "light". A copy whose hash differs in one bit is not found.
    """

    needs = Need.IMAGES
    requires = ("cleanvision",)
    exempt: ClassVar = {
        "planted_faults": "no planted copy has exactly the hash of its original",
        "scores_are_finite_floats": "no planted copy has exactly the hash of its original, so no pair is retrieved",
    }

    def fit(self, data: View) -> None:
        from cleanvision import Imagelab

        data.afford(SECONDS * len(data), 4096.0 * len(data))
        if not len(data):
            raise NotApplicable("there are no images")
        lab = Imagelab(torchvision_dataset=_Pictures(data), verbose=False)
        lab.find_issues({name: {} for name in (*THRESHOLDS, *SETS)}, n_jobs=1, verbose=False)
        self.severities = severity({name: lab.issues[f"{name}_score"].to_numpy() for name in THRESHOLDS})
        self.exact, self.near = (memberships(lab.info[name]["sets"], len(data)) for name in SETS)

    def off_topic(self, data: View) -> Floats:
        return self.severities

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        return pair_scores(pairs, self.exact, self.near)

    def retrieve(self, data: View, limit: int) -> Ranking:
        found = [pairs_of_sets(groups, limit) for groups in (self.exact, self.near)]
        pairs = np.concatenate(found)
        first = np.unique(encode(pairs, len(data)), return_index=True)[1]  # an exact pair may be a near one as well
        pairs = pairs[np.sort(first)][:limit]
        return Ranking(Issue.NEAR_DUPLICATE, pairs, pair_scores(pairs, self.exact, self.near))

    def flags(self, issue: Issue, data: View, ranking: Ranking) -> Bools | None:
        return ranking.scores > (-np.inf if issue is Issue.NEAR_DUPLICATE else 0.0)


class _Pictures:
    """The images of a view as a torchvision data set: CleanVision then reads no files."""

    def __init__(self, data: View) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Image.Image]:
        return (self.data.image(index),)


def severity(scores: Mapping[str, npt.NDArray[Any]]) -> Floats:
    """Return 1 minus the smallest ratio of an image's score and its threshold, over its properties, ``(N,)``.

    Args:
        scores: By property, each ``(N,)`` in [0, 1]; 0 is the worst.

    Example:
        >>> severity({"dark": np.array([0.16, 0.96]), "light": np.array([0.5, 0.05])}).tolist()
        [0.5, 0.0]
    """
    ratios = [values.astype(np.float64) / THRESHOLDS[name] for name, values in scores.items()]
    return 1 - np.min(ratios, axis=0)


def memberships(sets: Iterable[Iterable[int]], images: int) -> Ints:
    """Return the number of the set that each image is in, shape ``(images,)``; -1 if it is in none."""
    numbers = np.full(images, -1, dtype=np.int64)
    for number, members in enumerate(sets):
        numbers[list(members)] = number
    return numbers


def pair_scores(pairs: Ints, exact: Ints, near: Ints) -> Floats:
    """Return the scores of ``pairs`` from the memberships in sets of exact and of near-duplicates, shape ``(M,)``."""
    scores = np.full(len(pairs), -np.inf)
    for groups, score in ((near, NEAR), (exact, EXACT)):
        first, second = groups[pairs].T
        scores[(first == second) & (first >= 0)] = score
    return scores


def pairs_of_sets(groups: Ints, limit: int) -> Ints:
    """Return the first ``limit`` pairs of images in the same set, set by set, shape ``(at most limit, 2)``."""
    members = np.argsort(groups, kind="stable")[np.count_nonzero(groups < 0) :]
    found: list[tuple[int, int]] = []
    for together in np.split(members, np.flatnonzero(np.diff(groups[members])) + 1):
        for place, first in enumerate(together):
            room = limit - len(found)
            if room <= 0:
                break
            found += [(int(first), int(second)) for second in together[place + 1 :][:room]]
    return np.array(found, dtype=np.int64).reshape(-1, 2)
