"""What a budget of reviews finds, and what it takes to find a share of the faults."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cleanbench.core import Floats
from cleanbench.metrics import Levels

RECALLS = (0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Effort:
    """What it takes to reach a recall by reviewing a ranking from its top.

    Numbers of items are expectations over random orders of tied items, in closed form. They are those of a reviewer who
    never errs and knows when to stop; `cleanbench.audit.reviewer` and `cleanbench.audit.stopping` drop either.

    Attributes:
        recall: The share of the faulty items that is wanted, in (0, 1].
        target: The number of faulty items that makes: the share is rounded up, so of few faulty items more is found.
        items: Items reviewed when the last of these is found.
        share: The same over all items, in (0, 1].
        random: Items reviewed in a random order.
        saved: The work saved over a random order, 1 - items / random; negative where the ranking is worse.
        wss: Work saved over sampling (Cohen et al., JAMIA 2006): recall - share, the share of items left
            unread less what a random order leaves unread. It cannot exceed recall * (1 - prevalence).
        scored: Whether the ranking gives these items a score. If not, they lie among what it did not retrieve, which is
            reviewed in random order.
    """

    recall: float
    target: int
    items: float
    share: float
    random: float
    saved: float
    wss: float
    scored: bool


def recall_at_budgets(levels: Levels, budgets: npt.ArrayLike) -> Floats:
    """Return the expected share of the faulty items among the first items, for each number of items.

    A budget beyond the number of items finds all.

    Raises:
        ValueError: If there are no faulty items.

    Example:
        >>> levels = Levels.of(np.array([True, False, True, False]), np.array([0.9, 0.5, 0.5, 0.1]))
        >>> recall_at_budgets(levels, [1, 2, 9]).tolist()
        [0.5, 0.75, 1.0]
    """
    _need_faulty(levels)
    found: Floats = np.interp(np.asarray(budgets, dtype=np.float64), levels.reviewed, levels.found)
    recalls: Floats = found / levels.found[-1]
    return recalls


def effort(levels: Levels, recalls: Sequence[float] = RECALLS, unscored: int = 0) -> list[Effort]:
    """Return what it takes to reach each recall.

    The j-th of f faulty items among n tied ones is expected at place j (n + 1) / (f + 1).

    Args:
        levels: Of a ranking and its truth.
        recalls: Each in (0, 1].
        unscored: How many items were not retrieved; they make the last level.

    Raises:
        ValueError: If there are no faulty items, or a recall is out of range.

    Example:
        >>> levels = Levels.of(np.array([True, False, True, False]), np.array([0.9, 0.5, 0.5, 0.1]))
        >>> found = effort(levels, [0.5, 1.0])
        >>> [(each.target, each.items) for each in found]
        [(1, 1.0), (2, 2.5)]
    """
    _need_faulty(levels)
    if not all(0 < recall <= 1 for recall in recalls):
        raise ValueError(f"recalls must be in (0, 1], not {list(recalls)}")
    items, faulty = int(levels.reviewed[-1]), int(levels.found[-1])
    efforts = []
    for recall in recalls:
        target = min(faulty, max(1, math.ceil(recall * faulty - 1e-9)))  # .8 of 5 is 4.000000000000001
        level = int(np.searchsorted(levels.found, target))
        before, held = levels.reviewed[level - 1], levels.reviewed[level] - levels.reviewed[level - 1]
        missing = target - levels.found[level - 1]
        there = levels.found[level] - levels.found[level - 1]
        place = float(before + missing * (held + 1) / (there + 1))
        random = target * (items + 1) / (faulty + 1)
        efforts.append(
            Effort(
                recall=recall,
                target=target,
                items=place,
                share=place / items,
                random=random,
                saved=1 - place / random,
                wss=recall - place / items,
                scored=bool(before < items - unscored),
            )
        )
    return efforts


def curve(levels: Levels, points: int = 200) -> tuple[Floats, Floats]:
    """Return the share reviewed and the recall reached, from (0, 0) to (1, 1), for a drawing.

    Both are exact at the points that are kept: all where the recall bends, or ``points`` of them if there are more.

    Raises:
        ValueError: If there are no faulty items.
    """
    _need_faulty(levels)
    places = np.unique(np.linspace(0, len(levels.reviewed) - 1, points).astype(np.int64))
    return levels.reviewed[places] / levels.reviewed[-1], levels.found[places] / levels.found[-1]


def _need_faulty(levels: Levels) -> None:
    if not levels.found[-1]:
        raise ValueError("there are no faulty items to find")
