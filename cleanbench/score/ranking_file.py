"""The ranking of a submission: a CSV or Parquet file of ids and scores, or of ids in order."""

import csv
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import Bools, Floats, Issue
from cleanbench.datasets.tables import canonical, number_in, some
from cleanbench.score.findings import Findings
from cleanbench.score.manifest import Direction

IDS = {"id": ("id",), "md5hash": ("id",), "id_a": ("id_a",), "id_b": ("id_b",)}
USED = (*IDS, "score", "flag")
TRUE, FALSE = ("1", "true"), ("0", "false", "")
SORTED = 10  # rows from which on a file that is sorted upwards is taken to mean it


@dataclass(frozen=True, eq=False)
class Ranked:
    """A ranking by ids.

    Attributes:
        rows: One id per image, two per pair, sorted within the pair.
        scores: Higher is more suspicious, shape ``(L,)``; ``-inf`` is "not retrieved".
        flags: The method's own decision, shape ``(L,)``, or None.
    """

    rows: list[tuple[str, ...]]
    scores: Floats
    flags: Bools | None


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a file as text or numbers, and the line that each row stands in."""

    columns: dict[str, Sequence[Any]]
    lines: Sequence[int]


def read_ranking(path: Path, issue: Issue | None, direction: Direction | None, findings: Findings) -> Ranked | None:
    """Read a ranking and note every defect of the file.

    Args:
        path: A CSV file with a header, or a Parquet file. Columns: ``id`` (or ``md5hash``), for pairs ``id_a`` and
            ``id_b``; ``score``, without which the first row is the most suspicious; optionally ``flag`` (0 or 1).
        issue: Tells whether images or pairs are ranked; None: not known, and only the file itself is checked.
        direction: Which scores are suspicious; None: not stated, then higher, unless the file seems to say otherwise.
        findings: Takes defects and warnings.

    Returns:
        The ranking without the rows that cannot be read; None if nothing can.
    """
    table = _table(path, findings)
    if table is None or issue is None:
        return None
    names = ("id_a", "id_b") if issue.ranks_pairs else ("id",)
    columns = dict(table.columns)
    if not issue.ranks_pairs and "id" not in columns and "md5hash" in columns:
        columns["id"] = columns.pop("md5hash")
    if missing := [name for name in names if name not in columns]:
        wanted = "pairs: columns id_a and id_b" if issue.ranks_pairs else "images: a column id"
        findings.defects.append(
            f"{path} has no column {' and no column '.join(missing)}; {issue} ranks {wanted}. It has "
            f"{', '.join(columns) or 'no columns'}"
        )
        return None
    if extra := [name for name in columns if name not in (*names, "score", "flag")]:
        findings.warnings.append(f"{path}: columns that mean nothing here are passed over: {', '.join(extra)}")
    if not len(table.lines):
        findings.defects.append(f"{path} has no rows; it should have one for each ranked {_noun(issue)}")
        return None
    rows = _rows([columns[name] for name in names], table.lines, findings)
    scores = _scores(columns.get("score"), table.lines, direction, findings)
    flags = _flags(columns.get("flag"), table.lines, findings)
    _repeated(rows, table.lines, issue, findings)
    return Ranked(rows, scores, flags)


def _table(path: Path, findings: Findings) -> Table | None:
    readers: dict[str, Callable[[Path, Findings], Table | None]] = {".csv": _csv, ".parquet": _parquet}
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        findings.defects.append(f"{path} does not exist; give the file: ranking=FILE")
        return None
    except OSError as error:
        findings.defects.append(f"{some([str(path)])} cannot be looked at ({error.strerror}); give ranking=FILE")
        return None
    if path.is_dir():
        findings.defects.append(f"{path} is a folder; name the file in it: ranking=FILE")
    elif path.suffix.lower() not in readers:
        findings.defects.append(f"{path} is neither .csv nor .parquet; save the ranking as one of these")
    elif size == 0:
        findings.defects.append(f"{path} is empty; it should hold ids and scores")
    else:
        return readers[path.suffix.lower()](path, findings)
    return None


def _csv(path: Path, findings: Findings) -> Table | None:
    ragged, header = array("q"), list[str]()
    rows: list[list[str]] = []
    lines = array("q")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            for fields in reader:
                if not "".join(fields).strip():
                    continue
                if not header:
                    header = [field.strip() for field in fields]
                elif len(fields) != len(header):
                    ragged.append(reader.line_num)
                else:
                    rows.append(fields)
                    lines.append(reader.line_num)
    except UnicodeDecodeError:
        findings.defects.append(f"{path} is no UTF-8 text; save it as UTF-8")
        return None
    except (csv.Error, OSError) as error:
        findings.defects.append(f"{path} is no proper CSV ({error}); check quotes and line ends")
        return None
    if not set(header) & set(IDS):
        findings.defects.append(
            f"{path} has no header: its first line is {','.join(header)[:80]!r}, expected names of columns such as "
            "id,score or id_a,id_b,score"
        )
        return None
    if repeated := sorted({name for name in header if header.count(name) > 1}):
        findings.defects.append(f"{path} has more than one column called {', '.join(repeated)}; rename one of them")
    findings.lines(
        "rows with more or fewer fields than the header", ragged, "quote fields that contain commas, and fill all"
    )
    columns: list[Sequence[str]] = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    return Table(dict(zip(header, columns, strict=True)), lines)


def _parquet(path: Path, findings: Findings) -> Table | None:
    import pyarrow
    import pyarrow.parquet

    columns: dict[str, Sequence[Any]] = {}
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names, number = list(map(str, file.schema_arrow.names)), file.metadata.num_rows
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                findings.defects.append(f"{path} has more than one column called {', '.join(repeated)}; rename one")
                return None
            read = file.read([name for name in names if name in USED])
        columns = {name: read.column(name).to_pylist() if name in USED else () for name in names}
    except UnicodeDecodeError:
        findings.defects.append(f"{path} holds texts that are not UTF-8; write it again from proper texts")
        return None
    except (OSError, ValueError, OverflowError, pyarrow.ArrowException) as error:
        reason = "".join(str(error).splitlines()[:1]) or type(error).__name__
        findings.defects.append(f"{path} is no readable Parquet file ({reason}); write it again")
        return None
    return Table(columns, range(1, number + 1))


def _rows(columns: Sequence[Sequence[Any]], lines: Sequence[int], findings: Findings) -> list[tuple[str, ...]]:
    parts = [[canonical(cell) if isinstance(cell, str) else cell for cell in column] for column in columns]
    wrong = [any(not isinstance(part, str) for part in row if part is not None) for row in zip(*parts, strict=True)]
    empty = [any(part is None or part == "" for part in row) for row in zip(*parts, strict=True)]
    findings.lines("ids that are no text", _where(wrong, lines), "write ids as text, as the data set has them")
    findings.lines("rows without an id", _where(empty, lines), "give each row its ids, or remove it")
    rows = [tuple(sorted(map(str, row))) for row in zip(*parts, strict=True)]
    itself = [len(row) == 2 and row[0] == row[1] and not gap for row, gap in zip(rows, empty, strict=True)]
    findings.lines("pairs of an image with itself", _where(itself, lines), "remove them")
    return rows


def _scores(
    column: Sequence[Any] | None, lines: Sequence[int], direction: Direction | None, findings: Findings
) -> Floats:
    if column is None:  # ids in order: the first is the most suspicious
        if direction == "lower":
            findings.defects.append("direction=lower makes no sense without scores; the first row is the worst")
        return -np.arange(len(lines), dtype=np.float64)
    scores, unreadable = np.zeros(len(column)), []
    for position, cell in enumerate(column):
        try:
            if isinstance(cell, bool):
                raise ValueError
            filled = "nan" if cell is None or cell == "" else cell
            scores[position] = number_in(filled) if isinstance(filled, str) else float(filled)
        except (TypeError, ValueError, OverflowError):
            unreadable.append(lines[position])
    findings.lines("scores that are no numbers", unreadable, "write numbers with a decimal point, no units or marks")
    scores = -scores if direction == "lower" else scores
    findings.lines("scores that are NaN or missing", _where(np.isnan(scores), lines), "give a number, or leave out")
    infinite = np.isposinf(scores)
    sign = "-inf" if direction == "lower" else "+inf"
    findings.lines(
        f"scores that are {sign}", _where(infinite, lines), "give finite scores; infinite ones only for 'not retrieved'"
    )
    finite = scores[np.isfinite(scores)]
    if len(column) and not len(finite) and not unreadable:
        findings.defects.append("no score is finite, so nothing is ranked; give scores")
    elif len(finite) > 1 and (finite == finite[0]).all() and not unreadable:
        findings.warnings.append("all scores are equal, so the ranking says nothing; it is scored as chance")
    elif direction is None and len(finite) >= SORTED and (np.diff(finite) >= 0).all():
        findings.defects.append(
            "the rows are sorted from the lowest score to the highest, which leaves open which end is suspicious; say "
            "direction=higher or direction=lower"
        )
    return scores


def _flags(column: Sequence[Any] | None, lines: Sequence[int], findings: Findings) -> Bools | None:
    if column is None:
        return None
    words = ["" if cell is None else str(cell).strip().lower() for cell in column]
    wrong = [word not in (*TRUE, *FALSE) for word in words]
    findings.lines("flags that are neither 0 nor 1", _where(wrong, lines), "write 1 for flagged, 0 for not")
    return np.array([word in TRUE for word in words], dtype=bool)


def _repeated(rows: Sequence[tuple[str, ...]], lines: Sequence[int], issue: Issue, findings: Findings) -> None:
    seen: set[tuple[str, ...]] = set()
    again = []
    for row, line in zip(rows, lines, strict=True):
        if row in seen and "" not in row:
            again.append(line)
        seen.add(row)
    both = ", also with its ids exchanged" if issue.ranks_pairs else ""
    findings.lines(f"rows that rank {_article(issue)} {_noun(issue)} again{both}", again, "keep one score of each")


def _where(wrong: Sequence[bool] | Bools, lines: Sequence[int]) -> list[int]:
    return [lines[position] for position in np.flatnonzero(wrong).tolist()]


def _noun(issue: Issue) -> str:
    return "pair" if issue.ranks_pairs else "image"


def _article(issue: Issue) -> str:
    return "a" if issue.ranks_pairs else "an"
