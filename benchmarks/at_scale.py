"""Which methods bear large data sets, and what do they take?

    python benchmarks/at_scale.py [--images N] [--dimensions D] [--classes C] [--only METHOD ...]

Every method, by name, on clustered random embeddings and (for those that read pixels) small JPEG pictures, each in
a process of its own, as the harness runs it: near-duplicates are retrieved. Prints CPU seconds and peak memory
above what the process held before, libraries that the method loads included, or why there is no answer. The peak of a
method's second issue is never below that of its first.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from inputs import clusters, drawn
from reporting import machine

from cleanbench import Detector, UserError, zoo
from cleanbench.core import Need
from cleanbench.images import Files, Images
from cleanbench.worker import Job, Task, execute

SIDE = 64  # pixels of a picture


def main() -> None:
    """Run every method and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=16_577)
    parser.add_argument("--dimensions", type=int, default=192)
    parser.add_argument("--classes", type=int, default=114)
    parser.add_argument("--only", nargs="+", metavar="METHOD", default=list(zoo.available("method")))
    parser.add_argument("--cpu-limit", type=float, default=1200.0, help="seconds that a method may expect to take")
    parser.add_argument("--memory-limit", type=float, default=4.0, help="GiB that its process may hold")
    parser.add_argument("--retrieve", type=int, default=1000, help="near-duplicate pairs")
    options = parser.parse_args()
    print(f"{options.images:,} images, {options.dimensions} dimensions, {options.classes} classes. {machine()}\n")
    print("| method | issue | CPU s | peak MiB | outcome |\n| :--- | :--- | ---: | ---: | :--- |", flush=True)
    with tempfile.TemporaryDirectory(prefix="cleanbench-") as name:
        folder = Path(name)
        embeddings, labels = clusters(options.images, options.dimensions, options.classes)
        np.save(folder / "embeddings.npy", embeddings)
        rng = np.random.default_rng(0)
        files = [folder / f"{number}.jpg" for number in range(options.images)]
        for path, content in zip(files, drawn(options.images, SIDE), strict=True):
            path.write_bytes(content)
        shared = {
            "images": Images(Files(tuple(files))),
            "pixels_digest": f"benchmark-{options.images}",
            "embeddings": folder / "embeddings.npy",
            "labels": labels,
            "classes": tuple(f"class {label}" for label in range(options.classes)),
            "calibration": np.arange(0, options.images, 10),
            "class_embeddings": rng.normal(size=(options.classes, options.dimensions)).astype(np.float32),
            "device": "cpu",
            "threads": 1,
            "memory_limit": round(options.memory_limit * 2**30),
            "cpu_limit": options.cpu_limit,
        }
        del embeddings
        for method in options.only:
            # A store of its own, so that no method finds what another one has derived.
            for line in lines(method, {**shared, "store": folder / "store" / method}, options.retrieve):
                print(line, flush=True)


def lines(method: str, shared: dict[str, Any], retrieve: int) -> list[str]:
    """Return the rows of the table that a method fills."""
    try:
        config, kind = zoo.config_of(method), zoo.load_class(method)
    except UserError as error:
        return [f"| `{method}` | | | | {error} |"]
    assert issubclass(kind, Detector)
    if missing := kind.missing():
        return [f"| `{method}` | | | | not run: {', '.join(missing)} is not installed |"]
    tasks = tuple(Task(issue, retrieve=retrieve if issue.ranks_pairs else 0) for issue in kind.issues())
    pixels = any(Need.IMAGES in kind.needs_for(issue) for issue in kind.issues())
    answers, _ = execute(Job(method=config, tasks=tasks, **shared), timeout=4 * shared["cpu_limit"])
    rows, fit = [], 0.0
    for issue, answer in answers.items():
        seconds = answer.cpu_seconds + max(answer.fit_cpu_seconds - fit, 0.0)  # shared work counts once
        fit = max(fit, answer.fit_cpu_seconds)
        outcome = f"{answer.problem}: {answer.reason}" if answer.problem else "answered"
        outcome += f", pictures of {SIDE} x {SIDE}" if pixels and not answer.problem else ""
        rows.append(
            f"| `{method}` | {issue.value} | {seconds:,.1f} | {answer.peak_mib - answer.base_mib:,.0f} | {outcome} |"
        )
    return rows


if __name__ == "__main__":
    main()
