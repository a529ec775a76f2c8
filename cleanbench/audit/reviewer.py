"""A reviewer who takes time and errs, simulated on a ranking: from places in a queue to hours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleanbench.core import Bools, Floats, Ints, UserError
from cleanbench.settings import number

HOUR = 3600.0
DAY = 24 * HOUR
RECALLS = (0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Reviewer:
    """How fast and how reliable somebody reviews.

    The defaults are round numbers, not measurements: put your own. Errors are independent of each other and of the
    score, where people err on the same difficult items.

    Attributes:
        sensitivity: Chance that a faulty item is called faulty, in [0, 1].
        specificity: Chance that a clean item is called clean, in [0, 1].
        seconds_per_image: For a single image.
        seconds_per_pair: For a pair of images that are in no group yet.
        seconds_per_clique: For an image, or a group, beside a group of images that were called duplicates before.
    """

    sensitivity: float = 1.0
    specificity: float = 1.0
    seconds_per_image: float = 5.0
    seconds_per_pair: float = 8.0
    seconds_per_clique: float = 10.0

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If a chance is not in [0, 1], or a time is negative or longer than a day.
        """
        for name in ("sensitivity", "specificity"):
            if not 0 <= number(name, getattr(self, name)) <= 1:
                raise UserError(f"{name}={getattr(self, name)} must be from 0 to 1")
        for name in ("seconds_per_image", "seconds_per_pair", "seconds_per_clique"):
            if number(name, getattr(self, name)) < 0:
                raise UserError(f"{name}={getattr(self, name)} must not be negative")
            if getattr(self, name) > DAY:
                raise UserError(f"{name}={getattr(self, name)} must be at most {DAY:.0f}, the seconds of a day")


@dataclass(frozen=True, eq=False)
class Review:
    """What came out of simulated reviews of a whole ranking.

    Attributes:
        faulty: Faulty items among all.
        hours: For 1, 2, 3 … faulty items found, the hours spent by then: mean over the reviews that found so many,
            shape ``(most found,)``.
        reached: Share of the reviews that found so many, shape ``(most found,)``.
        hours_in_all: Hours for the whole ranking, mean.
        found: Faulty items called faulty in the end, mean.
        false_alarms: Clean items called faulty in the end, mean.
        looks: Looks taken, mean: pairs inside a group need none.
        reviews: How many were simulated.
    """

    faulty: int
    hours: Floats
    reached: Floats
    hours_in_all: float
    found: float
    false_alarms: float
    looks: float
    reviews: int

    def hours_to(self, recall: float) -> float | None:
        """Return the mean hours until a share of the faulty items, rounded up, is found; None if a review never was.

        A mean over the reviews that got there: where `reached` is below 1, the others would have gone on in vain.
        """
        target = max(1, int(np.ceil(recall * self.faulty - 1e-9)))
        return float(self.hours[target - 1]) if self.faulty and target <= len(self.hours) else None

    def share_reaching(self, recall: float) -> float:
        """Return the share of the reviews in which a share of the faulty items was found."""
        target = max(1, int(np.ceil(recall * self.faulty - 1e-9)))
        return float(self.reached[target - 1]) if self.faulty and target <= len(self.reached) else 0.0


