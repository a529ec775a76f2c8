"""What do the off-topic methods that read embeddings cost, and how does that grow?

    python benchmarks/off_topic_costs.py knn lof [--sizes 1000 2000 4000 8000] [--columns 192 384]

Prints CPU seconds and peak MiB above what the process held before, per method, number of images and columns, on
embeddings that scatter around class means. Every method has a process of its own, warmed up on a few images. The
estimates in `cleanbench/methods` were fitted to this table.
"""

import argparse
import multiprocessing
import os
import time

import numpy as np

from cleanbench import Floats, Issue, NotApplicable, View, zoo
from cleanbench.checks.memory import _environment, _reset_peak
from cleanbench.worker import peak_mib

CLASSES = 114


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 2000, 4000, 8000])
    parser.add_argument("--columns", type=int, nargs="+", default=[192, 384])
    options = parser.parse_args()
    os.environ.update(_environment())  # one thread, and freed arrays go back to the system
    print(f"{'method':16} {'images':>7} {'columns':>7} {'CPU s':>9} {'MiB':>7}", flush=True)
    for method in options.methods:
        child = multiprocessing.get_context("spawn").Process(
            target=measure, args=(method, options.sizes, options.columns)
        )
        child.start()
        child.join()


def measure(method: str, sizes: list[int], columns: list[int]) -> None:
    """Print the costs of one method; limits are not set, so that nothing refuses."""
    rank(method, embeddings(200, 16))
    for count in columns:
        for size in sizes:
            rows = embeddings(size, count)
            base, start = _reset_peak(), time.process_time()
            note = rank(method, rows)
            spent, peak = time.process_time() - start, peak_mib() - base
            print(f"{method:16} {size:7d} {count:7d} {spent:9.2f} {peak:7.0f} {note}", flush=True)


def embeddings(size: int, columns: int) -> Floats:
    """Return float32 rows around class means."""
    rng = np.random.default_rng(size)
    means = rng.normal(size=(CLASSES, columns)).astype(np.float32)
    return means[rng.integers(CLASSES, size=size)] + rng.normal(size=(size, columns)).astype(np.float32)


def rank(method: str, rows: Floats) -> str:
    """Rank once; return why it could not."""
    try:
        zoo.load(method).rank(Issue.OFF_TOPIC, View.from_arrays(embeddings=rows))
    except NotApplicable as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
