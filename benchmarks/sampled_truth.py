"""Are estimates from a sample of judged items right on average? A simulation with known labels.

Items of known labels are ranked by a good method, a weak one and one with few distinct scores. A sample is drawn as
`cleanbench.annotate_next` draws it, again and again, and metrics are estimated from the sample alone. Printed are the
exact value, the mean of the estimates, their bias in standard deviations with the error that a finite number of draws
leaves, how often exact values lie within 1.96 standard errors, and what the unweighted sample would have said.
With ``--pairs`` all pairs of 120 images are ranked, of which methods list the first 400, as in a run.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
from scipy.stats import rankdata

from cleanbench.annotate_next.design import combined, draw, place_weight, strata_of
from cleanbench.core import Bools, Floats, Issue, Ranking
from cleanbench.estimates import Estimate, Places, Sample, auroc, average_precision, precision_at, recall_at
from cleanbench.metrics import evaluate
from cleanbench.pairs import decode, pair_count
from cleanbench.queues import Queue, queued_places

ITEMS = 2000
IMAGES, QUEUE = 120, 400
PREVALENCES, BUDGETS = (0.02, 0.1, 0.3), (100, 300)
TENTH = 0.1


def main() -> None:
    """Simulate and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs", action="store_true")
    arguments = parser.parse_args()
    start = time.process_time()
    print("| prevalence | judged | method | metric | exact | mean | bias / sd | covered | unweighted |")
    print("| ---: | ---: | :--- | :--- | ---: | ---: | ---: | ---: | ---: |")
    largest: dict[str, float] = {}
    measured = (rows_of_pairs if arguments.pairs else rows)(arguments.draws, arguments.seed)
    for row, metric, bias in measured:
        print(row)
        largest[metric] = max(largest.get(metric, 0.0), abs(bias))
    noise = 1 / np.sqrt(arguments.draws)
    print(
        f"\nLargest |bias| / sd (a finite number of draws alone leaves {noise:.3f} of either sign, more in a maximum):"
    )
    for metric, bias in largest.items():
        print(f"{metric}: {bias:.3f}{' > a tenth' if bias > TENTH + 3 * noise else ''}")
    print(f"{time.process_time() - start:.0f} CPU s")


def rows(draws: int, seed: int) -> Iterator[tuple[str, str, float]]:
    """Yield each row of the table, its metric and its bias in standard deviations."""
    for prevalence in PREVALENCES:
        rng = np.random.default_rng(seed)
        labels = rng.random(ITEMS) < prevalence
        rankings = methods(labels, rng)
        places = [rankdata(-scores) for scores in rankings.values()]
        for budget in BUDGETS:
            strata = strata_of(combined([place_weight(place, ITEMS) for place in places]), budget)
            found: dict[tuple[str, str], list[Estimate]] = {}
            naive: dict[tuple[str, str], list[float]] = {}
            for _ in range(draws):
                drawn = draw(strata, rng)
                sample = Sample(labels[drawn.items], drawn.inclusion)
                if not sample.labels.any():
                    continue
                for name, scores in rankings.items():
                    own = scores[drawn.items]
                    for metric, estimate in estimated(sample, own, Places.among(own, scores)).items():
                        found.setdefault((name, metric), []).append(estimate)
                    value = evaluate(sample.labels, own, ["AP"])["AP"].value
                    naive.setdefault((name, "AP"), []).append(0.0 if value is None else value)
            for (name, metric), each in found.items():
                if metric == "faulty" and name != "good":
                    continue
                exact = float(labels.sum()) if metric == "faulty" else evaluate(labels, rankings[name])[metric].value
                plain = f"{np.mean(naive[name, metric]):.3f}" if (name, metric) in naive else ""
                yield row_of(prevalence, budget, name, metric, exact, each, plain)


