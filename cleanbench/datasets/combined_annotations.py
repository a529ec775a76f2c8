"""``combined_annotations.csv`` of CleanPatrick: a row per image, with all that is said about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanbench.core import Issue, UserError
from cleanbench.datasets.tables import canonical, count, number_in, rows, some

COMBINED = "combined_annotations.csv"
CLASS, CLIQUE = "granular_partition_label", "nd_clique"
COLUMNS: Mapping[Issue, str] = {Issue.OFF_TOPIC: "off_topic_sample", Issue.LABEL_ERROR: "label_error"}

# What stands for "not judged", and for "in no group".
UNJUDGED = ("", "-1")


@dataclass(frozen=True)
class Combined:
    """What the file says.

    Attributes:
        judged: By issue and position of the image, whether it is faulty; what is not listed is not judged.
        cliques: The positions of the images of each group of near-duplicates; many groups are of one image.
    """

    judged: Mapping[Issue, Mapping[int, bool]]
    cliques: Sequence[Sequence[int]]


def read_combined(path: Path, ids: Sequence[str], classes: Sequence[str] | None) -> tuple[Combined, list[str]]:
    """Read the file.

    Args:
        path: A CSV file with ``md5hash``, ``granular_partition_label``, ``nd_clique``, ``label_error`` and
            ``off_topic_sample``; further columns are passed over.
        ids: All ids of the image set, sorted.
        classes: The class of each image by another table, to compare with; None: there is none.

    Returns:
        What it says, and what the user should know, in sentences.

    Raises:
        UserError: If it is no such table, names unknown ids or one twice, or a value is none of those expected.
    """
    table = rows(path)
    _, header = next(table)
    columns = ("md5hash", CLASS, CLIQUE, *COLUMNS.values())
    if absent := [column for column in columns if column not in header]:
        raise UserError(
            f"{path} has no column {some(absent, 5)}; its columns are {some(header, 10)}: it should be {COMBINED} "
            "of CleanPatrick"
        )
    at = {column: header.index(column) for column in columns}
    positions = {key: position for position, key in enumerate(ids)}
    judged: dict[Issue, dict[int, bool]] = {issue: {} for issue in COLUMNS}
    cliques: dict[int, list[int]] = {}
    seen: dict[int, int] = {}
    renamed: list[str] = []
    unknown: dict[str, int] = {}
    for line, fields in table:
        key = canonical(fields[at["md5hash"]])
        position = positions.get(key)
        if position is None:
            unknown.setdefault(key, line)
            continue
        if position in seen:
            raise UserError(f"{path}, line {line}: {key!r} stands in line {seen[position]} already; keep one of them")
        seen[position] = line
        for issue, column in COLUMNS.items():
            label = _label(path, line, column, fields[at[column]])
            if label is not None:
                judged[issue][position] = label
        clique = _clique(path, line, fields[at[CLIQUE]])
        if clique is not None:
            cliques.setdefault(clique, []).append(position)
        if classes is not None and canonical(classes[position]) != canonical(fields[at[CLASS]]):
            renamed.append(key)
    if unknown:
        raise UserError(
            f"{path}, line {next(iter(unknown.values()))}: {count(len(unknown), 'id')} of no image of the set: "
            f"{some(unknown)}; the annotations should be of the same images as its table"
        )
    remarks = []
    if renamed:
        remarks.append(f"{path}: {count(len(renamed), 'image')} of another class than in the table: {some(renamed)}")
    return Combined(judged, list(cliques.values())), remarks


def _label(path: Path, line: int, column: str, text: str) -> bool | None:
    if text.strip() in UNJUDGED:
        return None
    try:
        value = number_in(text)
    except ValueError:
        value = float("nan")
    if value not in (0.0, 1.0):
        raise UserError(f"{path}, line {line}: {column} is {some([text])}, expected 0 or 1, or nothing if not judged")
    return value == 1.0


def _clique(path: Path, line: int, text: str) -> int | None:
    """Return the number of the group, None where there is none."""
    if text.strip() in UNJUDGED:
        return None
    try:
        number = number_in(text)  # a tool that met an empty field writes all as 11040.0
    except ValueError:
        number = float("nan")
    if not number.is_integer():
        raise UserError(f"{path}, line {line}: {CLIQUE} is {some([text])}, expected a whole number")
    return int(number)
