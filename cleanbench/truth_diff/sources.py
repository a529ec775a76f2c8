"""Truths by ids from whatever holds them: truth tables, files of runs and boards, or folders of these."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cleanbench.core import Issue, UserError
from cleanbench.datasets.tables import canonical, rows, some
from cleanbench.datasets.truth_tables import FILES
from cleanbench.datasets.truth_tables import read_truth as read_table_of_truth
from cleanbench.leaderboard.board import Board
from cleanbench.leaderboard.evidence import Judgements, read_truth
from cleanbench.records import Record, read_run

COLUMNS = ("id", "md5hash")


@dataclass(frozen=True)
class Ranked:
    """A ranking in a file.

    Attributes:
        record: Its record.
        path: The file.
    """

    record: Record
    path: Path


def truths(source: Path, issue: Issue | None) -> tuple[dict[Issue, Judgements], list[str]]:
    """Read the truths in a file or folder.

    Args:
        source: A truth table (CSV), a ``truth/*.parquet`` of a run or board, or a folder that holds such files by
            their usual names, directly or in its folder ``truth``; or the folder ``truth`` beside runs, if it holds a
            single revision.
        issue: Which one to read; None for all. A file of another name needs it.

    Returns:
        The truths by issue, and what the user should know about them, in sentences.

    Raises:
        UserError: If nothing is there, or a file is damaged.
    """
    if source.is_file():
        named = issue or _issue_of(source)
        truth, warnings = _read(source, named)
        return {named: truth}, warnings
    if not source.is_dir():
        raise UserError(f"there is no {source}; name a truth table, a truth file of a run or board, or a folder")
    source = _revision(source)
    found: dict[Issue, Judgements] = {}
    told: list[str] = []
    for each in Issue if issue is None else (issue,):
        places = (source / FILES[each], source / f"{each}.parquet", source / "truth" / f"{each}.parquet")
        if present := [place for place in places if place.is_file()]:
            if len(present) > 1:
                raise UserError(f"{source} holds several {each} truths, {some(map(str, present))}; name one of them")
            found[each], warnings = _read(present[0], each)
            told += warnings
    if not found:
        names = [*FILES.values(), *(f"{each}.parquet" for each in Issue)]
        raise UserError(f"{source} holds none of {', '.join(names)}, nor does its folder truth")
    return found, told


def rankings(source: Path) -> list[Ranked]:
    """Return the rankings of a board, or of the runs of a data set; none if the folder holds neither."""
    if not source.is_dir():
        return []
    board = Board(source)
    if board.records_file.is_file():
        return [Ranked(record, board.ranking(record)) for record in board.records()]
    return [
        Ranked(record, path.parent / "rankings" / f"{record.issue}.parquet")
        for path in sorted(source.glob("*/record.json"))
        if not path.parent.name.startswith(".")
        for record in read_run(path).records
    ]


def _revision(source: Path) -> Path:
    """Return the only revision in a folder ``truth`` of revisions; any other folder as it is.

    Raises:
        UserError: If it holds several revisions.
    """
    if source.name != "truth" or any((source / f"{each}.parquet").is_file() for each in Issue):
        return source
    held = sorted({path.parent for each in Issue for path in source.glob(f"*/{each}.parquet")})
    if len(held) > 1:
        raise UserError(f"{source} holds several revisions, {some(map(str, held))}; name one of them")
    return held[0] if held else source


def _issue_of(path: Path) -> Issue:
    by_name: Mapping[str, Issue] = {name: issue for issue, name in FILES.items()}
    if path.name in by_name:
        return by_name[path.name]
    if path.stem in set(Issue):
        return Issue(path.stem)
    raise UserError(f"the name of {path} does not tell what it judges; say it: issue={' or issue='.join(Issue)}")


def _read(path: Path, issue: Issue) -> tuple[Judgements, list[str]]:
    if path.suffix == ".parquet":
        return read_truth(path, issue), []
    ids = _ids(path, issue)
    truth, warnings = read_table_of_truth(path, issue, ids)
    items = [tuple(ids[place] for place in (item if issue.ranks_pairs else [item])) for item in truth.items.tolist()]
    return Judgements(items, truth.items, truth.labels, truth.revision, truth.probability, truth.inclusion), warnings


def _ids(path: Path, issue: Issue) -> tuple[str, ...]:
    """Return the ids that a truth table names, sorted: without the data set they are all that are known."""
    table = rows(path)
    header = next(table)[1]
    ending = "_list" if issue.ranks_pairs else ""
    column = next((f"{name}{ending}" for name in COLUMNS if f"{name}{ending}" in header), None)
    if column is None:
        raise UserError(f"{path} has no column {' or '.join(f'{name}{ending}' for name in COLUMNS)}")
    place = header.index(column)
    named = (fields[place] for _, fields in table)
    return tuple(sorted({canonical(one) for cell in named for one in (cell.split(",") if ending else [cell])}))