def review(
    labels: Bools,
    scores: Floats,
    reviewer: Reviewer,
    pairs: Ints | None = None,
    reviews: int = 20,
    seed: int = 0,
) -> Review:
    """Simulate reviews of a ranking from its top to its end.

    Of pairs, those that are called duplicates are put into one group as the review goes on. A pair inside a group then
    needs no look and counts as called a duplicate; one that joins an image or a group with a group is one look at both,
    and if they are called different, no pair between the two is looked at again. The reviewer's verdict on groups is
    that on the pair that led to them. So one wrong merge calls many pairs duplicates, which shows in the false alarms.

    Args:
        labels: True for faulty, shape ``(M,)``.
        scores: Higher is more suspicious, shape ``(M,)``; the order of ties is drawn for each review.
        reviewer: Times and error rates.
        pairs: The two images of each item, shape ``(M, 2)``; None if items are single images.
        reviews: How many to simulate.
        seed: Of errors and ties.
    """
    rng = np.random.default_rng(seed)
    times, in_all, founds, alarms, looks = [], [], [], [], []
    for _ in range(reviews):
        order = np.lexsort((rng.random(len(scores)), -scores))
        faulty = labels[order]
        drawn = rng.random(len(order))
        verdicts = np.where(faulty, drawn < reviewer.sensitivity, drawn >= reviewer.specificity)
        if pairs is None:
            seconds, called, looked = np.full(len(order), reviewer.seconds_per_image), verdicts, len(order)
        else:
            seconds, called, looked = _in_groups(pairs[order], verdicts, reviewer)
        spent = np.cumsum(seconds)
        times.append(spent[faulty & called] / HOUR)
        in_all.append(spent[-1] / HOUR if len(spent) else 0.0)
        founds.append(np.count_nonzero(faulty & called))
        alarms.append(np.count_nonzero(~faulty & called))
        looks.append(looked)
    hours, reached = _means(times)
    return Review(
        faulty=int(np.count_nonzero(labels)),
        hours=hours,
        reached=reached,
        hours_in_all=float(np.mean(in_all)),
        found=float(np.mean(founds)),
        false_alarms=float(np.mean(alarms)),
        looks=float(np.mean(looks)),
        reviews=reviews,
    )


def _means(times: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return the mean of the k-th time over the lists that have one, for every k, and the share of those lists."""
    longest = max(map(len, times), default=0)
    sums, counts = np.zeros(longest), np.zeros(longest)
    for own in times:
        sums[: len(own)] += own
        counts[: len(own)] += 1
    return sums / counts, counts / max(1, len(times))


def _in_groups(pairs: Ints, verdicts: Bools, reviewer: Reviewer) -> tuple[Floats, Bools, int]:
    """Return each pair's seconds, whether it is called a duplicate in the end, both ``(M,)``, and the looks taken."""
    groups, looks = _Groups(), 0
    seconds = np.zeros(len(pairs))
    called = np.zeros(len(pairs), dtype=np.bool_)
    for place, ((first, second), verdict) in enumerate(zip(pairs.tolist(), verdicts.tolist(), strict=True)):
        one, other = groups.of(first), groups.of(second)
        if one == other:
            called[place] = True
        elif not groups.apart(one, other):
            alone = groups.size(one) == groups.size(other) == 1
            seconds[place] = reviewer.seconds_per_pair if alone else reviewer.seconds_per_clique
            called[place] = verdict
            looks += 1
            (groups.join if verdict else groups.part)(one, other)
    return seconds, called, looks


class _Groups:
    """Images called duplicates, group by group, and which groups were called different."""

    def __init__(self) -> None:
        self.parents: dict[int, int] = {}
        self.sizes: dict[int, int] = {}
        self.different: dict[int, set[int]] = {}

    def of(self, image: int) -> int:
        """Return the image that stands for the group."""
        root = image
        while (above := self.parents.get(root, root)) != root:
            root = above
        while image != root:  # so that the next search is short
            self.parents[image], image = root, self.parents[image]
        return root

    def size(self, root: int) -> int:
        return self.sizes.get(root, 1)

    def apart(self, one: int, other: int) -> bool:
        return other in self.different.get(one, ())

    def part(self, one: int, other: int) -> None:
        self.different.setdefault(one, set()).add(other)
        self.different.setdefault(other, set()).add(one)

    def join(self, one: int, other: int) -> None:
        """Make one group; what was called different from either is different from it."""
        large, small = (one, other) if self.size(one) >= self.size(other) else (other, one)
        self.parents[small] = large
        self.sizes[large] = self.size(large) + self.size(small)
        for stranger in self.different.pop(small, ()):
            self.different[stranger].discard(small)
            self.part(large, stranger)
