"""A folder of images, with or without tables beside them: ``dataset=folder dataset.root=PATH``."""

import os
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleanbench.core import KINDS, GroundTruth, Issue, UserError
from cleanbench.datasets.cards import CARD, read_card
from cleanbench.datasets.checked import checked
from cleanbench.datasets.listings import classify, listed, unlisted
from cleanbench.datasets.tables import canonical, count, some
from cleanbench.datasets.truth_tables import FILES, read_truth
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Files, Images, suffixes
from cleanbench.spelling import nearest

METADATA = "metadata.csv"


@checked
def folder(
    root: str,
    name: str | None = None,
    conflict: str = "drop",
    kind: str | Mapping[str, str] = "human",
    card: str | None = None,
) -> ImageSet:
    """Read the images in a folder and in the folders below it, and what is known about them.

    Hidden files and folders are passed over; a file is an image if its name ends as one. Of tables, exactly
    these are read, all optional, directly in the folder:

    - ``metadata.csv``: a row per image. ``id`` (or ``md5hash``) names it; ``label`` is its given class, any
      text or number, empty where it has none; ``file`` is its path in the folder, without which it is the
      image whose name without ending is the id. Further columns, such as ``group`` and ``split``, become
      attributes. With both ``id`` and ``md5hash``, truth tables may use either. Images without a row are
      left out; a row without an image keeps its id, and the image counts as unreadable.
    - ``off_topic_samples.csv``, ``near_duplicates.csv``, ``label_errors.csv``: see
      `cleanbench.datasets.truth_tables`.
    - ``card.yaml``, fields of `cleanbench.image_set.Card`: what boards say of the set, such as its ``licence`` and, by
      issue, how ``truths`` were made.

    Without ``metadata.csv`` the id of an image is its file name without ending; where such names repeat, all
    ids are paths in the folder without ending (``cat/001``), and if these repeat, with it. If two or more
    folders directly in the folder hold images, their names are the labels.

    Args:
        root: The folder; ``~`` stands for the home folder.
        name: Name in tables and folders; by default that of the folder.
        conflict: What becomes of an item judged both 0 and 1: ``drop``, ``last`` or ``error``.
        kind: How the judgements came about: ``human``, ``metadata`` or ``synthetic``, or one of these by issue. The
            files do not say it; boards show it beside every number.
        card: A YAML file to read in the place of ``card.yaml``.

    Raises:
        UserError: If there is no such folder, it holds no image, or a table is wrong.
    """
    place = existing(root)
    title = _name(name, root)
    kinds = _kinds(kind)
    said = _card(place, card)
    found = find(place)
    has_metadata = METADATA in found.tables
    listing = listed(place / METADATA, place, found.images) if has_metadata else unlisted(place, found.images)
    labels, classes, remarks = (None, (), []) if listing.labels is None else classify(listing.labels)
    warnings = [*found.warnings, *listing.warnings, *remarks]
    truths: dict[tuple[Issue, str], GroundTruth] = {}
    for issue, file in FILES.items():
        if file in found.tables:
            truth, remarks = read_truth(
                place / file, issue, listing.ids, keys=listing.keys, conflict=conflict, kind=kinds[issue]
            )
            truths[issue, truth.name] = truth
            warnings.extend(remarks)
    ignored = [path for path in found.tables if path not in {METADATA, *FILES.values()}]
    if ignored:
        warnings.append(f"ignored {count(len(ignored), 'other CSV file')} in {place}: {some(ignored, 10)}")
    return ImageSet(
        name=title,
        ids=listing.ids,
        images=Images(Files(listing.paths)),
        labels=labels,
        classes=classes,
        attributes=listing.attributes,
        truths=truths,
        card=_stated_card(title, truths, conflict, said),
        warnings=tuple(warnings),
    )


def _kinds(kind: str | Mapping[str, str]) -> dict[Issue, str]:
    """Return the kind of the truth of each issue."""
    if isinstance(kind, str):
        kind = dict.fromkeys(Issue, kind)
    for issue, chosen in kind.items():
        if issue not in list(Issue):
            raise UserError(f"dataset.kind is by issue, and {issue!r} is none.{nearest(str(issue), Issue)}")
        if chosen not in KINDS:
            raise UserError(f"dataset.kind: {chosen!r} is none of {', '.join(KINDS)}")
    return {issue: kind.get(issue, KINDS[0]) for issue in Issue}


