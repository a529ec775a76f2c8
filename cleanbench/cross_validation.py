"""Out-of-fold class probabilities: what a classifier says of images that it has not been trained on."""

import warnings
from typing import Any

import numpy as np

from cleanbench.core import Floats, Ints

CLASSIFIERS = ("logistic", "adaboost")


def dealt_folds(labels: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """Deal the images to folds at random, class by class in turn, shape ``(N,)``; sizes differ by one at most."""
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold_of = np.empty(len(labels), dtype=np.int64)
    fold_of[by_class] = np.arange(len(labels)) % folds
    return fold_of


def out_of_fold(classifier: str, embeddings: Floats, labels: Ints, folds: Ints) -> Floats:
    """Return the probability of each class from a classifier trained on the other folds, shape ``(N, classes)``.

    Args:
        classifier: One of `CLASSIFIERS`.
        embeddings: Shape ``(N, D)``.
        labels: Integers from 0, every one occurs, shape ``(N,)``.
        folds: The fold of each image, shape ``(N,)``.
    """
    believed = np.zeros((len(labels), labels.max() + 1))
    for fold in np.unique(folds):
        inside = folds == fold
        rows, given = embeddings[~inside], labels[~inside]
        known, counts = np.unique(given, return_counts=True)
        if len(known) == 1 or (rows == rows[0]).all():  # nothing to learn but how frequent each class is
            believed[np.ix_(inside, known)] = counts / len(given)
            continue
        model = _classifier(classifier)
        with warnings.catch_warnings():
            # Separable classes have no finite optimum; the last iterate ranks as well as a later one.
            warnings.filterwarnings("ignore", "lbfgs failed to converge")
            # Many small classes are what the data set has, not a regression by mistake.
            warnings.filterwarnings("ignore", "The number of unique classes is greater")
            model.fit(rows, given)
        believed[np.ix_(inside, known)] = model.predict_proba(embeddings[inside])
    return believed


def _classifier(name: str) -> Any:
    if name == "adaboost":
        from sklearn.ensemble import AdaBoostClassifier

        return AdaBoostClassifier(random_state=0)
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)
