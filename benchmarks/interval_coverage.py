"""How often do 95 % intervals hold the truth, and how often do equal methods differ significantly?

    python benchmarks/interval_coverage.py [--repetitions 1000] [--seed 0] [--items 500 2000 16577] [--write]

Each cell draws many samples from a population whose metrics are known, and counts the intervals that hold them. Scores
are normal, faulty ones shifted by a separation; ties come from rounding to halves; of pairs, images bring effects of
their own into scores and labels. Replicates are 400 instead of 2,000, which widens or narrows single intervals at
random and changes no coverage that could be seen here. ``--write`` writes `benchmarks/interval_coverage.md`.
"""

import argparse
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm

from cleanbench import Bools, Floats, Ints
from cleanbench.metrics import METRICS, Levels, depth, evaluate
from cleanbench.uncertainty.comparison import compare
from cleanbench.uncertainty.intervals import intervals, weak
from cleanbench.uncertainty.replicates import replicate
from cleanbench.uncertainty.resampling import Resampling

PAGE = Path(__file__).parent / "interval_coverage.md"
NAMES = ("AP", "AP_worst", "AP_best", "AUROC", "AUPRG", "P@100", "R@100", "P@10%", "R@10%", "FoE")
PREVALENCES = (0.04, 0.21, 0.32)
SEPARATIONS = (0.5, 1.5, 3.0)  # AUROC 0.64, 0.86 and 0.98
REPLICATES = 400
MANY = 10_000  # samples of more items are drawn half as often, as those of pairs are, and with fewer ties

Sample = tuple[Ints, Bools, Floats]


@dataclass(frozen=True)
class Cell:
    """Samples from one population.

    Attributes:
        name: What is drawn, in words.
        items: How many annotated items a sample has, about.
        prevalence: Share of faulty items in the population.
        separation: By how many standard deviations their scores are higher.
        tied: Whether scores are rounded to halves.
        draw: Returns items, labels and scores of a sample.
    """

    name: str
    items: int
    prevalence: float
    separation: float
    tied: bool
    draw: Callable[[np.random.Generator], Sample]
    costly: bool = False


