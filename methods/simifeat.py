"""SimiFeat."""

import numpy as np

from cleanbench import Detector, Floats, Need, NotApplicable, UserError, View
from cleanbench.neighbours import nearest, nearest_cost
from cleanbench.settings import typed

FORMS = ("vote", "rank")


class SimiFeat(Detector):
    """Rank images by how their labels fare among the labels of their nearest neighbours, without training.

    Zhu, Dong and Liu, "Detecting Corrupted Labels Without Training a Model to Predict" (ICML 2022). Let y be the shares
    of the labels among the k nearest neighbours by cosine, the image itself left out, and j its given label.

    - ``vote``: the majority of the neighbours has another label. The paper breaks ties at random; here the score is
      the chance of that, 1 - 1/t where j is one of t most frequent labels and 1 where it is not. Most scores are 0 or
      1: it is a decision more than a ranking.
    - ``rank``: 1 - y_j / |y|, one minus the cosine between the shares and the given label, in [0, 1]. A label that
      half of the neighbours have is more suspicious if the other half agrees on another one than if it is scattered.

    This is the part of the method that orders images. Left out are the repetitions over augmented images, whose votes
    the paper counts, and in the rank form the cut: the paper estimates from triples of neighbours how many labels of
    each class are wrong (HOC) and removes that many of the class's lowest. Here all classes are in one order.

    Members of classes with few others score high whatever their labels. Of several neighbours at exactly the same
    distance as the k-th, the first ones count.

    Args:
        form: ``vote`` or ``rank``.
        k: How many neighbours; all other images where there are fewer.
    """

    needs = Need.EMBEDDINGS | Need.LABELS

    def __init__(self, form: str, k: int = 10) -> None:
        if form not in FORMS:
            raise UserError(f"form={form!r} is unknown; choose one of {', '.join(FORMS)}")
        if typed("k", k, int) < 1:
            raise UserError(f"k must be at least 1, not {k}")
        self.form, self.k = form, k

    def label_errors(self, data: View) -> Floats:
        labels = data.labels
        if len(labels) < 2:
            raise NotApplicable("one image has no neighbours")
        if (labels == labels[0]).all():
            raise NotApplicable("all images have the same label")
        if data.device == "cpu":
            data.afford(*nearest_cost(*data.embeddings.shape))
        neighbours, _ = nearest(data.embeddings, min(self.k, len(labels) - 1), device=data.device)
        given = labels[neighbours]
        # Of each neighbour: how many have its label. No array of images by classes is needed.
        alike = np.zeros(given.shape, dtype=np.int64)
        for other in given.T:
            alike += given == other[:, None]
        own = np.count_nonzero(given == labels[:, None], axis=1)
        if self.form == "rank":
            # A label that c neighbours have is seen c times, each time with c: the sum is that of the squares.
            return 1 - own / np.sqrt(alike.sum(axis=1))
        most = alike.max(axis=1)
        winners = np.count_nonzero(alike == most[:, None], axis=1) / most
        return np.where(own == most, 1 - 1 / winners, 1.0)
