"""One method in a process of its own: true time and memory, limits, and a crash that ends only itself.

The parent calls `execute`; the child is ``python -m cleanbench.worker FOLDER``, where the folder holds the
job and receives the answers, one file per issue, so that a crash keeps what was finished before it.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench import processes
from cleanbench.core import Bools, Floats, Ints, Issue, Need, Ranking, UserError, read_only
from cleanbench.detector import Detector
from cleanbench.images import Images
from cleanbench.processes import cpu_seconds, peak_mib
from cleanbench.progress import TERMINAL, progress
from cleanbench.store import Store, open_array
from cleanbench.view import NotApplicable, TooCostly, View

THREADED = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
LOG = 2**20  # bytes of a method's output that are kept, half from either end


@dataclass(frozen=True)
class Task:
    """What one issue asks of the method.

    Attributes:
        issue: The issue.
        rows: The images that the method sees, among the readable ones; None for all.
        pairs: Lists of pairs to score, in positions of what the method sees; empty for single images.
        retrieve: How many pairs to list instead, if none are given.
        queue: Whether that list stands beside the scores of given pairs; its costs are told apart.
    """

    issue: Issue
    rows: Ints | None = None
    pairs: tuple[Ints, ...] = ()
    retrieve: int = 0
    queue: bool = False

    @property
    def name(self) -> str:
        """The issue, or the queue of it."""
        return f"{self.issue}_queue" if self.queue else str(self.issue)


@dataclass(frozen=True)
class Job:
    """A method and the data it may see; everything is named by file, so the job itself is small."""

    method: Mapping[str, Any]
    tasks: tuple[Task, ...]
    images: Images
    pixels_digest: str
    store: Path
    embeddings: Path | None
    labels: Ints | None
    classes: tuple[str, ...]
    calibration: Ints
    class_embeddings: Floats | None
    device: str
    threads: int
    memory_limit: int | None
    cpu_limit: float | None


@dataclass(frozen=True)
class Answer:
    """What came back for one issue.

    Attributes:
        items: Positions or pairs that the method chose itself (retrieval), else None.
        scores: One array per list of pairs, or a single one.
        problem: Why there are none: ``not applicable``, ``not run``, ``mistake`` or ``failed``; empty if there are.
        reason: The problem in words.
        cpu_seconds: CPU time of this issue.
        wall_seconds: Elapsed time of this issue.
        fit_cpu_seconds: CPU time of the shared work.
        peak_mib: Highest resident memory of the process so far.
        base_mib: The same before the method started.
        notes: What the method says of its ranking.
        flags: The method's own decision on each score, in the order of all ``scores``; None if it has none.
        decision_cpu_seconds: CPU time of that decision, which ``cpu_seconds`` leaves out.
    """

    items: Ints | None = None
    scores: tuple[Floats, ...] = ()
    problem: str = ""
    reason: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    fit_cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    base_mib: float = 0.0
    notes: Mapping[str, str | int | float] = field(default_factory=dict)
    flags: Bools | None = None
    decision_cpu_seconds: float = 0.0


def execute(job: Job, timeout: float | None = None) -> tuple[dict[str, Answer], str]:
    """Run a job in a child process.

    Args:
        job: The method and what it may see.
        timeout: Seconds after which the child is stopped.

    Returns:
        An answer per task, by its name, and everything that the child printed.
    """
    with tempfile.TemporaryDirectory(prefix="cleanbench-") as name:
        folder = Path(name)
        (folder / "job.pickle").write_bytes(pickle.dumps(job))
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONFAULTHANDLER": "1",
            **{f"{library}_NUM_THREADS": str(job.threads) for library in THREADED},
        }
        command = [sys.executable, "-m", "cleanbench.worker", name]
        # In a session of its own, so that whatever the method starts can be ended with it.
        with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True) as child:
            try:
                stopped = processes.watch(child, job.memory_limit, timeout)
            finally:
                processes.kill(child)
        log = _printed(folder / "log.txt")
        answers = {}
        for task in job.tasks:
            path = folder / f"{task.name}.pickle"
            if path.exists():
                answers[task.name] = pickle.loads(path.read_bytes())
            else:
                answers[task.name] = Answer(problem="failed", reason=stopped or _cause(child.returncode, log))
        return answers, log


def _printed(path: Path) -> str:
    """Return what a method printed; the middle of very much is left out."""
    if not path.exists():
        return ""
    with path.open("rb") as stream:
        size = path.stat().st_size
        if size <= LOG:
            return stream.read().decode(errors="replace")
        head = stream.read(LOG // 2)
        stream.seek(size - LOG // 2)
        tail = stream.read(LOG // 2)
    return f"{head.decode(errors='replace')}\n… {size - LOG:,} bytes left out …\n{tail.decode(errors='replace')}"


def _cause(code: int, log: str) -> str:
    """Say why a child ended without an answer."""
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        hint = " (the system may be out of memory)" if name == "SIGKILL" else ""
        return f"its process was killed by {name}{hint}"
    last = log.strip().splitlines()[-1] if log.strip() else "it printed nothing"
    return f"its process ended with code {code}: {last}"


def main(folder: Path) -> None:
    """Work on the job in ``folder``; the child's entry point."""
    terminal = os.dup(2)
    os.environ[TERMINAL] = str(terminal)
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    threading.Thread(target=processes.end_with, args=(os.getppid(),), daemon=True).start()
    job: Job = pickle.loads((folder / "job.pickle").read_bytes())
    (folder / "job.pickle").unlink()  # it names the files of the images, which are none of the method's business
    process = os.getpid()
    work = Work(job)
    with progress(str(job.method["_target_"]).rsplit(".", 1)[-1], len(job.tasks), "issue") as bar:
        for task in job.tasks:
            answer = work.answer(task)
            if os.getpid() != process:
                os._exit(0)  # a process that the method forked has come back with an answer of its own
            scratch = folder / f"{task.name}.tmp"
            scratch.write_bytes(pickle.dumps(answer))
            scratch.rename(folder / f"{task.name}.pickle")
            bar.update(1)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # every answer is there: threads that the method left behind are not waited for


