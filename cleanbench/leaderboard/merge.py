"""Finished runs -> boards: verified, merged under a lock, rendered.

A board can be read at every moment of a merge. Truth and rankings are written first, then the records in one step,
then the rankings of those that were replaced are removed and the pages are rendered. A merge that is cut short leaves
at most rankings without a record, which its list ``.merging`` names, and pages of the day before or none; the next
merge removes and renders them.

A board whose records, rankings or truths were changed by hand is refused, see `filing`: it stays as it is, byte for
byte, and so do the pages over all boards. The others are merged.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from cleanbench import not_run, rankings
from cleanbench.core import Issue, UserError
from cleanbench.datasets.tables import count
from cleanbench.leaderboard import aggregate, checksums, filing, journal, rendering, tables
from cleanbench.leaderboard.aggregate import Ranked
from cleanbench.leaderboard.board import Board, boards, settled, strangers
from cleanbench.leaderboard.comparing import comparison_of, evidence_of
from cleanbench.leaderboard.evidence import read_truth
from cleanbench.leaderboard.runs import Candidate, Merged, read_candidates, read_not_run
from cleanbench.leaderboard.tree import index_pages
from cleanbench.queues import queue_file
from cleanbench.records import Record, write_records
from cleanbench.store import whole_file

LOCK = ".lock"


def merge(output: Path, root: Path) -> Merged:
    """Merge the runs under ``output`` into the boards under ``root`` and render these.

    What is sound is merged, whatever else is refused. Merging twice changes nothing, and several processes may merge
    into the same boards at the same time.

    Args:
        output: Holds ``<data set>/<run>/record.json``.
        root: Holds the boards; made if absent.

    Raises:
        UserError: If there is no folder ``output``, or ``root`` cannot be written.
    """
    if not output.is_dir():
        raise UserError(f"there is no folder {output}; say where the runs are: output=DIR")
    merged = Merged()
    candidates, missing = read_candidates(output, merged), read_not_run(output, merged)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / LOCK):
            _merge(candidates, missing, root, merged)
    except OSError as error:
        raise UserError(f"the boards in {root} cannot be written ({error})") from error
    return merged


def holds_runs(output: Path) -> bool:
    """Return whether a folder holds anything to merge: a run, or word of one that did not run."""
    return any(output.glob("*/*/record.json")) or any(output.glob(f"*/{not_run.FOLDER}/*.json"))


def render(root: Path) -> list[str]:
    """Render the boards again, whose own files have not changed; return why boards were refused."""
    merged = Merged()
    with FileLock(root / LOCK):
        _merge([], [], root, merged)
    return merged.refused


def _merge(candidates: Iterable[Candidate], missing: list[not_run.NotRun], root: Path, merged: Merged) -> None:
    """Merge into every board and render all of them; the caller holds the lock."""
    _clear(root.glob(".*.tmp"))
    by_board: dict[Board, list[Candidate]] = {board: [] for board in boards(root)}
    for candidate in candidates:
        by_board.setdefault(Board.of(root, candidate.record), []).append(candidate)
    contents, ranked, whole = {}, list[Ranked](), True
    for board, group in sorted(by_board.items(), key=lambda item: item[0].name):
        try:
            contents[board] = _merge_board(board, group, missing, merged, ranked)
        except UserError as error:
            whole = False
            left_out = f"; {count(len(group), 'record')} not merged into it" if group else ""
            merged.refused.append(f"{board.folder}: {error}{left_out}")
    if not whole:
        merged.refused.append(f"{root}: the pages over all boards stay as they are until every board is merged")
        merged.boards = len(contents)
        return
    contents = {board: records for board, records in contents.items() if records}
    merged.boards = len(contents)
    diagrams = rendering.index_figures(root, contents)
    rendered = diagrams | rendering.index_files(root, contents, diagrams, ranked)
    for path in index_pages(root) - rendered.keys():
        path.unlink()
    for path, text in rendered.items():
        _write(path, text)


def _merge_board(
    board: Board,
    candidates: Iterable[Candidate],
    missing: Iterable[not_run.NotRun],
    merged: Merged,
    ranked: list[Ranked],
) -> list[Record]:
    """Merge into one board and render it; return its records, and add to ``ranked`` what it adds to the standings."""
    with journal.locked(board.records_file):
        after = _add(board, candidates, merged)
    ranked += _render(board, missing, after)
    return after


def _add(board: Board, candidates: Iterable[Candidate], merged: Merged) -> list[Record]:
    """Add records to a board, with their rankings and truths; return all that stand. The caller holds the lock."""
    before = board.records()
    filing.refuse_changed(board, before)
    _clear(board.folder.rglob(".*.tmp"))
    left = filing.left_over(board)
    accepted: list[Candidate] = []
    # The oldest first: on a new board it says which data the others must have.
    for candidate in sorted(candidates, key=lambda each: (each.record.created, each.record.key, each.where)):
        known = before + [each.record for each in accepted]
        if reasons := list(strangers(candidate.record, known)):
            merged.refused += [f"{candidate.where}: {reason} ({board.folder})" for reason in reasons]
        else:
            accepted.append(candidate)
    after = settled([*before, *(candidate.record for candidate in accepted)])

    old, standing = ({board.ranking(record) for record in records} for records in (before, after))
    filed, wanted = _filed(board, before), _filed(board, after)
    if after != before or left:
        names = sorted(path.relative_to(board.folder).as_posix() for path in {*left, *(filed ^ wanted)})
        _write(board.merging_file, "".join(f"{name}\n" for name in names))
    for issue in set(Issue) - {record.issue for record in before}:  # a merge that was cut short left it
        board.truth(issue).unlink(missing_ok=True)
    for candidate in accepted:
        ranking = board.ranking(candidate.record)
        if ranking in standing:
            _copy(candidate.truth, board.truth(candidate.record.issue))
            _keep(candidate.ranking, ranking)
            if candidate.record.queue:
                _copy(queue_file(candidate.ranking), queue_file(ranking))
    if after != before:
        # First what is replaced: a merge that is cut short in between forgets nothing.
        journal.append(board.superseded_file, [record for record in before if record not in after])
        write_records(board.records_file, after)
    journal.seal(board.superseded_file)
    for path in {*left, *filed} - wanted:
        path.unlink(missing_ok=True)
    board.merging_file.unlink(missing_ok=True)
    merged.added += len(standing - old)
    merged.removed += len(old - standing)
    merged.known += len(accepted) - len(standing - old)
    return after


def _filed(board: Board, records: Sequence[Record]) -> set[Path]:
    """Return where the rankings and queues of records lie."""
    own = {board.ranking(record): record for record in records}
    return {*own, *(queue_file(path) for path, record in own.items() if filing.has_queue(record))}


def _render(board: Board, missing: Iterable[not_run.NotRun], after: list[Record]) -> list[Ranked]:
    """Write the pages of a board and remove those that nothing leads to any more; return its part in the standings."""
    ranked = []
    absent = not_run.settled(
        [*not_run.read(board.not_run_file), *(each for each in missing if not_run.belongs(each, after))], after
    )
    rendered: dict[Path, str] = {board.not_run_file: not_run.as_lines(absent)} if absent else {}
    pictures: set[Path] = set()
    for issue, records in tables.by_issue(after):
        sources = _sources(board, issue, records, [each for each in absent if each.issue is issue])
        rendered |= rendering.issue_files(board, issue, records, sources) | rendering.figures(board, issue, records)
        pictures |= rendering.pictures_of(board, records, sources.looks)
        ranked += [sources.ranked] if sources.ranked else []
    for path, text in rendered.items():
        _write(path, text)
    _prune(board, pictures)
    for path in set(board.pages()) - rendered.keys():
        path.unlink()
    return ranked


def _prune(board: Board, shown: set[Path]) -> None:
    """Remove the pictures that no page shows, also from the list of their sums."""
    sums = {} if not board.picture_sums.exists() else checksums.read(board.picture_sums)
    for path in board.pictures.glob("*"):
        if path not in shown and path != board.picture_sums and not path.is_dir():
            path.unlink()
    if sums:
        names = {path.name for path in shown}
        checksums.write(board.picture_sums, {name: digest for name, digest in sums.items() if name in names})


def _sources(board: Board, issue: Issue, records: list[Record], absent: list[not_run.NotRun]) -> rendering.Sources:
    """Return what the pages show; of a board whose files are damaged what can be had, and its check says why."""
    sources = rendering.Sources(absent=absent)
    try:
        truth = read_truth(board.truth(issue), issue)
        sources = replace(sources, looks=rendering.looks_at(board, records, truth))
        if all(record.resampled is not None for record in records):
            found = evidence_of(board, records, truth)
            comparison = comparison_of(board, records, found)
            sources = replace(sources, comparison=comparison, ranked=aggregate.ranked(board, records, found))
    except UserError:
        return sources
    return sources


def _clear(left: Iterable[Path]) -> None:
    """Remove what a merge was writing when it was cut short."""
    for path in left:
        if path.is_file():
            path.unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy a file that is not there yet; its name says what it holds."""
    if target.exists():
        return
    with whole_file(target, ".tmp") as scratch:
        shutil.copyfile(source, scratch)


def _keep(ranking: Path, target: Path) -> None:
    """Write a ranking that is not there yet in the compact form of boards."""
    if target.exists():
        return
    with whole_file(target, ".tmp") as scratch:
        rankings.write_by_id(ranking, scratch)


def _write(path: Path, text: str) -> None:
    """Replace a file in one step; one that says the same already is left alone."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == text.encode():
        return
    with whole_file(path, ".tmp") as scratch:
        scratch.write_bytes(text.encode())
