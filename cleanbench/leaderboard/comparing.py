"""The rows of a table against each other, by the rankings behind them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cleanbench.leaderboard.board import Board
from cleanbench.leaderboard.evidence import Evidence, Judgements, score
from cleanbench.leaderboard.rows import rows_of
from cleanbench.records import Record
from cleanbench.uncertainty.comparison import Comparison, compare


def evidence_of(board: Board, records: Sequence[Record], truth: Judgements) -> dict[Path, Evidence]:
    """Score the rankings of one issue of a board.

    Raises:
        UserError: If a ranking is missing or damaged.
    """
    return {
        path: score(path, record.issue, truth, record.images) for record in records if (path := board.ranking(record))
    }


def comparison_of(board: Board, records: Sequence[Record], found: Mapping[Path, Evidence]) -> Comparison | None:
    """Compare the rows of the table of one issue by AP; None where they cannot be compared.

    They cannot where a record was made before there were intervals, a ranking is missing, or all items are faulty, or
    none is.

    Args:
        board: Where the rankings lie.
        records: All records of the issue, at least one.
        found: What the rankings are worth, by path.
    """
    rarer = min(records[0].faulty, records[0].items - records[0].faulty)
    if not rarer or any(record.resampled is None or board.ranking(record) not in found for record in records):
        return None
    rows = [[found[board.ranking(record)].scored.replicates for record in row.records] for row in rows_of(records)]
    known = [[each for each in row if each is not None] for row in rows]
    # A damaged truth may hold no faulty items where the records tell of some.
    if known != rows or any("AP" not in each.at_sample for row in known for each in row):
        return None
    return compare(known, rarer)
