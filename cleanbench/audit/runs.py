"""The finished runs that an audit looks at: rankings of one issue beside one truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cleanbench.core import Bools, Floats, GroundTruth, Ints, Issue, Ranking
from cleanbench.fusion.members import Member, of_issue
from cleanbench.leaderboard.evidence import read_truth
from cleanbench.metrics import Levels
from cleanbench.rankings import align, read_flags
from cleanbench.records import Record, encoder_labels
from cleanbench.sampled import SAMPLED


@dataclass(frozen=True, eq=False)
class Audited:
    """One run on the annotated items of one issue.

    Attributes:
        names: Method, encoder (empty: it reads no embeddings) and seed, as tables show them.
        record: Of the run on this issue.
        scores: Of the annotated items, ``-inf`` for what was not retrieved, shape ``(M,)``.
        flags: The method's own decision on them, or None.
        ranking: All that was ranked.
    """

    names: tuple[str, str, str]
    record: Record
    scores: Floats
    flags: Bools | None
    ranking: Ranking

    @property
    def unscored(self) -> int:
        """How many of the annotated items it did not retrieve."""
        return int(np.count_nonzero(np.isneginf(self.scores)))


@dataclass(frozen=True, eq=False)
class Audit:
    """The runs on one issue.

    Attributes:
        issue: The issue.
        ids: All ids that are ranked or judged, sorted; positions are those in it.
        truth: The annotated items.
        runs: At least one, in the order of their names.
    """

    issue: Issue
    ids: tuple[str, ...]
    truth: GroundTruth
    runs: tuple[Audited, ...]

    @property
    def items(self) -> Ints:
        """The annotated items."""
        return self.truth.items

    @cached_property
    def labels(self) -> Bools:
        """True for faulty, shape ``(M,)``."""
        return np.asarray(self.truth.labels)

    def levels(self, run: Audited) -> Levels:
        """Return the counts of a run's ranking."""
        return Levels.of(self.labels, run.scores)

    @property
    def independent(self) -> bool:
        """Whether items share nothing, as images do and pairs do not."""
        return not self.issue.ranks_pairs


def audits(members: Sequence[Member], issues: Sequence[Issue]) -> tuple[list[Audit], dict[Issue, str]]:
    """Return the audits of the issues that have a truth and a ranking, and why there is none of the others.

    Raises:
        UserError: If the runs do not belong together, or a file is missing or damaged.
    """
    found, refused = [], {}
    for issue in issues:
        those = of_issue(members, issue)
        if not those:
            refused[issue] = "no run ranks it"
        elif those[0].records[issue].truth is None:
            refused[issue] = "there is no truth to compare its rankings with"
        elif any(SAMPLED in member.records[issue].notes for member in those):
            refused[issue] = "only a sample was judged, and counts, curves and reviews of a sample would mislead"
        elif not those[0].records[issue].faulty:
            refused[issue] = "none of the annotated items is faulty"
        else:
            found.append(_audit(those, issue))
    return found, refused


def _audit(members: Sequence[Member], issue: Issue) -> Audit:
    truth = members[0].records[issue].truth
    assert truth is not None  # it was looked at
    judged = read_truth(members[0].folder.parent / "truth" / truth.set_revision[:8] / f"{issue}.parquet", issue)
    tables = [member.scores(issue) for member in members]
    ids = tuple(
        sorted({part for items in (judged.items, *(ranked for ranked, _ in tables)) for item in items for part in item})
    )
    place = {part: position for position, part in enumerate(ids)}

    def located(items: Sequence[tuple[str, ...]]) -> Ints:
        positions = np.array([[place[part] for part in item] for item in items], dtype=np.int64)
        return positions.reshape(-1, 2) if issue.ranks_pairs else positions.reshape(-1)

    records = [member.records[issue] for member in members]
    encoders = encoder_labels(records)
    runs = []
    for member, record, encoder, (ranked, scores) in zip(members, records, encoders, tables, strict=True):
        decided = read_flags(member.folder / "rankings" / f"{issue}.parquet", issue)
        flags = None
        if decided is not None:
            flags = align(judged.items, decided[0], decided[1].astype(np.float64)) > 0
        names = (record.label, encoder, str(record.seeds.method))
        runs.append(
            Audited(names, record, align(judged.items, ranked, scores), flags, Ranking(issue, located(ranked), scores))
        )
    known = GroundTruth.of(
        issue,
        ids,
        located(judged.items),
        judged.labels,
        name=truth.name,
        kind=truth.kind,
        presumed=truth.presumed,
    )
    # `GroundTruth.of` sorts by position, and ids are sorted: the order stays that of the judgements.
    return Audit(issue, ids, known, tuple(sorted(runs, key=lambda run: run.names)))
