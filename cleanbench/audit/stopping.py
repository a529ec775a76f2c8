"""The rule to stop a review after so many clean items in a row, played through on a ranking."""

import math
from dataclasses import dataclass

import numpy as np

from cleanbench.core import Bools, Floats, Ints

SHARE, CHANCE = 0.05, 0.05


@dataclass(frozen=True)
class Stop:
    """Where the rule stops on a ranking, on average over random orders of tied items.

    Attributes:
        clean_in_a_row: Clean items in a row after which it stops.
        draws: Orders of tied items that were played through; 1 where nothing ties.
        reviewed: Items reviewed.
        recall: Share of the faulty items found, in [0, 1].
        missed: Faulty items not found.
        early: Share of the orders in which it stopped with faulty items left.
        false: Share of the orders in which it stopped although ``share`` or more of what was left is faulty, which is
            what the rule is to make improbable.
        never: Share of the orders in which all items were reviewed.
    """

    clean_in_a_row: int
    draws: int
    reviewed: float
    recall: float
    missed: float
    early: float
    false: float
    never: float


def clean_needed(share: float = SHARE, chance: float = CHANCE) -> int:
    """Return how many clean items in a row are as improbable as ``chance`` where a ``share`` of items is faulty.

    floor(ln chance / ln(1 - share)), the rule by which the SelfClean authors cleaned data sets; 58 for .05 and .05. It
    takes the items for draws with one chance of being faulty each, and looks once. A reviewer looks after every item:
    `chance_of_a_run` says how probable it is that such a run comes up somewhere.

    Raises:
        ValueError: If an argument is not in (0, 1).

    Example:
        >>> clean_needed()
        58
    """
    if not (0 < share < 1 and 0 < chance < 1):
        raise ValueError(f"share={share} and chance={chance} must be between 0 and 1")
    return max(1, math.floor(math.log(chance) / math.log1p(-share)))


def chance_of_a_run(items: int, length: int, share: float = SHARE) -> float:
    """Return how probable ``length`` clean items in a row are somewhere among ``items``, a ``share`` of them faulty.

    This is the chance that the rule stops a review although the share of faulty items has not fallen: the level of the
    rule with all its looks, in [0, 1].

    Example:
        >>> round(chance_of_a_run(58, 58), 3), round(chance_of_a_run(1000, 58), 3)
        (0.051, 0.946)
    """
    # The first run ends at item n if items n - length + 1 to n are clean, the one before them is faulty, and there was
    # no run before that.
    run = (1 - share) ** length
    ended = np.zeros(items + 1)  # the chance that a run has ended by item n
    for n in range(length, items + 1):
        ended[n] = run if n == length else ended[n - 1] + (1 - ended[n - length - 1]) * share * run
    return float(ended[items])


def stop(
    labels: Bools,
    scores: Floats,
    share: float = SHARE,
    chance: float = CHANCE,
    draws: int = 200,
    seed: int = 0,
) -> Stop:
    """Play the rule through on a ranking.

    It reviews from the top, restarts its count at every faulty item, and stops when `clean_needed` clean ones have come
    in a row, or nothing is left. Where it stops depends on the order of tied items, which is drawn.

    Args:
        labels: True for faulty, shape ``(M,)``, at least one item.
        scores: Higher is more suspicious, shape ``(M,)``.
        share: Of faulty items that the rule is to rule out.
        chance: That it does so by mistake, for a single look.
        draws: Orders of tied items.
        seed: Of the draws.

    Raises:
        ValueError: If there are no items, or ``share`` or ``chance`` is not in (0, 1).
    """
    if not len(labels):
        raise ValueError("there are no items to review")
    needed, rng = clean_needed(share, chance), np.random.default_rng(seed)
    order = np.argsort(-scores, kind="stable")
    falling, faulty = scores[order], labels[order]
    # Only a level that holds both kinds has orders that differ.
    mixed = _mixed_levels(falling, faulty)
    total, count = int(np.count_nonzero(labels)), draws if mixed else 1
    rows = []
    for _ in range(count):
        for start, end in mixed:
            faulty[start:end] = rng.permutation(faulty[start:end])
        end = _end(np.flatnonzero(faulty), needed, len(labels))
        found = int(np.count_nonzero(faulty[:end]))
        left = len(labels) - end
        rows.append((end, found, left > 0 and total - found >= share * left, left == 0))
    ends, founds, wrong, whole = np.array(rows, dtype=np.float64).T
    return Stop(
        clean_in_a_row=needed,
        draws=count,
        reviewed=float(ends.mean()),
        recall=float(founds.mean() / total) if total else 1.0,
        missed=float(total - founds.mean()),
        early=float((founds < total).mean()),
        false=float(wrong.mean()),
        never=float(whole.mean()),
    )


def _mixed_levels(falling: Floats, faulty: Bools) -> list[tuple[int, int]]:
    starts = np.flatnonzero(np.append(True, falling[1:] != falling[:-1]))
    ends = np.append(starts[1:], len(falling))
    held = np.add.reduceat(faulty, starts, dtype=np.int64)
    mixed = (held > 0) & (held < ends - starts)
    return list(zip(starts[mixed].tolist(), ends[mixed].tolist(), strict=True))


def _end(faults: Ints, needed: int, items: int) -> int:
    """Return how many items are reviewed, given the places of the faulty ones, ascending."""
    before = np.append(-1, faults)
    gaps = np.append(faults, items) - before - 1  # clean items after each fault, and before the first
    long = np.flatnonzero(gaps >= needed)
    return int(before[long[0]] + 1 + needed) if len(long) else items
