"""What is drawn again: single items, whole components of judged pairs, or images.

Every replicate gives each unit a weight from the exponential distribution, as if the population had been sampled anew
(the Bayesian bootstrap of Rubin, Annals of Statistics 1981). Weights come from a counter (SplitMix64 of Steele, Lea and
Flood, OOPSLA 2014), not from a generator that a library may change, and depend on nothing but the truth: two methods
on one truth see the same replicates, on every machine, and so can be compared replicate by replicate.
"""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from cleanbench.core import Ints

Unit = Literal["items", "components", "images"]
# Components are drawn when they count as at least this many of one size; fewer do not show how results vary.
ENOUGH_COMPONENTS = 30


@dataclass(frozen=True, eq=False)
class Resampling:
    """Which weights the items of a truth share.

    Attributes:
        unit: ``items`` are drawn independently, ``components`` whole; where it is ``images``, the weight of a pair is
            the product of its images' weights.
        units: How many of them there are.
        first: The unit that each item belongs to, shape ``(M,)``.
        second: The other image of each pair, shape ``(M,)``; the same as ``first`` unless images are drawn.
    """

    unit: Unit
    units: int
    first: Ints
    second: Ints

    @property
    def disjoint(self) -> int:
        """How many items there can be at most that share no unit: of n images, n/2 pairs."""
        return self.units // 2 if self.unit == "images" else self.units

    @classmethod
    def independent(cls, items: int) -> Self:
        """Draw ``items`` items independently of each other."""
        own = np.arange(items)
        return cls("items", items, own, own)

    @classmethod
    def of(cls, items: Ints) -> Self:
        """Choose what is drawn again.

        Pairs that share an image are not independent. Connected components of the graph of judged pairs are, so they
        are drawn where there are enough of them, counted by Kish's effective number ``(sum m)^2 / sum m^2`` of their
        sizes m, so that one component that holds most pairs counts as what it is. Otherwise images are drawn (the
        pigeonhole bootstrap of Owen, Annals of Applied Statistics 2007).

        Args:
            items: Of a truth: any numbers of images, shape ``(M,)``, or pairs of them, shape ``(M, 2)``.
        """
        items = np.asarray(items)
        if items.ndim == 1:
            return cls.independent(len(items))
        images, ends = np.unique(items, return_inverse=True)
        ends = ends.reshape(items.shape)
        component = _components(ends, len(images))
        sizes = np.bincount(component).astype(np.float64)
        if len(items) and sizes.sum() ** 2 >= ENOUGH_COMPONENTS * (sizes @ sizes):
            # Without shared images every pair is a component of its own.
            return cls("items" if len(sizes) == len(items) else "components", len(sizes), component, component)
        return cls("images", len(images), ends[:, 0].copy(), ends[:, 1].copy())


def _components(ends: Ints, images: int) -> Ints:
    """Return the number of the connected component of each pair, shape ``(M,)``."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(ends), dtype=bool), (ends[:, 0], ends[:, 1])), shape=(images, images))
    _, of_image = connected_components(graph, directed=False)
    return np.unique(of_image[ends[:, 0]], return_inverse=True)[1] if len(ends) else np.zeros(0, dtype=np.int64)
