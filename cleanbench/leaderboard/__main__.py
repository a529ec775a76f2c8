"""``python -m cleanbench.leaderboard``: merge finished runs into the boards, or check what is committed."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cleanbench.commands import grammar
from cleanbench.core import UserError
from cleanbench.datasets.tables import count
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import holds_runs, merge


@dataclass(frozen=True)
class Options:
    """Merge the records and rankings of finished runs into the boards and render their tables.

    Attributes:
        output: Where the runs are.
        board: Where the boards are, or shall be.
        check: Change nothing; compute every number and page again and compare with what is there.
    """

    output: Path = Path("runs")
    board: Path = Path("leaderboards")
    check: bool = False


def leaderboard(options: Options) -> int:
    """Do what the options say and report it; 1 if anything was refused or differs, else 0."""
    return _check(options.board) if options.check else _merge(options.output, options.board)


def _merge(output: Path, board: Path) -> int:
    if output.is_dir() and not holds_runs(output):
        raise UserError(
            f"{output} holds no runs, which are <data set>/<run>/record.json; say where they are: output=DIR"
        )
    merged = merge(output, board)
    for reason in merged.refused:
        sys.stdout.write(f"refused: {reason}\n")
    for note in merged.notes:
        sys.stdout.write(f"note: {note}\n")
    replaced = min(merged.removed, merged.added)
    sys.stdout.write(
        f"{board}: {count(merged.boards, 'board')}; from {count(merged.runs, 'run')} "
        f"{count(merged.added - replaced, 'new record')}, {replaced} replaced, {merged.known} known, "
        f"{merged.unscored} without truth, {count(len(merged.refused), 'defect')}\n"
    )
    return 1 if merged.refused else 0


def _check(board: Path) -> int:
    checked = check(board)
    for difference in checked.differences:
        sys.stdout.write(f"{difference}\n")
    counted = f"{board}: {count(checked.boards, 'board')} with {count(checked.records, 'record')}"
    if checked.differences:
        sys.stdout.write(f"{counted}: {count(len(checked.differences), 'difference')}\n")
        return 1
    sys.stdout.write(f"{counted}: every number follows from its ranking and truth, every page from its records\n")
    return 0


if __name__ == "__main__":
    grammar.run("python -m cleanbench.leaderboard", Options, leaderboard)
