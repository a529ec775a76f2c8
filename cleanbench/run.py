"""One method over its issues: rankings, metrics, records and the run folder."""

import datetime
import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench import __version__, asking, metrics, records
from cleanbench.asking import NoRanking, inapplicable, ranking_of, scores_of, task_of
from cleanbench.core import Floats, Ints, Issue, Need, Ranking, UserError, digest_of
from cleanbench.detector import Detector
from cleanbench.encoders.base import Encoder
from cleanbench.encoders.extraction import Embeddings, embedding_key, extract
from cleanbench.encoders.hub import OutOfReach
from cleanbench.environment import manifest, versions
from cleanbench.image_set import ImageSet
from cleanbench.images import Images
from cleanbench.metrics import evaluate
from cleanbench.rankings import read_table, write_ranking, write_truth
from cleanbench.readable import told, unreadable_reasons
from cleanbench.report.training import draw_training
from cleanbench.source_code import code_digest
from cleanbench.store import Store, make_folder, whole_folder, write_whole
from cleanbench.view import NotApplicable
from cleanbench.worker import Answer, Job, Task, execute

# Besides the method's code, these decide its numbers: what is asked and what answers mean, and the metrics.
JUDGES = (asking, metrics)
PROVENANCE = "provenance.csv"
TOP = 10  # items of a ranking that are shown where there is nothing to score it by

# By issue, from the most suspicious on: score and names of images.
Top = Mapping[Issue, tuple[tuple[float, tuple[str, ...]], ...]]


@dataclass(frozen=True)
class Request:
    """What to run.

    Attributes:
        method: Name of the method's configuration.
        method_config: Its resolved settings with ``_target_``.
        changed: The settings that differ from the configuration's defaults.
        detector: The method's class.
        image_set: The data set.
        encoder_name: Name of the encoder's configuration.
        encoder: The encoder, used if the method needs embeddings.
        seeds: Of data set, encoder and method.
        output: Where run folders go.
        device: For methods and encoders that use one.
        threads: Per method.
        memory_limit: Bytes, or None.
        cpu_limit: CPU seconds that the method may be expected to take for an issue, or None.
        timeout: Seconds, or None.
        retrieve: Pairs to list where near-duplicates have no truth.
        force: Whether to repeat a finished run.
        config: The whole resolved configuration as YAML, kept beside the results.
    """

    method: str
    method_config: Mapping[str, Any]
    changed: Mapping[str, Any]
    detector: type[Detector]
    image_set: ImageSet
    encoder_name: str
    encoder: Encoder
    seeds: records.Seeds
    output: Path
    device: str = "cpu"
    threads: int = 1
    memory_limit: int | None = None
    cpu_limit: float | None = None
    timeout: float | None = None
    retrieve: int = 1000
    force: bool = False
    config: str = ""

    @property
    def label(self) -> str:
        """The method with the settings that differ from its defaults, as tables show it."""
        return records.label(self.method, self.changed)


