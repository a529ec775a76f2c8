"""Committed boards against a recomputation: records from rankings and truth, pages from records."""

import difflib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cleanbench import not_run
from cleanbench.core import Issue, UserError, digest_of
from cleanbench.leaderboard import aggregate, drawing, rendering, tables
from cleanbench.leaderboard.aggregate import Ranked
from cleanbench.leaderboard.board import Board, boards, fingerprint_of, settled, stem, strangers, truth_of
from cleanbench.leaderboard.comparing import comparison_of
from cleanbench.leaderboard.evidence import (
    Evidence,
    Judgements,
    count_differences,
    cut_differences,
    metric_differences,
    read_truth,
    score,
)
from cleanbench.not_run import NotRun
from cleanbench.queues import queue_file
from cleanbench.records import Record, read_records, write_records
from cleanbench.sampled import needs_queue

# Signs shown on both sides of a difference.
AROUND = 30


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
    ranked: list[Ranked] = []
    for board in boards(root):
        try:
            listed = board.records()
        except UserError as error:
            differences.append(f"{error}; nothing else of this board could be checked")
            continue
        records = [record for record in listed if record.truth is not None]
        if len(records) < len(listed):
            differences.append(f"{board.records_file}: {len(listed) - len(records)} records without truth")
        if not records:
            differences.append(f"{board.folder}: no records")
            continue
        contents[board] = records
        differences += _board(board, records, ranked)
    diagrams = rendering.index_figures(root, contents)
    for path, diagram in diagrams.items():
        differences += drawing.differences(path, diagram)
    index = rendering.index_files(root, contents, diagrams, ranked)
    differences += _pages(index)
    known = index.keys() | diagrams.keys()
    differences += [f"{path}: no file of a board" for path in _files(root, "*", "*/*") if path not in known]
    return Checked(len(contents), sum(map(len, contents.values())), tuple(differences))


def _board(board: Board, records: list[Record], ranked: list[Ranked]) -> Iterator[str]:
    """Compare a board with what its records give, and add to ``ranked`` what it adds to the standings."""
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
    if board.superseded_file.exists():
        expected.add(board.superseded_file)
        yield from _superseded(board, records)
    revisions = {}
    absent: list[NotRun] = []
    try:
        absent = not_run.read(board.not_run_file)
        stated = not_run.settled([each for each in absent if not_run.belongs(each, records)], records)
        if absent:
            expected.add(board.not_run_file)
            yield from _pages({board.not_run_file: not_run.as_lines(stated)})
    except UserError as error:
        expected.add(board.not_run_file)
        yield str(error)
    for issue, of_issue in tables.by_issue(records):
        missing = [each for each in absent if each.issue is issue]
        expected |= {board.truth(issue), *(board.ranking(record) for record in of_issue)}
        expected |= {queue_file(board.ranking(record)) for record in of_issue if needs_queue(record)}
        for path, drawn in rendering.figures(board, issue, of_issue).items():
            expected.add(path)
            yield from drawing.differences(path, drawn)
        try:
            truth = read_truth(board.truth(issue), issue)
        except UserError as error:
            files = rendering.issue_files(board, issue, of_issue, rendering.Sources(absent=missing))
            expected |= files.keys()
            yield from _pages(files)
            yield f"{error}; the {issue} records could not be checked"
            continue
        found: dict[Path, Evidence] = {}
        differences = [each for record in of_issue for each in _record(board, record, truth, found)]
        looks = rendering.looks_at(board, of_issue, truth)
        share = None
        if all(record.resampled is not None for record in of_issue):
            share = aggregate.ranked(board, of_issue, found)
        ranked += [share] if share else []
        sources = rendering.Sources(comparison_of(board, of_issue, found), looks, missing, share)
        files = rendering.issue_files(board, issue, of_issue, sources)
        expected |= files.keys() | rendering.pictures_of(board, of_issue, looks)
        yield from _pages(files)
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


def _superseded(board: Board, standing: list[Record]) -> Iterator[str]:
    """Check the records that were replaced: they are this board's, and none of them stands."""
    try:
        replaced = read_records(board.superseded_file)
    except UserError as error:
        yield str(error)
        return
    for number, record in enumerate(replaced, start=1):
        if record.truth is None or Board.of(board.folder.parent.parent, record) != board:
            yield f"{board.superseded_file}, line {number}: a record of another board"
        elif record in standing:
            yield f"{board.superseded_file}, line {number}: a record that stands"


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
        found[own] = score(path, record.issue, truth, record.images)
    except UserError as error:
        yield str(error)
        return
    wrong = [each(record, found[own]) for each in (count_differences, metric_differences, cut_differences)]
    for difference in chain.from_iterable(wrong):
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


def _pages(files: Mapping[Path, str]) -> Iterator[str]:
    """Compare files with what they should say."""
    for path, rendered in files.items():
        if not path.is_file():
            yield f"{path}: missing"
            continue
        committed = path.read_bytes().decode(errors="replace")
        if committed != rendered:
            lines = _by_line(committed, rendered) if path.suffix == ".md" else [_first(committed, rendered)]
            yield "\n    ".join([f"{path}: not what its records give", *lines])


def _by_line(committed: str, rendered: str) -> Iterator[str]:
    return difflib.unified_diff(
        committed.splitlines(), rendered.splitlines(), "committed", "rendered", n=0, lineterm=""
    )


def _first(committed: str, rendered: str) -> str:
    """Show the first place where two texts differ: lines of these files are too long to be shown."""
    at = next((n for n, (one, two) in enumerate(zip(committed, rendered, strict=False)) if one != two), None)
    at = min(len(committed), len(rendered)) if at is None else at
    before = committed[:at]
    own, other = (repr(text[max(0, at - AROUND) : at + AROUND]) for text in (committed, rendered))
    return f"line {before.count(chr(10)) + 1}: committed {own}, rendered {other}"


def _files(folder: Path, *patterns: str) -> list[Path]:
    """Return the files that match, without hidden ones: locks, and what a merge was writing."""
    found = {path for pattern in patterns for path in folder.glob(pattern)}
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))
