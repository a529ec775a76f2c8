"""CIFAR-10 with what humans judged of it: ``dataset=cifar10_human dataset.annotations=FOLDER dataset.root=FOLDER``."""

import numpy as np

from cleanbench.core import Floats, GroundTruth, Ints, Issue, UserError, read_only
from cleanbench.datasets.checked import checked
from cleanbench.datasets.cifar10 import CLASSES, Cifar10, cifar10
from cleanbench.datasets.cifar10_annotations import (
    COUNT_FILE,
    DUPLICATE_FILES,
    LABEL_FILES,
    NOISY,
    read_counts,
    read_duplicates,
    read_noisy,
)
from cleanbench.datasets.folder import existing
from cleanbench.datasets.group_pairs import between_groups, connected
from cleanbench.datasets.hub import hub
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Images

ORIGINAL = "original"
RANDOM = NOISY[:3]

SOURCES = {
    "cifar10n": (
        "CIFAR-10N (CC BY-NC 4.0, https://github.com/UCSC-REAL/cifar-10-100n)",
        "Wei et al., Learning with Noisy Labels Revisited: A Study Using Real-World Human Annotations, ICLR 2022",
    ),
    "cifar10h": (
        "CIFAR-10H (CC BY-NC-SA 4.0, https://github.com/jcpeterson/cifar-10h)",
        "Peterson et al., Human uncertainty makes classification more robust, ICCV 2019",
    ),
    "cifair": (
        "ciFAIR (no licence stated, https://github.com/cvjena/cifair)",
        "Barz and Denzler, Do We Train on Test Data? Purging CIFAR of Near-Duplicates, Journal of Imaging 2020",
    ),
}


@checked
def cifar10_human(
    annotations: str,
    root: str | None = None,
    labels: str = "random_label1",
    negatives: int = 0,
    seed: int = 0,
    name: str = "cifar10_human",
) -> ImageSet:
    """Read CIFAR-10 and every human judgement of it that is in a folder.

    Three truths, each from files of its own, joined by the index of an image in the Python version of CIFAR-10:

    - Label errors, ``cifar10n``, of the training images, from CIFAR-10N. With ``labels`` of a human (or a majority),
      an error is one that differs from the original label. With ``labels=original``, an error is an original label
      against which two or three of three humans chose one and the same other class, and its probability the share of
      the three that chose another class.
    - Label errors, ``cifar10h``, of the test images, from some fifty votes each of CIFAR-10H. An error is an original
      label that has fewer votes than another class; its probability is the share of votes for other classes.
    - Near-duplicates, ``cifair``: exact duplicates and near-duplicates (one camera shot) against very similar images of
      two shots, all judged by hand. There are far more of the former than of the latter, so judge by AUROC, or let
      ``negatives`` add presumed ones. Pairs of two training images nobody judged.

    The original labels contain errors themselves, so a method that finds those is punished in ``cifar10n``.

    Args:
        annotations: The folder with one or more of ``CIFAR-10_human.pt`` (or ``.npy``), ``cifar10h-counts.npy``,
            ``duplicates_cifar10.csv`` and ``duplicates_cifar10_test.csv``, as published.
        root: The folder with the Python version of CIFAR-10; None: its images from the Hugging Face Hub
            (``uoft-cs/cifar10``), whose order is checked by the labels only.
        labels: The given labels of the training images: ``random_label1``, ``random_label2``, ``random_label3``,
            ``aggre_label``, ``worse_label`` or ``original``. Test images keep their original labels.
        negatives: Pairs drawn at random, presumed to be no near-duplicates.
        seed: Of that draw.
        name: Name in tables and folders.

    Raises:
        UserError: If a file is missing, damaged or of another order, or ``labels`` is unknown.
    """
    if labels not in (*NOISY, ORIGINAL):
        raise UserError(f"dataset.labels={labels} is unknown; choose one of {', '.join((*NOISY, ORIGINAL))}")
    try:
        folder = existing(annotations)
    except UserError as error:
        raise UserError(f"dataset.annotations={annotations} is no folder that can be read") from error
    files = [*LABEL_FILES, COUNT_FILE, *DUPLICATE_FILES]
    if not any((folder / file).is_file() for file in files):
        raise UserError(
            f"{folder} holds none of {', '.join(files)}; get them from "
            f"{'; '.join(source for source, _ in SOURCES.values())}"
        )
    images = _from_hub() if root is None else cifar10(root)
    train, test = images.train, len(images.labels) - images.train
    noisy = read_noisy(folder, images.labels[:train])
    votes = read_counts(folder, images.labels[train:])
    pairs, judgements = read_duplicates(folder, train, test)
    if labels != ORIGINAL and labels not in noisy:
        raise UserError(
            f"dataset.labels={labels} is in none of {', '.join(LABEL_FILES)} in {folder}; get CIFAR-10N from "
            f"{SOURCES['cifar10n'][0]}, or set dataset.labels={ORIGINAL}"
        )
    # Ids sort test images before training images.
    row = np.concatenate([np.arange(test, test + train), np.arange(test)])
    order = np.argsort(row)
    ids = (*(f"test/{index:05d}" for index in range(test)), *(f"train/{index:05d}" for index in range(train)))
    given = images.labels.copy()
    if labels != ORIGINAL:
        given[:train] = noisy[labels]
    truths = []
    if noisy and (errors := _against_humans(given[:train], images.labels[:train], noisy, labels)) is not None:
        truths.append(_label_truth(ids, row[:train], *errors, name="cifar10n"))
    if votes is not None:
        chosen = votes[np.arange(test), images.labels[train:]]
        others = 1 - chosen / votes.sum(axis=1)
        truths.append(_label_truth(ids, row[train:], chosen < votes.max(axis=1), others, name="cifar10h"))
    warnings = [] if noisy or root is not None else ["the order of the training images is not checked: no CIFAR-10N"]
    if len(pairs):
        truth, unclear = _duplicate_truth(ids, row[pairs], judgements, negatives, seed)
        truths.append(truth)
        if unclear:
            warnings.append(f"{unclear} pairs are judged two ways by ciFAIR; not judged then")
    used = {truth.name: truth for truth in truths} | ({"cifar10n": None} if labels != ORIGINAL else {})
    return ImageSet(
        name=str(name),
        ids=ids,
        images=Images(images.images, tuple(order.tolist())),
        labels=given[order],
        classes=CLASSES,
        attributes={"split": read_only(np.array(["test"] * test + ["train"] * train, dtype=object))},
        truths={(truth.issue, truth.name): truth for truth in truths},
        card=_card(images.origin, [source for source in SOURCES if source in used], truths, labels),
        warnings=tuple(warnings),
    )


