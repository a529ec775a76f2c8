"""An inspection as one HTML file."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cleanbench import __version__
from cleanbench.image_set import ImageSet
from cleanbench.images import UnreadableImage
from cleanbench.inspect.copies import copies_in
from cleanbench.inspect.sameness import ordered
from cleanbench.inspect.scan import Scan
from cleanbench.inspect.survey import label_of
from cleanbench.licence import may_show_images, not_for_sharing
from cleanbench.report import page
from cleanbench.report.page import Html, Tile
from cleanbench.report.parts import Part, section_of

SAMPLES = 24
COPIES = 24


# A path from the root of a file system, but no part of an address of the web.
_PATH = re.compile(r"""(?<![\w/.:\\])(?:~|[A-Za-z]:(?=\\)|(?=/))(?:[/\\][^\s/\\'",;:()=]+){2,}[/\\]?""")


def without_folders(text: str) -> str:
    """Return a text whose absolute paths are cut to their last part: a page may be passed on.

    Example:
        >>> without_folders("ignored 1 file in /srv/ann/scans: 'a.csv'; see https://example.org/a/b")
        "ignored 1 file in scans: 'a.csv'; see https://example.org/a/b"
    """
    return _PATH.sub(lambda match: re.split(r"[/\\]", match[0].rstrip("/\\"))[-1], text)


def write_page(
    image_set: ImageSet,
    scan: Scan,
    parts: Sequence[Part],
    *,
    images: bool,
    command: str = "python -m cleanbench.inspect",
) -> str:
    """Return the page, which names no folder of this machine.

    Args:
        image_set: The set.
        scan: What a look at its images found.
        parts: What to say.
        images: Whether to show images also where the card does not say that they may be passed on.
        command: What made the page.
    """
    shown = may_show_images(image_set.card, shared=not images)
    lead: list[Html] = []
    if shown and scan.readable.any() and (told := not_for_sharing(image_set.card)):
        lead.append(page.note(told, warning=True))
    if not scan.readable.any():
        lead.append(page.note("No images are shown, since none can be read."))
    elif not shown:
        lead.append(
            page.note(
                "No images are shown, since the card of this set does not say that they may be passed on freely; "
                "--images shows them, to you alone."
            )
        )
    sections = []
    for part in map(_portable, parts):
        extra = []
        if part.title == "Sizes":
            extra += _drawing(scan)
        if part.title == "Exact copies" and shown and (tiles := _copies(image_set, scan)):
            extra.append(page.contact_sheet(tiles, "Copied pictures, those with different labels framed"))
        sections.append(section_of(part, extra))
    if shown and (tiles := _samples(image_set, scan)):
        caption = "One image per given class, right or wrong" if image_set.classes else "The first images"
        sections.insert(1, page.section("Samples", page.contact_sheet(tiles, caption)))
    return page.document(
        f"{image_set.name}: an inspection", sections, lead, footer=f"Written by cleanbench {__version__}: {command}"
    )


def _portable(part: Part) -> Part:
    """Return a part whose texts name no folder of this machine."""
    return replace(
        part,
        facts=tuple((name, without_folders(value)) for name, value in part.facts),
        sentences=tuple(map(without_folders, part.sentences)),
        warnings=tuple(map(without_folders, part.warnings)),
        listings=tuple(
            replace(
                listing,
                rows=[
                    tuple(without_folders(cell) if isinstance(cell, str) else cell for cell in row)
                    for row in listing.rows
                ],
            )
            for listing in part.listings
        ),
    )


def _drawing(scan: Scan) -> list[Html]:
    """Return a figure of the sizes of images, unless all are the same."""
    from cleanbench.report.sizes import draw_sizes

    seen = scan.facts[scan.readable]
    if len(np.unique(seen[["width", "height"]])) < 2:
        return []
    alt = "Scatter of the widths and heights of the images; the table above holds the most frequent sizes"
    drawing = draw_sizes(seen["width"], seen["height"])
    return [page.figure(drawing, "Widths and heights; the larger a dot, the more images.", alt)]


def _samples(image_set: ImageSet, scan: Scan) -> list[Tile]:
    """Return one readable image of each class, or the first images of a set without classes."""
    seen: dict[str, int] = {}
    for position, reason in enumerate(scan.reasons):
        label = label_of(image_set, position)
        if not reason and (label or not image_set.classes):
            seen.setdefault(label or image_set.ids[position], position)
        if len(seen) >= SAMPLES and not image_set.classes:
            break
    return [
        tile
        for name, position in sorted(seen.items())[:SAMPLES]
        if (tile := _tile(image_set, position, name, f"An image of the set, named {name}"))
    ]


def _copies(image_set: ImageSet, scan: Scan) -> list[Tile]:
    """Return a picture per group of copies; its members look alike."""
    tiles = []
    for group in ordered(image_set, copies_in(scan))[:COPIES]:
        labels = sorted({label_of(image_set, member) or "none" for member in group.members})
        names = ", ".join(image_set.ids[member] for member in group.members[:3])
        caption = f"{len(group.members):,} times: {names}" + (" …" if len(group.members) > 3 else "")
        if image_set.labels is not None:
            caption += f". Labels: {', '.join(labels)}"
        different = len(set(labels) - {"none"}) > 1
        tile = _tile(image_set, group.members[0], caption, f"A picture that is {len(group.members)} times in the set")
        tiles += [Tile(tile.images, tile.caption, tile.alt, marked=different)] if tile else []
    return tiles


def _tile(image_set: ImageSet, position: int, caption: str, alt: str) -> Tile | None:
    try:
        return Tile([page.thumbnail(image_set.images[position])], caption, alt)
    except UnreadableImage:  # gone since it was looked at
        return None
