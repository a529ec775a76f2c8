"""What a data set holds: images, classes, groups, parts, sizes, truths, and what cannot be read."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from cleanbench.datasets.tables import count
from cleanbench.image_set import ImageSet
from cleanbench.inspect.scan import Scan
from cleanbench.leakage import MOST_PARTS, group_codes, group_counts, leaks
from cleanbench.licence import sentence
from cleanbench.report.page import Column
from cleanbench.report.parts import Listing, Part, share

GROUP, SPLIT = "group", "split"  # the attributes that a loader fills with groups and parts
MOST_VALUES = 20  # an attribute with more values is named, not listed
TOLD = 20  # unreadable images that are named
FEW = 10  # sizes that are listed


def survey(image_set: ImageSet, scan: Scan) -> list[Part]:
    """Return what the set holds, without what its images share; see `cleanbench.inspect.sameness`."""
    parts = [
        _overview(image_set, scan),
        _classes(image_set),
        _groups(image_set),
        _split(image_set),
        _attributes(image_set),
        _sizes(scan),
        _truths(image_set),
        _unreadable(image_set, scan),
        _named_by_content(image_set, scan),
    ]
    return [part for part in parts if part is not None]


def column(image_set: ImageSet, name: str) -> list[str]:
    """Return an attribute as texts, empty where an image has no value; all of them empty if there is no such one."""
    values = image_set.attributes.get(name)
    return [""] * len(image_set) if values is None else _texts(values)


def label_of(image_set: ImageSet, position: int) -> str:
    """Return the class of an image; empty if it has none."""
    labels = image_set.labels
    return "" if labels is None or labels[position] < 0 else image_set.classes[labels[position]]


def _overview(image_set: ImageSet, scan: Scan) -> Part:
    size, unreadable = len(image_set), int(np.count_nonzero(~scan.readable))
    labelled = 0 if image_set.labels is None else int(np.count_nonzero(image_set.labels >= 0))
    told = "all can be read" if not unreadable else f"{unreadable:,} of them cannot be read"
    facts = [
        ("Images", f"{size:,}, {'none can be read' if unreadable == size else told}"),
        ("Labels", f"{labelled:,} images in {_classes_in_words(len(image_set.classes))}" if labelled else "none"),
    ]
    facts += [
        (title, f"{len(found):,}")
        for title, name in (("Groups", GROUP), ("Parts", SPLIT))
        if (found := set(column(image_set, name)) - {""})
    ]
    if len(image_set.calibration):
        facts.append(("Told as clean", f"{len(image_set.calibration):,} images; methods that ask are told them"))
    if unreadable < size:
        facts.append(("Bytes", f"{int(scan.facts['bytes'].sum()):,} in the files that can be read"))
    # A page that shows images names their makers: licences such as CC BY ask for it.
    card = image_set.card
    facts += [(title, text) for title, text in (("Source", card.source), ("Cite", card.citation)) if text]
    facts.append(("Fingerprint", image_set.fingerprint[:16]))
    if image_set.truths:
        facts.append(("Truth revision", f"{image_set.truth_revision[:8]}, as boards and folders of the truth name it"))
    return Part("Overview", tuple(facts), (sentence(image_set.card),), warnings=tuple(image_set.warnings))


def _classes(image_set: ImageSet) -> Part | None:
    if image_set.labels is None or not image_set.classes:
        return None
    labels = image_set.labels
    counts = np.bincount(labels[labels >= 0], minlength=len(image_set.classes))
    order = np.lexsort((np.arange(len(counts)), -counts))
    rows: list[tuple[str | int, ...]] = [
        (image_set.classes[place], int(counts[place]), share(int(counts[place]), int(counts.sum()))) for place in order
    ]
    missing, warnings = int(np.count_nonzero(labels < 0)), []
    if few := [name for name, number in zip(image_set.classes, counts, strict=True) if number == 1]:
        warnings.append(f"{_classes_in_words(len(few))} with a single image: no method can compare it with its class")
    if empty := int(np.count_nonzero(counts == 0)):
        warnings.append(f"{_classes_in_words(empty)} without an image")
    sentences = [f"The largest class has {counts.max():,} images, the smallest {counts.min():,}."]
    if missing:
        sentences.append(f"{count(missing, 'image')} without a label.")
    table = Listing("Images by class", ("Class", Column("Images"), Column("Share of the labelled")), rows)
    return Part("Classes", sentences=tuple(sentences), warnings=tuple(warnings), listings=(table,))


def _groups(image_set: ImageSet) -> Part | None:
    groups = column(image_set, GROUP)
    counts = group_counts(groups)
    if not counts.groups and image_set.card.grouping:
        return Part("Groups", sentences=(f"None is recorded per image. The card says: {image_set.card.grouping}",))
    if not counts.groups:
        return Part(
            "Groups",
            warnings=(
                "no group of any image is recorded (patient, lesion, capture), so nobody can tell whether a split "
                "separates them",
            ),
        )
    facts = (
        ("Groups", f"{counts.groups:,}"),
        ("With two or more images", f"{counts.repeated:,}"),
        ("Pairs of images of one group", f"{counts.pairs:,}"),
        ("Images without a group", f"{counts.unknown:,}"),
    )
    rows = [(size, times, size * times) for size, times in counts.sizes.items()]
    table = Listing("Groups by size", (Column("Images in a group"), Column("Groups"), Column("Images")), rows)
    torn = _torn(image_set, groups)
    told = (f"{count(torn, 'group')} whose images carry different labels.",) if image_set.labels is not None else ()
    return Part("Groups", facts, told, listings=(table,))


def _torn(image_set: ImageSet, groups: Sequence[str]) -> int:
    """Return how many groups hold images of different labels."""
    if image_set.labels is None:
        return 0
    codes, _ = group_codes(groups)
    known = (codes >= 0) & (image_set.labels >= 0)
    distinct = np.unique(np.column_stack([codes[known], image_set.labels[known]]), axis=0)
    return int(np.count_nonzero(np.bincount(distinct[:, 0]) > 1)) if len(distinct) else 0


def _split(image_set: ImageSet) -> Part | None:
    split, groups = column(image_set, SPLIT), column(image_set, GROUP)
    counts = Counter(split)
    without = counts.pop("", 0)
    if not counts:
        return None
    if len(counts) > MOST_PARTS:
        return Part("Parts", warnings=(f"the split has {len(counts):,} parts; is this another column?",))
    rows = [(part, number, share(number, len(split))) for part, number in sorted(counts.items())]
    listings = [Listing("Images by part", ("Part", Column("Images"), Column("Share")), rows)]
    warnings = [f"{count(without, 'image')} in no part"] if without else []
    if any(groups):
        found = leaks(groups, split)
        listings.append(
            Listing(
                "Groups that lie in several parts at once",
                ("Parts", Column("Groups"), "Their images in each part"),
                [(" and ".join(leak.parts), leak.groups, " + ".join(f"{n:,}" for n in leak.images)) for leak in found],
            )
        )
        if torn := [leak for leak in found if leak.groups]:
            warnings.append(
                "the parts share groups, so a model is tested on what it was trained on: "
                + "; ".join(f"{count(leak.groups, 'group')} in {' and '.join(leak.parts)}" for leak in torn)
            )
    return Part("Parts", warnings=tuple(warnings), listings=tuple(listings))


def _attributes(image_set: ImageSet) -> Part | None:
    roles = [column(image_set, name) for name in (GROUP, SPLIT)]
    listed = {name: values for name in image_set.attributes if (values := column(image_set, name)) not in roles}
    if not listed:
        return None
    rows, tables = [], []
    for name, values in listed.items():
        counts = Counter(values)
        without = counts.pop("", 0)
        rows.append((name, len(counts), len(values) - without, without))
        if 1 < len(counts) <= MOST_VALUES:
            ordered = sorted(counts.items(), key=_in_order(counts))
            cells: list[tuple[str | int, ...]] = [
                (value, number, share(number, len(values))) for value, number in ordered
            ]
            if without:
                cells.append(("(no value)", without, share(without, len(values))))
            tables.append(Listing(f"Images by {name}", (name, Column("Images"), Column("Share")), cells))
    head = ("Attribute", Column("Distinct values"), Column("Images with a value"), Column("Without"))
    return Part("Attributes", listings=(Listing("What is recorded per image", head, rows), *tables))


def _in_order(counts: Mapping[str, int]) -> Callable[[tuple[str, int]], tuple[float, str]]:
    """Return what values are sorted by: numbers by themselves, as they may be grades; names by how often they occur."""
    try:
        numbers = {value: float(value) for value in counts}
    except ValueError:
        return lambda item: (-item[1], item[0])
    return lambda item: (numbers[item[0]], item[0])


def _sizes(scan: Scan) -> Part | None:
    seen = scan.facts[scan.readable]
    if not len(seen):
        return None
    pixels = seen["width"].astype(np.int64) * seen["height"]
    order = np.argsort(pixels, kind="stable")
    sizes = Counter(zip(seen["width"].tolist(), seen["height"].tolist(), strict=True))
    named = [
        (title, "{width:,} x {height:,}".format(width=int(seen["width"][at]), height=int(seen["height"][at])))
        for title, at in (("Smallest", order[0]), ("Median", order[len(order) // 2]), ("Largest", order[-1]))
    ]
    rows = [
        (f"{width:,} x {height:,}", number, share(number, len(seen)))
        for (width, height), number in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:FEW]
    ]
    more = f", the {FEW} most frequent of {len(sizes):,}" if len(sizes) > FEW else ""
    table = Listing(f"Images by size{more}", ("Width x height in pixels", Column("Images"), Column("Share")), rows)
    return Part("Sizes", (*named, ("Different sizes", f"{len(sizes):,}")), listings=(table,))


def _truths(image_set: ImageSet) -> Part:
    if not image_set.truths:
        return Part("Ground truth", sentences=("There is none: methods can rank, and nothing can be scored.",))
    rows: list[tuple[str | int, ...]] = []
    for (issue, name), truth in image_set.truths.items():
        touched = len(np.unique(truth.items))
        rows.append(
            (
                issue.heading,
                name,
                len(truth),
                truth.faulty,
                share(truth.faulty, len(truth)),
                truth.origin,
                share(touched, len(image_set)),
                "yes" if truth.probability is not None else "no",
                truth.revision[:8],
            )
        )
    head = (
        "Issue",
        "Truth",
        Column("Items"),
        Column("Faulty"),
        Column("Prevalence"),
        "Kind",
        Column("Images covered"),
        "Votes kept",
        "Revision",
    )
    return Part(
        "Ground truth",
        sentences=(
            "Items are images, for near-duplicates pairs. What is not an item counts nowhere. Where negatives are "
            "presumed, nobody looked at all of the items that count as clean.",
        ),
        listings=(Listing("Items by issue", head, rows),),
    )


def _unreadable(image_set: ImageSet, scan: Scan) -> Part | None:
    found = [(position, reason) for position, reason in enumerate(scan.reasons) if reason]
    if not found:
        return None
    counts = Counter(reason for _, reason in found)
    rows = [(reason, number) for reason, number in counts.most_common()]
    listings = [Listing("Images that cannot be read, by reason", ("Reason", Column("Images")), rows)]
    # Of a set whose images are not here at all, names say nothing.
    if len(found) < len(image_set):
        named = [(image_set.ids[at], image_set.images.describe(at), reason) for at, reason in found[:TOLD]]
        more = f", the first {TOLD}" if len(found) > TOLD else ""
        listings.append(Listing(f"Which they are{more}", ("Image", "File", "Reason"), named))
    return Part(
        "Unreadable images",
        sentences=("They keep their ids and rank last for every method.",),
        warnings=(f"{len(found):,} of {len(image_set):,} images cannot be read",),
        listings=tuple(listings),
    )


def _named_by_content(image_set: ImageSet, scan: Scan) -> Part | None:
    """Say whether files are what their names say, where all names are MD5 sums."""
    readable = np.flatnonzero(scan.readable)
    if not len(readable) or not all(re.fullmatch(r"[0-9a-f]{32}", key) for key in image_set.ids):
        return None
    content = scan.facts["md5"]
    others = [int(at) for at in readable if content[at].decode() != image_set.ids[at]]
    title = "Names that are MD5 sums"
    if not others:
        return Part(title, sentences=(f"All {len(readable):,} files that can be read have the sum that names them.",))
    rows = [(image_set.ids[at], content[at].decode()) for at in others[:TOLD]]
    more = f", the first {TOLD}" if len(others) > TOLD else ""
    return Part(
        title,
        warnings=(
            f"{count(len(others), 'file')} of {len(readable):,} with another content than the MD5 sum in the name "
            "says: what is known under that name is known of another image",
        ),
        listings=(Listing(f"Which they are{more}", ("Image", "MD5 sum of the file"), rows),),
    )


def _classes_in_words(number: int) -> str:
    return f"{number:,} {'class' if number == 1 else 'classes'}"


def _texts(values: npt.NDArray[np.generic]) -> list[str]:
    return ["" if value is None or value != value else str(value) for value in values.tolist()]
