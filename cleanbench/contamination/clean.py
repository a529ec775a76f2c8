"""The base of a contamination: what is left of a set without its known faults."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cleanbench.core import Bools, GroundTruth, Ints, Issue, UserError
from cleanbench.image_set import ImageSet
from cleanbench.readable import unreadable_reasons
from cleanbench.store import Store

FEWEST = 2  # images of a base: with less there is nothing to compare a fault with


def clean(image_set: ImageSet, store: Store) -> ImageSet:
    """Return the images without known fault, with the judgements on them.

    Left out are images that any truth calls off-topic or wrongly labelled, all but one of each group of
    near-duplicates, and images that cannot be read, which cannot be encoded anew. Attributes are left out as well.

    Raises:
        UserError: If too few images are left.
    """
    faulty = np.zeros(len(image_set), dtype=bool)
    for (issue, _), truth in image_set.truths.items():
        if not issue.ranks_pairs:
            faulty[truth.items[truth.labels]] = True
    unreadable = np.array([bool(reason) for reason in unreadable_reasons(image_set, store)])
    kept = np.flatnonzero(_one_of_each(image_set, ~(faulty | unreadable)))
    if len(kept) < FEWEST:
        raise UserError(
            f"{len(kept)} of the {len(image_set)} images of {image_set.name!r} can be read and have no known fault; "
            f"a contamination needs at least {FEWEST}"
        )
    told = f"{len(kept):,} of the {len(image_set):,} images of {image_set.name!r} have no known fault and are used"
    if unreadable.any():
        told += f"; {np.count_nonzero(unreadable):,} cannot be read"
    place = np.full(len(image_set), -1)
    place[kept] = np.arange(len(kept))
    calibration = place[image_set.calibration]
    return replace(
        image_set,
        ids=tuple(image_set.ids[position] for position in kept),
        images=image_set.images.take(kept),
        labels=None if image_set.labels is None else image_set.labels[kept],
        attributes={},
        truths=_placed(image_set, kept, place),
        calibration=calibration[calibration >= 0],
        warnings=(*image_set.warnings, told),
    )


def known_right(base: ImageSet, issue: Issue) -> Bools:
    """Return which images of a clean base are known to be free of an issue, shape ``(N,)``.

    Those that a truth judges so, or whose labels are stated to be right. Where the base has no truth of the issue, all
    of them are taken to be, as the protocol does. An image without label has no label error.
    """
    truths = [truth for (judged, _), truth in base.truths.items() if judged is issue]
    right = np.full(len(base), not truths)
    for truth in truths:
        right[truth.items] = True
    if issue is Issue.LABEL_ERROR:
        right[base.calibration] = True
        right &= np.zeros(len(base), dtype=bool) if base.labels is None else base.labels >= 0
    return right


def _one_of_each(image_set: ImageSet, good: Bools) -> Bools:
    """Return the good images without all but the first of each group of near-duplicates."""
    pairs = [
        truth.items[truth.labels] for (issue, _), truth in image_set.truths.items() if issue.ranks_pairs and len(truth)
    ]
    joined = np.concatenate(pairs) if pairs else np.zeros((0, 2), dtype=np.int64)
    if not len(joined):
        return good
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(image_set)
    graph = coo_array((np.ones(len(joined), dtype=bool), (joined[:, 0], joined[:, 1])), shape=(size, size))
    _, group = connected_components(graph, directed=False)
    positions = np.flatnonzero(good)
    _, first = np.unique(group[positions], return_index=True)
    kept = np.zeros(size, dtype=bool)
    kept[positions[first]] = True
    return kept


def _placed(image_set: ImageSet, kept: Ints, place: Ints) -> Mapping[tuple[Issue, str], GroundTruth]:
    """Return the judgements on what is kept, at its new positions."""
    ids = [image_set.ids[position] for position in kept]
    truths = {}
    for (issue, name), truth in image_set.truths.items():
        items = place[truth.items]
        there = (items >= 0).all(axis=1) if issue.ranks_pairs else items >= 0
        truths[issue, name] = GroundTruth.of(
            issue,
            ids,
            items[there],
            truth.labels[there],
            name=name,
            kind=truth.kind,
            presumed=truth.presumed,
        )
    return truths
