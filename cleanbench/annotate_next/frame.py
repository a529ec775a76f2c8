"""What a sample is drawn from: the items that finished runs rank, with the weight that their places give them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from cleanbench.annotate_next.design import combined, place_weight
from cleanbench.core import Floats, Issue, UserError
from cleanbench.fusion.members import Member, aligned, of_issue, standing
from cleanbench.leaderboard.evidence import read_truth
from cleanbench.pairs import decode, encode, pair_count
from cleanbench.queues import Queue, read_queue
from cleanbench.rankings import read_table

Item = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Frame:
    """The items from which a sample is drawn.

    Attributes:
        items: Items by ids, those that are judged already left out, shape ``(M,)``.
        weights: How much the judgement of each weighs, shape ``(M,)``.
        reasons: For whom each is suspicious, shape ``(M,)``.
        judged: What is judged already, True for faulty.
        ids: All ids of the set, if pairs are asked; the other pairs of them are what no method retrieved.
    """

    items: Sequence[Item]
    weights: Floats
    reasons: Sequence[str]
    judged: dict[Item, bool]
    ids: tuple[str, ...] = ()

    @property
    def outside(self) -> int:
        """How many pairs are neither retrieved nor judged."""
        return pair_count(len(self.ids)) - len(set(self.items) | self.judged.keys()) if self.ids else 0

    def draw_outside(self, count: int, rng: np.random.Generator) -> list[Item]:
        """Draw pairs that are neither retrieved nor judged, at random without replacement."""
        place = {name: position for position, name in enumerate(self.ids)}
        inside = [[place[first], place[second]] for first, second in {*self.items, *self.judged}]
        taken = set(encode(np.array(inside, dtype=np.int64).reshape(-1, 2), len(self.ids)).tolist())
        total, drawn = pair_count(len(self.ids)), dict[int, None]()
        if total <= 4 * (len(taken) + count):  # choose among the rest instead of drawing and rejecting
            free = np.setdiff1d(np.arange(total), np.fromiter(taken, dtype=np.int64, count=len(taken)))
            drawn = dict.fromkeys(rng.choice(free, count, replace=False).tolist())
        while len(drawn) < count:
            drawn |= {code: None for code in rng.integers(total, size=count).tolist() if code not in taken}
            drawn = dict.fromkeys(list(drawn)[:count])
        return [(self.ids[first], self.ids[second]) for first, second in decode(list(drawn), len(self.ids)).tolist()]


def frame_of(runs: Path, issue: Issue, judged: dict[Item, bool] | None) -> Frame:
    """Return what the finished runs of a data set rank.

    Args:
        runs: The folder of the data set.
        issue: What is to be judged.
        judged: What is judged already; None takes the truth that the runs were scored against.

    Raises:
        UserError: If no run ranks the issue, or runs do not belong together.
    """
    every = standing(runs)
    members = of_issue(every, issue)
    if not members:
        raise UserError(f"no finished run in {runs} ranks {issue}; run some methods first: python -m cleanbench")
    known = _judged(members[0], issue) if judged is None else judged
    if issue.ranks_pairs:
        return _pairs(members, every, known)
    items, scores = aligned(members, issue)
    seen = np.any(
        np.isfinite(np.stack(scores)), axis=0
    ).tolist()  # what no method scores, such as an image without a label
    kept = [place for place, item in enumerate(items) if seen[place] and item not in known]
    if not kept:
        raise UserError(f"all {len(items):,} ranked images are judged; there is nothing to ask")
    places = np.stack([rankdata(-values) for values in scores])[:, kept]
    weights = combined([place_weight(own, len(items)) for own in places])
    return Frame([items[place] for place in kept], weights, _reasons(members, places), known)


def _pairs(members: Sequence[Member], every: Sequence[Member], judged: dict[Item, bool]) -> Frame:
    queues = {}
    for position, member in enumerate(members):
        if (queue := _queue(member)) is not None:
            queues[position] = queue
    if not queues:
        raise UserError(
            "no run lists the most suspicious of all pairs; repeat those of methods that can, such as phash or "
            "selfclean, with retrieve=1000"
        )
    images = members[0].first.images
    ids = _all_ids(every, images)
    pool = sorted({item for queue in queues.values() for item in queue.items} - judged.keys())
    if not pool:
        raise UserError("all retrieved pairs are judged; list more of them: retrieve=5000")
    total = pair_count(images)
    weights, places = [], []
    for queue in queues.values():
        row = dict(zip(queue.items, rankdata(-queue.scores).tolist(), strict=True))
        beyond = (len(queue.items) + 1 + total) / 2
        own = np.array([row.get(item, beyond) for item in pool])
        weights.append(place_weight(own, total))
        places.append(np.where(own == beyond, np.inf, own))
    listing = [members[position] for position in queues]
    return Frame(pool, combined(weights), _reasons(listing, np.stack(places)), judged, ids)


def _queue(member: Member) -> Queue | None:
    """Return the most suspicious of all pairs by a run; without a truth they are its ranking."""
    path = member.folder / "rankings" / f"{Issue.NEAR_DUPLICATE}.parquet"
    if member.records[Issue.NEAR_DUPLICATE].truth is not None:
        return read_queue(path)
    items, scores = member.scores(Issue.NEAR_DUPLICATE)
    return Queue(items, scores, len(items), exact=False)


def _judged(member: Member, issue: Issue) -> dict[Item, bool]:
    truth = member.records[issue].truth
    if truth is None:
        return {}
    found = read_truth(member.folder.parent / "truth" / truth.set_revision[:8] / f"{issue}.parquet", issue)
    return dict(zip(found.items, found.labels.tolist(), strict=True))


def _all_ids(members: Sequence[Member], images: int) -> tuple[str, ...]:
    """Return the ids of all images, which rankings of single images hold.

    Raises:
        UserError: If no run has such a ranking.
    """
    for member in members:
        for issue in member.records:
            if not issue.ranks_pairs:
                rows, _ = read_table(member.folder / "rankings" / f"{issue}.parquet", issue, "score")
                if len(rows) == images:
                    return tuple(sorted(row[0] for row in rows))
    raise UserError(
        "no run ranks all single images, so that the pairs beyond the retrieved ones cannot be named; run such a "
        "method first: python -m cleanbench method=luminance"
    )


def _reasons(members: Sequence[Member], places: Floats) -> list[str]:
    """Say for whom each item stands highest."""
    best = places.argmin(axis=0)
    names = [
        f"{member.first.label} on {member.encoder}" if member.encoder else member.first.label for member in members
    ]
    return [f"place {places[member, item]:,.0f} by {names[member]}" for item, member in enumerate(best.tolist())]
