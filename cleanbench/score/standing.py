"""What stands on the boards, each file read once and as far as it can be: a damaged one keeps no submission waiting."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from cleanbench.core import Floats, Issue, UserError
from cleanbench.leaderboard.board import Board, boards
from cleanbench.leaderboard.evidence import Judgements, read_truth
from cleanbench.rankings import align, read_table
from cleanbench.records import Record
from cleanbench.score.findings import shown


@dataclass(frozen=True, eq=False)
class Other:
    """A ranking that a submission is compared with.

    Attributes:
        name: What tables call it.
        record: Its record.
        scores: Its scores of the judged items.
    """

    name: str
    record: Record
    scores: Floats


@dataclass(eq=False)
class Standing:
    """The boards in a folder.

    Attributes:
        root: The folder.
        notes: What could not be read, in sentences, each once.
    """

    root: Path
    notes: dict[str, None] = field(default_factory=dict)
    _records: dict[Board, list[Record]] = field(default_factory=dict)
    _truths: dict[tuple[Board, Issue], Judgements | None] = field(default_factory=dict)
    _others: dict[tuple[Board, Issue], list[Other]] = field(default_factory=dict)
    _ids: dict[Board, frozenset[str]] = field(default_factory=dict)

    def all(self) -> Iterator[tuple[str, Record]]:
        """Yield the records of all boards, each with the name of its board."""
        for board in boards(self.root):
            for record in self.records(board):
                yield board.name, record

    def records(self, board: Board) -> list[Record]:
        """Return those records of a board that can be read."""
        if board not in self._records:
            try:
                self._records[board] = board.records()
            except (UserError, OSError) as error:
                self._note(f"what cannot be read was passed over, and nothing is merged into {board.name}: {error}")
                self._records[board] = _readable(board.records_file)
            self._records[board] = [record for record in self._records[board] if record.truth is not None]
        return self._records[board]

    def truth(self, board: Board, issue: Issue) -> Judgements | None:
        """Return the judgements of an issue; None if they cannot be read."""
        if (board, issue) not in self._truths:
            try:
                self._truths[board, issue] = read_truth(board.truth(issue), issue)
            except UserError as error:
                self._note(
                    f"nothing can be scored against the {issue} truth of {board.name} until it is mended: {error}"
                )
                self._truths[board, issue] = None
        return self._truths[board, issue]

    def others(self, board: Board, issue: Issue) -> list[Other]:
        """Return the rankings of an issue that can be read."""
        if (board, issue) not in self._others:
            found = []
            truth = self.truth(board, issue)
            for record in self.records(board) if truth is not None else ():
                if record.issue is issue and (read := self._ranking(board, record)) is not None:
                    assert truth is not None  # or there are no records here
                    found.append(Other(called(record), record, align(truth.items, *read)))
            self._others[board, issue] = found
        return self._others[board, issue]

    def ids(self, board: Board) -> frozenset[str]:
        """Return the ids that are known to be of the data set of a board.

        These are all of them where a truth judges all images, or where the harness itself ranked the images.
        """
        if board not in self._ids:
            records = self.records(board)
            truths = [self.truth(board, issue) for issue in Issue if any(each.issue is issue for each in records)]
            ids = {part for truth in truths if truth is not None for item in truth.items for part in item}
            for record in records:
                if len(ids) >= record.images:
                    break
                if record.provenance is None and not record.issue.ranks_pairs:
                    read = self._ranking(board, record)
                    if read is not None and len(read[0]) == record.images:
                        ids |= {part for row in read[0] for part in row}
            self._ids[board] = frozenset(ids)
        return self._ids[board]

    def _ranking(self, board: Board, record: Record) -> tuple[list[tuple[str, ...]], Floats] | None:
        try:
            rows, scores = read_table(board.ranking(record), record.issue, "score")
            return rows, scores.astype(np.float64)
        except (UserError, TypeError, ValueError) as error:  # ids of several types, scores that are none
            self._note(f"no submission was compared with {called(record)}: {error}")
            return None

    def _note(self, text: str) -> None:
        self.notes[shown(text, 500)] = None


def called(record: Record) -> str:
    """Return what messages call a ranking: its method and its encoder."""
    return shown(" on ".join(filter(None, (record.label, record.encoder))), 120)


def _readable(path: Path) -> list[Record]:
    """Return the records of a file that can be read."""
    records = []
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    for line in lines:
        try:
            records.append(Record.model_validate_json(line))
        except ValidationError:
            continue  # noted by the caller
    return records
