"""Off-topic methods on embeddings: against what they wrap or re-implement, by hand, and on data that is hard on them.

What every method must keep is in the contract.
"""

import random
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from cleanbench import Detector, Floats, Ints, Issue, NotApplicable, UserError, View, zoo
from cleanbench.methods.knn_similarity import CleanlabOOD, KNNSimilarity
from cleanbench.methods.lad import LAD
from cleanbench.methods.mahalanobis import ClassMahalanobis, Mahalanobis
from cleanbench.methods.pyod import HABITS, PyOD, SeededPyOD, by_value
from cleanbench.methods.selfclean import SelfClean
from cleanbench.view import TooCostly

FULL = (100_000, 384)  # images and columns that a method finishes within 20 CPU minutes and 4 GB, or refuses
LIMITS = {"cpu_limit": 1200.0, "memory_limit": 4 * 10**9}


def scores_of(method: Detector, embeddings: Floats, labels: Ints | None = None, **limits: float) -> Floats:
    return method.rank(Issue.OFF_TOPIC, View.from_arrays(embeddings=embeddings, labels=labels, **limits)).scores


def clustered(rows: int, columns: int, seed: int = 0) -> Floats:
    """Return rows around 5 means, of which the first 5 lie far from all."""
    rng = np.random.default_rng(seed)
    embeddings = 2 * rng.normal(size=(5, columns))[rng.integers(5, size=rows)] + rng.normal(size=(rows, columns)) / 2
    far = embeddings[:5]
    far[:] = 5 * rng.normal(size=far.shape)
    return embeddings.astype(np.float32)


# -- PyOD


@pytest.mark.parametrize(
    "parameters", [{"contamination": 2}, {"n_neighbors": -1}, {"n_neighbors": "many"}, {"algorithm": "best"}]
)
def test_parameters_that_a_model_of_pyod_refuses_are_a_mistake(parameters: dict[str, object]) -> None:
    (name,) = parameters
    with pytest.raises(UserError, match=rf"PyOD's knn refuses its parameters \({name}="):
        scores_of(PyOD("knn", parameters), clustered(40, 8))


@pytest.mark.parametrize("name", ["ECOD", "HBOS", "KNN", "IForest"])
@pytest.mark.parametrize("data", ["A", "B"])
def test_pyod_gives_its_decision_scores(goldens: Path, data: str, name: str) -> None:
    with np.load(goldens / "pyod.npz") as arrays:
        embeddings, expected = arrays[f"{data}_emb"], arrays[f"{data}_{name}_decision_scores"]
    for method in (PyOD(name), SeededPyOD(name), zoo.load(name.lower())):
        np.testing.assert_allclose(scores_of(method, embeddings), expected, rtol=1e-10)


@pytest.mark.parametrize("name", sorted(set(HABITS) - {"inne", "mcd", "ocsvm"}))
def test_models_give_what_pyod_gives_for_the_rows_as_they_are(name: str) -> None:
    # Without copies and ties, and with more rows than columns, there is nothing that has to be made up for.
    embeddings, method = clustered(60, 6), zoo.load(name)
    if HABITS[name].double:
        embeddings = embeddings.astype(np.float64)
    model = method._detector({})
    model.fit(embeddings)
    np.testing.assert_allclose(scores_of(method, embeddings), model.decision_scores_, rtol=1e-9)


