"""Mahalanobis distances to one Gaussian, and to one Gaussian per class."""

import numpy as np
import numpy.typing as npt

from cleanbench import Detector, Floats, Need, NotApplicable, View
from cleanbench.measures import in_range
from cleanbench.neighbours import blocks, products_of_rows
from cleanbench.settings import flag

Doubles = npt.NDArray[np.float64]


class Mahalanobis(Detector):
    """Rank images by their Mahalanobis distance to the mean of all embeddings.

    Mahalanobis, "On the generalised distance in statistics" (1936): the score is the squared distance
    (x - mean)' C^-1 (x - mean), at least 0. C is the covariance of all embeddings, shrunk towards a multiple of the
    identity as in Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices" (Journal of
    Multivariate Analysis, 2004), so that it can be inverted with fewer images than columns. Directions of no variance
    are left out: no image differs along them.

    Foreign images are part of the mean and of the covariance. Many of them that are alike make a direction of large
    variance, along which they are no longer far.
    """

    needs = Need.EMBEDDINGS

    def off_topic(self, data: View) -> Floats:
        embeddings = checked(data)
        scores = np.empty(len(embeddings))
        mean = embeddings.mean(axis=0, dtype=np.float64)
        whitening = whitener(embeddings, mean[None], np.zeros(len(embeddings), dtype=np.int64))
        for rows in blocks(len(embeddings), 8 * embeddings.shape[1]):
            white = (embeddings[rows] - mean) @ whitening
            scores[rows] = products_of_rows(white, white)
        return scores


class ClassMahalanobis(Detector):
    """Rank images by their Mahalanobis distance to the nearest class mean, with one covariance for all classes.

    Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks" (NeurIPS
    2018), Eq. 2, on given embeddings: the score is the smallest squared distance, at least 0. With ``relative`` the
    squared distance to the mean of all images, by the covariance around it, is subtracted: Ren et al., "A Simple Fix to
    Mahalanobis Distance for Improving Near-OOD Detection" (2021); such scores may be negative.

    Departs from both papers, which score images that the means were not made of: the mean of an image's own class is
    taken without the image, and covariances are shrunk as in Ledoit and Wolf (2004). A class's only member has the
    means of the other classes alone.

    The labels are those given, foreign images included: a class of foreign images is a class like any other.

    Args:
        relative: Subtract the squared distance to the mean of all images.
    """

    needs = Need.EMBEDDINGS | Need.LABELS

    def __init__(self, relative: bool = False) -> None:
        self.relative = flag("relative", relative)

    def off_topic(self, data: View) -> Floats:
        embeddings = checked(data)
        _, labels, sizes = np.unique(data.labels, return_inverse=True, return_counts=True)
        if sizes.max() < 2:
            raise NotApplicable("no two images have the same label")
        means = np.zeros((len(sizes), embeddings.shape[1]))
        np.add.at(means, labels, embeddings)
        means /= sizes[:, None]
        overall = np.average(means, axis=0, weights=sizes)
        whitening = whitener(embeddings, means, labels)
        centres = (means - overall) @ whitening
        # Without the image itself, the mean of its class of n is n / (n - 1) times as far from it.
        farther = (sizes / np.maximum(sizes - 1.0, 1.0)) ** 2
        scores = np.empty(len(embeddings))
        for rows in blocks(len(embeddings), 8 * max(embeddings.shape[1], len(sizes))):
            white = (embeddings[rows] - overall) @ whitening
            squares = products_of_rows(white, white)[:, None] + products_of_rows(centres, centres)
            distances = np.maximum(squares - 2 * white @ centres.T, 0.0)
            own = labels[rows]
            gaps = white - centres[own]
            without = products_of_rows(gaps, gaps) * farther[own]
            distances[np.arange(len(white)), own] = np.where(sizes[own] > 1, without, np.inf)
            scores[rows] = distances.min(axis=1)
        return scores - Mahalanobis().off_topic(data) if self.relative else scores


def checked(data: View) -> Floats:
    """Return the embeddings where distances can be made of them at a cost that the run allows."""
    embeddings = data.embeddings
    count, columns = embeddings.shape
    if count < 2:
        raise NotApplicable("one image is no distribution")
    # The covariance, the eigenvectors and the product with them, at 2e10 operations a second.
    data.afford((5 * count * columns**2 + 30 * columns**3) / 2e10, 40 * columns**2)
    return in_range(embeddings, together=True)  # these distances do not change with the scale


def whitener(embeddings: Floats, means: Doubles, labels: npt.NDArray[np.int64]) -> Doubles:
    """Return the matrix ``(D, directions)`` after which distances between rows are Mahalanobis distances.

    The covariance is that of the rows around the mean of their label, shrunk by Ledoit and Wolf's formula.

    Args:
        embeddings: Shape ``(N, D)``.
        means: Shape ``(classes, D)``.
        labels: Which mean, shape ``(N,)``.
    """
    count, columns = embeddings.shape
    covariance, fourth = np.zeros((columns, columns)), 0.0
    for rows in blocks(count, 8 * columns):
        centred = embeddings[rows] - means[labels[rows]]
        covariance += centred.T @ centred
        fourth += float((products_of_rows(centred, centred) ** 2).sum())
    covariance /= count
    scale = float(np.trace(covariance)) / columns
    norm = float((covariance**2).sum())
    # How far the covariance is from the multiple of the identity, and how far it is expected to be from the true one.
    apart = norm - columns * scale**2
    uncertain = min(max(fourth / count - norm, 0.0) / count, apart)
    shrinkage = uncertain / apart if apart > 0 else 0.0
    covariance *= 1 - shrinkage
    covariance[np.diag_indices(columns)] += shrinkage * scale
    variances, directions = np.linalg.eigh(covariance)
    # Below that a variance is the rounding of the decomposition, or of the means.
    eps = np.finfo(np.float64).eps
    telling = variances > max(variances[-1] * columns * eps, (count * eps * float(np.abs(embeddings).max())) ** 2)
    whitening: Doubles = directions[:, telling] / np.sqrt(variances[telling])
    return whitening
