"""Retrieval for scores that are too dear for all pairs: a cheap method names candidates, and a sample tells the recall.

A method hands its score of pairs to `retrieve`, which asks it for the candidates and for all pairs of a few images.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from cleanbench.core import Floats, Ints, Issue, Ranking, UserError
from cleanbench.hashes import average_bits, closest_pairs, difference_bits, frequency_bits, symmetric_bits
from cleanbench.neighbours import top_pairs
from cleanbench.pairs import encode, most_suspicious, pair_count
from cleanbench.progress import progress
from cleanbench.settings import typed
from cleanbench.structure import local_structure
from cleanbench.thumbnails import reduction
from cleanbench.view import View

ALL = "all"  # not a source of candidates: every pair is scored
SAMPLE = 100  # images whose pairs are all scored for the recall
TIMED = 2000  # pairs scored to tell how long all of them would take
BLOCK = 1 << 16  # pairs scored at once for the recall

Score = Callable[[Ints], Floats]
Source = Callable[[View, int], Ints]  # gives so many pairs, or a few less


def of_hash(bits: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]], size: str) -> Source:
    """Return a source of pairs whose hashes differ in few bits."""
    return lambda data, count: closest_pairs(bits(reduction(data, size)), count)[0]


def invariant(data: View, count: int) -> Ints:
    """Return pairs whose hashes differ in few bits after the best of all flips and quarter turns."""
    forms = symmetric_bits(reduction(data, "gray_32x32_symmetric"))
    return closest_pairs(forms[0], count, forms)[0]


def thumbnails(data: View, count: int) -> Ints:
    """Return pairs whose 8 x 8 gray thumbnails correlate."""
    rows = reduction(data, "gray_8x8").reshape(len(data), -1).astype(np.float32)
    return top_pairs(rows - rows.mean(axis=1, keepdims=True), count)[0]


def structure(data: View, count: int) -> Ints:
    """Return pairs of 64 x 64 gray thumbnails whose contrast and structure are alike around every eighth pixel."""
    return top_pairs(local_structure(reduction(data, "gray_64x64_area")), count)[0]


def embeddings(data: View, count: int) -> Ints:
    """Return pairs whose embeddings have a large cosine; for methods that declare `Need.EMBEDDINGS`."""
    return top_pairs(data.embeddings, count)[0]


SOURCES: Mapping[str, Source] = {
    "ahash": of_hash(average_bits, "gray_8x8"),
    "dhash": of_hash(difference_bits, "gray_9x8"),
    "phash": of_hash(frequency_bits, "gray_32x32"),
    "invariant_hash": invariant,
    "structure": structure,
    "thumbnails": thumbnails,
    "embeddings": embeddings,
}


def check(source: str, factor: int, sources: Mapping[str, Source] = SOURCES) -> None:
    """Check a method's settings.

    Raises:
        UserError: If ``source`` is not a key of ``sources``, nor ``all``, or ``factor`` is less than 1.
    """
    if source not in (*sources, ALL):
        raise UserError(
            f"candidates={source!r} is unknown; choose one of {', '.join(sources)}, or {ALL} for every pair"
        )
    if typed("factor", factor, int) < 1:
        raise UserError(f"factor={factor} must be at least 1: so many candidates are scored for each pair retrieved")


def retrieve(
    data: View,
    score: Score,
    limit: int,
    source: str,
    factor: int,
    *,
    sources: Mapping[str, Source] = SOURCES,
    sample: int = SAMPLE,
) -> Ranking:
    """Return the ``limit`` highest-scoring pairs among candidates, best first, ties by position.

    Args:
        data: What candidates are taken from.
        score: Scores pairs ``(M, 2)``, each by itself.
        limit: How many pairs.
        source: A key of ``sources``, or ``all``: every pair is scored, which is exact.
        factor: How many candidates are scored for each pair that is wanted.
        sources: Where candidates may come from.
        sample: How many images are drawn, always the same, to estimate the recall: the share of the true ``limit``
            best pairs that are candidates. Their pairs with all others cost as much as so many candidates; 0 leaves the
            recall unknown.

    Returns:
        A ranking whose notes tell ``candidates``, ``recall`` and ``recall_sample``.

    Raises:
        TooCostly: If every pair is to be scored and that takes more time than the run allows.
    """
    count = len(data)
    limit = min(limit, pair_count(count))
    if limit < 1:
        return Ranking(Issue.NEAR_DUPLICATE, np.zeros((0, 2), dtype=np.int64), np.zeros(0))
    if source == ALL:
        data.afford(seconds_per_pair(score, count) * pair_count(count))
        found = most_suspicious(score, count, limit)
        return Ranking(Issue.NEAR_DUPLICATE, found.items, found.scores, notes={"candidates": ALL, "recall": 1.0})
    candidates = sources[source](data, min(factor * limit, pair_count(count)))
    codes = encode(candidates, count)
    scores = np.asarray(score(candidates), dtype=np.float64)
    best = np.lexsort((codes, -scores))[:limit]
    drawn = min(sample, count)
    notes: dict[str, str | int | float] = {"candidates": source}
    if drawn:
        notes |= {"recall": recall(score, count, limit, codes, scores, drawn), "recall_sample": drawn}
    return Ranking(Issue.NEAR_DUPLICATE, candidates[best], scores[best], notes=notes)


def recall(score: Score, count: int, limit: int, codes: Ints, scores: Floats, sample: int) -> float:
    """Estimate which share of the ``limit`` highest-scoring of all pairs is among candidates.

    All partners of a random sample of images are scored. A pair that is no candidate is seen with the probability p
    that one of its images is drawn, and stands for 1 / p such pairs (Horvitz and Thompson, 1952); candidates are all
    seen. Among pairs and those that they stand for, the best ``limit`` are looked at. If every image is drawn this is
    the recall itself; if none that was missed happens to be seen it is 1, so few images say little of few misses.

    Args:
        score: Scores pairs ``(M, 2)``.
        count: How many images there are.
        limit: How many pairs are wanted, at least 1.
        codes: The candidates, as `pairs.encode` numbers them.
        scores: Their scores.
        sample: How many images are drawn.

    Returns:
        The estimate, in [0, 1].
    """
    if sample < 1:
        raise ValueError(f"sample={sample} must be at least 1")
    images = np.sort(np.random.default_rng(0).choice(count, sample, replace=False))
    # What does not reach the last of the candidates' best cannot be among the best of all.
    enough = np.sort(scores)[-limit] if len(scores) >= limit else -np.inf
    missed: list[Floats] = []
    step = max(1, BLOCK // count)
    with progress("recall", sample, "image") as bar:
        for start in range(0, sample, step):
            part = images[start : start + step]
            pairs = _partners(part, images, count)
            found = np.asarray(score(pairs), dtype=np.float64)
            better = found > enough
            new = ~np.isin(encode(pairs[better], count), codes)
            missed.append(found[better][new])
            bar.update(len(part))
    unseen = (count - sample) * (count - sample - 1) / (count * (count - 1))
    missing = np.concatenate(missed)
    values = np.concatenate([scores, missing])
    weights = np.concatenate([np.ones(len(scores)), np.full(len(missing), 1 / (1 - unseen))])
    order = np.lexsort((np.arange(len(values)) >= len(scores), -values))  # of equal ones the candidates first
    # What each of the pairs in order adds until they and those that they stand for are as many as are wanted.
    reached = np.minimum(np.cumsum(weights[order]), limit)
    added = np.diff(reached, prepend=0.0)
    return float(added[order < len(scores)].sum() / limit)


def seconds_per_pair(score: Score, count: int) -> float:
    """Return the CPU seconds that a pair takes, measured on some random pairs."""
    rng = np.random.default_rng(0)
    first = rng.integers(count - 1, size=TIMED)
    pairs = np.stack([first, rng.integers(first + 1, count)], axis=1)
    score(pairs[:2])  # what is read or compiled once must not count for every pair
    start = time.process_time()
    score(pairs)
    return (time.process_time() - start) / TIMED


def _partners(images: Ints, sample: Ints, count: int) -> Ints:
    """Return all pairs of ``images`` with others, ``i < j``; of two images of the sample only once."""
    first = np.repeat(images, count)
    second = np.tile(np.arange(count), len(images))
    in_sample = np.zeros(count, dtype=bool)
    in_sample[sample] = True
    kept = (first != second) & (~in_sample[second] | (first < second))
    return np.sort(np.stack([first[kept], second[kept]], axis=1), axis=1)