def test_pyod_passes_parameters_and_the_seed() -> None:
    embeddings = np.random.default_rng(0).normal(size=(50, 4))
    farther = scores_of(PyOD("knn", {"n_neighbors": 9}), embeddings) - scores_of(PyOD("k_nn"), embeddings)
    assert (farther > 0).all()
    first, second = (scores_of(SeededPyOD("iforest", seed=seed), embeddings) for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_pyod_names_the_alternatives() -> None:
    with pytest.raises(UserError, match=r"no model 'knm'; it has abod.* knn"):
        PyOD("knm")
    with pytest.raises(UserError, match=r"no parameter 'neighbours'; it has contamination, n_neighbors"):
        scores_of(PyOD("knn", {"neighbours": 3}), np.eye(9))
    with pytest.raises(NotApplicable, match="refuses the embeddings"):
        scores_of(PyOD("knn", {"n_neighbors": 20}), np.eye(9))


@pytest.mark.parametrize("name", ["loda", "inne", "gmm", "sampling"])
def test_global_generators_decide_nothing_and_are_left_alone(name: str) -> None:
    embeddings, found = clustered(60, 6), []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        before = (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
        found.append(scores_of(SeededPyOD(name), embeddings))
        assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    np.testing.assert_array_equal(*found)


def test_a_model_without_a_random_state_draws_from_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Drawing:
        def fit(self, rows: Floats) -> None:
            self.decision_scores_ = np.random.random(len(rows)) + random.random()  # noqa: NPY002

    monkeypatch.setattr(PyOD, "_detector", lambda self, settings: Drawing())
    embeddings = clustered(20, 4)
    first, again, other = (scores_of(SeededPyOD("loda", seed=seed), embeddings) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", sorted(name for name, habits in HABITS.items() if habits.by_value))
def test_ties_and_draws_do_not_follow_the_order_of_images(name: str) -> None:
    rng = np.random.default_rng(0)
    embeddings = np.unique(rng.integers(3, size=(80, 5)), axis=0).astype(np.float32)  # distances tie
    order = rng.permutation(len(embeddings))
    method = zoo.load(name)
    np.testing.assert_array_equal(scores_of(method, embeddings[order]), scores_of(method, embeddings)[order])


def test_rows_in_the_order_of_their_values() -> None:
    rows = np.array([[1, 0], [0, 2], [1, 0], [0, 1], [-0.0, 1]])
    order, group = by_value(rows)
    np.testing.assert_array_equal(rows[order], [[0, 1], [0, 1], [0, 2], [1, 0], [1, 0]])
    np.testing.assert_array_equal(group, [0, 0, 1, 2, 2])


def test_angles_do_not_see_copies() -> None:
    embeddings = clustered(60, 6)
    copied = np.concatenate([embeddings, np.repeat(embeddings[30:32], 9, axis=0)])
    scores = scores_of(PyOD("abod"), copied)
    np.testing.assert_array_equal(scores[:60], scores_of(PyOD("abod"), embeddings))
    assert (scores[60:69] == scores[30]).all()


@pytest.mark.parametrize("name", sorted(set(HABITS) - {"kde", "mcd"}))
def test_fewer_images_than_columns(name: str) -> None:
    embeddings = clustered(40, 64)
    scores, order = scores_of(zoo.load(name), embeddings), np.random.default_rng(0).permutation(40)
    assert np.sort(scores)[-5:].mean() > np.median(scores)
    assert np.median(scores[:5]) > np.median(scores[5:])
    if not zoo.load(name).stochastic:
        moved = scores_of(zoo.load(name), embeddings[order])
        np.testing.assert_allclose(moved, scores[order], rtol=1e-5, atol=1e-5 * np.ptp(scores))


def test_a_minimum_covariance_needs_more_images_than_columns() -> None:
    with pytest.raises(NotApplicable, match="more images than embeddings have columns that vary"):
        scores_of(PyOD("mcd"), clustered(9, 8))
    assert np.isfinite(scores_of(PyOD("mcd"), clustered(30, 8))).all()


@pytest.mark.parametrize("name", sorted(HABITS))
def test_a_model_is_refused_before_it_starts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PyOD, "_scores", lambda *_: pytest.fail("it started"))
    embeddings = clustered(30, 8)
    with pytest.raises(TooCostly, match="CPU time"):
        scores_of(zoo.load(name), embeddings, cpu_limit=1e-9)
    with pytest.raises(TooCostly, match="GiB"):
        scores_of(zoo.load(name), embeddings, memory_limit=1)


def test_estimates_at_full_size() -> None:
    refused = {
        name
        for name, habits in HABITS.items()
        if habits.seconds(*FULL) > LIMITS["cpu_limit"] or 2**20 * habits.mib(*FULL) > LIMITS["memory_limit"]
    }
    assert refused == {"kde", "mcd", "ocsvm"}
    fitzpatrick17k = (16_577, 192)
    assert max(habits.seconds(*fitzpatrick17k) for habits in HABITS.values()) < LIMITS["cpu_limit"] / 5
    assert max(habits.mib(*fitzpatrick17k) for habits in HABITS.values()) < 1000


# -- Mahalanobis


def test_mahalanobis_is_that_of_the_covariance_of_ledoit_and_wolf() -> None:
    from sklearn.covariance import LedoitWolf

    for rows, columns in ((60, 6), (20, 30), (5, 4)):
        embeddings = clustered(rows, columns).astype(np.float64)
        expected = LedoitWolf().fit(embeddings).mahalanobis(embeddings)
        np.testing.assert_allclose(scores_of(Mahalanobis(), embeddings), expected, rtol=1e-9)


def test_class_mahalanobis_by_brute_force() -> None:
    from sklearn.covariance import ledoit_wolf

    embeddings, labels = clustered(40, 5).astype(np.float64), np.arange(40) % 3
    labels[7] = 3  # alone
    centred = embeddings - np.stack([embeddings[labels == label].mean(axis=0) for label in labels])
    precision = np.linalg.inv(ledoit_wolf(centred, assume_centered=True)[0])
    expected = np.full((40, 4), np.inf)
    for image in range(40):
        for label in range(4):
            others = (labels == label) & (np.arange(40) != image)
            if others.any():
                gap = embeddings[image] - embeddings[others].mean(axis=0)
                expected[image, label] = gap @ precision @ gap
    scores = scores_of(ClassMahalanobis(), embeddings, labels)
    np.testing.assert_allclose(scores, expected.min(axis=1), rtol=1e-9)
    relative = scores_of(ClassMahalanobis(relative=True), embeddings, labels)
    np.testing.assert_allclose(relative, scores - scores_of(Mahalanobis(), embeddings), rtol=1e-9)


def test_mahalanobis_does_not_see_scales_of_columns_that_vary_together() -> None:
    embeddings = clustered(50, 4)
    constant = np.hstack([embeddings, np.full((50, 1), 0.1, dtype=np.float32)])
    for method, labels in ((Mahalanobis(), None), (ClassMahalanobis(), np.arange(50) % 2)):
        scores = scores_of(method, constant, labels)
        assert np.isfinite(scores).all()
        np.testing.assert_allclose(scores_of(method, 1e3 * constant, labels), scores, rtol=1e-4)
    np.testing.assert_array_equal(scores_of(Mahalanobis(), np.full((50, 3), 0.1)), 0)
    with pytest.raises(NotApplicable, match="no two images have the same label"):
        scores_of(ClassMahalanobis(), embeddings, np.arange(50))


# -- Neighbours and leaves


@pytest.mark.parametrize("rows", [3, 8, 90])
def test_similarity_to_the_nearest_neighbours(rows: int) -> None:
    embeddings = clustered(rows, 7)
    distances = cdist(embeddings.astype(np.float64), embeddings.astype(np.float64), "cosine")
    nearest = np.sort(distances + 9 * np.eye(rows), axis=1)[:, : min(5, rows - 1)]
    np.testing.assert_allclose(scores_of(KNNSimilarity(), embeddings), nearest.mean(axis=1) / 2, atol=1e-12)
    for method in (KNNSimilarity, CleanlabOOD):
        with pytest.raises(UserError, match="at least 1"):
            method(k=0)


@pytest.mark.parametrize("case", ["plain", "few", "copies", "equal", "a row of zeros"])
def test_cleanlab_scores_are_those_of_cleanlab(case: str) -> None:
    from cleanlab.outlier import OutOfDistribution

    embeddings = clustered(6 if case == "few" else 80, 9).astype(np.float64)
    if case == "copies":
        embeddings[40:60] = embeddings[20:40]
        embeddings[60:] = embeddings[19]
    if case == "equal":
        embeddings[:] = embeddings[0]
    if case == "a row of zeros":
        embeddings[2] = 0
    expected = OutOfDistribution().fit_score(features=embeddings, verbose=False)
    np.testing.assert_allclose(1 - scores_of(CleanlabOOD(), embeddings), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("global_leaves", [False, True])
def test_leaf_areas_are_those_of_selfclean(global_leaves: bool) -> None:
    embeddings = clustered(90, 7)
    expected = scores_of(SelfClean(global_leaves=global_leaves), embeddings)
    np.testing.assert_array_equal(scores_of(LAD(global_leaves), embeddings), expected)


# -- All of them at full size, without the work


@pytest.mark.parametrize(
    ("method", "issue", "first"),
    [
        ("lad", Issue.OFF_TOPIC, "lad.minimum_spanning_tree"),
        ("selfclean", Issue.OFF_TOPIC, "selfclean.minimum_spanning_tree"),
        ("selfclean", Issue.LABEL_ERROR, "selfclean.intra_extra"),
        ("knn_similarity", Issue.OFF_TOPIC, "knn_similarity.nearest"),
        ("cleanlab_ood", Issue.OFF_TOPIC, "knn_similarity.nearest"),
        ("mahalanobis", Issue.OFF_TOPIC, "mahalanobis.whitener"),
    ],
)
def test_a_method_starts_where_it_can_be_afforded(
    method: str, issue: Issue, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Started(Exception):
        pass

    def start(*_: object, **__: object) -> None:
        raise Started

    monkeypatch.setattr(f"cleanbench.methods.{first}", start)
    embeddings = np.broadcast_to(np.float32(1), FULL)  # one number in memory
    labels = np.arange(len(embeddings)) % 7
    for limits, outcome in ((LIMITS, Started), ({"cpu_limit": 0.5}, TooCostly), ({"memory_limit": 10**6}, TooCostly)):
        view = View.from_arrays(embeddings=embeddings, labels=labels, **limits)
        with pytest.raises(outcome):
            zoo.load(method).rank(issue, view)
