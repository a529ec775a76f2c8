"""A method's own cut: how good is what it flags?"""

from dataclasses import dataclass

import numpy as np

from cleanbench.core import Bools, Issue
from cleanbench.metrics import Value
from cleanbench.proportions import jeffreys
from cleanbench.records import Measured

MEASURES = ("precision", "recall", "f1")


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

    def interval(self, name: str) -> tuple[float, float] | None:
        """Return the 95 % interval of ``precision`` or ``recall`` of images; None for F1 and where it is undefined.

        It is Jeffreys', of a share of independent items, which pairs that share images are not.
        """
        trials = {"precision": self.flagged, "recall": self.faulty}.get(name, 0)
        return jeffreys(self.found, trials) if trials else None


def measured(cut: Cut, issue: Issue) -> dict[str, Measured]:
    """Return what a record says of a cut: for images with intervals, for pairs, which share images, without."""
    found = {}
    for name in MEASURES:
        value: Value = getattr(cut, name)
        low, high = (None if issue.ranks_pairs else cut.interval(name)) or (None, None)
        found[name] = Measured(value=value.value, low=low, high=high, reason=value.reason)
    return found
