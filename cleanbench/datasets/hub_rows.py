"""The rows of a set that the library ``datasets`` reads: what each column is for, and the encoded images."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleanbench import __version__
from cleanbench.core import UserError, digest_of
from cleanbench.datasets.tables import canonical, some
from cleanbench.encoders.hub import Repository
from cleanbench.progress import progress
from cleanbench.spelling import nearest

# Names of a column that is most likely the label, though its type does not say so.
LABELS = ("label", "labels", "fine_label", "class")


@dataclass(frozen=True)
class Origin:
    """Where a set is read from: a commit of the Hub, or local files as they are now."""

    path: str
    commit: str = ""
    files: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is read of a set, in all that decides the result."""

    origin: Origin
    split: str
    config: str | None
    streaming: bool
    rows: int | None
    columns: dict[str, str | None]

    @property
    def key(self) -> str:
        """SHA-256 of what decides the rows."""
        # Streaming reads the same rows.
        parts = [self.origin.path, self.origin.commit, self.origin.files, self.split, self.config, self.rows]
        return digest_of([__version__, *map(str, parts), json.dumps(self.columns, sort_keys=True)])


def places_of(origin: Origin, scratch: Path) -> tuple[Path, ...]:
    """Return the folders in which the files of a set lie: a row may name any file, and only these are read."""
    if not origin.commit:
        return (Path(origin.path),)
    from datasets.config import DOWNLOADED_DATASETS_PATH
    from huggingface_hub import constants

    cached = Path(constants.HF_HUB_CACHE) / Repository(origin.path, "dataset").cache_folder
    return scratch, cached, Path(DOWNLOADED_DATASETS_PATH)


def read_rows(
    rows: Any, part: str, wanted: Wanted, stored: dict[str, Any], places: tuple[Path, ...], *, several: bool
) -> Iterator[bytes]:
    """Yield the encoded images of a split, and note what else is known of them in ``stored``.

    Raises:
        UserError: If it has no such column, or one of another type.
    """
    from datasets import ClassLabel, Image

    if rows.features is None:  # a stream of a format that does not tell its columns before the first row
        rows = rows._resolve_features()
    features = rows.features
    image, label = (_column(features, wanted.columns, *role) for role in (("image", Image), ("label", ClassLabel)))
    if image is None:
        raise UserError(
            f"{wanted.origin.path} does not say which of its columns holds images (none is of the type Image of "
            f"`datasets`); name it, such as dataset.image={_likely(features, 'image')}; its columns are "
            f"{some(features, 10)}"
        )
    if label is None and (unread := next((name for name in LABELS if name in features), None)):
        stored["warnings"] = [
            f"no labels: the column {unread!r} is not of the type ClassLabel of `datasets`; "
            f"dataset.label={unread} reads it"
        ]
    for role in ("id", "group"):
        _column(features, wanted.columns, role, None)
    for role, column in {**wanted.columns, "image": image, "label": label}.items():
        _check_kind(features, role, column)
    rows = rows.cast_column(image, Image(decode=False))
    if wanted.rows is not None:
        rows = rows.take(wanted.rows)
    classes = features[label].names if label and isinstance(features[label], ClassLabel) else None
    key, group, title = wanted.columns["id"], wanted.columns["group"], part.partition("[")[0]
    with progress(f"reading {part}", (wanted.rows or 0) if wanted.streaming else len(rows), "image") as bar:
        for number, row in enumerate(rows):
            position = f"{title}/{number:08d}" if several else f"{number:08d}"
            stored["ids"].append(canonical(str(row[key])) if key else position)
            stored["split"].append(title)
            if label:
                stored["labels"].append(_class(row[label], classes))
            if group:
                stored["group"].append("" if row[group] is None else canonical(str(row[group])))
            bar.update(1)
            content = _encoded(row[image], places)
            if content is None:
                stored["outside"].append(stored["ids"][-1])
            yield content or b""


def _column(features: Any, columns: dict[str, str | None], role: str, kind: type | None) -> str | None:
    """Return the column of a role: the one that is named, or the only one of its type."""
    named = columns[role]
    if named is not None:
        if named not in features:
            raise UserError(
                f"the data set has no column {named!r}, which dataset.{role} names.{nearest(named, features)}"
            )
        return named
    found = [column for column, feature in features.items() if kind is not None and isinstance(feature, kind)]
    if len(found) > 1:
        raise UserError(f"the data set has several columns for dataset.{role}: {some(found, 10)}; name one of them")
    return found[0] if found else None


def _likely(features: Any, role: str) -> str:
    """Return the column that is most likely meant."""
    return next((name for name in features if role in name.lower()), next(iter(features), "NAME"))


def _check_kind(features: Any, role: str, column: str | None) -> None:
    """Raise a `UserError` if a column holds something else than its role needs."""
    from datasets import ClassLabel, Image, Value

    if column is None:
        return
    kind = features[column]
    binary = isinstance(kind, Value) and "binary" in kind.dtype
    struct = isinstance(kind, dict) and {"bytes"} <= set(kind) <= {"bytes", "path"}  # as images are stored
    if role == "image" and not (binary or struct or isinstance(kind, Image)):
        raise UserError(f"dataset.image={column} is a column of {_kind(kind)}, not of images")
    if role != "image" and (binary or not isinstance(kind, (Value, ClassLabel))):
        raise UserError(f"dataset.{role}={column} is a column of {_kind(kind)}, not of texts or numbers")


def _kind(feature: Any) -> str:
    return f"type {getattr(feature, 'dtype', None) or type(feature).__name__}"


def _class(value: Any, classes: list[str] | None) -> str:
    if value is None or (classes is not None and not 0 <= value < len(classes)):
        return ""
    return str(value if classes is None else classes[value])


def _encoded(image: dict[str, Any] | None, places: tuple[Path, ...]) -> bytes | None:
    """Return the bytes of an image as they are stored, none where there is no image; None if its file is elsewhere."""
    if image is None:
        return b""
    if image["bytes"] is not None:
        return bytes(image["bytes"])
    if image["path"] is None:
        return b""
    path = Path(os.path.normpath(places[0] / image["path"]))
    if not any(path.is_relative_to(place) for place in places):
        return None
    try:
        return path.read_bytes() if path.is_file() else b""
    except (OSError, ValueError):
        return b""
