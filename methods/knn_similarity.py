"""Mean similarity to the nearest neighbours, plain and as cleanlab scores it."""

import numpy as np

from cleanbench import Detector, Floats, Need, NotApplicable, UserError, View
from cleanbench.neighbours import nearest, nearest_cost
from cleanbench.settings import typed

EPS = float(np.finfo(np.float64).eps)


class KNNSimilarity(Detector):
    """Rank images by how low their mean cosine similarity to their nearest neighbours is.

    Abhishek, Jain and Hamarneh, "Investigating the Quality of DermaMNIST and Fitzpatrick17k Dermatological Image
    Datasets" (Scientific Data, 2025), who looked for outliers among the images least similar to their 5 nearest
    neighbours. The score is (1 - mean cosine) / 2, in [0, 1].

    Foreign images that have k others like themselves, or k copies, are no outliers.

    Args:
        k: How many neighbours; all other images where there are fewer.
    """

    needs = Need.EMBEDDINGS

    def __init__(self, k: int = 5) -> None:
        if typed("k", k, int) < 1:
            raise UserError(f"k must be at least 1, not {k}")
        self.k = k

    def off_topic(self, data: View) -> Floats:
        return self._mean_distances(data) / 2

    def _mean_distances(self, data: View) -> Floats:
        """Return the mean of 1 - cosine over the nearest neighbours, in [0, 2], shape ``(N,)``."""
        count, columns = data.embeddings.shape
        if count < 2:
            raise NotApplicable("one image has no neighbours")
        if data.device == "cpu":
            data.afford(*nearest_cost(count, columns))
        _, cosines = nearest(data.embeddings, min(self.k, count - 1), device=data.device)
        return np.mean(1 - cosines, axis=1)


class CleanlabOOD(KNNSimilarity):
    """Rank images by cleanlab's out-of-distribution score, which falls with the distance to the nearest neighbours.

    Kuan and Mueller, "Back to the Basics: Revisiting Out-of-Distribution Detection Baselines" (2022), in the form of
    ``cleanlab.outlier.OutOfDistribution`` on features: with the mean d of 1 - cosine over the k nearest neighbours and
    the median m of all d, cleanlab's score is exp(-d / m), low for outliers. This one is 1 minus that, in [0, 1].

    It ranks as d does, so that nothing but the number of neighbours tells it from ``knn_similarity``, but it has no
    digits left where d is more than 36 m: where most images have copies, all others tie at 1. Neighbours are found by
    this package's own exact search. Departs from cleanlab where embeddings have three columns or fewer, since the
    distance is 1 - cosine there as well, and Euclidean in cleanlab; and for rows of zeros, which are no copies of each
    other but at a distance of 1 from all.

    Args:
        k: How many neighbours; all other images where there are fewer.
    """

    def __init__(self, k: int = 10) -> None:
        super().__init__(k)

    def off_topic(self, data: View) -> Floats:
        distances = self._mean_distances(data)
        typical = np.exp(-distances / max(float(np.median(distances)), 100 * EPS))
        typical[distances < 50 * EPS] = 1.0  # cleanlab: equal but for rounding
        return 1 - typical
