"""A method's own cut: how good is what it flags?"""

from dataclasses import dataclass

import numpy as np

from cleanbench.core import Bools
from cleanbench.metrics import Value


@dataclass(frozen=True, slots=True)
class Cut:
    """What a method flags among the annotated items, counted.

    Attributes:
        items: Annotated items.
        faulty: How many of them are faulty.
        flagged: How many of them the method flags.
        found: How many are faulty and flagged.
    """

    items: int
    faulty: int
    flagged: int
    found: int

    @classmethod
    def of(cls, labels: Bools, flags: Bools) -> "Cut":
        """Count; both of shape ``(M,)``.

        Example:
            >>> Cut.of(np.array([True, True, False]), np.array([True, False, True])).f1
            Value(value=0.5, reason=None)
        """
        return cls(len(labels), *(int(np.count_nonzero(those)) for those in (labels, flags, labels & flags)))

    @property
    def precision(self) -> Value:
        """Share of the flagged items that are faulty, in [0, 1]; undefined where nothing is flagged."""
        return Value(self.found / self.flagged) if self.flagged else Value(None, "nothing is flagged")

    @property
    def recall(self) -> Value:
        """Share of the faulty items that are flagged, in [0, 1]; undefined where nothing is faulty."""
        return Value(self.found / self.faulty) if self.faulty else Value(None, "no faulty items")

    @property
    def f1(self) -> Value:
        """Harmonic mean of precision and recall, in [0, 1]; 0 where either is; undefined where both are.

        It rewards a cut that flags as many items as are faulty, whatever a miss or a false alarm costs.
        """
        either = self.flagged + self.faulty
        return Value(2 * self.found / either) if either else Value(None, "nothing is flagged and nothing is faulty")
