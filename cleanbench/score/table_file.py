"""The columns of a CSV or Parquet file that may come from anybody: never more in memory than a ranking needs."""

import csv
import stat
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from cleanbench.core import Issue
from cleanbench.datasets.tables import number_in, some
from cleanbench.score.findings import Findings, shown

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

IDS = {"id": ("id",), "md5hash": ("id",), "id_a": ("id_a",), "id_b": ("id_b",)}
USED = (*IDS, "score", "flag")
MIB = 1024**2
LONGEST_CELL = 1000  # bytes of an id or a number
LONGEST_LINE = 100_000  # signs of a row
UNPACKED = 256 * MIB  # of the columns that are read
FOOTER = 8 * MIB  # where a Parquet file says of each part where it lies, which takes many times as much in memory


@dataclass(frozen=True)
class Limits:
    """How large a file of a ranking may be.

    Attributes:
        rows: How many rows it may have.
        bytes: How large it may be.
    """

    rows: int = 50_000_000
    bytes: int = 8 * 1024 * MIB

    @classmethod
    def of(cls, images: int, issue: Issue | None) -> "Limits":
        """Return limits that leave room for every item of a data set, and for the rows that rank one again."""
        pairs = images * (images - 1) // 2
        return cls(rows=min(cls.rows, 2 * (images if issue is not None and not issue.ranks_pairs else pairs) + 1000))

    def at_most(self, rows: int, size: int) -> "Limits":
        """Return the stricter of these limits and others."""
        return Limits(min(self.rows, rows), min(self.bytes, size))


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a file as text or numbers, and the line that each row stands in; columns of no use are empty."""

    columns: dict[str, Sequence[Any]]
    lines: Sequence[int]


def read_columns(path: Path, limits: Limits, findings: Findings) -> Table | None:
    """Read the columns of a ranking and note what keeps them from being read; None if they cannot."""
    readers: dict[str, Callable[[Path, Limits, Findings], Table | None]] = {".csv": _csv, ".parquet": _parquet}
    called = shown(path, 200)
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        findings.defects.append(f"{called} does not exist; give the file: ranking=FILE")
        return None
    except OSError as error:
        findings.defects.append(f"{some([str(path)])} cannot be looked at ({error.strerror}); give ranking=FILE")
        return None
    if stat.S_ISDIR(found.st_mode):
        findings.defects.append(f"{called} is a folder; name the file in it: ranking=FILE")
    elif not stat.S_ISREG(found.st_mode):
        findings.defects.append(f"{called} is a pipe or a device; save the ranking as a file")
    elif path.suffix.lower() not in readers:
        findings.defects.append(f"{called} is neither .csv nor .parquet; save the ranking as one of these")
    elif found.st_size == 0:
        findings.defects.append(f"{called} is empty; it should hold ids and scores")
    elif found.st_size > limits.bytes:
        findings.defects.append(
            f"{called} has {found.st_size // MIB:,} MiB, more than {limits.bytes // MIB:,}; leave out what is no id, "
            "score or flag, or save it as Parquet"
        )
    else:
        return readers[path.suffix.lower()](path, limits, findings)
    return None


def _csv(path: Path, limits: Limits, findings: Findings) -> Table | None:
    ragged, header, used = array("q"), list[str](), list[int]()
    rows: list[list[str]] = []
    lines = array("q")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(_lines(stream), strict=True)
            for number, fields in enumerate(reader):
                if number > limits.rows:
                    findings.defects.append(_too_long(path, f"more than {limits.rows:,}", limits))
                    return None
                if not "".join(fields).strip():
                    continue
                if not header:
                    header = [field.strip() for field in fields]
                    used = [position for position, name in enumerate(header) if name in USED]
                    if not _headed(path, header, findings):
                        return None
                elif len(fields) != len(header):
                    ragged.append(reader.line_num)
                else:
                    rows.append([fields[position] for position in used])
                    lines.append(reader.line_num)
    except UnicodeDecodeError:
        findings.defects.append(f"{shown(path, 200)} is no UTF-8 text; save it as UTF-8")
        return None
    except (csv.Error, OSError) as error:
        findings.defects.append(f"{shown(path, 200)} is no proper CSV ({shown(error)}); check quotes and line ends")
        return None
    if not header:
        findings.defects.append(f"{shown(path, 200)} holds nothing but blanks; it should hold ids and scores")
        return None
    findings.lines(
        "row", "with more or fewer fields than the header", ragged, "quote fields that contain commas, and fill all"
    )
    read: list[Sequence[str]] = list(zip(*rows, strict=True)) if rows else [()] * len(used)
    columns: dict[str, Sequence[str]] = dict.fromkeys(header, ())
    return Table(columns | {header[position]: column for position, column in zip(used, read, strict=True)}, lines)


def _lines(stream: TextIO) -> Iterator[str]:
    """Yield the lines of a file.

    Raises:
        csv.Error: If one is longer than any row of ids and scores.
    """
    while line := stream.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise csv.Error(f"a line of more than {LONGEST_LINE:,} signs")
        yield line


def _headed(path: Path, header: Sequence[str], findings: Findings) -> bool:
    """Note what is wrong with the names of columns; whether the rows below can be read by them."""
    called, first = shown(path, 200), shown(repr(",".join(header)))
    other = next((name for sign, name in ((";", "semicolons"), ("\t", "tabs")) if sign in header[0]), "")
    if repeated := _repeated(header):
        findings.defects.append(f"{called} has more than one column called {some(repeated)}; rename one of them")
        return False
    if set(header) & set(IDS):
        return True
    if len(header) == 1 and other:
        findings.defects.append(f"{called} separates columns by {other}: {first}; separate them by commas")
    elif any(map(_is_number, header)):
        findings.defects.append(
            f"{called} has no header: its first line is {first}, expected names of columns such as id,score or "
            "id_a,id_b,score"
        )
    else:
        findings.defects.append(
            f"{called} has no column of ids: its first line is {first}, expected names of columns separated by commas "
            "such as id,score or id_a,id_b,score"
        )
    return False


def _parquet(path: Path, limits: Limits, findings: Findings) -> Table | None:
    import pyarrow
    import pyarrow.parquet

    called = shown(path, 200)
    try:
        if (footer := _footer(path)) > FOOTER:
            findings.defects.append(
                f"{called} needs {footer // MIB:,} MiB to describe its columns and row groups; write fewer of them"
            )
            return None
        with pyarrow.parquet.ParquetFile(path) as file:
            names = list(map(str, file.schema_arrow.names))
            if repeated := _repeated(names):
                findings.defects.append(f"{called} has more than one column called {some(repeated)}; rename one")
                return None
            used = [name for name in names if name in USED]
            nested = [name for name in used if pyarrow.types.is_nested(file.schema_arrow.field(name).type)]
            if nested:
                findings.defects.append(f"{called} has lists or structures in {', '.join(nested)}; write plain columns")
                return None
            number, unpacked = _sizes(file, used)
            if number > limits.rows:
                findings.defects.append(_too_long(path, f"{number:,}", limits))
                return None
            if unpacked > min(UNPACKED, limits.bytes):
                findings.defects.append(
                    f"{called} unpacks to {unpacked // MIB:,} MiB of ids and scores, more than {UNPACKED // MIB}; use "
                    "the ids of the data set"
                )
                return None
        # Texts come as dictionaries: one long text that a million rows share stays one.
        with pyarrow.parquet.ParquetFile(path, read_dictionary=used) as file:
            read = file.read(used)
        columns: dict[str, Sequence[Any]] = dict.fromkeys(names, ())
        for name in used:
            columns[name] = _cells(read.column(name).chunks)
    except UnicodeDecodeError:
        findings.defects.append(f"{called} holds texts that are not UTF-8; write it again from proper texts")
        return None
    except _TooLongError:
        findings.defects.append(
            f"{called} holds ids or scores of more than {LONGEST_CELL:,} bytes; use the ids of the data set"
        )
        return None
    except (OSError, ValueError, ArithmeticError, pyarrow.ArrowException) as error:
        reason = "".join(str(error).splitlines()[:1]) or type(error).__name__
        findings.defects.append(f"{called} is no readable Parquet file ({shown(reason, 200)}); write it again")
        return None
    return Table(columns, range(1, number + 1))


class _TooLongError(Exception):
    """A text is longer than any id."""


def _footer(path: Path) -> int:
    """Return the size that the end of a Parquet file says its footer has; 0 if it is no Parquet file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8))
        end = file.read(8)
    return int.from_bytes(end[:4], "little") if end[4:] == b"PAR1" else 0


