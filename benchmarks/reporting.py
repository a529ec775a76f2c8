"""What comparisons cost: as tables, as a page and as a figure."""

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from comparisons import Task
from inputs import CLASSES, DIMENSIONS, SIDE

SECONDS, MIB = 60.0, 4096.0  # more than either is not run
SIDES = ("ours", "straightforward")


@dataclass(frozen=True)
class Cost:
    """What one side took, or would take: then ``measured`` is false."""

    cpu: float
    wall: float
    mib: float
    measured: bool = True


@dataclass
class Comparison:
    """A task's costs by side and N, and how far the scores were apart."""

    task: Task
    name: str
    costs: dict[str, dict[int, Cost]] = field(default_factory=lambda: {side: {} for side in SIDES})
    apart: dict[int, float] = field(default_factory=dict)


def table(comparison: Comparison) -> Iterator[str]:
    """Yield the lines of a comparison's Markdown table."""
    task = comparison.task
    yield f"### {task.title}"
    yield ""
    yield f"`{comparison.name}` beside: {task.how}."
    yield ""
    yield "| N | CPU s | straightforward | ratio | wall s | straightforward | MiB | straightforward | apart |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for count, mine in comparison.costs["ours"].items():
        other = comparison.costs["straightforward"][count]
        ratio = f"{other.cpu / max(mine.cpu, 0.001):,.1f}" if mine.measured else "–"
        if mine.measured and not other.measured:
            ratio = f"(≈ {float(f'{other.cpu / max(mine.cpu, 0.001):.1g}'):,.0f})"
        apart = f"{comparison.apart[count]:.0e}" if count in comparison.apart else "–"
        cells = [said(mine, "cpu"), said(other, "cpu"), ratio, said(mine, "wall"), said(other, "wall")]
        cells += [said(mine, "mib"), said(other, "mib"), apart]
        yield f"| {count:,} | {' | '.join(cells)} |"
    yield ""


def said(cost: Cost, what: str) -> str:
    """Return a cost as the table says it; what was not run in words."""
    value = getattr(cost, what)
    if what == "wall" and not cost.measured:
        return "–"
    if what == "mib":
        if not cost.measured:
            return f"not run: ≈ {value / 1024:.1f} GiB" if value > MIB else "–"
        return f"{value:,.0f}"
    if not cost.measured:
        return f"not run: ≈ {value:,.0f}" if value > SECONDS else "not run"
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"


def page(comparisons: list[Comparison], figure: str) -> str:
    """Return the whole page."""
    lines = [
        "# Beside the straightforward way",
        "",
        "Written by `python benchmarks/side_by_side.py`, which says how it measures. CPU seconds are user + system of",
        "one thread, MiB the peak above what the process held before, a ratio is CPU time over CPU time, and apart",
        f"is the largest difference of any score. Embeddings are float32, {DIMENSIONS} dimensions, {CLASSES} classes;",
        f"pictures are JPEGs of {SIDE} x {SIDE} pixels, and all their pairs are asked. ≈ is not measured: it is what",
        f"growth so far says. Beyond {SECONDS:.0f} CPU seconds or {MIB / 1024:.0f} GiB nothing is run.",
        "",
        machine(),
        "",
        f"![CPU seconds by N of every method and of the straightforward way]({figure})",
        "",
    ]
    for comparison in comparisons:
        lines += table(comparison)
    return "\n".join(lines)


def machine() -> str:
    """Return a sentence about what this was measured on."""
    from importlib.metadata import version

    from threadpoolctl import threadpool_info

    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    blas = next((f", {pool['internal_api']} {pool.get('architecture', '')}" for pool in threadpool_info()), "").rstrip()
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "scikit-learn", "pyod", "pillow"))
    return (
        f"Measured {time.strftime('%Y-%m-%d')} on {model}, {os.cpu_count()} cores (one used), {memory:.0f} GiB; "
        f"{platform.system()}, Python {platform.python_version()}, {versions}{blas}."
    )


def draw(comparisons: list[Comparison], path: Path) -> None:
    """Draw CPU seconds by N, a small diagram for each comparison."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "cleanbench"
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullFormatter

    columns = 4
    rows = -(-len(comparisons) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3 * columns, 2.5 * rows), squeeze=False, layout="constrained")
    for axis in axes.flat[len(comparisons) :]:
        axis.set_visible(False)
    for axis, comparison in zip(axes.flat, comparisons, strict=False):
        for side, colour in zip(SIDES, ("tab:blue", "tab:red"), strict=True):
            costs = comparison.costs[side]
            run = {count: max(cost.cpu, 1e-3) for count, cost in costs.items() if cost.measured}
            axis.plot(list(run), list(run.values()), "o-", color=colour, markersize=3, label=side)
            beyond = {count: cost.cpu for count, cost in costs.items() if not cost.measured}
            if beyond:
                ends = {max(run): run[max(run)], **beyond}
                axis.plot(list(ends), list(ends.values()), ":", color=colour, label=f"{side}, expected")
        axis.set_title(comparison.task.title, fontsize=9)
        axis.set_xscale("log")
        axis.set_yscale("log")
        sizes = comparison.task.sizes
        axis.set_xticks(sizes[::2], [f"{size:,}" for size in sizes[::2]], minor=False)
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.tick_params(labelsize=7)
        axis.set_xlabel("images", fontsize=8)
        axis.set_ylabel("CPU s", fontsize=8)
    named = {label: line for axis in axes.flat for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=len(named), fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
