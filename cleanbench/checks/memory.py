"""Peak memory of a method at N and at 2N images, measured in a process of its own."""

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from cleanbench import zoo
from cleanbench.checks.planted import CLASSES, class_embeddings, planted
from cleanbench.checks.subject import ContractViolation, Subject
from cleanbench.core import Need, read_only
from cleanbench.images import Images
from cleanbench.pairs import decode, pair_count
from cleanbench.processes import peak_mib
from cleanbench.view import NotApplicable, View

MIB = 2**20
SIZES = (3000, 6000)  # where N x N float32 values take 34 and 137 MiB
WARM_UP = 120  # images in a first run that loads libraries and fills their pools
LIMIT = 512 * MIB  # that the method may use on top of what the process holds before
PAIRS_PER_IMAGE = 0.25  # few: a method without a retrieval of its own scores them one by one
MOST_GROWTH = 2.5  # of memory, from N to 2N images: linear is 2, quadratic 4
NOISE_MIB = 48.0  # less is a block or an allocator's habit, and says nothing about growth
TIMEOUT = 600.0  # seconds


def check_memory_grows_linearly(subject: Subject) -> str | None:
    """Twice the images need at most 2.5 times the memory."""
    peaks = measure(subject)
    if isinstance(peaks, str):
        return peaks
    if peaks.twice > max(NOISE_MIB, MOST_GROWTH * peaks.once):
        raise ContractViolation(
            f"{subject.name} needs {peaks.once:.0f} MiB for {SIZES[0]} images and {peaks.twice:.0f} MiB for "
            f"{SIZES[1]}, {peaks.twice / max(peaks.once, 1):.1f} times as much and more than {MOST_GROWTH}; "
            "work in blocks and hold no N x N array"
        )
    return None


@dataclass(frozen=True)
class Peaks:
    """Memory in MiB above the process's own before the method starts, at the two `SIZES`."""

    once: float
    twice: float


def measure(subject: Subject) -> Peaks | str:
    """Return the peaks of a method, or why they cannot be measured.

    Raises:
        ContractViolation: If the method fails or does not end.
    """
    factory = subject.factory if subject.config is None else partial(zoo.make, subject.config)
    try:
        job = pickle.dumps(factory)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        return f"another process cannot import it ({error}); define it in a module"
    module = sys.modules[subject.kind.__module__]
    if module.__name__ == "__main__" or not getattr(module, "__file__", None):
        return "another process cannot import it; define it in a module"
    if sys.platform == "win32":
        return "this system does not tell a process its peak memory"
    with tempfile.TemporaryDirectory(prefix="cleanbench-") as name:
        folder = Path(name)
        (folder / "method.pickle").write_bytes(job)
        (folder / "module.json").write_text(json.dumps([module.__name__, module.__file__]))
        command = [sys.executable, "-c", "from cleanbench.checks.memory import main; main()", name]
        try:
            ended = subprocess.run(
                command, env=_environment(), timeout=TIMEOUT, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired:
            raise ContractViolation(
                f"{subject.name} takes more than {TIMEOUT:g} seconds for {sum(SIZES)} images"
            ) from None
        answer = folder / "answer.json"
        if not answer.exists():
            last = (ended.stderr.strip().splitlines() or [f"it ended with code {ended.returncode}"])[-1]
            raise ContractViolation(f"{subject.name} fails on {SIZES[0]} and {SIZES[1]} images: {last}")
        peaks = json.loads(answer.read_text())
    return str(peaks) if isinstance(peaks, str) else Peaks(*peaks)


def main() -> None:
    """Measure the method in the folder named on the command line; the child's entry point."""
    folder = Path(sys.argv[1])
    _provide(*json.loads((folder / "module.json").read_text()))
    subject = Subject(pickle.loads((folder / "method.pickle").read_bytes()))
    try:
        answer: list[float] | str = _peaks(subject)
    except NotApplicable as error:
        answer = f"not applicable: {error}"
    scratch = folder / "answer.tmp"
    scratch.write_text(json.dumps(answer))
    scratch.rename(folder / "answer.json")


def _peaks(subject: Subject) -> list[float]:
    pictures: Images = planted(WARM_UP).view._data[Need.IMAGES]
    _work(subject, _crowd(pictures, WARM_UP))
    views = [_crowd(pictures, size) for size in SIZES]
    base = _reset_peak()
    peaks = []
    while views:
        _reset_peak()
        # Taken off the list, so that what the smaller view derived is gone before the larger one is worked on.
        _work(subject, replace(views.pop(0), memory_limit=round(base * MIB) + LIMIT))
        peaks.append(peak_mib() - base)
    return peaks


def _crowd(pictures: Images, count: int) -> View:
    """Return a view of ``count`` images that repeat a few pictures, with labels and embeddings of their own."""
    rng = np.random.default_rng(count)
    classes = rng.integers(CLASSES, size=count)
    data: dict[Need, Any] = {
        Need.IMAGES: pictures.take(np.arange(count) % len(pictures)),
        Need.EMBEDDINGS: read_only(class_embeddings(classes, rng)),
        Need.LABELS: read_only(classes),
        Need.CLASS_NAMES: tuple(f"class {index}" for index in range(CLASSES)),
        Need.CALIBRATION: read_only(np.arange(0, count, 10)),
        Need.CLASS_EMBEDDINGS: read_only(class_embeddings(np.arange(CLASSES), rng)),
    }
    return View(Need(0), _size=count, _data=data)


def _work(subject: Subject, view: View) -> None:
    rng = np.random.default_rng(0)
    codes = rng.choice(pair_count(len(view)), round(PAIRS_PER_IMAGE * len(view)), replace=False)
    subject.answers(view, decode(np.sort(codes), len(view)))


def _reset_peak() -> float:
    """Let the peak of this process start at what it holds now, where the system can; return it, in MiB.

    Elsewhere the peak of the warm-up stays the base, which hides a little growth and invents none.
    """
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_mib()


def _provide(module: str, file: str) -> None:
    """Import a module from its file, where the import path does not lead to it (a test, a script's folder)."""
    try:
        importlib.import_module(module)
    except ImportError:
        spec = importlib.util.spec_from_file_location(module, file)
        assert spec is not None
        assert spec.loader is not None  # the file is Python source
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[module] = loaded
        packages = module.split(".")[:-1]
        for depth in range(1, len(packages) + 1):  # unpickling imports them, though it needs the module alone
            package = ".".join(packages[:depth])
            sys.modules.setdefault(package, ModuleType(package))
        spec.loader.exec_module(loaded)


def _environment() -> dict[str, str]:
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")}
    # Fixed thresholds: freed arrays go back to the system at once, and are not counted in the next run.
    malloc = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    return os.environ | threads | malloc | {"PYTHONPATH": os.pathsep.join(sys.path)}
