"""One submission beside the boards: read, compared with its board, and scored."""

from dataclasses import dataclass, field
from pathlib import Path

from cleanbench import zoo
from cleanbench.core import Floats, UserError
from cleanbench.leaderboard.board import Board
from cleanbench.rankings import align
from cleanbench.records import Record
from cleanbench.score.against import Known, board_of
from cleanbench.score.findings import Findings, shown
from cleanbench.score.folders import RANKINGS, files_of
from cleanbench.score.manifest import NAMES, Manifest, read_manifest
from cleanbench.score.names import check_encoder, check_name, check_owner
from cleanbench.score.ranking_file import read_ranking
from cleanbench.score.rivals import changes
from cleanbench.score.standing import Standing
from cleanbench.score.submission import Submission, validated, write
from cleanbench.score.suspicion import Listed
from cleanbench.score.table_file import MIB, Limits
from cleanbench.store import write_whole

NEEDED = ("name", "issue", "dataset", "fingerprint", "truth_revision", "who", "licence")
LARGEST = Limits(rows=500_000, bytes=100 * MIB)  # GitHub takes no larger file; so many pairs fill about 0.8 GB


@dataclass(frozen=True, eq=False)
class Scored:
    """What a sound submission is worth.

    Attributes:
        record: Its record.
        board: Where it belongs.
        scores: Of the judged items.
        listed: Which items it ranks.
    """

    record: Record
    board: Board
    scores: Floats
    listed: Listed


@dataclass
class Checked:
    """What became of a submission.

    Attributes:
        folder: Where it lies.
        findings: Its defects and warnings.
        flags: What a person should look at.
        scored: What it is worth; None if it has defects.
    """

    folder: Path
    findings: Findings = field(default_factory=Findings)
    flags: list[str] = field(default_factory=list)
    scored: Scored | None = None

    def refuse(self) -> None:
        """Take it for one with defects."""
        self.scored = None


def check(folder: Path, standing: Standing, runs: Path) -> Checked:
    """Read a submission, compare it with its board and, if it has no defects, score it.

    Args:
        folder: Where it lies.
        standing: The boards; they stay as they are.
        runs: Where the folder of its run is written, and the truth that it was scored against.
    """
    found = Checked(folder)
    findings = found.findings
    files = files_of(folder, findings)
    manifest = _manifest(folder, files.named(NAMES), bool(files.refused & set(NAMES)), findings)
    if manifest.name is not None:
        before = len(findings.defects)
        check_name(manifest.name, zoo.available("method"), findings)
        if len(findings.defects) == before:
            check_owner(manifest.name, manifest.who, standing.all(), findings)
    check_encoder(manifest.encoder, findings)
    board, known = _known(manifest, standing, findings)
    rankings = files.named(RANKINGS)
    if len(rankings) != 1 and not files.refused & set(RANKINGS):
        findings.defects.append(
            f"{shown(folder, 200)} must hold one ranking, {' or '.join(RANKINGS)}; it has {len(rankings)}"
        )
    limits = LARGEST
    if known is not None:
        limits = Limits.of(known.images, manifest.issue).at_most(LARGEST.rows, LARGEST.bytes)
    ranked = None
    if len(rankings) == 1:
        ranked = read_ranking(rankings[0], manifest.issue, manifest.direction, findings, limits)
    submission = None if known is None else validated(manifest, ranked, known, findings)
    if submission is not None and board is not None:
        found.scored = _scored(submission, board, runs)
        found.flags += changes(found.scored.record, standing.records(board))
    return found


def _manifest(folder: Path, paths: list[Path], unreadable: bool, findings: Findings) -> Manifest:
    """Read the manifest and note what it must state and does not."""
    if not paths:
        if not unreadable:
            findings.defects.append(f"{shown(folder, 200)} has no manifest; add {NAMES[0]} with {', '.join(NEEDED)}")
        return Manifest()
    manifest = read_manifest(paths[0], findings)
    for key in NEEDED if manifest.model_fields_set else ():
        value = getattr(manifest, key)
        blank = value is None or (key in ("who", "licence") and not any(map(str.isalnum, value)))
        if blank and not any(f": {key}: " in defect for defect in findings.defects):
            findings.defects.append(f"{shown(paths[0], 200)} does not state {key}; a submission to a board must")
    return manifest


def _known(manifest: Manifest, standing: Standing, findings: Findings) -> tuple[Board | None, Known | None]:
    if manifest.dataset is None:
        return None, None
    try:
        board = board_of(standing.root, manifest.dataset, manifest.truth_revision or "")
        known = Known.on(board, standing)
    except UserError as error:
        findings.defects.append(str(error))
        return None, None
    judged = {record.issue for record in standing.records(board)}
    if manifest.issue in judged and manifest.issue not in known.truths:
        findings.defects.append(
            f"the {manifest.issue} truth of {board.name} is damaged, which is no fault of the submission; see the note"
        )
        return None, None
    return board, known


def _scored(submission: Submission, board: Board, runs: Path) -> Scored:
    """Score a submission into ``runs``, in which a merge finds it."""
    known, issue, ranked = submission.known, submission.issue, submission.ranked
    judgements = known.truths[issue][1]
    write_whole(runs / "truth" / known.set_revision[:8] / f"{issue}.parquet", board.truth(issue).read_bytes())
    run, _ = write(submission, runs)
    scores = align(judgements.items, ranked.rows, ranked.scores)
    return Scored(run.records[0], board, scores, Listed.of(ranked, judgements))
