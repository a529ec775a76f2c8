"""A ranking and its manifest -> a validated submission -> a run folder with its record."""

import datetime
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleanbench.audit.cuts import measured
from cleanbench.core import Issue, Ranking, digest_of
from cleanbench.datasets.tables import count, some
from cleanbench.environment import manifest as environment
from cleanbench.environment import versions
from cleanbench.leaderboard.evidence import score
from cleanbench.rankings import write_ranking
from cleanbench.records import Cut, Provenance, Record, RunFile, Seeds, write_run
from cleanbench.score.against import Known
from cleanbench.score.findings import Findings
from cleanbench.score.manifest import Manifest
from cleanbench.score.ranking_file import Ranked
from cleanbench.store import make_folder, whole_folder


@dataclass(frozen=True, eq=False)
class Submission:
    """A ranking that can be scored.

    Attributes:
        manifest: What it says of itself, name and issue included.
        ranked: Its ranking.
        known: The data set that it is about.
    """

    manifest: Manifest
    ranked: Ranked
    known: Known

    @property
    def issue(self) -> Issue:
        """What is ranked."""
        assert self.manifest.issue is not None  # checked when it was made
        return self.manifest.issue

    @property
    def key(self) -> str:
        """Identify the result by all that decides it: the ranking, what it is called, data and truth."""
        said = self.manifest.model_dump_json(exclude={"fingerprint", "truth_revision", "dataset", "direction"})
        rows = sorted(zip(self.ranked.rows, self.ranked.scores.tolist(), strict=True))
        content = json.dumps(rows, ensure_ascii=True)
        return digest_of(
            ["submission", said, content, self.known.fingerprint, self.known.truths[self.issue][0].revision]
        )


def validated(manifest: Manifest, ranked: Ranked | None, known: Known, findings: Findings) -> Submission | None:
    """Compare a submission with what is known of its data set; None, with defects noted, if it cannot be scored."""
    issue = manifest.issue
    if manifest.dataset not in (None, known.dataset):
        findings.defects.append(
            f"the ranking is of the data set {some([manifest.dataset])}, this one is {known.dataset!r}"
        )
    if manifest.fingerprint and not known.fingerprint.startswith(manifest.fingerprint):
        findings.defects.append(
            f"the ranking is of data with fingerprint {manifest.fingerprint[:12]}, these have "
            f"{known.fingerprint[:12]}: other images, ids or labels. Rank these"
        )
    if issue is None:
        named = ", ".join(Issue)
        findings.defects.append(f"the submission names no issue; say what is ranked: issue= one of {named}")
    elif issue not in known.truths:
        there = ", ".join(known.truths) or "none"
        findings.defects.append(f"{known.dataset!r} has no {issue} truth to score against; it has: {there}")
    if manifest.truth_revision and not _meant(manifest.truth_revision, known, issue):
        findings.defects.append(
            f"the ranking was made for truth revision {manifest.truth_revision[:12]}, this one is "
            f"{known.set_revision[:12]}: numbers of different revisions never share a table"
        )
    if ranked is not None and issue is not None:
        _check_ids(ranked, known, issue, findings)
    if findings.defects or ranked is None or issue is None:
        return None
    return Submission(manifest, ranked, known)


def write(submission: Submission, runs: Path) -> tuple[RunFile, Path]:
    """Score a submission and write its run folder, whole or not at all.

    Args:
        submission: A validated one.
        runs: The folder of the data set, where its truths are or shall be.

    Returns:
        The record, and the folder.

    Raises:
        UserError: If nothing can be written there.
    """
    key, issue, manifest = submission.key, submission.issue, submission.manifest
    assert manifest.name is not None  # checked when it was read
    parts = (manifest.name, manifest.encoder or "none", str(manifest.seed), key[:12])
    folder = runs / "-".join(re.sub(r"[^A-Za-z0-9._=+-]+", "_", part) for part in parts)
    make_folder(runs)
    with whole_folder(folder) as scratch:
        path = scratch / "rankings" / f"{issue}.parquet"
        _write_ranking(path, submission.ranked, issue)
        record = recorded(submission, path)
        run = RunFile(records=(record,), not_ranked={}, complete=True)
        write_run(scratch / "record.json", run)
        (scratch / "manifest.json").write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        (scratch / "environment.json").write_text(json.dumps(environment(), indent=1) + "\n")
    return run, folder


