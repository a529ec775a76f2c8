"""From finished runs to what their numbers leave open."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleanbench.core import Floats, Issue, UserError
from cleanbench.fusion.members import Member, of_issue
from cleanbench.leaderboard.evidence import Judgements, read_truth
from cleanbench.metrics import METRICS
from cleanbench.queues import Queue, read_queue
from cleanbench.rankings import align
from cleanbench.unjudged.measures import Partly
from cleanbench.unjudged.reuse import First, LeftOut, leave_out, nowhere


@dataclass(frozen=True, eq=False)
class Surveyed:
    """One method.

    Attributes:
        method: As tables call it.
        condensed: AP of all judged items alone, in their order (Sakai, SIGIR 2007); tables of runs show it.
        ranking: What it ranks: every image, or the queue of pairs; None if it has no queue.
        missed: Judged faulty pairs that are not in its queue.
        left_out: What becomes of it without its own finds; None if its first k items are not known.
    """

    method: str
    condensed: float | None
    ranking: Partly | None
    missed: int
    left_out: LeftOut | None


@dataclass(frozen=True, eq=False)
class Survey:
    """All methods of one issue.

    Attributes:
        issue: The issue.
        judged: How many items are judged.
        faulty: How many of them are faulty.
        nowhere: How many faulty ones no method has among its first k, expected over orders of ties.
        methods: The methods, best AP first.
        sampled: Whether the truth is a random sample, whose unjudged items are estimated instead.
        presumed: Whether the truth presumes negatives: items that nobody judged count as judged clean.
    """

    issue: Issue
    judged: int
    faulty: int
    nowhere: float
    methods: Sequence[Surveyed]
    sampled: bool
    presumed: bool = False


def survey(runs: Sequence[Member], issue: Issue, k: int) -> Survey | None:
    """Look at the finished runs of a data set; None if none of them was scored on this issue.

    Args:
        runs: The runs.
        issue: The issue.
        k: How many items of each ranking count as its finds.

    Raises:
        UserError: If runs do not belong together.
    """
    members = [member for member in of_issue(runs, issue) if member.records[issue].truth is not None]
    if not members:
        return None
    truth = _truth(members[0], issue)
    asked = [_asked(member, issue, truth) for member in members]
    found = [_ranked(member, issue, truth, k) for member in members]
    known = [place for place, (_, first, _) in enumerate(found) if first is not None]
    pooled = [first for _, first, _ in found if first is not None]
    left_out = dict(zip(known, leave_out([asked[place] for place in known], truth.labels, pooled), strict=True))
    methods = [
        Surveyed(
            member.title, METRICS["AP"].compute(truth.labels, asked[place]).value, ranking, missed, left_out.get(place)
        )
        for place, (member, (ranking, _, missed)) in enumerate(zip(members, found, strict=True))
    ]
    order = sorted(range(len(members)), key=lambda place: -(members[place].records[issue].metrics["AP"].value or 0.0))
    return Survey(
        issue,
        len(truth.labels),
        int(np.count_nonzero(truth.labels)),
        float(nowhere(pooled, len(truth.labels))[truth.labels].sum()),
        [methods[place] for place in order],
        truth.inclusion is not None,
        any(named.presumed for member in members if (named := member.records[issue].truth) is not None),
    )


def _truth(member: Member, issue: Issue) -> Judgements:
    named = member.records[issue].truth
    if named is None:
        raise UserError(f"{member.folder.name} was not scored on {issue}")
    return read_truth(member.folder.parent / "truth" / named.set_revision[:8] / f"{issue}.parquet", issue)


def _asked(member: Member, issue: Issue, truth: Judgements) -> Floats:
    items, scores = member.scores(issue)
    return align(truth.items, items, scores)


def _ranked(member: Member, issue: Issue, truth: Judgements, k: int) -> tuple[Partly | None, First | None, int]:
    """Return what a method ranks, which judged items are among its first k, and how many faulty ones it leaves out."""
    if issue.ranks_pairs:
        queue: Queue | None = read_queue(member.folder / "rankings" / f"{issue}.parquet")
        if queue is None:
            return None, None, 0
        items, scores = list(queue.items), queue.scores
    else:
        items, scores = member.scores(issue)
    labels = dict(zip(truth.items, truth.labels.tolist(), strict=True))
    judged = np.array([item in labels for item in items], dtype=bool)
    faulty = np.array([labels.get(item, False) for item in items], dtype=bool)
    places = {item: place for place, item in enumerate(items)}
    first = First.of(k, scores, np.array([places.get(item, -1) for item in truth.items], dtype=np.int64))
    missed = int(np.count_nonzero(truth.labels)) - int(np.count_nonzero(faulty))
    return Partly(scores, judged, faulty), first, missed
