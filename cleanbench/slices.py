"""Every metric by slice of a data set: a class, a skin type, a source; and who waits for whom in one common queue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import Bools, Floats, Ints
from cleanbench.metrics import Levels
from cleanbench.proportions import jeffreys
from cleanbench.records import Measured
from cleanbench.scoring import score
from cleanbench.tops import share_within

ANY, BOTH = "any", "both"
# From annotated items (images or pairs), their labels and scores to metrics by name.
Measure = Callable[[Ints, Bools, Floats], Mapping[str, Measured]]
REPLICATES = 400  # for each slice of each run: enough for two digits of an interval
LEAST_FAULTY = 10  # below it a slice's value is told, but never called the worst
MISSING = "not stated"


@dataclass(frozen=True)
class Slice:
    """The annotated items of one part of a data set.

    Attributes:
        name: The value that its images share.
        members: Which of the annotated items belong to it, shape ``(M,)``.
    """

    name: str
    members: Bools


@dataclass(frozen=True)
class Sliced:
    """A ranking on one slice.

    Attributes:
        name: Of the slice.
        items: Annotated items.
        faulty: How many of them are faulty.
        metrics: On these items alone, as if nothing else had been ranked.
    """

    name: str
    items: int
    faulty: int
    metrics: Mapping[str, Measured]


@dataclass(frozen=True)
class Served:
    """What a common queue does for one slice at a budget; expectations over random orders of tied items.

    Intervals are those of a share of independent items; pairs, which share images, have none.

    Attributes:
        name: Of the slice.
        items: Annotated items.
        faulty: How many of them are faulty.
        reviewed: How many of them are within the budget.
        recall: Share of its faulty items within the budget; a reason where it has none.
        extra: Further items of the slice, in the order of the queue, until its recall is that of the whole set at the
            budget; 0 where it is no lower, None where it has no faulty items.
        false_positives: Share of its clean items within the budget: good images that would be erased if the budget
            were taken for off-topic. A reason where it has none.
    """

    name: str
    items: int
    faulty: int
    reviewed: float
    recall: Measured
    extra: float | None
    false_positives: Measured


def slices_of(values: npt.NDArray[Any], items: Ints, pairs: str = ANY) -> list[Slice]:
    """Cut annotated items into slices by a fact about their images, sorted by its value.

    Args:
        values: The fact of each image, shape ``(N,)``; empty texts, None and NaN are `MISSING`.
        items: Positions of images, shape ``(M,)``, or pairs ``(M, 2)``.
        pairs: Where a pair belongs: ``any``, to the slice of either image, so that one between two slices counts in
            both; or ``both``, to the slice that both images are in, or else to none.

    Raises:
        ValueError: If ``pairs`` is neither.
    """
    if pairs not in (ANY, BOTH):
        raise ValueError(f"pairs={pairs!r} must be {ANY} or {BOTH}")
    texts = np.array([_text(value) for value in values.tolist()], dtype=object)
    names, codes = np.unique(texts.astype(str), return_inverse=True)
    own = codes[items] if items.ndim == 2 else codes[items][:, None]
    inside = np.any if pairs == ANY else np.all
    slices = [Slice(str(name), inside(own == code, axis=1)) for code, name in enumerate(names)]
    return [part for part in slices if part.members.any()]


def with_intervals(items: Ints, labels: Bools, scores: Floats) -> Mapping[str, Measured]:
    """Return all metrics as a record keeps them, with intervals from fewer replicates."""
    return score(items, labels, scores, REPLICATES).metrics


def by_slice(
    items: Ints, labels: Bools, scores: Floats, slices: Sequence[Slice], measure: Measure = with_intervals
) -> list[Sliced]:
    """Compute metrics on every slice by itself.

    Values of AP and of precision depend on the prevalence, which differs between slices: compare AUROC, or recall in
    the common queue, which `served` gives.

    Args:
        items: Images, shape ``(M,)``, or pairs, shape ``(M, 2)``.
        labels: True for faulty, shape ``(M,)``.
        scores: Higher is more suspicious, shape ``(M,)``.
        slices: As `slices_of` returns them.
        measure: Computes the metrics.
    """
    return [
        Sliced(
            part.name,
            int(np.count_nonzero(part.members)),
            int(np.count_nonzero(labels[part.members])),
            measure(items[part.members], labels[part.members], scores[part.members]),
        )
        for part in slices
    ]


def worst(
    rows: Sequence[Sliced], metric: str, least: int = LEAST_FAULTY, higher_is_better: bool = True
) -> Sliced | None:
    """Return the slice with the worst value, among those with ``least`` faulty and as many clean items.

    It is the worst of several, chosen after looking: on the same slices the next data set is likely to be kinder.
    None where no slice is large enough.
    """
    large = [row for row in rows if min(row.faulty, row.items - row.faulty) >= least]
    known = [(row.metrics[metric].value, row) for row in large]
    measured = [(value, row) for value, row in known if value is not None]
    if not measured:
        return None
    choose = min if higher_is_better else max
    return choose(measured, key=lambda pair: pair[0])[1]


def served(
    labels: Bools, scores: Floats, slices: Sequence[Slice], budget: int, independent: bool = True
) -> list[Served]:
    """Return what the first ``budget`` items of the common queue of all annotated items do for each slice.

    Args:
        labels: True for faulty, shape ``(M,)``.
        scores: Higher is more suspicious, shape ``(M,)``.
        slices: As `slices_of` returns them.
        budget: At least 1; beyond the number of items it is that number.
        independent: Whether items share nothing, as images do and pairs do not: only then there are intervals.

    Raises:
        ValueError: If the budget is less than 1.
    """
    if budget < 1:
        raise ValueError(f"budget={budget} must be at least 1")
    reached = share_within(scores, budget)
    total = int(np.count_nonzero(labels))
    overall = float(reached[labels].sum() / total) if total else 0.0
    rows = []
    for part in slices:
        within, faulty = reached[part.members], labels[part.members]
        count, own = int(np.count_nonzero(faulty)), float(within.sum())
        clean = len(faulty) - count
        recall = _share(float(within[faulty].sum()), count, "no faulty items", independent)
        false = _share(float(within[~faulty].sum()), clean, "no clean items", independent)
        extra = _extra(faulty, scores[part.members], own, overall) if count else None
        rows.append(Served(part.name, len(faulty), count, own, recall, extra, false))
    return rows


def flagged_rates(
    labels: Bools, flags: Bools, slices: Sequence[Slice], independent: bool = True
) -> list[tuple[str, int, Measured]]:
    """Return for each slice its clean items and the share of them that the method's own cut flags."""
    rates = []
    for part in slices:
        clean = part.members & ~labels
        count = int(np.count_nonzero(clean))
        flagged = float(np.count_nonzero(flags[clean]))
        rates.append((part.name, count, _share(flagged, count, "no clean items", independent)))
    return rates


def _share(successes: float, trials: int, why_not: str, independent: bool) -> Measured:
    if not trials:
        return Measured(value=None, reason=why_not)
    successes = min(successes, float(trials))  # a sum of chances may stray by an ulp
    low, high = jeffreys(successes, trials) if independent else (None, None)
    return Measured(value=successes / trials, low=low, high=high)


def _extra(faulty: Bools, scores: Floats, reviewed: float, recall: float) -> float:
    """Return how many more items of a slice it takes to reach a recall."""
    levels = Levels.of(faulty, scores)
    wanted = recall * levels.found[-1]
    end = int(np.searchsorted(levels.found, wanted - 1e-9))
    if end == 0:
        return 0.0
    before, after = levels.found[end - 1], levels.found[end]
    place = levels.reviewed[end - 1] + (wanted - before) / (after - before) * (
        levels.reviewed[end] - levels.reviewed[end - 1]
    )
    return max(0.0, float(place) - reviewed)


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return MISSING
    return str(value).strip() or MISSING
