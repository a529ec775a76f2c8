"""SelfClean against every recorded array of the reference code, and its order where scores are undefined.

Where the reference is wrong, the corrected value is asserted, and what it returns under ``compat="reference"``.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from cleanbench import Detector, Floats, Ints, Issue, NotApplicable, UserError, View
from cleanbench.intra_extra import intra_extra, reference_order
from cleanbench.linkage import minimum_spanning_tree, single_linkage
from cleanbench.methods.intra_extra import IntraExtra
from cleanbench.methods.selfclean import SelfClean
from cleanbench.pairs import decode, encode, pair_count

Recorded = dict[str, npt.NDArray[Any]]

# The precision of the recorded run, that of its embedding, and how far its numbers are from exact ones.
PRECISIONS = [("f32", "f32", 1e-6), ("f64", "f64", 1e-12), ("mix", "f64", 1e-6)]
SETS = ("A_n300_d32", "B_degenerate_n60", "Z_zero_rows_n60")
UNDEFINED = [4, 5]  # rows of B and Z that have copies under their own and under another label


@pytest.fixture(params=SETS)
def recorded(request: pytest.FixtureRequest, goldens: Path) -> Recorded:
    with np.load(goldens / f"selfclean_{request.param}.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def ranked(method: Detector, issue: Issue, recorded: Recorded, embedding: str) -> Floats:
    view = View.from_arrays(embeddings=recorded[f"emb_{embedding}"], labels=recorded["labels"])
    return method.rank(issue, view).scores


@pytest.mark.parametrize(("precision", "embedding", "tolerance"), PRECISIONS)
def test_distances_are_those_of_the_matrix(
    recorded: Recorded, precision: str, embedding: str, tolerance: float
) -> None:
    view = View.from_arrays(embeddings=recorded[f"emb_{embedding}"])
    pairs = decode(np.arange(pair_count(len(view))), len(view))
    scores = SelfClean().rank(Issue.NEAR_DUPLICATE, view, pairs).scores
    # The reference's own distances of images to themselves are rounding noise.
    expected = recorded[f"distance_matrix_{precision}"][pairs[:, 0], pairs[:, 1]]
    np.testing.assert_allclose(1 - scores, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("precision", "embedding", "tolerance"), PRECISIONS)
def test_pairs_come_in_recorded_order_up_to_ties(
    recorded: Recorded, precision: str, embedding: str, tolerance: float
) -> None:
    view = View.from_arrays(embeddings=recorded[f"emb_{embedding}"])
    listed = recorded[f"near_dup_indices_{precision}"].astype(np.int64)
    assert len(np.unique(encode(listed, len(view)))) == len(listed) == pair_count(len(view))
    retrieved = SelfClean().retrieve(view, len(listed))
    expected = recorded[f"near_dup_scores_{precision}"]
    np.testing.assert_allclose(1 - retrieved.scores, expected, rtol=0, atol=tolerance)
    matrix = recorded[f"distance_matrix_{precision}"]
    np.testing.assert_allclose(matrix[tuple(retrieved.items.T)], expected, rtol=0, atol=2 * tolerance)
    if precision == "f64" and len(view) == 300:  # the one without ties
        np.testing.assert_array_equal(retrieved.items, listed)


@pytest.mark.parametrize("scope", ["local", "global"])
@pytest.mark.parametrize(("precision", "embedding", "tolerance"), PRECISIONS)
def test_off_topic_scores_and_their_order(
    recorded: Recorded, precision: str, embedding: str, tolerance: float, scope: str
) -> None:
    scores = ranked(SelfClean(global_leaves=scope == "global"), Issue.OFF_TOPIC, recorded, embedding)
    listed = recorded[f"off_topic_indices_{scope}_{precision}"]
    expected = recorded[f"off_topic_scores_{scope}_{precision}"]
    np.testing.assert_allclose(1 - scores[listed], expected, rtol=0, atol=tolerance)
    # Leaves of a pair have equal scores; all others are in the recorded order.
    assert (np.diff(scores[listed]) <= tolerance).all()


@pytest.mark.parametrize(("precision", "embedding", "tolerance"), PRECISIONS)
def test_linkage_of_own_distances(recorded: Recorded, precision: str, embedding: str, tolerance: float) -> None:
    merges = single_linkage(*minimum_spanning_tree(recorded[f"emb_{embedding}"]))
    expected = recorded[f"linkage_{precision}"]
    np.testing.assert_allclose(merges[:, 2], expected[:, 2], rtol=0, atol=tolerance)
    if len(merges) == 299:  # without copies no merges tie, so the tree is the same one
        np.testing.assert_array_equal(merges[:, [0, 1, 3]], expected[:, [0, 1, 3]])


@pytest.mark.parametrize("method", [SelfClean, IntraExtra])
@pytest.mark.parametrize(("precision", "embedding", "tolerance"), PRECISIONS)
def test_label_errors_by_image(
    recorded: Recorded, precision: str, embedding: str, tolerance: float, method: type[Detector]
) -> None:
    scores = ranked(method(), Issue.LABEL_ERROR, recorded, embedding)
    expected = recorded[f"label_scores_by_sample_{precision}"]
    undefined = np.flatnonzero(np.isnan(expected))
    assert undefined.tolist() == ([] if len(scores) == 300 else UNDEFINED)
    np.testing.assert_array_equal(scores[undefined], 0.5)
    np.testing.assert_allclose(
        np.delete(1 - scores, undefined), np.delete(expected, undefined), rtol=0, atol=2 * tolerance
    )


@pytest.mark.parametrize("method", [SelfClean, IntraExtra])
@pytest.mark.parametrize(("precision", "embedding", "tolerance"), PRECISIONS)
def test_label_errors_in_the_order_of_the_reference(
    recorded: Recorded, precision: str, embedding: str, tolerance: float, method: type[Detector]
) -> None:
    scores = ranked(method(compat="reference"), Issue.LABEL_ERROR, recorded, embedding)
    order = np.argsort(-scores, kind="stable")
    assert len(np.unique(scores)) == len(scores)
    expected = recorded[f"label_scores_{precision}"]
    np.testing.assert_array_equal(np.isnan(expected), np.isin(order, UNDEFINED) & (len(scores) == 60))
    # float32 rounds some scores to equal ones, and changes which of two near ones is the smaller.
    found = recorded[f"label_scores_by_sample_{precision}"][order]
    np.testing.assert_allclose(found, expected, rtol=0, atol=4 * tolerance)
    if precision == "f64":
        np.testing.assert_array_equal(order, recorded["label_indices_f64"])


def test_the_order_of_the_reference_is_sorted_where_all_scores_are_defined(goldens: Path) -> None:
    with np.load(goldens / "selfclean_A_n300_d32.npz") as arrays:
        view = View.from_arrays(embeddings=arrays["emb_f64"], labels=arrays["labels"])
        expected = arrays["label_indices_f64"]
    scores = SelfClean().rank(Issue.LABEL_ERROR, view).scores
    np.testing.assert_array_equal(np.argsort(-scores, kind="stable"), expected)


def brute_force(embeddings: Floats, labels: Ints) -> Floats:
    """Return the scores by their definition, with a matrix of all distances."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    distances = (1 - unit @ unit.T) / 2
    scores = []
    for row, label in enumerate(labels):
        own = [d for other, d in enumerate(distances[row]) if other != row and labels[other] == label]
        others = [d for other, d in enumerate(distances[row]) if labels[other] != label]
        same = min(own) if own else max(d for other, d in enumerate(distances[row]) if other != row)
        scores.append(same**2 / (same**2 + min(others) ** 2))
    return np.array(scores)


