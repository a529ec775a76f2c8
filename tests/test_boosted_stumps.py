"""Boosted stumps against scikit-learn's, on data where splits, columns and classes tie."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier

from cleanbench import Floats
from cleanbench.boosted_stumps import Columns, _Part, boosted_probabilities
from cleanbench.cross_validation import out_of_fold


def hard(kind: str, seed: int) -> tuple[Floats, Floats]:
    """Return embeddings of a kind and labels."""
    rng = np.random.default_rng(seed)
    count, columns, classes = rng.integers(10, 120), rng.integers(1, 9), rng.integers(2, 8)
    labels = rng.integers(classes, size=count)
    rows = rng.normal(size=(count, columns)).astype(np.float32)
    rows[:, 0] += labels
    made = {
        "continuous": rows,
        "rounded": np.round(rows, 1),
        "duplicated columns": np.hstack([rows, rows[:, ::-1]]),
        "mirrored columns": np.hstack([rows, -rows]),
        "binary": (rows > 0).astype(np.float32),
        "within the threshold": np.round(3 * rows) / 3 + (4e-8 * rng.integers(3, size=rows.shape)).astype(np.float32),
        "constant columns": np.hstack([rows, np.ones_like(rows)]),
        "float64": rows.astype(np.float64) * 1e-3,
    }
    return made[kind], labels


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "kind",
    [
        "continuous",
        "rounded",
        "duplicated columns",
        "mirrored columns",
        "binary",
        "within the threshold",
        "constant columns",
        "float64",
    ],
)
def test_probabilities_are_those_of_scikit_learn(kind: str, seed: int) -> None:
    rows, labels = hard(kind, seed)
    training = np.random.default_rng(seed).random(len(rows)) < 0.8
    known, found = boosted_probabilities(Columns(rows), labels, training, ~training)
    model = AdaBoostClassifier(random_state=0).fit(rows[training], labels[training])
    np.testing.assert_array_equal(known, model.classes_)
    np.testing.assert_allclose(found, model.predict_proba(rows[~training]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_a_tree_is_that_of_scikit_learn_whatever_the_weights(seed: int) -> None:
    rows, labels = hard("continuous" if seed % 2 else "rounded", seed)
    labels = np.unique(labels, return_inverse=True)[1].astype(np.int32)
    classes = labels.max() + 1
    weights = np.random.default_rng(seed).exponential(size=len(rows)) ** 8  # over many orders of magnitude
    weights /= weights.sum()
    everything = np.ones(len(rows), dtype=bool)
    column, threshold, left, right = _Part(Columns(rows), labels, everything, classes).best_tree(weights, seed)
    tree = DecisionTreeClassifier(max_depth=1, random_state=seed).fit(rows, labels, sample_weight=weights)
    assert (column, threshold) == (tree.tree_.feature[0], tree.tree_.threshold[0])
    np.testing.assert_array_equal(np.where(rows[:, column] <= threshold, left, right), tree.predict(rows))


def test_a_threshold_between_neighbouring_floats_is_not_rounded_to_one_of_them() -> None:
    low = np.float32(2.3)
    high = np.nextafter(np.nextafter(low, np.float32(3)), np.float32(3))
    rows = np.array([[low], [high]] * 10)
    labels = np.array([0, 1] * 10)
    training = np.arange(20) < 16
    _, found = boosted_probabilities(Columns(rows), labels, training, ~training)
    np.testing.assert_array_equal(found.argmax(axis=1), labels[~training])


def test_classes_as_good_as_chance_get_how_frequent_they_are() -> None:
    rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 5, dtype=np.float32)
    labels = np.array([0, 1, 1, 0] * 5)  # no split tells anything
    training = np.arange(20) < 16
    with pytest.raises(ValueError, match="worse than random"):
        AdaBoostClassifier(random_state=0).fit(rows[training], labels[training])
    known, found = boosted_probabilities(Columns(rows), labels, training, ~training)
    np.testing.assert_array_equal(known, [0, 1])
    np.testing.assert_array_equal(found, np.full((4, 2), 0.5))


def test_probabilities_of_the_reference(goldens: Path) -> None:
    with np.load(goldens / "confident_learning.npz") as arrays:
        labels, folds = arrays["A_labels_factorized"], arrays["A_adaboost_fold_of_sample"]
        found = out_of_fold("adaboost", arrays["A_emb"], labels, folds)
        np.testing.assert_allclose(found, arrays["A_adaboost_pred_probs"], rtol=0, atol=1e-14)


def test_classes_of_equal_weight_are_told_apart_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 60
    embeddings = rng.normal(size=(60, 12))[labels] + rng.normal(0, 0.7, (300, 12))
    training = rng.random(300) < 0.8
    model = AdaBoostClassifier(random_state=0).fit(embeddings[training].astype(np.float32), labels[training])
    expected = model.predict_proba(embeddings[~training].astype(np.float32))
    asked = []
    own = _Part._scikit_learns_tree
    monkeypatch.setattr(_Part, "_scikit_learns_tree", lambda *arguments: (asked.append(1), own(*arguments))[1])
    columns = Columns(embeddings)
    _, found = boosted_probabilities(columns, labels, training, ~training)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)
    assert len(asked) < 5  # of 50 trees
