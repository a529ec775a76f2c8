"""Standings over several data sets and issues: mean rank and Borda share, with intervals over the items.

Values of different data sets cannot be averaged, places can. Two summaries, which may disagree:

- *Mean rank* of the methods that ran everywhere, ties sharing their mean; it asks all methods to be complete.
- *Borda share*: of the other methods on a board, the share that a method beats, ties counting half. It takes methods
  that did not run everywhere, and flatters those that ran only where the others are weak.

Data sets are weighed alike, whatever their number of issues, and variants of one data set (contaminations of one base)
count once: places are averaged over issues and variants first.

The intervals redraw the items of each board (`cleanbench.uncertainty.replicates`). They say how sure the standing is
on *these* data sets; on others it may be another one, and a few data sets cannot tell how much. A replicate is noisier
than the sample it redraws, which moves places to the middle, so intervals of the first and the last lean inwards.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from cleanbench.core import Floats
from cleanbench.uncertainty.intervals import LEVEL


@dataclass(frozen=True, eq=False)
class Block:
    """The methods on one issue of one board.

    Attributes:
        family: The data set; variants of one share it.
        values: Of a metric where higher is better, by method.
        draws: The same on redrawn items, by method, each of shape ``(B,)``.
    """

    family: str
    values: Mapping[str, float]
    draws: Mapping[str, Floats]


@dataclass(frozen=True)
class Place:
    """A summary with its interval.

    Attributes:
        value: By the values as they are.
        low: Lower end of the 95 % interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Standing:
    """Where a method stands over all blocks.

    Attributes:
        method: Its name.
        blocks: In how many it ran.
        families: On how many data sets it ran.
        rank: Mean rank among the methods that ran everywhere, 1 is best; None if it did not.
        borda: Borda share, in [0, 1], 1 is best; None if it never met another method.
    """

    method: str
    blocks: int
    families: int
    rank: Place | None
    borda: Place | None


def standings(blocks: Sequence[Block]) -> list[Standing]:
    """Summarise blocks, the best by Borda share first, then by name.

    Args:
        blocks: At least one; all draws have the same number of replicates.

    Example:
        >>> draws = np.zeros(2)
        >>> block = Block("demo", {"a": 0.9, "b": 0.5}, {"a": draws + 0.9, "b": draws + 0.5})
        >>> [(each.method, each.rank.value, each.borda.value) for each in standings([block])]
        [('a', 1.0, 1.0), ('b', 2.0, 0.0)]
    """
    names = sorted({name for block in blocks for name in block.values})
    everywhere = [name for name in names if all(name in block.values for block in blocks)]
    ranks, shares = [], []
    for number, block in enumerate(blocks):
        ranks.append((block.family, _ranks(block, everywhere, number)))
        shares.append((block.family, _shares(block, number)))
    found = []
    for name in names:
        own = [block for block in blocks if name in block.values]
        found.append(
            Standing(
                method=name,
                blocks=len(own),
                families=len({block.family for block in own}),
                rank=_place([(family, each[name]) for family, each in ranks if name in each]),
                borda=_place([(family, each[name]) for family, each in shares if name in each]),
            )
        )
    return sorted(found, key=lambda each: (-(each.borda.value if each.borda else -1.0), each.method))


def _ranks(block: Block, names: Sequence[str], number: int) -> dict[str, Floats]:
    """Return the rank of each name, first by the values, then in each replicate."""
    if not names:
        return {}
    ranks = rankdata(-_table(block, names, number), axis=0)
    return dict(zip(names, ranks, strict=True))


def _shares(block: Block, number: int) -> dict[str, Floats]:
    """Return the share of the others that each method beats."""
    names = sorted(block.values)
    if len(names) < 2:
        return {}
    ranks = rankdata(-_table(block, names, number), axis=0)
    return dict(zip(names, (len(names) - ranks) / (len(names) - 1), strict=True))


def _table(block: Block, names: Sequence[str], number: int) -> Floats:
    """Return values and draws of the names, shape ``(names, 1 + B)``.

    Replicates of one number redraw the same numbers of items everywhere, which would tie boards together that have
    nothing in common: each board takes its own in another order.
    """
    draws = np.array([block.draws[name] for name in names])
    order = np.random.default_rng(number).permutation(draws.shape[1])
    values = np.array([block.values[name] for name in names])
    return np.concatenate([values[:, None], draws[:, order]], axis=1)


def _place(parts: Iterable[tuple[str, Floats]]) -> Place | None:
    """Average over what belongs to one data set, then over data sets."""
    by_family: dict[str, list[Floats]] = {}
    for family, each in parts:
        by_family.setdefault(family, []).append(each)
    if not by_family:
        return None
    mean = np.mean([np.mean(each, axis=0) for each in by_family.values()], axis=0)
    low, high = np.quantile(mean[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Place(float(mean[0]), min(float(low), float(mean[0])), max(float(high), float(mean[0])))
