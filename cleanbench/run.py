"""One method over its issues: rankings, metrics, records and the run folder."""

import csv
import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cleanbench import __version__, asking, not_run, queues, records, sampled
from cleanbench.asking import NoRanking, inapplicable, queue_of, queue_task, ranking_of, task_of, unasked
from cleanbench.audit import cuts
from cleanbench.core import Floats, Ints, Issue, Need, Ranking, UserError, digest_of
from cleanbench.detector import Detector
from cleanbench.encoders.extraction import Embeddings, embedding_key, extract
from cleanbench.encoders.hub import OutOfReach
from cleanbench.image_set import ImageSet
from cleanbench.images import Images
from cleanbench.rankings import read_table
from cleanbench.readable import told, unreadable_reasons
from cleanbench.recording import Recorder, Retrieved, write_folder
from cleanbench.request import Outcome, Request, Top
from cleanbench.source_code import code_digest
from cleanbench.store import Store, make_folder
from cleanbench.uncertainty import intervals
from cleanbench.view import NotApplicable
from cleanbench.worker import Job, Task, execute

# Besides the method's code, these decide its numbers: what is asked and what answers mean, metrics, intervals, cuts,
# and the estimates from a sample.
JUDGES = (asking, intervals, cuts, queues, sampled)
TOP = 10  # items of a ranking that are shown where there is nothing to score it by

__all__ = ["Outcome", "Request", "run"]


def run(request: Request, store: Store) -> Outcome:
    """Rank, score and record; a finished run of the same key is found and not repeated.

    Returns:
        The records, one per issue that could be ranked, and the reasons for the others.

    Raises:
        UserError: If a setting of the method or the encoder makes no sense.
    """
    detector, image_set = request.detector, request.image_set
    refused = {
        issue: inapplicable(detector, issue, image_set) or unasked(image_set, issue, request.retrieve)
        for issue in detector.issues()
    }
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
        not_run.note(request, not_ranked)
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
    # After all issues: neither their times nor their memory count it.
    later = [queue_task(detector, image_set, task, request.retrieve) for task in tasks.values()]
    listed = [task for task in later if task is not None]
    job = _job(request, [*tasks.values(), *listed], images, rows, seen, store, embeddings, class_embeddings)
    answers, log = execute(job, request.timeout)

    rankings: dict[Issue, Ranking] = {}
    failed, refused_now = False, out_of_reach
    for issue in tasks:
        answer = answers[issue]
        if answer.problem == "mistake":
            raise UserError(answer.reason)
        try:
            rankings[issue] = ranking_of(issue, image_set, tasks[issue], rows, answer)
        except NoRanking as problem:
            not_ranked[issue] = f"{problem.kind}: {problem.reason}"
            failed = failed or problem.kind == "failed"
            refused_now = refused_now or problem.kind == "not run"  # another limit, and it is asked again
    retrieved = {task.issue: Retrieved(queue_of(task, rows, answers[task.name]), answers[task.name]) for task in listed}
    recorder = Recorder(request, key, encoder_name, embeddings, len(image_set) - len(rows), retrieved)
    result = records.RunFile(
        records=tuple(recorder.record(ranking, answers[issue]) for issue, ranking in rankings.items()),
        not_ranked=not_ranked,
        complete=not (failed or refused_now),
        warnings=noticed,
    )
    not_run.note(request, not_ranked)
    if rankings:
        write_folder(folder, request, result, rankings, retrieved, log, embeddings.history if embeddings else {})
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
    retrieve = Issue.NEAR_DUPLICATE in issues and (
        truths.get(Issue.NEAR_DUPLICATE) is None or request.detector.retrieve is not Detector.retrieve
    )
    parts = [
        json.dumps(request.method_config, sort_keys=True, default=str),
        code_digest([*(base for base in request.detector.__mro__ if base not in Detector.__mro__), *JUDGES]),
        __version__,
        image_set.fingerprint,
        *(f"{issue} {'' if truth is None else truth.revision}" for issue, truth in truths.items()),
        image_set.truth_revision,  # names the board
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
    origins = _origins(image_set)

    def files(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(origins.get(name) or image_set.images.describe(bisect_left(image_set.ids, name)) for name in names)

    top = {}
    for issue in (record.issue for record in result.records if record.truth is None):
        rows, scores = read_table(folder / "rankings" / f"{issue}.parquet", issue, "score")
        worst = zip(scores[:TOP].tolist(), rows[:TOP], strict=True)
        # What got no score is last for want of one.
        top[issue] = tuple((score, files(names)) for score, names in worst if np.isfinite(score))
    return top


def _origins(image_set: ImageSet) -> dict[str, str]:
    """Return what each image of a set that a program made is made of, by id: its own file is one of the cache."""
    if image_set.provenance is None:
        return {}
    with image_set.provenance.open(encoding="utf-8", newline="") as stream:
        return {
            row["id"]: f"{row['id']} (of {row['source_id']}{row['edit'] and ', ' + row['edit']})"
            for row in csv.DictReader(stream)
        }


def _class_embeddings(request: Request, store: Store) -> tuple[str, Floats]:
    """Return what identifies the embeddings of the class names, and them, computed once per encoder and names."""
    classes = request.image_set.classes
    key = digest_of([request.encoder.class_identity(), *classes])
    return key, store.array(f"class-embeddings/{key[:32]}", lambda: request.encoder.embed_classes(classes))


def _job(
    request: Request,
    tasks: Sequence[Task],
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
        tasks=tuple(tasks),
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
