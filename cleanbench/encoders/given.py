"""Embeddings that somebody else computed, joined to the images by id."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import Ints, UserError, digest_of
from cleanbench.encoders.base import SetEncoder, Wanted
from cleanbench.encoders.embedding_files import id_files, named, read_embeddings
from cleanbench.encoders.files import existing, file_digest
from cleanbench.settings import check_types
from cleanbench.store import new_array
from cleanbench.view import source_digest

# Rows that are checked and written at a time.
BLOCK = 4096


@dataclass(frozen=True)
class Given(SetEncoder):
    """Takes embeddings from a file, by the ids of the images.

    `cleanbench.encoders.embedding_files.FORMATS` says what a file holds. The embeddings are keyed by its
    content: another path changes nothing, another byte does.

    Attributes:
        path: The file: ``.npy``, ``.npz``, ``.parquet`` or ``.safetensors``.
    """

    path: str = field(metadata={"identity": False})

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If the path is no text.
        """
        check_types(self)

    def identity(self) -> str:
        """Return a digest of code and files."""
        return digest_of([super().identity(), source_digest(read_embeddings), self._digest()])

    def embed(self, wanted: Wanted, target: Path) -> str:
        """Write the rows of the wanted images.

        Ids of the file that the set lacks are passed over with a warning.

        Raises:
            UserError: If an image has no row or an id several, if a value is not finite or beyond float32, or
                if all values of a row, or all rows, are equal; naming ids.
        """
        path = existing(self.path)
        if wanted.ids is None:
            raise UserError(f"{path} is joined by id, but the set comes without ids")
        ids, rows = read_embeddings(path)
        order, surplus = join(path, ids, wanted.ids)
        if surplus:
            wanted.warnings.append(
                f"{len(surplus):,} of the {len(ids):,} ids in {path.name} belong to no readable image of the set and "
                f"are passed over: {named(surplus)}"
            )
        written = new_array(target, (len(order), rows.shape[1]), np.float32)
        for start in range(0, len(order), BLOCK):
            block = slice(start, start + BLOCK)
            written[block] = _checked(path, rows[order[block]], wanted.ids[block])
        if len(written) > 1 and not (written[1:] != written[0]).any():
            raise UserError(f"all {len(written):,} embeddings in {path} are equal; the images cannot be told apart")
        written.flush()
        return self._digest()

    def _digest(self) -> str:
        files = [file_digest(file) for file in id_files(existing(self.path))]
        return files[0] if len(files) == 1 else digest_of(files)


def join(path: Path, ids: Sequence[str], wanted: Sequence[str]) -> tuple[Ints, list[str]]:
    """Return the row of each wanted id, and the ids that are not wanted.

    Args:
        path: The file, for messages.
        ids: Those of its rows.
        wanted: Those of the images, each once.

    Raises:
        UserError: If an id has several rows or a wanted one none.
    """
    if len(set(ids)) != len(ids):
        repeated = [name for name, count in Counter(ids).items() if count > 1]
        raise UserError(f"{path} has several rows for {named(repeated)}; keep one row per id")
    row_of = {name: row for row, name in enumerate(ids)}
    missing = [name for name in wanted if name not in row_of]
    extra = sorted(row_of.keys() - set(wanted))
    if missing:
        hint = f"; the ids of the file that fit no image are {named(extra)}" if extra else ""
        raise UserError(
            f"{path} has no row for {len(missing):,} of {len(wanted):,} images: {named(missing)}{hint}. "
            "The ids must be those of the data set, as rankings show them"
        )
    return np.array([row_of[name] for name in wanted], dtype=np.int64), extra


def _checked(path: Path, block: npt.NDArray[Any], ids: Sequence[str]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what becomes infinite is told below
        rows = block.astype(np.float32)
    for wrong, what in (
        (~np.isfinite(rows).all(axis=1), "NaN, infinite or beyond the range of float32"),
        (~rows.any(axis=1), "all zero, as where a computation failed"),
        ((rows == rows[:, :1]).all(axis=1) & (rows.shape[1] > 1), "constant, all values equal"),
    ):
        if wrong.any():
            culprits = [ids[row] for row in np.flatnonzero(wrong).tolist()]
            raise UserError(
                f"embeddings in {path} are {what}: {named(culprits)}; compute them anew, or remove the images"
            )
    return rows
