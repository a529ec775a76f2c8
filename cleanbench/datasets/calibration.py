"""Images whose labels are stated to be right: told to the methods that ask for them, judged for none."""

from dataclasses import replace

import numpy as np

from cleanbench.core import GroundTruth, Issue, UserError
from cleanbench.image_set import ImageSet


def with_calibration(image_set: ImageSet, share: float) -> ImageSet:
    """State that some rightly labelled images are so, and take them out of every label-error truth.

    The images are drawn at random, the same ones each time, from those that the first label-error truth judges
    to be labelled rightly. They leave the truth for every method, whether it looks at them or not, so that all
    methods on a board are scored on the same items and none on an item whose answer it was told.

    Args:
        image_set: The set; it must have a label-error truth and no stated images yet.
        share: Of the rightly labelled images, in (0, 1); at least one image is drawn.

    Raises:
        UserError: If the set has stated images already, no label-error truth, or no rightly labelled image.
    """
    truth = image_set.truth(Issue.LABEL_ERROR)
    if len(image_set.calibration):
        raise UserError(f"{image_set.name!r} already states images whose labels are right; leave truth.calibration=0")
    if truth is None or not np.count_nonzero(~truth.labels):
        raise UserError(
            f"{image_set.name!r} has no images that are known to be labelled rightly; leave truth.calibration=0"
        )
    right = truth.items[~truth.labels]
    rng = np.random.default_rng(int(image_set.fingerprint[:8], 16))
    stated = np.sort(rng.choice(right, max(1, round(share * len(right))), replace=False))
    truths, told = dict(image_set.truths), dict(image_set.card.truths)
    several = sum(issue is Issue.LABEL_ERROR for issue, _ in truths) > 1
    for (issue, name), found in truths.items():
        if issue is Issue.LABEL_ERROR:
            kept = ~np.isin(found.items, stated)
            truths[issue, name] = GroundTruth.of(
                issue,
                image_set.ids,
                found.items[kept],
                found.labels[kept],
                name=name,
                kind=found.kind,
                presumed=found.presumed,
                probability=None if found.probability is None else found.probability[kept],
                inclusion=None if found.inclusion is None else found.inclusion[kept],
            )
            left = f"Of the images judged right, {np.count_nonzero(~kept):,} are stated to be so and left this truth."
            named = f"{issue} {name}"
            key = named if named in told or several else str(issue)
            told[key] = f"{image_set.card.made(found)} {left}".strip()
    return replace(image_set, truths=truths, calibration=stated, card=replace(image_set.card, truths=told))
