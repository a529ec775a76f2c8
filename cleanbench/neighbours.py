"""Kernels that methods share: nearest neighbours, cosines and Hamming distances of pairs, top pairs.

Blocked matrix products in the embeddings' own precision find the candidates, and row-wise products in float64
decide between them. So no N x N array exists, and a number that is returned depends on its two images alone, not
on the block that they met in: matrix products round differently from one block shape to the next, and from one
processor or device to the next. Candidates come from ``device``, decisions from the processor.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import Floats, Ints
from cleanbench.measures import (
    BLOCK_BYTES,
    PAIR_VALUES,
    Cosines,
    blocks,
    cosine,
    normalised,
    products_of_rows,
    rounding,
    working_precision,
)
from cleanbench.pairs import pair_count
from cleanbench.products import LOWEST, Engine, OnProcessor, engine_for
from cleanbench.progress import progress

__all__ = [
    "BLOCK_BYTES",
    "PAIR_VALUES",
    "Cosines",
    "blocks",
    "cosine",
    "farthest",
    "hamming",
    "label_distances",
    "nearest",
    "nearest_cost",
    "normalised",
    "products_of_rows",
    "rounding",
    "top_pairs",
    "top_pairs_cost",
    "working_precision",
]

CROWD = 1 << 18  # pairs within rounding of the last one wanted that are all kept, for float64 to decide
PATIENCE = 1 << 23  # pairs of larger crowds that are compared exactly: seconds; beyond, products decide
SPARE = 8  # candidates beyond the k nearest, so that rounding in the product cannot push one of the k out


def hamming(packed: npt.NDArray[np.uint8], pairs: Ints) -> Ints:
    """Return how many bits differ for each pair ``(M, 2)``, shape ``(M,)``.

    Args:
        packed: Bits of each image as `numpy.packbits` packs them, shape ``(N, bytes)``.
        pairs: Positions of two images.
    """
    distances = np.empty(len(pairs), dtype=np.int64)
    step = max(1, PAIR_VALUES // packed.shape[1])
    for start in range(0, len(pairs), step):
        first, second = pairs[start : start + step].T
        distances[start : start + step] = np.bitwise_count(packed[first] ^ packed[second]).sum(axis=1)
    return distances


def nearest_cost(count: int, columns: int) -> tuple[float, float]:
    """Return the CPU seconds and the bytes that `nearest` is expected to take.

    Fitted to 370 seconds for 100,000 rows of 384 columns on a shared core; memory is that of a normalised copy and a
    few blocks.
    """
    return 4e-11 * count**2 * (columns + 400), 8.0 * count * columns + 2**27


def nearest(embeddings: Floats, k: int, measure: type[Cosines] = Cosines, device: str = "cpu") -> tuple[Ints, Floats]:
    """Return the k rows nearest to each row and their similarities, by default cosines, both ``(N, k)``, nearest first.

    A row is no neighbour of itself, an equal row is one. Ties are ordered by position.

    Raises:
        ValueError: If ``k`` is not in ``[1, N - 1]``.
        UserError: If there is no such device.
    """
    count = len(embeddings)
    if not 1 <= k < count:
        raise ValueError(f"k must be between 1 and {count - 1} for {count} rows, not {k}")
    engine, exact = engine_for(device), measure(embeddings)
    unit = exact.factors()
    columns, wide = engine.put(unit), None
    indices = np.empty((count, k), dtype=np.int64)
    similarities = np.empty((count, k))
    with progress("neighbours", count, "image") as bar:
        for rows in blocks(count, count * unit.itemsize // engine.room):
            here = np.arange(rows.start, rows.stop)
            block = engine.product(exact.facing(unit[rows]), columns)
            indices[rows], similarities[rows], near = _nearest_in(engine, exact, block, here, k, exact.noise(unit))
            if near and unit.dtype == np.float32:
                # A crowd, of copies or of a network that has collapsed: float64 tells more of it apart.
                wide = measure(embeddings.astype(np.float64)).factors() if wide is None else wide
                again, narrow = here[list(near)], OnProcessor()
                block = narrow.product(exact.facing(wide[again]), wide)
                indices[again], similarities[again], near = _nearest_in(
                    narrow, exact, block, again, k, exact.noise(wide)
                )
                here = again
            for row, candidates in near.items():
                indices[here[row]], similarities[here[row]] = _first_best(exact, here[row], candidates, k)
            bar.update(rows.stop - rows.start)
    return indices, similarities


def _nearest_in(
    engine: Engine, exact: Cosines, block: Any, rows: Ints, k: int, noise: float
) -> tuple[Ints, Floats, dict[int, Ints]]:
    """Return the k nearest of ``rows``, given their products with all rows, and their similarities.

    Where more lie within rounding of the k-th than there are spares, these are not reliable: such rows of the block are
    returned with all that may be among the k.
    """
    engine.forget(block, np.arange(len(rows)), rows)
    wanted = min(k + SPARE, block.shape[1] - 1)
    candidates, least = engine.largest(block, wanted)
    found = exact(np.repeat(rows, wanted), candidates.ravel()).reshape(candidates.shape)
    order = np.argsort(-found, axis=1, kind="stable")[:, :k]
    similarities = np.take_along_axis(found, order, axis=1)
    enough = 1 - 2 * exact.distances(similarities[:, -1]) - noise
    crowded = np.flatnonzero(least >= enough).tolist() if wanted < block.shape[1] - 1 else []
    near = {row: engine.row_at_least(block, row, enough[row]) for row in crowded}
    return np.take_along_axis(candidates, order, axis=1), similarities, near


def _first_best(exact: Cosines, row: int, near: Ints, k: int) -> tuple[Ints, Floats]:
    """Return the k most similar of the rows ``near``, ascending, of equally similar ones the first."""
    best, similarities = near[:0], np.zeros(0)
    itself = exact(np.array([row]), np.array([row]))[0]
    step = max(k, PAIR_VALUES // exact.embeddings.shape[1])
    for start in range(0, len(near), step):
        part = near[start : start + step]
        best, similarities = np.append(best, part), np.append(similarities, exact(np.full(len(part), row), part))
        order = np.argsort(-similarities, kind="stable")[:k]
        best, similarities = best[order], similarities[order]
        if similarities[-1] == itself:  # copies, maybe by the thousand: nothing is more similar to a row than it is
            break
    return best, similarities


def top_pairs(
    embeddings: Floats, limit: int, measure: type[Cosines] = Cosines, device: str = "cpu"
) -> tuple[Ints, Floats]:
    """Return the ``limit`` pairs of largest similarity, shape ``(limit, 2)``, and the similarities; largest first.

    Ties are ordered by (i, j). Memory is that of a block and of a few times ``limit`` pairs. Where millions of pairs
    lie within rounding of the last one wanted, as in a network that has collapsed, others of these may be returned.

    Raises:
        UserError: If there is no such device.
    """
    engine, exact = engine_for(device), measure(embeddings)
    unit = exact.factors()
    count = len(unit)
    limit = min(limit, pair_count(count))
    if limit == 0:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0)
    best, columns = _Best(limit, exact, exact.noise(unit)), engine.put(unit)
    with progress("pairs", pair_count(count), "pair") as bar:
        for rows in blocks(count, count * unit.itemsize // engine.room):
            block = engine.product(exact.facing(unit[rows]), columns[rows.start :])
            # The diagonal is no pair, and what lies left of it was seen from the other side.
            engine.forget_lower(block)
            found, products = engine.at_least(block, best.threshold)
            # From a place in the block to i * N + j.
            found += found // block.shape[1] * rows.start + rows.start * (count + 1)
            best.add(found, products)
            bar.update(pair_count(count - rows.start) - pair_count(count - rows.stop))
    pairs = np.stack(np.divmod(best.codes, count), axis=1)
    found_exactly = exact(pairs[:, 0], pairs[:, 1])
    order = np.lexsort((best.codes, -found_exactly))[:limit]
    return pairs[order], found_exactly[order]


def top_pairs_cost(count: int, columns: int) -> float:
    """Return the CPU seconds that `top_pairs` is expected to take, measured on one core."""
    return 5e-11 * pair_count(count) * columns


class _Best:
    """The pairs that may be among the ``limit`` most similar, in the order of their codes."""

    def __init__(self, limit: int, exact: Cosines, noise: float) -> None:
        self.limit = limit
        self.exact = exact
        self.noise = noise
        self.room = 2 * limit  # pairs that may be held until the threshold is raised
        self.patience = PATIENCE
        self.threshold = LOWEST
        self.codes: Ints = np.zeros(0, dtype=np.int64)
        self.similarities: Floats = np.zeros(0, dtype=np.float32)

    def add(self, codes: Ints, similarities: Floats) -> None:
        self.codes = np.concatenate([self.codes, codes])
        self.similarities = np.concatenate([self.similarities, similarities])
        if len(self.codes) > self.room:
            self._shrink()

    def _shrink(self) -> None:
        last = np.partition(self.similarities, -self.limit)[-self.limit]
        # Whatever rounding may have put below the last one stays, for the exact products to decide.
        self.threshold = max(self.threshold, float(last) - 2 * self.noise)  # either of two products may be wrong
        kept: Ints = np.flatnonzero(self.similarities >= self.threshold)
        if len(kept) > max(2 * self.limit, CROWD):  # memory is bounded
            if self.patience > 0:
                kept = self._closest(kept)
            else:
                above = np.flatnonzero(self.similarities > last)
                tied = np.flatnonzero(self.similarities == last)[: self.limit - len(above)]
                kept = np.sort(np.concatenate([above, tied]))
        self.codes, self.similarities = self.codes[kept], self.similarities[kept]
        self.room = 2 * max(self.limit, len(kept))

    def _closest(self, kept: Ints) -> Ints:
        """Return which of the pairs ``kept`` are the ``limit`` most similar, ascending, of like ones the first."""
        rows, columns = self.exact.embeddings.shape
        best, similarities = kept[:0], np.zeros(0)
        step = max(self.limit, PAIR_VALUES // columns)
        for start in range(0, len(kept), step):
            part = kept[start : start + step]
            best = np.append(best, part)
            similarities = np.append(similarities, self.exact(*np.divmod(self.codes[part], rows)))
            order = np.lexsort((best, -similarities))[: self.limit]
            best, similarities = best[order], similarities[order]
            self.patience -= len(part)
            if len(best) == self.limit and self.exact.distances(similarities[-1:])[0] == 0:
                self.threshold = np.inf  # copies, maybe by the million: no later pair comes before them
                break
        return np.sort(best)


def label_distances(
    embeddings: Floats, labels: Ints, measure: type[Cosines] = Cosines, device: str = "cpu"
) -> tuple[Floats, Floats]:
    """Return each row's distance to the nearest other row of its own label and to the nearest of another label.

    The distance is that of the measure, by default (1 - cosine) / 2, in [0, 1]. Where more rows than are worth
    comparing exactly (`cleanbench.products.CANDIDATES`) lie within rounding of the nearest, it may be that of another
    of these, which is farther by that rounding at most.

    Returns:
        Two arrays ``(N,)``, float64; infinite where no such row exists.

    Raises:
        UserError: If there is no such device.
    """
    # Sorted by label, the rows of a class are neighbouring columns: two slices instead of a mask of N x N.
    order = np.argsort(labels, kind="stable")
    bounds = np.append(np.unique(labels[order], return_index=True)[1], len(labels))
    engine, exact = engine_for(device), measure(embeddings)
    unit = exact.factors()[order]
    columns, depth = engine.put(unit), 2 * exact.noise(unit)
    nearest_of = np.full((2, len(unit)), -np.inf)
    with progress("labels", len(unit), "image") as bar:
        for rows in blocks(len(unit), len(unit) * unit.itemsize // engine.room):
            block = engine.product(exact.facing(unit[rows]), columns)
            here = np.arange(rows.start, rows.stop)
            engine.forget(block, here - rows.start, here)
            inside = np.searchsorted(bounds, (rows.start, rows.stop - 1), side="right") - 1
            found: list[list[tuple[Ints, Ints]]] = [[], []]
            for which in range(inside[0], inside[1] + 1):
                start, stop = max(bounds[which], rows.start), min(bounds[which + 1], rows.stop)
                own = block[start - rows.start : stop - rows.start, bounds[which] : bounds[which + 1]]
                members, partners = engine.near_best(own, depth)
                found[0].append((members + start, partners + bounds[which]))
                own[...] = -np.inf
            others, partners = engine.near_best(block, depth)
            found[1].append((others + rows.start, partners))
            for side, parts in enumerate(found):
                first, second = map(np.concatenate, zip(*parts, strict=True))
                np.maximum.at(nearest_of[side], order[first], exact(order[first], order[second]))
            bar.update(len(here))
    return exact.distances(nearest_of[0]), exact.distances(nearest_of[1])


def farthest(embeddings: Floats, rows: Ints, measure: type[Cosines] = Cosines, device: str = "cpu") -> Floats:
    """Return the distance of each of ``rows`` to the row farthest from it, by the measure, shape ``(len(rows),)``.

    As in `label_distances`, of many rows within rounding of the farthest it may be another one. A row that is alone
    has distance 0, to itself.

    Raises:
        UserError: If there is no such device.
    """
    engine, exact = engine_for(device), measure(embeddings)
    unit = exact.factors()
    columns, depth = engine.put(unit), 2 * exact.noise(unit)
    least = np.ones(len(rows))
    for part in blocks(len(rows), len(unit) * unit.itemsize // engine.room):
        block = engine.product(-exact.facing(unit[rows[part]]), columns)
        members, partners = engine.near_best(block, depth)
        chosen = members + part.start
        np.minimum.at(least, chosen, exact(rows[chosen], partners))
    return exact.distances(least)