def test_scores_are_those_of_their_definition() -> None:
    rng = np.random.default_rng(0)
    embeddings, labels = rng.normal(size=(40, 5)), rng.integers(4, size=40)
    labels[7] = 9  # alone in its class
    np.testing.assert_allclose(intra_extra(embeddings, labels), brute_force(embeddings, labels), rtol=1e-9)


def test_undefined_scores_move_others_about_in_the_order_of_the_reference_only() -> None:
    rng = np.random.default_rng(0)
    embeddings, labels = rng.normal(size=(30, 4)), np.arange(30) % 3
    embeddings[6] = embeddings[9] = embeddings[10]  # under labels 0, 0 and 1
    moved = rng.permutation(30)
    view = View.from_arrays(embeddings=embeddings, labels=labels)
    for compat, steady in ((None, True), ("reference", False)):
        method = IntraExtra(compat)
        scores = method.rank(Issue.LABEL_ERROR, view).scores
        after = method.rank(Issue.LABEL_ERROR, view.take(moved)).scores
        assert np.allclose(after, scores[moved], atol=1e-12) == steady


def test_the_order_of_the_reference_is_a_sorted_list() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(9, size=50).astype(float)
    order = np.argsort(-reference_order(values), kind="stable")
    np.testing.assert_array_equal(order, np.argsort(values, kind="stable"))


@pytest.mark.parametrize("method", [SelfClean, IntraExtra])
def test_other_settings_are_refused(method: type[Detector]) -> None:
    with pytest.raises(UserError, match="compat='paper' is unknown; choose reference"):
        method(compat="paper")
    view = View.from_arrays(embeddings=np.eye(3), labels=[1, 1, 1])
    with pytest.raises(NotApplicable, match="same label"):
        method().rank(Issue.LABEL_ERROR, view)
