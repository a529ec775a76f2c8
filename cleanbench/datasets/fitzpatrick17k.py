"""``dataset=fitzpatrick17k``: clinical images of 114 skin conditions, and what is public about them.

The table ``fitzpatrick17k.csv`` (Groh et al. 2021) has a row per image: the MD5 sum of its file, its condition, its
Fitzpatrick skin type, two coarser partitions of the conditions, for 504 images a judgement of their label, and the
address that the image was taken from. The images are not passed on with it: ``python -m cleanbench.download``
fetches those that are still there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from cleanbench.core import GroundTruth, Ints, Issue, UserError, read_only
from cleanbench.datasets.checked import checked
from cleanbench.datasets.cliques import cliques_truth, read_clusters
from cleanbench.datasets.folder import existing, find, path_of
from cleanbench.datasets.listings import Listing, classify, listed
from cleanbench.datasets.tables import some
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Files, Images

TABLE = "fitzpatrick17k.csv"
TABLE_URL = f"https://raw.githubusercontent.com/mattgroh/fitzpatrick17k/main/{TABLE}"
FETCH = "python -m cleanbench.download dataset=fitzpatrick17k root=PATH"
CLUSTERS = "complete_clusters.txt"

# Names of truths, and of what they judge a part.
EXPERT, ABHISHEK = "expert", "abhishek"

UNKNOWN = "unknown"

# The column ``qc``. An image whose label is "potentially" right or merely "characteristic" was not called wrong;
# "other" says neither.
RATINGS: Mapping[str, int | None] = {
    "1 Diagnostic": 0,
    "2 Characteristic": 0,
    "3 Wrongly labelled": 1,
    "4 Other": None,
    "5 Potentially": 0,
}

CITATION = (
    "Groh et al., Evaluating Deep Neural Networks Trained on Clinical Images in Dermatology with the "
    "Fitzpatrick 17k Dataset, CVPR Workshops 2021, arXiv:2104.09957"
)
CITATION_ABHISHEK = (
    "Abhishek, Jain and Hamarneh, Investigating the Quality of DermaMNIST and Fitzpatrick17k Dermatological Image "
    "Datasets, Scientific Data 12:196, 2025"
)
TRUTHS: Mapping[str, str] = {
    EXPERT: "Column qc of the table: 504 images rated by experts; 3 Wrongly labelled is faulty, "
    "4 Other is not judged, the others are not faulty",
    ABHISHEK: f"{CLUSTERS} of Abhishek et al. 2025: clusters of near-duplicates, proposed by fastdup and cleanvision "
    "and verified by hand, joined to the images by the first 8 digits of the MD5 sum; negatives are a sample of pairs "
    "of different clusters that nobody looked at",
}
BLEMISHES = (
    "Known to hold off-topic images, near-duplicates with differing labels and skin types, and wrong labels.",
    "Addresses of images go dead: sets that were fetched at different times differ in what is missing.",
)


@checked
def fitzpatrick17k(
    root: str,
    metadata: str | None = None,
    abhishek: str | None = None,
    negatives: int = 20_000,
    name: str = "fitzpatrick17k",
) -> ImageSet:
    """Read the images of Fitzpatrick17k, their table and the truths that need no other annotations.

    The label is the condition (114 classes). Attributes are ``fitzpatrick_type`` (1 to 6, by Scale AI),
    ``fitzpatrick_centaur`` (the same by Centaur Labs), ``nine_partition``, ``three_partition`` and ``source`` (the
    host the image was taken from); what is not known is called ``unknown``. The truth of label errors called
    ``expert`` is the column ``qc``.

    Args:
        root: Folder of the images, however deep: ``<md5hash>.jpg`` each. Images without a row in the table are left
            out; a row without an image keeps its id, and the image counts as unreadable. That the MD5 sum of a file
            is its name is checked by ``python -m cleanbench.download`` and ``python -m cleanbench.inspect``, not here.
        metadata: The table; by default ``fitzpatrick17k.csv`` in ``root``.
        abhishek: ``complete_clusters.txt`` of Abhishek et al., or its folder: near-duplicates called ``abhishek``.
        negatives: How many pairs of different clusters are drawn as negatives of that truth, see
            `cleanbench.datasets.cliques`.
        name: Name in tables and folders.

    Raises:
        UserError: If there is no folder or table, or a file is not what it should be. Without any image the set can be
            counted, and no method can be run.
    """
    base = read_base(root, metadata)
    truths: dict[tuple[Issue, str], GroundTruth] = {}
    warnings = [*base.warnings]
    add_expert(base, truths, warnings)
    add_abhishek(base, abhishek, negatives, truths, warnings)
    return base.image_set(
        name,
        truths,
        warnings,
        Card(
            description="Clinical photographs of skin conditions, from two public atlases of dermatology",
            licence="CC-BY-NC-SA-3.0 for the table; the images belong to the atlases that they were taken from",
            source="https://github.com/mattgroh/fitzpatrick17k; images: dermaamin.com, atlasdermatologico.com.br",
            citation="; ".join([CITATION, *([CITATION_ABHISHEK] if abhishek else [])]),
            truths=told_truths(truths),
            redistributable=False,
            commercial=False,
            identifier="https://github.com/mattgroh/fitzpatrick17k (no DOI, and no version of its own)",
            grouping="Not recorded which images are of one patient or lesion; pairs that are, are near-duplicates here",
            capture="Photographs by many physicians with unknown cameras, published in two atlases",
            blemishes=BLEMISHES,
        ),
    )


@dataclass(frozen=True)
class Base:
    """Images and what their table says about them.

    Attributes:
        listing: The images, sorted by id, with all columns of the table.
        labels: Positions in ``classes``, -1 for none; None if no image has a label.
        classes: Names of classes, sorted.
        warnings: What the user should know, in sentences.
    """

    listing: Listing
    labels: Ints | None
    classes: tuple[str, ...]
    warnings: tuple[str, ...]

    def image_set(
        self, name: str, truths: Mapping[tuple[Issue, str], GroundTruth], warnings: list[str], card: Card
    ) -> ImageSet:
        """Return the images with these truths."""
        return ImageSet(
            name=name,
            ids=self.listing.ids,
            images=Images(Files(self.listing.paths)),
            labels=self.labels,
            classes=self.classes,
            attributes=_slices(self.listing.attributes),
            truths=truths,
            card=card,
            warnings=tuple(warnings),
        )


def table_of(root: Path, metadata: str | None) -> Path:
    """Return where the table should be."""
    return root / TABLE if metadata is None else path_of("metadata", metadata)


def read_base(root: str, metadata: str | None = None) -> Base:
    """Read images and the table beside them.

    Raises:
        UserError: If the table is missing or not this one, or none of its images is there.
    """
    place = existing(root)
    table = table_of(place, metadata)
    if not table.is_file():
        raise UserError(
            f"{table} is not there; put {TABLE} of https://github.com/mattgroh/fitzpatrick17k there (its terms are "
            f"CC BY-NC-SA 3.0), or give its path as dataset.metadata; {FETCH} fetches it with the images"
        )
    return base_of(table, place, "label")


def base_of(table: Path, root: Path, label: str) -> Base:
    """Read the images that a table with ``md5hash`` lists.

    Args:
        table: A row per image.
        root: The folder of the images.
        label: The column of the class.

    Raises:
        UserError: If there are images but none of these, or the table is wrong.
    """
    found = find(root)
    listing = listed(table, root, found.images, label, countable=True)
    if listing.labels is None:
        raise UserError(f"{table} has no column {label}, so it says nothing about classes; is it another table?")
    labels, classes, remarks = classify(listing.labels)
    if not found.images:
        remarks.append(
            f"put the images of Fitzpatrick17k into {root}, named <md5hash>.jpg, in any folders: {FETCH} fetches those "
            "that are still public, the authors of the set tell who asks where the others are"
        )
    return Base(listing, labels, classes, (*found.warnings, *listing.warnings, *remarks))


def add_expert(base: Base, truths: dict[tuple[Issue, str], GroundTruth], warnings: list[str]) -> None:
    """Add what the column ``qc`` says about labels, if the table has that column.

    Raises:
        UserError: If it holds a rating that is not known.
    """
    ratings = base.listing.attributes.get("qc")
    if ratings is None:
        return
    given = {position: str(rating).strip() for position, rating in enumerate(ratings) if str(rating).strip()}
    if strange := [rating for rating in dict.fromkeys(given.values()) if rating not in RATINGS]:
        raise UserError(f"the column qc holds {some(strange)}; expected is nothing or one of {', '.join(RATINGS)}")
    judged = {position: RATINGS[rating] for position, rating in given.items() if RATINGS[rating] is not None}
    if not judged:
        warnings.append("the column qc judges no image, so there is no expert truth")
        return
    truths[Issue.LABEL_ERROR, EXPERT] = GroundTruth.of(
        Issue.LABEL_ERROR,
        base.listing.ids,
        list(judged),
        [rating == 1 for rating in judged.values()],
        name=EXPERT,
    )


def add_abhishek(
    base: Base,
    path: str | None,
    negatives: int,
    truths: dict[tuple[Issue, str], GroundTruth],
    warnings: list[str],
) -> None:
    """Add the near-duplicates of Abhishek et al., if their file is given.

    Raises:
        UserError: If it cannot be read or names no image of the set.
    """
    if path is None:
        return
    place = path_of("abhishek", path)
    place = place / CLUSTERS if place.is_dir() else place
    if not place.is_file():
        raise UserError(
            f"{place} is not there; dataset.abhishek should be {CLUSTERS} of "
            "https://github.com/kakumarabhishek/Corrected-Skin-Image-Datasets, or its folder"
        )
    clusters, remarks = read_clusters(place, base.listing.ids)
    warnings.extend(remarks)
    truth = cliques_truth(base.listing.ids, clusters, base.labels, negatives, ABHISHEK, str(place))
    if truth is None:
        warnings.append(f"{place}: no cluster has two images of this set, so there is no truth called {ABHISHEK}")
    else:
        truths[Issue.NEAR_DUPLICATE, ABHISHEK] = truth


def told_truths(truths: Mapping[tuple[Issue, str], GroundTruth], told: Mapping[str, str] = TRUTHS) -> dict[str, str]:
    """Return how each truth was made, for a card."""
    several = {issue for issue, _ in truths if sum(judged is issue for judged, _ in truths) > 1}
    return {f"{issue} {name}" if issue in several else str(issue): told[name] for issue, name in truths}


def _slices(columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return the attributes of images by the names they have here."""
    names = {
        "fitzpatrick_scale": "fitzpatrick_type",
        "fitzpatrick": "fitzpatrick_type",
        "fitzpatrick_centaur": "fitzpatrick_centaur",
        "nine_partition_label": "nine_partition",
        "three_partition_label": "three_partition",
    }
    slices = {
        names[column]: read_only([_known(value) for value in values], np.object_)
        for column, values in columns.items()
        if column in names
    }
    if "url" in columns:
        slices["source"] = read_only([_host(value) for value in columns["url"]], np.object_)
    return slices


def _known(value: str) -> str:
    text = value.strip()
    return UNKNOWN if text in ("", "-1") else text


def _host(url: str) -> str:
    try:
        return (urlsplit(url.strip()).hostname or UNKNOWN).removeprefix("www.")
    except ValueError:
        return UNKNOWN
