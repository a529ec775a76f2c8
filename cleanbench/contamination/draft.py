"""What a contamination decides before a pixel is changed: which images there are, and what each is."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from cleanbench.contamination.clean import known_right
from cleanbench.core import Bools, Floats, Ints, Issue, UserError, digest_of
from cleanbench.image_set import ImageSet

NONE = -1  # no image, no label


@dataclass(frozen=True)
class Item:
    """An image of the contaminated set.

    Attributes:
        origin: Its position in the base, or among the foreign images.
        foreign: Whether it is from the foreign images.
        edit: What is done to it, a key of `cleanbench.contamination.edits.EDITS`; empty for nothing.
        parameters: How exactly, as JSON values.
        copy_of: Position of the item that it is a copy of, or `NONE`.
        beside: Position in the base of a second image shown in it, or `NONE`.
        size_of: Position in the base of the image whose size it gets; `NONE`: it keeps its own.
    """

    origin: int
    foreign: bool = False
    edit: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    copy_of: int = NONE
    beside: int = NONE
    size_of: int = NONE

    @property
    def off_topic(self) -> bool:
        """Whether it was planted as an off-topic image."""
        return self.foreign or self.edit == "blur"


@dataclass
class Draft:
    """The contaminated set while it is being decided; steps add items and change given labels.

    Attributes:
        base: Images without known fault.
        pixels_digest: Of the set that the base was taken from.
        items: What the images are; those of the base come first, copies last.
        true: Class of each item, `NONE` if it has none or is off-topic.
        given: Label of each item, `NONE` if it has none.
        classes: Class names.
        foreign: Images from elsewhere.
        pairs: Judged pairs of items, shape ``(P, 2)``.
        copied: Which of the pairs are a copy and its original, shape ``(P,)``.
        inclusion: Probability with which each pair was drawn, shape ``(P,)``.
        told: How the truth of each issue was made.
    """

    base: ImageSet
    pixels_digest: str
    items: list[Item]
    true: list[int]
    given: list[int]
    classes: tuple[str, ...]
    foreign: ImageSet | None = None
    pairs: Ints = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    copied: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))
    inclusion: Floats = field(default_factory=lambda: np.zeros(0))
    told: dict[Issue, str] = field(default_factory=dict)

    @classmethod
    def of(cls, base: ImageSet, pixels_digest: str) -> Self:
        """Return the base itself; ``pixels_digest`` is that of the set that it was taken from."""
        labels = [NONE] * len(base) if base.labels is None else base.labels.tolist()
        items = [Item(position) for position in range(len(base))]
        return cls(base, pixels_digest, items, labels, list(labels), base.classes)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.items)

    def add(self, item: Item, true: int, given: int) -> None:
        """Append an image."""
        self.items.append(item)
        self.true.append(true)
        self.given.append(given)

    @property
    def changes_pixels(self) -> bool:
        """Whether any image is not one of the base as it is."""
        return len(self.items) > len(self.base) or any(item.edit for item in self.items)

    def off_topic(self) -> Bools:
        """Return which items were planted as off-topic images, shape ``(N,)``."""
        return np.array([item.off_topic for item in self.items])

    def right(self, issue: Issue) -> Bools:
        """Return which items are known to be free of an issue but for what was planted, shape ``(N,)``.

        A copy is what its original is; of the label of an off-topic image nothing can be said.
        """
        known = known_right(self.base, issue)
        return np.array([not item.off_topic and bool(known[item.origin]) for item in self.items])

    def presumes(self, issue: Issue) -> bool:
        """Return whether the negatives of an issue rest on a presumption: the base knows none, or presumes its own."""
        truths = [truth for (judged, _), truth in self.base.truths.items() if judged is issue]
        return not truths or any(truth.presumed for truth in truths)

    def taken_for_right(self, issue: Issue) -> str:
        """Say what the negatives of an issue rest on."""
        if any(judged is issue for judged, _ in self.base.truths) and self.presumes(issue):
            return "The others count as right in the base, where that is presumed, not judged, of some or all of them."
        if any(judged is issue for judged, _ in self.base.truths):
            return "The others are those that the base judges to be right; what it does not judge is not judged."
        return "All others are taken to be right, because the base judges none."

    def base_digest(self) -> str:
        """Return the SHA-256 of which images the base holds; files are not read again for it."""
        return digest_of([self.pixels_digest, *self.base.ids])

    def digest(self) -> str:
        """Return the SHA-256 of all that was decided and of what it was decided about."""
        return digest_of(
            [
                self.base_digest(),
                "" if self.foreign is None else self.foreign.pixels_digest,
                *(json.dumps(vars(item), sort_keys=True) for item in self.items),
                json.dumps([self.true, self.given, self.classes]),
            ]
        )


def count(fraction: float, total: int) -> int:
    """Return ``ceil(fraction * total)``, as the protocol counts.

    Example:
        >>> count(0.1, 70)  # not 8, as for 0.1 * 70 = 7.000000000000001
        7
    """
    return math.ceil(round(fraction * total, 9))


def checked_share(name: str, fraction: float) -> None:
    """Raise a `UserError` unless a fraction lies between 0 and 1."""
    if not 0 < fraction < 1:
        raise UserError(f"{name}={fraction} must be a share of the images, above 0 and below 1; such as 0.05")
