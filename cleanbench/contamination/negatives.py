"""Pairs that are taken to be no near-duplicates: a sample, because there are N² / 2 of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cleanbench.core import Floats, Ints
from cleanbench.pairs import encode, pair_count

EVERY = 20_000  # pairs that are judged without sampling


@dataclass(frozen=True)
class Stratum:
    """Pairs that can be counted and numbered.

    Attributes:
        size: How many there are.
        pairs: Returns those of given numbers below ``size``, shape ``(M, 2)``, in any order within a pair.
    """

    size: int
    pairs: Callable[[Ints], Ints]


def negative_pairs(
    labels: Ints, originals: int, known: Ints, wanted: int, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Draw pairs of images, a third each: with a copy, of other images of one class, and of other images of two.

    Labelled alike, and above all holding a copy, are what makes a pair look like a near-duplicate; a sample from all
    pairs would hold next to none of these. The probabilities allow to weight the sample back to all pairs.

    Args:
        labels: Class of each image, shape ``(N,)``; copies come last.
        originals: Number of images that are no copies.
        known: Different pairs ``i < j`` that are not to be drawn, shape ``(K, 2)``.
        wanted: Number of pairs; if there are at most `EVERY` in all, all are taken.
        rng: Source of randomness.

    Returns:
        Pairs ``i < j``, shape ``(M, 2)``, and the probability with which each was drawn, shape ``(M,)``.
    """
    images = len(labels)
    taken = np.unique(encode(known, images))
    stratum_of = np.where(known[:, 1] >= originals, 0, np.where(labels[known[:, 0]] == labels[known[:, 1]], 1, 2))
    share = pair_count(images) if pair_count(images) <= EVERY else -(-wanted // 3)
    drawn, chances = [], []
    for number, stratum in enumerate((_with_a_copy(originals, images), *_by_class(labels[:originals]))):
        skipped = int(np.count_nonzero(stratum_of == number))
        numbers = rng.choice(stratum.size, min(stratum.size, share + skipped), replace=False)
        pairs = np.sort(stratum.pairs(numbers), axis=1)
        pairs = pairs[~np.isin(encode(pairs, images), taken)][:share]
        drawn.append(pairs)
        chances.append(np.full(len(pairs), len(pairs) / max(1, stratum.size - skipped)))
    return np.concatenate(drawn), np.concatenate(chances)


def _with_a_copy(originals: int, images: int) -> Stratum:
    """Number the pairs whose later image is one of the last, row after row of the triangle below the diagonal."""
    before = pair_count(originals)
    return Stratum(pair_count(images) - before, lambda numbers: _triangle(numbers + before))


def _by_class(labels: Ints) -> tuple[Stratum, Stratum]:
    """Number the pairs of one class, and those of two classes; images without label count as a class."""
    members = np.argsort(labels, kind="stable")
    sizes = np.unique(labels, return_counts=True)[1]
    starts = np.cumsum(sizes) - sizes
    later = len(labels) - starts - sizes  # images of later classes
    within, across = np.cumsum(sizes * (sizes - 1) // 2), np.cumsum(sizes * later)

    def of_one(numbers: Ints) -> Ints:
        group = np.searchsorted(within, numbers, side="right")
        ranks = numbers - (within[group] - sizes[group] * (sizes[group] - 1) // 2)
        return members[_triangle(ranks) + starts[group, None]]

    def of_two(numbers: Ints) -> Ints:
        group = np.searchsorted(across, numbers, side="right")
        first, second = np.divmod(numbers - (across[group] - sizes[group] * later[group]), later[group])
        return members[np.stack([starts[group] + first, starts[group] + sizes[group] + second], axis=1)]

    return Stratum(int(within[-1]), of_one), Stratum(int(across[-1]), of_two)


def _triangle(numbers: Ints) -> Ints:
    """Return the pairs ``i < j`` of given ranks in the order (0, 1), (0, 2), (1, 2), (0, 3) and so on."""
    rows = (np.sqrt(8.0 * numbers + 1) + 1) / 2
    second = rows.astype(np.int64)
    # A square root of a large number rounds: one step either way mends it.
    second -= _start(second) > numbers
    second += _start(second + 1) <= numbers
    return np.stack([numbers - _start(second), second], axis=1)


def _start(rows: Ints) -> Ints:
    """Return the rank of the first pair whose later image is the given one."""
    ranks: Ints = rows * (rows - 1) // 2
    return ranks
