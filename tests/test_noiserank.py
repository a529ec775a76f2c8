"""NoiseRank against the reference's outputs and a plain reading of its definition."""

from pathlib import Path

import numpy as np
import pytest
from numpy.lib.npyio import NpzFile

from cleanbench import Floats, Ints, Issue, UserError, View
from cleanbench.methods.noiserank import NoiseRank, prototypes, squared_distances


@pytest.fixture(params=["A_n300_d32", "B_degenerate_n60"])
def recorded(request: pytest.FixtureRequest, goldens: Path) -> NpzFile:
    with np.load(goldens / f"noiserank_{request.param}.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_reference(recorded: NpzFile, precision: str) -> None:
    embeddings, labels, points, of_class, voted, scores, ranking = (
        recorded[name if name == "labels" else f"{name}_{precision}"]
        for name in (
            "emb",
            "labels",
            "prototypes",
            "y_proto",
            "y_proto_prime",
            "scores_by_sample",
            "ranking",
        )
    )
    method = NoiseRank(compat="reference")
    np.testing.assert_array_equal(method.votes(embeddings, labels, points), voted)
    found = method.scores(embeddings, labels, points, of_class, voted)
    np.testing.assert_allclose(found, scores, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(np.argsort(-found, kind="stable"), ranking)
    made, of = prototypes(embeddings, labels, seed=42)
    np.testing.assert_array_equal(of, of_class)
    if np.array_equal(made, points):  # the same k-means
        whole = method.rank(Issue.LABEL_ERROR, View.from_arrays(embeddings=embeddings, labels=labels))
        np.testing.assert_allclose(whole.scores, scores, rtol=0, atol=2e-6)


def plainly(method: NoiseRank, rows: Floats, labels: Ints, points: Floats, of_class: Ints) -> tuple[Ints, Floats]:
    """Return votes and scores by loops over pairs."""
    kernel = lambda distance: 1 / (method.b + distance**method.e)  # noqa: E731
    voted = []
    for point in points:
        distances = [float(np.linalg.norm(row - point)) for row in rows]
        votes: dict[int, float] = {}
        for row in sorted(range(len(rows)), key=distances.__getitem__)[: method.k]:
            votes[labels[row]] = votes.get(labels[row], 0) + kernel(distances[row])
        voted.append(max(votes, key=votes.__getitem__))
    scores = np.zeros(len(rows))
    for i, row in enumerate(rows):
        for point, own, vote in zip(points, of_class, voted, strict=True):
            if labels[i] == own:
                penalty = -1.0
            elif vote == own:
                penalty = 1 - method.alpha
            else:
                penalty = method.alpha * (method.b_factor if vote == labels[i] else 1)
            scores[i] += penalty * kernel(np.linalg.norm(row - point))
    return np.array(voted), scores


@pytest.mark.parametrize(
    "settings",
    [{}, {"k": 3, "b": 0.5, "e": 2.0}, {"alpha": 0.2, "b_factor": 3.0}, {"k": 100}],
)
def test_definition(settings: dict[str, float]) -> None:
    rng = np.random.default_rng(1)
    rows, labels = rng.normal(size=(60, 4)), rng.integers(4, size=60)
    method = NoiseRank(**settings)
    points, of_class = prototypes(rows, labels, seed=0)
    assert len(points) == 8  # floor(sqrt(15 / 2)) = 2 of each of 4 classes
    voted, scores = plainly(method, rows, labels, points, of_class)
    np.testing.assert_array_equal(method.votes(rows, labels, points), voted)
    np.testing.assert_allclose(method.scores(rows, labels, points, of_class, voted), scores, rtol=1e-9)


def test_an_image_on_its_prototype_has_distance_0() -> None:
    rows = (100 + np.random.default_rng(0).normal(size=(50, 64))).astype(np.float32)
    assert np.sqrt(squared_distances(rows, rows).diagonal()).max() < 1e-4


def test_a_class_has_no_more_prototypes_than_images() -> None:
    rows = np.random.default_rng(0).normal(size=(41, 3))
    points, of_class = prototypes(rows, np.array([0] * 40 + [1]), seed=0)
    np.testing.assert_array_equal(np.bincount(of_class), [3, 1])
    np.testing.assert_allclose(points[-1], rows[-1])


@pytest.mark.parametrize(
    "wrong",
    [{"k": 0}, {"b": 0.0}, {"e": -1.0}, {"alpha": 1.5}, {"compat": "other"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_other_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        NoiseRank(**wrong)


def test_distances_of_long_rows_that_coincide_are_zero() -> None:
    rows = 1e5 * np.random.default_rng(0).normal(size=(20, 12))
    near = rows + 1e-4
    expected = ((rows[:, None] - near[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(squared_distances(rows, near), expected, rtol=1e-6)
    np.testing.assert_array_equal(np.diag(squared_distances(rows, rows)), 0)
