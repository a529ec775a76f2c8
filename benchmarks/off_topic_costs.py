"""How do the costs of the off-topic methods that read embeddings grow?

    python benchmarks/off_topic_costs.py knn lof [--sizes 1000 2000 4000 8000] [--columns 192 384]

Prints CPU seconds and peak MiB above what the process held before, per method, number of images and of columns, on
clustered random embeddings. Every method has a process of its own, one thread, is warmed up on a few images and is not
limited. What methods expect to take before they start (`HABITS` in `methods/pyod.py`) was fitted to such tables.
"""

import argparse
import contextlib
import gc
import multiprocessing
import os
import time
from pathlib import Path

from inputs import CLASSES, clusters
from reporting import machine

from cleanbench import Floats, Ints, Issue, NotApplicable, View, zoo
from cleanbench.worker import peak_mib

# Read when a process starts: one thread, and freed arrays go back to the system instead of into the next peak.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="+", metavar="METHOD")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 2000, 4000, 8000])
    parser.add_argument("--columns", type=int, nargs="+", default=[192, 384])
    options = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    print(
        f"{machine()}\n\n| method | images | columns | CPU s | MiB |\n| :--- | ---: | ---: | ---: | ---: |", flush=True
    )
    for method in options.methods:
        work = multiprocessing.get_context("spawn").Process(
            target=measure, args=(method, options.sizes, options.columns)
        )
        work.start()
        work.join()


def measure(method: str, sizes: list[int], columns: list[int]) -> None:
    """Print the rows of one method."""
    rank(method, *clusters(500, 16, CLASSES))
    for dimensions in columns:
        for images in sizes:
            embeddings, labels = clusters(images, dimensions, CLASSES)
            base, start = fresh_peak(), time.process_time()
            refusal = rank(method, embeddings, labels)
            seconds, peak = time.process_time() - start, peak_mib() - base
            print(f"| `{method}` | {images:,} | {dimensions} | {seconds:.2f} | {peak:.0f} |{refusal}", flush=True)


def rank(method: str, embeddings: Floats, labels: Ints) -> str:
    """Rank once; return why it is refused, if it is."""
    try:
        zoo.load(method).rank(Issue.OFF_TOPIC, View.from_arrays(embeddings=embeddings, labels=labels))
    except NotApplicable as error:
        return str(error)
    return ""


def fresh_peak() -> float:
    """Let the peak start at what this process holds, where the system can; return it, in MiB."""
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_mib()


if __name__ == "__main__":
    main()
