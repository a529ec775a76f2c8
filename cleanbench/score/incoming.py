"""``python -m cleanbench.score.incoming``: submissions in the folder of boards, checked, and merged if all is well.

A submission is a folder ``incoming/<anything>/`` beside the boards with a manifest and ``ranking.csv`` or
``ranking.parquet``. It is scored against the truth that its board holds, so that no data set is needed, and nothing in
it is run.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cleanbench import zoo
from cleanbench.commands import grammar
from cleanbench.core import Floats, Issue, UserError
from cleanbench.leaderboard.board import INCOMING, Board
from cleanbench.leaderboard.evidence import Judgements
from cleanbench.leaderboard.merge import merge
from cleanbench.rankings import align, read_table
from cleanbench.records import Record
from cleanbench.score.against import Known, board_of
from cleanbench.score.findings import Findings
from cleanbench.score.manifest import Manifest, beside, check_name, read_manifest
from cleanbench.score.ranking_file import read_ranking
from cleanbench.score.submission import Submission, validated, write
from cleanbench.score.suspicion import suspicions
from cleanbench.store import write_whole

RANKINGS = ("ranking.csv", "ranking.parquet")
NEEDED = ("name", "issue", "dataset", "fingerprint", "truth_revision", "who", "licence")


@dataclass(frozen=True)
class Options:
    """Check the submissions beside the boards: validate, score against the board's truth, flag what people should see.

    Attributes:
        board: Where the boards are; submissions lie in its folder incoming.
        merge: Put those without defects on their boards, render these and remove the submissions.
    """

    board: Path = Path("leaderboards")
    merge: bool = False


@dataclass
class Checked:
    """What became of a submission.

    Attributes:
        folder: Where it lies.
        findings: Its defects and warnings.
        flags: What a person should look at.
        submission: What can be scored; None if it has defects.
        board: Where it belongs.
    """

    folder: Path
    findings: Findings = field(default_factory=Findings)
    flags: list[str] = field(default_factory=list)
    submission: Submission | None = None
    board: Board | None = None


def incoming(options: Options) -> int:
    """Check all submissions and report them; 1 if one has a defect, else 0."""
    if not options.board.is_dir():
        raise UserError(f"there is no folder {options.board}; say where the boards are: board=DIR")
    checked = [_examined(folder, options.board) for folder in folders(options.board)]
    scored: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for each in checked:
            scored += _report(each, Path(scratch))
        sys.stdout.write("".join(f"{line}\n" for line in scored) or f"{options.board / INCOMING}: no submissions\n")
        if options.merge and any(each.submission for each in checked):
            merged = merge(Path(scratch), options.board)
            sys.stdout.write("".join(f"refused: {reason}\n" for reason in merged.refused))
            sys.stdout.write(f"{options.board}: {merged.added} records added\n")
            if merged.refused:
                return 1
            for each in checked:
                if each.submission:
                    _remove(each.folder)
    return 1 if any(each.findings.defects for each in checked) else 0


def folders(root: Path) -> list[Path]:
    """Return the folders of the submissions, sorted."""
    place = root / INCOMING
    return sorted(path for path in place.glob("*") if path.is_dir() and not path.name.startswith("."))


def _examined(folder: Path, root: Path) -> Checked:
    """Check a submission; one that cannot be looked at has that defect."""
    try:
        return check(folder, root)
    except OSError as error:
        unseen = Checked(folder)
        unseen.findings.defects.append(f"{error.filename or folder} cannot be looked at ({error.strerror or error})")
        return unseen


def check(folder: Path, root: Path) -> Checked:
    """Read a submission and compare it with its board; nothing is written."""
    found = Checked(folder)
    findings = found.findings
    path = beside(folder / "ranking")
    if path is None:
        findings.defects.append(f"{folder} has no manifest; add manifest.yaml with {', '.join(NEEDED)}")
    manifest = Manifest() if path is None else read_manifest(path, findings)
    for key in NEEDED if manifest.model_fields_set else ():
        if getattr(manifest, key) in (None, "") and not _told(findings, key):
            findings.defects.append(f"{path} does not state {key}; a submission to a board must")
    if manifest.name is not None:
        check_name(manifest.name, zoo.available("method"), findings)
    rankings = [folder / name for name in RANKINGS if (folder / name).is_file()]
    if len(rankings) != 1:
        findings.defects.append(f"{folder} must hold one ranking, {' or '.join(RANKINGS)}; it has {len(rankings)}")
    known = _known(found, manifest, root)
    ranked = read_ranking(rankings[0], manifest.issue, manifest.direction, findings) if len(rankings) == 1 else None
    for stranger in sorted(path.name for path in folder.iterdir() if path.name not in _allowed(folder)):
        findings.defects.append(f"{folder / stranger} does not belong to a submission; remove it")
    if known is not None:
        found.submission = validated(manifest, ranked, known, findings)
    if found.submission is not None and found.board is not None:
        issue, judgements = found.submission.issue, found.submission.known.truths[found.submission.issue][1]
        others = dict(_others(found.board, issue, judgements, str(manifest.name)))
        found.flags = suspicions(
            found.submission.ranked, judgements, found.submission.known.images, others, issue.ranks_pairs
        )
    return found


def _known(found: Checked, manifest: Manifest, root: Path) -> Known | None:
    if manifest.dataset is None:
        return None
    try:
        found.board = board_of(root, manifest.dataset, manifest.truth_revision or "")
        return Known.on(found.board)
    except UserError as error:
        found.findings.defects.append(str(error))
        return None


def _others(board: Board, issue: Issue, judgements: Judgements, own: str) -> Iterator[tuple[str, Floats]]:
    """Yield the scores of the judged items by the other rankings on a board."""
    for record in board.records():
        if record.issue is issue and record.method != own:
            rows, scores = read_table(board.ranking(record), issue, "score")
            yield _called(record), align(judgements.items, rows, scores.astype(np.float64))


def _called(record: Record) -> str:
    return " on ".join(filter(None, (record.label, record.encoder)))


def _report(each: Checked, scratch: Path) -> list[str]:
    """Score a submission into ``scratch``, if it can be scored, and say what was found."""
    lines = [f"{each.folder}: {'refused' if each.submission is None else 'valid'}"]
    lines += [f"  defect: {defect}" for defect in each.findings.defects]
    lines += [f"  warning: {warning}" for warning in each.findings.warnings]
    lines += [f"  for a person to look at: {flag}" for flag in each.flags]
    if each.submission is not None and each.board is not None:
        known, issue = each.submission.known, each.submission.issue
        runs = scratch / known.dataset
        run, _ = write(each.submission, runs)
        truth = runs / "truth" / known.set_revision[:8] / f"{issue}.parquet"
        if not truth.exists():
            write_whole(truth, each.board.truth(issue).read_bytes())
        values = {name: run.records[0].metrics[name].value for name in ("AP", "AUROC")}
        shown = ", ".join(f"{name} {value:.3f}" for name, value in values.items() if value is not None)
        lines.append(f"  {run.records[0].label} on {known.dataset}, {issue}: {shown or 'no metric is defined'}")
    return lines


def _remove(folder: Path) -> None:
    """Remove a submission that is on its board now; what else lies in the folder was refused before."""
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _allowed(folder: Path) -> set[str]:
    manifest = beside(folder / "ranking")
    return {*RANKINGS, "README.md", *([manifest.name] if manifest else [])}


def _told(findings: Findings, key: str) -> bool:
    return any(f": {key}: " in defect for defect in findings.defects)


if __name__ == "__main__":
    grammar.run("python -m cleanbench.score.incoming", Options, incoming)
