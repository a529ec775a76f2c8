"""Near-duplicates: ``aug`` adds augmented copies, ``arte`` copies with artefacts."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cleanbench.contamination.base import PlantedImages
from cleanbench.contamination.draft import NONE, Draft, Item, count
from cleanbench.contamination.edits import Parameters, draw_artefacts, draw_augmentation
from cleanbench.contamination.negatives import negative_pairs
from cleanbench.core import Issue, UserError


@dataclass(frozen=True, kw_only=True)
class Copies(PlantedImages):
    """Adds near-duplicates: ``ceil(fraction * N)`` images of the base get a copy each, with the label of the original.

    A copy gets the size of a random image of the base, so that equal sizes do not betray it. The truth holds every
    copy with its original. In the protocol every other pair of the set is a negative; here a sample of them is,
    `negative_pairs`, a third of it pairs with a copy, a third other pairs of one class, a third pairs of two classes;
    the truth holds the probability with which each was drawn. All pairs are judged where there are at most 20,000.
    Pairs that the base itself judges to be none are added. All other negatives are *taken* to be none, as the protocol
    does: near-duplicates that the base has by nature, and does not know of, count as mistakes of whoever finds them.

    Attributes:
        edit: What is done to a copy, a key of `cleanbench.contamination.edits.EDITS`.
        negatives: Pairs drawn as negatives, per copy.
    """

    edit: ClassVar[str]

    negatives: int = 30

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            UserError: If one is unusable.
        """
        super().__post_init__()
        if self.negatives < 1:
            raise UserError(f"contamination.negatives={self.negatives} must be 1 or more pairs per copy")

    def plant(self, draft: Draft, rng: np.random.Generator) -> None:
        """Add copies."""
        before = len(draft)
        wanted = count(self.fraction, before)
        # A copy of an off-topic image would be one more of these.
        originals = np.flatnonzero(~draft.off_topic())
        if wanted > len(originals):
            raise UserError(
                f"contamination.fraction={self.fraction} asks for copies of {wanted} images, but {draft.base.name!r} "
                f"has {len(originals)}; lower it"
            )
        for original in rng.choice(originals, wanted, replace=False).tolist():
            origin, parameters = draft.items[original].origin, self._parameters(rng)
            size, other = rng.integers(len(draft.base)), rng.integers(1, len(draft.base))
            item = Item(
                origin,
                edit=self.edit,
                parameters=parameters,
                copy_of=original,
                # Any image of the base but the original itself.
                beside=(origin + int(other)) % len(draft.base) if parameters.get("mosaic") else NONE,
                size_of=int(size),
            )
            draft.add(item, draft.true[original], draft.given[original])
        self._judge(draft, before, rng)

    @abstractmethod
    def _parameters(self, rng: np.random.Generator) -> Parameters:
        """Draw how a copy is edited."""

    def _judge(self, draft: Draft, originals: int, rng: np.random.Generator) -> None:
        """Judge pairs; what is known of the pairs of the base is not drawn once more."""
        planted = np.array([(item.copy_of, originals + at) for at, item in enumerate(draft.items[originals:])])
        shown = np.array([(item.beside, originals + at) for at, item in enumerate(draft.items[originals:])])
        shown = shown[shown[:, 0] != NONE]  # neither duplicate nor not
        truths = [truth.items for (issue, _), truth in draft.base.truths.items() if issue.ranks_pairs]
        judged = np.unique(np.concatenate([np.zeros((0, 2), dtype=np.int64), *truths]), axis=0)
        negatives, chances = negative_pairs(
            np.array(draft.given),
            originals,
            np.concatenate([planted, shown, judged]),
            self.negatives * len(planted),
            rng,
        )
        draft.pairs = np.concatenate([planted, judged, negatives])
        draft.copied = np.arange(len(draft.pairs)) < len(planted)
        draft.inclusion = np.concatenate([np.ones(len(planted) + len(judged)), chances])
        drawn = "all other pairs"
        if (chances < 1).any():
            drawn = f"{len(negatives):,} of the other pairs (a third with a copy, a third of one class, a third of two)"
        human = f"{len(judged):,} pairs that the base judges and " if len(judged) else ""
        draft.told[Issue.NEAR_DUPLICATE] = (
            f"Synthetic: {len(planted):,} copies, each with its original. Negatives are {human}{drawn}, taken to be "
            "none as the protocol takes all."
        )


@dataclass(frozen=True, kw_only=True)
class Augmented(Copies):
    """Adds augmented copies, as the protocol ``AUG``.

    Rotation by 0 to 180 degrees (p .5); a crop of .5 to .9 of the area and of 3:4 to 4:3; 3 black pixels around it
    (p .5) and a blur of .1 to 2 pixels (p .5), at a side of 224; mirrored and flipped (p .5 each). The copy keeps the
    resolution of its original, where the protocol reduces it to 224 pixels: a blurred copy among sharp images would
    be found by that.
    """

    protocol, edit = "aug", "augmentation"

    def _parameters(self, rng: np.random.Generator) -> Parameters:
        return draw_augmentation(rng)


@dataclass(frozen=True, kw_only=True)
class Artefacts(Copies):
    """Adds copies with artefacts, as the protocol ``ARTE``.

    A watermark of an emblem and the word CONFIDENTIAL, a bar of colours beside the image, and another image of the
    base below and beside it, p .5 each. The emblem and the bar are our own. In the authors' code one copy in eight has
    no artefact and is the original resized; here the artefacts are drawn again until there is one, unless
    ``plain_copies``. Its variant in gray, for X-rays, is not offered. A copy that shows another image is neither a
    duplicate of that one nor not: the pair is not judged.

    Attributes:
        plain_copies: Whether a copy may go without artefact.
    """

    protocol, edit = "arte", "artefacts"

    plain_copies: bool = False

    def _parameters(self, rng: np.random.Generator) -> Parameters:
        parameters = draw_artefacts(rng)
        while not (self.plain_copies or any(parameters.values())):
            parameters = draw_artefacts(rng)
        return parameters
