"""Committed boards against a recomputation: records from rankings and truth, pages from records."""

import difflib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from cleanbench import not_run
from cleanbench.core import Issue, UserError, digest_of
from cleanbench.datasets.tables import count
from cleanbench.leaderboard import aggregate, checksums, drawn, filing, journal, rendering, tables
from cleanbench.leaderboard.aggregate import Ranked
from cleanbench.leaderboard.board import Board, boards, settled, strangers, truth_of
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
from cleanbench.leaderboard.tree import Tree, index_pages
from cleanbench.not_run import NotRun
from cleanbench.queues import queue_file
from cleanbench.records import Record, read_records, write_records

# Signs shown on both sides of a difference, and of a whole difference beside the folder of the boards.
AROUND, MOST = 30, 300


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        boards: Boards checked.
        records: Records checked.
        differences: Every difference, with the file that has it, those of pages last; empty if all is well.
    """

    boards: int
    records: int
    differences: tuple[str, ...]


@dataclass
class _Findings:
    """What is found while the boards are checked one after the other.

    Attributes:
        facts: Differences of records, rankings and truths.
        pages: Differences of what is rendered from them.
        expected: Files that are there for a reason; of a folder, all files in it.
        ranked: What the boards add to the standings.
    """

    facts: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    expected: set[Path] = field(default_factory=set)
    ranked: list[Ranked] = field(default_factory=list)


def check(root: Path) -> Checked:
    """Compute all that the boards under ``root`` say again and compare.

    Pages are compared only where the facts that they follow from are as they should be.

    Raises:
        UserError: If there is no such folder.
    """
    if not root.is_dir():
        raise UserError(f"there is no folder {root}; say where the boards are: board=DIR")
    found, contents = _Findings(), dict[Board, list[Record]]()
    for board in boards(root):
        try:
            records = board.records()
        except UserError as error:
            found.facts.append(f"{error}; nothing else of this board could be checked")
            found.expected.add(board.folder)
            continue
        if records:
            contents[board] = records
            _board(board, records, found)
        else:
            there = count(len(filing.strays(board, [])), "ranking")
            found.facts.append(f"{board.folder}: no records, but {there}")
            found.expected.add(board.folder)
    if found.facts:
        _left_out(found, index_pages(root), "over all boards")
    else:
        diagrams = rendering.index_figures(root, contents)
        index = rendering.index_files(root, contents, diagrams, found.ranked)
        found.expected |= diagrams.keys() | index.keys()
        found.pages += chain.from_iterable(drawn.differences(*each) for each in diagrams.items())
        found.pages += _pages(index)
    differences = [*found.facts, *_unexpected(root, found.expected), *found.pages]
    longest = MOST + len(str(root))
    shown = (each if len(each) <= longest else f"{each[: longest - 1]}…" for each in differences)
    return Checked(len(contents), sum(map(len, contents.values())), tuple(shown))


def _board(board: Board, records: list[Record], found: _Findings) -> None:
    """Compare a board with what its records give."""
    before = len(found.facts)
    found.facts += _listed(board, records)
    found.facts += _superseded(board, records)
    found.expected |= {board.records_file, board.superseded_file, journal.sealed_by(board.superseded_file)}
    absent: list[NotRun] = []
    try:
        absent = not_run.read(board.not_run_file)
    except UserError as error:
        found.facts.append(str(error))
    if board.merging_file.exists():
        found.facts.append(f"{board.folder}: a merge was cut short; merge again")
        found.expected |= {board.merging_file, *filing.left_over(board)}
    sound = len(found.facts) == before
    truths: dict[Issue, str] = {}
    shown: set[Path] | None = set()
    for issue, of_issue in tables.by_issue(records):
        pictures = _issue(board, of_issue, [each for each in absent if each.issue is issue], found, truths, sound)
        shown = None if shown is None or pictures is None else shown | pictures
    # A set has at most one truth per issue here; only with all of them its revision can be computed.
    if len(truths) == len(Issue) and digest_of(truths.values()) != truth_of(records[0]).set_revision:
        found.facts.append(f"{board.records_file}: the truth revision of the set is not that of its three truths")
    stated = not_run.settled([each for each in absent if not_run.belongs(each, records)], records)
    if not sound:
        found.expected.add(board.not_run_file)
    elif absent:
        found.expected.add(board.not_run_file)
        found.pages += _pages({board.not_run_file: not_run.as_lines(stated)})
    there = {path for path in board.pictures.glob("*") if path != board.picture_sums}
    cure = f"python -m cleanbench.leaderboard.pictures writes it: dataset={records[0].dataset}"
    found.facts += checksums.differences(board.picture_sums, sorted(there), cure)
    found.expected |= {board.picture_sums, *(there if shown is None else shown)}


def _listed(board: Board, records: list[Record]) -> Iterator[str]:
    """Compare the lines of a file of records with each other, and with how a merge writes them."""
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
        yield f"{where}: {count(len(records) - len(standing), 'record')} that others replace"
    elif where.read_bytes() != _as_written(standing):
        yield f"{where}: not as a merge writes it (order of the lines, or their form)"


def _issue(
    board: Board, records: list[Record], absent: list[NotRun], found: _Findings, truths: dict[Issue, str], sound: bool
) -> set[Path] | None:
    """Compare the records of an issue with their rankings, then its pages; return its pictures, None if not known.

    Args:
        board: The board.
        records: All its records of the issue, at least one.
        absent: What did not run.
        found: Takes the differences.
        truths: Takes the revision of the truth.
        sound: Whether the file of records is as it should be, so that pages can be compared.
    """
    issue = records[0].issue
    before, evidence = len(found.facts), dict[Path, Evidence]()
    found.expected |= {board.truth(issue)}
    truth = None
    try:
        truth = read_truth(board.truth(issue), issue)
        truths[issue] = truth.revision
        found.facts += filing.truth_differences(board, records[0], truth)
    except UserError as error:
        found.facts.append(f"{error}; the {issue} records could not be checked")
    for record in records:
        ranking = board.ranking(record)
        found.expected |= {ranking, *filing.edited(board, record)}
        found.expected |= {queue_file(ranking)} if filing.has_queue(record) else set()
        found.facts += _record(board, record, truth, evidence)
    if truth is None or not sound or len(found.facts) > before:
        _left_out(found, board.pages_of(issue), f"on {issue} of {board.name}")
        return None
    looks = rendering.looks_at(board, records, truth)
    share = None
    if all(record.resampled is not None for record in records):
        share = aggregate.ranked(board, records, evidence)
    found.ranked += [share] if share else []
    sources = rendering.Sources(comparison_of(board, records, evidence), looks, absent, share)
    files = rendering.issue_files(board, issue, records, sources)
    figures = rendering.figures(board, issue, records)
    found.expected |= files.keys() | figures.keys()
    found.pages += _pages(files)
    found.pages += chain.from_iterable(drawn.differences(*each) for each in figures.items())
    return rendering.pictures_of(board, records, looks)


def _record(board: Board, record: Record, truth: Judgements | None, found: dict[Path, Evidence]) -> Iterator[str]:
    """Compare a record with its ranking, and add to ``found`` what this is worth."""
    wrong = list(filing.record_differences(board, record))
    yield from wrong
    (path, *_) = [*filing.edited(board, record), board.ranking(record)]
    if truth is None or not path.is_file():
        return
    try:
        worth = score(path, record.issue, truth, record.images)
    except UserError as error:
        yield from () if str(error) in wrong else (str(error),)
        return
    found[board.ranking(record)] = worth
    differences = (each(record, worth) for each in (count_differences, metric_differences, cut_differences))
    for difference in chain.from_iterable(differences):
        yield f"{board.records_file}: {record.issue} of {record.label} ({path.name}): {difference}"


def _superseded(board: Board, standing: list[Record]) -> Iterator[str]:
    """Check the records that were replaced: they are those that a merge put there, and one stands for each."""
    yield from journal.differences(board.superseded_file)
    try:
        replaced = read_records(board.superseded_file)
    except UserError as error:
        yield str(error)
        return
    for number, record in enumerate(replaced, start=1):
        if record in standing:
            reason = "a record that stands"
        elif len(settled([record, *standing])) > len(standing):
            reason = "no record stands in its place"
        else:
            try:
                reason = "" if Board.of(board.folder.parent.parent, record) == board else "a record of another board"
            except UserError as error:
                reason = str(error)
        if reason:
            yield f"{board.superseded_file}, line {number}: {reason}"


def _unexpected(root: Path, expected: set[Path]) -> Iterator[str]:
    """Name what lies there for no reason."""
    tree, folders = Tree.of(root, top=True), {each.folder for each in boards(root)}
    for path in tree.others:
        yield f"{path}: {'a link' if path.is_symlink() else 'no plain file'}; boards are plain files"
    for path in tree.files:
        if path not in expected and expected.isdisjoint(path.parents):
            if folders.isdisjoint(path.parents):
                yield f"{path}: no file of a board"
            else:
                yield f"{path}: no record has this {'ranking' if path.suffix == '.parquet' else 'file'}"


def _left_out(found: _Findings, pages: Iterable[Path], which: str) -> None:
    """Say that pages were not compared, since what they follow from is not as it should be."""
    there = set(pages)
    found.expected |= there
    if there:
        found.pages.append(f"{count(len(there), 'page')} {which}: not compared, for what is said above")


def _as_written(records: list[Record]) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "records.jsonl"
        write_records(path, records)
        return path.read_bytes()


def _pages(files: Mapping[Path, str]) -> Iterator[str]:
    """Compare files with what they should say."""
    for path, rendered in files.items():
        if not path.is_file():
            yield f"{path}: {'no file' if path.exists() else 'missing'}"
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
