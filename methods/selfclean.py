"""SelfClean."""

from typing import ClassVar

import numpy as np

from cleanbench import Detector, Floats, Ints, Issue, Need, NotApplicable, Ranking, View
from cleanbench.linkage import leaf_areas, minimum_spanning_tree, single_linkage
from cleanbench.neighbours import cosine, farthest, label_distances, top_pairs, working_precision


class SelfClean(Detector):
    """Rank all three issues by distances in the embedding space of a self-supervised encoder.

    Gröger et al., "Intrinsic Self-Supervision for Data Quality Audits" (NeurIPS 2024), section 3.2. The distance is
    d = (1 - cosine) / 2, in [0, 1]; a row of zeros has .5 to every other.

    - Near-duplicates: 1 - d of the pair.
    - Off-topic: 1 - leaf-area distance in the single-linkage dendrogram. It is an order of leaves more than a
      measure: two foreign images that are alike form a branch of their own and may rank in the middle.
    - Label errors: d_same² / (d_same² + d_other²) with the distances to the nearest image of the same and of another
      label. A class's only member takes its farthest image for d_same, as the authors' code does.

    Departs from the authors' code in one place: an image with copies under its own and another label has
    0 / 0 there, an undefined score that leaves the ranking unsorted, and .5 here.

    Args:
        global_leaves: Draw the dendrogram with shares of all leaves instead of the parent's leaves.
    """

    needs: ClassVar = {
        Issue.NEAR_DUPLICATE: Need.EMBEDDINGS,
        Issue.OFF_TOPIC: Need.EMBEDDINGS,
        Issue.LABEL_ERROR: Need.EMBEDDINGS | Need.LABELS,
    }

    paper_encoder = "dino_selfclean"

    def __init__(self, global_leaves: bool = False) -> None:
        self.global_leaves = global_leaves

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        return (1 + cosine(data.embeddings, pairs)) / 2

    def retrieve(self, data: View, limit: int) -> Ranking:
        pairs, cosines = top_pairs(data.embeddings, limit)
        return Ranking(Issue.NEAR_DUPLICATE, pairs, (1 + cosines) / 2)

    def off_topic(self, data: View) -> Floats:
        if len(data) < 2:
            raise NotApplicable("one image makes no dendrogram")
        merges = single_linkage(*minimum_spanning_tree(data.embeddings))
        return 1 - leaf_areas(merges, self.global_leaves)

    def label_errors(self, data: View) -> Floats:
        embeddings, labels = data.embeddings, data.labels
        if (labels == labels[0]).all():
            raise NotApplicable("all images have the same label")
        same, other = label_distances(embeddings, labels)
        alone = np.flatnonzero(np.isinf(same))
        same[alone] = farthest(embeddings, alone)
        # Below what the encoder's precision resolves two images are equal; a ratio of such noise is any number.
        resolution = 8 * np.finfo(working_precision(embeddings)).eps
        same[same < resolution] = 0.0
        other[other < resolution] = 0.0
        total = same**2 + other**2
        return np.divide(same**2, total, out=np.full(len(total), 0.5), where=total > 0)