def _card(place: Path, card: str | None) -> dict[str, Any]:
    """Return what is said about the set in a file that is named, or else in one beside the images."""
    if card is not None:
        return read_card(Path(card).expanduser())
    return read_card(place / CARD) if (place / CARD).is_file() else {}


def _stated_card(title: str, truths: Iterable[tuple[Issue, str]], conflict: str, said: Mapping[str, Any]) -> Card:
    """Return the card, which holds no path: it goes to boards."""
    read = {str(issue): f"{FILES[issue]} in the folder, conflict={conflict}" for issue, _ in truths}
    made = {issue: f"{told}. {file}" for issue, told in said.get("truths", {}).items() if (file := read.get(issue))}
    about = {"description": "Images in a folder", "licence": "not stated", "source": f"the folder {title}"}
    return Card(**(about | dict(said) | {"truths": read | made}))


@dataclass(frozen=True)
class Found:
    """What lies in a folder: images, sorted, and CSV files as paths in it, sorted."""

    images: tuple[Path, ...]
    tables: tuple[str, ...]
    warnings: tuple[str, ...]


def find(root: Path) -> Found:
    """Find images and tables under ``root``, each folder once, however many links lead to it."""
    images: list[Path] = []
    tables: list[str] = []
    unnamed: list[Path] = []
    closed: list[Path] = []
    seen: set[tuple[int, int]] = set()
    # Linked folders come after all real ones, so that a real path is what a file is known by.
    real, linked = deque([root]), deque[Path]()
    while real or linked:
        place = real.popleft() if real else linked.popleft()
        try:
            status = place.stat()
            with os.scandir(place) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError:
            closed.append(place)
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in sorted(visible, key=lambda entry: entry.name):
            path = place / entry.name
            if _is_folder(entry):
                if not entry.is_symlink():
                    real.append(path)
                elif not root.is_relative_to(path.resolve()):  # else it leads back up, out of the set
                    linked.append(path)
            elif path.suffix.lower() == ".csv":
                tables.append(path.relative_to(root).as_posix())
            elif path.suffix.lower() in suffixes():
                (images if _can_be_id(path, root) else unnamed).append(path)
    warnings = []
    if closed:
        names = some(map(str, closed))
        warnings.append(f"{count(len(closed), 'folder')} in {root} cannot be read: {names}")
    if unnamed:
        names = some(path.name for path in unnamed)
        warnings.append(f"left out {count(len(unnamed), 'image')} whose name is blank or not UTF-8: {names}; rename")
    return Found(tuple(sorted(images)), tuple(sorted(tables)), tuple(warnings))


def path_of(setting: str, given: str) -> Path:
    """Return the path that a setting names, whether there is something or not; ``~`` stands for the home folder.

    Raises:
        UserError: If it cannot be looked at.
    """
    try:
        place = Path(str(given)).expanduser()
        place.stat()
    except (FileNotFoundError, NotADirectoryError):  # what is missing is told by who needs it
        return place
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"dataset.{setting}={some([str(given)])} cannot be looked at ({reason})") from error
    return place


def existing(root: str) -> Path:
    """Return the folder that ``dataset.root`` names.

    Raises:
        UserError: If there is none, or it cannot be read.
    """
    if not str(root).strip():
        raise UserError("dataset.root is empty; give the folder of the images")
    try:
        place = Path(str(root)).expanduser().resolve(strict=True)
        if not place.is_dir():
            raise UserError(f"{place} is not a folder; dataset.root should be the folder of the images")
        next(place.iterdir(), None)  # refused here rather than found empty
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        shown = root if len(str(root)) <= 80 else some([str(root)])
        raise UserError(f"{shown} cannot be read: {reason}; check dataset.root") from error
    return place


def _name(name: str | None, root: str) -> str:
    # The folder is called as the user calls it, also where that is a link to a folder of another name.
    own = Path(os.path.normpath(Path(str(root)).expanduser().absolute())).name
    chosen = own if name is None else str(name)
    # The name becomes that of a folder among the runs and the leaderboards.
    if not chosen.strip() or chosen.startswith(".") or set("/\\\0") & set(chosen) or not _is_text(chosen):
        raise UserError(
            f"{chosen!r} cannot name a data set; give a text without slashes and not hidden by a dot, as dataset.name"
        )
    return chosen


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _can_be_id(path: Path, root: Path) -> bool:
    return bool(canonical(path.stem)) and _is_text(str(path.relative_to(root)))


def _is_text(name: str) -> bool:
    """Return whether a file name can be written as UTF-8; systems allow any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