def _sizes(file: "ParquetFile", used: Sequence[str]) -> tuple[int, int]:
    """Return the rows of a Parquet file and the bytes of its used columns once unpacked, by its metadata."""
    metadata = file.metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    parts = [group.column(number) for group in groups for number in range(group.num_columns)]
    unpacked = sum(part.total_uncompressed_size for part in parts if part.path_in_schema in used)
    return max(metadata.num_rows, sum(group.num_rows for group in groups)), unpacked


def _cells(chunks: Iterable[Any]) -> list[Any]:
    """Return the cells of a column, equal texts as one object.

    Raises:
        _TooLongError: If one is longer than `LONGEST_CELL`.
    """
    import pyarrow
    import pyarrow.compute

    cells: list[Any] = []
    for chunk in chunks:
        if not pyarrow.types.is_dictionary(chunk.type) or not _is_text(chunk.type.value_type):
            cells += chunk.to_pylist()
            continue
        longest = pyarrow.compute.max(pyarrow.compute.binary_length(chunk.dictionary)).as_py()
        if longest is not None and longest > LONGEST_CELL:
            raise _TooLongError
        texts = chunk.dictionary.to_pylist()
        cells += [None if place is None else texts[place] for place in chunk.indices.to_pylist()]
    return cells


def _is_text(kind: Any) -> bool:
    import pyarrow

    texts = (pyarrow.string(), pyarrow.large_string(), pyarrow.binary(), pyarrow.large_binary())
    return any(kind.equals(text) for text in texts)


def _too_long(path: Path, rows: str, limits: Limits) -> str:
    return (
        f"{shown(path, 200)} has {rows} rows, and no more than {limits.rows:,} are read here; rank each image once, or "
        "the pairs that `python -m cleanbench.score.questions` lists"
    )


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if name and times > 1)


def _is_number(text: str) -> bool:
    try:
        number_in(text)
    except ValueError:
        return False
    return True
