"""All strict orders that a ranking with ties can mean, for oracles that try them one by one."""

from collections.abc import Iterator
from itertools import permutations, product

import numpy as np
from hypothesis import strategies as st

SCORES = (-np.inf, 0.0, 0.5, 1.0)


def orders(scores: np.ndarray) -> Iterator[np.ndarray]:
    """Yield every order of the positions, best first, in which tied ones stand in any order."""
    levels = [np.flatnonzero(scores == value) for value in np.unique(scores)[::-1]]
    for parts in product(*(list(permutations(level.tolist())) for level in levels)):
        yield np.array([place for part in parts for place in part])


@st.composite
def rankings(draw: st.DrawFn, most: int = 6, faulty: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Draw labels, at least ``faulty`` of them true, and scores with ties."""
    items = draw(st.lists(st.tuples(st.booleans(), st.sampled_from(SCORES)), min_size=1, max_size=most))
    labels, scores = (np.array(column) for column in zip(*items, strict=True))
    labels[:faulty] = True
    return labels.astype(bool), scores.astype(float)
