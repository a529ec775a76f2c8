"""``python -m cleanbench.inspect``: what a data set holds, in the terminal and as a page."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from cleanbench.commands import composing
from cleanbench.inspect.sameness import across_part, copies_part
from cleanbench.inspect.scan import scan
from cleanbench.inspect.showing import without_folders, write_page
from cleanbench.inspect.survey import survey
from cleanbench.report.parts import print_parts, save
from cleanbench.store import Store

ALSO = {
    "against": "Another data set, written as the first: against=NAME against.KEY=VALUE; copies across both are told."
}


@dataclass(frozen=True)
class Options:
    """Count what a data set holds, and find what cannot be read, exact copies and contradictions between them.

    Attributes:
        output: Where runs are; the page goes to their folder of this data set, named by the revision of its truth.
        page: Where the page goes instead.
        images: Show images on the page also where the card does not say that they may be passed on freely; the page
            then says that it is not for sharing.
    """

    output: Path = Path("runs")
    page: Path | None = None
    images: bool = False


def inspect(options: Options, words: composing.Words) -> int:
    """Look at the data set, print what was found and write the page."""
    image_set, store = composing.image_set_of(words), Store.default()
    found = scan(image_set, store)
    parts = [*survey(image_set, found), copies_part(image_set, found)]
    if words["against"]:
        other = composing.image_set_of({"dataset": [_as_dataset(word) for word in words["against"]]})
        parts.append(across_part(image_set, found, other, scan(other, store)))
    # Another truth of the set is inspected beside this one, not in its place.
    revision = f"-{image_set.truth_revision[:8]}" if image_set.truths else ""
    target = options.page or options.output / image_set.name / f"inspect{revision}.html"
    written = write_page(image_set, found, parts, images=options.images, command=_command(options, words))
    save(target, written)
    print_parts(f"{image_set.name}: an inspection", parts)
    sys.stdout.write(f"\nThe page is {target}\n")
    return 0


def _command(options: Options, words: composing.Words) -> str:
    """Return what was asked for, without the folders that things lie in on this machine."""
    given = [word for group in words.values() for word in group] + (["--images"] if options.images else [])
    return " ".join(["python -m cleanbench.inspect", *map(shlex.quote, map(without_folders, given))])


def _as_dataset(word: str) -> str:
    return word.replace("against", "dataset", 1)


if __name__ == "__main__":
    composing.run("python -m cleanbench.inspect", Options, inspect, ALSO)
