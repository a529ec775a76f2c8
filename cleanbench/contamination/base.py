"""`Contamination`: what every option of the group can do, and how a decided set becomes an `ImageSet`."""

import csv
import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from cleanbench.contamination.clean import clean
from cleanbench.contamination.draft import NONE, Draft, checked_share
from cleanbench.contamination.rendering import render, rendering_key
from cleanbench.core import Bools, Floats, GroundTruth, Ints, Issue, UserError, digest_of
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Files, Images
from cleanbench.settings import check_types
from cleanbench.store import Store

TRUTH = "planted"
COLUMNS = (
    *("id", "source", "source_id", "edit", "parameters", "copy_of", "beside", "size_of"),
    *("true_label", "given_label", "off_topic", "label_error"),
)


class Contamination(ABC):
    """What is done to a data set before methods see it."""

    @abstractmethod
    def apply(self, image_set: ImageSet) -> ImageSet:
        """Return the contaminated set."""


class Untouched(Contamination):
    """The data set as it is."""

    def apply(self, image_set: ImageSet) -> ImageSet:
        """Return the set itself."""
        return image_set


@dataclass(frozen=True, kw_only=True)
class Planted(Contamination):
    """Plants faults in the images of a set that have no known fault, and judges exactly these.

    - The base: images that any truth of the set calls faulty are left out, and all but one of a group of
      near-duplicates; so are images that cannot be read. An image that the set does not judge stays, and its negative
      judgement is missing in the contaminated set as well. A set without truth of an issue is taken to be free of it.
    - The truths of the contaminated set are called ``planted``; issues that are not planted have none. Images that the
      base states to be labelled rightly are not stated any more: set ``truth.calibration``.
    - Ids are hashes, so their order is random. Where pixels change, all images, clean ones too, are decoded, reduced
      to ``side``, and written as BMP, whose size follows from width and height alone; what is added gets the size of
      a random image of the base. Where only labels change, the files stay as they are and the ids do not
      depend on the seed, so that embeddings are computed once for all noises, fractions and seeds.
    - How every image came about is in a table of its own: `provenance`.

    Attributes:
        protocol: Its name in that of the set: ``BASE~PROTOCOL-FRACTION-sSEED``.
        fraction: Share of faulty images, in (0, 1); ``ceil(fraction * N)`` are planted.
        seed: Of all that is drawn.
        name: Name of the set, instead of that made from protocol, fraction and seed.
    """

    protocol: ClassVar[str]

    fraction: float = 0.05
    seed: int = 0
    name: str | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            UserError: If one is unusable.
        """
        check_types(self, "contamination")
        checked_share("contamination.fraction", self.fraction)
        if self.seed < 0:
            raise UserError(f"contamination.seed={self.seed} must be 0 or more")

    @abstractmethod
    def plant(self, draft: Draft, rng: np.random.Generator) -> None:
        """Decide about faults.

        Raises:
            UserError: If the base cannot have them.
        """

    def apply(self, image_set: ImageSet) -> ImageSet:
        """Return the contaminated set; its images are made once and kept in the cache.

        Raises:
            UserError: If the set cannot be contaminated so.
        """
        store = Store.default()
        draft = self._draft(image_set, store)
        digest = draft.digest()
        ids = _ids(draft, digest)
        order = np.argsort(ids)
        names = tuple(ids[position] for position in order)
        if not draft.changes_pixels:
            images = draft.base.images.take(order)
        else:
            key = digest_of([digest, rendering_key(), str(self._side)])[:32]
            folder = store.folder(f"contaminated/{key}", lambda empty: render(draft, ids, self._side, empty))
            images = Images(Files(tuple(folder / f"{name}.bmp" for name in names)))
        labelled = draft.base.labels is not None
        return ImageSet(
            name=self.name or f"{image_set.name}~{self.protocol}-{self.fraction:g}-s{self.seed}",
            ids=names,
            images=images,
            labels=np.array(draft.given)[order] if labelled else None,
            classes=draft.classes if labelled else (),
            truths=_truths(draft, names, np.argsort(order)),
            card=self._card(draft),
            warnings=draft.base.warnings,
            provenance=_written_provenance(draft, digest, store),
        )

    def provenance(self, image_set: ImageSet) -> Path:
        """Return a CSV file that tells how each image of ``apply(image_set)`` came about.

        ``id`` in the contaminated set; ``source`` (``base`` or ``foreign``) and ``source_id``, its id there; ``edit``
        and its ``parameters`` as JSON; ``copy_of``, the id of its original in the contaminated set; ``beside`` and
        ``size_of``, ids in the base of a second image shown in it and of the one whose size it got; ``true_label``,
        ``given_label``; ``off_topic`` and ``label_error`` (1 if planted). It lies apart from the images.
        """
        store = Store.default()
        draft = self._draft(image_set, store)
        return _written_provenance(draft, draft.digest(), store)

    @property
    def _side(self) -> int | None:
        """What the shorter side of images is reduced to."""
        return None

    def _draft(self, image_set: ImageSet, store: Store) -> Draft:
        draft = Draft.of(clean(image_set, store), image_set.pixels_digest)
        self.plant(draft, np.random.default_rng(self.seed))
        return draft

    def _card(self, draft: Draft) -> Card:
        base = draft.base.card
        cards = [base, *([] if draft.foreign is None else [draft.foreign.card])]
        commercial = {card.commercial for card in cards}
        licences = [base.licence]
        source = f"{draft.base.name}: {base.source}"
        if draft.foreign is not None:
            licences.append(f"{draft.foreign.card.licence} for the off-topic images")
            source += f"; off-topic images from {draft.foreign.name}: {draft.foreign.card.source}"
        return Card(
            description=(
                f"{len(draft.base):,} images of {draft.base.name!r} without known fault, in which a program planted "
                f"faults ({self.protocol}, fraction {self.fraction:g}, seed {self.seed}). Numbers on it show how "
                f"methods cope with planted faults; they do not rank methods for real data. {base.description}"
            ).strip(),
            licence="; ".join(licences),
            source=source,
            citation=base.citation,
            truths={str(issue): told for issue, told in draft.told.items()},
            redistributable=all(card.redistributable for card in cards),
            # What one part forbids is forbidden; what one part leaves open is open.
            commercial=False if False in commercial else None if None in commercial else True,
            identifier=base.identifier,
            grouping=base.grouping,
            capture=base.capture,
            blemishes=base.blemishes,
        )


@dataclass(frozen=True, kw_only=True)
class PlantedImages(Planted):
    """Plants faults that show in pixels.

    Attributes:
        side: All images, clean ones too, whose shorter side is longer are reduced to it; None: none is.
    """

    side: int | None = 512

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            UserError: If one is unusable.
        """
        super().__post_init__()
        if self.side is not None and self.side < 1:
            raise UserError(f"contamination.side={self.side} must be a number of pixels, or null")

    @property
    def _side(self) -> int | None:
        return self.side