class Work:
    """A method at work in its child process, asked issue by issue.

    It is made and fitted once for all issues that see the same images: an issue that needs labels does not see the
    unlabelled ones, and what was fitted to other rows would not fit its own.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.view = _view(job)
        self.base_mib = peak_mib()
        self.fitted: dict[bool, Detector | BaseException] = {}
        self.fit_cpu_seconds = 0.0

    def answer(self, task: Task) -> Answer:
        """Return the scores of one issue, or why there are none."""
        start_cpu, start_wall = cpu_seconds(), time.perf_counter()
        items: Ints | None = None
        scores: tuple[Floats, ...] = ()
        notes: dict[str, str | int | float] = {}
        flags: Bools | None = None
        ranked: tuple[float, float, float] | None = None  # CPU seconds, wall seconds and MiB when the scores were there
        problem = reason = ""
        try:
            view = self.view if task.rows is None else self.view.take(task.rows)
            detector = self._detector(view, whole=task.rows is None)
            start_cpu, start_wall = cpu_seconds(), time.perf_counter()
            if task.retrieve:
                found = detector.retrieve(view.restricted(detector.needs_for(task.issue)), task.retrieve)
                items, scores, notes = found.items, (found.scores,), dict(found.notes)
            elif task.issue.ranks_pairs:
                rankings = [detector.rank(task.issue, view, pairs) for pairs in task.pairs]
                scores = tuple(ranking.scores for ranking in rankings)
                found = _joined(task.issue, rankings)
            else:
                found = detector.rank(task.issue, view)
                scores = (found.scores,)
            ranked = cpu_seconds(), time.perf_counter(), peak_mib()
            decided = detector.decided(view, found)
            flags, notes = decided.flags, dict(decided.notes)
        except TooCostly as error:
            problem, reason = "not run", str(error)
        except NotApplicable as error:
            problem, reason = "not applicable", str(error)
        except UserError as error:
            problem, reason = "mistake", str(error)
        except MemoryError as error:
            problem, reason = "failed", f"out of memory ({error})"
        # A method is foreign code: whatever it raises is its failure, told in the table, and not ours.
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            problem, reason = "failed", f"{type(error).__name__}: {error}"
        end_cpu, end_wall, peak = ranked or (cpu_seconds(), time.perf_counter(), peak_mib())
        return Answer(
            items,
            scores,
            problem,
            reason,
            end_cpu - start_cpu,
            end_wall - start_wall,
            self.fit_cpu_seconds,
            peak,
            self.base_mib,
            notes,
            flags,
            cpu_seconds() - end_cpu if ranked else 0.0,
        )

    def _detector(self, view: View, whole: bool) -> Detector:
        """Return the method fitted to ``view``; one that failed to fit fails again at once."""
        if whole not in self.fitted:
            start = cpu_seconds()
            try:
                self.fitted[whole] = self._fit(view)
            except (Exception, SystemExit) as error:
                self.fitted[whole] = error  # the other issues would only fail again, maybe after hours
            self.fit_cpu_seconds = cpu_seconds() - start
        fitted = self.fitted[whole]
        if isinstance(fitted, BaseException):
            raise fitted
        return fitted

    def _fit(self, view: View) -> Detector:
        from cleanbench import zoo

        detector = zoo.make(dict(self.job.method))
        if not isinstance(detector, Detector):
            raise TypeError(f"{self.job.method['_target_']} made a {type(detector).__name__}, not a Detector")
        # What all its issues need, asked for or not: the same method is fitted to the same data in every run.
        shared = ~Need(0)
        for issue in detector.issues():
            shared &= detector.needs_for(issue)
        detector.fit(view.restricted(shared))
        return detector


def _joined(issue: Issue, rankings: Sequence[Ranking]) -> Ranking:
    """Return rankings of lists of pairs as one: a method decides on all that it was asked at once."""
    items = np.concatenate([np.zeros((0, 2), dtype=np.int64), *(ranking.items for ranking in rankings)])
    return Ranking(issue, items, np.concatenate([np.zeros(0), *(ranking.scores for ranking in rankings)]))


def _view(job: Job) -> View:
    data: dict[Need, Any] = {Need.IMAGES: job.images}
    if job.embeddings is not None:
        data[Need.EMBEDDINGS] = open_array(job.embeddings)
    if job.labels is not None:
        data[Need.LABELS] = read_only(job.labels)
        data[Need.CLASS_NAMES] = job.classes
    if len(job.calibration):
        data[Need.CALIBRATION] = read_only(job.calibration)
    if job.class_embeddings is not None:
        data[Need.CLASS_EMBEDDINGS] = read_only(job.class_embeddings)
    return View(
        Need(0),
        job.device,
        job.threads,
        job.memory_limit,
        job.cpu_limit,
        _size=len(job.images),
        _data=data,
        _pixels_digest=job.pixels_digest,
        _store=Store(job.store),
    )


if __name__ == "__main__":
    # Under its own name, not as "__main__": what is pickled here is unpickled by the parent.
    from cleanbench import worker

    worker.main(Path(sys.argv[1]))
