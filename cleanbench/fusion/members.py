"""The finished runs that are fused: found by name, and refused where their numbers do not belong together."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cleanbench.core import Floats, Issue, UserError
from cleanbench.leaderboard.board import settled
from cleanbench.leaderboard.evidence import read_scores, read_truth
from cleanbench.progress import progress
from cleanbench.rankings import align
from cleanbench.records import Record, read_run
from cleanbench.spelling import nearest
from cleanbench.verification import defect, refusal

FUSION = "fusion"


@dataclass(frozen=True)
class Member:
    """A finished run.

    Attributes:
        folder: Its run folder.
        records: Its records by issue.
    """

    folder: Path
    records: dict[Issue, Record]

    @property
    def first(self) -> Record:
        """Any of its records, for what they share."""
        return next(iter(self.records.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called: its folder, or method, encoder and seed as far as they tell it from others."""
        method, encoder, seed = self.first.method, self.encoder or "none", self.first.seeds.method
        return self.folder.name, method, f"{method}-{encoder}", f"{method}-{encoder}-{seed}"

    @property
    def title(self) -> str:
        """What tables call it."""
        return f"{self.first.label} on {self.encoder}" if self.encoder else self.first.label

    @property
    def encoder(self) -> str | None:
        """The encoder of those of its records that have one."""
        return next((record.encoder for record in self.records.values() if record.encoder), None)

    def scores(self, issue: Issue) -> tuple[list[tuple[str, ...]], Floats]:
        """Return the ranked items of an issue, as ids, and their scores.

        Raises:
            UserError: If the ranking is missing or damaged.
        """
        return read_scores(self.folder / "rankings" / f"{issue}.parquet", issue)


def find(runs: Path, wanted: str, least: int = 2, issues: Sequence[Issue] = tuple(Issue)) -> list[Member]:
    """Return the runs of a data set that are wanted, none of them damaged.

    Args:
        runs: The folder of the data set.
        wanted: Names separated by commas, each as in `Member.names`; or ``all``, for the newest run of every method,
            encoder and seed that is no fusion itself.
        least: How many there must be; a fusion takes two.
        issues: What they are wanted for, see `standing`.

    Raises:
        UserError: If there are no runs, a name fits none or several, one is named twice or damaged, or there are too
            few.
    """
    if wanted == "all":
        found = standing(runs, issues)
    else:
        known = _finished(runs)
        found = [_named(name.strip(), known, runs) for name in wanted.split(",")]
        if damaged := _damaged(found, issues):
            raise UserError("; ".join(refusal(folder, reason) for folder, reason in damaged.items()))
    folders = [member.folder.name for member in found]
    if twice := next((folder for folder in folders if folders.count(folder) > 1), None):
        raise UserError(f"{twice} is named twice; name each run once")
    if not found:
        raise UserError(f"there is no finished run in {runs}")
    if len(found) < least:
        raise UserError(f"a fusion takes at least two runs, not {', '.join(folders) or 'none'}; name more: members=A,B")
    return sorted(found, key=lambda member: member.folder.name)


def standing(runs: Path, issues: Sequence[Issue] = tuple(Issue)) -> list[Member]:
    """Return the newest finished run of every method, encoder and seed that is no fusion itself.

    A run whose numbers do not follow from its files is left out, with a warning; an older one may take its place.

    Args:
        runs: The folder of the data set.
        issues: What they are wanted for: damage to the files of other issues does not matter.

    Raises:
        UserError: If there is no such folder, or all its runs are damaged.
    """
    left = [member for member in _finished(runs) if member.first.method != FUSION]
    refused: dict[Path, str] = {}
    sound: set[Path] = set()
    while True:
        newest = _newest(left)
        damaged = _damaged([member for member in newest if member.folder not in sound], issues)
        if not damaged:
            break
        refused |= damaged
        sound |= {member.folder for member in newest} - damaged.keys()
        left = [member for member in left if member.folder not in damaged]
    told = [refusal(folder, reason) for folder, reason in refused.items()]
    if told and not newest:
        others = f" (and {len(told) - 1} more runs are)" if len(told) > 1 else ""
        raise UserError(f"no finished run in {runs} can be used: {told[0]}{others}")
    _warn_of(told)
    return newest


