"""``python -m cleanbench.score.incoming``: submissions in the folder of boards, checked, and merged if all is well.

A submission is a folder ``incoming/<anything>/`` beside the boards with a manifest and ``ranking.csv`` or
``ranking.parquet``. It is scored against the truth that its board holds, so that no data set is needed, and nothing in
it is run. Each is looked at by itself: whatever is wrong with one, the others are reported and merged.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanbench.commands import grammar
from cleanbench.core import UserError
from cleanbench.datasets.tables import count
from cleanbench.leaderboard.board import INCOMING, Board
from cleanbench.leaderboard.merge import merge
from cleanbench.records import Record
from cleanbench.score.checked import Checked, check
from cleanbench.score.findings import LONGEST_LINE, shown
from cleanbench.score.folders import remove, submissions
from cleanbench.score.names import folded, person
from cleanbench.score.rivals import conflicts
from cleanbench.score.standing import Other, Standing
from cleanbench.score.suspicion import suspicions


@dataclass(frozen=True)
class Options:
    """Check the submissions beside the boards: validate, score against the board's truth, flag what people should see.

    Attributes:
        board: Where the boards are; submissions lie in its folder incoming.
        merge: Put those without defects on their boards, render these and remove the submissions.
    """

    board: Path = Path("leaderboards")
    merge: bool = False


def incoming(options: Options) -> int:
    """Check all submissions and report them; 1 if one has a defect or could not be merged, else 0."""
    if not options.board.is_dir():
        raise UserError(f"there is no folder {options.board}; say where the boards are: board=DIR")
    folders, strays = submissions(options.board)
    standing = Standing(options.board)
    with tempfile.TemporaryDirectory() as scratch:
        runs = [Path(scratch) / str(number) for number in range(len(folders))]
        checked = [_examined(folder, standing, place) for folder, place in zip(folders, runs, strict=True)]
        _compare(checked, standing)
        _print(f"refused: {stray}" for stray in strays)
        for each, place in zip(checked, runs, strict=True):
            _print(_report(each))
            if each.scored is None:
                shutil.rmtree(place, ignore_errors=True)
        _print(f"note: {note}" for note in standing.notes)
        if not checked and not strays:
            _print([f"{options.board / INCOMING}: no submissions"])
        sound = all(each.scored for each in checked) and not strays
        sys.stdout.flush()  # whatever becomes of the merge
        if options.merge and any(each.scored for each in checked):
            sound &= _merged(Path(scratch), options.board, [each for each in checked if each.scored])
    return 0 if sound else 1


def _examined(folder: Path, standing: Standing, runs: Path) -> Checked:
    """Check a submission; one that cannot be looked at, whatever the reason, has that defect."""
    try:
        return check(folder, standing, runs)
    except OSError as error:
        where = shown(error.filename or folder, 200)
        reason = f"{where} cannot be looked at ({shown(error.strerror or error)})"
    except Exception as error:
        reason = (
            f"{shown(folder, 200)} could not be checked ({type(error).__name__}: {shown(error, 200)}); this may be a "
            "defect of the check: please report it"
        )
    unseen = Checked(folder)
    unseen.findings.defects.append(reason)
    return unseen


def _compare(checked: Sequence[Checked], standing: Standing) -> None:
    """Compare submissions with each other and with what stands; those that cannot stand together are refused."""
    by_place = {shown(each.folder, 200): each for each in checked if each.scored is not None}
    rows = [(place, each.scored.board, each.scored.record) for place, each in by_place.items() if each.scored]
    for each in by_place.values():
        assert each.scored is not None
        record, board = each.scored.record, each.scored.board
        beside = [
            Other(f"{other.folder.name} (handed in, too)", other.scored.record, other.scored.scores)
            for other in by_place.values()
            if other is not each and other.scored is not None and other.scored.board == board
        ]
        others = [
            other
            for other in [*standing.others(board, record.issue), *beside]
            if other.record.issue is record.issue and not _is_same(other.record, record)
        ]
        truth = standing.truth(board, record.issue)
        assert truth is not None  # it was scored against it
        each.flags += suspicions(record, each.scored.scores, each.scored.listed, truth, others)
    for place, reason in conflicts(rows):
        by_place[place].findings.defects.append(reason)
        by_place[place].refuse()


def _is_same(one: Record, two: Record) -> bool:
    """Return whether two records are of the same method by the same person, which may well be alike."""
    return folded(one.method) == folded(two.method) and person(one.who) == person(two.who)


def _report(each: Checked) -> Iterator[str]:
    """Say what was found."""
    yield f"{shown(each.folder, 200)}: {'refused' if each.scored is None else 'valid'}"
    yield from (f"  defect: {defect}" for defect in each.findings.defects)
    yield from (f"  warning: {warning}" for warning in each.findings.warnings)
    yield from (f"  for a person to look at: {flag}" for flag in each.flags)
    if each.scored is not None:
        record = each.scored.record
        values = {name: record.metrics[name].value for name in ("AP", "AUROC")}
        numbers = ", ".join(f"{name} {value:.3f}" for name, value in values.items() if value is not None)
        yield f"  {record.label} on {each.scored.board.name}, {record.issue}: {numbers or 'no metric is defined'}"


def _merged(scratch: Path, root: Path, valid: Sequence[Checked]) -> bool:
    """Merge what is valid and remove what is on its board then; return whether all of it is."""
    merged = merge(scratch, root)
    _print(f"refused: {reason}" for reason in merged.refused)
    replaced = min(merged.removed, merged.added)
    _print([f"{root}: {count(merged.added - replaced, 'new record')}, {count(replaced, 'record')} replaced"])
    all_landed = not merged.refused
    for each in valid:
        assert each.scored is not None
        if not _stands(each.scored.record, each.scored.board):
            _print([f"{shown(each.folder, 200)} stays where it is: it did not come on its board"])
            all_landed = False
            continue
        try:
            remove(each.folder)
        except OSError as error:
            _print([f"{shown(each.folder, 200)} is on its board but cannot be removed ({error.strerror}); remove it"])
            all_landed = False
    return all_landed


def _stands(record: Record, board: Board) -> bool:
    try:
        standing = board.records()
    except UserError:
        return False
    return any(each.key == record.key and each.issue is record.issue for each in standing)


def _print(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{shown(line, LONGEST_LINE)}\n" for line in lines))


if __name__ == "__main__":
    grammar.run("python -m cleanbench.score.incoming", Options, incoming)
