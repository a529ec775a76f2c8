"""The sheet that a reviewer fills in: a truth table with inclusion probabilities and empty labels."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanbench.core import Issue, UserError
from cleanbench.datasets.beside_labels import number
from cleanbench.datasets.tables import count, rows
from cleanbench.store import write_whole

Item = tuple[str, ...]
BEFORE = "judged before this draw"


@dataclass(frozen=True)
class Line:
    """One row: an item, its label (None: still to be judged), its inclusion probability and why it is asked."""

    item: Item
    label: bool | None
    inclusion: float
    why: str


def write(path: Path, issue: Issue, lines: Sequence[Line]) -> None:
    """Write a sheet, in one step.

    Raises:
        UserError: If an id cannot stand in a list of ids, or the file cannot be written.
    """
    odd = next((part for line in lines for part in line.item if issue.ranks_pairs and "," in part), None)
    if odd is not None:
        raise UserError(f"the id {odd!r} has a comma, and pairs are listed with commas between ids; rename the image")
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id_list" if issue.ranks_pairs else "id", "label", "inclusion", "why"])
    for line in lines:
        label = "" if line.label is None else int(line.label)
        writer.writerow([",".join(line.item), label, repr(line.inclusion), line.why])
    write_whole(path, stream.getvalue().encode())


def read(path: Path, issue: Issue) -> list[Line]:
    """Read a sheet as `write` wrote it and reviewers filled it in.

    Raises:
        UserError: If it is no such sheet, or a label is neither empty nor 0 or 1.
    """
    key = "id_list" if issue.ranks_pairs else "id"
    table = rows(path)
    header = next(table)[1]
    if missing := [name for name in (key, "label", "inclusion", "why") if name not in header]:
        raise UserError(f"{path} is no sheet for {issue}: it lacks {', '.join(missing)}; name another one: to=FILE")
    at = {name: header.index(name) for name in (key, "label", "inclusion", "why")}
    lines = []
    for line, fields in table:
        text, names = (
            fields[at["label"]].strip(),
            fields[at[key]].split(",") if issue.ranks_pairs else [fields[at[key]]],
        )
        if text not in ("", "0", "1", "0.0", "1.0"):
            raise UserError(f"{path}, line {line}: the label is {text!r}, expected 0 or 1, or nothing yet")
        inclusion = number(path, line, "inclusion", fields[at["inclusion"]])
        item = tuple(sorted(name.strip() for name in names))
        if issue.ranks_pairs and len(item) != 2:
            raise UserError(f"{path}, line {line}: {count(len(item), 'id')} in {key}, a pair has two")
        lines.append(Line(item, text.startswith("1") if text else None, inclusion, fields[at["why"]]))
    return lines