def recorded(submission: Submission, path: Path) -> Record:
    """Return the record of a submission whose ranking lies at ``path``, computed as that of any run."""
    manifest, known, issue = submission.manifest, submission.known, submission.issue
    name, judgements = known.truths[issue]
    evidence = score(path, issue, judgements, known.images)
    scored = evidence.scored
    return Record(
        method=str(manifest.name),
        issue=issue,
        dataset=known.dataset,
        encoder=manifest.encoder,
        items=scored.items,
        faulty=scored.faulty,
        metrics=scored.metrics,
        resampled=scored.drawn,
        notes=dict(scored.notes),
        cut=None
        if evidence.cut is None
        else Cut(flagged=evidence.cut.flagged, **measured(evidence.cut, issue), cpu_seconds=None),
        settings=dict(manifest.settings),
        changed=dict(manifest.settings),
        fingerprint=known.fingerprint,
        images=known.images,
        unreadable=known.unreadable,
        coverage=scored.coverage,
        truth=name,
        encoder_detail=None,
        supervised=manifest.supervised,
        seeds=Seeds(dataset=known.seed, encoder=None, method=manifest.seed),
        cost=None,
        key=submission.key,
        versions=versions(),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        terms=known.terms.get(issue),
        who=manifest.who,
        licence=manifest.licence,
        provenance=Provenance(**{name: getattr(manifest, name) for name in Provenance.model_fields}),
    )


def _meant(revision: str, known: Known, issue: Issue | None) -> bool:
    own = known.truths[issue][0].revision if issue in known.truths and issue is not None else ""
    return known.set_revision.startswith(revision) or own.startswith(revision)


def _check_ids(ranked: Ranked, known: Known, issue: Issue, findings: Findings) -> None:
    """Note ids that are not those of the data set, and judged items that the ranking lacks."""
    used = dict.fromkeys(part for row in ranked.rows for part in row)
    unknown = [part for part in used if part and part not in known.ids]
    foreign = len(known.ids) + len(unknown) - known.images
    if known.knows_all:
        findings.names("id", f"unknown to {known.dataset!r}", unknown, _cure(unknown, known.ids))
    elif foreign > 0:
        findings.defects.append(
            f"{count(len(unknown), 'id')} of the ranking ({some(unknown)}) and the {len(known.ids):,} of the truth are "
            f"more than the {known.images:,} images of {known.dataset!r}: at least {foreign:,} of them it does not have"
        )
    elif unknown and foreign < 0:  # with as many as there are images, they are those that nobody judged
        findings.warnings.append(
            f"{count(len(unknown), 'id')} of no judged image ({some(unknown)}); whether {known.dataset!r} has them "
            "cannot be told from its board"
        )
    if issue not in known.truths or not ranked.sound or (unknown and known.knows_all) or foreign > 0:
        return  # what is left out because of a defect is not missing
    judged = known.truths[issue][1].items
    scores = dict(zip(ranked.rows, ranked.scores.tolist(), strict=True))
    missing = [item for item in judged if not np.isfinite(scores.get(item, -np.inf))]
    noun = "pair" if issue.ranks_pairs else "image"
    if judged and len(missing) == len(judged):
        findings.defects.append(
            f"none of the {count(len(judged), 'judged ' + noun)} has a score, so there is nothing to compare; rank "
            + ("the pairs that `python -m cleanbench.score.questions` lists" if issue.ranks_pairs else "all images")
        )
    elif missing:
        names = some([" and ".join(item) for item in missing])
        have = "has no score and ranks" if len(missing) == 1 else "have no score and rank"
        findings.warnings.append(f"{len(missing):,} of {count(len(judged), 'judged ' + noun)} {have} last: {names}")


def _cure(unknown: list[str], ids: frozenset[str]) -> str:
    cures: tuple[tuple[Callable[[str], str], str], ...] = (
        (lambda name: name.rpartition(".")[0], "leave the endings of file names away"),
        (lambda name: name.replace("\\", "/").rpartition("/")[2], "leave the folders away"),
        (lambda name: name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0], "leave folders and endings away"),
        (str.lower, "write them in lower case"),
        (lambda name: name.removesuffix(".0"), "write ids as text, not as decimal numbers"),
    )
    for change, cure in cures:
        if any(change(name) in ids for name in unknown):
            return f"{cure}, as the data set does"
    return f"use the ids of the data set, such as {some(sorted(ids), 1)}"


def _write_ranking(path: Path, ranked: Ranked, issue: Issue) -> None:
    ids = sorted({part for row in ranked.rows for part in row})
    place = {part: position for position, part in enumerate(ids)}
    items = np.array([[place[part] for part in row] for row in ranked.rows], dtype=np.int64)
    ranking = Ranking(issue, items if issue.ranks_pairs else items.reshape(-1), ranked.scores, ranked.flags)
    write_ranking(path, ranking, ids)
