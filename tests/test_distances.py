"""SelfClean under its four distances against brute force."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster import hierarchy

from cleanbench import Floats, Ints, Issue, UserError, View
from cleanbench.checks import CHECKS, Check, Status, Subject, name_of, run_check
from cleanbench.euclidean import SquaredGaps
from cleanbench.linkage import leaf_areas, minimum_spanning_tree, single_linkage
from cleanbench.methods.selfclean import SelfClean
from cleanbench.neighbours import top_pairs
from cleanbench.pairs import decode, pair_count

SETTINGS = list(product(("cosine", "euclidean"), (True, False)))
RAW = SelfClean(distance="euclidean", normalise=False)


def all_pairs(count: int) -> Ints:
    return decode(np.arange(pair_count(count)), count)


def brute_force(embeddings: Floats, distance: str, normalise: bool) -> Floats:
    """Return all distances, one by one; equal where rows are."""
    rows = embeddings.astype(np.float64)
    lengths = np.sqrt((rows**2).sum(axis=1))
    unit = normalise or distance == "cosine"
    if unit:
        rows, bound = rows / np.where(lengths > 0, lengths, 1)[:, None], 2.0
    else:
        bound = 2 * lengths.max() or 1.0
    gaps = np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(axis=2)) / bound
    if unit:  # a row of zeros is half-way to every other
        gaps = np.where((lengths == 0)[:, None] | (lengths == 0), np.sqrt(0.5), gaps)
    return gaps**2 if distance == "cosine" else gaps


@st.composite
def views(draw: st.DrawFn, longest: int = 3) -> tuple[View, Floats, Ints]:
    """Return a view of rows of unequal lengths, among which rows repeat, with their embeddings and labels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    different = rng.normal(size=(draw(st.integers(2, 30)), draw(st.integers(3, 9))))
    different *= 10 ** rng.uniform(-1, draw(st.integers(0, longest)), size=(len(different), 1))
    rows = rng.integers(len(different), size=draw(st.integers(3, 40)))
    embeddings, labels = different[rows], rng.integers(draw(st.integers(2, 6)), size=len(rows))
    labels[:2] = 0, 1
    return View.from_arrays(embeddings=embeddings, labels=labels), embeddings, labels


@pytest.mark.parametrize(("distance", "normalise"), SETTINGS)
@given(drawn=views(), limit=st.integers(1, 900))
def test_near_duplicates(distance: str, normalise: bool, drawn: tuple[View, Floats, Ints], limit: int) -> None:
    view, embeddings, _ = drawn
    method, pairs = SelfClean(distance=distance, normalise=normalise), all_pairs(len(embeddings))
    expected = 1 - brute_force(embeddings, distance, normalise)[pairs[:, 0], pairs[:, 1]]
    scores = method.rank(Issue.NEAR_DUPLICATE, view, pairs).scores
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-7)
    copies = (embeddings[pairs[:, 0]] == embeddings[pairs[:, 1]]).all(axis=1)
    assert (scores[copies] == 1).all()
    assert (scores[~copies] < 1).all()
    found = method.retrieve(view, limit)
    np.testing.assert_array_equal(found.scores, np.sort(scores)[::-1][:limit])
    np.testing.assert_array_equal(found.scores, method.near_duplicates(view, found.items))


@pytest.mark.parametrize(("distance", "normalise"), SETTINGS)
@given(drawn=views())
def test_off_topic(distance: str, normalise: bool, drawn: tuple[View, Floats, Ints]) -> None:
    view, embeddings, _ = drawn
    pairs = all_pairs(len(embeddings))
    condensed = brute_force(embeddings, distance, normalise)[pairs[:, 0], pairs[:, 1]]
    expected = 1 - leaf_areas(hierarchy.single(condensed))
    scores = SelfClean(distance=distance, normalise=normalise).rank(Issue.OFF_TOPIC, view).scores
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("distance", "normalise"), SETTINGS)
@given(drawn=views())
def test_label_errors(distance: str, normalise: bool, drawn: tuple[View, Floats, Ints]) -> None:
    view, embeddings, labels = drawn
    distances = brute_force(embeddings, distance, normalise)
    alike, itself = labels[:, None] == labels, np.eye(len(labels), dtype=bool)
    same = np.where(alike & ~itself, distances, np.inf).min(axis=1)
    other = np.where(alike, np.inf, distances).min(axis=1)
    same = np.where(np.isinf(same), np.where(itself, 0, distances).max(axis=1), same) ** 2
    expected = np.full(len(labels), 0.5)
    np.divide(same, same + other**2, out=expected, where=same + other**2 > 0)
    scores = SelfClean(distance=distance, normalise=normalise).rank(Issue.LABEL_ERROR, view).scores
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5)


