"""``mixed``: off-topic images, then near-duplicates, then label errors."""

from dataclasses import dataclass

import numpy as np

from cleanbench.contamination.copies import Augmented
from cleanbench.contamination.draft import Draft
from cleanbench.contamination.label_noise import UniformPerClass
from cleanbench.contamination.off_topic import Foreign


@dataclass(frozen=True, kw_only=True)
class Mixed(Foreign):
    """Plants all three issues, one after the other: ``xr``, then ``aug``, then ``lblc``, as the mixed protocol.

    Each has the fraction f = (1 + C)^(1/3) - 1 of what is there by then, so that the three make C = ``fraction``
    together; C = .1 gives 3.23 % each. Departs from the authors' code: copies are made of images of the base only,
    because a copy of a foreign image would be off-topic, and labels of copies can be changed as well.

    Attributes:
        negatives: Pairs drawn as negatives, per copy.
    """

    protocol = "mixed"

    negatives: int = 30

    @property
    def share(self) -> float:
        """The fraction of each issue."""
        return float((1 + self.fraction) ** (1 / 3) - 1)

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            UserError: If one is unusable.
        """
        super().__post_init__()
        self._steps()

    def plant(self, draft: Draft, rng: np.random.Generator) -> None:
        """Plant all three."""
        for step in self._steps():
            step.plant(draft, rng)

    def _steps(self) -> tuple[Foreign, Augmented, UniformPerClass]:
        return (
            Foreign(fraction=self.share, source=self.source, offtopic_label=self.offtopic_label),
            Augmented(fraction=self.share, negatives=self.negatives),
            UniformPerClass(fraction=self.share),
        )
