"""BHN."""

import numpy as np

from cleanbench import Bools, Detector, Floats, Issue, Need, NotApplicable, Ranking, UserError, View
from cleanbench.cross_validation import LEAST_FOLDS, dealt_folds, expected_cost, logistic
from cleanbench.settings import number, seed_number, typed


class BHN(Detector):
    """Rank images by the p-value of their labels against images that are stated to be labelled rightly.

    Yu, Ma and Liu, "Delving into Noisy Label Detection with Clean Data" (ICML 2023). A classifier is trained on
    stated images; s is the probability that it gives to an image's label. Against n other stated images, a label is
    wrong with p = (1 + number of them with s no larger) / (n + 1), a conformal p-value. The score is 1 - p plus
    (1 - s) / (2 (n + 1)): the second term is smaller than a step of p and orders images of equal p by s.

    The paper trains a network on one part of the stated images and calibrates on another. Here a logistic regression
    on the encoder's embeddings is trained on all folds of them but one and compared with that one, and each fold adds
    its count (cross-conformal prediction; Vovk, Annals of Mathematics and Artificial Intelligence, 2015); s in the
    second term is the mean over folds. The order is that of p.

    Flagged is what Benjamini and Hochberg (1995) reject among the images that are tested and not stated: the k
    smallest p-values, with the largest k for which the k-th is at most ``level`` k over their number. It is to keep
    the expected share of right labels among the flagged ones below the level, as far as the p-values are right: those
    of the cross-conformal kind are so approximately. No p-value is below 1 / (n + 1), so nothing is flagged where few
    images are stated and few labels are wrong.

    Images of a class that no stated image has cannot be tested: they get no score (-inf), which tables show as
    coverage. Stated images have p = 1. No more than (n + 1) / 20 distinct p-values lie at or below .05, so where few
    images are stated, it is s that orders the suspicious ones.

    Args:
        folds: Of the stated images.
        level: The false discovery rate of the cut, in (0, 1).
        seed: Deals the folds.
    """

    needs = Need.EMBEDDINGS | Need.LABELS | Need.CALIBRATION
    stochastic = True

    def __init__(self, folds: int = 5, level: float = 0.1, seed: int = 0) -> None:
        if typed("folds", folds, int) < LEAST_FOLDS:
            raise UserError(f"a part to train on and one to compare with make at least 2 folds, not {folds}")
        if not 0 < number("level", level) < 1:
            raise UserError(f"level={level} must be between 0 and 1, the share of false alarms among what is flagged")
        self.folds, self.level, self.seed = folds, level, seed_number(seed)

    def label_errors(self, data: View) -> Floats:
        embeddings, labels, stated = data.embeddings, data.labels, data.calibration
        classes, given = np.unique(labels[stated], return_inverse=True)
        if len(classes) < 2:
            raise NotApplicable("the images that are stated to be labelled rightly have fewer than two labels")
        data.afford(*expected_cost("logistic", len(stated), embeddings.shape[1], len(classes), self.folds))
        fold_of = dealt_folds(given, self.folds, np.random.default_rng(self.seed))
        dealt = np.unique(fold_of)
        confidence = np.zeros(len(labels))
        reached = np.zeros(len(labels), dtype=np.int64)
        for fold in dealt:
            compared, training = stated[fold_of == fold], stated[fold_of != fold]
            known, probabilities = logistic(embeddings[training], labels[training], embeddings)
            column = np.minimum(np.searchsorted(known, labels), len(known) - 1)
            own = np.where(known[column] == labels, probabilities[np.arange(len(labels)), column], 0)
            confidence += own / len(dealt)
            reached += np.searchsorted(np.sort(own[compared]), own, side="right")
        count = len(stated)
        p_values = (1 + reached) / (count + 1)
        p_values[stated] = 1
        tested = np.isin(labels, classes)
        others = tested.copy()
        others[stated] = False
        self.decision = others
        self.decision[others] = rejected(p_values[others], self.level)
        scores = 1 - p_values + (1 - confidence) / (2 * (count + 1))
        return np.where(tested, scores, -np.inf)

    def flags(self, issue: Issue, data: View, ranking: Ranking) -> Bools | None:
        return self.decision


def rejected(p_values: Floats, level: float) -> Bools:
    """Return which hypotheses the procedure of Benjamini and Hochberg (1995) rejects, shape ``(M,)``.

    Example:
        >>> rejected(np.array([0.01, 0.9, 0.04, 0.05]), 0.07).tolist()
        [True, False, True, True]
    """
    steps = level * np.arange(1, len(p_values) + 1) / max(len(p_values), 1)
    ordered = np.sort(p_values)
    under = np.flatnonzero(ordered <= steps)
    return p_values <= ordered[under[-1]] if len(under) else np.zeros(len(p_values), dtype=bool)
