"""Metrics where the truth has probabilities: what they are expected to be, and how far labels leave them open."""

import numpy as np

from cleanbench.core import Floats
from cleanbench.doubt.posterior import Doubted
from cleanbench.report.page import Column, Html, table
from cleanbench.report.values import number

DRAWS, SEED = 200, 0
METRICS = ("AP", "AUROC", "P@100")


def of_one(doubted: Doubted) -> Html:
    """Return a table of one ranking: a metric in a row."""
    draws = doubted.draw(DRAWS, SEED, METRICS)
    rows = [
        [metric, _shown(draws.given[place, 0]), _shown(draws.expected(metric)[0]), _between(draws.interval(metric)[0])]
        for place, metric in enumerate(METRICS)
    ]
    return table(["Metric", *map(Column, ("Given labels", "Expected", "95% of draws"))], rows, _caption())


def of_several(doubted: Doubted) -> Html:
    """Return a table of several rankings by AP, the highest expectation first."""
    draws = doubted.draw(DRAWS, SEED, METRICS[:1])
    (metric,) = draws.metrics
    expected, interval, values = draws.expected(metric), draws.interval(metric), draws.of(metric)
    values = values[:, np.isfinite(values).all(axis=0)]  # it is undefined for all or for none
    best = values == values.max(axis=0, initial=-np.inf)
    share = (best / best.sum(axis=0)).sum(axis=1) / max(1, values.shape[1])
    rows: list[list[str]] = []
    for place in np.argsort(-np.nan_to_num(expected, nan=-1.0), kind="stable").tolist():
        numbers = (draws.given[0, place], expected[place])
        rows.append([draws.methods[place], *map(_shown, numbers), _between(interval[place]), _shown(share[place])])
    head: list[str | Column] = [
        "Method",
        *map(Column, (f"{metric} by given labels", "Expected", "95% of draws", "Best")),
    ]
    return table(head, rows, f"{_caption()} Best: share of the draws in which it has the highest; equal ones share.")


def _caption() -> str:
    return (
        f"Over {DRAWS} draws of labels from the probabilities of the truth, independent of each other. The spread is "
        "the doubt about labels alone, not about which items were judged."
    )


def _shown(found: float) -> str:
    return number(float(found) if np.isfinite(found) else None)


def _between(ends: Floats) -> str:
    return f"{_shown(ends[0])} to {_shown(ends[1])}"
