"""`ImageSet`: images with their given labels, and what is known about their faults."""

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import GroundTruth, Ints, Issue, UserError, digest_of, read_only
from cleanbench.images import Images
from cleanbench.settings import check_types

LONGEST_NAME = 120  # bytes; a file system takes 255, and names of files hold more than that of the data set
# Control characters, line and paragraph separators, and halves of characters: they break lines of tables and files.
UNPRINTABLE = ("Cc", "Zl", "Zp", "Cs")


def folder_name(name: str) -> str:
    """Return the name of a data set, which folders are named after.

    Raises:
        UserError: If no folder can have it, it has control characters, or it is longer than `LONGEST_NAME`.
    """
    if (
        not name.strip()
        or name.startswith(".")
        or set("/\\") & set(name)
        or any(unicodedata.category(sign) in UNPRINTABLE for sign in name)
    ):
        raise UserError(f"{name!r} cannot name a data set, because folders are named after it")
    if (length := len(name.encode())) > LONGEST_NAME:
        raise UserError(
            f"the name {name[:40]!r}… of a data set has {length} bytes; folders are named after it, so {LONGEST_NAME} "
            "are the most"
        )
    return name


@dataclass(frozen=True)
class Card:
    """What a reader must know about a data set before trusting a number made with it; empty means "not stated".

    Attributes:
        description: What the images show.
        licence: SPDX identifier, or the terms in a sentence.
        source: Where the images and the truth come from.
        citation: What to cite.
        truths: How each truth was made and by whom, by issue, or by ``issue name`` where an issue has several.
        redistributable: Whether images may be passed on freely, or by naming their makers. False: forbidden, not known,
            or allowed under further conditions; no shared page shows one then.
        commercial: Whether commercial use is allowed; None: not stated.
        identifier: Persistent identifier: a DOI, or an address whose content is pinned.
        grouping: Which images belong together (patient, lesion, capture), or that this is not recorded.
        capture: Hospital, scanner, camera, or other conditions under which images were taken.
        blemishes: What is known to be wrong with the set, a sentence each.
    """

    description: str
    licence: str
    source: str = ""
    citation: str = ""
    truths: Mapping[str, str] = field(default_factory=dict)
    redistributable: bool = False
    commercial: bool | None = None
    identifier: str = ""
    grouping: str = ""
    capture: str = ""
    blemishes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the types: who writes a card by hand may write anything.

        Raises:
            UserError: Naming the field and what is expected.
        """
        check_types(self, "dataset.card")
        if not isinstance(self.blemishes, tuple) or not all(isinstance(each, str) for each in self.blemishes):
            raise UserError("dataset.card.blemishes must be a list of sentences")
        if not all(isinstance(text, str) for entry in self.truths.items() for text in entry):
            raise UserError("dataset.card.truths must be texts by issue")

    def made(self, truth: GroundTruth) -> str:
        """Return how a truth was made and by whom; empty if that is not stated."""
        return self.truths.get(f"{truth.issue} {truth.name}", self.truths.get(str(truth.issue), ""))


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their given labels, and what is known about their faults.

    Attributes:
        name: Name in tables and folders.
        ids: The stable keys of the images, sorted; everything is joined by them.
        images: The images in the order of ``ids``, decoded when asked for.
        labels: The given, possibly wrong class of each image as a position in ``classes``, shape
            ``(N,)``; -1 where an image has none; None if the set has no labels at all.
        classes: Class names, sorted.
        attributes: Facts per image by name (``group``, ``split``, slices such as skin type), each ``(N,)``.
        truths: Ground truth by issue and name.
        calibration: Positions of images whose labels are stated to be right, shape ``(C,)``.
        card: Source, licence, how the truth was made.
        warnings: What the loader noticed, in sentences for the user.
        provenance: A CSV file that tells how each image came about, where a program made the set; kept beside the
            truth of its runs.
    """

    name: str
    ids: tuple[str, ...]
    images: Images
    labels: Ints | None = None
    classes: tuple[str, ...] = ()
    attributes: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    truths: Mapping[tuple[Issue, str], GroundTruth] = field(default_factory=dict)
    calibration: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    card: Card = field(default_factory=lambda: Card(description="", licence="not stated"))
    warnings: tuple[str, ...] = ()
    provenance: Path | None = None

    def __post_init__(self) -> None:
        """Check what every consumer relies on.

        Raises:
            UserError: If ids are unsorted or repeated, lengths disagree, a label or a position points nowhere,
                or the name cannot be that of a folder.
        """
        folder_name(self.name)
        if list(self.ids) != sorted(set(self.ids)):
            raise UserError(f"the ids of {self.name!r} must be sorted and occur once")
        if not self.ids:
            raise UserError(f"{self.name!r} holds no images")
        lengths = {
            "images": len(self.images),
            **{key: len(column) for key, column in self.attributes.items()},
        }
        if self.labels is not None:
            given = np.asarray(self.labels)
            if not np.issubdtype(given.dtype, np.integer) or given.ndim != 1:
                raise UserError(f"the labels of {self.name!r} must be integers, one for each image")
            object.__setattr__(self, "labels", read_only(given, np.int64))
            lengths["labels"] = len(given)
        for key, length in lengths.items():
            if length != len(self.ids):
                raise UserError(f"{self.name!r} has {len(self.ids)} ids but {length} {key}")
        if self.labels is not None and not ((self.labels >= -1) & (self.labels < len(self.classes))).all():
            raise UserError(f"{self.name!r} has labels outside its {len(self.classes)} classes; -1 stands for none")
        object.__setattr__(self, "calibration", read_only(self.calibration, np.int64))
        for thing, positions in (
            ("its calibration", self.calibration),
            *((f"its {issue} truth {name!r}", truth.items) for (issue, name), truth in self.truths.items()),
        ):
            if positions.size and not (positions.min() >= 0 and positions.max() < len(self.ids)):
                raise UserError(f"{thing} points outside the {len(self.ids)} images of {self.name!r}")
        object.__setattr__(self, "truths", MappingProxyType(dict(self.truths)))
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.ids)

    def truth(self, issue: Issue, name: str | None = None) -> GroundTruth | None:
        """Return the truth of ``issue`` called ``name`` (the first one if not named), or None if there is none.

        Raises:
            UserError: If the issue has truths but none of that name.
        """
        found = {key[1]: truth for key, truth in self.truths.items() if key[0] is issue}
        if name is None or not found:
            return next(iter(found.values()), None)
        if name not in found:
            raise UserError(f"{self.name!r} has no {issue} truth {name!r}; it has {', '.join(sorted(found))}")
        return found[name]

    @property
    def truth_revision(self) -> str:
        """SHA-256 over the revisions of the first truth of every issue: names the set's truth as a whole."""
        first = [self.truth(issue) for issue in Issue]
        return digest_of([truth.revision for truth in first if truth is not None])

    @cached_property
    def pixels_digest(self) -> str:
        """SHA-256 of the ids and the bytes of the image files: keys whatever is computed from pixels."""
        return digest_of(part for pair in zip(self.ids, self.images.digests(), strict=True) for part in pair)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of ids, image bytes and labels: keys records."""
        labels = b"" if self.labels is None else np.ascontiguousarray(self.labels, dtype="<i8").tobytes()
        return digest_of([self.pixels_digest, *self.classes, hashlib.sha256(labels).hexdigest()])
