"""Confident learning, FINE, SimiFeat and BHN against their definitions and the reference's outputs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cleanlab.count import compute_confident_joint, estimate_cv_predicted_probabilities
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression

from cleanbench import Floats, Ints, Issue, NotApplicable, UserError, View
from cleanbench.cross_validation import dealt_folds, out_of_fold, stratified_folds
from cleanbench.leaderboard.tables import page
from cleanbench.methods.bhn import BHN
from cleanbench.methods.confident_learning import SCORES, ConfidentLearning
from cleanbench.methods.fine import FINE, alignment
from cleanbench.methods.simifeat import SimiFeat
from cleanbench.neighbours import nearest

BASELINES = [("logistic", "logreg"), ("adaboost", "adaboost")]


def clusters(seed: int = 0, size: int = 30, spread: float = 0.5) -> tuple[Floats, Ints, Ints]:
    """Return embeddings of three classes, labels, and the positions of wrong ones."""
    rng = np.random.default_rng(seed)
    right = np.repeat(np.arange(3), size)
    rows = (3 * np.eye(3, 8)[right] + spread * rng.normal(size=(3 * size, 8))).astype(np.float32)
    wrong = rng.choice(3 * size, 6, replace=False)
    labels = right.copy()
    labels[wrong] = (right[wrong] + 1) % 3
    return rows, labels, wrong


# -- Cross-validation and confident learning


@pytest.fixture(params=BASELINES, ids=lambda pair: pair[0])
def recorded(request: pytest.FixtureRequest, goldens: Path) -> tuple[str, dict[str, Any]]:
    classifier, short = request.param
    with np.load(goldens / "confident_learning.npz") as arrays:
        return classifier, {name.removeprefix(f"A_{short}_"): arrays[name] for name in arrays.files}


def test_probabilities_of_the_reference(recorded: tuple[str, dict[str, Any]]) -> None:
    classifier, golden = recorded
    labels = golden["A_labels_factorized"]
    np.testing.assert_array_equal(stratified_folds(labels, 10, seed=0), golden["fold_of_sample"])
    believed = out_of_fold(classifier, golden["A_emb"], labels, golden["fold_of_sample"], lend=True)
    apart = np.abs(believed - golden["pred_probs"])
    if classifier == "adaboost":
        assert apart.max() < 1e-12
    else:  # where its solver stops depends on the processor: the optimum itself is .03 away from what is recorded
        assert apart.max() < 0.06
        assert np.median(apart) < 1e-4


def test_decisions_of_the_reference(recorded: tuple[str, dict[str, Any]]) -> None:
    classifier, golden = recorded
    labels, believed = golden["A_labels_factorized"], golden["pred_probs"]
    if classifier == "adaboost":
        believed = out_of_fold(classifier, golden["A_emb"], labels, golden["fold_of_sample"], lend=True)
    scores = ConfidentLearning(classifier, "self_confidence", 10).scores(labels, believed)
    np.testing.assert_allclose(-scores, golden["label_quality"], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(believed.argmax(axis=1), golden["predicted_label"])
    joint = compute_confident_joint(labels, believed)
    np.testing.assert_array_equal(joint, golden["confident_joint"])
    np.testing.assert_array_equal(find_label_issues(labels, believed, confident_joint=joint), golden["is_label_issue"])
    if classifier == "logistic":  # with boosting, equal scores are in the order of an unstable sort
        np.testing.assert_array_equal(np.argsort(-scores, kind="stable"), golden["ranking"])


def test_the_whole_reference(goldens: Path) -> None:
    with np.load(goldens / "confident_learning.npz") as arrays:
        view = View.from_arrays(embeddings=arrays["A_emb"], labels=arrays["A_labels"])
        expected = arrays["A_adaboost_label_quality"]
    method = ConfidentLearning("adaboost", "self_confidence", 10, compat="reference")
    np.testing.assert_allclose(-method.rank(Issue.LABEL_ERROR, view).scores, expected, rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.filterwarnings("ignore:Duplicated some data")
@pytest.mark.parametrize("model", [LogisticRegression(max_iter=1000), AdaBoostClassifier(random_state=0)])
def test_reference_believes_the_only_member_of_a_class(model: Any) -> None:
    rows, labels, _ = clusters(spread=1.5)
    labels[17], labels[5] = 3, 4
    view = View.from_arrays(embeddings=rows, labels=labels)
    by_appearance = pd.factorize(labels)[0]
    believed = estimate_cv_predicted_probabilities(rows, by_appearance, clf=model, cv_n_folds=4, seed=0)
    classifier = "logistic" if isinstance(model, LogisticRegression) else "adaboost"
    scores = (
        ConfidentLearning(classifier, "self_confidence", 4, compat="reference").rank(Issue.LABEL_ERROR, view).scores
    )
    np.testing.assert_allclose(-scores, believed[np.arange(90), by_appearance], rtol=0, atol=1e-3)
    assert scores[17] == scores[5] == -1
    with pytest.raises(NotApplicable, match="as many images per class as folds"):
        ConfidentLearning(classifier, "self_confidence", 40, compat="reference").rank(Issue.LABEL_ERROR, view)


def test_folds_are_balanced_within_classes() -> None:
    labels = np.repeat([0, 1, 2, 3], [23, 3, 1, 11])
    folds = dealt_folds(labels, 5, np.random.default_rng(0))
    for members in (labels == label for label in range(4)):
        sizes = np.bincount(folds[members], minlength=5)
        assert sizes.max() - sizes.min() <= 1
    assert np.ptp(np.bincount(folds)) <= 1
    assert not np.array_equal(folds, dealt_folds(labels, 5, np.random.default_rng(1)))


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("adjust", [False, True])
def test_scores_are_those_of_cleanlab(score: str, adjust: bool) -> None:
    if adjust and score == "confidence_weighted_entropy":
        pytest.skip("cleanlab does not adjust for it")
    rng = np.random.default_rng(0)
    believed, labels = rng.dirichlet([0.3] * 4, size=200), rng.integers(4, size=200)
    believed = (believed + 1e-4) / (1 + 4e-4)  # away from cleanlab's bounds
    found = ConfidentLearning("logistic", score, 5, adjust=adjust).scores(labels, believed)
    expected = get_label_quality_scores(labels, believed, method=score, adjust_pred_probs=adjust)
    np.testing.assert_allclose(-found, expected, atol=1e-9)


def test_certainty_is_no_doubt() -> None:
    believed = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [1e-320, 1, 0], [1 - 1e-12, 1e-12, 0]])
    scores = ConfidentLearning("logistic", "confidence_weighted_entropy", 5).scores(np.zeros(5, dtype=int), believed)
    assert -1 == scores[0] < scores[4] < -1 + 1e-6 < scores[2] < -0.02 < scores[3] < scores[1] == 0
    # Cleanlab's bound makes the image that is labelled rightly beyond doubt as bad as can be.
    assert get_label_quality_scores(np.array([0]), believed[:1], method="confidence_weighted_entropy") == 0


def test_confident_learning_doubts_the_only_member_of_a_class() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([3, 7, 9], [10, 10, 1])
    view = View.from_arrays(embeddings=rng.normal(size=(21, 3)) + 9 * (labels == 7)[:, None], labels=labels)
    scores = ConfidentLearning("logistic", "self_confidence", 5).rank(Issue.LABEL_ERROR, view).scores
    assert scores[-1] == 0
    assert scores[:-1].max() < -0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"classifier": "forest"},
        {"score": "loss"},
        {"folds": 1},
        {"adjust": True, "score": "confidence_weighted_entropy"},
        {"compat": "other"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_confident_learning_refuses_other_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        ConfidentLearning(**{"classifier": "logistic", "score": "self_confidence", "folds": 5} | wrong)


def test_boosting_too_much_is_refused_before_it_starts() -> None:
    rows, labels, _ = clusters()
    view = View.from_arrays(embeddings=rows, labels=labels, cpu_limit=1)
    with pytest.raises(NotApplicable, match="CPU time"):
        ConfidentLearning("adaboost", "self_confidence", 10).rank(Issue.LABEL_ERROR, view)


# -- FINE


@pytest.mark.parametrize("size", [3, 8, 40])
def test_alignment_is_with_the_first_singular_vector(size: int) -> None:
    rows = np.random.default_rng(size).normal(size=(size, 8)) + 1
    main = np.linalg.svd(rows)[2][0]
    expected = (rows @ main) ** 2 / (rows**2).sum(axis=1)
    for precision, tolerance in ((np.float64, 1e-9), (np.float32, 1e-5)):
        np.testing.assert_allclose(alignment(rows.astype(precision)), expected, rtol=tolerance)
        np.testing.assert_allclose(alignment((1e30 * rows).astype(precision)), expected, rtol=tolerance)


def test_alignment_is_with_the_whole_space_where_the_largest_eigenvalue_is_not_single() -> None:
    rows = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 0.5]])
    np.testing.assert_allclose(alignment(rows), [1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(alignment(rows[:, [1, 2, 0]]), [1, 1, 0], atol=1e-12)
    np.testing.assert_array_equal(alignment(np.zeros((3, 2))), 0)


def test_fine_finds_wrong_labels_and_knows_nothing_of_an_only_member() -> None:
    rows, labels, wrong = clusters()
    labels[0] = 7
    scores = FINE().rank(Issue.LABEL_ERROR, View.from_arrays(embeddings=rows, labels=labels)).scores
    wrong = np.setdiff1d(wrong, 0)
    assert scores[wrong].min() > np.delete(scores, wrong).max()
    assert scores[0] == pytest.approx(0, abs=1e-12)


# -- SimiFeat


@pytest.mark.parametrize("seed", range(3))
def test_simifeat_counts_neighbours(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, labels = rng.normal(size=(60, 5)), rng.integers(4, size=60)
    view = View.from_arrays(embeddings=rows, labels=labels)
    near, _ = nearest(view.embeddings, 10)
    shares = np.array([np.bincount(labels[row], minlength=4) / 10 for row in near])
    own = shares[np.arange(60), labels]
    ranked = SimiFeat("rank").rank(Issue.LABEL_ERROR, view).scores
    np.testing.assert_allclose(ranked, 1 - own / np.linalg.norm(shares, axis=1))
    most = shares == shares.max(axis=1, keepdims=True)
    voted = SimiFeat("vote").rank(Issue.LABEL_ERROR, view).scores
    np.testing.assert_allclose(voted, np.where(most[np.arange(60), labels], 1 - 1 / most.sum(axis=1), 1))
    assert len(np.unique(voted)) > 2, "some votes are tied"


def test_simifeat_refuses_other_settings() -> None:
    with pytest.raises(UserError, match="choose one of vote, rank"):
        SimiFeat("both")
    with pytest.raises(UserError, match="at least 1"):
        SimiFeat("vote", k=0)


# -- BHN


def test_bhn_orders_by_p_value_and_then_by_confidence() -> None:
    rows, labels, wrong = clusters(spread=1.2)
    stated = np.setdiff1d(np.arange(0, 90, 3), wrong)
    view = View.from_arrays(embeddings=rows, labels=labels, calibration=stated)
    scores = BHN().rank(Issue.LABEL_ERROR, view).scores
    steps = (1 - scores) * (len(stated) + 1)
    # The second term takes less than half a step off, so that rounding up gives the p-value back.
    p_values = np.ceil(steps - 1e-9).astype(int)
    assert p_values.min() >= 1
    assert (p_values[stated] == len(stated) + 1).all()
    assert ((p_values - steps) <= 0.5 + 1e-9).all()
    judged = np.setdiff1d(np.arange(90), stated)
    assert np.isin(judged[np.argsort(-scores[judged])][:4], wrong).all()


def test_bhn_counts_stated_images_that_are_no_better() -> None:
    # One coordinate, two classes: the classifier's confidence in label 1 grows with it, for every training set.
    position = np.array([-4.0, -3, -2, -1, 1, 2, 3, 4, 0.5, 5, -5, 2.5])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0])
    view = View.from_arrays(embeddings=position[:, None], labels=labels, calibration=np.arange(8))
    scores = BHN(folds=4).rank(Issue.LABEL_ERROR, view).scores
    p_values = np.ceil((1 - scores) * 9 - 1e-9)
    assert p_values[10] == p_values[11] == 1, "no stated image is as badly labelled"
    assert scores[10] > scores[11], "equal p-values are ordered by confidence"
    assert p_values[9] == 9
    assert 1 < p_values[8] <= 3


def test_bhn_p_values_of_right_labels_are_not_too_small() -> None:
    shares = []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        labels = rng.integers(3, size=300)
        rows = np.eye(3, 6)[labels] + 0.7 * rng.normal(size=(300, 6))
        view = View.from_arrays(embeddings=rows, labels=labels, calibration=np.arange(60))
        p_values = np.ceil((1 - BHN(seed=seed).rank(Issue.LABEL_ERROR, view).scores[60:]) * 61 - 1e-9) / 61
        shares.append([(p_values <= level).mean() for level in (0.1, 0.3)])
    small, larger = np.mean(shares, axis=0)
    assert 0.05 < small < 0.14
    assert 0.2 < larger < 0.37


def test_bhn_does_not_score_classes_that_nothing_is_stated_of() -> None:
    rows, labels, wrong = clusters()
    stated = np.setdiff1d(np.flatnonzero(labels != 2), wrong)[::4]
    view = View.from_arrays(embeddings=rows, labels=labels, calibration=stated)
    scores = BHN().rank(Issue.LABEL_ERROR, view).scores
    np.testing.assert_array_equal(np.isneginf(scores), labels == 2)
    with pytest.raises(NotApplicable, match="fewer than two labels"):
        BHN().rank(Issue.LABEL_ERROR, View.from_arrays(embeddings=rows, labels=labels, calibration=[0, 1]))
    with pytest.raises(UserError, match="at least 2 folds"):
        BHN(folds=1)


def test_a_run_that_is_told_right_labels_is_marked_as_supervised(rank_with: Callable[..., Any], pictures: Path) -> None:
    outcome = rank_with(
        "method=bhn", "encoder=pixels", "dataset=folder", f'dataset.root="{pictures}"', "truth.calibration=0.8"
    )
    (record,) = outcome.run.records
    assert record.supervised
    assert "`bhn` †" in page([record])
    assert "†: supervised" in page([record])
