"""Leaf-area distance."""

from cleanbench import Detector, Floats, Need, NotApplicable, View
from cleanbench.distances import Distance
from cleanbench.linkage import leaf_areas, minimum_spanning_tree, single_linkage, spanning_tree_cost
from cleanbench.settings import flag


class LAD(Detector):
    """Rank images by how late they join the dendrogram of all images: SelfClean's leaf-area distance.

    Gröger et al., "Intrinsic Self-Supervision for Data Quality Audits" (NeurIPS 2024), section 3.2, on any encoder: the
    off-topic score of ``selfclean``, 1 minus the leaf-area distance in the single-linkage dendrogram under
    (1 - cosine) / 2, which `cleanbench.linkage.leaf_areas` describes. Scores are at most 1.

    It is an order of leaves more than a measure: foreign images that are alike form a branch of their own and may rank
    in the middle. Where many distances are equal, as between embeddings of few values, it depends on the order of
    images.

    Args:
        global_leaves: Draw the dendrogram with shares of all leaves instead of the parent's leaves.
    """

    needs = Need.EMBEDDINGS

    paper_encoder = "dino_selfclean"

    def __init__(self, global_leaves: bool = False) -> None:
        self.global_leaves = flag("global_leaves", global_leaves)

    def off_topic(self, data: View) -> Floats:
        if len(data) < 2:
            raise NotApplicable("one image makes no dendrogram")
        embeddings = data.embeddings
        data.afford(*spanning_tree_cost(len(embeddings), Distance().columns(embeddings)))
        merges = single_linkage(*minimum_spanning_tree(embeddings))
        return 1 - leaf_areas(merges, self.global_leaves)