@given(st.integers(2, 60), st.integers(1, 6), st.integers(1, 60), st.sampled_from(["f4", "f8"]), st.integers(0, 99))
def test_linkage_of_rows_as_they_are_is_that_of_scipy(
    rows: int, columns: int, different: int, dtype: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    # Small whole numbers and repeated rows: many distances tie, and rows of zeros are among them.
    embeddings = rng.integers(-2, 3, size=(different, columns))[rng.integers(different, size=rows)].astype(dtype)
    pairs = all_pairs(rows)
    gaps = np.square(embeddings[pairs[:, 0]] - embeddings[pairs[:, 1]]).sum(axis=1, dtype=np.float64)
    condensed = gaps / (4 * np.square(embeddings).sum(axis=1, dtype=np.float64).max() or 1)
    edges, lengths = minimum_spanning_tree(embeddings, SquaredGaps)
    np.testing.assert_array_equal(single_linkage(edges, lengths), hierarchy.single(condensed))
    found, similarities = top_pairs(embeddings, 5, SquaredGaps)
    np.testing.assert_array_equal(-similarities, np.sort(condensed)[:5])
    if np.count_nonzero(gaps <= np.sort(gaps)[: len(found)][-1]) <= 10:  # beyond that, which of the ties may differ
        np.testing.assert_array_equal(found, pairs[np.argsort(gaps, kind="stable")[:5]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_one_long_row_does_not_blur_the_others(dtype: type[np.floating]) -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(60, 8)).astype(dtype)
    embeddings[30] = 30_000
    view = View.from_arrays(embeddings=embeddings, labels=np.arange(60) % 2)
    pairs, distances = all_pairs(60), brute_force(embeddings, "euclidean", False)
    order = np.argsort(distances[pairs[:, 0], pairs[:, 1]], kind="stable")[:40]
    np.testing.assert_array_equal(RAW.retrieve(view, 40).items, pairs[order])
    np.fill_diagonal(distances, np.inf)
    same, other = distances[:, ::2].min(axis=1) ** 2, distances[:, 1::2].min(axis=1) ** 2
    same[1::2], other[1::2] = other[1::2], same[1::2].copy()
    scores = RAW.rank(Issue.LABEL_ERROR, view).scores
    np.testing.assert_allclose(scores, same / (same + other), rtol=1e-5)


def test_differences_that_rounding_makes_are_none() -> None:
    # Far from the origin float32 tells the rows apart by its last digit alone.
    embeddings = (1000 + 1e-4 * np.random.default_rng(0).normal(size=(20, 4))).astype(np.float32)
    view = View.from_arrays(embeddings=embeddings, labels=np.arange(20) % 2)
    np.testing.assert_array_equal(RAW.rank(Issue.LABEL_ERROR, view).scores, 0.5)


@given(views())
def test_the_default_is_the_cosine_and_the_cosine_does_not_see_lengths(drawn: tuple[View, Floats, Ints]) -> None:
    view, embeddings, _ = drawn
    for issue in Issue:
        pairs = all_pairs(len(embeddings)) if issue.ranks_pairs else None
        default = SelfClean().rank(issue, view, pairs).scores
        for settings in ({"distance": "cosine"}, {"normalise": False}):
            np.testing.assert_array_equal(SelfClean(**settings).rank(issue, view, pairs).scores, default)


def test_unit_rows_have_their_distance_with_and_without_normalising() -> None:
    embeddings = np.random.default_rng(0).normal(size=(30, 5))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    view = View.from_arrays(embeddings=embeddings, labels=np.arange(30) % 3)
    for issue in Issue:
        pairs = all_pairs(30) if issue.ranks_pairs else None
        scores = RAW.rank(issue, view, pairs).scores
        np.testing.assert_allclose(SelfClean(distance="euclidean").rank(issue, view, pairs).scores, scores, atol=1e-7)


def test_another_distance_is_refused() -> None:
    with pytest.raises(UserError, match="distance='manhattan' is unknown; choose one of cosine, euclidean"):
        SelfClean(distance="manhattan")


class OfUnitRows(SelfClean):
    """SelfClean with Euclidean distances of unit rows."""

    def __init__(self) -> None:
        super().__init__(distance="euclidean")


class OfRows(SelfClean):
    """SelfClean with Euclidean distances of rows as they are."""

    def __init__(self) -> None:
        super().__init__(distance="euclidean", normalise=False)


subject_of = cache(Subject)


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
@pytest.mark.parametrize("kind", [OfUnitRows, OfRows])
def test_euclidean_distances_keep_the_contract(kind: type[SelfClean], check: Check) -> None:
    outcome = run_check(subject_of(kind), check)
    assert outcome.status is not Status.FAILED, outcome.reason