def of_issue(members: Sequence[Member], issue: Issue) -> list[Member]:
    """Return the members that rank an issue.

    Raises:
        UserError: If their records are about other data or another truth.
    """
    those = [member for member in members if issue in member.records]
    for member in those[1:]:
        first, record = those[0].records[issue], member.records[issue]
        both = f"{those[0].folder.name} and {member.folder.name}"
        if record.fingerprint != first.fingerprint:
            raise UserError(f"{both} are about other pixels or labels: fuse runs of one state of the data set")
        if record.truth != first.truth:
            raise UserError(f"{both} were scored against other {issue} truths: run one of them again")
    return those


def aligned(members: Sequence[Member], issue: Issue) -> tuple[list[tuple[str, ...]], list[Floats]]:
    """Return the items that the members rank, sorted, and the scores of each.

    Raises:
        UserError: If one ranks other items than another, or its ranking is damaged.
    """
    tables = [member.scores(issue) for member in members]
    items = sorted(set(tables[0][0]))
    for member, (ranked, _) in zip(members, tables, strict=True):
        if set(ranked) != set(items):
            raise UserError(f"{member.folder.name} and {members[0].folder.name} rank different {issue} items")
    return items, [align(items, ranked, scores) for ranked, scores in tables]


def _finished(runs: Path) -> list[Member]:
    """Return all finished runs whose records can be read; the others are warned of."""
    if not runs.is_dir():
        sets = sorted(path.name for path in runs.parent.glob("*") if path.is_dir() and not path.name.startswith("."))
        raise UserError(f"there are no runs of {runs.name!r} in {runs.parent}.{nearest(runs.name, sets)}")
    found, told = [], []
    for path in sorted(runs.glob("*/record.json")):
        if path.parent.name.startswith("."):  # a run that is being written
            continue
        try:
            records = read_run(path).records
        except (UserError, OSError) as error:
            told.append(refusal(path.parent, str(error)))
            continue
        if records:
            found.append(Member(path.parent, {record.issue: record for record in records}))
    if told and not found:
        raise UserError(f"no finished run in {runs} can be used: {told[0]}")
    _warn_of(told)
    return found


def _damaged(members: Sequence[Member], issues: Sequence[Issue]) -> dict[Path, str]:
    """Return the folders of the runs that are damaged, each with the reason."""
    read = cache(read_truth)  # runs of one data set share their truth
    damaged = {}
    with progress("checking runs", len(members), "run") as bar:
        for member in members:
            records = [record for issue, record in member.records.items() if issue in issues]
            if reason := next(filter(None, (defect(member.folder, record, read) for record in records)), ""):
                damaged[member.folder] = reason
            bar.update(1)
    return damaged


def _warn_of(refused: Sequence[str]) -> None:
    for reason in refused:
        sys.stderr.write(f"warning: {reason}; it is left out\n")


def _newest(members: Sequence[Member]) -> list[Member]:
    """Keep the runs that a board would keep for at least one issue."""
    standing = {id(record) for record in settled(record for member in members for record in member.records.values())}
    kept = [(member, {i: r for i, r in member.records.items() if id(r) in standing}) for member in members]
    return [Member(member.folder, records) for member, records in kept if records]


def _named(name: str, known: Sequence[Member], runs: Path) -> Member:
    fitting = [member for member in known if name in member.names]
    newest = _newest(fitting)
    if not newest:
        names = dict.fromkeys(name for member in known for name in (member.first.method, member.folder.name))
        raise UserError(f"there is no finished run {name!r} in {runs}.{nearest(name, names)}")
    if len(newest) > 1:
        folders = ", ".join(member.folder.name for member in newest)
        raise UserError(f"{name!r} fits several runs; name one of {folders}")
    return next(member for member in fitting if member.folder == newest[0].folder)
