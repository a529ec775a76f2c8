"""cleanlab's Datalab."""

import contextlib
import io
import warnings
from typing import Any, ClassVar

import numpy as np

from cleanbench import Bools, Detector, Floats, Ints, Issue, Need, NotApplicable, Ranking, UserError, View
from cleanbench.cross_validation import dealt_folds, out_of_fold
from cleanbench.neighbours import nearest
from cleanbench.pairs import decode, encode, lookup
from cleanbench.settings import seed_number, typed

# CPU seconds, measured on one core: of the nearest neighbours, per pair of images and column, and per pair; of an
# iteration of a logistic regression, per image, column and class.
SECONDS_PER_PRODUCT = 2.1e-11
SECONDS_PER_PAIR = 2.6e-9
SECONDS_PER_ITERATION = 1e-10
ITERATIONS = 150  # from 15 to 630 were seen, most where columns differ in scale


class Datalab(Detector):
    """Rank all three issues by the scores of cleanlab's Datalab, from embeddings and a classifier's beliefs.

    The tool is documented at https://docs.cleanlab.ai. Its scores are in [0, 1] and low for what is suspicious; ours
    are their negatives, which keeps all digits.

    - Off-topic: the outlier score exp(-d / s), with the mean distance d to the k nearest neighbours (Kuan and Mueller,
      "Back to the Basics: Revisiting Out-of-Distribution Detection Baselines", 2022) and its median s over the images.
      Foreign images that are alike are near each other and rank low; those with d > 745 s all tie at 0.
    - Label errors: the label score, which is the self-confidence, the out-of-fold probability of the given label
      (Northcutt, Jiang and Chuang, "Confident Learning", JAIR 2021). With the same folds the ranking is that of
      ``method=confident_learning``: Datalab differs in what it flags, not in the order.
    - Near-duplicates: Datalab scores images, by 1 - exp(-d / m), with the distance d to the nearest neighbour and its
      median m over the images, and lists each one's near-duplicates among its k neighbours. Here a pair gets the score
      of an image whose nearest neighbour is as far as the two are apart, if one of them is among the k neighbours of
      the other. Datalab knows of no other pair: -inf, not retrieved. Of more than k + 1 copies some pairs are missed.

    It flags what Datalab does: images whose outlier score lies below its threshold, labels that cleanlab's
    ``CleanLearning`` takes for wrong, and pairs in its near-duplicate sets, which are nearer than .13 m.

    Departs from Datalab's defaults: cleanbench finds the neighbours, exactly, and by cosine whatever the width of the
    embeddings, where Datalab takes Euclidean distances up to 3 columns; probabilities come from a logistic regression,
    where Datalab, given none, counts the labels of neighbours.

    Args:
        k: How many neighbours; all other images where there are fewer.
        folds: Of the cross-validation that makes probabilities.
        seed: Deals the folds.
    """

    needs: ClassVar = {
        Issue.NEAR_DUPLICATE: Need.EMBEDDINGS,
        Issue.OFF_TOPIC: Need.EMBEDDINGS,
        Issue.LABEL_ERROR: Need.EMBEDDINGS | Need.LABELS,
    }
    stochastic = True

    def __init__(self, k: int = 10, folds: int = 5, seed: int = 0) -> None:
        if typed("k", k, int) < 1:
            raise UserError(f"k must be at least 1, not {k}")
        if typed("folds", folds, int) < 2:
            raise UserError(f"cross-validation needs at least 2 folds, not {folds}")
        self.k, self.folds, self.seed = k, folds, seed_number(seed)

    def fit(self, data: View) -> None:
        """Find the nearest neighbours, for off-topic images and near-duplicates."""
        images, columns = data.embeddings.shape
        if images < 2:
            raise NotApplicable("one image has no neighbours")
        seconds = images**2 * (columns * SECONDS_PER_PRODUCT + SECONDS_PER_PAIR)
        data.afford(seconds, 8.0 * images * (columns + 4 * self.k))
        self.neighbours, cosines = nearest(data.embeddings, min(self.k, images - 1))
        self.distances = 1 - cosines

    def off_topic(self, data: View) -> Floats:
        issues = self._audited("outlier").get_issues("outlier")
        self.decision = issues["is_outlier_issue"].to_numpy(dtype=bool)
        return -issues["outlier_score"].to_numpy()

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        known, scores, _ = self._known_pairs()
        return lookup(pairs, known, scores, len(data))

    def retrieve(self, data: View, limit: int) -> Ranking:
        known, scores, _ = self._known_pairs()
        best = np.lexsort((encode(known, len(data)), -scores))[:limit]
        return Ranking(Issue.NEAR_DUPLICATE, known[best], scores[best])

    def flags(self, issue: Issue, data: View, ranking: Ranking) -> Bools | None:
        if issue is not Issue.NEAR_DUPLICATE:
            return self.decision
        known, _, alike = self._known_pairs()
        return lookup(ranking.items, known, alike.astype(np.float64), len(data)) > 0

    def _known_pairs(self) -> tuple[Ints, Floats, Bools]:
        """Return the pairs of neighbours, each once, their scores, and whether Datalab takes them for alike."""
        images, k = self.neighbours.shape
        listed = np.stack([np.repeat(np.arange(images), k), self.neighbours.ravel()], axis=1)
        codes, first = np.unique(encode(np.sort(listed, axis=1), images), return_index=True)
        info = self._audited("near_duplicate").get_info("near_duplicate")
        apart = self.distances.ravel()[first] / info["median_distance_to_nearest_neighbor"]
        sets = info["near_duplicate_sets"]
        members = np.stack([np.repeat(np.arange(images), [len(each) for each in sets]), np.concatenate(sets)], axis=1)
        alike = np.isin(codes, encode(np.sort(members.astype(np.int64), axis=1), images))
        return decode(codes, images), np.expm1(-apart), alike

    def _audited(self, issue: str) -> Any:
        """Return a lab that has looked for an issue among the neighbours."""
        from scipy.sparse import csr_matrix

        images, k = self.neighbours.shape
        rows = np.arange(0, images * k + 1, k)
        graph = csr_matrix((self.distances.ravel(), self.neighbours.ravel(), rows), shape=(images, images))
        return _audited({"image": np.arange(images)}, issue, {"k": k}, knn_graph=graph)

    def label_errors(self, data: View) -> Floats:
        classes, labels = np.unique(data.labels, return_inverse=True)
        if len(classes) < 2:
            raise NotApplicable("all images have the same label")
        if len(classes) == len(labels):
            raise NotApplicable("no two images have the same label")
        size = data.embeddings.size * len(classes)
        data.afford(
            size * (min(self.folds, len(labels)) - 1) * ITERATIONS * SECONDS_PER_ITERATION, 8.0 * data.embeddings.size
        )
        folds = dealt_folds(labels, self.folds, np.random.default_rng(self.seed))
        believed = out_of_fold("logistic", data.embeddings, labels, folds)
        # For its flags it would start as many processes as there are cores.
        settings = {"clean_learning_kwargs": {"find_label_issues_kwargs": {"n_jobs": 1}}}
        lab = _audited({"label": labels}, "label", settings, label_name="label", pred_probs=believed)
        issues = lab.get_issues("label")
        self.decision = issues["is_label_issue"].to_numpy(dtype=bool)
        return -issues["label_score"].to_numpy()


def _audited(
    columns: dict[str, Ints], issue: str, settings: dict[str, Any], *, label_name: str | None = None, **inputs: Any
) -> Any:
    """Return a Datalab that has looked for one issue.

    Raises:
        NotApplicable: With its own words, if it could not; it prints errors instead of raising them.
    """
    from cleanlab import Datalab as Lab

    lab = Lab(columns, label_name=label_name, verbosity=0)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), warnings.catch_warnings():
        # It uses what newer versions of pandas will not have.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"cleanlab\.")
        lab.find_issues(issue_types={issue: settings}, **inputs)
    if f"is_{issue}_issue" not in lab.issues:
        raise NotApplicable(f"Datalab finds no {issue} scores: {said.getvalue().strip() or 'it does not say why'}")
    return lab
