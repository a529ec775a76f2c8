"""Committed boards against a recomputation: records from rankings and truth, pages from records."""

import difflib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cleanbench.core import Issue, UserError, digest_of
from cleanbench.grid import grid_of
from cleanbench.leaderboard import by_encoder, heatmap, tables
from cleanbench.leaderboard.board import Board, boards, fingerprint_of, settled, stem, strangers, truth_of
from cleanbench.leaderboard.comparing import comparison_of
from cleanbench.leaderboard.evidence import (
    Evidence,
    Judgements,
    count_differences,
    metric_differences,
    read_truth,
    score,
)
from cleanbench.leaderboard.merge import INDEX
from cleanbench.records import Record, write_records


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        boards: Boards checked.
        records: Records checked.
        differences: Every difference, with the file that has it; empty if all is well.
    """

    boards: int
    records: int
    differences: tuple[str, ...]


def check(root: Path) -> Checked:
    """Compute all that the boards under ``root`` say again and compare.

    Raises:
        UserError: If there is no such folder.
    """
    if not root.is_dir():
        raise UserError(f"there is no folder {root}; say where the boards are: board=DIR")
    contents: dict[Board, list[Record]] = {}
    differences: list[str] = []
    for board in boards(root):
        try:
            listed = board.records()
        except (UserError, UnicodeDecodeError) as error:
            differences.append(f"{error}; nothing else of this board could be checked")
            continue
        records = [record for record in listed if record.truth is not None]
        if len(records) < len(listed):
            differences.append(f"{board.records_file}: {len(listed) - len(records)} records without truth")
        if not records:
            differences.append(f"{board.folder}: no records")
            continue
        contents[board] = records
        differences += _board(board, records)
    differences += _page(root / INDEX, tables.index(contents))
    differences += [f"{path}: no file of a board" for path in _files(root, "*", "*/*") if path != root / INDEX]
    return Checked(len(contents), sum(map(len, contents.values())), tuple(differences))


def _board(board: Board, records: list[Record]) -> Iterator[str]:
    where = board.records_file
    for number, record in enumerate(records, start=1):
        try:
            own = Board.of(board.folder.parent.parent, record)
        except UserError as error:
            yield f"{where}, line {number}: {error}"
            continue
        if own != board:
            yield f"{where}, line {number}: the record belongs to {own.name}"
        for reason in strangers(record, records):
            yield f"{where}, line {number}: {reason}"
    standing = settled(records)
    if len(standing) < len(records):
        yield f"{where}: {len(records) - len(standing)} records that others replace"
    elif where.read_bytes() != _as_written(standing):
        yield f"{where}: not as a merge writes it (order of the lines, or their form)"

    expected = {where}
    revisions = {}
    for issue, of_issue in tables.by_issue(records):
        expected |= {board.truth(issue), board.table(issue)}
        expected |= {board.ranking(record) for record in of_issue}
        grid = grid_of(of_issue)
        if grid.complete_methods:
            expected |= {board.by_encoder(issue), board.grid(issue)}
            yield from _page(board.by_encoder(issue), by_encoder.page(of_issue, grid))
            yield from heatmap.differences(board.grid(issue), heatmap.draw(grid, by_encoder.title(grid, of_issue)))
        try:
            truth = read_truth(board.truth(issue), issue)
        except UserError as error:
            yield from _page(board.table(issue), tables.page(of_issue))
            yield f"{error}; the {issue} records could not be checked"
            continue
        found: dict[Path, Evidence] = {}
        differences = [each for record in of_issue for each in _record(board, record, truth, found)]
        yield from _page(board.table(issue), tables.page(of_issue, comparison_of(board, of_issue, found)))
        revisions[issue] = truth.revision
        if truth.revision != truth_of(of_issue[0]).revision:
            yield (
                f"{board.truth(issue)}: its revision is {truth.revision[:12]}, that of the records "
                f"{truth_of(of_issue[0]).revision[:12]}"
            )
        yield from differences
    # A set has at most one truth per issue here; only with all of them its revision can be computed.
    if len(revisions) == len(Issue) and digest_of(revisions.values()) != truth_of(records[0]).set_revision:
        yield f"{where}: the truth revision of the set is not that of its three truths"
    named_as_edited = {path for record in records for path in _edited(board, record)}
    for path in _files(board.folder, "**/*"):
        if path not in expected | named_as_edited:
            yield f"{path}: no record has this {'ranking' if path.suffix == '.parquet' else 'file'}"


def _record(board: Board, record: Record, truth: Judgements, found: dict[Path, Evidence]) -> Iterator[str]:
    """Compare a record with its ranking, and add to ``found`` what this is worth."""
    own = path = board.ranking(record)
    if not path.exists():
        edited = _edited(board, record)
        if not edited:
            yield f"{path}: missing, the ranking of a record"
            return
        path = edited[0]
        yield (
            f"{board.records_file}: the {record.issue} record of {record.label} says {fingerprint_of(record)[:8]}, "
            f"its ranking was filed for another: {path}"
        )
    try:
        found[own] = score(path, record.issue, truth)
    except UserError as error:
        yield str(error)
        return
    for difference in [*count_differences(record, found[own]), *metric_differences(record, found[own])]:
        yield f"{board.records_file}: {record.issue} of {record.label} ({path.name}): {difference}"


def _edited(board: Board, record: Record) -> list[Path]:
    """Return rankings filed for a record of the same run that said something else."""
    own = board.ranking(record)
    return [] if own.exists() else sorted(own.parent.glob(f"{stem(record)}-????????.parquet"))


def _as_written(records: list[Record]) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "records.jsonl"
        write_records(path, records)
        return path.read_bytes()


def _page(path: Path, rendered: str) -> Iterator[str]:
    if not path.is_file():
        yield f"{path}: missing"
        return
    committed = path.read_bytes().decode(errors="replace")
    if committed != rendered:
        lines = difflib.unified_diff(
            committed.splitlines(), rendered.splitlines(), "committed", "rendered", n=0, lineterm=""
        )
        yield "\n    ".join([f"{path}: not what its records give", *lines])


def _files(folder: Path, *patterns: str) -> list[Path]:
    """Return the files that match, without hidden ones: locks, and what a merge was writing."""
    found = {path for pattern in patterns for path in folder.glob(pattern)}
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))
