"""Out-of-fold class probabilities: what a classifier says of images that it has not been trained on."""

import warnings
from collections.abc import Callable

import numpy as np

from cleanbench.core import Bools, Floats, Ints
from cleanbench.progress import progress

CLASSIFIERS = ("logistic", "adaboost")
LEAST_FOLDS = 2

# Takes which rows to train on and which to judge; returns the classes known, and their probabilities for the judged.
Learner = Callable[[Bools, Bools], tuple[Ints, Floats]]


def dealt_folds(labels: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """Deal the images to folds at random, class by class in turn, shape ``(N,)``; sizes differ by one at most."""
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold_of = np.empty(len(labels), dtype=np.int64)
    fold_of[by_class] = np.arange(len(labels)) % folds
    return fold_of


def stratified_folds(labels: Ints, folds: int, seed: int) -> Ints:
    """Return the folds of scikit-learn's shuffled ``StratifiedKFold``, shape ``(N,)``."""
    from sklearn.model_selection import StratifiedKFold

    fold_of = np.empty(len(labels), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        dealt = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
        for fold, (_, inside) in enumerate(dealt):
            fold_of[inside] = fold
    return fold_of


def out_of_fold(classifier: str, embeddings: Floats, labels: Ints, folds: Ints, lend: bool = False) -> Floats:
    """Return the probability of each class from a classifier trained on the other folds, shape ``(N, classes)``.

    Args:
        classifier: One of `CLASSIFIERS`.
        embeddings: Shape ``(N, D)``.
        labels: Integers from 0, every one occurs, shape ``(N,)``.
        folds: The fold of each image, shape ``(N,)``.
        lend: Train on the first held-out image of a class that the other folds lack, and believe its label, as
            cleanlab does. Otherwise the classifier does not know that class, and gives it probability 0.
    """
    believed = np.zeros((len(labels), labels.max() + 1))
    learner = _boosting(embeddings, labels) if classifier == "adaboost" else _logistic(embeddings, labels)
    numbers = np.unique(folds)
    with progress("folds", len(numbers), "fold") as bar:
        for fold in numbers:
            judged = folds == fold
            training = ~judged
            absent = np.setdiff1d(labels[judged], labels[training]) if lend else labels[:0]
            lent = np.array([np.flatnonzero(judged & (labels == label))[0] for label in absent], dtype=np.int64)
            training[lent] = True
            known, probabilities = learner(training, judged)
            believed[np.ix_(judged, known)] = probabilities
            believed[lent] = 0
            believed[lent, labels[lent]] = 1
            bar.update()
    return believed


def expected_cost(classifier: str, images: int, dimensions: int, classes: int, folds: int) -> tuple[float, float]:
    """Return the CPU seconds and the bytes that `out_of_fold` is expected to take; measured on a server, rounded up.

    A logistic regression is reckoned at 300 iterations; it ends after 1000, and on most embeddings after fewer.
    """
    probabilities = 3 * 8 * images * classes
    folds = min(folds, images)  # those without an image are not trained for
    if classifier == "adaboost":
        return 5 + 8e-7 * folds * images * dimensions, 9 * images * dimensions + probabilities
    return 5 + 3e-8 * folds * images * dimensions * classes, 8 * images * dimensions + 2 * probabilities


def logistic(rows: Floats, given: Ints, asked: Floats) -> tuple[Ints, Floats]:
    """Train a logistic regression; return the classes known, ascending, and their probabilities for ``asked``."""
    known, counts = np.unique(given, return_counts=True)
    if len(known) == 1 or (rows == rows[0]).all():
        return known, _shares(counts, len(asked))
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000)
    with warnings.catch_warnings():
        # Separable classes have no finite optimum; the last iterate ranks as well as a later one.
        warnings.filterwarnings("ignore", "lbfgs failed to converge")
        # Many small classes are what the data set has, not a regression by mistake.
        warnings.filterwarnings("ignore", "The number of unique classes is greater")
        model.fit(rows, given)
    return known, model.predict_proba(asked)


def _logistic(embeddings: Floats, labels: Ints) -> Learner:
    return lambda training, judged: logistic(embeddings[training], labels[training], embeddings[judged])


def _boosting(embeddings: Floats, labels: Ints) -> Learner:
    from cleanbench.boosted_stumps import Columns, boosted_probabilities

    columns = Columns(embeddings)

    def learn(training: Bools, judged: Bools) -> tuple[Ints, Floats]:
        known, counts = np.unique(labels[training], return_counts=True)
        if len(known) == 1 or columns.constant(training):
            return known, _shares(counts, int(np.count_nonzero(judged)))
        return boosted_probabilities(columns, labels, training, judged)

    return learn


def _shares(counts: Ints, judged: int) -> Floats:
    """Return how frequent each class is, for each image that is judged: there is nothing else to learn."""
    return np.tile(counts / counts.sum(), (judged, 1))
