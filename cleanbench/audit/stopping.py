"""The rule to stop a review after so many clean items in a row, played through on a ranking."""

import math
from dataclasses import dataclass

import numpy as np

from cleanbench.core import Bools, Floats, Ints

SHARE, CHANCE = 0.05, 0.05
ORDERS = 1000  # of tied items: the standard error of a share is at most 0.016
STRETCH = 1024  # items without a choice of order that are looked at together
CELLS = 2**22  # orders times items that are held at once


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
    draws: int = ORDERS,
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
    faulty, levels = labels[order], _levels(scores[order], labels[order])
    total, count = int(np.count_nonzero(labels)), draws if any(mixed for *_, mixed in levels) else 1
    together = max(1, CELLS // max(end - start for start, end, _ in levels))
    blocks = [_played(faulty, levels, needed, min(together, count - first), rng) for first in range(0, count, together)]
    ends, founds = np.concatenate(blocks, axis=1)
    left = len(labels) - ends
    wrong = (left > 0) & (total - founds >= share * left)
    return Stop(
        clean_in_a_row=needed,
        draws=count,
        reviewed=float(ends.mean()),
        recall=float(founds.mean() / total) if total else 1.0,
        missed=float(total - founds.mean()),
        early=float((founds < total).mean()),
        false=float(wrong.mean()),
        never=float((left == 0).mean()),
    )


def _levels(falling: Floats, faulty: Bools) -> list[tuple[int, int, bool]]:
    """Return start and end of each level that holds both kinds, whose orders differ, and of stretches between them."""
    starts = np.flatnonzero(np.append(True, falling[1:] != falling[:-1]))
    ends = np.append(starts[1:], len(falling))
    held = np.add.reduceat(faulty, starts, dtype=np.int64)
    mixed = (held > 0) & (held < ends - starts)
    levels, done = [], 0
    for start, end in [*zip(starts[mixed].tolist(), ends[mixed].tolist(), strict=True), (len(falling), len(falling))]:
        levels += [(at, min(at + STRETCH, start), False) for at in range(done, start, STRETCH)]
        levels += [(start, end, True)] * (end > start)
        done = end
    return levels


def _played(
    faulty: Bools, levels: list[tuple[int, int, bool]], needed: int, orders: int, rng: np.random.Generator
) -> Ints:
    """Play the rule through on several orders of ties at once, level by level until all have stopped.

    Returns:
        Items reviewed and faulty ones found in each order, shape ``(2, orders)``.
    """
    ended = np.empty((2, orders), dtype=np.int64)
    going = np.arange(orders)  # that have not stopped, with the clean items in a row and the faults found so far
    row, found = np.zeros(orders, dtype=np.int64), np.zeros(orders, dtype=np.int64)
    for start, end, mixed in levels:
        level = np.broadcast_to(faulty[start:end], (len(going), end - start))
        if mixed:
            level = rng.permuted(level, axis=1)
        places = np.arange(1, end - start + 1)
        last = np.maximum.accumulate(np.where(level, places, -row[:, None]), axis=1)  # place of the fault before each
        run = places - last
        stops = run >= needed
        stopped, at = stops.any(axis=1), stops.argmax(axis=1)
        ended[0, going[stopped]] = start + at[stopped] + 1
        ended[1, going[stopped]] = (found + (level & (places <= at[:, None])).sum(axis=1))[stopped]
        going, row, found = going[~stopped], run[~stopped, -1], (found + level.sum(axis=1))[~stopped]
        if not len(going):
            return ended
    ended[0, going], ended[1, going] = len(faulty), found
    return ended
