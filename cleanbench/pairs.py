"""Asking for pairs, looking them up and retrieving the most suspicious ones, without an N x N array."""

import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cleanbench.core import Floats, Ints, Issue, Ranking
from cleanbench.progress import progress

BLOCK = 1 << 18  # pairs scored at once: a few MiB, large enough to keep vector units busy
PROBES = (16, 256, 4096, 65536)  # pairs scored to tell what all would cost, up to the first that takes as long as this:
TELLING = 0.5  # CPU seconds


def pair_count(images: int) -> int:
    """Return the number of unordered pairs of different images."""
    return images * (images - 1) // 2


def encode(pairs: Ints, images: int) -> Ints:
    """Return the rank of each pair ``i < j`` among all pairs in lexicographic order, shape ``(M,)``."""
    first, second = pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)
    code: Ints = first * (2 * images - first - 1) // 2 + second - first - 1
    return code


def decode(codes: npt.ArrayLike, images: int) -> Ints:
    """Return the pairs with the given ranks, shape ``(M, 2)``; the inverse of `encode`."""
    ranks = np.asarray(codes, dtype=np.int64)
    # Rows start at i * (2N - i - 1) / 2; searching them is exact where a square root would round.
    rows = np.arange(images, dtype=np.int64)
    starts = rows * (2 * images - rows - 1) // 2
    first = np.searchsorted(starts[: max(images - 1, 1)], ranks, side="right") - 1
    return np.stack([first, ranks - starts[first] + first + 1], axis=1)


def decoys(pairs: Ints, images: int, rng: np.random.Generator) -> Ints:
    """Draw as many random pairs as there are ``pairs``, none of them among those; fewer if there are no more.

    Asked together with annotated pairs they hide which pairs are annotated.
    """
    taken = np.unique(encode(pairs, images))
    total = pair_count(images)
    wanted = min(len(pairs), total - len(taken))
    if total <= 4 * len(taken):  # most pairs are taken: choose among the rest instead of drawing and rejecting
        free = np.setdiff1d(np.arange(total), taken, assume_unique=True)
        return decode(np.sort(rng.choice(free, wanted, replace=False)), images)
    drawn = np.zeros(0, dtype=np.int64)
    while len(drawn) < wanted:
        drawn = np.union1d(drawn, np.setdiff1d(rng.integers(total, size=2 * wanted), taken))
    return decode(np.sort(rng.choice(drawn, wanted, replace=False)), images)


def lookup(pairs: Ints, known: Ints, scores: Floats, images: int, missing: float = -np.inf) -> Floats:
    """Return the scores of ``pairs`` among ``known`` ones; ``missing`` for the rest, shape ``(M,)``.

    For tools that return a list of pairs and cannot be asked for others. Both may name a pair either way
    round; of a pair that is known twice the first score counts.

    Raises:
        ValueError: If a pair joins an image with itself or points outside the ``images``.
    """
    known, pairs = np.sort(known, axis=1), np.sort(pairs, axis=1)
    for listed in (known, pairs):
        if len(listed) and not ((listed[:, 0] < listed[:, 1]).all() and listed.min() >= 0 and listed.max() < images):
            raise ValueError(f"pairs must join two different ones of {images} images")
    codes = encode(known, images)
    order = np.argsort(codes, kind="stable")
    codes, values = codes[order], scores[order]
    asked = encode(pairs, images)
    if not len(codes):
        return np.full(len(asked), missing)
    found = np.minimum(np.searchsorted(codes, asked), len(codes) - 1)
    return np.where(codes[found] == asked, values[found], missing)


def most_suspicious(score: Callable[[Ints], Floats], images: int, limit: int) -> Ranking:
    """Return the ``limit`` highest-scoring of all pairs, best first; ties by position.

    Asks ``score`` for every pair in blocks; memory is that of one block and the kept pairs.

    Raises:
        ValueError: If ``limit`` is less than 1, or ``score`` returns another shape, NaN or +inf.
    """
    if limit < 1:
        raise ValueError(f"limit={limit} must be at least 1")
    total = pair_count(images)
    best = Best(limit)
    with progress("pairs", total, "pair") as bar:
        for start in range(0, total, BLOCK):
            block = np.arange(start, min(start + BLOCK, total))
            scores = np.asarray(score(decode(block, images)), dtype=np.float64)
            if scores.shape != block.shape:
                raise ValueError(f"{len(block)} pairs were asked, scores of shape {scores.shape} were returned")
            # A NaN sorts last and would leave the list unseen.
            if np.isnan(scores).any() or np.isposinf(scores).any():
                raise ValueError("the score of a pair is NaN or +inf")
            bar.update(len(block))
            best.add(block, scores)
    codes, kept = best.ordered()
    return Ranking(Issue.NEAR_DUPLICATE, decode(codes, images), kept)


def cost_of_all(score: Callable[[Ints], Floats], images: int) -> float:
    """Estimate the CPU seconds that `most_suspicious` would take, from a few pairs of all parts of the set.

    A first call is not counted: it may do what is done once for all pairs. What each call costs beside its pairs is
    told apart by calls of different length.
    """
    total = pair_count(images)
    if not total:
        return 0.0

    def timed(pairs: int) -> float:
        asked = decode(np.linspace(0, total - 1, pairs).astype(np.int64), images)
        before = os.times()
        score(asked)
        return sum(os.times()[:4]) - sum(before[:4])  # of finished children, too

    timed(1)
    each_call, taken, pairs = timed(1), 0.0, 1
    for pairs in (min(probe, total) for probe in PROBES):
        taken = timed(pairs)
        if taken >= TELLING or pairs == total:
            break
    each_pair = max(0.0, taken - each_call) / max(1, pairs - 1)
    return each_call * -(-total // BLOCK) + each_pair * total


class Best:
    """The highest-scoring of pairs that come in the order of their codes, in memory for twice as many.

    Attributes:
        limit: How many are kept, at least 1.
        bound: What a later pair has to exceed to be among them: the score of the last one kept; None until there are
            as many.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bound: float | None = None
        self._codes: list[Ints] = []
        self._scores: list[Floats] = []
        self._count = 0

    def add(self, codes: Ints, scores: Floats) -> None:
        """Take in pairs whose codes are larger than all before; those that do not exceed `bound` may be left out."""
        if self.bound is not None:  # ties go to earlier pairs
            better = scores > self.bound
            codes, scores = codes[better], scores[better]
        if not len(codes):
            return
        self._codes.append(codes)
        self._scores.append(scores)
        self._count += len(codes)
        # Once there are enough, shrinking at every block would look through what is kept again and again.
        if self._count >= self.limit * (1 if self.bound is None else 2):
            self._shrink()

    def ordered(self) -> tuple[Ints, Floats]:
        """Return the codes and the scores, best first; ties by code."""
        if self._count > self.limit:
            self._shrink()
        codes, scores = self._joined()
        order = np.argsort(-scores, kind="stable")
        return codes[order], scores[order]

    def _joined(self) -> tuple[Ints, Floats]:
        return np.concatenate([np.zeros(0, dtype=np.int64), *self._codes]), np.concatenate([np.zeros(0), *self._scores])

    def _shrink(self) -> None:
        codes, scores = self._joined()
        self.bound = float(np.partition(scores, -self.limit)[-self.limit])
        kept = scores > self.bound
        kept[np.flatnonzero(scores == self.bound)[: self.limit - np.count_nonzero(kept)]] = True
        self._codes, self._scores, self._count = [codes[kept]], [scores[kept]], self.limit
