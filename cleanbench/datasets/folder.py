"""A folder of images, with or without tables beside them: ``dataset=folder dataset.root=PATH``."""

import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from cleanbench.core import GroundTruth, Issue, UserError
from cleanbench.datasets.checked import checked
from cleanbench.datasets.listings import classify, listed, unlisted
from cleanbench.datasets.tables import canonical, count, some
from cleanbench.datasets.truth_tables import FILES, read_truth
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Files, Images, suffixes

METADATA = "metadata.csv"


@checked
def folder(root: str, name: str | None = None, conflict: str = "drop") -> ImageSet:
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

    Without ``metadata.csv`` the id of an image is its file name without ending; where such names repeat, all
    ids are paths in the folder without ending (``cat/001``), and if these repeat, with it. If two or more
    folders directly in the folder hold images, their names are the labels.

    Args:
        root: The folder; ``~`` stands for the home folder.
        name: Name in tables and folders; by default that of the folder.
        conflict: What becomes of an item judged both 0 and 1: ``drop``, ``last`` or ``error``.

    Raises:
        UserError: If there is no such folder, it holds no image, or a table is wrong.
    """
    place = existing(root)
    title = _name(name, root)
    found = find(place)
    has_metadata = METADATA in found.tables
    listing = listed(place / METADATA, place, found.images) if has_metadata else unlisted(place, found.images)
    labels, classes, remarks = (None, (), []) if listing.labels is None else classify(listing.labels)
    warnings = [*found.warnings, *listing.warnings, *remarks]
    truths: dict[tuple[Issue, str], GroundTruth] = {}
    for issue, file in FILES.items():
        if file in found.tables:
            truth, remarks = read_truth(place / file, issue, listing.ids, keys=listing.keys, conflict=conflict)
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
        card=Card(
            description="Images in a folder",
            licence="not stated",
            source=str(root),
            truths={str(issue): f"{FILES[issue]} in the folder, conflict={conflict}" for issue, _ in truths},
        ),
        warnings=tuple(warnings),
    )


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
