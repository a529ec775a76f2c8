"""Rankings and truths as Parquet files of ids, readable by anything."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import GroundTruth, Ints, Issue, Ranking, UserError
from cleanbench.store import whole_file

if TYPE_CHECKING:
    import pyarrow

# What the columns of these files hold.
TYPES = {
    "id": "text", "id_a": "text", "id_b": "text", "score": "fractions", "flag": "true or false",
    "label": "whole numbers", "probability": "fractions", "inclusion": "fractions",
}  # fmt: skip


def write_ranking(path: Path, ranking: Ranking, ids: Sequence[str]) -> None:
    """Write ``id`` (or ``id_a``, ``id_b``), ``score`` and, if the method decides, ``flag``; worst first."""
    columns_of_items = ranking.items if ranking.issue.ranks_pairs else ranking.items[:, None]
    order = np.lexsort((*columns_of_items.T[::-1], -ranking.scores))
    columns = _id_columns(ranking.items[order], ids) | {"score": ranking.scores[order].astype(np.float64)}
    if ranking.flags is not None:
        columns["flag"] = ranking.flags[order]
    write_table(path, columns)


def write_by_id(source: Path, target: Path) -> None:
    """Write a ranking again with its rows in the order of their ids, for keeping.

    The column of ids is then the same bytes in every ranking of the same items, which version control stores once, and
    lies closer together. Values, types and notes stay as they are.
    """
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(source, partitioning=None)
    names = [name for name in ("id", "id_a", "id_b") if name in table.column_names]
    scores = {"score": "BYTE_STREAM_SPLIT"} if pyarrow.types.is_floating(table.schema.field("score").type) else {}
    pyarrow.parquet.write_table(
        table.sort_by([(name, "ascending") for name in names]),
        target,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        column_encoding=dict.fromkeys(names, "DELTA_BYTE_ARRAY") | scores,
    )


def write_truth(path: Path, truth: GroundTruth, ids: Sequence[str]) -> None:
    """Write ``id`` (or ``id_a``, ``id_b``), ``label`` and what else is known of each judged item."""
    columns: dict[str, Any] = _id_columns(truth.items, ids) | {"label": truth.labels.astype(np.int8)}
    for name in ("probability", "inclusion"):
        values = getattr(truth, name)
        if values is not None:
            columns[name] = values
    write_table(path, columns)


def read_table(path: Path, issue: Issue, value: str) -> tuple[list[tuple[str, ...]], npt.NDArray[Any]]:
    """Read the ids and one column of a ranking or truth.

    Args:
        path: A Parquet file.
        issue: Tells whether it holds images or pairs.
        value: The column: ``score`` or ``label``.

    Returns:
        One tuple of ids per row (two for pairs, sorted), and the values.

    Raises:
        UserError: If the file is missing, damaged or lacks a column.
    """
    import pyarrow.parquet

    names = id_names(issue)
    try:
        table = _read(path)
        columns: list[list[Any]] = [table.column(name).to_pylist() for name in names if name in table.column_names]
    except (ValueError, pyarrow.ArrowException) as error:  # a ValueError is a text that is not UTF-8
        raise UserError(f"{path} is no readable Parquet file ({error})") from error
    missing = [name for name in [*names, value] if name not in table.column_names]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}; it has {', '.join(table.column_names) or 'no columns'}")
    rows = [tuple(sorted(row)) for row in zip(*columns, strict=True)]
    return rows, table.column(value).to_numpy()


def id_names(issue: Issue) -> list[str]:
    """Return the columns of ids in the files of an issue."""
    return ["id_a", "id_b"] if issue.ranks_pairs else ["id"]


def read_exactly(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> "pyarrow.Table":
    """Read a file that must hold these columns in this order, whole and of their types, and no others.

    Raises:
        UserError: If it cannot be read, or holds something else.
    """
    import pyarrow.types as types

    table = _read(path)
    names = [*needed, *(name for name in optional if name in table.column_names)]
    if table.column_names != names:
        raise UserError(f"{path} has the columns {', '.join(table.column_names) or '(none)'}, not {', '.join(names)}")
    tests = {
        "text": lambda kind: types.is_string(kind) or types.is_large_string(kind),
        "fractions": types.is_floating,
        "true or false": types.is_boolean,
        "whole numbers": types.is_integer,
    }
    for name in names:
        column = table.column(name)
        if column.null_count or not tests[TYPES[name]](column.type):
            raise UserError(f"{path} has a column {name} that does not hold {TYPES[name]} in every row")
    return table


def digest(path: Path, issue: Issue) -> str:
    """Return the SHA-256 of what a ranking says: ids, scores to the last bit, and flags, in the order of the ids.

    How the file encodes and orders that does not matter.

    Raises:
        UserError: If the file is missing, damaged, or holds anything that is no part of a ranking.
    """
    names = id_names(issue)
    table = read_exactly(path, [*names, "score"], ["flag"])
    if table.schema.metadata:
        raise UserError(f"{path} has notes ({', '.join(map(repr, table.schema.metadata))}), which no ranking has")
    return digest_of_rows(path, table.sort_by([(name, "ascending") for name in names]))


def digest_of_rows(path: Path, table: "pyarrow.Table", note: str = "") -> str:
    """Return the SHA-256 of the rows of a table from `read_exactly` in their order, and of a note."""
    found = hashlib.sha256(note.encode())
    for name in table.column_names:
        column = table.column(name)
        try:
            values = column.to_pylist() if TYPES[name] == "text" else column.to_numpy()
        except ValueError as error:
            raise UserError(f"{path} has a column {name} that is no UTF-8 text") from error
        if isinstance(values, list):
            encoded = [value.encode() for value in values]
            lengths = np.fromiter(map(len, encoded), dtype="<u8", count=len(encoded))
            parts = [lengths.tobytes(), b"".join(encoded)]
        else:
            parts = [values.astype("<f8" if TYPES[name] == "fractions" else "u1").tobytes()]
        for part in (name.encode(), *parts):
            found.update(len(part).to_bytes(8, "little"))
            found.update(part)
    return found.hexdigest()


def write_table(path: Path, columns: Mapping[str, Any]) -> None:
    """Write columns as a Parquet file in one step; those of text stay text, whatever they look like."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table(
        {
            # Lists and arrays of objects hold texts; without a type, a column that is empty would have none.
            name: pyarrow.array(values, type=None if _is_numeric(values) else pyarrow.string())
            for name, values in columns.items()
        }
    )
    # In one step: another sweep into the same folder may write or read the same truth right now.
    with whole_file(path) as scratch:
        pyarrow.parquet.write_table(table, scratch, compression="zstd")


