"""Groups of images that belong together, and how far a split tears them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from cleanbench.core import Ints, UserError

# A split has a few parts; a column with more values is another one, and its pairs of parts are too many to read.
MOST_PARTS = 20


@dataclass(frozen=True)
class GroupCounts:
    """How images fall into groups: lesions, patients, captures.

    Attributes:
        images: Images whose group is known.
        unknown: Images whose group is not.
        groups: Groups.
        repeated: Groups of two or more images.
        pairs: Unordered pairs of images of one group.
        sizes: How many groups have how many images, by size, ascending.
    """

    images: int
    unknown: int
    groups: int
    repeated: int
    pairs: int
    sizes: Mapping[int, int]


@dataclass(frozen=True)
class Leak:
    """What several parts of a split share.

    Attributes:
        parts: The parts compared, two of them or all.
        groups: Groups that have an image in every one of these parts.
        images: Images of those groups in each of these parts, in their order.
        combinations: Ways to take one image from each of the parts, all of one group. Joining the tables of the parts
            on the group yields as many rows, which are therefore no count of images: an image counts several times.
    """

    parts: tuple[str, ...]
    groups: int
    images: tuple[int, ...]
    combinations: int


def group_counts(groups: Sequence[str]) -> GroupCounts:
    """Count images, groups and pairs.

    Args:
        groups: The group of each image, shape ``(N,)``; an empty text where it is not known.

    Example:
        >>> group_counts(["a", "b", "a", "", "a"])
        GroupCounts(images=4, unknown=1, groups=2, repeated=1, pairs=3, sizes={1: 1, 3: 1})
    """
    codes, names = group_codes(groups)
    members = np.bincount(codes[codes >= 0], minlength=len(names))
    sizes, times = np.unique(members, return_counts=True)
    counted = dict(zip(sizes.tolist(), times.tolist(), strict=True))
    return GroupCounts(
        images=int(members.sum()),
        unknown=int(np.count_nonzero(codes < 0)),
        groups=len(names),
        repeated=sum(times for size, times in counted.items() if size > 1),
        pairs=sum(times * comb(size, 2) for size, times in counted.items()),
        sizes=counted,
    )


def leaks(groups: Sequence[str], split: Sequence[str]) -> list[Leak]:
    """Count what the parts of a split share, for every pair of parts and, of three or more, for all together.

    A group in two parts is a leak: whoever trains on one part has seen it before testing on the other. The counts
    know nothing of duplicates across groups, nor of images whose group or part is not told.

    Args:
        groups: The group of each image, shape ``(N,)``; an empty text where it is not known.
        split: The part that each image is in, shape ``(N,)``; an empty text where it is in none.

    Returns:
        Pairs of parts in the order of the parts' names, then all parts.

    Raises:
        UserError: If the lengths differ, or the split has more parts than a split has.

    Example:
        >>> leaks(["a", "a", "a", "b", "b", "c"], ["test", "train", "train", "train", "train", "test"])
        [Leak(parts=('test', 'train'), groups=1, images=(1, 2), combinations=2)]
    """
    if len(groups) != len(split):
        raise UserError(f"{len(groups)} groups do not fit a split of {len(split)} images; give one of each per image")
    codes, names = group_codes(groups)
    parts = sorted({str(part) for part in split} - {""})
    if len(parts) > MOST_PARTS:
        raise UserError(
            f"the split has {len(parts)} parts ({', '.join(map(repr, parts[:3]))}, …), at most {MOST_PARTS} are "
            "compared; is this another column?"
        )
    place = {part: position for position, part in enumerate(parts)}
    where = np.array([place.get(part, -1) for part in split], dtype=np.int64)
    told = (codes >= 0) & (where >= 0)
    cells = codes[told] * len(parts) + where[told]
    table = np.bincount(cells, minlength=len(names) * len(parts)).reshape(len(names), len(parts))
    compared = [*combinations(range(len(parts)), 2)]
    if len(parts) > 2:
        compared.append(tuple(range(len(parts))))  # type: ignore[arg-type] # all of them, not two
    return [_leak(table[:, columns], tuple(parts[column] for column in columns)) for columns in compared]


def group_codes(groups: Sequence[str]) -> tuple[Ints, list[str]]:
    """Return each image's group as a position among the names, -1 for an empty text, and the names as first seen."""
    names: dict[str, int] = {}
    codes = [names.setdefault(group, len(names)) if group else -1 for group in groups]
    return np.array(codes, dtype=np.int64), list(names)


def _leak(table: Ints, parts: tuple[str, ...]) -> Leak:
    shared = table[(table > 0).all(axis=1)]
    return Leak(
        parts,
        groups=len(shared),
        images=tuple(shared.sum(axis=0).tolist()),
        combinations=int(shared.prod(axis=1).sum()),
    )
