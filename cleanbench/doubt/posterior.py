"""Metrics over labels that are drawn from their probabilities.

Each draw labels every item faulty with its probability, independently of the others, and scores all methods on the same
labels. The spread over draws is the doubt about these labels alone: not about which items were picked to be judged, and
not about errors that reviewers share, which independence leaves out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cleanbench.core import Bools, Floats
from cleanbench.metrics import METRICS, Levels
from cleanbench.settings import seed_number, whole_number

SHOWN = ("AP", "AUROC", "P@10", "P@100", "R@100")
MOST_DRAWS = 100_000  # with so many the ends of an interval are known far better than probabilities of labels are
BLOCK = 64  # draws labelled at once, between two steps of the progress bar


@dataclass(frozen=True, eq=False)
class Draws:
    """The metrics of several methods over the same draws of labels.

    Attributes:
        methods: Names, shape ``(K,)``.
        metrics: Names.
        values: By metric, method and draw, shape ``(metrics, K, D)``; NaN where a metric is undefined on a draw.
        given: The same by the given labels, shape ``(metrics, K)``.
    """

    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    values: npt.NDArray[np.float64]
    given: npt.NDArray[np.float64]

    def of(self, metric: str) -> npt.NDArray[np.float64]:
        """Return the values of a metric, shape ``(K, D)``."""
        found: npt.NDArray[np.float64] = self.values[self.metrics.index(metric)]
        return found

    def expected(self, metric: str) -> Floats:
        """Return the mean of a metric over draws for which it is defined, NaN if there are none, shape ``(K,)``."""
        values = self.of(metric)
        known = np.isfinite(values)
        counts = known.sum(axis=1)
        mean: Floats = np.where(counts > 0, np.where(known, values, 0).sum(axis=1) / np.maximum(counts, 1), np.nan)
        return mean

    def interval(self, metric: str, level: float = 0.95) -> Floats:
        """Return where the middle ``level`` of the draws lies, shape ``(K, 2)``; NaN where it is never defined."""
        bounds = np.full((len(self.methods), 2), np.nan)
        for place, values in enumerate(self.of(metric)):
            known = values[np.isfinite(values)]
            if len(known):
                bounds[place] = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
        return bounds

    def swaps(self, metric: str) -> Floats:
        """Return the share of draws in which each method beats another, ties counting half, shape ``(K, K)``.

        The probability that two methods swap ranks is the share for the one that the given labels put second.
        """
        values = self.of(metric) * (1 if METRICS[metric].higher_is_better else -1)
        known = np.isfinite(values).all(axis=0)
        values = values[:, known]
        shares: Floats = np.full((len(values), len(values)), np.nan)
        if values.shape[1]:
            for place, own in enumerate(values):
                shares[place] = ((own > values) + 0.5 * (own == values)).mean(axis=1)
        return shares


@dataclass(frozen=True, eq=False)
class Doubted:
    """Items with a probability, and the scores that methods give them.

    Attributes:
        probability: That each item is faulty, shape ``(L,)``.
        labels: As given, True for faulty, shape ``(L,)``.
        scores: Of each method, by its name, each of shape ``(L,)``.
    """

    probability: Floats
    labels: Bools
    scores: Mapping[str, Floats]

    @cached_property
    def levels(self) -> dict[str, tuple[npt.NDArray[np.int64], Floats]]:
        """The level of each item in each ranking, 0 the highest, and the items of each level: sorted once."""
        found: dict[str, tuple[npt.NDArray[np.int64], Floats]] = {}
        for name, scores in self.scores.items():
            _, level, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
            found[name] = (level.astype(np.int64), sizes.astype(np.float64))
        return found

    def measure(self, labels: Bools, metrics: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the metrics of all methods on some labels, NaN where undefined, shape ``(metrics, K)``."""
        table = np.full((len(metrics), len(self.scores)), np.nan)
        weights = labels.astype(np.float64)
        for column, (level, sizes) in enumerate(self.levels.values()):
            counts = Levels.counted(sizes, np.bincount(level, weights, minlength=len(sizes)))
            for row, name in enumerate(metrics):
                value = METRICS[name].measure(counts).value
                if value is not None:
                    table[row, column] = value
        return table

    def draw(self, draws: int, seed: int, metrics: Sequence[str] = SHOWN) -> Draws:
        """Score all methods on labels drawn from the probabilities.

        Raises:
            UserError: If ``draws`` is less than 2 or more than `MOST_DRAWS`, or the seed is none.
        """
        from cleanbench.progress import progress

        whole_number("draws", draws, 2, MOST_DRAWS)
        rng = np.random.default_rng(seed_number(seed))
        values = np.empty((len(metrics), len(self.scores), draws))
        with progress("draws", draws, "draw") as bar:
            for draw in range(draws):
                values[:, :, draw] = self.measure(rng.random(len(self.probability)) < self.probability, metrics)
                if draw % BLOCK == BLOCK - 1:
                    bar.update(BLOCK)
        given = self.measure(self.labels, metrics)
        return Draws(tuple(self.scores), tuple(metrics), values, given)

    def thresholds(self, count: int = 41) -> Floats:
        """Return where a threshold on the probabilities changes labels, at most ``count`` values, rising."""
        values = np.unique(self.probability[self.probability > 0])
        if len(values) <= count:
            return values
        kept: Floats = values[np.unique(np.linspace(0, len(values) - 1, count).round().astype(int))]
        return kept

    def sensitivity(self, metric: str, thresholds: Floats) -> npt.NDArray[np.float64]:
        """Return a metric where items of at least a probability are faulty, NaN if undefined, shape ``(K, T)``."""
        columns = [self.measure(self.probability >= threshold, [metric])[0] for threshold in thresholds]
        return np.array(columns).reshape(len(thresholds), len(self.scores)).T
