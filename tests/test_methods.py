"""The methods against recorded outputs of the reference code, and on data that is hard on them.

Where the reference is wrong, the corrected value is asserted. What every method must keep is in the contract.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.npyio import NpzFile

from cleanbench import Detector, Floats, Ints, Issue, NotApplicable, UserError, View
from cleanbench.methods.chance import Chance
from cleanbench.methods.confident_learning import ConfidentLearning
from cleanbench.methods.fine import FINE
from cleanbench.methods.knn_disagreement import KNNDisagreement
from cleanbench.methods.luminance import Luminance
from cleanbench.methods.noiserank import NoiseRank
from cleanbench.methods.phash import PHash
from cleanbench.methods.pyod import PyOD, SeededPyOD
from cleanbench.methods.selfclean import SelfClean
from cleanbench.methods.simifeat import SimiFeat
from cleanbench.methods.ssim import SSIM

PRECISIONS = [("f32", 1e-6), ("f64", 1e-12)]
SETS = ("A_n300_d32", "B_degenerate_n60", "Z_zero_rows_n60")

OF_EMBEDDINGS: list[Detector] = [
    Chance(),
    SelfClean(),
    SelfClean(global_leaves=True),
    SelfClean(distance="euclidean"),
    SelfClean(distance="euclidean", normalise=False),
    KNNDisagreement(),
    ConfidentLearning("logistic", "self_confidence", 5),
    ConfidentLearning("adaboost", "normalized_margin", 5),
    ConfidentLearning("logistic", "confidence_weighted_entropy", 5),
    NoiseRank(),
    FINE(),
    SimiFeat("vote"),
    SimiFeat("rank"),
    PyOD("ecod"),
    PyOD("hbos"),
    PyOD("knn"),
    PyOD("lof"),
    SeededPyOD("iforest"),
]
OF_IMAGES: list[Detector] = [Chance(), Luminance(), PHash(), SSIM()]


def named(detector: Detector) -> str:
    return "-".join([type(detector).__name__, *(str(setting) for setting in vars(detector).values())])


def all_pairs(count: int) -> Ints:
    return np.array(list(combinations(range(count), 2)), dtype=np.int64).reshape(-1, 2)


# -- SelfClean


@pytest.fixture(params=SETS)
def recorded(request: pytest.FixtureRequest, goldens: Path) -> NpzFile:
    with np.load(goldens / f"selfclean_{request.param}.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.mark.parametrize(("precision", "tolerance"), PRECISIONS)
def test_selfclean_near_duplicates(recorded: NpzFile, precision: str, tolerance: float) -> None:
    view = View.from_arrays(embeddings=recorded[f"emb_{precision}"])
    pairs = recorded[f"near_dup_indices_{precision}"].astype(np.int64)
    scores = SelfClean().rank(Issue.NEAR_DUPLICATE, view, pairs).scores
    np.testing.assert_allclose(1 - scores, recorded[f"near_dup_scores_{precision}"], rtol=0, atol=tolerance)
    retrieved = SelfClean().retrieve(view, len(pairs))
    assert len(np.unique(retrieved.items, axis=0)) == len(pairs)
    np.testing.assert_array_equal(retrieved.scores, np.sort(scores)[::-1])


@pytest.mark.parametrize("scope", ["local", "global"])
@pytest.mark.parametrize(("precision", "tolerance"), PRECISIONS)
def test_selfclean_off_topic(recorded: NpzFile, precision: str, tolerance: float, scope: str) -> None:
    method = SelfClean(global_leaves=scope == "global")
    scores = method.rank(Issue.OFF_TOPIC, View.from_arrays(embeddings=recorded[f"emb_{precision}"])).scores
    indices = recorded[f"off_topic_indices_{scope}_{precision}"]
    expected = recorded[f"off_topic_scores_{scope}_{precision}"]
    np.testing.assert_allclose(1 - scores[indices], expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("precision", "tolerance"), [("f32", 2e-6), ("f64", 1e-12)])
def test_selfclean_label_errors(recorded: NpzFile, precision: str, tolerance: float) -> None:
    view = View.from_arrays(embeddings=recorded[f"emb_{precision}"], labels=recorded["labels"])
    scores = SelfClean().rank(Issue.LABEL_ERROR, view).scores
    expected = 1 - recorded[f"label_scores_by_sample_{precision}"]
    # An image with copies under its own and under another label is 0 / 0 in the reference.
    expected[np.isnan(expected)] = 0.5
    np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerance)


def test_selfclean_of_a_singleton_class_takes_its_farthest_image() -> None:
    embeddings = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]])
    view = View.from_arrays(embeddings=embeddings, labels=[0, 1, 1, 1])
    other, same = 0.1, 1.0
    score = SelfClean().rank(Issue.LABEL_ERROR, view).scores[0]
    assert score == pytest.approx(same**2 / (same**2 + other**2))


@pytest.mark.parametrize("issue", [Issue.OFF_TOPIC, Issue.LABEL_ERROR])
def test_selfclean_does_not_see_the_lengths_of_embeddings(issue: Issue) -> None:
    rng = np.random.default_rng(0)
    embeddings, labels = rng.normal(size=(10, 4)), np.arange(10) % 2
    scaled = embeddings * rng.uniform(0.1, 10, size=(10, 1))
    plain = SelfClean().rank(issue, View.from_arrays(embeddings=embeddings, labels=labels)).scores
    np.testing.assert_allclose(
        SelfClean().rank(issue, View.from_arrays(embeddings=scaled, labels=labels)).scores, plain, atol=1e-12
    )


# -- Disagreement


def test_disagreement_counts_neighbours_of_another_label() -> None:
    angles = np.radians([0, 1, 2, 90, 91, 93])
    view = View.from_arrays(embeddings=np.stack([np.cos(angles), np.sin(angles)], axis=1), labels=[0, 0, 1, 1, 1, 0])
    np.testing.assert_allclose(KNNDisagreement(k=2).rank(Issue.LABEL_ERROR, view).scores, [0.5, 0.5, 1, 0.5, 0.5, 1])
    # With as many neighbours as there are others, all that is left is how rare a label is.
    np.testing.assert_allclose(KNNDisagreement(k=20).rank(Issue.LABEL_ERROR, view).scores, 0.6)
    with pytest.raises(UserError, match="at least 1"):
        KNNDisagreement(k=0)


# -- All of them on hard data


def hard_embeddings() -> dict[str, tuple[Floats, Ints]]:
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(40, 6)).astype(np.float32), rng.integers(3, size=40)
    copies = rows.copy()
    copies[20:] = copies[:20]
    zeros = rows.copy()
    zeros[:2] = 0
    return {
        "one image": (rows[:1], labels[:1]),
        "two images": (rows[:2], np.array([0, 1])),
        "three images": (rows[:3], np.array([0, 0, 1])),
        "one class": (rows, np.zeros(40, dtype=int)),
        "a class of one": (rows, np.append(labels[:-1], 3)),
        "classes of one": (rows, np.arange(40)),
        "copies": (copies, labels),
        "zero rows": (zeros, labels),
        "constant": (np.ones_like(rows), labels),
        "zero": (np.zeros_like(rows), labels),
        "constant, in balance": (np.ones_like(rows), np.arange(40) % 2),
        "constant column": (np.hstack([rows, np.ones((40, 1), dtype=np.float32)]), labels),
        "one column": (rows[:, :1], labels),
    }


REFUSED = {
    (SelfClean, Issue.OFF_TOPIC): {"one image"},
    (SelfClean, Issue.LABEL_ERROR): {"one image", "one class"},
    (KNNDisagreement, Issue.LABEL_ERROR): {"one image", "one class"},
    (ConfidentLearning, Issue.LABEL_ERROR): {"one image", "two images", "one class", "classes of one"},
    (NoiseRank, Issue.LABEL_ERROR): {"one image", "one class"},
    (FINE, Issue.LABEL_ERROR): {"one image", "one class"},
    (SimiFeat, Issue.LABEL_ERROR): {"one image", "one class"},
    (PyOD, Issue.OFF_TOPIC): {"one image"},
    (SeededPyOD, Issue.OFF_TOPIC): {"one image"},
}
TOO_FEW = {"two images", "three images"}  # for PyOD's KNN, which wants 5 neighbours


@pytest.mark.parametrize("case", hard_embeddings())
@pytest.mark.parametrize("method", OF_EMBEDDINGS, ids=named)
def test_hard_embeddings_get_finite_scores_or_a_reason(method: Detector, case: str) -> None:
    embeddings, labels = hard_embeddings()[case]
    view = View.from_arrays(embeddings=embeddings, labels=labels)
    for issue in method.issues():
        pairs = all_pairs(len(view)) if issue.ranks_pairs else None
        if case in REFUSED.get((type(method), issue), ()) or (case in TOO_FEW and vars(method).get("model") == "knn"):
            with pytest.raises(NotApplicable, match=r".{20}"):
                method.rank(issue, view, pairs)
        else:
            assert np.isfinite(method.rank(issue, view, pairs).scores).all()


@pytest.mark.parametrize("method", OF_IMAGES, ids=named)
def test_flat_and_equal_images_get_finite_scores(method: Detector) -> None:
    picture = np.random.default_rng(0).integers(256, size=(20, 9, 3), dtype=np.uint8)
    flat = [np.full((size, size), 255 * (size % 2), dtype=np.uint8) for size in (1, 2, 100, 65)]
    for images in ([picture], [picture, picture], flat):
        view = View.from_arrays(images=images)
        for issue in method.issues():
            pairs = all_pairs(len(view)) if issue.ranks_pairs else None
            assert np.isfinite(method.rank(issue, view, pairs).scores).all()


@pytest.mark.parametrize("method", [m for m in OF_EMBEDDINGS if not m.stochastic], ids=named)
@pytest.mark.parametrize("seed", range(3))
def test_scores_follow_their_images(method: Detector, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, labels = rng.normal(size=(150, 48)).astype(np.float32), rng.integers(4, size=150)
    rows[100:] = rows[:50] + 1e-3 * rng.normal(size=(50, 48))  # near-copies: differences near the rounding
    order = rng.permutation(len(rows))
    view, shuffled = (
        View.from_arrays(embeddings=rows[chosen], labels=labels[chosen]) for chosen in (np.arange(len(rows)), order)
    )
    for issue in method.issues():
        asked = rng.permutation(all_pairs(len(rows)))[:500] if issue.ranks_pairs else np.arange(len(rows))
        there = np.sort(np.argsort(order)[asked], axis=-1) if issue.ranks_pairs else np.argsort(order)
        moved = method.rank(issue, shuffled, there if issue.ranks_pairs else None).scores
        moved = moved if issue.ranks_pairs else moved[there]
        stayed = method.rank(issue, view, asked if issue.ranks_pairs else None).scores
        np.testing.assert_allclose(moved, stayed, rtol=1e-5)
