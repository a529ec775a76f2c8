"""Confident learning."""

import warnings

import numpy as np

from cleanbench import Bools, Detector, Floats, Ints, Issue, Need, NotApplicable, Ranking, UserError, View
from cleanbench.compat import follows_reference
from cleanbench.cross_validation import (
    CLASSIFIERS,
    LEAST_FOLDS,
    dealt_folds,
    expected_cost,
    out_of_fold,
    stratified_folds,
)
from cleanbench.settings import flag, seed_number, typed

SCORES = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")


class ConfidentLearning(Detector):
    """Rank images by how little a classifier that has not seen them believes in their labels.

    Northcutt, Jiang and Chuang, "Confident Learning" (JAIR 2021), with the rankings of cleanlab: the score is minus its
    label quality, in [-1, 0]; one minus it would round the most suspicious images together. Let p be the out-of-fold
    probabilities of an image and j its given label. The quality is

    - ``self_confidence``: p_j;
    - ``normalized_margin``: (1 + p_j - max of the others) / 2;
    - ``confidence_weighted_entropy``: log(1 + x) / x with x = H(p) / p_j and H the entropy over its maximum, log of the
      number of classes. Cleanlab bounds p_j and x from below by 1e-6, which gives an image of whose label the
      classifier is certain the worst quality; here x goes to its limits, and such an image has the best, 1.

    Members of a class are dealt to different folds in turn, so a class with fewer members than there are folds
    keeps all its other members in training. A class's only member is never trained on: its label gets
    probability 0, because nothing in the data supports it.

    With ``compat=reference`` folds and rare classes are as in the CleanPatrick baseline, which is ``method=
    confident_learning_adaboost``: scikit-learn's stratified folds (the baseline does not seed them), classes numbered
    by first appearance, and a class's only member trained on and believed. It refuses data with fewer images than
    classes times folds.

    It flags what cleanlab does by default, in the paper "prune by noise rate": of the images of class i that the
    classifier counts as j, as many with the largest margin p_j - p_i as the calibrated confident joint estimates. That
    is decided by the probabilities, whatever orders the images.

    A classifier that is weak on rare classes takes their members for label errors, and boosted stumps are weak where
    there are many classes.

    Args:
        classifier: ``logistic`` (scikit-learn's logistic regression) or ``adaboost`` (its boosted stumps, as in the
            baseline).
        score: One of the above.
        folds: Of the cross-validation; the baseline has 10.
        adjust: Subtract from the probabilities of a class their mean over the images that have its label, as cleanlab
            does for classes of different frequency; not for the entropy.
        compat: None, or ``reference``.
        seed: Deals the folds.
    """

    needs = Need.EMBEDDINGS | Need.LABELS
    stochastic = True

    def __init__(
        self, classifier: str, score: str, folds: int, adjust: bool = False, compat: str | None = None, seed: int = 0
    ) -> None:
        if classifier not in CLASSIFIERS:
            raise UserError(f"unknown classifier {classifier!r}; choose one of {', '.join(CLASSIFIERS)}")
        if score not in SCORES:
            raise UserError(f"unknown score {score!r}; choose one of {', '.join(SCORES)}")
        if typed("folds", folds, int) < LEAST_FOLDS:
            raise UserError(f"cross-validation needs at least 2 folds, not {folds}")
        if flag("adjust", adjust) and score == "confidence_weighted_entropy":
            raise UserError(f"adjust=true does not go with score={score}; choose another score, or adjust=false")
        self.classifier, self.score, self.folds, self.adjust, self.seed = (
            classifier,
            score,
            folds,
            adjust,
            seed_number(seed),
        )
        self.reference = follows_reference(compat)

    def label_errors(self, data: View) -> Floats:
        classes, first, labels = np.unique(data.labels, return_index=True, return_inverse=True)
        if len(classes) < 2:
            raise NotApplicable("all images have the same label")
        if len(classes) == len(labels):
            raise NotApplicable("no two images have the same label")
        embeddings = data.embeddings
        data.afford(*expected_cost(self.classifier, len(labels), embeddings.shape[1], len(classes), self.folds))
        if self.reference:
            if len(labels) < self.folds * len(classes):
                raise NotApplicable(
                    f"cleanlab wants as many images per class as folds on average, {self.folds}, and there are "
                    f"{len(labels)} images in {len(classes)} classes"
                )
            labels = np.argsort(np.argsort(first))[labels]
            folds = stratified_folds(labels, self.folds, self.seed)
        else:
            folds = dealt_folds(labels, self.folds, np.random.default_rng(self.seed))
        believed = out_of_fold(self.classifier, embeddings, labels, folds, lend=self.reference)
        self.decision = (labels, believed)
        return self.scores(labels, believed)

    def flags(self, issue: Issue, data: View, ranking: Ranking) -> Bools | None:
        return label_issues(*self.decision)

    def scores(self, labels: Ints, believed: Floats) -> Floats:
        """Return the score of each image, given the out-of-fold probabilities ``(N, classes)``."""
        if self.score == "confidence_weighted_entropy":
            return -_entropy_quality(labels, believed)
        from cleanlab.rank import get_label_quality_scores

        return -get_label_quality_scores(labels, believed, method=self.score, adjust_pred_probs=self.adjust)


def label_issues(labels: Ints, believed: Floats) -> Bools:
    """Return which labels cleanlab takes for wrong, given the out-of-fold probabilities, shape ``(N,)``.

    It never flags a class's only member.
    """
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "May not flag all label issues in class", category=UserWarning)
        found: Bools = find_label_issues(labels, believed, n_jobs=1)
    return found


def _entropy_quality(labels: Ints, believed: Floats) -> Floats:
    from scipy.special import entr

    confidence = believed[np.arange(len(labels)), labels]
    entropy = entr(believed).sum(axis=1) / np.log(believed.shape[1])
    doubt = np.full(len(labels), np.inf)
    with np.errstate(over="ignore"):
        np.divide(entropy, confidence, out=doubt, where=confidence > 0)
    quality = np.isfinite(doubt).astype(np.float64)  # the limits: 1 for no doubt, 0 for boundless doubt
    return np.divide(np.log1p(doubt), doubt, out=quality, where=(doubt > 0) & np.isfinite(doubt))
