"""From members to a run folder: rankings, records and their numbers, as any run has them."""

import datetime
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench import __version__, records
from cleanbench.core import Floats, Issue, Ranking, UserError, digest_of
from cleanbench.environment import manifest, versions
from cleanbench.fusion import ranks
from cleanbench.fusion.members import FUSION, Member, aligned, of_issue
from cleanbench.leaderboard.evidence import Judgements, read_truth, score
from cleanbench.metrics import METRICS
from cleanbench.processes import peak_mib
from cleanbench.rankings import write_ranking
from cleanbench.records import Cost, EncoderName, Measured, Record, RunFile, Seeds, label
from cleanbench.request import Outcome
from cleanbench.source_code import code_digest
from cleanbench.store import make_folder, whole_folder
from cleanbench.uncertainty import intervals
from cleanbench.view import source_digest


@dataclass(frozen=True)
class Fused:
    """The fusion of one issue.

    Attributes:
        issue: The issue.
        members: Those that rank it.
        ids: All ids that occur, sorted.
        ranking: In positions of ``ids``.
        cpu_seconds: Of the fusion itself.
        wall_seconds: The same, elapsed.
    """

    issue: Issue
    members: Sequence[Member]
    ids: tuple[str, ...]
    ranking: Ranking
    cpu_seconds: float
    wall_seconds: float


def fuse(members: Sequence[Member], issues: Sequence[Issue], k: int, force: bool = False) -> Outcome:
    """Fuse the runs and write the result beside them.

    Args:
        members: Runs of one data set.
        issues: What to fuse.
        k: Of reciprocal rank fusion.
        force: Repeat a finished fusion.

    Returns:
        The records, and the reasons for issues that cannot be fused.

    Raises:
        UserError: If no issue can be fused, or the members do not belong together.
    """
    runs = members[0].folder.parent
    chosen, not_ranked = _chosen(members, issues)
    key = _key(chosen, k)
    seeds = _seeds([member for those in chosen.values() for member in those])
    folder = runs / f"{FUSION}-none-{seeds.method}-{key[:12]}"
    issue, those = next(iter(chosen.items()))
    name = label(FUSION, _changed(those, issue, k))
    if (folder / "record.json").exists() and not force:
        return Outcome(name, None, records.read_run(folder / "record.json"), folder, reused=True)
    make_folder(runs)
    fused = [_fused(those, issue, _truth(those, issue), k) for issue, those in chosen.items()]
    with whole_folder(folder) as scratch:
        found = []
        for each in fused:
            path = scratch / "rankings" / f"{each.issue}.parquet"
            write_ranking(path, each.ranking, each.ids)
            found.append(_record(each, path, key, k))
        run = RunFile(records=tuple(found), not_ranked=not_ranked, complete=True)
        records.write_run(scratch / "record.json", run)
        settings: dict[str, Any] = {"k": k, "members": [member.folder.name for member in members]}
        (scratch / "config.yaml").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        (scratch / "environment.json").write_text(json.dumps(manifest(), indent=1) + "\n")
    return Outcome(name, None, run, folder)


def _chosen(members: Sequence[Member], issues: Sequence[Issue]) -> tuple[dict[Issue, list[Member]], dict[Issue, str]]:
    """Return the members of each issue that at least two rank, and why there are none for other issues."""
    chosen, not_ranked = {}, {}
    for issue in issues:
        those = of_issue(members, issue)
        if len(those) < 2:
            not_ranked[issue] = (
                f"not applicable: {f'only {those[0].folder.name} ranks' if those else 'no member ranks'} it"
            )
        elif issue.ranks_pairs and those[0].records[issue].truth is None:
            not_ranked[issue] = "not applicable: without a truth the members list pairs of their own choice"
        else:
            chosen[issue] = those
    if not chosen:
        reasons = "; ".join(f"{issue}: {reason.partition(': ')[2]}" for issue, reason in not_ranked.items())
        raise UserError(f"the runs have no issue in common that can be fused; {reasons}")
    return chosen, {issue: reason for issue, reason in not_ranked.items() if any(issue in m.records for m in members)}


def _truth(members: Sequence[Member], issue: Issue) -> Judgements | None:
    truth = members[0].records[issue].truth
    if truth is None:
        return None
    return read_truth(members[0].folder.parent / "truth" / truth.set_revision[:8] / f"{issue}.parquet", issue)


def _fused(members: Sequence[Member], issue: Issue, truth: Judgements | None, k: int) -> Fused:
    cpu, wall = time.process_time(), time.perf_counter()
    items, scores = aligned(members, issue)
    ids = tuple(sorted({part for item in items for part in item}))
    place = {part: position for position, part in enumerate(ids)}
    positions = np.array([[place[part] for part in item] for item in items], dtype=np.int64)
    if issue.ranks_pairs and truth is not None:
        fused = _fused_pairs(items, scores, truth, members[0].records[issue].images, k)
    else:
        positions, fused = positions.reshape(-1), ranks.fused_images(scores, k)
    ranking = Ranking(issue, positions, fused)
    return Fused(issue, members, ids, ranking, time.process_time() - cpu, time.perf_counter() - wall)


