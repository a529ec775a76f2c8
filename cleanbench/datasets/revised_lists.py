"""The published lists of SelfClean's revised benchmarks: confirmed issues, and the images that were left."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

from cleanbench.core import UserError
from cleanbench.datasets.folder import existing
from cleanbench.datasets.pickles import read_pickle
from cleanbench.datasets.tables import rows, some

LISTS = "https://github.com/Digital-Dermatology/SelfClean-Revised-Benchmarks"


@dataclass(frozen=True)
class RevisedLists:
    """Confirmed issues, as indices into a list of all images, and the images that were left of that list.

    Attributes:
        off_topic: Indices of irrelevant images.
        label_errors: Indices of mislabelled images.
        duplicates: For each near-duplicate the index that was removed, and both.
        kept: File names of the images that were left, in the order of the list; empty if none was removed.
    """

    off_topic: frozenset[int]
    label_errors: frozenset[int]
    duplicates: tuple[tuple[int, tuple[int, int]], ...]
    kept: tuple[str, ...] = ()

    @property
    def removed(self) -> frozenset[int]:
        """Indices of the images that were removed."""
        return self.off_topic | {one for one, _ in self.duplicates}


def read_lists(of: str, lists: str, size: int) -> RevisedLists:
    """Read the lists of a benchmark and check that they belong together.

    Args:
        of: The benchmark, as in the names of the files.
        lists: A checkout of the published repository, or a folder with the files of this benchmark.
        size: How many images the benchmark has.

    Raises:
        UserError: If a file is missing or is not what was published.
    """
    try:
        folder = existing(lists)
    except UserError as error:
        raise UserError(
            f"dataset.lists={lists} is no folder that can be read; give a checkout of {LISTS}, or a folder with the "
            f"list of issues and the list of files of {of}"
        ) from error
    path = _first(folder, (f"{of}_data_quality_issues.pickle", f"{of}_issues.json"))
    found = _issues(path, size)
    if not found.removed:
        return found
    path = _first(folder, (f"{of}_cleaned_file_list.csv",))
    content = rows(path)
    _, header = next(content)
    if header != ["file_name"]:
        raise UserError(f"{path} has the columns {some(header)}, expected is file_name alone")
    kept = tuple(fields[0] for _, fields in content)
    if len(kept) + len(found.removed) != size or len(set(kept)) != len(kept):
        raise UserError(
            f"{path} lists {len(set(kept)):,} images; with the {len(found.removed)} that were removed they should be "
            f"{size:,}"
        )
    return RevisedLists(found.off_topic, found.label_errors, found.duplicates, kept)


def _issues(path: Path, size: int) -> RevisedLists:
    stored = _json(path) if path.suffix == ".json" else read_pickle(path)
    try:
        issues = RevisedLists(
            frozenset(index(each) for each in stored["IrrelevantSamples"]),
            frozenset(index(each) for each in stored["LabelErrors"]),
            tuple((index(one), (index(first), index(second))) for one, (first, second) in stored["NearDuplicates"]),
        )
    except (KeyError, TypeError, ValueError) as error:  # a TypeError is an index that is no whole number
        raise UserError(
            f"{path} holds no IrrelevantSamples, LabelErrors and NearDuplicates as published, which are lists of "
            f"whole numbers ({error})"
        ) from error
    indices = [*issues.removed, *issues.label_errors, *(each for _, pair in issues.duplicates for each in pair)]
    wrong: list[Any] = [each for each in indices if not 0 <= each < size]
    wrong += [pair for one, pair in issues.duplicates if one not in pair or pair[0] == pair[1]]
    if wrong:
        raise UserError(f"{path} is not the list of this benchmark, which has {size:,} images: {wrong[0]} does not fit")
    return issues


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise UserError(f"{path} is no list of issues: it is nested too deep") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no JSON file ({error})") from error


def _first(folder: Path, names: Sequence[str]) -> Path:
    """Return the first of these files, in the folder or in the folders of the published checkout."""
    wanted = {name.lower() for name in names}
    for inner in ("", "detailed_issue_lists", "revised_filelists"):
        if (folder / inner).is_dir():
            for path in sorted((folder / inner).iterdir()):
                if path.name.lower() in wanted:
                    return path
    raise UserError(f"{folder} holds no {' or '.join(names)}; get it from {LISTS}")
