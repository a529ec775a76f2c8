"""What a datasheet should answer, and what the card of a data set leaves open.

The questions follow the recommendations of Jiménez-Sánchez et al., "Copycats: the many lives of a publicly available
medical imaging dataset" (open licence, provenance, persistent storage, patients, hospital or scanner, complete
documentation) and, for how truths were made, the annotation part of Gebru et al., "Datasheets for Datasets".
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cleanbench.core import GroundTruth
from cleanbench.datasets.tables import count
from cleanbench.image_set import Card, ImageSet
from cleanbench.inspect.survey import GROUP, SPLIT, column
from cleanbench.leakage import group_counts
from cleanbench.licence import NOT_STATED
from cleanbench.report.parts import Listing, Part, share

MISSING = "missing"


@dataclass(frozen=True)
class Answer:
    """A question with its answer.

    Attributes:
        about: ``Access``, ``Provenance``, ``Composition`` or ``Annotation``.
        question: What should be known.
        answer: What is known; empty if nothing is.
        why: What goes wrong without it.
    """

    about: str
    question: str
    answer: str
    why: str


def answers(image_set: ImageSet) -> list[Answer]:
    """Return all questions with the answers that the card and the data give; the images are not looked at."""
    return [*_access(image_set.card), *_provenance(image_set.card), *_composition(image_set), *_annotation(image_set)]


def card_parts(image_set: ImageSet) -> list[Part]:
    """Return the card as parts of a report: one per theme, and what is missing."""
    found = answers(image_set)
    parts = []
    for about in dict.fromkeys(each.about for each in found):
        facts = tuple((each.question, each.answer or MISSING) for each in found if each.about == about)
        parts.append(Part(about, facts))
    open_ones = [each for each in found if not each.answer]
    if not open_ones:
        return [*parts, Part("Missing", sentences=(f"Nothing: all {len(found)} questions are answered.",))]
    listing = Listing(
        "Questions without an answer", ("Question", "Why it matters"), [(each.question, each.why) for each in open_ones]
    )
    told = f"{len(open_ones)} of {len(found)} questions have no answer."
    return [*parts, Part("Missing", sentences=(told,), listings=(listing,))]


def _access(card: Card) -> Iterator[Answer]:
    licence = card.licence if card.licence.strip() and card.licence != NOT_STATED else ""
    yield Answer("Access", "Licence", licence, "without one nobody may use the images, and authors go unnamed")
    commercial = {True: "allowed", False: "not allowed", None: ""}[card.commercial]
    yield Answer("Access", "Commercial use", commercial, "a product made with the set may be unlawful")
    passing = "allowed" if card.redistributable else ("not allowed, as far as is known" if licence else "")
    yield Answer("Access", "Passing images on", passing, "no shared page may show an image until it is known")
    yield Answer(
        "Access", "Persistent identifier", card.identifier, "without a DOI or a pinned address the set may change or go"
    )


def _provenance(card: Card) -> Iterator[Answer]:
    yield Answer("Provenance", "What the images show", card.description, "nobody can tell what numbers are about")
    yield Answer("Provenance", "Source", card.source, "copies of copies circulate, and contain each other")
    yield Answer("Provenance", "What to cite", card.citation, "those who made the set go without credit")
    yield Answer(
        "Provenance",
        "Hospital, scanner or camera",
        card.capture,
        "a method may learn the device, and nobody can test for it",
    )
    yield Answer(
        "Provenance", "Known blemishes", " ".join(card.blemishes), "every user finds them anew, or does not find them"
    )


def _composition(image_set: ImageSet) -> Iterator[Answer]:
    yield Answer("Composition", "Images", f"{len(image_set):,}", "")
    labelled = 0 if image_set.labels is None else int(np.count_nonzero(image_set.labels >= 0))
    yield Answer(
        "Composition",
        "Labels",
        f"{labelled:,} images in {len(image_set.classes):,} classes" if labelled else "none are given",
        "",
    )
    counts = group_counts(column(image_set, GROUP))
    recorded = f"{count(counts.groups, 'group')} recorded for {count(counts.images, 'image')}" if counts.groups else ""
    yield Answer(
        "Composition",
        "Patients, lesions or captures",
        "; ".join(filter(None, [image_set.card.grouping, recorded])),
        "images of one patient on both sides of a split make results too good",
    )
    parts = sorted(set(column(image_set, SPLIT)) - {""})
    named = f"the column {SPLIT} names parts: {', '.join(parts)}" if parts else ""
    yield Answer(
        "Composition", "Parts, such as train and test", named, "results of different papers cannot be compared"
    )


def _annotation(image_set: ImageSet) -> Iterator[Answer]:
    if not image_set.truths:
        why = "methods can rank, and nothing can be scored"
        yield Answer("Annotation", "Truth about faults", "", why)
    for (issue, name), truth in image_set.truths.items():
        yield Answer("Annotation", f"{issue.heading}, {name}", _prevalence(truth), "")
        how = image_set.card.made(truth)
        why = "nobody can tell whose judgement a method is measured against"
        yield Answer("Annotation", f"{issue.heading}, {name}: made how, by whom", how, why)


def _prevalence(truth: GroundTruth) -> str:
    noun = "pairs" if truth.issue.ranks_pairs else "images"
    judged = noun if truth.presumed else f"judged {noun}"
    told = f"{truth.faulty:,} of {len(truth):,} {judged} faulty ({share(truth.faulty, len(truth))})"
    return f"{told}, {truth.origin}" if truth.presumed else f"{told}, {truth.kind} truth"
