"""NoiseRank."""

from math import floor, sqrt

import numpy as np

from cleanbench import Detector, Floats, Ints, Need, NotApplicable, UserError, View
from cleanbench.compat import follows_reference
from cleanbench.neighbours import PAIR_VALUES, blocks, normalised, products_of_rows
from cleanbench.settings import flag, number, seed_number, typed

REFERENCE_SEED = 42
CANCELLED = 1e-8  # times a row's square: smaller squared distances have lost half of their digits
ITERATIONS = 100  # of k-means, as many as are expected when its time is reckoned


class NoiseRank(Detector):
    """Rank images by how much the prototypes near them, of their own and of other labels, speak against their labels.

    Sharma, Donmez, Luo, Liu and Yalniz, "NoiseRank: Unsupervised Label Noise Reduction with Dependence Models" (ECCV
    2020). K-means makes floor(sqrt(rho / 2)) prototypes of each class, where rho is the mean size of a class. The k
    images nearest to a prototype vote on its label with the weights of the kernel 1 / (b + distance ** e). The score
    of an image is the sum over all prototypes of kernel times penalty:

    - -1 for a prototype of the same class;
    - 1 - alpha for one of another class whose vote confirms it;
    - alpha for one of another class whose vote goes elsewhere, times ``b_factor`` if it goes to the image's label.

    The score is not bounded and depends on the number of prototypes. Embeddings are scaled to length 1 first, which
    gives b = 1 a scale to be held against and keeps a few long ones from drawing prototypes to themselves.

    With ``compat=reference`` it makes the choices of the CleanPatrick baseline: embeddings as they are, squared
    distances in the vote, and the seed 42, whatever ``normalise`` and ``seed`` say. Where two labels get equal votes,
    that of the nearest image wins.

    Misleads where wrong labels agree with each other: images that share a wrong label and lie together get a prototype
    of that label.

    Args:
        k: Images that vote on the label of a prototype; all where there are fewer.
        b: Bias of the kernel, above 0.
        e: Exponent of the kernel.
        alpha: Between the penalties for confirmed and for unconfirmed prototypes of other classes, in [0, 1].
        b_factor: For unconfirmed ones whose vote goes to the label of the image.
        normalise: Scale embeddings to length 1 (L2).
        compat: None, or ``reference``.
        seed: Of k-means.
    """

    needs = Need.EMBEDDINGS | Need.LABELS
    stochastic = True

    def __init__(
        self,
        k: int = 5,
        b: float = 1.0,
        e: float = 1.0,
        alpha: float = 0.5,
        b_factor: float = 1.0,
        normalise: bool = True,
        compat: str | None = None,
        seed: int = 0,
    ) -> None:
        if typed("k", k, int) < 1:
            raise UserError(f"k must be at least 1, not {k}")
        for name, value in {"b": b, "e": e, "alpha": alpha, "b_factor": b_factor}.items():
            number(name, value)
        if b <= 0 or e <= 0:
            raise UserError(f"b and e must be above 0, or the kernel 1 / (b + distance ** e) ends; got b={b}, e={e}")
        if not 0 <= alpha <= 1:
            raise UserError(f"alpha must be in [0, 1], not {alpha}")
        self.k, self.b, self.e, self.alpha, self.b_factor = k, b, e, alpha, b_factor
        self.reference = follows_reference(compat)
        self.normalise = flag("normalise", normalise) and not self.reference
        self.seed = REFERENCE_SEED if self.reference else seed_number(seed)

    def label_errors(self, data: View) -> Floats:
        classes, labels = np.unique(data.labels, return_inverse=True)
        if len(classes) < 2:
            raise NotApplicable("all images have the same label")
        clusters = _prototypes_per_class(np.bincount(labels))
        multiplications = len(labels) * clusters * data.embeddings.shape[1]
        data.afford(2 + 2e-10 * multiplications * (ITERATIONS + len(classes)))
        embeddings = normalised(data.embeddings) if self.normalise else data.embeddings
        points, of_class = prototypes(embeddings, labels, self.seed)
        voted = self.votes(embeddings, labels, points)
        return self.scores(embeddings, labels, points, of_class, voted)

    def votes(self, embeddings: Floats, labels: Ints, points: Floats) -> Ints:
        """Return the label that the nearest images give each prototype, shape ``(P,)``."""
        k = min(self.k, len(embeddings))
        near = np.full((len(points), 0), np.inf)
        who = np.empty((len(points), 0), dtype=np.int64)
        for rows in blocks(len(embeddings), 8 * len(points)):
            squared = squared_distances(points, embeddings[rows])
            some = np.argpartition(squared, min(k, squared.shape[1]) - 1, axis=1)[:, :k]
            near = np.hstack([near, np.take_along_axis(squared, some, axis=1)])
            who = np.hstack([who, some + rows.start])
            order = np.argsort(near, axis=1, kind="stable")[:, :k]
            near, who = np.take_along_axis(near, order, axis=1), np.take_along_axis(who, order, axis=1)
        weights = self._kernel(near if self.reference else np.sqrt(near))
        given = labels[who]
        # The weight of the label of each voter; the first of the largest is that of the nearest.
        tally = np.einsum("pj,pij->pi", weights, given[:, :, None] == given[:, None, :])
        voted: Ints = np.take_along_axis(given, tally.argmax(axis=1)[:, None], axis=1)[:, 0]
        return voted

    def scores(self, embeddings: Floats, labels: Ints, points: Floats, of_class: Ints, voted: Ints) -> Floats:
        """Return the scores of all images, shape ``(N,)``.

        Args:
            embeddings: Shape ``(N, D)``.
            labels: Integers from 0, shape ``(N,)``.
            points: Prototypes, shape ``(P, D)``.
            of_class: The class of each prototype, shape ``(P,)``.
            voted: The label that each prototype got by vote, shape ``(P,)``.
        """
        label = np.arange(labels.max() + 1)[:, None]
        confirmed = np.where(of_class == voted, 1 - self.alpha, self.alpha * np.where(voted == label, self.b_factor, 1))
        penalties = np.where(of_class == label, -1.0, confirmed)  # (classes, P)
        scores = np.empty(len(embeddings))
        for rows in blocks(len(embeddings), 8 * len(points)):
            kernel = self._kernel(np.sqrt(squared_distances(embeddings[rows], points)))
            scores[rows] = np.einsum("ij,ij->i", kernel, penalties[labels[rows]])
        return scores

    def _kernel(self, distances: Floats) -> Floats:
        return 1 / (self.b + distances**self.e)


