"""Embeddings in files: npy, npz, Parquet and safetensors, read with the ids of their rows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import UserError

IDS, ROWS, ID, ROW = "ids", "embeddings", "id", "embedding"

FORMATS = {
    ".npy": f"an array (N, D), its ids one per line in FILE.npy.{IDS}.txt",
    ".npz": f"arrays {IDS!r} (N,) of text and {ROWS!r} (N, D)",
    ".parquet": f"a column {ID!r} and a column of lists {ROW!r}, or numeric columns",
    ".safetensors": f"a tensor {ROWS!r} (N, D), and in the metadata {IDS!r}, a JSON list",
}


def read_embeddings(path: Path) -> tuple[list[str], npt.NDArray[Any]]:
    """Return the ids and the embeddings of a file, in the file's order.

    Rows are never matched by their position alone: every format says whose row is whose.

    Returns:
        Ids, and an array of shape ``(N, D)`` whose values are as the file has them (floats of any width).

    Raises:
        UserError: If the file is not as `FORMATS` says, naming what is amiss.
    """
    readers = {".npy": _npy, ".npz": _npz, ".parquet": _parquet, ".safetensors": _safetensors}
    if path.suffix not in readers:
        raise UserError(f"{path} is no file of embeddings; these are: {_formats()}")
    try:
        ids, rows = readers[path.suffix](path)
    except UnicodeDecodeError as error:  # in names of columns, or in ids
        raise _damaged(path, error) from error
    if rows.dtype.kind != "f":
        raise UserError(f"the embeddings in {path} are {rows.dtype}, expected floats; convert them: .astype('float32')")
    if rows.ndim != 2 or not rows.shape[1]:
        raise UserError(f"the embeddings in {path} have shape {rows.shape}, expected one row per image: (N, D)")
    if len(ids) != len(rows):
        raise UserError(
            f"{path} has {len(ids):,} ids but {len(rows):,} rows of embeddings; there must be one id per row"
        )
    return ids, rows


def id_files(path: Path) -> tuple[Path, ...]:
    """Return the files that hold embeddings and ids: the file itself, and what lies beside an ``.npy``."""
    return (path, _sidecar(path)) if path.suffix == ".npy" else (path,)


def _sidecar(path: Path) -> Path:
    beside = path.with_name(f"{path.name}.{IDS}.txt")
    if not beside.is_file():
        raise UserError(
            f"{path} says nothing about whose rows these are: write the ids, one per line and in the order of the "
            f"rows, to {beside.name} beside it, or use .npz with arrays {IDS!r} and {ROWS!r}"
        )
    return beside


def _npy(path: Path) -> tuple[list[str], npt.NDArray[Any]]:
    beside = _sidecar(path)
    try:
        with beside.open(encoding="utf-8-sig") as lines:
            ids = [line.rstrip("\n") for line in lines]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{beside} cannot be read as UTF-8 text: {error}") from error
    try:
        return ids, np.load(path, mmap_mode="r", allow_pickle=False)
    # As of an archive; NumPy lets Python read the header.
    except Exception as error:
        raise _damaged(path, error) from error


def _npz(path: Path) -> tuple[list[str], npt.NDArray[Any]]:
    try:
        # Opened here: NumPy leaves a damaged archive open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            _expect(path, set(archive.files), {IDS, ROWS}, "arrays")
            ids, rows = archive[IDS], archive[ROWS]
    except UserError:
        raise
    # A damaged archive raises one of many types, of its format and of its compression.
    except Exception as error:
        raise _damaged(path, error) from error
    return _texts(path, ids), rows


def _damaged(path: Path, error: BaseException) -> UserError:
    if any(word in str(error).lower() for word in ("pickle", "object array", "python objects")):
        return UserError(
            f"{path} holds pickled objects, which may run code and are not read, or it is damaged. "
            "Save ids as text, ids.astype(str), and embeddings as floats, .astype('float32')"
        )
    return UserError(f"{path} cannot be read, it may be damaged: {str(error) or type(error).__name__}")


def _texts(path: Path, ids: npt.NDArray[Any]) -> list[str]:
    if ids.ndim != 1 or ids.dtype.kind not in "US":
        raise UserError(
            f"{IDS!r} in {path} is {ids.dtype} of shape {ids.shape}, expected text (N,); "
            "save the ids with their leading zeros: ids.astype(str)"
        )
    try:
        return [str(text) for text in (np.char.decode(ids, "utf-8") if ids.dtype.kind == "S" else ids).tolist()]
    except UnicodeDecodeError as error:
        raise UserError(f"{IDS!r} in {path} is no UTF-8 text: {error}; save it as text: ids.astype(str)") from error


def _safetensors(path: Path) -> tuple[list[str], npt.NDArray[Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as archive:
            _expect(path, set(archive.keys()), {ROWS}, "tensors")
            text = (archive.metadata() or {}).get(IDS)
            rows = archive.get_tensor(ROWS)
    # A type that NumPy lacks, such as bfloat16, is a TypeError.
    except (SafetensorError, OSError, TypeError) as error:
        raise UserError(f"{path} cannot be read as safetensors with NumPy's types: {error}") from error
    try:
        ids = json.loads(text or "")
    except json.JSONDecodeError:
        ids = None
    if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
        raise UserError(
            f"{path} lacks the ids: its metadata must have {IDS!r}, a JSON list of text: "
            f"save_file({{{ROWS!r}: rows}}, path, metadata={{{IDS!r}: json.dumps(ids)}})"
        )
    return ids, rows


def _parquet(path: Path) -> tuple[list[str], npt.NDArray[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, partitioning=None)  # folders called a=b are no columns
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read as Parquet: {error}") from error
    _expect(path, set(table.column_names), {ID}, "columns")
    ids = table.column(ID)
    if not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)) or ids.null_count:
        raise UserError(f"the column {ID!r} of {path} is {ids.type} with {ids.null_count} empty values, expected text")
    texts = ids.to_pylist()
    if ROW in table.column_names:
        return texts, _lists(path, table.column(ROW), texts)
    # pandas writes its row numbers as a column: no feature of an image.
    names = [name for name in table.column_names if name != ID and not name.startswith("__index_level_")]
    wrong = [name for name in names if not pa.types.is_floating(table.schema.field(name).type)]
    if wrong or not names:
        what = f"{', '.join(wrong[:5])} hold no floats" if wrong else "there are no others"
        raise UserError(f"besides {ID!r}, the columns of {path} must be the embedding's floats, but {what}")
    columns = [table.column(name).to_numpy(zero_copy_only=False) for name in names]
    return texts, np.stack(columns, axis=1)


def _lists(path: Path, column: Any, ids: list[str]) -> npt.NDArray[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise UserError(f"the column {ROW!r} of {path} is {kind}, expected lists of floats")
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    usual = np.nan_to_num(lengths, nan=-1).astype(np.int64)
    if (usual < 0).all() and len(usual):
        raise UserError(f"the column {ROW!r} of {path} is empty, expected lists of floats")
    if len(set(usual.tolist())) > 1:
        common = int(np.bincount(usual[usual >= 0]).argmax())
        raise UserError(
            f"the embeddings in {path} differ in length: most have {common} values, "
            f"but not {named([ids[row] for row in np.flatnonzero(usual != common)])}"
        )
    width = int(lengths[0]) if len(lengths) else 0
    rows: npt.NDArray[Any] = pc.list_flatten(column).to_numpy(zero_copy_only=False).reshape(len(column), width)
    return rows


def _expect(path: Path, found: set[str], wanted: set[str], what: str) -> None:
    if missing := sorted(wanted - found):
        raise UserError(
            f"{path} has no {' and no '.join(map(repr, missing))}; its {what} are {', '.join(sorted(found)[:8])}. "
            f"Expected: {FORMATS[path.suffix]}"
        )


def _formats() -> str:
    return "; ".join(f"{suffix}: {content}" for suffix, content in FORMATS.items())


def named(ids: list[str], most: int = 5) -> str:
    """Return the first few of some ids, and how many more there are."""
    shown = ", ".join(map(repr, ids[:most]))
    return f"{shown} and {len(ids) - most:,} more" if len(ids) > most else shown
