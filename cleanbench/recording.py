"""The record of a ranking, and the folder of a run."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench import records
from cleanbench.asking import flags_of, scores_of
from cleanbench.audit import cuts
from cleanbench.core import GroundTruth, Issue, Need, Ranking
from cleanbench.encoders.extraction import Embeddings
from cleanbench.environment import machine, manifest, versions
from cleanbench.queues import Queue, write_queue
from cleanbench.rankings import write_ranking, write_truth
from cleanbench.report.training import draw_training
from cleanbench.request import Request
from cleanbench.sampled import Sampled
from cleanbench.scoring import estimated, score
from cleanbench.store import whole_folder, write_whole
from cleanbench.worker import Answer

PROVENANCE = "provenance.csv"


@dataclass(frozen=True)
class Retrieved:
    """The most suspicious of all pairs, or why they are not known, and what it cost to list them."""

    queue: Ranking | str
    answer: Answer

    @property
    def told(self) -> dict[str, Any]:
        """What a reader of the queue should know."""
        cost = {"cpu_seconds": round(self.answer.cpu_seconds, 3), "peak_mib": round(self.answer.peak_mib, 1)}
        if isinstance(self.queue, str):
            return {"problem": self.queue, **cost}
        return {"pairs": len(self.queue), **cost, "notes": dict(self.queue.notes)}


@dataclass(frozen=True)
class Recorder:
    """What the records of one run share."""

    request: Request
    key: str
    encoder: str | None
    embeddings: Embeddings | None
    unreadable: int
    retrieved: Mapping[Issue, Retrieved]

    def record(self, ranking: Ranking, answer: Answer) -> records.Record:
        """Score a ranking against the truth of its issue."""
        request, image_set, issue = self.request, self.request.image_set, ranking.issue
        truth = image_set.truth(issue)
        labels = np.zeros(0, dtype=bool) if truth is None else truth.labels
        items = np.zeros(0, dtype=np.int64) if truth is None else truth.items
        scores = scores_of(ranking, truth, len(image_set))
        if truth is None or truth.inclusion is None:
            scored = score(items, labels, scores)
        else:
            found = Sampled.of(truth, scores, ranking, self._queue(issue), image_set.ids)
            scored = estimated(labels, scores, found)
        encoded = self.embeddings if Need.EMBEDDINGS in request.detector.needs_for(issue) else None
        return records.Record(
            method=request.method,
            issue=issue,
            dataset=image_set.name,
            encoder=None if encoded is None else self.encoder,
            items=scored.items,
            faulty=scored.faulty,
            metrics=scored.metrics,
            resampled=scored.drawn,
            settings={name: value for name, value in request.method_config.items() if name != "_target_"},
            changed=dict(request.changed),
            fingerprint=image_set.fingerprint,
            images=len(image_set),
            unreadable=self.unreadable,
            coverage=scored.coverage,
            truth=records.TruthName.of(truth, image_set.truth_revision),
            terms=records.Terms.of(image_set.card, truth),
            encoder_detail=None
            if encoded is None
            else records.EncoderName(
                settings=request.encoder.settings(),
                digest=encoded.weights,
                key=encoded.key,
                cost=None if encoded.spent is None else records.EncoderCost(**asdict(encoded.spent)),
            ),
            paper_encoder=None if encoded is None else request.detector.paper_encoder,
            supervised=Need.CALIBRATION in request.detector.needs_for(issue),
            seeds=request.seeds,
            cost=records.Cost(
                cpu_seconds=round(answer.cpu_seconds, 3),
                wall_seconds=round(answer.wall_seconds, 3),
                fit_cpu_seconds=round(answer.fit_cpu_seconds, 3),
                peak_mib=round(answer.peak_mib, 1),
                base_mib=round(answer.base_mib, 1),
            ),
            who=request.who,
            licence=request.licence,
            machine=machine(),
            key=self.key,
            versions=versions(),
            notes={**ranking.notes, **scored.notes},
            cut=None if truth is None else _cut(truth, ranking, answer, len(image_set)),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )

    def _queue(self, issue: Issue) -> Queue | None:
        found = self.retrieved.get(issue)
        if found is None or isinstance(found.queue, str):
            return None
        return Queue.of(found.queue, self.request.image_set.ids, self.request.retrieve)


def _cut(truth: GroundTruth, ranking: Ranking, answer: Answer, images: int) -> records.Cut | None:
    """Return what a method's own flags are worth; None if it has none."""
    flags = flags_of(ranking, truth, images)
    if flags is None:
        return None
    found = cuts.Cut.of(truth.labels, flags)
    seconds = round(answer.decision_cpu_seconds, 3)
    return records.Cut(flagged=found.flagged, **cuts.measured(found, truth.issue), cpu_seconds=seconds)


def write_folder(
    folder: Path,
    request: Request,
    result: records.RunFile,
    rankings: Mapping[Issue, Ranking],
    retrieved: Mapping[Issue, Retrieved],
    log: str,
    history: Mapping[str, list[float]],
) -> None:
    """Write a run folder; it appears whole or not at all."""
    image_set = request.image_set
    truths = folder.parent / "truth" / image_set.truth_revision[:8]
    with whole_folder(folder) as scratch:
        for issue, ranking in rankings.items():
            place = scratch / "rankings" / f"{issue}.parquet"
            write_ranking(place, ranking, image_set.ids)
            found = retrieved.get(issue)
            if found is not None:
                place.with_name(f"{issue}_queue.json").write_text(json.dumps(found.told, indent=1) + "\n")
                if not isinstance(found.queue, str):
                    write_queue(place, found.queue, image_set.ids, request.retrieve)
            truth = image_set.truth(issue)
            if truth is not None and not (truths / f"{issue}.parquet").exists():
                write_truth(truths / f"{issue}.parquet", truth, image_set.ids)
        if image_set.provenance is not None and not (truths / PROVENANCE).exists():
            write_whole(truths / PROVENANCE, image_set.provenance.read_bytes())
        records.write_run(scratch / "record.json", result)
        (scratch / "config.yaml").write_text(request.config, encoding="utf-8")
        limits = {"threads": request.threads, "device": request.device, "memory_limit": request.memory_limit}
        (scratch / "environment.json").write_text(json.dumps(manifest() | limits, indent=1) + "\n")
        if any(history.values()):
            (scratch / "training.json").write_text(json.dumps(history, indent=1) + "\n")
            draw_training(history, scratch / "training.png", f"{request.encoder_name} on {image_set.name}")
        if log.strip():
            (scratch / "log.txt").write_text(log, encoding="utf-8")
