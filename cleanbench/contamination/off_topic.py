"""Off-topic images: ``xr`` adds foreign ones, ``blur`` blurs some strongly."""

from dataclasses import dataclass, replace

import numpy as np

from cleanbench.contamination.base import PlantedImages
from cleanbench.contamination.draft import NONE, Draft, Item, count
from cleanbench.contamination.edits import draw_blur
from cleanbench.contamination.foreign import DRAWN, foreign_images
from cleanbench.core import Ints, Issue, UserError

LABELS = ("random", "new_class")
NEW_CLASS = "off-topic"


@dataclass(frozen=True, kw_only=True)
class OffTopic(PlantedImages):
    """Plants off-topic images.

    Attributes:
        offtopic_label: Their labels: ``random``, those of random images of the base, so that labels do not betray
            them; ``new_class``, a class of their own, as in the protocol.
    """

    offtopic_label: str = "random"

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            UserError: If one is unusable.
        """
        super().__post_init__()
        if self.offtopic_label not in LABELS:
            raise UserError(
                f"contamination.offtopic_label={self.offtopic_label!r} is unknown; choose one of {', '.join(LABELS)}"
            )

    def _labels(self, draft: Draft, wanted: int, rng: np.random.Generator) -> Ints:
        """Return a label for each off-topic image; `NONE` where the image that lends its label has none."""
        base = draft.base
        if self.offtopic_label == "random" or base.labels is None:
            return rng.choice(np.full(1, NONE) if base.labels is None else base.labels, wanted)
        if NEW_CLASS in draft.classes:
            raise UserError(
                f"{base.name!r} has a class {NEW_CLASS!r} already; leave contamination.offtopic_label=random"
            )
        # Classes are sorted by name everywhere else; at the end it leaves the others their positions.
        draft.classes = (*draft.classes, NEW_CLASS)
        return np.full(wanted, len(draft.classes) - 1)


@dataclass(frozen=True, kw_only=True)
class Foreign(OffTopic):
    """Adds images from elsewhere, as the protocol ``XR`` adds X-rays to other sets.

    ``ceil(fraction * N)`` images of the source are added to the N of the base, cut and resized to the sizes of random
    images of it; smaller ones are enlarged, which shows. The protocol takes the images of VinDr-BodyPartXR whose class
    is "others"; here any ``source`` can be given.

    Attributes:
        source: A folder, the name of a data set, or ``drawings``: charts, codes and patterns drawn by a program,
            which need no data but are far from hard to find. Required.
    """

    protocol = "xr"

    source: str | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            UserError: If one is unusable.
        """
        super().__post_init__()
        if not self.source:
            raise UserError(
                f"contamination={self.protocol} needs images from elsewhere: contamination.source=FOLDER, the name of "
                f"a data set, or {DRAWN} (charts, codes and patterns, drawn by a program)"
            )

    def plant(self, draft: Draft, rng: np.random.Generator) -> None:
        """Add foreign images."""
        wanted = count(self.fraction, len(draft))
        foreign, used = foreign_images(self.source or "", wanted, draft.base, rng)
        draft.foreign = foreign
        labels, sizes = self._labels(draft, wanted, rng), rng.integers(len(draft.base), size=wanted)
        for origin, label, size in zip(used.tolist(), labels.tolist(), sizes.tolist(), strict=True):
            draft.add(Item(origin, foreign=True, size_of=size), NONE, label)
        draft.told[Issue.OFF_TOPIC] = (
            f"Synthetic: {wanted:,} images of {foreign.name!r} were added. {draft.taken_for_right(Issue.OFF_TOPIC)}"
        )


@dataclass(frozen=True, kw_only=True)
class Blurred(OffTopic):
    """Replaces images by what is left of them after a strong blur, as the protocol ``BLUR``.

    Posterised to 2 bits (p .5), solarised above 192 (p .5), then blurred with a radius of 10 to 100 pixels at a
    shorter side of 512. ``ceil(fraction * N)`` of the N images are replaced and become off-topic; their originals are
    not in the set, so that it keeps its size.
    """

    protocol = "blur"

    def plant(self, draft: Draft, rng: np.random.Generator) -> None:
        """Blur images."""
        wanted = count(self.fraction, len(draft))
        if wanted >= len(draft):
            raise UserError(
                f"contamination.fraction={self.fraction} would blur all {len(draft)} images of {draft.base.name!r}; "
                "lower it"
            )
        chosen = rng.choice(len(draft), wanted, replace=False)
        for position, label in zip(chosen.tolist(), self._labels(draft, wanted, rng).tolist(), strict=True):
            draft.items[position] = replace(draft.items[position], edit="blur", parameters=draw_blur(rng))
            draft.true[position], draft.given[position] = NONE, label
        draft.told[Issue.OFF_TOPIC] = (
            f"Synthetic: {wanted:,} images were blurred strongly. {draft.taken_for_right(Issue.OFF_TOPIC)}"
        )
