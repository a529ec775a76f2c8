"""Votes of several reviewers about one item -> the probability that it is faulty."""

from cleanbench.core import Floats

PRIOR = 0.5


def probability_of_votes(faulty: Floats, votes: Floats) -> Floats:
    """Return the probability that most of all possible reviewers would call each item faulty, shape ``(L,)``.

    A share of all reviewers that would do so is unknown; with Jeffreys' prior, Beta(1/2, 1/2), the votes make it
    Beta(1/2 + faulty, 1/2 + others), and this is its probability to exceed one half. It takes votes for independent
    and reviewers for equally good: three of three votes give 0.97, which carelessness shared by all three belies.

    Args:
        faulty: Votes that call the item faulty, at least 0, shape ``(L,)``.
        votes: All votes, at least ``faulty``, shape ``(L,)``.

    Example:
        >>> import numpy as np
        >>> probability_of_votes(np.array([0.0, 1, 2, 3]), np.array([3.0, 2, 3, 3])).round(3).tolist()
        [0.033, 0.5, 0.712, 0.967]
    """
    from scipy.special import betaincc

    probability: Floats = betaincc(faulty + PRIOR, votes - faulty + PRIOR, 0.5)
    return probability
