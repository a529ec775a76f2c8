"""What a submission does to the rows of its board, and what several submissions do to each other."""

from collections.abc import Sequence
from itertools import combinations

from cleanbench.leaderboard.board import Board, settled
from cleanbench.records import Record
from cleanbench.score.findings import shown
from cleanbench.score.names import folded, person

Scored = tuple[str, Board, Record]  # where it was handed in, where it goes, what it says


def changes(record: Record, before: Sequence[Record]) -> list[str]:
    """Say what merging a record changes of the rows that stand on its board by the same name."""
    rivals = [each for each in before if each.issue is record.issue and each.method == record.method]
    after = settled([*rivals, record])
    called = f"{shown(record.label, 120)!r}" + (f" by {shown(record.who)}" if record.who else "")
    if any((each.key, each.metrics) == (record.key, record.metrics) for each in rivals):
        return [f"the record of {called} stands on the board number for number; nothing changes"]
    if record not in after:
        return [f"the record of {called} on the board is not older, and is not replaced"]
    if replaced := [each for each in settled(rivals) if each not in after]:
        return [f"replaces the record of {called} (AP {_ap(replaced[0])} -> {_ap(record)})"]
    row = [each for each in rivals if (each.label, each.encoder) == (record.label, record.encoder)]
    if row:
        seeds = ", ".join(str(each.seeds.method) for each in row)
        return [f"adds seed {record.seeds.method} to {called}, which has {seeds}: their row shows the mean"]
    return []


def conflicts(scored: Sequence[Scored]) -> list[tuple[str, str]]:
    """Return where submissions lie that cannot go on the boards together, each with the reason."""
    found = []
    for (one, board, first), (two, another, second) in combinations(scored, 2):
        if folded(first.method) != folded(second.method):
            continue
        mine, theirs = first.method, second.method
        if person(first.who) != person(second.who):
            found.append((one, f"{two}, by {second.who!r}, has the name {theirs!r}, too; one of them needs another"))
            found.append((two, f"{one}, by {first.who!r}, has the name {mine!r}, too; one of them needs another"))
        elif mine != theirs:
            found.append((one, f"{two}, by the same person, writes the name {theirs!r}; write it one way"))
            found.append((two, f"{one}, by the same person, writes the name {mine!r}; write it one way"))
        elif board == another and first.issue is second.issue and len(settled([first, second])) == 1:
            place = f"the row {first.label!r} with seed {first.seeds.method} of {first.issue} on {board.name}"
            found += [(here, f"{there} is for {place}, too; keep one") for here, there in ((one, two), (two, one))]
    return found


def _ap(record: Record) -> str:
    value = record.metrics["AP"].value
    return "undefined" if value is None else f"{value:.3f}"
