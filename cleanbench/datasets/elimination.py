"""Which image stood at which index of a list, told from the list of those that were left when some were removed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath

from cleanbench.core import UserError


@dataclass(frozen=True)
class Places:
    """Where images stood in the whole list.

    Attributes:
        names: The image at each index, shape ``(N,)``; empty where it is one of several.
        sets: Indices and, in no order, the images that stood there: as many of each, two or more.
    """

    names: tuple[str, ...]
    sets: tuple[tuple[frozenset[int], frozenset[str]], ...]

    def marked(self, indices: Iterable[int]) -> dict[str, bool]:
        """Return for each image whether its index is among ``indices``; an image of which that is open is left out."""
        wanted = frozenset(indices)
        told = {name: index in wanted for index, name in enumerate(self.names) if name}
        for places, names in self.sets:
            if not places & wanted or places <= wanted:
                told |= dict.fromkeys(names, places <= wanted)
        return told


def place(size: int, kept: Sequence[str], removed: Iterable[int], orders: Iterable[Sequence[str]]) -> Places | None:
    """Place all images by an order of the whole list that yields the kept ones, in their order, without the removed.

    Args:
        size: Images of the whole list.
        kept: The images that were left, in the order of the list.
        removed: Indices of the others.
        orders: Orders that the whole list may have had.

    Returns:
        The places, or None if no order fits.
    """
    gone = frozenset(removed)
    for order in orders:
        if len(order) == size and [name for index, name in enumerate(order) if index not in gone] == list(kept):
            return Places(tuple(order), ())
    return None


def eliminate(size: int, kept: Sequence[str], removed: Iterable[int], others: Iterable[str]) -> Places:
    """Place the kept images, whose order is known, and the removed ones as far as their folders tell.

    If the kept images show that the list goes folder by folder, an index between two of a folder was in that folder,
    and if as many other images lie in a folder as such indices, these images stood at these indices.

    Args:
        size: Images of the whole list.
        kept: The images that were left, as paths, in the order of the list.
        removed: Indices of the others.
        others: The others, as paths, as many.

    Raises:
        UserError: If the numbers do not add up.
    """
    gone = sorted(removed)
    left = sorted(others)
    if len(kept) + len(gone) != size or len(left) != len(gone):
        raise UserError(f"{len(kept)} images kept and {len(gone)} removed are not {size}, or {len(left)} were given")
    names = [""] * size
    remaining = iter(kept)
    for index in sorted(set(range(size)) - set(gone)):
        names[index] = next(remaining)
    folders = [_folder(name) for name in kept]
    in_one_go = len(set(folders)) == sum(1 for _ in groupby(folders))
    by_folder: dict[str | None, set[int]] = {}
    for index in gone:
        by_folder.setdefault(_folder_at(index, names) if in_one_go else None, set()).add(index)
    in_folder: dict[str, set[str]] = {}
    for name in left:
        in_folder.setdefault(_folder(name), set()).add(name)
    return _matched(names, by_folder, in_folder)


def _matched(names: list[str], by_folder: Mapping[str | None, set[int]], in_folder: Mapping[str, set[str]]) -> Places:
    sets, rest_places, rest_names = [], set[int](), set[str]()
    for folder in {*by_folder, *in_folder}:
        places = by_folder.get(folder, set())
        images = set() if folder is None else in_folder.get(folder, set())
        if len(places) != len(images):
            rest_places |= places
            rest_names |= images
        elif len(places) == 1:
            names[next(iter(places))] = next(iter(images))
        else:
            sets.append((frozenset(places), frozenset(images)))
    if len(rest_places) == 1:
        names[next(iter(rest_places))] = next(iter(rest_names))
    elif rest_places:
        sets.append((frozenset(rest_places), frozenset(rest_names)))
    return Places(tuple(names), tuple(sorted(sets, key=lambda found: min(found[0]))))


def _folder_at(index: int, names: Sequence[str]) -> str | None:
    """Return the folder of the nearest kept images before and after an index; None if they lie in two folders."""
    before = next((names[other] for other in range(index, -1, -1) if names[other]), None)
    after = next((names[other] for other in range(index, len(names)) if names[other]), None)
    around = {_folder(name) for name in (before, after) if name is not None}
    return around.pop() if len(around) == 1 else None


def _folder(name: str) -> str:
    return PurePosixPath(name).parent.as_posix()
