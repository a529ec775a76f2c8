"""Top pairs by an approximate index (FAISS), with the recall measured on a sample instead of believed.

It depends on the data as much as on the index. Of the 10,000 nearest pairs of 100,000 rows of 384 columns, ``hnsw``
found all in 40 CPU seconds where rows form clusters, and half in 150 where they are random; ``ivf`` a fifth in 30. The
exact search (`cleanbench.neighbours.top_pairs`) took 50.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from cleanbench.core import Floats, Ints
from cleanbench.measures import BLOCK_BYTES, Cosines
from cleanbench.pairs import decode, encode, pair_count
from cleanbench.progress import progress
from cleanbench.view import NotApplicable

INDEXES = ("hnsw", "ivf")
HNSW, IVF = 2.4e-7, 2.5e-9  # CPU seconds per row, column and what `cost` multiplies them with
BATCH = 1024  # rows added or asked for at once, and images whose recall is measured at once
ENOUGH = 100  # exact pairs on which a recall should rest; more images are sampled until there are as many
LARGEST_SAMPLE = 10  # times the sample asked for


@dataclass(frozen=True)
class Search:
    """How an index is built and asked.

    Attributes:
        index: ``hnsw`` (a graph: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
            Hierarchical Navigable Small World graphs", TPAMI 2020) or ``ivf`` (inverted lists of k-means cells).
        neighbours: Neighbours asked for each image; more where the pairs wanted need more.
        sample: Images on which the recall is measured.
        seed: Of graph levels, cells and the sample.
        threads: Of the search; the index is built by one, so that it is the same every time.
    """

    index: str = "hnsw"
    neighbours: int = 50
    sample: int = 500
    seed: int = 0
    threads: int = 1


def approximate_top_pairs(
    embeddings: Floats, limit: int, measure: type[Cosines], search: Search
) -> tuple[Ints, Floats, Mapping[str, str | int | float]]:
    """Return the most similar pairs among the approximate neighbours of each row, and what recall they have.

    Similarities are exact; what is approximate is which pairs are looked at.

    Args:
        embeddings: Shape ``(N, D)``.
        limit: Pairs wanted.
        measure: Of similarity.
        search: How to search.

    Returns:
        Pairs ``(M, 2)``, largest similarity first, ties by position; similarities ``(M,)``; and notes: ``index``,
        ``recall`` (see `measured_recall`), ``recall_sample`` and ``recall_pairs``.

    Raises:
        NotApplicable: If FAISS is not installed.
    """
    count = len(embeddings)
    limit = min(limit, pair_count(count))
    if limit == 0:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0), {"index": search.index}
    exact = measure(embeddings)
    k = min(max(search.neighbours, -(-4 * limit // count)), count - 1)
    pairs = _neighbours(exact.points(), k, search)
    similarities = exact(pairs[:, 0], pairs[:, 1])
    order = np.lexsort((encode(pairs, count), -similarities))[:limit]
    pairs, similarities = pairs[order], similarities[order]
    least = similarities[-1] if len(pairs) == limit else -np.inf
    notes = {"index": search.index} | measured_recall(exact, pairs, float(least), search.sample, search.seed)
    return pairs, similarities, notes


def cost(index: str, count: int, columns: int) -> tuple[float, float]:
    """Estimate the CPU seconds and bytes of `approximate_top_pairs`, as measured on random rows.

    They were 16,577 rows of 192 columns and 100,000 of 384. Rows with structure take less: an index finds its way.
    """
    seconds = HNSW * count * math.log2(max(2, count)) if index == "hnsw" else IVF * count**1.5
    return seconds * columns, count * (12.0 * columns + 400)


def measured_recall(exact: Cosines, pairs: Ints, least: float, sample: int, seed: int) -> dict[str, int | float]:
    """Measure what share of the pairs that should be listed is listed, on random images compared with all others.

    For a sampled image, the pairs that are missed are those more similar than the last one listed; pairs tied with
    that one are no loss. Images are sampled until `ENOUGH` listed or missed pairs are seen, at least ``sample`` of them
    and at most ten times as many.

    Args:
        exact: The measure of the rows.
        pairs: What is listed, shape ``(M, 2)``.
        least: The similarity of the last one listed; ``-inf`` if fewer are listed than were wanted.
        sample: Images.
        seed: Draws them.

    Returns:
        ``recall``, left out where no pair was seen; ``recall_sample``, how many images; ``recall_pairs``, how many
        pairs that should be listed they have.
    """
    count, unit = len(exact.embeddings), exact.factors()
    listed = np.sort(encode(pairs, count))
    touching = np.bincount(pairs.ravel(), minlength=count)
    images = np.random.default_rng(seed).permutation(count)[: LARGEST_SAMPLE * sample]
    enough = 1 - 2 * float(exact.distances(np.array([least]))[0]) - exact.noise(unit)
    rounds = -(-sample * count * unit.itemsize // BLOCK_BYTES)
    step = -(-sample // rounds)
    hits = missed = seen = 0
    with progress("recall", len(images), "image") as bar:
        for start in range(0, len(images), step):
            if seen >= sample and hits + missed >= ENOUGH:
                break
            chosen = images[start : start + step]
            rows, others = np.nonzero(exact.facing(unit[chosen]) @ unit.T >= enough)
            better = np.stack([chosen[rows], others], axis=1)
            better = better[better[:, 0] != better[:, 1]]
            better = better[exact(better[:, 0], better[:, 1]) > least]
            missed += int(np.count_nonzero(~np.isin(encode(np.sort(better, axis=1), count), listed)))
            hits += int(touching[chosen].sum())
            seen += len(chosen)
            bar.update(len(chosen))
    notes: dict[str, int | float] = {"recall_sample": seen, "recall_pairs": hits + missed}
    return notes | ({"recall": round(hits / (hits + missed), 4)} if hits + missed else {})


def _neighbours(points: Floats, k: int, search: Search) -> Ints:
    """Return the different pairs of each point and its k approximate neighbours."""
    faiss = _faiss()
    count = len(points)
    found = np.zeros(0, dtype=np.int64)
    with _threads(faiss, 1):
        index = _built(faiss, points, k, search)
        faiss.omp_set_num_threads(search.threads)
        with progress(f"{search.index} search", count, "image") as bar:
            for start in range(0, count, BATCH):
                part = points[start : start + BATCH]
                _, columns = index.search(part, k + 1)  # the point itself is among them
                first = np.repeat(np.arange(start, start + len(part)), k + 1)
                pairs = np.sort(np.stack([first, columns.ravel()], axis=1), axis=1)
                pairs = pairs[(pairs[:, 0] >= 0) & (pairs[:, 0] != pairs[:, 1])]  # -1 where fewer were found
                found = np.append(found, encode(pairs, count))
                bar.update(len(part))
    return decode(np.unique(found), count)


def _built(faiss: Any, points: Floats, k: int, search: Search) -> Any:
    columns = points.shape[1]
    if search.index == "hnsw":
        index = faiss.IndexHNSWFlat(columns, 32)
        index.hnsw.rng = faiss.RandomGenerator(search.seed)
        index.hnsw.efConstruction, index.hnsw.efSearch = 80, max(64, 2 * k)
    else:
        cells = max(1, min(int(4 * np.sqrt(len(points))), len(points) // 39))
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(columns), columns, cells)
        index.cp.seed, index.cp.min_points_per_centroid, index.cp.niter = search.seed, 1, 10
        index.nprobe = min(cells, 16)
        index.train(points)
    with progress(f"{search.index} index", len(points), "image") as bar:
        for start in range(0, len(points), BATCH):
            part = points[start : start + BATCH]
            index.add(part)
            bar.update(len(part))
    return index


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise NotApplicable(
            f"an approximate index needs FAISS ({error}): python -m pip install faiss-cpu, or use index=exact"
        ) from error
    return faiss


@contextmanager
def _threads(faiss: Any, number: int) -> "Iterator[None]":
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(number)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
