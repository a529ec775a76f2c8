"""FINE."""

import warnings

import numpy as np

from cleanbench import Bools, Detector, Floats, Issue, Need, NotApplicable, Ranking, View
from cleanbench.neighbours import normalised

DEGENERATE = 1e-6  # relative to the largest eigenvalue; nearer ones are equal but for rounding
FEW = 4  # members of a class below which two Gaussians are not told apart
# CPU seconds of an eigendecomposition per cube of its size, and of a product per multiplication: measured, rounded up.
EIGEN, PRODUCT = 5e-10, 1e-10


class FINE(Detector):
    """Rank images by how little their embeddings align with the main direction of their class.

    Kim, Ko, Cho, Choi and Yun, "FINE Samples for Learning with Noisy Labels" (NeurIPS 2021): u is the eigenvector of
    the largest eigenvalue of the class's Gram matrix, the sum of x xᵀ over its members, and <u, x>² the alignment of a
    member. The score is 1 - <u, x / |x|>², in [0, 1]. Embeddings enter the Gram matrix as they are, so long ones weigh
    more.

    The paper takes embeddings from a network that is being trained on the labels and fits a mixture of two Gaussians to
    the alignments of each class, to cut it in two; here are the encoder's embeddings, and the alignment itself, which
    is compared across classes. What is flagged is the paper's cut: members that more likely than not belong to the
    Gaussian of lower mean. It starts from the least and the largest alignment, so it depends on no seed. Every class is
    cut, whether its alignments fall into two groups or not: of right labels it flags many. Classes of fewer than four
    members, and those whose members are aligned alike, are left whole. Where the largest eigenvalue is not single, any
    direction in its space is as good as u, and the alignment is that with the space.

    Misleads where all embeddings share a large common part, because then every class has nearly the same main
    direction, and in small classes, where a wrong member turns the direction to itself: a class's only member is
    perfectly aligned, and ranks last. A row of zeros has no direction and score 1.
    """

    needs = Need.EMBEDDINGS | Need.LABELS

    def label_errors(self, data: View) -> Floats:
        classes, labels, sizes = np.unique(data.labels, return_inverse=True, return_counts=True)
        if len(classes) < 2:
            raise NotApplicable("all images have the same label")
        embeddings = data.embeddings
        dimensions = embeddings.shape[1]
        sides = np.minimum(sizes, dimensions).astype(np.float64)
        data.afford(EIGEN * (sides**3).sum() + PRODUCT * (sizes * sides * dimensions).sum())
        scores = np.empty(len(labels))
        for label in range(len(classes)):
            members = np.flatnonzero(labels == label)
            scores[members] = 1 - alignment(embeddings[members])
        return scores

    def flags(self, issue: Issue, data: View, ranking: Ranking) -> Bools | None:
        labels, flags = data.labels, np.zeros(len(ranking), dtype=bool)
        for label in np.unique(labels):
            members = labels == label
            flags[members] = lower_group(1 - ranking.scores[members])
        return flags


def lower_group(alignments: Floats) -> Bools:
    """Return which values belong to the lower of two Gaussians fitted to them, by likelihood, shape ``(N,)``."""
    least, largest = alignments.min(), alignments.max()
    if len(alignments) < FEW or largest - least <= DEGENERATE:
        return np.zeros(len(alignments), dtype=bool)
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    values = ((alignments - least) / (largest - least))[:, None]
    mixture = GaussianMixture(
        2,
        weights_init=[0.5, 0.5],
        means_init=[[0.0], [1.0]],
        precisions_init=np.full((2, 1, 1), 1 / values.var()),
        random_state=0,
    )
    with warnings.catch_warnings():  # of a fit that still moves a little, the groups are those it has reached
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(values)
    low = int(np.argmin(mixture.means_))
    # Beyond the narrower Gaussian the wider one takes over again, on either side: the cut is between the means.
    lower = values[(mixture.predict(values) == low) & (values[:, 0] < mixture.means_.max())]
    group: Bools = values[:, 0] <= lower.max(initial=-1.0)
    return group


def alignment(members: Floats) -> Floats:
    """Return the squared cosine of each row with the main direction of all rows, in [0, 1], shape ``(N,)``."""
    rows = members.astype(np.float64)
    largest = np.abs(rows).max(initial=0.0)
    if largest == 0:
        return np.zeros(len(rows))
    rows /= largest  # the direction does not depend on it, and squares stay within range
    # Both Gram matrices have the same eigenvalues, and one's eigenvectors are made from the other's.
    if len(rows) < rows.shape[1]:
        values, vectors = np.linalg.eigh(rows @ rows.T)
        main = normalised(vectors[:, values >= (1 - DEGENERATE) * values[-1]].T @ rows)
    else:
        values, vectors = np.linalg.eigh(rows.T @ rows)
        main = vectors[:, values >= (1 - DEGENERATE) * values[-1]].T
    cosines = normalised(rows) @ main.T
    return np.minimum((cosines**2).sum(axis=1), 1.0)
