"""Whether what a finished run says follows from its own files, so that no table or page is made of damaged ones."""

from collections.abc import Callable
from pathlib import Path

from cleanbench.core import Issue, UserError
from cleanbench.leaderboard.evidence import (
    Judgements,
    count_differences,
    read_scores,
    read_truth,
    score,
    value_differences,
)
from cleanbench.queues import read_queue
from cleanbench.records import Record

ReadTruth = Callable[[Path, Issue], Judgements]


def defect(folder: Path, record: Record, read: ReadTruth = read_truth) -> str:
    """Say why the numbers of a record cannot be believed; empty if they can.

    Counts and metrics are computed again from ranking and truth. Intervals are not: they take a hundred times as long,
    and `python -m cleanbench.leaderboard --check` compares them.

    Args:
        folder: The run folder.
        record: One of its records.
        read: Reads a truth; one that remembers serves many runs.
    """
    ranking = folder / "rankings" / f"{record.issue}.parquet"
    try:
        if record.issue.ranks_pairs:
            read_queue(ranking)
        if record.truth is None:
            read_scores(ranking, record.issue)
            return ""
        path = folder.parent / "truth" / record.truth.set_revision[:8] / f"{record.issue}.parquet"
        truth = read(path, record.issue)
        if truth.revision != record.truth.revision:
            return (
                f"its {record.issue} truth has the revision {record.truth.revision[:12]}, but {path} has "
                f"{truth.revision[:12]}"
            )
        found = score(ranking, record.issue, truth, record.images, count=0)
    except UserError as error:
        return str(error)
    wrong = count_differences(record, found) + value_differences(record, found)
    others = f" (and {len(wrong) - 1} more numbers differ)" if len(wrong) > 1 else ""
    return f"{record.issue}: {wrong[0]}{others}" if wrong else ""


def refusal(folder: Path, reason: str) -> str:
    """Say that a run is not used, why, and what helps."""
    return f"the run {folder.name} is damaged: {reason}; repeat it with force=true, or remove its folder"