def rows_of_pairs(draws: int, seed: int) -> Iterator[tuple[str, str, float]]:
    """Yield the rows for pairs of which only the first are listed, and AP and P@100 are estimated."""
    total = pair_count(IMAGES)
    ids = [f"{number:03d}" for number in range(IMAGES)]
    pairs = decode(np.arange(total), IMAGES)
    for prevalence in (0.005, 0.02):
        rng = np.random.default_rng(seed)
        labels = rng.random(total) < prevalence
        rankings = {"good": labels * 3.5 + rng.normal(size=total)}
        rankings["tied"] = np.round(2 * (labels * 2.5 + rng.normal(size=total)))
        first = {name: np.argsort(-scores, kind="stable")[:QUEUE] for name, scores in rankings.items()}
        queues = {
            name: Queue.of(Ranking(Issue.NEAR_DUPLICATE, pairs[top], rankings[name][top]), ids, QUEUE)
            for name, top in first.items()
        }
        pool = np.unique(np.concatenate(list(first.values())))
        weights = []
        for name, top in first.items():
            places = np.full(total, (QUEUE + 1 + total) / 2)
            places[top] = rankdata(-rankings[name][top])
            weights.append(place_weight(places[pool], total))
        for budget in BUDGETS:
            inside = budget * 9 // 10
            strata = [(pool[members], drawn) for members, drawn in strata_of(combined(weights), inside)]
            strata.append((np.setdiff1d(np.arange(total), pool), budget - inside))
            found: dict[tuple[str, str], list[Estimate]] = {}
            for _ in range(draws):
                drawn = draw(strata, rng)
                sample = Sample(labels[drawn.items], drawn.inclusion)
                named = [(ids[one], ids[other]) for one, other in pairs[drawn.items].tolist()]
                for name, scores in rankings.items():
                    own = scores[drawn.items]
                    places_of = queued_places(queues[name], named, own, sample, IMAGES)
                    if places_of is None or not sample.labels.any():
                        continue
                    found.setdefault((name, "AP"), []).append(average_precision(sample, places_of, own))
                    found.setdefault((name, "P@100"), []).append(precision_at(100, sample, places_of))
            for (name, metric), each in found.items():
                yield row_of(prevalence, budget, name, metric, evaluate(labels, rankings[name])[metric].value, each, "")


def row_of(
    prevalence: float, budget: int, name: str, metric: str, exact: float | None, each: list[Estimate], plain: str
) -> tuple[str, str, float]:
    """Return a row of the table, its metric and its bias in standard deviations."""
    assert exact is not None
    values = np.array([estimate.value for estimate in each])
    errors = np.array([estimate.standard_error for estimate in each])
    bias = float((values.mean() - exact) / values.std()) if values.std() > 0 else 0.0
    covered = float((np.abs(values - exact) <= 1.96 * errors).mean())
    cells = [f"{prevalence:g}", str(budget), name, metric, f"{exact:.3f}", f"{values.mean():.3f}"]
    return f"| {' | '.join([*cells, f'{bias:+.3f}', f'{covered:.2f}', plain])} |", metric, bias


def methods(labels: Bools, rng: np.random.Generator) -> dict[str, Floats]:
    """Return the scores of three methods."""
    good, weak, tied = (labels * shift + rng.normal(size=len(labels)) for shift in (2.0, 0.7, 1.5))
    return {"good": good, "weak": weak, "tied": np.round(tied * 3)}


def estimated(sample: Sample, scores: Floats, places: Places) -> dict[str, Estimate]:
    """Return all estimates."""
    return {
        "faulty": sample.total(sample.labels.astype(np.float64)),
        "P@20": precision_at(20, sample, places),
        "P@100": precision_at(100, sample, places),
        "AP": average_precision(sample, places, scores),
        "R@100": recall_at(100, sample, places),
        "AUROC": auroc(sample, scores) if not sample.labels.all() else Estimate(np.nan, np.nan),
    }


if __name__ == "__main__":
    main()
