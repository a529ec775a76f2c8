"""Finished runs -> boards: verified, merged under a lock, rendered.

A board can be read at every moment of a merge. Truth and rankings are written first, then the records in one step,
then what no record refers to is removed and the pages are rendered; a merge that is cut short leaves at most files
without a record, and pages of the day before or none, which the next merge removes and renders.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from filelock import FileLock

from cleanbench import not_run
from cleanbench.core import Issue, UserError
from cleanbench.leaderboard import aggregate, contaminated, journal, rendering, tables
from cleanbench.leaderboard.aggregate import Ranked
from cleanbench.leaderboard.board import Board, boards, settled, strangers, truth_of
from cleanbench.leaderboard.comparing import comparison_of, evidence_of
from cleanbench.leaderboard.evidence import (
    Judgements,
    count_differences,
    cut_differences,
    metric_differences,
    read_truth,
    score,
)
from cleanbench.queues import queue_file
from cleanbench.rankings import write_by_id
from cleanbench.records import Record, read_run, write_records
from cleanbench.sampled import needs_queue
from cleanbench.store import whole_file

LOCK = ".lock"


@dataclass(frozen=True)
class Candidate:
    """A record whose numbers follow from its ranking and truth.

    Attributes:
        record: The record.
        run: Its run folder.
        truth: The file of judgements.
    """

    record: Record
    run: Path
    truth: Path

    @property
    def ranking(self) -> Path:
        """The file of its ranking."""
        return self.run / "rankings" / f"{self.record.issue}.parquet"

    @property
    def where(self) -> str:
        """Run folder and issue, as messages name it."""
        return f"{self.run}, {self.record.issue}"


@dataclass
class Merged:
    """What became of the runs.

    Attributes:
        runs: Run folders found.
        added: Records that are new on a board.
        removed: Records that newer ones replaced.
        known: Records that are on a board already, or in a newer form.
        unscored: Records without truth, which are on no board.
        boards: Boards after the merge.
        refused: Every defect, with the folder that has it.
    """

    runs: int = 0
    added: int = 0
    removed: int = 0
    known: int = 0
    unscored: int = 0
    boards: int = 0
    refused: list[str] = field(default_factory=list)


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
    candidates, missing = _candidates(output, merged), _not_run(output, merged)
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


def render(root: Path) -> None:
    """Render the boards again, whose own files have not changed."""
    with FileLock(root / LOCK):
        _merge([], [], root, Merged())


def _candidates(output: Path, merged: Merged) -> list[Candidate]:
    """Read and verify all records; what is refused is noted."""
    found = []
    truths: dict[tuple[Path, Issue], Judgements] = {}
    for path in sorted(output.glob("*/*/record.json")):
        run = path.parent
        if run.name.startswith("."):  # a run that is being written
            continue
        merged.runs += 1
        try:
            records = read_run(path).records
        except (UserError, OSError, UnicodeDecodeError) as error:
            merged.refused.append(f"{run}: {error}")
            continue
        for record in records:
            if record.truth is None:
                merged.unscored += 1
                continue
            truth = run.parent / "truth" / record.truth.set_revision[:8] / f"{record.issue}.parquet"
            candidate = Candidate(record, run, truth)
            if defects := _defects(candidate, truths):
                merged.refused += [f"{candidate.where}: {defect}" for defect in defects]
            else:
                found.append(candidate)
    return found


def _defects(candidate: Candidate, truths: dict[tuple[Path, Issue], Judgements]) -> list[str]:
    """Say why the numbers of a record cannot be believed; of several wrong metrics, name the first."""
    record = candidate.record
    try:
        Board.of(Path(), record)
        place = (candidate.truth, record.issue)
        if place not in truths:
            truths[place] = read_truth(*place)
        if truths[place].revision != truth_of(record).revision:
            return [
                f"its truth revision is {truth_of(record).revision[:12]}, but {candidate.truth} has "
                f"{truths[place].revision[:12]}"
            ]
        scored = score(candidate.ranking, record.issue, truths[place], record.images)
    except UserError as error:
        return [str(error)]
    defects = count_differences(record, scored)
    wrong = metric_differences(record, scored) + cut_differences(record, scored)
    if wrong:
        others = f" (and {len(wrong) - 1} more metrics differ)" if len(wrong) > 1 else ""
        defects.append(wrong[0] + others)
    return defects


def _not_run(output: Path, merged: Merged) -> list[not_run.NotRun]:
    """Read what did not run; what is refused is noted."""
    found = []
    for path in sorted(output.glob(f"*/{not_run.FOLDER}/*.json")):
        try:
            found += not_run.read(path)
        except (UserError, OSError) as error:
            merged.refused.append(str(error))
    return found


def _merge(candidates: Iterable[Candidate], missing: list[not_run.NotRun], root: Path, merged: Merged) -> None:
    """Merge into every board and render all of them; the caller holds the lock."""
    for scratch in root.rglob(".*.tmp"):  # left by a merge that was cut short
        scratch.unlink()
    by_board: dict[Board, list[Candidate]] = {board: [] for board in boards(root)}
    for candidate in candidates:
        by_board.setdefault(Board.of(root, candidate.record), []).append(candidate)
    contents, ranked = {}, list[Ranked]()
    for board, group in sorted(by_board.items(), key=lambda item: item[0].name):
        try:
            contents[board] = _merge_board(board, group, missing, merged, ranked)
        except UserError as error:
            merged.refused.append(f"{board.folder}: {error}; {len(group)} records were not merged into it")
    contents = {board: records for board, records in contents.items() if records}
    merged.boards = len(contents)
    diagrams = rendering.index_figures(root, contents)
    rendered = diagrams | rendering.index_files(root, contents, diagrams, ranked)
    former = chain(*map(root.glob, ("*_critical_difference.svg", f"{aggregate.STEM}.*", f"{contaminated.STEM}.*")))
    for path in set(former) - rendered.keys():
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
    queues = {queue_file(board.ranking(record)) for record in after if needs_queue(record)}
    for candidate in accepted:
        ranking = board.ranking(candidate.record)
        if ranking in standing:
            _copy(candidate.truth, board.truth(candidate.record.issue))
            _keep(candidate.ranking, ranking)
            if needs_queue(candidate.record) and queue_file(candidate.ranking).exists():
                _copy(queue_file(candidate.ranking), queue_file(ranking))
    if after != before:
        # First what is replaced: a merge that is cut short in between forgets nothing.
        journal.append(board.superseded_file, [record for record in before if record not in after])
        write_records(board.records_file, after)
    for path in board.folder.glob("rankings/*/*.parquet"):
        if path not in standing | queues:
            path.unlink()
    merged.added += len(standing - old)
    merged.removed += len(old - standing)
    merged.known += len(accepted) - len(standing - old)
    return after


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
    for path in {*board.pages(), *board.pictures.glob("*")} - rendered.keys() - pictures:
        path.unlink()
    return ranked


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
        write_by_id(ranking, scratch)


def _write(path: Path, text: str) -> None:
    """Replace a file in one step; one that says the same already is left alone."""
    if path.exists() and path.read_bytes() == text.encode():
        return
    with whole_file(path, ".tmp") as scratch:
        scratch.write_bytes(text.encode())
