"""The finished runs of a data set, side by side: rows of one table, and which of them can be told apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cleanbench.audit.runs import Audit, Audited, audits
from cleanbench.core import Issue
from cleanbench.fusion.members import Member, find
from cleanbench.leaderboard.rows import Row, rows_of
from cleanbench.progress import progress
from cleanbench.records import Record
from cleanbench.uncertainty.comparison import Comparison, compare
from cleanbench.uncertainty.replicates import replicate
from cleanbench.uncertainty.resampling import Resampling

BY = "AP"


@dataclass(frozen=True, eq=False)
class Compared:
    """The runs on one issue.

    Attributes:
        audit: Their scores on the judged items.
        rows: A method with an encoder each, over its seeds, best mean AP first.
        comparison: Of the rows, by AP; None where they cannot be compared.
        left_out: Runs on another state of the data or of the truth, which are not compared.
    """

    audit: Audit
    rows: Sequence[Row]
    comparison: Comparison | None
    left_out: int

    @property
    def issue(self) -> Issue:
        """What was ranked."""
        return self.audit.issue

    @cached_property
    def runs(self) -> Mapping[int, Audited]:
        """The runs by the identity of their records."""
        return {id(run.record): run for run in self.audit.runs}

    def is_constant(self, row: Row) -> bool:
        """Return whether a row gives all judged items one score, as a baseline of chance does."""
        return len(self.audit.levels(self.run_of(row)).reviewed) == 2

    def run_of(self, row: Row) -> Audited:
        """Return the run that stands for a row in drawings: that of its first seed."""
        return self.runs[id(min(row.records, key=lambda record: record.seeds.method))]


@dataclass(frozen=True, eq=False)
class Comparisons:
    """All that is compared of a data set.

    Attributes:
        compared: By issue, for those with a truth and a ranking.
        refused: Why there is none of the others.
        members: The runs that take part.
    """

    compared: Mapping[Issue, Compared]
    refused: Mapping[Issue, str]
    members: Sequence[Member]

    def folder_of(self, record: Record) -> Path:
        """Return the run folder of a record."""
        return next(member.folder for member in self.members if member.records.get(record.issue) is record)


def name_of(row: Row) -> str:
    """Name a row where it stands alone."""
    return f"{row.method} on {row.encoder}" if row.encoder else row.method


def read_runs(runs: Path, issues: Sequence[Issue] = tuple(Issue)) -> Comparisons:
    """Read the newest run of every method, encoder and seed; of those, what stands beside the newest of all.

    Args:
        runs: The folder of a data set's runs.
        issues: What to compare.

    Raises:
        UserError: If there is no run, or a file of one is damaged.
    """
    members = find(runs, "all", least=1, issues=issues)
    compared: dict[Issue, Compared] = {}
    refused: dict[Issue, str] = {}
    used: set[Path] = set()
    with progress("comparing runs", len(issues), "issue") as bar:
        for issue in issues:
            those, left_out = _of_one_state(members, issue)
            found, why_not = audits(those, [issue])
            refused |= why_not
            if found:
                compared[issue] = _compared(found[0], left_out)
                used |= {member.folder for member in those}
            bar.update(1)
    return Comparisons(compared, refused, [member for member in members if member.folder in used])


def _of_one_state(members: Sequence[Member], issue: Issue) -> tuple[list[Member], int]:
    """Return the runs on the data and the truth of the newest one, and how many others there are."""
    those = [member for member in members if issue in member.records]
    if not those:
        return [], 0
    newest = max((member.records[issue] for member in those), key=lambda record: (record.created, record.key))
    state = newest.fingerprint, newest.truth
    kept = [each for each in those if (each.records[issue].fingerprint, each.records[issue].truth) == state]
    return kept, len(those) - len(kept)


def _compared(audit: Audit, left_out: int) -> Compared:
    rows = rows_of([run.record for run in audit.runs])
    rarer = min(audit.truth.faulty, len(audit.truth) - audit.truth.faulty)
    comparison = None
    if rarer:
        resampling = Resampling.of(audit.items)
        scores = {id(run.record): run.scores for run in audit.runs}
        drawn = [
            [replicate(audit.labels, scores[id(record)], resampling, [BY]) for record in row.records] for row in rows
        ]
        comparison = compare(drawn, rarer, BY)
    return Compared(audit, rows, comparison, left_out)
