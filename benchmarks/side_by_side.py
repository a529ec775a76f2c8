"""How much time and memory do methods need, beside the straightforward way to the same scores?

    python benchmarks/side_by_side.py [--quick] [--only TASK ...] [--output FILE.md]

Each comparison runs both sides one after the other in one fresh process, on the same input, as N grows: CPU and
wall seconds, peak memory above what the process held before, and how far the scores are apart. A side that would
exceed a minute or 4 GiB, judged by how it grew so far, is not run and its expected cost is given. Writes a table and,
beside it, a figure (.svg); --quick takes small inputs and writes nothing unless told where.
"""

import argparse
import ctypes
import gc
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from comparisons import ASKED, TASKS, TOP, Task
from inputs import CLASSES, DIMENSIONS, Input, asked, clusters, pictures
from reporting import MIB, SECONDS, SIDES, Comparison, Cost, draw, page, table

from cleanbench import Detector, Floats
from cleanbench.core import Need
from cleanbench.worker import peak_mib

WARM_UP = 60  # images in a first run that loads libraries
QUICK = 2  # sizes


def main() -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the two smallest inputs of each")
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS), metavar="TASK")
    parser.add_argument("--output", type=Path, help="a .md file; by default results.md beside this script")
    parser.add_argument("--child", nargs=3, metavar=("TASK", "N", "SIDES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, count, sides = options.child
        print(json.dumps(measured(TASKS[name], int(count), sides.split(","))))
        return
    output: Path | None = options.output or (None if options.quick else Path(__file__).with_name("results.md"))
    comparisons = []
    for key in options.only:
        found = TASKS[key].method()
        if found is None:
            print(f"{TASKS[key].title}: not run, there is no method {TASKS[key].methods[0][0]}\n", flush=True)
            continue
        comparison = Comparison(TASKS[key], found[0])
        for count in TASKS[key].sizes[: QUICK if options.quick else None]:
            compare(key, comparison, count)
        comparisons.append(comparison)
        print("\n".join(table(comparison)), flush=True)
    if output:
        output.write_text(page(comparisons, output.with_suffix(".svg").name), encoding="utf-8")
        draw(comparisons, output.with_suffix(".svg"))


def compare(key: str, comparison: Comparison, count: int) -> None:
    """Run both sides at one size, as far as they can be afforded."""
    running = []
    for side in SIDES:
        expected = predicted(comparison.costs[side], count)
        if expected and (expected.cpu > SECONDS or expected.mib > MIB):
            comparison.costs[side][count] = expected
        else:
            running.append(side)
    if not running:
        return
    command = [sys.executable, __file__, "--child", key, str(count), ",".join(running)]
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")}
    ended = subprocess.run(command, env=os.environ | threads, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{key} at {count} images failed:\n{ended.stderr}")
    answer = json.loads(ended.stdout.splitlines()[-1])
    for side in running:
        comparison.costs[side][count] = Cost(*answer[side])
    if len(running) == len(SIDES):
        comparison.apart[count] = answer["apart"]


def predicted(costs: Mapping[int, Cost], count: int) -> Cost | None:
    """Return what growth so far says of ``count`` images, from the last two sizes; None before there are two."""
    known = [(size, cost) for size, cost in costs.items() if cost.measured]
    if len(known) < 2:
        return None
    (before, less), (last, more) = known[-2:]

    def grown(smaller: float, larger: float, floor: float) -> float:
        # What is small is mostly noise, and nothing here grows faster than the square.
        steps = math.log(last / before)
        exponent = math.log(larger / smaller) / steps if smaller > floor and larger > floor else 1.0
        return larger * float((count / last) ** min(max(exponent, 1.0), 2.2))

    return Cost(
        grown(less.cpu, more.cpu, 0.05), grown(less.wall, more.wall, 0.05), grown(less.mib, more.mib, 16.0), False
    )


def measured(task: Task, count: int, sides: list[str]) -> dict[str, Any]:
    """Measure in this process; return seconds of CPU and wall and MiB by side, and how far scores are apart."""
    answer: dict[str, Any] = {}
    scores = {}
    for warm in (True, False):
        data = made(task, min(count, WARM_UP) if warm else count)
        for side in sides:
            found = task.method()
            assert found  # the parent has looked
            run = partial(ours, task, found[1]) if side == "ours" else task.other
            base = peak_from_here()
            cpu, wall = time.process_time(), time.perf_counter()
            scores[side] = np.asarray(run(data), dtype=np.float64)
            answer[side] = [time.process_time() - cpu, time.perf_counter() - wall, peak_mib() - base]
    if len(sides) == len(SIDES):
        answer["apart"] = float(np.abs(scores[SIDES[0]] - scores[SIDES[1]]).max())
    return answer


def made(task: Task, count: int) -> Input:
    """Return the input of a task at one size; a warm-up has few classes, for each to have members."""
    if task.pixels:
        embeddings, labels = clusters(count, 2, 2)
        return Input(embeddings, labels, pictures(count), asked(count, count**2), TOP)
    classes = CLASSES if count > WARM_UP else 3
    embeddings, labels = clusters(count, DIMENSIONS, classes)
    return Input(embeddings, labels, (), asked(count, ASKED * count), min(TOP, count))


def ours(task: Task, detector: Detector, data: Input) -> Floats:
    """Run our side: what the harness does, without its process and its files."""
    view, shared = data.view, ~Need(0)
    for issue in detector.issues():
        shared &= detector.needs_for(issue)
    detector.fit(view.restricted(shared))
    if task.retrieves:
        return detector.retrieve(view.restricted(detector.needs_for(task.issue)), data.top).scores
    return detector.rank(task.issue, view, data.pairs if task.issue.ranks_pairs else None).scores


def peak_from_here() -> float:
    """Let the peak of this process start at what it holds now; return that, in MiB. Linux only."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what the other side has freed must not serve this one for nothing
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mib()


if __name__ == "__main__":
    main()
