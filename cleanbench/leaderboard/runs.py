"""Finished runs as candidates for boards: read, and verified one by one."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from cleanbench import not_run, queues, rankings
from cleanbench.core import Issue, UserError
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.evidence import (
    Judgements,
    count_differences,
    cut_differences,
    metric_differences,
    read_truth,
    score,
)
from cleanbench.leaderboard.filing import truth_form
from cleanbench.queues import queue_file
from cleanbench.records import Record, read_run
from cleanbench.sampled import needs_queue


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
        notes: What is allowed, but not on boards that are shared.
    """

    runs: int = 0
    added: int = 0
    removed: int = 0
    known: int = 0
    unscored: int = 0
    boards: int = 0
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_candidates(output: Path, merged: Merged) -> list[Candidate]:
    """Read and verify all records of the runs under a folder; what is refused is noted."""
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
                continue
            try:
                found.append(_with_digests(candidate))
                merged.notes += _unstated(record)
            except UserError as error:
                merged.refused.append(f"{candidate.where}: {error}")
    return found


def _unstated(record: Record) -> list[str]:
    """Say that nobody stands behind a ranking that was made elsewhere; without a name that place is anybody's."""
    missing = [word for word, told in (("who", record.who), ("licence", record.licence)) if not told]
    if record.provenance is None or not missing:
        return []
    cure = " and ".join(f"{word}=…" for word in missing)
    return [
        f"{record.label} on {record.dataset}, {record.issue}, was made elsewhere and does not state "
        f"{' and '.join(missing)}; a board that is shared wants them: python -m cleanbench.score … {cure}"
    ]


def _with_digests(candidate: Candidate) -> Candidate:
    """Let a record tell the content of its ranking, and of the queue that its numbers rest on.

    Raises:
        UserError: If it tells another content, or a file holds something else.
    """
    record, queue = candidate.record, ""
    ranking = rankings.digest(candidate.ranking, record.issue)
    if needs_queue(record) and (record.queue or queue_file(candidate.ranking).exists()):
        queue = queues.digest(candidate.ranking)
    for name, told, found in (("ranking", record.ranking, ranking), ("queue", record.queue, queue)):
        if told not in ("", found):
            raise UserError(f"the SHA-256 of its {name} is {told[:12]} in the record, {found[:12]} by the file")
    return replace(candidate, record=record.model_copy(update={"ranking": ranking, "queue": queue}))


def _defects(candidate: Candidate, truths: dict[tuple[Path, Issue], Judgements]) -> list[str]:
    """Say why the numbers of a record cannot be believed; of several wrong metrics, name the first."""
    record = candidate.record
    try:
        Board.of(Path(), record)
        place = (candidate.truth, record.issue)
        if place not in truths:
            truth = read_truth(*place)
            if odd := list(truth_form(*place, truth)):
                return odd
            truths[place] = truth
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


def read_not_run(output: Path, merged: Merged) -> list[not_run.NotRun]:
    """Read what did not run; what is refused is noted."""
    found = []
    for path in sorted(output.glob(f"*/{not_run.FOLDER}/*.json")):
        try:
            found += not_run.read(path)
        except (UserError, OSError) as error:
            merged.refused.append(str(error))
    return found