def read_flags(path: Path, issue: Issue) -> tuple[list[tuple[str, ...]], npt.NDArray[np.bool_]] | None:
    """Read the ids of a ranking and the method's own decisions; None if it made none.

    Raises:
        UserError: If the file is missing or damaged, or its flags are not true or false.
    """
    import pyarrow.parquet

    if not path.is_file() or "flag" not in pyarrow.parquet.read_schema(path).names:
        return None
    rows, flags = read_table(path, issue, "flag")
    if flags.dtype != np.bool_:
        raise UserError(f"{path} has a column flag of {flags.dtype}; flags are true or false")
    return rows, flags


def align(
    asked: Sequence[tuple[str, ...]], known: Sequence[tuple[str, ...]], scores: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Return the score of every asked item, joined by ids; ``-inf`` where the ranking lacks it."""
    by_ids: Mapping[tuple[str, ...], float] = dict(zip(known, scores.tolist(), strict=True))
    return np.array([by_ids.get(item, -np.inf) for item in asked], dtype=np.float64)


def _read(path: Path) -> "pyarrow.Table":
    import pyarrow.parquet

    if not path.is_file():
        raise UserError(f"{path} is no file" if path.exists() else f"{path} does not exist")
    try:
        return pyarrow.parquet.read_table(path, partitioning=None)  # not what folders such as k=3 are called
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise UserError(f"{path} is no readable Parquet file ({error})") from error


def _id_columns(items: Ints, ids: Sequence[str]) -> dict[str, Any]:
    names = np.asarray(ids, dtype=object)
    if items.ndim == 2:
        return {"id_a": names[items[:, 0]], "id_b": names[items[:, 1]]}
    return {"id": names[items]}


def _is_numeric(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype != object
