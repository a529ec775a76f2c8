"""Confident learning."""

import warnings
from typing import Any

import numpy as np

from cleanbench import Detector, Floats, Ints, Need, NotApplicable, UserError, View

CLASSIFIERS = ("logistic", "adaboost")


class ConfidentLearning(Detector):
    """Rank images by how little a classifier that has not seen them believes in their labels.

    Northcutt, Jiang and Chuang, "Confident Learning" (JAIR 2021), with the ranking of cleanlab: the score is 1 minus
    the self-confidence, the out-of-fold probability of the given label.

    Members of a class are dealt to different folds in turn, so a class with fewer members than there are folds
    keeps all its other members in training. A class's only member is never trained on: its label gets
    probability 0 and it ranks first, because nothing in the data supports its label.

    A classifier that is weak on rare classes takes their members for label errors.

    Args:
        classifier: ``logistic`` (scikit-learn's logistic regression) or ``adaboost`` (its boosted stumps, as in the
            CleanPatrick baseline).
        folds: Of the cross-validation; the baseline has 10.
        seed: Deals the folds.
    """

    needs = Need.EMBEDDINGS | Need.LABELS
    stochastic = True

    def __init__(self, classifier: str = "logistic", folds: int = 5, seed: int = 0) -> None:
        if classifier not in CLASSIFIERS:
            raise UserError(f"unknown classifier {classifier!r}; choose one of {', '.join(CLASSIFIERS)}")
        if folds < 2:
            raise UserError(f"cross-validation needs at least 2 folds, not {folds}")
        self.classifier, self.folds, self.seed = classifier, folds, seed

    def label_errors(self, data: View) -> Floats:
        from cleanlab.rank import get_label_quality_scores

        classes, labels = np.unique(data.labels, return_inverse=True)
        if len(classes) < 2:
            raise NotApplicable("all images have the same label")
        if len(classes) == len(labels):
            raise NotApplicable("no two images have the same label")
        folds = dealt_folds(labels, self.folds, np.random.default_rng(self.seed))
        believed = out_of_fold(self.classifier, data.embeddings, labels, folds)
        return 1 - get_label_quality_scores(labels, believed, method="self_confidence")


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
