"""``dataset=cleanpatrick``: the images of Fitzpatrick17k with the judgements of CleanPatrick (arXiv:2505.11034).

The judgements are published in two layouts. Three tables (``off_topic_samples.csv``, ``near_duplicates.csv``,
``label_errors.csv``, see `cleanbench.datasets.truth_tables`) are what the reference code reads; they judge candidate
pairs, as duplicates or not. ``combined_annotations.csv`` has a row per image instead; of pairs it only tells the
group of near-duplicates that an image belongs to.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanbench.core import GroundTruth, Issue, UserError
from cleanbench.datasets.checked import checked
from cleanbench.datasets.cliques import cliques_truth
from cleanbench.datasets.combined_annotations import CLASS, CLIQUE, COMBINED, Combined, read_combined
from cleanbench.datasets.fitzpatrick17k import (
    BLEMISHES,
    CITATION,
    CITATION_ABHISHEK,
    TRUTHS,
    Base,
    add_abhishek,
    add_expert,
    base_of,
    read_base,
    table_of,
    told_truths,
)
from cleanbench.datasets.folder import existing, path_of
from cleanbench.datasets.tables import count
from cleanbench.datasets.truth_choice import checked_revision, revisions, told_conflict
from cleanbench.datasets.truth_tables import FILES, read_truth
from cleanbench.encoders.hub import NotInRepository, Repository, hub_file
from cleanbench.image_set import Card, ImageSet

REPOSITORY = "Digital-Dermatology/CleanPatrick"
PAGE = f"https://huggingface.co/datasets/{REPOSITORY}"

# Names of truths.
CROWD, CLIQUES = "crowd", "cliques"

CROWD_TOLD = (
    "Binary answers of medical crowd workers, aggregated by an item response model in the style of GLAD and reviewed "
    "by experts"
)
CANDIDATES_TOLD = "; near-duplicates are judged among candidate groups only"
CLIQUES_TOLD = (
    f"Column {CLIQUE} of {COMBINED}: pairs of one clique are near-duplicates; which pairs the crowd judged to be none "
    "is not in that file, so the negatives are a sample of pairs of different cliques, most of which nobody looked at"
)


@checked
def cleanpatrick(
    root: str,
    annotations: str | Sequence[str] | None = None,
    revision: str | None = None,
    metadata: str | None = None,
    abhishek: str | None = None,
    negatives: int = 20_000,
    name: str = "cleanpatrick",
    conflict: str = "drop",
    truth_revision: str | None = None,
) -> ImageSet:
    """Read images, labels and judgements of CleanPatrick.

    Truths by name, the first one of an issue being the one that counts unless ``truth.name`` picks another:

    - ``crowd``: the three tables; where one is missing, the column of the combined file for images.
    - ``cliques``: near-duplicates by the combined file. Only positives are stated there, see
      `cleanbench.datasets.cliques` for its negatives and why its numbers are not those of ``crowd``.
    - ``expert``: label errors by the column ``qc`` of ``fitzpatrick17k.csv``.
    - ``abhishek``: near-duplicates by the clusters of Abhishek et al.

    Args:
        root: Folder of the Fitzpatrick17k images, ``<md5hash>.jpg`` each, and of ``fitzpatrick17k.csv``. Without that
            table the combined file tells labels and skin types, and there is no ``expert`` truth.
        annotations: Folder with the tables, or the combined file, or several of either, which are different
            revisions: ``truth_revision`` then says which one counts. None: files of the Hugging Face repository
            Digital-Dermatology/CleanPatrick, from the cache or else over the network.
        revision: Commit (all 40 digits), branch or tag of that repository. None: its main branch, as it was when the
            cache was filled. All files are of one commit, which the card tells.
        metadata: ``fitzpatrick17k.csv``, where it is not in ``root``.
        abhishek: ``complete_clusters.txt``, or its folder.
        negatives: How many pairs of different groups are drawn as negatives of ``cliques`` and ``abhishek``.
        name: Name in tables and folders.
        conflict: What becomes of an item judged both 0 and 1: ``drop``, ``last`` (as the reference code does) or
            ``error``.
        truth_revision: First digits of the SHA-256 of the truth that is wanted, among several annotations.

    Raises:
        UserError: If a file is missing, is not what it should be or is out of reach, saying what to put where.
    """
    place = existing(root)
    given = _given(annotations)
    if revision is not None and given:
        raise UserError("dataset.revision is one of the Hugging Face repository; it says nothing about local files")
    sources = [_local(each) for each in given] or [_remote(revision)]
    bases = [_base(root, place, metadata, source) for source in sources]
    read = [
        _image_set(base, source, abhishek, negatives, name, conflict)
        for base, source in zip(bases, sources, strict=True)
    ]
    return read[0] if len(read) == 1 else _chosen(read, sources, truth_revision, conflict)


@dataclass(frozen=True)
class Annotations:
    """The files of one revision of the judgements.

    Attributes:
        tables: Those of the three that there are.
        combined: The combined file, or None.
        source: Where they are from, for people.
        identifier: An address whose content is pinned, or an empty text.
    """

    tables: dict[Issue, Path]
    combined: Path | None
    source: str
    identifier: str = ""

    @property
    def told(self) -> str:
        """Where they are from, for a card: it goes to boards, and holds no path of the machine."""
        return self.source if self.identifier else f"local files in {Path(self.source).name}"


def _given(annotations: str | Sequence[str] | None) -> list[str]:
    if annotations is None:
        return []
    given = [annotations] if isinstance(annotations, str) else [str(each) for each in annotations]
    if not given or not all(each.strip() for each in given):
        raise UserError("dataset.annotations is empty; give a folder or combined_annotations.csv, or null for the Hub")
    return given


def _local(given: str) -> Annotations:
    place = path_of("annotations", given)
    if place.is_file():
        return Annotations({}, place, given)
    if not place.is_dir():
        raise UserError(
            f"{place} is not there; dataset.annotations should be a folder with {', '.join(FILES.values())} or "
            f"{COMBINED} from {PAGE}, or the path of that last file"
        )
    tables = {issue: place / file for issue, file in FILES.items() if (place / file).is_file()}
    combined = place / COMBINED
    if not tables and not combined.is_file():
        raise UserError(
            f"{place} holds neither {', '.join(FILES.values())} nor {COMBINED}; download them from {PAGE} into it"
        )
    return Annotations(tables, combined if combined.is_file() else None, given)


def _remote(revision: str | None) -> Annotations:
    """Get the files of one commit of the Hugging Face repository."""
    if revision is not None and re.fullmatch(r"[0-9a-f]{6,39}", str(revision)):
        raise UserError(
            f"dataset.revision={revision}: the Hub knows commits by all 40 digits; {PAGE}/commits/main shows them"
        )
    cure = (
        f"or download {', '.join((COMBINED, *FILES.values()))} from {PAGE} into a folder and give it as "
        "dataset.annotations=PATH"
    )
    combined = hub_file(Repository(REPOSITORY, "dataset", revision), (COMBINED,), cure)
    commit = combined.parent.name  # the cache has a folder per commit
    pinned = Repository(REPOSITORY, "dataset", commit)
    tables = {}
    for issue, file in FILES.items():
        try:
            tables[issue] = hub_file(pinned, (file,), cure)
        except NotInRepository:  # what it judges is then read from the combined file
            continue
    return Annotations(tables, combined, f"{PAGE}, commit {commit}", f"{PAGE}/tree/{commit}")


def _base(root: str, place: Path, metadata: str | None, source: Annotations) -> Base:
    """Read the images with the table of Fitzpatrick17k, or else with the combined file."""
    if table_of(place, metadata).is_file() or metadata is not None or source.combined is None:
        return read_base(root, metadata)
    return base_of(source.combined, place, CLASS)


def _image_set(
    base: Base, source: Annotations, abhishek: str | None, negatives: int, name: str, conflict: str
) -> ImageSet:
    truths: dict[tuple[Issue, str], GroundTruth] = {}
    warnings = [*base.warnings]
    for issue, path in source.tables.items():
        truth, remarks = read_truth(
            path, issue, base.listing.ids, keys=base.listing.keys, conflict=conflict, name=CROWD
        )
        truths[issue, CROWD] = truth
        warnings.extend(remarks)
    if source.combined is not None:
        said, remarks = read_combined(source.combined, base.listing.ids, base.listing.labels)
        warnings.extend(remarks)
        warnings.extend(_add_images(source.combined, said, base.listing.ids, truths))
        told = str(source.combined)
        pairs = cliques_truth(base.listing.ids, said.cliques, base.labels, negatives, CLIQUES, told)
        if pairs is not None:
            truths[Issue.NEAR_DUPLICATE, CLIQUES] = pairs
    if "qc" not in base.listing.attributes:
        warnings.append("without fitzpatrick17k.csv there is no expert truth, and of the slices only the skin type")
    add_expert(base, truths, warnings)
    add_abhishek(base, abhishek, negatives, truths, warnings)
    truths = {key: truths[key] for issue in Issue for key in truths if key[0] is issue}
    if lacking := [str(issue) for issue in Issue if not any(judged is issue for judged, _ in truths)]:
        warnings.append(f"{source.source}: no judgements of {', '.join(lacking)}")
    cited = [
        "Gröger et al., CleanPatrick: A Benchmark for Image Data Cleaning, arXiv:2505.11034",
        CITATION,
        *([CITATION_ABHISHEK] if abhishek else []),
    ]
    card = Card(
        description="Clinical photographs of skin conditions, judged for off-topic images, near-duplicates and "
        "label errors",
        licence="CC-BY-NC-4.0 for the annotations, CC-BY-NC-SA-3.0 for the table; the images belong to the atlases "
        "that they are from",
        source=f"Annotations: {source.told}; images: Fitzpatrick17k",
        citation="; ".join(cited),
        truths=_told(truths),
        redistributable=False,
        commercial=False,
        identifier=source.identifier,
        grouping="Not recorded which images are of one patient or lesion; pairs that are, are near-duplicates here",
        capture="Photographs by many physicians with unknown cameras, published in two atlases",
        blemishes=(
            *BLEMISHES,
            "The judgements were revised: about 22 % of the labels are wrong in the first version, 32 % in the "
            "second; numbers of different revisions are not comparable.",
        ),
    )
    return base.image_set(name, truths, warnings, card)


def _told(truths: Mapping[tuple[Issue, str], GroundTruth]) -> dict[str, str]:
    """Return how each truth was made, for a card."""
    pairs = {key: truth for key, truth in truths.items() if key[0].ranks_pairs}
    known = {**TRUTHS, CROWD: CROWD_TOLD, CLIQUES: CLIQUES_TOLD}
    return told_truths(truths, known) | told_truths(pairs, {**known, CROWD: f"{CROWD_TOLD}{CANDIDATES_TOLD}"})


def _add_images(
    path: Path, said: Combined, ids: Sequence[str], truths: dict[tuple[Issue, str], GroundTruth]
) -> list[str]:
    """Add the judgements of images where there are none; return remarks on where there are other ones."""
    remarks = []
    for issue, labels in said.judged.items():
        if not labels:
            continue
        truth = GroundTruth.of(issue, ids, list(labels), list(labels.values()), name=CROWD)
        counts = truths.setdefault((issue, CROWD), truth)
        if counts.revision != truth.revision:
            known = dict(zip(counts.items.tolist(), counts.labels.tolist(), strict=True))
            differing = {position for position, _ in known.items() ^ labels.items()}
            remarks.append(
                f"{path} and {FILES[issue]} differ in {count(len(differing), 'image')}: are they of different "
                f"revisions? {FILES[issue]} counts"
            )
    return remarks


def _chosen(
    read: Sequence[ImageSet], sources: Sequence[Annotations], truth_revision: str | None, conflict: str
) -> ImageSet:
    """Return the set whose truth has a revision; ``truth.revision`` is looked at again where a run starts."""
    digits = "" if truth_revision is None else checked_revision(truth_revision)
    matching = [
        image_set
        for image_set in read
        if digits and any(digest.startswith(digits) for digest in revisions(image_set).values())
    ]
    if len({image_set.truth_revision for image_set in matching}) == 1:
        return matching[0]
    told = "there are several revisions of the annotations"
    if digits:
        told = f"{'several' if matching else 'no'} annotations have the revision {digits}"
    there = (
        f"{image_set.truth_revision[:8]} ({source.source})"
        for image_set, source in zip(read, sources, strict=True)
        if image_set.truths
    )
    raise UserError(
        f"{told}; choose by the first digits, truth.revision=…: {', '.join(there)}; {told_conflict(conflict)}"
    )
