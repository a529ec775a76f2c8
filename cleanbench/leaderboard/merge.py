"""Finished runs -> boards: verified, merged under a lock, rendered.

A board can be read at every moment of a merge. Truth and rankings are written first, then the records in one step,
then what no record refers to is removed and the pages are rendered; a merge that is cut short leaves at most files
without a record and pages of the day before, which the next merge removes and renders.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from cleanbench.core import Issue, UserError
from cleanbench.grid import grid_of
from cleanbench.leaderboard import by_encoder, heatmap, tables
from cleanbench.leaderboard.board import Board, boards, settled, strangers, truth_of
from cleanbench.leaderboard.comparing import comparison_of, evidence_of
from cleanbench.leaderboard.evidence import Judgements, count_differences, metric_differences, read_truth, score
from cleanbench.records import Record, read_run, write_records
from cleanbench.uncertainty.comparison import Comparison

INDEX = "README.md"
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
    candidates = _candidates(output, merged)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / LOCK):
            _merge(candidates, root, merged)
    except OSError as error:
        raise UserError(f"the boards in {root} cannot be written ({error})") from error
    return merged


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
        scored = score(candidate.ranking, record.issue, truths[place])
    except UserError as error:
        return [str(error)]
    defects, wrong = count_differences(record, scored), metric_differences(record, scored)
    if wrong:
        others = f" (and {len(wrong) - 1} more metrics differ)" if len(wrong) > 1 else ""
        defects.append(wrong[0] + others)
    return defects


def _merge(candidates: Iterable[Candidate], root: Path, merged: Merged) -> None:
    """Merge into every board and render all of them; the caller holds the lock."""
    for scratch in root.rglob(".*.tmp"):  # left by a merge that was cut short
        scratch.unlink()
    by_board: dict[Board, list[Candidate]] = {board: [] for board in boards(root)}
    for candidate in candidates:
        by_board.setdefault(Board.of(root, candidate.record), []).append(candidate)
    contents = {}
    for board, group in sorted(by_board.items(), key=lambda item: item[0].name):
        try:
            contents[board] = _merge_board(board, group, merged)
        except UserError as error:
            merged.refused.append(f"{board.folder}: {error}; {len(group)} records were not merged into it")
    contents = {board: records for board, records in contents.items() if records}
    merged.boards = len(contents)
    _write(root / INDEX, tables.index(contents))


def _merge_board(board: Board, candidates: Iterable[Candidate], merged: Merged) -> list[Record]:
    """Merge into one board and render it; return its records."""
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
    for candidate in accepted:
        ranking = board.ranking(candidate.record)
        if ranking in standing:
            _copy(candidate.truth, board.truth(candidate.record.issue))
            _copy(candidate.ranking, ranking)
    if after != before:
        write_records(board.records_file, after)
    for path in board.folder.glob("rankings/*/*.parquet"):
        if path not in standing:
            path.unlink()
    for issue, records in tables.by_issue(after):
        _write(board.table(issue), tables.page(records, _comparison(board, issue, records)))
        _render_by_encoder(board, issue, records)

    merged.added += len(standing - old)
    merged.removed += len(old - standing)
    merged.known += len(accepted) - len(standing - old)
    return after


def _comparison(board: Board, issue: Issue, records: list[Record]) -> Comparison | None:
    """Compare the methods of a table; a board whose files are damaged is rendered without, and its check says why."""
    if any(record.resampled is None for record in records):
        return None
    try:
        truth = read_truth(board.truth(issue), issue)
        return comparison_of(board, records, evidence_of(board, records, truth))
    except UserError:
        return None


def _render_by_encoder(board: Board, issue: Issue, records: list[Record]) -> None:
    """Write the tables by encoder and the heat map, or remove those that lack a grid now."""
    grid = grid_of(records)
    if grid.complete_methods:
        _write(board.by_encoder(issue), by_encoder.page(records, grid))
        _write(board.grid(issue), heatmap.draw(grid, by_encoder.title(grid, records)))
        return
    for path in (board.by_encoder(issue), board.grid(issue)):
        path.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """Copy a file that is not there yet; its name says what it holds."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.tmp")
    shutil.copyfile(source, scratch)
    scratch.replace(target)


def _write(path: Path, text: str) -> None:
    """Replace a file in one step; one that says the same already is left alone."""
    if path.exists() and path.read_bytes() == text.encode():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.tmp")
    scratch.write_bytes(text.encode())
    scratch.replace(path)
