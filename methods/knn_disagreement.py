"""Disagreement of the nearest neighbours."""

import numpy as np

from cleanbench import Detector, Floats, Need, NotApplicable, UserError, View
from cleanbench.neighbours import nearest, nearest_cost
from cleanbench.settings import typed


class KNNDisagreement(Detector):
    """Rank images by the share of their nearest neighbours that have another label.

    Neighbours are by cosine; scores are multiples of 1 / k in [0, 1], so many tie. The rule is that of Wilson (IEEE
    Transactions on Systems, Man, and Cybernetics, 1972), with a share in place of a majority.

    Members of classes with fewer than k others score high whatever their labels. Of several neighbours at
    exactly the same distance as the k-th, the first ones count.

    Args:
        k: How many neighbours; all other images where there are fewer.
    """

    needs = Need.EMBEDDINGS | Need.LABELS

    def __init__(self, k: int = 20) -> None:
        if typed("k", k, int) < 1:
            raise UserError(f"k must be at least 1, not {k}")
        self.k = k

    def label_errors(self, data: View) -> Floats:
        labels = data.labels
        if len(labels) < 2:
            raise NotApplicable("one image has no neighbours")
        if (labels == labels[0]).all():
            raise NotApplicable("all images have the same label")
        if data.device == "cpu":
            data.afford(*nearest_cost(*data.embeddings.shape))
        neighbours, _ = nearest(data.embeddings, min(self.k, len(labels) - 1), device=data.device)
        return np.mean(labels[neighbours] != labels[:, None], axis=1)
