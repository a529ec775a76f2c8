"""AUM and data maps against a plain computation of the same training, and what their training keeps."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from cleanbench import Detector, Floats, Ints, Issue, NotApplicable, UserError, View
from cleanbench.linear_head import Training, confidences, cost, margins, mean_over_epochs
from cleanbench.methods.aum import AUM
from cleanbench.methods.data_map import DataMap
from cleanbench.view import TooCostly

METHODS: list[type[Detector]] = [AUM, DataMap]


def crowd(count: int = 90, columns: int = 6, classes: int = 3, seed: int = 0) -> tuple[Floats, Ints, Ints]:
    """Return embeddings around class means, labels of which every tenth is wrong, and the classes."""
    rng = np.random.default_rng(seed)
    own = np.arange(count) % classes
    rows = 2 * rng.normal(size=(classes, columns))[own] + rng.normal(size=(count, columns))
    labels = np.where(np.arange(count) % 10 == 0, (own + 1) % classes, own)
    return rows.astype(np.float32), labels, own


def ranked(method: Detector, rows: Floats, labels: Ints, **settings: Any) -> Floats:
    view = View.from_arrays(embeddings=rows, labels=labels, **settings)
    return method.rank(Issue.LABEL_ERROR, view).scores


def plain(rows: Floats, labels: Ints, training: Training) -> tuple[Floats, Floats]:
    """Return mean margins and mean probabilities over the epochs, image by image, in float64."""
    count, classes = len(rows), labels.max() + 1
    x = (rows - rows.mean(axis=0, dtype=np.float64)) / rows.std(axis=0, dtype=np.float64) / np.sqrt(rows.shape[1])
    x = np.hstack([x, np.ones((count, 1))])  # the last weight is the bias
    weights = np.zeros((x.shape[1], classes))
    speed = np.zeros_like(weights)
    rng = np.random.default_rng(training.seed)
    areas, believed = np.zeros(count), np.zeros(count)
    for _ in range(training.epochs):
        order = rng.permutation(count)
        for start in range(0, count, training.batch):
            gradient = np.zeros_like(weights)
            chosen = order[start : start + training.batch]
            for row in chosen:
                error = softmax(x[row] @ weights) - np.eye(classes)[labels[row]]
                gradient += np.outer(x[row], error) / len(chosen)
            gradient[:-1] += training.weight_decay * weights[:-1]
            speed = training.momentum * speed + gradient
            weights = weights - training.learning_rate * speed
        for row in range(count):
            logits = x[row] @ weights
            areas[row] += logits[labels[row]] - np.delete(logits, labels[row]).max()
            believed[row] += softmax(logits)[labels[row]]
    return areas / training.epochs, believed / training.epochs


@pytest.mark.parametrize("batch", [16, 90, 1000])
def test_scores_are_those_of_plain_training(batch: int) -> None:
    rows, labels, _ = crowd()
    settings: dict[str, Any] = {
        "epochs": 6,
        "batch": batch,
        "learning_rate": 0.3,
        "momentum": 0.8,
        "weight_decay": 0.02,
    }
    areas, believed = plain(rows, labels, Training(**settings, seed=3))
    np.testing.assert_allclose(ranked(AUM(**settings, seed=3), rows, labels), -areas, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ranked(DataMap(**settings, seed=3), rows, labels), 1 - believed, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_torch_computes_the_same(method: type[Detector]) -> None:
    rows, labels, _ = crowd()
    by_numpy, by_torch = ranked(method(), rows, labels), ranked(method(), rows, labels, device="cpu:0")
    np.testing.assert_allclose(by_torch, by_numpy, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_wrong_labels_come_first(method: type[Detector]) -> None:
    rows, labels, own = crowd(400, 20, 8)
    scores = ranked(method(), rows, labels)
    wrong = labels != own
    assert roc_auc_score(wrong, scores) > 0.99
    if method is AUM:  # another class was ahead
        assert (scores[wrong] > 0).mean() > 0.9
        assert (scores[~wrong] < 0).mean() > 0.99


@pytest.mark.parametrize("method", METHODS)
def test_units_of_columns_and_columns_that_do_not_vary_do_not_matter(method: type[Detector]) -> None:
    rows, labels, _ = crowd()
    stretched = (rows * [1, 10, 1e-3, 1, 1e4, 1] + [5, 0, 1, -9, 0, 1e3]).astype(np.float64)
    padded = np.hstack([stretched, np.full((90, 3), 1e5 / 3)])
    np.testing.assert_allclose(ranked(method(), padded, labels), ranked(method(), rows, labels), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_names_of_classes_do_not_matter(method: type[Detector]) -> None:
    rows, labels, _ = crowd()
    renamed = np.array([40, 7, 12])[labels]
    np.testing.assert_allclose(ranked(method(), rows, renamed), ranked(method(), rows, labels), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_orders_the_batches_and_nothing_else(method: type[Detector]) -> None:
    rows, labels, _ = crowd()
    assert not np.array_equal(ranked(method(), rows, labels), ranked(method(seed=1), rows, labels))
    whole = [ranked(method(batch=90, seed=seed), rows, labels) for seed in (0, 1)]
    np.testing.assert_allclose(*whole, rtol=1e-4, atol=1e-5)


def test_equal_embeddings_leave_how_frequent_a_class_is() -> None:
    labels = np.repeat([0, 1], [30, 10])
    scores = ranked(DataMap(), np.ones((40, 4)), labels)
    assert np.ptp(scores[:30]) == np.ptp(scores[30:]) == 0
    assert scores[0] < 0.5 < scores[-1]


def test_nothing_grows_with_epochs_or_classes_times_images() -> None:
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(20_000, 8)).astype(np.float32), rng.integers(500, size=20_000)
    view = View.from_arrays(embeddings=rows, labels=labels)
    tracemalloc.start()
    mean_over_epochs(view, Training(epochs=1, batch=5000), margins)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e8 / 3  # one array of logits takes 40 MB; a batch of them 10, and a block 17


def test_what_takes_too_long_is_refused_before_it_starts() -> None:
    rows, labels, _ = crowd()
    view = View.from_arrays(embeddings=rows, labels=labels, cpu_limit=1.0)
    with pytest.raises(TooCostly, match="more than cpu_limit=1 seconds"):
        mean_over_epochs(view, Training(epochs=10**6), confidences)
    seconds, memory = cost(100_000, 384, 114, Training())
    assert seconds < 1200
    assert memory < 4 * 2**30


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs=0 must be at least 1"),
        ({"batch": 0}, "batch=0 must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate=0.0 must be greater than 0"),
        ({"momentum": 1.0}, r"momentum=1.0 must be in \[0, 1\)"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0 must be at least 0"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_settings_that_make_no_sense_are_told(method: type[Detector], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        method(**settings)


def test_training_that_diverges_is_told() -> None:
    rows, labels, _ = crowd()
    with pytest.raises(UserError, match=r"diverges with learning_rate=1e\+30; try a tenth"):
        ranked(AUM(learning_rate=1e30, weight_decay=1.0), rows, labels)
    with pytest.raises(NotApplicable, match="same label"):
        ranked(AUM(), rows, labels * 0)
