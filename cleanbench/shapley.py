"""What each of several methods adds to a review that takes the tops of all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from cleanbench.core import Bools, Floats, Ints
from cleanbench.progress import progress
from cleanbench.tops import share_within

EXACT = 12  # members up to which all their subsets are taken: 4,096 of them
ORDERS = 500


@dataclass(frozen=True, eq=False)
class Shares:
    """How the recall of a joint review divides among its members.

    Attributes:
        recall: Of all members together, at the budget.
        alone: Of each member that has the budget to itself, shape ``(n,)``.
        shapley: Each member's share of ``recall``, shape ``(n,)``; they add up to it.
        error: Standard error of ``shapley``, shape ``(n,)``; 0 where all subsets were taken.
        unique: Faulty items that only this member has in its top at the whole budget, shape ``(n,)``.
        orders: Random orders of the members that were taken; 0 where all subsets were.
    """

    recall: float
    alone: Floats
    shapley: Floats
    error: Floats
    unique: Floats
    orders: int


def shares(
    labels: Bools, scores: Sequence[Floats], budget: int, exact: int = EXACT, orders: int = ORDERS, seed: int = 0
) -> Shares:
    """Divide the recall of a joint review among its members by their Shapley values.

    The value of a set of members is the recall at the budget of the union of their tops, each member having the same
    part of the budget. What two tops share is reviewed once, and what that spares is not spent. A member's Shapley
    value (Shapley, 1953) is what it adds to the members before it, averaged over all their orders. Since a member that
    joins takes of the others' parts of the budget, the value can be negative: the review finds more without it. A
    member that is much like another shares the value with it; `Shares.alone` does not show that.

    Everything is an expectation where ties are broken at random, by each member for itself. Only annotated items count,
    as in all metrics.

    Args:
        labels: True for faulty, shape ``(M,)``, at least one.
        scores: Of each member on the same items, each ``(M,)``; at least one member.
        budget: Items reviewed, at least 1.
        exact: Members up to which all subsets are taken; of more, random orders are.
        orders: How many of these.
        seed: Of these.

    Raises:
        ValueError: If there are no faulty items, no members, or the budget is less than 1.
    """
    if not labels.any() or not len(scores) or budget < 1:
        raise ValueError("shares need faulty items, members and a budget of at least 1")
    value = _Value(labels, scores, budget)
    count = len(scores)
    if count <= exact:
        shapley, error, taken = _exactly(value, count), np.zeros(count), 0
    else:
        marginals = np.array(list(_marginals(value, count, orders, np.random.default_rng(seed))))
        shapley, taken = marginals.mean(axis=0), orders
        error = marginals.std(axis=0, ddof=1) / np.sqrt(orders)
    everyone = np.arange(count)
    missed = 1 - value.tops(1)
    others = np.array([np.prod(missed[everyone != member], axis=0) for member in everyone])
    return Shares(
        recall=value(everyone),
        alone=np.array([value(np.array([member])) for member in everyone]),
        shapley=shapley,
        error=error,
        unique=((1 - missed) * others).sum(axis=1),
        orders=taken,
    )


class _Value:
    """The recall of a set of members."""

    def __init__(self, labels: Bools, scores: Sequence[Floats], budget: int) -> None:
        self.labels, self.scores, self.budget = labels, scores, budget
        self.known: dict[int, Floats] = {}

    def tops(self, parts: int) -> Floats:
        """Return the chance of each faulty item to be in each member's part of the budget, ``(n, faulty)``."""
        if parts not in self.known:
            depth = self.budget / parts
            self.known[parts] = np.array([share_within(own, depth)[self.labels] for own in self.scores])
        return self.known[parts]

    def __call__(self, members: Ints) -> float:
        if not len(members):
            return 0.0
        missed = np.prod(1 - self.tops(len(members))[members], axis=0)
        return float(1 - missed.mean())


def _exactly(value: _Value, count: int) -> Floats:
    bits = 1 << np.arange(count)
    values = np.array([value(np.flatnonzero(subset & bits)) for subset in range(1 << count)])
    subsets = np.arange(1 << count)
    sizes = np.bitwise_count(subsets)
    weights = np.array([1 / (count * comb(count - 1, size)) for size in range(count)])
    shapley = np.empty(count)
    for member, bit in enumerate(bits):
        without = subsets[(subsets & bit) == 0]
        shapley[member] = weights[sizes[without]] @ (values[without | bit] - values[without])
    return shapley


def _marginals(value: _Value, count: int, orders: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield what each member adds to those before it, for random orders."""
    with progress("orders", orders, "order") as bar:
        for _ in range(orders):
            order = rng.permutation(count)
            reached = np.array([value(order[:size]) for size in range(count + 1)])
            added = np.empty(count)
            added[order] = np.diff(reached)
            bar.update(1)
            yield added
