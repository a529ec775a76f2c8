"""The ranking of a submission: a CSV or Parquet file of ids and scores, or of ids in order."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import Bools, Floats, Issue
from cleanbench.datasets.tables import canonical, count, number_in
from cleanbench.score.findings import Findings, shown
from cleanbench.score.manifest import Direction
from cleanbench.score.table_file import LONGEST_CELL, Limits, read_columns

TRUE, FALSE = ("1", "true"), ("0", "false", "")
WHOLE = 2**53  # up to which every whole number is a float of its own
SORTED = 10  # rows from which on a file that is sorted upwards is taken to mean it


@dataclass(frozen=True, eq=False)
class Ranked:
    """A ranking by ids.

    Attributes:
        rows: One id per image, two per pair, sorted within the pair.
        scores: Higher is more suspicious, shape ``(L,)``; ``-inf`` is "not retrieved".
        flags: The method's own decision, shape ``(L,)``, or None.
        sound: Whether its file has no defect.
    """

    rows: list[tuple[str, ...]]
    scores: Floats
    flags: Bools | None
    sound: bool = True


def read_ranking(
    path: Path, issue: Issue | None, direction: Direction | None, findings: Findings, limits: Limits | None = None
) -> Ranked | None:
    """Read a ranking and note every defect of the file.

    Args:
        path: A CSV file with a header, or a Parquet file. Columns: ``id`` (or ``md5hash``), for pairs ``id_a`` and
            ``id_b``; ``score``, without which the first row is the most suspicious; optionally ``flag`` (0 or 1).
        issue: Tells whether images or pairs are ranked; None: not known, and only the file itself is checked.
        direction: Which scores are suspicious; None: not stated, then higher, unless the file seems to say otherwise.
        findings: Takes defects and warnings.
        limits: How large it may be.

    Returns:
        The ranking without the rows that cannot be read; None if nothing can.
    """
    before = len(findings.defects)
    table = read_columns(path, limits or Limits(), findings)
    if table is None or issue is None:
        return None
    names = ("id_a", "id_b") if issue.ranks_pairs else ("id",)
    columns = dict(table.columns)
    if not issue.ranks_pairs and "id" not in columns and "md5hash" in columns:
        columns["id"] = columns.pop("md5hash")
    if missing := [name for name in names if name not in columns]:
        wanted = "pairs: columns id_a and id_b" if issue.ranks_pairs else "images: a column id"
        findings.defects.append(
            f"{shown(path, 200)} has no column {' and no column '.join(missing)}; {issue} ranks {wanted}. It has "
            f"{_listed(columns)}"
        )
        return None
    if extra := [name for name in columns if name not in (*names, "score", "flag")]:
        findings.warnings.append(
            f"{shown(path, 200)}: columns that mean nothing here are passed over: {_listed(extra)}"
        )
    if not len(table.lines):
        findings.defects.append(f"{shown(path, 200)} has no rows; it should have one for each ranked {_noun(issue)}")
        return None
    rows = _rows([columns[name] for name in names], table.lines, findings)
    scores = _scores(columns.get("score"), table.lines, direction, findings)
    flags = _flags(columns.get("flag"), table.lines, findings)
    _repeated(rows, table.lines, issue, findings)
    return Ranked(rows, scores, flags, sound=len(findings.defects) == before)


def _rows(columns: Sequence[Sequence[Any]], lines: Sequence[int], findings: Findings) -> list[tuple[str, ...]]:
    parts = [[canonical(cell) if isinstance(cell, str) else cell for cell in column] for column in columns]
    wrong = [any(not isinstance(part, str) for part in row if part is not None) for row in zip(*parts, strict=True)]
    empty = [any(part is None or part == "" for part in row) for row in zip(*parts, strict=True)]
    findings.lines("id", "not text", _where(wrong, lines), "write ids as text, as the data set has them")
    findings.lines("row", "without an id", _where(empty, lines), "give each row its ids, or remove it")
    rows = [tuple(sorted(map(str, row))) for row in zip(*parts, strict=True)]
    long = [any(len(part) > LONGEST_CELL for part in row) for row in rows]
    findings.lines("id", f"of more than {LONGEST_CELL:,} signs", _where(long, lines), "use the ids of the data set")
    itself = [len(row) == 2 and row[0] == row[1] and not gap for row, gap in zip(rows, empty, strict=True)]
    findings.lines("pair", "of an image with itself", _where(itself, lines), "remove what is no pair")
    return rows


def _scores(
    column: Sequence[Any] | None, lines: Sequence[int], direction: Direction | None, findings: Findings
) -> Floats:
    if column is None:  # ids in order: the first is the most suspicious
        if direction == "lower":
            findings.defects.append("direction=lower makes no sense without scores; the first row is the worst")
        return -np.arange(len(lines), dtype=np.float64)
    scores, unreadable, rounded = np.zeros(len(column)), [], []
    for position, cell in enumerate(column):
        try:
            scores[position] = _number(cell)
        except (TypeError, ValueError, OverflowError):
            unreadable.append(lines[position])
        else:
            if abs(scores[position]) >= WHOLE and _is_rounded(cell, scores[position]):
                rounded.append(lines[position])
    findings.lines("score", "not a number", unreadable, "write numbers with a decimal point, no units or marks")
    findings.lines("score", "beyond 2^53 of more digits than are kept", rounded, "write smaller numbers, such as ranks")
    scores = -scores if direction == "lower" else scores
    findings.lines("score", "NaN or missing", _where(np.isnan(scores), lines), "give a number, or leave the row out")
    infinite = np.isposinf(scores)
    sign = "-inf" if direction == "lower" else "+inf"
    findings.lines(
        "score", f"of {sign}", _where(infinite, lines), "give finite scores; infinite ones only for 'not retrieved'"
    )
    if unreadable or rounded:  # of those that are left nothing can be said
        return scores
    finite = scores[np.isfinite(scores)]
    if len(column) and not len(finite):
        findings.defects.append("no score is finite, so nothing is ranked; give scores")
    elif len(finite) > 1 and (finite == finite[0]).all():
        findings.warnings.append("all scores are equal, so the ranking says nothing; it is scored as chance")
    elif direction is None and len(finite) >= SORTED and (finite[1:] >= finite[:-1]).all():
        findings.defects.append(
            "the rows are sorted from the lowest score to the highest, which leaves open which end is suspicious; say "
            "direction=higher or direction=lower"
        )
    return scores


def _number(cell: Any) -> float:
    """Return the number in a cell; NaN if it is empty.

    Raises:
        TypeError: If it holds something else.
        ValueError: If it holds something else.
        OverflowError: If it is larger than any number.
    """
    if isinstance(cell, bool):
        raise ValueError(f"{cell} is no number")
    if cell is None or cell == "":
        return float("nan")
    return number_in(cell) if isinstance(cell, str) else float(cell)


def _is_rounded(cell: Any, score: float) -> bool:
    """Return whether a whole number became another one: two that differ could then tie."""
    whole = isinstance(cell, int) or (isinstance(cell, str) and re.fullmatch(r"\s*[+-]?[0-9]+\s*", cell) is not None)
    return whole and np.isfinite(score).item() and int(cell) != int(score)


def _flags(column: Sequence[Any] | None, lines: Sequence[int], findings: Findings) -> Bools | None:
    if column is None:
        return None
    words = ["" if cell is None else str(cell).strip().lower() for cell in column]
    wrong = [word not in (*TRUE, *FALSE) for word in words]
    findings.lines("flag", "neither 0 nor 1", _where(wrong, lines), "write 1 for flagged, 0 for not")
    return np.array([word in TRUE for word in words], dtype=bool)


def _repeated(rows: Sequence[tuple[str, ...]], lines: Sequence[int], issue: Issue, findings: Findings) -> None:
    seen: set[tuple[str, ...]] = set()
    again = []
    for row, line in zip(rows, lines, strict=True):
        if row in seen and "" not in row:
            again.append(line)
        seen.add(row)
    both = ", also with its ids exchanged" if issue.ranks_pairs else ""
    cure = f"keep one score of each {_noun(issue)}"
    findings.lines("row", f"with {_article(issue)} {_noun(issue)} of an earlier row{both}", again, cure)


def _where(wrong: Sequence[bool] | Bools, lines: Sequence[int]) -> list[int]:
    return [lines[position] for position in np.flatnonzero(wrong).tolist()]


def _noun(issue: Issue) -> str:
    return "pair" if issue.ranks_pairs else "image"


def _article(issue: Issue) -> str:
    return "a" if issue.ranks_pairs else "an"


def _listed(columns: Iterable[str]) -> str:
    names = [shown(name, 40) if name else "one without a name (a pandas index?)" for name in columns]
    return (
        ", ".join(names[:10]) + (f" and {count(len(names) - 10, 'other')}" if len(names) > 10 else "") or "no columns"
    )
