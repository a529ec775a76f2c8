"""The retrieved queue: the most suspicious of all pairs, beside the scores of the pairs that are annotated.

Annotated pairs tell how a method orders what somebody once picked; the queue is what a reviewer would be shown. It
lies beside the ranking, in a file of the same name that ends in ``_queue``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from cleanbench.core import Floats, Issue, Ranking, UserError
from cleanbench.estimates import Places, Sample, unfit
from cleanbench.pairs import pair_count
from cleanbench.rankings import digest_of_rows, id_names, read_exactly, read_table, write_ranking

Pair = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Queue:
    """The most suspicious pairs, best first.

    Attributes:
        items: Pairs of ids, sorted, shape ``(Q,)``.
        scores: Falling, shape ``(Q,)``.
        limit: How many were asked for.
        exact: Whether they are the best of all pairs, not only of candidates.
    """

    items: Sequence[Pair]
    scores: Floats
    limit: int
    exact: bool

    @classmethod
    def of(cls, retrieved: Ranking, ids: Sequence[str], limit: int) -> Self:
        """Return a queue in ids, as `read_queue` would."""
        named = [(ids[first], ids[second]) for first, second in retrieved.items.tolist()]
        return cls(named, retrieved.scores.astype(np.float64), limit, _exact(retrieved))

    @property
    def depth(self) -> int:
        """Up to which depth it is what the method would show: ties that its end cuts through are of no known depth."""
        whole = len(self.items) < self.limit or not len(self.items)
        return len(self.items) if whole else int(np.count_nonzero(self.scores > self.scores[-1]))


def queue_file(ranking: Path) -> Path:
    """Return where the queue of a ranking lies."""
    return ranking.with_name(f"{ranking.stem}_queue{ranking.suffix}")


def write_queue(ranking: Path, queue: Ranking, ids: Sequence[str], limit: int) -> None:
    """Write what was retrieved beside the file of the ranking.

    Args:
        ranking: Where the ranking lies.
        queue: The retrieved pairs, in positions of ``ids``.
        ids: All ids.
        limit: How many pairs were asked for.
    """
    import pyarrow.parquet

    path = queue_file(ranking)
    write_ranking(path, queue, ids)
    # A note in the file itself: a board takes the file and nothing else.
    table = pyarrow.parquet.read_table(path).replace_schema_metadata(
        {"cleanbench": json.dumps({"limit": limit, "exact": _exact(queue)})}
    )
    pyarrow.parquet.write_table(table, path, compression="zstd")


def read_queue(ranking: Path) -> Queue | None:
    """Read the queue of a ranking; None if it has none.

    Raises:
        UserError: If it is damaged.
    """
    import pyarrow.parquet

    path = queue_file(ranking)
    if not path.exists():
        return None
    items, scores = read_table(path, Issue.NEAR_DUPLICATE, "score")
    scores = scores.astype(np.float64)
    try:
        said = json.loads(pyarrow.parquet.read_schema(path).metadata[b"cleanbench"])
        limit, exact = int(said["limit"]), bool(said["exact"])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UserError(f"{path} does not say how it was retrieved; repeat the run with force=true") from error
    if np.isnan(scores).any() or (np.diff(scores) > 0).any() or len(set(items)) < len(items):
        raise UserError(f"{path} is no list of different pairs with falling scores; repeat the run with force=true")
    return Queue(items, scores, limit, exact)


def digest(ranking: Path) -> str:
    """Return the SHA-256 of what the queue of a ranking says, its order and its note included.

    Raises:
        UserError: As `read_queue`, or if the file is missing or holds anything else.
    """
    queue, path = read_queue(ranking), queue_file(ranking)
    if queue is None:
        raise UserError(f"{path} does not exist")
    table = read_exactly(path, [*id_names(Issue.NEAR_DUPLICATE), "score"], ["flag"])
    if set(table.schema.metadata) != {b"cleanbench"}:
        raise UserError(f"{path} has notes that no queue has")
    return digest_of_rows(path, table, json.dumps([queue.limit, queue.exact]))


def queued_places(
    queue: Queue | None, items: Sequence[Pair], scores: Floats, sample: Sample, images: int
) -> Places | None:
    """Return where sampled pairs stand among all pairs; None without a queue of the best of all, or a fit sample.

    In the queue places are those of the ranking. Beyond it the sample estimates them: precision is low there, so that
    little of AP depends on it.

    Args:
        queue: What the method retrieved.
        items: The sampled pairs, as in the queue.
        scores: What the method gives them when asked.
        sample: Their labels and inclusion probabilities.
        images: In the set.
    """
    if queue is None or not queue.exact or unfit(sample, None):
        return None
    depth, total = queue.depth, pair_count(images)
    row = {item: place for place, item in enumerate(queue.items[:depth])}
    inside = np.array([row.get(item, -1) for item in items], dtype=np.int64)
    known = Places.among(queue.scores[np.maximum(inside, 0)], queue.scores) if depth else None
    beyond = inside < 0
    _, level = np.unique(np.where(beyond, -scores, -np.inf), return_inverse=True)
    above, beside = sample.above_and_beside(level, beyond.astype(np.float64))
    before = np.minimum(depth + np.rint(above), total - 1)
    ties = np.minimum(1 + np.rint(beside), total - before)
    if known is not None:
        before, ties = np.where(beyond, before, known.before), np.where(beyond, ties, known.ties)
    return Places(before, ties, depth, total, 0)


def _exact(retrieved: Ranking) -> bool:
    """Return whether pairs are the best of all: what was searched approximately says so."""
    return not retrieved.notes or retrieved.notes.get("candidates") == "all"
