"""Which images a set holds: a row of a table each, or else what lies in a folder."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import Ints, UserError, read_only
from cleanbench.datasets.tables import canonical, count, number_in, rows, some
from cleanbench.datasets.truth_tables import AMBIGUOUS, Keys


@dataclass(frozen=True)
class Listing:
    """The images of a set, sorted by id.

    Attributes:
        ids: Their ids.
        paths: Where each lies, or would lie.
        labels: Their classes as texts, empty where an image has none; None if the set has no labels.
        keys: By which columns truth tables may name them.
        attributes: Facts about them by name.
        warnings: What the user should know, in sentences.
    """

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: list[str] | None
    keys: Keys
    attributes: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def listed(
    table: Path, root: Path, images: Sequence[Path], label: str = "label", *, countable: bool = False
) -> Listing:
    """List the images that a table has rows for.

    Args:
        table: A CSV file with ``id`` or ``md5hash`` and, all optional, ``label``, ``file`` and attributes.
        root: The folder that the paths in ``file`` start from.
        images: The images found in that folder: one without a ``file`` is known by its name without ending.
        label: The column of the class.
        countable: Whether a table will do where the folder holds no image at all: the set can be counted then.

    Raises:
        UserError: If the table is wrong, a name fits several images, or no image of the table exists.
    """
    content = rows(table)
    _, header = next(content)
    key = next((name for name in ("id", "md5hash") if name in header), None)
    if key is None:
        raise UserError(
            f"{table} has no column id or md5hash; its columns are {some(header, 10)} "
            "(names are in lower case, columns are separated by commas)"
        )
    records = by_id(table, content, header, key)
    ids = tuple(name for name, _ in records)
    columns = {name: [fields[index] for _, fields in records] for index, name in enumerate(header) if name}
    positions = {name: position for position, name in enumerate(ids)}
    keys = {"id": positions, "md5hash": positions}
    if key == "id" and "md5hash" in columns:
        keys["md5hash"] = _joined(columns["md5hash"])
    paths, warnings = located(table, root, images, ids, columns.get("file"), countable=countable)
    facts = {name: column for name, column in columns.items() if name not in {"id", "md5hash", label, "file"}}
    # Objects, because a text array gives every value the room of the longest one.
    attributes = {name: read_only(column, np.object_) for name, column in facts.items()}
    return Listing(ids, paths, columns.get(label), keys, attributes, tuple(warnings))


def unlisted(root: Path, images: Sequence[Path]) -> Listing:
    """List the images found in a folder: ids from file names, labels from the folders directly in it.

    Ids are file names without ending; where such names repeat, all are paths in the folder without ending,
    and if these repeat, with it. With less than two folders that hold images there are no labels.

    Raises:
        UserError: If there are no images, or their names cannot be told apart.
    """
    if not images:
        raise UserError(f"{root} holds no images (.jpg, .png, .tif and all that Pillow reads); check the path")
    inside = [path.relative_to(root) for path in images]
    ways: tuple[Callable[[PurePath], str], ...] = (
        lambda path: path.stem,
        lambda path: path.with_suffix("").as_posix(),
        PurePath.as_posix,
    )
    for way in ways:
        named = [canonical(way(path)) for path in inside]
        if len(set(named)) == len(named):
            break
    else:
        twice = [key for key, times in Counter(named).items() if times > 1]
        raise UserError(f"{root} holds files whose names differ only in spaces or accents: {some(twice)}")
    order = sorted(range(len(named)), key=named.__getitem__)
    ids = tuple(named[index] for index in order)
    warnings = []
    if way is not ways[0]:
        warnings.append(f"file names repeat, so the ids are paths in the folder, such as {ids[0]!r}")
    tops = [inside[index].parts[0] if len(inside[index].parts) > 1 else "" for index in order]
    folders = sorted(set(tops) - {""})
    if len(folders) > 1:
        warnings.append(f"labels are the names of {len(folders)} folders: {some(folders)}")
    positions = {key: position for position, key in enumerate(ids)}
    return Listing(
        ids,
        tuple(images[index] for index in order),
        tops if len(folders) > 1 else None,
        {"id": positions, "md5hash": positions},
        warnings=tuple(warnings),
    )


def by_id(
    table: Path, content: Iterable[tuple[int, list[str]]], header: Sequence[str], key: str
) -> list[tuple[str, list[str]]]:
    """Return the id and the fields of every row, sorted by id.

    Args:
        table: What messages name.
        content: Line numbers and fields of the rows, without the header.
        header: The columns.
        key: The column of ids.

    Raises:
        UserError: If an id is empty or stands in two rows, or there are no rows.
    """
    lines: dict[str, int] = {}
    records = []
    for line, fields in content:
        name = canonical(fields[header.index(key)])
        if not name:
            raise UserError(f"{table}, line {line}: the {key} is empty; give every image one, or remove the row")
        if name in lines:
            raise UserError(
                f"{table}, line {line}: the {key} {name!r} stands in line {lines[name]} already; "
                "every image needs an id and a row of its own"
            )
        lines[name] = line
        records.append((name, fields))
    if not records:
        raise UserError(f"{table} has a header but no rows; list the images, or remove it")
    return sorted(records)


def classify(values: Sequence[str]) -> tuple[Ints | None, tuple[str, ...], list[str]]:
    """Return labels as positions in sorted classes, -1 for empty ones, the classes, and remarks on them.

    Classes that all are numbers are sorted as such. The labels are None if all values are empty.
    """
    texts = [canonical(value) for value in values]
    members = Counter(text for text in texts if text)
    numbers = {text: _number(text) for text in members}
    numeric = all(isfinite(number) for number in numbers.values())
    classes = tuple(sorted(members, key=lambda text: (numbers[text] if numeric else 0.0, text)))
    if not classes:
        return None, (), ["no image has a label"]
    remarks = []
    if members.total() < len(texts):
        remarks.append(f"{len(texts) - members.total():,} of {count(len(texts), 'image')} have no label")
    lonely = [text for text in classes if members[text] == 1]
    if lonely:
        remarks.append(f"{count(len(lonely), 'label')} given to one image only: {some(lonely)}")
    positions = {text: position for position, text in enumerate(classes)}
    return np.array([positions.get(text, -1) for text in texts], dtype=np.int64), classes, remarks


def _joined(values: Sequence[str]) -> dict[str, int]:
    """Return the position of the image that has a value; exact copies share their MD5 sum."""
    positions: dict[str, int] = {}
    for position, value in enumerate(map(canonical, values)):
        if value:
            positions[value] = AMBIGUOUS if value in positions else position
    return positions


def located(
    table: Path,
    root: Path,
    images: Sequence[Path],
    ids: Sequence[str],
    files: Sequence[str] | None,
    *,
    countable: bool = False,
) -> tuple[tuple[Path, ...], list[str]]:
    """Return where each image lies, and remarks on what is missing, left out or named twice.

    Args:
        table: The table that names the images, for messages.
        root: The folder that ``files`` start from.
        images: The images found there; without ``files`` one is known by its name without ending.
        ids: The images wanted.
        files: Their paths in the folder, empty where not told; None if no path is told.
        countable: Whether no image at all may be there.

    Raises:
        UserError: If several images have the name of one that is wanted, or there is none of them.
    """
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for path in images:
        by_stem[canonical(path.stem)].append(path)
    existing = {str(path) for path in images}
    paths, missing = [], []
    for name, file in zip(ids, files or [""] * len(ids), strict=True):
        if file:
            path = Path(os.path.normpath(root / file))
            if str(path) not in existing and not _is_file(path):
                missing.append(name)
        elif name not in by_stem:
            path = root / f"{name}.*"  # names what was looked for, and cannot be read
            missing.append(name)
        else:
            path, *others = by_stem[name]
            if others:
                raise UserError(
                    f"{root} holds {count(1 + len(others), 'image')} called {name!r}: "
                    f"{some(str(each.relative_to(root)) for each in (path, *others))}; "
                    f"rename one, or add a column file to {table.name}"
                )
        paths.append(path)
    remarks = []
    if countable and not images:
        return tuple(paths), [f"{root} holds no images: the set can be counted, and no method can be run"]
    if len(missing) == len(ids):
        where = "file is a path in that folder" if files else "an image is found by its name without ending"
        raise UserError(f"{root} holds none of the images of {table.name}: {some(missing)}; {where}")
    if missing:
        remarks.append(f"{count(len(missing), 'image')} of {table.name} missing in {root}: {some(missing)}")
    named = Counter(map(str, paths))
    left_out = [path.relative_to(root).as_posix() for path in images if str(path) not in named]
    if left_out:
        remarks.append(f"left out {count(len(left_out), 'image')} without a row in {table.name}: {some(left_out)}")
    shared = [path for path, times in named.items() if times > 1]
    if shared:
        remarks.append(f"several rows of {table.name} name one file, {count(len(shared), 'time')}: {some(shared)}")
    return tuple(paths), remarks


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _number(text: str) -> float:
    try:
        return number_in(text)
    except ValueError:
        return float("nan")
