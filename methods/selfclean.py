"""SelfClean."""

from typing import ClassVar

import numpy as np

from cleanbench import Bools, Detector, Floats, Ints, Issue, Need, NotApplicable, Ranking, UserError, View
from cleanbench.compat import follows_reference
from cleanbench.distances import Distance
from cleanbench.fraction_cut import cut_of_pairs, fraction_cut, quantiles_of_cut
from cleanbench.intra_extra import intra_extra, intra_extra_cost
from cleanbench.linkage import leaf_areas, minimum_spanning_tree, single_linkage, spanning_tree_cost
from cleanbench.neighbours import top_pairs, top_pairs_cost
from cleanbench.pair_quantiles import pair_quantiles, pair_quantiles_cost
from cleanbench.settings import flag, number


class SelfClean(Detector):
    """Rank all three issues by distances in the embedding space of a self-supervised encoder.

    Gröger et al., "Intrinsic Self-Supervision for Data Quality Audits" (NeurIPS 2024), section 3.2. The distance is
    d = (1 - cosine) / 2, in [0, 1]; a row of zeros has .5 to every other. With ``distance=euclidean`` it is the
    length of the difference of two embeddings over its bound, in [0, 1] as well: for rows of length 1 the root of the
    above, which ranks pairs alike; for rows as they are, the bound is twice the length of the set's longest row.

    - Near-duplicates: 1 - d of the pair.
    - Off-topic: 1 - leaf-area distance in the single-linkage dendrogram. It is an order of leaves more than a
      measure: two foreign images that are alike form a branch of their own and may rank in the middle.
    - Label errors: d_same² / (d_same² + d_other²) with the distances to the nearest image of the same and of another
      label. A class's only member takes its farthest image for d_same, as the authors' code does.

    What it flags is decided by the authors' automatic cut (`cleanbench.fraction_cut`), which takes part of the scores
    for those of clean items. For pairs it wants the distances of all of them, whatever pairs are asked for.

    Departs from the authors' code in one place beside the cut: an image with copies under its own and another label has
    0 / 0 there, an undefined score that leaves the ranking unsorted, and .5 here.

    Args:
        global_leaves: Draw the dendrogram with shares of all leaves instead of the parent's leaves.
        distance: ``cosine`` or ``euclidean``.
        normalise: Scale embeddings to length 1 (L2) before their Euclidean distance; a cosine does so by itself, and
            there this changes nothing.
        contamination: Of the cut: a guess at the share of faulty items, in (0, .5); the authors' alpha.
        significance: Of the cut: the share of clean items that may be flagged, over the contamination, in (0, 1); the
            authors' q.
        compat: ``reference`` for the authors' order of label errors, unsorted as it is where scores are undefined:
            ranks then depend on the order of the images, and scores only say the rank.
    """

    needs: ClassVar = {
        Issue.NEAR_DUPLICATE: Need.EMBEDDINGS,
        Issue.OFF_TOPIC: Need.EMBEDDINGS,
        Issue.LABEL_ERROR: Need.EMBEDDINGS | Need.LABELS,
    }

    paper_encoder = "dino_selfclean"

    def __init__(
        self,
        global_leaves: bool = False,
        distance: str = "cosine",
        normalise: bool = True,
        contamination: float = 0.01,
        significance: float = 0.05,
        compat: str | None = None,
    ) -> None:
        self.global_leaves = flag("global_leaves", global_leaves)
        self.distance = Distance(distance, normalise)
        if not 0 < number("contamination", contamination) < 0.5:
            raise UserError(f"contamination={contamination} must be between 0 and .5, a guess at the share of faults")
        if not 0 < number("significance", significance) < 1:
            raise UserError(f"significance={significance} must be between 0 and 1")
        self.contamination, self.significance = contamination, significance
        self.as_reference = follows_reference(compat)

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        return self.distance.nearness(self.distance.measure(data.embeddings)(pairs[:, 0], pairs[:, 1]))

    def retrieve(self, data: View, limit: int) -> Ranking:
        embeddings = data.embeddings
        if data.device == "cpu":
            data.afford(top_pairs_cost(len(data), self.distance.columns(embeddings)))
        pairs, similarities = top_pairs(embeddings, limit, self.distance.measure, data.device)
        return Ranking(Issue.NEAR_DUPLICATE, pairs, self.distance.nearness(similarities))

    def off_topic(self, data: View) -> Floats:
        if len(data) < 2:
            raise NotApplicable("one image makes no dendrogram")
        embeddings = data.embeddings
        data.afford(*spanning_tree_cost(len(data), self.distance.columns(embeddings)))
        edges, lengths = minimum_spanning_tree(embeddings, self.distance.measure)
        merges = single_linkage(edges, np.sqrt(lengths) if self.distance.squared else lengths)
        return 1 - leaf_areas(merges, self.global_leaves)

    def label_errors(self, data: View) -> Floats:
        embeddings = data.embeddings
        if data.device == "cpu":
            data.afford(*intra_extra_cost(embeddings, self.distance))
        return intra_extra(embeddings, data.labels, self.distance, data.device, as_reference=self.as_reference)

    def flags(self, issue: Issue, data: View, ranking: Ranking) -> Bools | None:
        if issue is not Issue.NEAR_DUPLICATE:
            if issue is Issue.LABEL_ERROR and self.as_reference:
                raise NotApplicable("the scores of compat=reference say ranks alone, which no cut can be fitted to")
            return fraction_cut(
                ranking.scores, len(data), contamination=self.contamination, significance=self.significance
            )
        embeddings = data.embeddings
        data.afford(*pair_quantiles_cost(*embeddings.shape))
        ends = quantiles_of_cut(self.contamination, pairs=True)
        quantiles = pair_quantiles(embeddings, ends, self.distance)
        if quantiles is None:  # every image is a copy of every other, or has nothing in common with it
            return ranking.scores >= 1
        return cut_of_pairs(
            ranking.scores,
            len(data),
            quantiles,
            contamination=self.contamination,
            significance=self.significance,
        )