def _fused_pairs(
    items: Sequence[tuple[str, ...]], scores: Sequence[Floats], truth: Judgements, images: int, k: int
) -> Floats:
    judged = set(truth.items)
    # Every method was asked the judged pairs among random ones (`cleanbench.asking`): the others are the random ones.
    reference = np.array([item not in judged for item in items], dtype=bool)
    if not reference.any():
        raise UserError(
            "every pair is judged, so the members were asked no random pairs, against which scores could be compared"
        )
    return ranks.fused_pairs(scores, reference, images, k)


def _record(fused: Fused, path: Path, key: str, k: int) -> Record:
    """Return the record of a fused ranking that lies at ``path``."""
    members, issue = fused.members, fused.issue
    own = [member.records[issue] for member in members]
    first, truth = own[0], _truth(members, issue)
    scored = None if truth is None else score(path, issue, truth, first.images).scored
    encoder = _encoder(members, issue)
    nothing = Measured(value=None, reason="no items")
    return first.model_copy(
        update={
            "method": FUSION,
            "encoder": encoder[0] if encoder else None,
            "encoder_detail": encoder[1] if encoder else None,
            "paper_encoder": None,
            "items": scored.items if scored else 0,
            "faulty": scored.faulty if scored else 0,
            "coverage": scored.coverage if scored else 1.0,
            "metrics": scored.metrics if scored else dict.fromkeys(METRICS, nothing),
            "resampled": scored.drawn if scored else None,
            "settings": {"k": k, "members": [_described(record) for record in own]},
            "changed": _changed(members, issue, k),
            "unreadable": max(record.unreadable for record in own),
            "supervised": any(record.supervised for record in own),
            "seeds": _seeds(members),
            "cost": _cost([record.cost for record in own if record.cost is not None], fused),
            "key": key,
            "versions": versions(),
            "notes": dict(scored.notes) if scored else {},
            "cut": None,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
    )


def _described(record: Record) -> dict[str, Any]:
    """Name a member so that it can be found again."""
    return {
        "method": record.label,
        "encoder": record.encoder,
        "seed": record.seeds.method,
        "key": record.key,
        "embeddings": record.encoder_detail.key if record.encoder_detail else None,
    }


def _changed(members: Sequence[Member], issue: Issue, k: int) -> dict[str, Any]:
    """Return what tells one fusion from another in tables: its members, as briefly as tells them apart."""
    shared = _encoder(members, issue) is not None
    own = [member.records[issue] for member in members]
    names = [record.label if shared or not record.encoder else f"{record.label}-{record.encoder}" for record in own]
    for more in ([str(record.seeds.method) for record in own], [record.key[:6] for record in own]):
        repeated = {name for name in names if names.count(name) > 1}
        names = [f"{name}-{tail}" if name in repeated else name for name, tail in zip(names, more, strict=True)]
    return {"members": "+".join(sorted(names))} | ({} if k == ranks.K else {"k": k})


def _encoder(members: Sequence[Member], issue: Issue) -> tuple[str, EncoderName] | None:
    """Return the encoder, if all members that have one have the same."""
    own = [member.records[issue] for member in members]
    found = {record.encoder_detail.key: record for record in own if record.encoder_detail}
    record = next(iter(found.values())) if len(found) == 1 else None
    return (record.encoder, record.encoder_detail) if record and record.encoder and record.encoder_detail else None


def _seeds(members: Sequence[Member]) -> Seeds:
    """Return the seeds that all members share; their own are with their names in the settings."""

    def common(values: Sequence[int | None]) -> int | None:
        known = {value for value in values if value is not None}
        return known.pop() if len(known) == 1 else None

    own = [record.seeds for member in members for record in member.records.values()]
    return Seeds(
        dataset=common([seeds.dataset for seeds in own]),
        encoder=common([seeds.encoder for seeds in own]),
        method=common([seeds.method for seeds in own]) or 0,
    )


def _cost(costs: Sequence[Cost], fused: Fused) -> Cost:
    """Return what it takes to run the members one after another and to fuse them."""
    return Cost(
        cpu_seconds=round(sum(cost.cpu_seconds for cost in costs) + fused.cpu_seconds, 3),
        wall_seconds=round(sum(cost.wall_seconds for cost in costs) + fused.wall_seconds, 3),
        fit_cpu_seconds=round(sum(cost.fit_cpu_seconds for cost in costs), 3),
        peak_mib=max([round(peak_mib(), 1), *(cost.peak_mib for cost in costs)]),
        base_mib=max((cost.base_mib for cost in costs), default=0.0),
    )


def _key(chosen: dict[Issue, list[Member]], k: int) -> str:
    """Identify a fusion by all that decides its result."""
    parts = [source_digest(Fused), source_digest(ranks.Reference), code_digest([intervals]), __version__, str(k)]
    for issue, members in chosen.items():
        truth = members[0].records[issue].truth
        keys = sorted(member.records[issue].key for member in members)
        parts += [issue, truth.revision if truth else "", *keys]
    return digest_of(parts)