def _ids(draft: Draft, digest: str) -> list[str]:
    """Return the id of each item: a hash, so that sorting by it shuffles."""
    # Labels alone change no pixel, and an embedding must be found again.
    about = digest if draft.changes_pixels else draft.base_digest()
    return [hashlib.sha256(f"{about} {position}".encode()).hexdigest()[:16] for position in range(len(draft))]


def _truths(draft: Draft, ids: tuple[str, ...], place: Ints) -> dict[tuple[Issue, str], GroundTruth]:
    """Return the truth of every planted issue; ``place`` says where each item of the draft is among the ids."""

    def truth(issue: Issue, items: Ints, faulty: Bools, inclusion: Floats | None = None) -> GroundTruth:
        # Pairs are drawn among those that the base does not judge.
        presumed = issue.ranks_pairs or draft.presumes(issue)
        return GroundTruth.of(
            issue,
            ids,
            place[items],
            faulty,
            name=TRUTH,
            kind="synthetic",
            inclusion=inclusion,
            presumed=presumed,
        )

    truths = {}
    if Issue.OFF_TOPIC in draft.told:
        off_topic = draft.off_topic()
        judged = np.flatnonzero(off_topic | draft.right(Issue.OFF_TOPIC))
        truths[Issue.OFF_TOPIC, TRUTH] = truth(Issue.OFF_TOPIC, judged, off_topic[judged])
    if Issue.NEAR_DUPLICATE in draft.told:
        drawn = draft.inclusion if (draft.inclusion < 1).any() else None
        truths[Issue.NEAR_DUPLICATE, TRUTH] = truth(Issue.NEAR_DUPLICATE, draft.pairs, draft.copied, drawn)
    if Issue.LABEL_ERROR in draft.told:
        judged = np.flatnonzero(draft.right(Issue.LABEL_ERROR))
        wrong = np.not_equal(draft.true, draft.given)
        truths[Issue.LABEL_ERROR, TRUTH] = truth(Issue.LABEL_ERROR, judged, wrong[judged])
    return truths


def _written_provenance(draft: Draft, digest: str, store: Store) -> Path:
    key, ids = digest_of([digest, *COLUMNS])[:32], _ids(draft, digest)
    # Not beside the images: a method may come to see the folder that they lie in.
    return store.folder(f"contaminated-truth/{key}", lambda empty: _trace(draft, ids, empty)) / "provenance.csv"


def _trace(draft: Draft, ids: list[str], folder: Path) -> None:
    """Write ``provenance.csv``, sorted by id."""

    def name(of: tuple[str, ...] | list[str], position: int) -> str:
        return "" if position == NONE else of[position]

    base = draft.base.ids
    with (folder / "provenance.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for position in np.argsort(ids).tolist():
            item, true, given = draft.items[position], draft.true[position], draft.given[position]
            origins = draft.foreign.ids if item.foreign and draft.foreign is not None else base
            writer.writerow(
                (
                    *(ids[position], "foreign" if item.foreign else "base", origins[item.origin], item.edit),
                    json.dumps(item.parameters, sort_keys=True) if item.parameters else "",
                    *(name(ids, item.copy_of), name(base, item.beside), name(base, item.size_of)),
                    *(name(draft.classes, true), name(draft.classes, given)),
                    *(int(item.off_topic), int(not item.off_topic and true != given)),
                )
            )
