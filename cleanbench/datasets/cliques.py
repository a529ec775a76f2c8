"""Groups of images of one scene -> ground truth about pairs: which groups say what is alike, and little else.

A partition of images into groups states its positives: all pairs in a group. That two images of different groups
are no near-duplicates follows from it, but nobody looked at most of those pairs, and there are N² / 2 of them. So
a sample stands for them, with the probability of each pair to be drawn. Most pairs of a sample are far apart, which
makes them easy: AUROC and AP against such a truth are higher than against judged candidates, and are not to be
compared with those.
"""

import ast
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from cleanbench.contamination.negatives import negative_pairs
from cleanbench.core import Floats, GroundTruth, Ints, Issue, UserError
from cleanbench.datasets.tables import count, some
from cleanbench.datasets.truth_tables import AMBIGUOUS, MOST_PAIRS, expand

# The first digits of an MD5 sum, by which the file names of Abhishek et al. name images.
PREFIX = 8


def cliques_truth(
    ids: Sequence[str], cliques: Iterable[Sequence[int]], labels: Ints | None, negatives: int, name: str, told: str
) -> GroundTruth | None:
    """Return the truth that a partition states.

    Args:
        ids: All ids of the image set, sorted.
        cliques: Positions of images that show one scene; groups of one state nothing.
        labels: Classes of the images: half of the sampled pairs are of one class. None: all count as one class.
        negatives: How many pairs of different groups to draw, the same ones each time. With 0 there are none, and
            most metrics are undefined.
        name: Which truth it is.
        told: Where the groups come from, for a message.

    Returns:
        The truth, with `GroundTruth.inclusion`; None if no group has two images.

    Raises:
        UserError: If the groups are too large to be of one scene each, or overlap.
    """
    groups = [np.unique(np.asarray(clique, dtype=np.int64)) for clique in cliques]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        return None
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    members = np.concatenate(groups)
    total = int((sizes * (sizes - 1) // 2).sum())
    if total > MOST_PAIRS:
        raise UserError(
            f"{told}: its groups hold {total:,} pairs, at most {MOST_PAIRS:,} are read; a group should list images "
            f"of one scene (the largest has {sizes.max():,})"
        )
    if len(np.unique(members)) < len(members):
        twice = [ids[position] for position in np.flatnonzero(np.bincount(members) > 1).tolist()]
        raise UserError(f"{told}: {count(len(twice), 'image')} in more than one group: {some(twice)}")
    alike = np.sort(expand(members, sizes)[0], axis=1)
    classes = np.zeros(len(ids), dtype=np.int64) if labels is None else labels
    drawn: Ints = np.zeros((0, 2), dtype=np.int64)
    chances: Floats = np.zeros(0)
    if negatives:
        # A third is drawn for pairs with a planted copy, of which there are none here.
        rng = np.random.default_rng(0)
        drawn, chances = negative_pairs(classes, len(ids), alike, -(-negatives * 3 // 2), rng)
    return GroundTruth.of(
        Issue.NEAR_DUPLICATE,
        ids,
        np.concatenate([alike, drawn]),
        np.repeat([1, 0], [len(alike), len(drawn)]),
        name=name,
        inclusion=np.concatenate([np.ones(len(alike)), chances]),
        presumed=bool(len(drawn)),
    )


def read_clusters(path: Path, ids: Sequence[str]) -> tuple[list[list[int]], list[str]]:
    """Read ``complete_clusters.txt`` of Abhishek et al. (Scientific Data 12:196, 2025).

    A line is a Python list of names such as ``ps_f2_260_19420e6f``, whose end is the beginning of an MD5 sum. Lines
    that share an image are one cluster, since being of one scene is transitive.

    Args:
        path: The file.
        ids: All ids of the image set, sorted: MD5 sums.

    Returns:
        The positions of the images of each cluster, and what the user should know, in sentences.

    Raises:
        UserError: If the file is no such list, or names none of the images.
    """
    positions: dict[str, int] = {}
    for position, key in enumerate(ids):
        positions[key[:PREFIX]] = AMBIGUOUS if key[:PREFIX] in positions else position
    unknown: list[str] = []
    ambiguous: list[str] = []
    merged = _Unions(len(ids))
    found: set[int] = set()
    for number, line in enumerate(_lines(path), 1):
        placed = []
        for name in _names(path, number, line) if line.strip() else []:
            place = positions.get(name.rsplit("_", 1)[-1])
            if place is None or place == AMBIGUOUS:
                (unknown if place is None else ambiguous).append(name)
            else:
                placed.append(place)
        found.update(placed)
        for one, other in pairwise(placed):
            merged.join(one, other)
    if not found:
        raise UserError(
            f"{path} names none of the images: {some(unknown)}; the last part of a name should be the first "
            f"{PREFIX} digits of an id"
        )
    remarks = []
    if unknown:
        remarks.append(f"{path}: passed over {count(len(unknown), 'name')} of no image: {some(unknown)}")
    if ambiguous:
        remarks.append(f"{path}: passed over {count(len(ambiguous), 'name')} of several images: {some(ambiguous)}")
    clusters: dict[int, list[int]] = {}
    for position in sorted(found):
        clusters.setdefault(merged.root(position), []).append(position)
    return list(clusters.values()), remarks


class _Unions:
    """Sets that are joined: union-find with halved paths."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, item: int) -> int:
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        self._parent[self.root(other)] = self.root(one)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text; it should be complete_clusters.txt") from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror or error}; it should be complete_clusters.txt"
        ) from error


def _names(path: Path, number: int, line: str) -> list[str]:
    try:
        names = ast.literal_eval(line.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        names = None
    wrong = not isinstance(names, list) or not all(
        isinstance(name, str) and re.fullmatch(r".*_[0-9a-f]{8}", name) for name in names
    )
    if names is None or wrong:
        raise UserError(
            f"{path}, line {number}: expected a list such as ['ps_f2_260_19420e6f', 'ps_f1_127_e769e89a'], "
            f"not {some([line.strip()])}"
        )
    return list(names)