def squared_distances(first: Floats, second: Floats) -> Floats:
    """Return the squared Euclidean distances between rows, shape ``(len(first), len(second))``.

    In float64: expanded in float32, the distance of an image to a prototype that it coincides with is mere rounding.
    What is so small beside the rows that float64 has no digits left for it either is taken from their differences.
    """
    one, other = first.astype(np.float64, copy=False), second.astype(np.float64, copy=False)
    squared: Floats = one @ other.T
    squared *= -2
    lengths = products_of_rows(one, one)
    squared += lengths[:, None]
    squared += products_of_rows(other, other)
    rows, columns = np.nonzero(squared < CANCELLED * lengths[:, None])
    step = max(1, PAIR_VALUES // one.shape[1])
    for start in range(0, len(rows), step):
        some = rows[start : start + step], columns[start : start + step]
        gaps = one[some[0]] - other[some[1]]
        squared[some] = products_of_rows(gaps, gaps)
    return np.maximum(squared, 0, out=squared)


def prototypes(embeddings: Floats, labels: Ints, seed: int) -> tuple[Floats, Ints]:
    """Return cluster centres of each class, shape ``(P, D)``, and their classes, shape ``(P,)``.

    Args:
        embeddings: Shape ``(N, D)``.
        labels: Integers from 0, every one occurs, shape ``(N,)``.
        seed: Of k-means.
    """
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    sizes = np.bincount(labels)
    wanted = _prototypes_per_class(sizes)
    centres = []
    with warnings.catch_warnings():
        # A class of few distinct images has some of its prototypes twice.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for label, size in enumerate(sizes):
            clusters = KMeans(min(wanted, int(size)), n_init=1, random_state=seed)
            centres.append(clusters.fit(embeddings[labels == label]).cluster_centers_)
    return np.concatenate(centres), np.repeat(np.arange(len(sizes)), [len(centre) for centre in centres])


def _prototypes_per_class(sizes: Ints) -> int:
    return max(1, floor(sqrt(sizes.mean() / 2)))