def main() -> None:
    """Run the simulations and print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--items", type=int, nargs="*", default=[500, 2000, 16577])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    start = time.process_time()
    error = 1.96 * (0.95 * 0.05 / options.repetitions) ** 0.5
    lines = [
        "# Coverage of the intervals",
        "",
        "Share of samples, in per cent, whose 95 % interval holds the value on the population. In brackets: cells for "
        "which nothing is claimed, as some samples have fewer than 20 faulty items (for AUPRG 100), fewer than 100 in "
        "the top, fewer than 5 faulty or 5 clean ones there, fewer than 5 faulty ones below it, or fewer than 300 "
        "images that pairs share. "
        f"{options.repetitions:,} samples per cell, half of that for pairs and from {MANY:,} items on; seed "
        f"{options.seed}. "
        f"By chance alone a true 95 % shows as 95 ± {100 * error:.1f} % in 19 of 20 cells, where half are drawn as "
        f"95 ± {100 * error * 2**0.5:.1f} %.",
        "",
        "## Images",
        "",
        *table("Items", of_images(options.items), options),
        "",
        "## Pairs",
        "",
        "2,000 judged pairs with a prevalence of 21 % and a separation of 1.5. Effects of images: none; on scores, "
        "half of their variance; on scores and labels.",
        "",
        *table("Pairs", of_pairs(), options),
        "",
        "## Equal methods",
        "",
        f"Share of {2 * options.repetitions:,} samples, in per cent, in which two methods with independent scores of "
        "one law differ significantly in AP at 5 %.",
        "",
        *equal_methods(options),
    ]
    lines += ["", f"Took {time.process_time() - start:,.0f} CPU seconds.", ""]
    lines += ["Written by `python benchmarks/interval_coverage.py --write`; do not edit."]
    if options.write:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        print("\n".join(lines))


def of_images(sizes: Sequence[int]) -> Iterator[Cell]:
    """Return samples of independent images."""
    for items in sizes:
        for prevalence in PREVALENCES:
            for separation in SEPARATIONS:
                for tied in (False, True) if items < MANY or separation == 1.5 else (False,):

                    def draw(
                        rng: np.random.Generator,
                        items: int = items,
                        prevalence: float = prevalence,
                        separation: float = separation,
                    ) -> Sample:
                        labels = rng.random(items) < prevalence
                        return np.arange(items), labels, rng.normal(size=items) + separation * labels

                    yield Cell(f"{items:,}", items, prevalence, separation, tied, draw, items >= MANY)


def of_pairs(pairs: int = 2000, prevalence: float = 0.21, separation: float = 1.5) -> Iterator[Cell]:
    """Return samples of pairs that share images."""
    for graph, edges in GRAPHS.items():
        for effects, (on_scores, on_labels) in {"none": (0, 0), "scores": (0.5, 0), "both": (0.5, 0.5)}.items():

            def draw(
                rng: np.random.Generator,
                edges: Callable[[np.random.Generator, int], Ints] = edges,
                on_scores: float = on_scores,
                on_labels: float = on_labels,
            ) -> Sample:
                items = edges(rng, pairs)
                seen, known = rng.normal(size=(2, items.max() + 1))
                doubt = rng.normal(size=len(items)) + on_labels * known[items].sum(axis=1)
                labels = doubt > norm.isf(prevalence) * np.sqrt(1 + 2 * on_labels**2)
                noise = np.sqrt(1 - on_scores) * rng.normal(size=len(items))
                scores = separation * labels + np.sqrt(on_scores / 2) * seen[items].sum(axis=1) + noise
                return items, labels, scores

            yield Cell(f"{graph}; effects: {effects}", pairs, prevalence, separation, False, draw, True)


def random_graph(images: int, parts: int = 1) -> Callable[[np.random.Generator, int], Ints]:
    """Return a function that draws different pairs at random, from images in several parts."""

    def draw(rng: np.random.Generator, pairs: int) -> Ints:
        part = rng.integers(0, parts, 5 * pairs)[:, None]
        return some(rng, rng.integers(0, images // parts, (5 * pairs, 2)) * parts + part, pairs)

    return draw


def cliques(rng: np.random.Generator, pairs: int) -> Ints:
    """Return all pairs of groups of 2 to 6 images."""
    found, first = [], 0
    for size in rng.integers(2, 7, pairs):
        found.append(np.transpose(np.triu_indices(size, 1)) + first)
        first += size
    return np.concatenate(found)[:pairs]


def giant_and_single(rng: np.random.Generator, pairs: int) -> Ints:
    """Return pairs of which half hang together and half share no image."""
    images = pairs // 5
    giant = some(rng, rng.integers(0, images, (pairs, 2)), pairs // 2)
    return np.concatenate([giant, images + np.arange(2 * (pairs - len(giant))).reshape(-1, 2)])


def some(rng: np.random.Generator, found: Ints, pairs: int) -> Ints:
    """Return some of the different pairs that were found."""
    different = np.unique(np.sort(found[found[:, 0] != found[:, 1]], axis=1), axis=0)
    return different[rng.permutation(len(different))[:pairs]]


GRAPHS: dict[str, Callable[[np.random.Generator, int], Ints]] = {
    "one component, 800 images": random_graph(800),
    "one component, 400 images": random_graph(400),
    "one component, 150 images": random_graph(150),
    "5 components, 400 images": random_graph(400, parts=5),
    "groups of 2 to 6 images": cliques,
    "half in one component, half alone": giant_and_single,
}


def table(noun: str, cells: Iterator[Cell], options: argparse.Namespace) -> list[str]:
    """Return a table with a row for each cell."""
    head = [noun, "Prevalence", "Separation", "Ties", *NAMES]
    lines = [f"| {' | '.join(head)} |", f"| :--- |{' ---: |' * (len(head) - 1)}"]
    for cell in cells:
        shown = coverage(cell, options)
        facts = [cell.name, f"{cell.prevalence:.0%}", str(cell.separation), "yes" if cell.tied else "no"]
        lines.append(f"| {' | '.join([*facts, *(shown.get(name, '') for name in NAMES)])} |")
        print(lines[-1], file=sys.stderr)
    return lines


def coverage(cell: Cell, options: argparse.Namespace) -> dict[str, str]:
    """Return how often the interval of each metric holds its value on the population."""
    own = zlib.crc32(f"{cell.name} {cell.prevalence} {cell.separation} {cell.tied}".encode())
    rng = np.random.default_rng([options.seed, own])  # cells that shared their draws would be lucky together
    truth = population(cell)
    repetitions = options.repetitions // (2 if cell.costly else 1)
    held, samples = dict.fromkeys(NAMES, 0), 0
    for repetition in range(repetitions):
        items, labels, scores = cell.draw(rng)
        scores = np.round(2 * scores) if cell.tied else scores
        resampling = Resampling.of(items)
        found = replicate(labels, scores, resampling, NAMES, count=REPLICATES, seed=repetition)
        ends = intervals(labels, scores, evaluate(labels, scores, NAMES), resampling, found)
        samples += 1
        for name, each in ends.items():
            held[name] += each.low <= truth[name] <= each.high
    # A cell is claimed if nearly every sample has enough faulty items.
    usual = int(norm.isf(0.95, cell.items * cell.prevalence, np.sqrt(cell.items * cell.prevalence)))
    images = resampling.units if resampling.unit == "images" else None
    cut = {name: f"{100 * count / samples:.1f}" for name, count in held.items() if name in ends}
    return {
        name: f"({shown})" if weak(name, usual, cell.items, images, truth[name]) else shown
        for name, shown in cut.items()
    }


def population(cell: Cell) -> dict[str, float]:
    """Compute the metrics of a sample so large that it is the population."""
    width = 0.5 if cell.tied else 0.001
    edges = np.arange(-6, 6 + cell.separation, width) - width / 2
    faulty = cell.prevalence * -np.diff(norm.sf(edges, cell.separation))[::-1]
    clean = (1 - cell.prevalence) * -np.diff(norm.sf(edges))[::-1]
    levels = Levels.counted(1e13 * (faulty + clean), 1e13 * faulty)
    values = {}
    for name in NAMES:
        metric = METRICS[name]
        if metric.cut is None:
            values[name] = metric.formula(levels)
            continue
        share = depth(metric.cut, cell.items) / cell.items
        found = float(np.interp(share * levels.reviewed[-1], levels.reviewed, levels.found))
        values[name] = found / (share * levels.reviewed[-1] if name.startswith("P@") else levels.found[-1])
    return values


def equal_methods(options: argparse.Namespace) -> list[str]:
    """Return a table of how often two methods of one law differ significantly."""
    cases = 2 * options.repetitions
    lines = ["| Items | Prevalence | Separation | Significant |", "| ---: | ---: | ---: | ---: |"]
    for items, prevalence, separation in (
        (500, 0.21, 1.5), (500, 0.32, 0.5), (2000, 0.04, 1.5), (2000, 0.21, 0.5), (2000, 0.32, 3.0),
    ):  # fmt: skip
        rng = np.random.default_rng([options.seed, items, int(100 * prevalence)])
        significant = 0
        for repetition in range(cases):
            labels = rng.random(items) < prevalence
            own = Resampling.independent(items)
            both = [
                [replicate(labels, rng.normal(size=items) + separation * labels, own, ["AP"], REPLICATES, repetition)]
                for _ in range(2)
            ]
            rarer = min(labels.sum(), items - labels.sum())
            significant += compare(both, int(rarer)).p_values[0, 1] < 0.05
        share = 100 * significant / cases
        lines.append(f"| {items:,} | {prevalence:.0%} | {separation} | {share:.1f} |")
    return lines


if __name__ == "__main__":
    main()
