"""Images with the same content, inside a set and across two: a hash join, never all pairs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import comb

from cleanbench.core import GroundTruth, Issue
from cleanbench.image_set import ImageSet
from cleanbench.inspect.scan import Scan


@dataclass(frozen=True)
class Copies:
    """Images of one set with the same pixels.

    Attributes:
        members: Their positions, ascending, at least two.
        files: How many different files they are: 1 if all are the same, byte for byte.
    """

    members: tuple[int, ...]
    files: int


@dataclass(frozen=True)
class Shared:
    """Images with the same pixels in two sets.

    Attributes:
        here: Positions in the one set, ascending, at least one.
        there: Positions in the other set, likewise.
        same_file: Whether a file here is one there, byte for byte.
    """

    here: tuple[int, ...]
    there: tuple[int, ...]
    same_file: bool


def copies_in(scan: Scan) -> list[Copies]:
    """Return the groups of readable images with the same pixels, in the order of their first members.

    Pixels are compared as decoded: upright and in RGB. The same picture in another size or compression is none of
    these copies; methods for near-duplicates find it.
    """
    files = scan.facts["file"]
    return [
        Copies(members, len({files[member] for member in members}))
        for members in _by_pixels(scan).values()
        if len(members) > 1
    ]


def identical_files(scan: Scan, groups: Iterable[Copies]) -> list[tuple[int, ...]]:
    """Return the groups of images whose files are the same, byte for byte; each lies within one of ``groups``."""
    found = []
    for group in groups:
        by_file: dict[bytes, list[int]] = {}
        for member in group.members:
            by_file.setdefault(scan.facts["file"][member], []).append(member)
        found += [tuple(members) for members in by_file.values() if len(members) > 1]
    return found


def shared_by(here: Scan, there: Scan) -> list[Shared]:
    """Return the images of one set that are in another, too, in the order of the first set."""
    others = _by_pixels(there)
    return [
        Shared(mine, theirs, same_file=bool(_files(here, mine) & _files(there, theirs)))
        for pixels, mine in _by_pixels(here).items()
        if (theirs := others.get(pixels, ()))
    ]


def pairs_of(sizes: Iterable[int]) -> int:
    """Return how many pairs groups of these sizes hold."""
    return sum(comb(size, 2) for size in sizes)


def contradicting(image_set: ImageSet, group: Iterable[int]) -> bool:
    """Return whether images carry different labels; one without a label contradicts none."""
    if image_set.labels is None:
        return False
    return len({int(image_set.labels[member]) for member in group} - {-1}) > 1


def values_of(column: Sequence[str], group: Iterable[int]) -> set[str]:
    """Return the values that images have in a column of texts, without the empty one."""
    return {column[member] for member in group} - {""}


def denied(image_set: ImageSet, scan: Scan) -> Iterator[tuple[GroundTruth, list[tuple[int, int]]]]:
    """Yield each truth about near-duplicates with the pairs that it calls none though their pixels are the same."""
    pixels, readable = scan.facts["pixels"], scan.readable
    for (issue, _), truth in image_set.truths.items():
        if issue is Issue.NEAR_DUPLICATE:
            first, second = truth.items.T if len(truth) else (truth.items[:, 0], truth.items[:, 1])
            wrong = ~truth.labels & readable[first] & readable[second] & (pixels[first] == pixels[second])
            yield truth, [(int(one), int(other)) for one, other in truth.items[wrong]]


def judged_apart(
    image_set: ImageSet, groups: Iterable[Copies]
) -> Iterator[tuple[GroundTruth, dict[Copies, tuple[int, int]]]]:
    """Yield each truth about images with the groups of copies of which it calls one image faulty and another not.

    Of each such group an image judged faulty and one judged clean are told. Label errors contradict each other only
    between copies of one label: of two copies with different labels, one may well be wrong and the other right.
    """
    labels = image_set.labels
    for (issue, _), truth in image_set.truths.items():
        if issue.ranks_pairs:
            continue
        judged = dict(zip(truth.items.tolist(), truth.labels.tolist(), strict=True))
        found = {}
        for group in groups:
            seen: dict[tuple[int, bool], int] = {}
            for member in group.members:
                if member in judged:
                    label = int(labels[member]) if issue is Issue.LABEL_ERROR and labels is not None else -1
                    seen.setdefault((label, judged[member]), member)
            apart = [
                (member, seen[label, False]) for (label, bad), member in seen.items() if bad and (label, False) in seen
            ]
            if apart:
                found[group] = apart[0]
        yield truth, found


def _by_pixels(scan: Scan) -> dict[bytes, tuple[int, ...]]:
    groups: dict[bytes, list[int]] = {}
    for position, (digest, reason) in enumerate(zip(scan.facts["pixels"].tolist(), scan.reasons, strict=True)):
        if not reason:
            groups.setdefault(digest, []).append(position)
    return {digest: tuple(members) for digest, members in groups.items()}


def _files(scan: Scan, members: Iterable[int]) -> set[bytes]:
    return {scan.facts["file"][member] for member in members}
