"""Whether the facts of a board are what was put there: every record finds its ranking, every ranking its record.

A ranking is filed under a name that holds the fingerprint of its record, and the record holds the digest of the
ranking: neither can be changed alone. A merge builds on a board only where all of this holds, so that it removes no
evidence and renders no number that was edited. Whoever changes both, and renames the file, is found by the numbers
that follow from rankings, which only a check computes, or by version control.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cleanbench import not_run, queues, rankings
from cleanbench.core import Issue, UserError
from cleanbench.leaderboard import journal
from cleanbench.leaderboard.board import Board, fingerprint_of, stem, truth_of
from cleanbench.leaderboard.evidence import Judgements, read_truth
from cleanbench.leaderboard.tree import Tree
from cleanbench.queues import queue_file
from cleanbench.records import Record
from cleanbench.sampled import needs_queue


def refuse_changed(board: Board, records: Sequence[Record]) -> None:
    """Refuse to build on a board whose facts were changed by hand.

    Raises:
        UserError: Naming the first difference and the cure.
    """
    found = list(_differences(board, records))
    if found:
        others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise UserError(
            f"the board was changed by hand and stays as it is: {found[0]}{others}; see all with python -m "
            f"cleanbench.leaderboard --check board={board.folder.parent.parent}, and take back what version control "
            f"has: git checkout -- {board.folder}"
        )


def _differences(board: Board, records: Sequence[Record]) -> Iterator[str]:
    """Say what of the facts of a board is not as it was put there."""
    if board.folder.parent.is_symlink() or board.folder.is_symlink():
        yield f"{board.folder}: a link, not a folder"
        return
    if not board.folder.is_dir():
        return
    yield from (f"{path}: no plain file" for path in Tree.of(board.folder).others)
    truths: dict[Issue, Judgements] = {}
    for record in records:
        yield from record_differences(board, record)
        if record.issue in truths:
            continue
        try:
            truths[record.issue] = read_truth(board.truth(record.issue), record.issue)
            yield from truth_differences(board, record, truths[record.issue])
        except UserError as error:
            yield str(error)
    yield from (f"{path}: no record has this ranking" for path in strays(board, records))
    if not board.merging_file.exists():  # a merge that was cut short may not have got to the list
        yield from journal.differences(board.superseded_file)
    try:
        not_run.read(board.not_run_file)
    except UserError as error:
        yield str(error)


def record_differences(board: Board, record: Record) -> Iterator[str]:
    """Say what keeps a record and its ranking apart."""
    path = board.ranking(record)
    if not path.exists():
        if filed := edited(board, record):
            yield (
                f"{board.records_file}: the record was changed after its ranking was filed: {record.issue} of "
                f"{record.label}; it should end in {fingerprint_of(record)[:8]}, but the ranking is {filed[0].name}"
            )
        else:
            yield f"{path}: missing, the ranking of a record"
        return
    try:
        found = rankings.digest(path, record.issue)
        if record.ranking and found != record.ranking:
            yield f"{path}: it was changed: its content has the SHA-256 {found[:12]}, its record {record.ranking[:12]}"
        if record.queue and (found := queues.digest(path)) != record.queue:
            yield f"{queue_file(path)}: it was changed: {found[:12]}, its record has {record.queue[:12]}"
    except UserError as error:
        yield str(error)


def truth_differences(board: Board, record: Record, truth: Judgements) -> Iterator[str]:
    """Say how the truth of an issue is not that of a record, or not written as a merge writes it."""
    path = board.truth(record.issue)
    if truth.revision != truth_of(record).revision:
        yield f"{path}: its revision is {truth.revision[:12]}, that of the records {truth_of(record).revision[:12]}"
    yield from truth_form(path, record.issue, truth)


def truth_form(path: Path, issue: Issue, truth: Judgements) -> Iterator[str]:
    """Say how a file of judgements is not as a run writes it."""
    names = rankings.id_names(issue)
    try:
        table = rankings.read_exactly(path, [*names, "label"], ["probability", "inclusion"])
    except UserError as error:
        yield str(error)
        return
    if table.schema.metadata:
        yield f"{path}: it has notes, which no truth has"
    if list(zip(*(table.column(name).to_pylist() for name in names), strict=True)) != truth.items:
        yield f"{path}: its rows are not in the order of their ids"


def has_queue(record: Record) -> bool:
    """Return whether a queue may lie beside the ranking of a record."""
    return needs_queue(record) and bool(record.queue or not record.ranking)


def edited(board: Board, record: Record) -> list[Path]:
    """Return rankings filed for a record of the same run that said something else; none where it finds its own."""
    own = board.ranking(record)
    return [] if own.exists() else sorted(own.parent.glob(f"{stem(record)}-{'[0-9a-f]' * 8}.parquet"))


def strays(board: Board, records: Sequence[Record]) -> list[Path]:
    """Return the rankings without a record, but for those of a merge that was cut short or of a changed record."""
    own = {board.ranking(record) for record in records}
    queues_of = {queue_file(board.ranking(record)) for record in records if has_queue(record)}
    changed = {path for record in records for path in edited(board, record)}
    known = own | queues_of | changed | set(left_over(board))
    return sorted(path for path in board.folder.glob("rankings/**/*") if path.is_file() and path not in known)


def left_over(board: Board) -> list[Path]:
    """Return the rankings that a merge was adding or removing when it was cut short; none otherwise."""
    if not board.merging_file.is_file():
        return []
    lines = board.merging_file.read_text(encoding="utf-8", errors="replace").splitlines()
    names = {path.relative_to(board.folder).as_posix(): path for path in board.folder.glob("rankings/*/*.parquet")}
    return [names[line] for line in lines if line in names]
