"""Are estimates from a sample of judged items right on average? A simulation with known labels.

Items of known labels are ranked by a good method, a weak one and one with few distinct scores. A sample is drawn as
`cleanbench.annotate_next` draws it, again and again, and metrics are estimated from the sample alone. Printed are the
exact value, the mean of the estimates, their bias in standard deviations with the error that a finite number of draws
leaves, how often exact values lie within 1.96 standard errors, and what the unweighted sample would have said.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
from scipy.stats import rankdata

from cleanbench.annotate_next.design import combined, draw, place_weight, strata_of
from cleanbench.core import Bools, Floats
from cleanbench.estimates import Estimate, Places, Sample, auroc, average_precision, precision_at, recall_at
from cleanbench.metrics import evaluate

ITEMS = 2000
PREVALENCES, BUDGETS = (0.02, 0.1, 0.3), (100, 300)
METRICS = ("faulty", "P@20", "P@100", "AP", "R@100", "AUROC")
TENTH = 0.1


def main() -> None:
    """Simulate and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start = time.process_time()
    print("| prevalence | judged | method | metric | exact | mean | bias / sd | covered | unweighted |")
    print("| ---: | ---: | :--- | :--- | ---: | ---: | ---: | ---: | ---: |")
    largest: dict[str, float] = {}
    for row, metric, bias in rows(arguments.draws, arguments.seed):
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
                assert exact is not None
                values, errors = (
                    np.array(part) for part in zip(*[(e.value, e.standard_error) for e in each], strict=True)
                )
                bias = float((values.mean() - exact) / values.std()) if values.std() > 0 else 0.0
                covered = float((np.abs(values - exact) <= 1.96 * errors).mean())
                plain = f"{np.mean(naive[name, metric]):.3f}" if (name, metric) in naive else ""
                cells = [f"{prevalence:g}", str(budget), name, metric, f"{exact:.3f}", f"{values.mean():.3f}"]
                yield f"| {' | '.join([*cells, f'{bias:+.3f}', f'{covered:.2f}', plain])} |", metric, bias


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
