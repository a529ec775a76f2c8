"""``python -m cleanbench.card``: the card of a data set, what it leaves open, and its export as Croissant."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cleanbench.card.croissant import export, problems
from cleanbench.card.questions import card_parts
from cleanbench.commands import composing
from cleanbench.image_set import ImageSet
from cleanbench.licence import sentence
from cleanbench.report import page
from cleanbench.report.parts import print_parts, save, section_of


@dataclass(frozen=True)
class Options:
    """Print what a datasheet of a data set should answer, and what is missing.

    Attributes:
        croissant: A JSON file to write card, ids, labels and truths to, in the format Croissant; tables go beside it.
        page: An HTML file to write the card to.
    """

    croissant: Path | None = None
    page: Path | None = None


def card(options: Options, words: composing.Words) -> int:
    """Print the card and write what was asked for; 1 if the Croissant file has defects, else 0."""
    image_set = composing.image_set_of(words)
    title, parts = f"{image_set.name}: the card", card_parts(image_set)
    print_parts(title, parts)
    if options.page is not None:
        lead = [page.paragraph(sentence(image_set.card))]
        footer = "Written by python -m cleanbench.card."
        save(options.page, page.document(title, [section_of(part) for part in parts], lead, footer))
        sys.stdout.write(f"\nThe page is {options.page}\n")
    return 0 if options.croissant is None else _export(image_set, options.croissant)


def _export(image_set: ImageSet, path: Path) -> int:
    written = export(image_set, path)
    sys.stdout.write(f"\nCroissant: {', '.join(map(str, written))}\n")
    found = problems(path)
    if found is None:
        sys.stdout.write("not validated: mlcroissant is not installed; pip install 'cleanbench[croissant]'\n")
        return 0
    for problem in found:
        sys.stdout.write(f"mlcroissant: {problem}\n")
    if not found:
        sys.stdout.write("mlcroissant finds no error in it\n")
    return 1 if found else 0


if __name__ == "__main__":
    composing.run("python -m cleanbench.card", Options, card)