def _from_hub() -> Cifar10:
    try:
        found = hub("uoft-cs/cifar10", split="train+test", image="img", label="label")
    except UserError as error:
        raise UserError(f"{error}; or give the folder of the Python version of CIFAR-10 as dataset.root") from error
    if found.classes != CLASSES or found.labels is None:
        raise UserError("uoft-cs/cifar10 on the Hub no longer has the ten classes; give dataset.root")
    rows = np.argsort(np.asarray(found.images.positions))
    train = int(np.count_nonzero(found.attributes["split"] == "train"))
    return Cifar10(found.images.source, found.labels[rows], train, found.card.identifier)


def _against_humans(
    given: Ints, original: Ints, noisy: dict[str, Ints], labels: str
) -> tuple[Ints, Floats | None] | None:
    """Return which given labels are wrong, with a probability where there are votes; None without the labels for it."""
    if labels != ORIGINAL:
        return given != original, None
    if not all(kind in noisy for kind in RANDOM):
        return None
    first, second, third = (noisy[kind] for kind in RANDOM)
    majority = np.where(second == third, second, first)  # the first also where all three differ
    agreed = (first == second) | (first == third) | (second == third)
    contradicting = np.mean([choice != given for choice in (first, second, third)], axis=0)
    return agreed & (majority != given), contradicting


def _label_truth(
    ids: tuple[str, ...], rows: Ints, errors: Ints, probability: Floats | None, *, name: str
) -> GroundTruth:
    return GroundTruth.of(Issue.LABEL_ERROR, ids, rows, errors, name=name, probability=probability)


def _duplicate_truth(
    ids: tuple[str, ...], pairs: Ints, judgements: Ints, negatives: int, seed: int
) -> tuple[GroundTruth, int]:
    """Return the truth, and how many pairs are left out because they are judged both ways."""
    pairs = np.sort(pairs, axis=1)
    told: dict[tuple[int, int], set[bool]] = {}
    for (first, second), judgement in zip(pairs.tolist(), judgements.tolist(), strict=True):
        told.setdefault((first, second), set()).add(judgement < 2)
    clear = {pair: next(iter(verdicts)) for pair, verdicts in told.items() if len(verdicts) == 1}
    # Whatever is connected by a judgement is no presumed negative.
    others, inclusion = between_groups(connected(pairs, len(ids)), negatives, seed)
    truth = GroundTruth.of(
        Issue.NEAR_DUPLICATE,
        ids,
        np.concatenate([np.array(list(clear), dtype=np.int64).reshape(-1, 2), others]),
        [*clear.values(), *(False for _ in others)],
        name="cifair",
        inclusion=np.concatenate([np.ones(len(clear)), inclusion]) if len(others) else None,
        presumed=bool(len(others)),
    )
    return truth, len(told) - len(clear)


def _card(origin: str, used: list[str], truths: list[GroundTruth], labels: str) -> Card:
    told = {
        "cifar10n": "Human: the label of one human or a majority, which errs where it differs from the original label."
        if labels != ORIGINAL
        else "Human: the original label errs where two or three of three humans chose one other class.",
        "cifar10h": "Human: the original label errs where another class has more of some fifty votes.",
        "cifair": "Human: pairs near in a network's features, judged by hand; one camera shot is a near-duplicate, two "
        "very similar shots are none. Further pairs, if drawn, are presumed to be none.",
    }
    issues = [truth.issue for truth in truths]
    return Card(
        description="Photographs of 32x32 pixels in ten classes: 50,000 training and 10,000 test images",
        licence="; ".join(["none stated for CIFAR-10", *(SOURCES[source][0] for source in used)]),
        source=f"CIFAR-10 from {origin}; {'; '.join(SOURCES[source][0] for source in used)}",
        citation="; ".join(
            [
                "Krizhevsky, Learning multiple layers of features from tiny images, 2009",
                *(SOURCES[source][1] for source in used),
            ]
        ),
        truths={
            str(truth.issue) if issues.count(truth.issue) == 1 else f"{truth.issue} {truth.name}": told[truth.name]
            for truth in truths
        },
        commercial=False if {"cifar10n", "cifar10h"} & set(used) else None,
        grouping="not recorded",
        capture="collected from the web, reduced to 32x32 pixels",
        blemishes=(
            "The original labels contain errors, which count as right where human labels are judged by them.",
            "Near-duplicates among training images were not judged.",
            f"Given labels of training images: {labels}; of test images: original.",
        ),
    )
