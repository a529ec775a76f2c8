"""Confident learning."""

import numpy as np

from cleanbench import Detector, Floats, Need, NotApplicable, UserError, View
from cleanbench.cross_validation import CLASSIFIERS, dealt_folds, out_of_fold


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