@dataclass(frozen=True)
class Outcome:
    """What became of a request.

    Attributes:
        method: The method as tables show it.
        encoder: The encoder, or None if the method reads no embeddings.
        run: Its records, and the issues without one with their reasons.
        folder: Where the results are; None if nothing could be ranked.
        reused: Whether a finished run was found.
        failed: Whether something that can run here did not.
        warnings: What the user should know about the data set and the embeddings, in sentences.
        top: The most suspicious items of the issues without ground truth.
    """

    method: str
    encoder: str | None
    run: records.RunFile
    folder: Path | None
    reused: bool = False
    failed: bool = False
    warnings: tuple[str, ...] = ()
    top: Top = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, for a sweep whose jobs run elsewhere."""
        folder = None if self.folder is None else str(self.folder)
        return {**vars(self), "run": self.run.model_dump(mode="json"), "folder": folder}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Outcome":
        """Return what `to_json` wrote."""
        folder = None if content["folder"] is None else Path(content["folder"])
        run, warnings = records.RunFile.model_validate(content["run"]), tuple(content["warnings"])
        top = {
            Issue(issue): tuple((score, tuple(names)) for score, names in rows)
            for issue, rows in content["top"].items()
        }
        return cls(**{**content, "run": run, "folder": folder, "warnings": warnings, "top": top})


def run(request: Request, store: Store) -> Outcome:
    """Rank, score and record; a finished run of the same key is found and not repeated.

    Returns:
        The records, one per issue that could be ranked, and the reasons for the others.

    Raises:
        UserError: If a setting of the method or the encoder makes no sense.
    """
    detector, image_set = request.detector, request.image_set
    refused = {issue: inapplicable(detector, issue, image_set) for issue in detector.issues()}
    issues = tuple(issue for issue, reason in refused.items() if not reason)
    not_ranked = {issue: reason for issue, reason in refused.items() if reason}
    named = tuple(issue for issue in issues if Need.CLASS_EMBEDDINGS in detector.needs_for(issue))
    class_key, class_embeddings = "", None
    out_of_reach = False
    if named:
        try:
            class_key, class_embeddings = _class_embeddings(request, store)
        except (NotApplicable, OutOfReach) as error:
            out_of_reach = isinstance(error, OutOfReach)
            kind = "not run" if out_of_reach else "not applicable"
            not_ranked |= dict.fromkeys(named, f"{kind}: {error}")
            issues = tuple(issue for issue in issues if issue not in named)
    embedded = any(Need.EMBEDDINGS in detector.needs_for(issue) for issue in issues)
    encoder_name = request.encoder_name if embedded else None
    if not embedded:  # the same run, whatever encoder is named beside it
        request = replace(request, seeds=request.seeds.model_copy(update={"encoder": None}))
    if not issues:
        nothing = records.RunFile(records=(), not_ranked=not_ranked, complete=True)
        return Outcome(request.label, encoder_name, nothing, None, warnings=image_set.warnings)
    key = _key(request, issues, embedded, class_key)
    name = f"{request.method}-{encoder_name or 'none'}-{request.seeds.method}-{key[:12]}"
    folder = request.output / image_set.name / name
    if (folder / "record.json").exists() and not request.force:
        finished = records.read_run(folder / "record.json")
        if finished.complete:
            reasons = unreadable_reasons(image_set, store) if any(r.unreadable for r in finished.records) else []
            warnings = (*image_set.warnings, *told(image_set, reasons), *finished.warnings)
            if embedded:
                request.encoder.accept(_history(folder))
            top = _top(folder, finished, image_set)
            return Outcome(request.label, encoder_name, finished, folder, reused=True, warnings=warnings, top=top)

    make_folder(folder.parent)
    reasons = unreadable_reasons(image_set, store)
    warnings = (*image_set.warnings, *told(image_set, reasons))
    rows = np.flatnonzero([not reason for reason in reasons])
    if not len(rows):
        raise UserError(f"none of the {len(image_set)} images of {image_set.name!r} can be read: {reasons[0]}")
    images = image_set.images.take(rows)
    # Which images were read is part of what is computed from them: another decoder may read more of them.
    everything = len(rows) == len(image_set)
    seen = image_set.pixels_digest if everything else digest_of([image_set.pixels_digest, *map(str, rows)])
    ids = tuple(image_set.ids[row] for row in rows)
    workers = request.threads
    embeddings = extract(request.encoder, images, seen, store, ids=ids, workers=workers) if embedded else None
    noticed = embeddings.warnings if embeddings else ()
    tasks = {issue: task_of(detector, image_set, issue, rows, request.retrieve) for issue in issues}
    job = _job(request, tasks, images, rows, seen, store, embeddings, class_embeddings)
    answers, log = execute(job, request.timeout)

    rankings: dict[Issue, Ranking] = {}
    failed, refused_now = False, out_of_reach
    for issue, answer in answers.items():
        if answer.problem == "mistake":
            raise UserError(answer.reason)
        try:
            rankings[issue] = ranking_of(issue, image_set, tasks[issue], rows, answer)
        except NoRanking as problem:
            not_ranked[issue] = f"{problem.kind}: {problem.reason}"
            failed = failed or problem.kind == "failed"
            refused_now = refused_now or problem.kind == "not run"  # another limit, and it is asked again
    scored = Scored(request, key, encoder_name, embeddings, len(image_set) - len(rows))
    result = records.RunFile(
        records=tuple(scored.record(ranking, answers[issue]) for issue, ranking in rankings.items()),
        not_ranked=not_ranked,
        complete=not (failed or refused_now),
        warnings=noticed,
    )
    if rankings:
        _write(folder, request, result, rankings, log, embeddings.history if embeddings else {})
    failures = request.output / image_set.name / "failed" / f"{name}.log"
    failures.unlink(missing_ok=True)
    if failed:
        failures.parent.mkdir(parents=True, exist_ok=True)
        failures.write_text(log, encoding="utf-8")
    written = folder if rankings else None
    top = _top(folder, result, image_set) if rankings else {}
    warnings += noticed
    return Outcome(request.label, encoder_name, result, written, failed=failed, warnings=warnings, top=top)


def _key(request: Request, issues: tuple[Issue, ...], embedded: bool, class_key: str) -> str:
    """Identify a run by all that decides its results."""
    image_set = request.image_set
    truths = {issue: image_set.truth(issue) for issue in issues}
    retrieve = truths.get(Issue.NEAR_DUPLICATE) is None and Issue.NEAR_DUPLICATE in issues
    parts = [
        json.dumps(request.method_config, sort_keys=True, default=str),
        code_digest([*(base for base in request.detector.__mro__ if base not in Detector.__mro__), *JUDGES]),
        __version__,
        image_set.fingerprint,
        *(f"{issue} {'' if truth is None else truth.revision}" for issue, truth in truths.items()),
        f"retrieve {request.retrieve}" if retrieve else "",
        " ".join(map(str, image_set.calibration)),
        embedding_key(request.encoder, image_set.pixels_digest) if embedded else "",
        request.seeds.model_dump_json(),
        *([class_key] if class_key else []),
    ]
    return digest_of(parts)


def _history(folder: Path) -> dict[str, list[float]]:
    """Return what the training of a finished run's encoder measured; nothing where nothing was trained."""
    path = folder / "training.json"
    history: dict[str, list[float]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return history


def _top(folder: Path, result: records.RunFile, image_set: ImageSet) -> Top:
    """Return the most suspicious items of the issues without ground truth, with the files of the images."""

    def files(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(image_set.images.describe(bisect_left(image_set.ids, name)) for name in names)

    top = {}
    for issue in (record.issue for record in result.records if record.truth is None):
        rows, scores = read_table(folder / "rankings" / f"{issue}.parquet", issue, "score")
        worst = zip(scores[:TOP].tolist(), rows[:TOP], strict=True)
        # What got no score is last for want of one.
        top[issue] = tuple((score, files(names)) for score, names in worst if np.isfinite(score))
    return top


def _class_embeddings(request: Request, store: Store) -> tuple[str, Floats]:
    """Return what identifies the embeddings of the class names, and them, computed once per encoder and names."""
    classes = request.image_set.classes
    key = digest_of([request.encoder.class_identity(), *classes])
    return key, store.array(f"class-embeddings/{key[:32]}", lambda: request.encoder.embed_classes(classes))


def _job(
    request: Request,
    tasks: Mapping[Issue, Task],
    images: Images,
    rows: Ints,
    seen: str,
    store: Store,
    embeddings: Embeddings | None,
    class_embeddings: Floats | None,
) -> Job:
    image_set = request.image_set
    return Job(
        method=dict(request.method_config),
        tasks=tuple(tasks.values()),
        images=images,
        pixels_digest=seen,
        store=store.root,
        embeddings=None if embeddings is None else embeddings.path.resolve(),
        labels=None if image_set.labels is None else image_set.labels[rows],
        classes=image_set.classes,
        calibration=np.flatnonzero(np.isin(rows, image_set.calibration)),
        class_embeddings=class_embeddings,
        device=request.device,
        threads=request.threads,
        memory_limit=request.memory_limit,
        cpu_limit=request.cpu_limit,
    )


@dataclass(frozen=True)
class Scored:
    """What the records of one run share."""

    request: Request
    key: str
    encoder: str | None
    embeddings: Embeddings | None
    unreadable: int

    def record(self, ranking: Ranking, answer: Answer) -> records.Record:
        """Score a ranking against the truth of its issue."""
        request, image_set, issue = self.request, self.request.image_set, ranking.issue
        truth = image_set.truth(issue)
        scores = scores_of(ranking, truth, len(image_set))
        labels = np.zeros(0, dtype=bool) if truth is None else truth.labels
        encoded = self.embeddings if Need.EMBEDDINGS in request.detector.needs_for(issue) else None
        return records.Record(
            method=request.method,
            issue=issue,
            dataset=image_set.name,
            encoder=None if encoded is None else self.encoder,
            items=len(labels),
            faulty=int(np.count_nonzero(labels)),
            metrics={
                name: records.Measured(value=found.value, reason=found.reason)
                for name, found in evaluate(labels, scores).items()
            },
            settings={name: value for name, value in request.method_config.items() if name != "_target_"},
            changed=dict(request.changed),
            fingerprint=image_set.fingerprint,
            images=len(image_set),
            unreadable=self.unreadable,
            coverage=float(np.isfinite(scores).mean()) if len(scores) else 1.0,
            truth=records.TruthName.of(truth, image_set.truth_revision),
            terms=records.Terms.of(image_set.card),
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
            key=self.key,
            versions=versions(),
            notes=dict(ranking.notes),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )


def _write(
    folder: Path,
    request: Request,
    result: records.RunFile,
    rankings: Mapping[Issue, Ranking],
    log: str,
    history: Mapping[str, list[float]],
) -> None:
    """Write a run folder; it appears whole or not at all."""
    image_set = request.image_set
    truths = folder.parent / "truth" / image_set.truth_revision[:8]
    with whole_folder(folder) as scratch:
        for issue, ranking in rankings.items():
            write_ranking(scratch / "rankings" / f"{issue}.parquet", ranking, image_set.ids)
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
