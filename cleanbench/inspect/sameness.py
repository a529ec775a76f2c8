"""What images share: exact copies inside a set, what contradicts about them, and copies across two sets."""

from collections.abc import Sequence

from cleanbench.core import Issue
from cleanbench.datasets.tables import count
from cleanbench.image_set import ImageSet
from cleanbench.inspect.copies import (
    Copies,
    Shared,
    contradicting,
    copies_in,
    denied,
    identical_files,
    judged_apart,
    pairs_of,
    shared_by,
    values_of,
)
from cleanbench.inspect.scan import Scan
from cleanbench.inspect.survey import GROUP, SPLIT, column, label_of
from cleanbench.report.page import Column
from cleanbench.report.parts import Listing, Part, share

LISTED = 100  # groups of copies in a table
NAMED = 6  # members of a group that are named
LONG = 24  # letters of a name, from which on half as many are named
LOOK = (
    "Pixels are compared as decoded. The same picture in another size or compression is none of these copies: "
    "methods for near-duplicates find it."
)


def copies_part(image_set: ImageSet, scan: Scan) -> Part:
    """Return the exact copies inside a set and what contradicts about them."""
    if not scan.readable.any():
        return Part("Exact copies", sentences=("No image can be read, so copies were not looked for.",))
    groups = copies_in(scan)
    if not groups:
        return Part("Exact copies", sentences=(f"No two images have the same pixels. {LOOK}",))
    files = identical_files(scan, groups)
    sizes = [len(group.members) for group in groups]
    rows = [
        ("The same file, byte for byte", len(files), sum(map(len, files)), pairs_of(map(len, files))),
        ("The same pixels, whatever the file", len(groups), sum(sizes), pairs_of(sizes)),
    ]
    head = ("What is the same", Column("Groups"), Column("Images"), Column("Pairs"))
    found = Listing("Exact copies", head, rows)
    judged = list(judged_apart(image_set, groups))
    clashes = {
        "different labels": {group for group in groups if contradicting(image_set, group.members)},
        "different judgements": {group for _, apart in judged for group in apart},
        "different groups": _spread(image_set, groups, GROUP),
        "different parts": _spread(image_set, groups, SPLIT),
    }
    warnings = []
    if labels := clashes["different labels"]:
        images = count(sum(len(group.members) for group in labels), "image")
        warnings.append(
            f"{count(len(labels), 'group')} of copies with different labels: of {images} some must be labelled wrongly"
        )
    for truth, split in judged:
        if split:
            faulty, clean = next(iter(split.values()))
            alike = " and one label" if truth.issue is Issue.LABEL_ERROR and image_set.labels is not None else ""
            warnings.append(
                f"{count(len(split), 'group')} of copies{alike} that the {truth.issue} truth {truth.name!r} judges "
                f"both ways, such as {image_set.ids[faulty]!r} (faulty) and {image_set.ids[clean]!r} (not)"
            )
    if torn := clashes["different groups"]:
        warnings.append(
            f"{count(len(torn), 'group')} of copies in different recorded groups, which cannot be right if groups are "
            "patients, lesions or captures"
        )
    if leaking := clashes["different parts"]:
        warnings.append(f"{count(len(leaking), 'group')} of copies in several parts of the split: a leak")
    for truth, pairs in denied(image_set, scan):
        if pairs:
            warnings.append(
                f"the truth {truth.name!r} calls {count(len(pairs), 'pair')} of exact copies no near-duplicates, "
                f"such as {image_set.ids[pairs[0][0]]!r} and {image_set.ids[pairs[0][1]]!r}"
            )
    contradictory = {group for clashing in clashes.values() for group in clashing}
    worst = sorted(ordered(image_set, groups), key=lambda group: group not in contradictory)
    more = f", the first {LISTED} of {len(groups):,}" if len(groups) > LISTED else ""
    listed = Listing(
        f"Groups of copies, contradictions first{more}",
        ("Contradiction", Column("Images"), Column("Different files"), "Labels", "Which"),
        [
            (
                ", ".join(name for name, clashing in clashes.items() if group in clashing) or "–",
                len(group.members),
                group.files,
                _names(sorted({label_of(image_set, member) or "none" for member in group.members})),
                _names([image_set.ids[member] for member in group.members]),
            )
            for group in worst[:LISTED]
        ],
    )
    return Part("Exact copies", sentences=(LOOK,), warnings=tuple(warnings), listings=(found, listed))


def ordered(image_set: ImageSet, groups: Sequence[Copies]) -> list[Copies]:
    """Return groups of copies, those with different labels first, then the largest, then by position."""
    return sorted(
        groups,
        key=lambda group: (not contradicting(image_set, group.members), -len(group.members), group.members),
    )


def across_part(here: ImageSet, here_scan: Scan, there: ImageSet, there_scan: Scan) -> Part:
    """Return the images that one set shares with another: the one re-uploaded inside the other, or a leak."""
    title = f"Copies in {there.name}" if there.name != here.name else f"Copies in the other {there.name}"
    shared = shared_by(here_scan, there_scan)
    if not shared:
        return Part(title, sentences=(f"No image has the same pixels as one of the {len(there):,} in {there.name!r}.",))
    mine = sum(len(each.here) for each in shared)
    theirs = sum(len(each.there) for each in shared)
    same_file = sum(len(each.here) for each in shared if each.same_file)
    rows = [
        (here.name, mine, len(here), share(mine, len(here))),
        (there.name, theirs, len(there), share(theirs, len(there))),
    ]
    counted = Listing(
        "Images with the same pixels as one in the other set",
        ("Set", Column("Images in both"), Column("Images"), Column("Share")),
        rows,
    )
    clashing = {each for each in shared if _disagree(here, there, each)}
    verb = "is" if mine == 1 else "are"
    warnings = [
        f"{count(mine, 'image')} of {here.name!r} {verb} in {there.name!r}, too: results on both are not independent"
    ]
    if clashing:
        warnings.append(
            f"{count(len(clashing), 'picture')} with a label of one name here and of another there, though both sets "
            "know both names"
        )
    listed = Listing(
        "The first of them" if len(shared) > LISTED else "Which they are",
        ("Same file", "Labels", "Labels there", f"In {here.name}", f"In {there.name}"),
        [
            (
                "yes" if each.same_file else "no",
                _names(sorted({label_of(here, member) or "none" for member in each.here})),
                _names(sorted({label_of(there, member) or "none" for member in each.there})),
                _names([here.ids[member] for member in each.here]),
                _names([there.ids[member] for member in each.there]),
            )
            for each in sorted(shared, key=lambda each: (each not in clashing, each.here))[:LISTED]
        ],
    )
    told = f"In {same_file:,} of these {mine:,} images the file is the same, too, byte for byte. {LOOK}"
    return Part(title, sentences=(told,), warnings=tuple(warnings), listings=(counted, listed))


def _spread(image_set: ImageSet, groups: Sequence[Copies], name: str) -> set[Copies]:
    """Return the groups of copies whose members have different values of an attribute."""
    values = column(image_set, name)
    return {group for group in groups if len(values_of(values, group.members)) > 1}


def _disagree(here: ImageSet, there: ImageSet, shared: Shared) -> bool:
    """Return whether labels differ among those that both sets could have given."""
    known = set(here.classes) & set(there.classes)
    mine = {label_of(here, member) for member in shared.here} & known
    theirs = {label_of(there, member) for member in shared.there} & known
    return bool(mine and theirs and mine.isdisjoint(theirs))


def _names(names: Sequence[str]) -> str:
    shown = NAMED if max(map(len, names), default=0) < LONG else NAMED // 2
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
