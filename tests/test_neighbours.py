"""The shared kernels against brute force."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanbench import measures, neighbours
from cleanbench.core import Floats, Ints
from cleanbench.neighbours import cosine, farthest, hamming, label_distances, nearest, normalised, top_pairs
from cleanbench.pairs import decode, pair_count


@st.composite
def embeddings_with_copies(draw: st.DrawFn) -> tuple[Floats, Floats]:
    """Return embeddings among which rows repeat, and all their cosines, equal where rows are."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    different = rng.normal(size=(draw(st.integers(2, 30)), draw(st.integers(2, 9)))).astype(dtype)
    rows = rng.integers(len(different), size=draw(st.integers(2, 40)))
    unit = different / np.linalg.norm(different.astype(np.float64), axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, 1.0)
    return different[rows], cosines[np.ix_(rows, rows)]


def small_blocks(size: int = 256) -> "patch[int]":
    return patch.object(measures, "BLOCK_BYTES", size)


def all_pairs(count: int) -> Ints:
    return decode(np.arange(pair_count(count)), count)


def test_normalised_rows_have_length_one_and_zero_rows_stay_zero() -> None:
    rows = np.array([[3, 4], [0, 0], [1e-30, 0], [3e37, 4e37]], dtype=np.float32)
    unit = normalised(rows)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0, 0], [1, 0], [0.6, 0.8]], rtol=1e-6)
    assert normalised(rows.astype(np.float64)).dtype == np.float64
    assert rows[0, 0] == 3


@given(embeddings_with_copies())
def test_cosine_of_a_pair_depends_on_its_rows_alone(drawn: tuple[Floats, Floats]) -> None:
    embeddings, expected = drawn
    pairs = all_pairs(len(embeddings))
    cosines = cosine(embeddings, pairs)
    np.testing.assert_allclose(cosines, expected[pairs[:, 0], pairs[:, 1]], atol=1e-14)
    np.testing.assert_array_equal(cosine(embeddings, pairs[:, ::-1]), cosines)
    np.testing.assert_array_equal(cosine(embeddings, pairs[::3]), cosines[::3])
    with patch.object(measures, "PAIR_VALUES", 1):
        np.testing.assert_array_equal(cosine(embeddings, pairs), cosines)
    equal = (embeddings[pairs[:, 0]] == embeddings[pairs[:, 1]]).all(axis=1)
    assert (cosines[equal] == 1).all()


def test_cosine_with_a_zero_row_is_zero() -> None:
    rows = np.array([[0, 0], [0, 0], [1, 2]], dtype=np.float32)
    assert cosine(rows, all_pairs(3)).tolist() == [0, 0, 0]


@given(st.integers(1, 12), st.integers(0, 2**32))
def test_hamming_counts_different_bits(size: int, seed: int) -> None:
    bits = np.random.default_rng(seed).integers(2, size=(9, 8 * size), dtype=np.uint8)
    pairs = all_pairs(9)
    expected = (bits[pairs[:, 0]] != bits[pairs[:, 1]]).sum(axis=1)
    np.testing.assert_array_equal(hamming(np.packbits(bits, axis=1), pairs), expected)


@given(embeddings_with_copies(), st.data())
def test_nearest_are_the_nearest_others_and_ties_go_by_position(
    drawn: tuple[Floats, Floats], data: st.DataObject
) -> None:
    embeddings, expected = drawn
    k = data.draw(st.integers(1, len(embeddings) - 1))
    with small_blocks(), patch.object(neighbours, "SPARE", data.draw(st.integers(1, 8))):
        indices, cosines = nearest(embeddings, k)
    for row, similarities in enumerate(expected):
        others = np.delete(np.arange(len(embeddings)), row)
        order = others[np.lexsort((others, -similarities[others]))][:k]
        np.testing.assert_array_equal(indices[row], order)
        np.testing.assert_allclose(cosines[row], similarities[order], atol=1e-14)


@pytest.mark.parametrize("k", [0, 3])
def test_nearest_refuses_more_neighbours_than_there_are(k: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 2 for 3 rows"):
        nearest(np.eye(3), k)


@given(embeddings_with_copies(), st.integers(0, 900), st.sampled_from([64, 1024, 1 << 24]))
def test_top_pairs_are_the_most_similar_and_ties_go_by_position(
    drawn: tuple[Floats, Floats], limit: int, block: int
) -> None:
    embeddings, expected = drawn
    pairs = all_pairs(len(embeddings))
    similarities = expected[pairs[:, 0], pairs[:, 1]]
    order = np.lexsort((np.arange(len(pairs)), -similarities))[:limit]
    with small_blocks(block):
        found, cosines = top_pairs(embeddings, limit)
    np.testing.assert_allclose(cosines, similarities[order], atol=1e-14)
    np.testing.assert_array_equal(cosines, cosine(embeddings, found))
    np.testing.assert_array_equal(found, pairs[order])


@pytest.mark.parametrize("row", [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
def test_top_pairs_of_equal_images_are_bounded(row: list[float]) -> None:
    embeddings = np.tile(np.float32(row), (300, 1))
    with small_blocks(1 << 12):
        found, cosines = top_pairs(embeddings, 20)
    assert len(np.unique(found, axis=0)) == 20
    assert (found[:, 0] < found[:, 1]).all()
    assert set(cosines.tolist()) == {float(any(row))}


@given(embeddings_with_copies(), st.integers(1, 40), st.sampled_from([64, 1024, 1 << 24]))
def test_label_distances_are_to_the_nearest_of_the_same_and_of_another_label(
    drawn: tuple[Floats, Floats], classes: int, block: int
) -> None:
    embeddings, expected = drawn
    labels = np.random.default_rng(classes).integers(classes, size=len(embeddings))
    with small_blocks(block):
        same, other = label_distances(embeddings, labels)
        far = farthest(embeddings, np.arange(len(embeddings)))
    distances = (1 - expected) / 2
    alike = labels[:, None] == labels
    own = np.where(alike & ~np.eye(len(labels), dtype=bool), distances, np.inf).min(axis=1)
    # The product in float32 may take a neighbour for the nearest that is farther by its rounding.
    np.testing.assert_allclose(same, own, atol=1e-6)
    np.testing.assert_allclose(other, np.where(alike, np.inf, distances).min(axis=1), atol=1e-6)
    np.fill_diagonal(distances, -np.inf)
    np.testing.assert_allclose(far, distances.max(axis=1), atol=1e-6)


@settings(max_examples=20)
@given(embeddings_with_copies())
def test_kernels_do_not_depend_on_the_order_of_rows(drawn: tuple[Floats, Floats]) -> None:
    embeddings, _ = drawn
    order = np.random.default_rng(0).permutation(len(embeddings))
    k = min(5, len(embeddings) - 1)
    np.testing.assert_array_equal(nearest(embeddings[order], k)[1], nearest(embeddings, k)[1][order])
    np.testing.assert_array_equal(top_pairs(embeddings[order], 9)[1], top_pairs(embeddings, 9)[1])


@pytest.mark.parametrize("limit", [1, 7, 200])
@pytest.mark.parametrize("crowd", [10, neighbours.CROWD])
def test_top_pairs_of_many_copies_go_by_position(limit: int, crowd: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 40)).astype(np.float32)
    rows[:25] = rows[25:50]
    with patch.object(neighbours, "CROWD", crowd):
        found, similarities = top_pairs(rows, limit)
    every = all_pairs(len(rows))
    expected = np.argsort(-cosine(rows, every), kind="stable")[:limit]
    np.testing.assert_array_equal(found, every[expected])
    np.testing.assert_array_equal(similarities, cosine(rows, every[expected]))


def test_top_pairs_are_told_apart_where_single_precision_does_not() -> None:
    rng = np.random.default_rng(0)
    rows = (1 + 1e-4 * rng.normal(size=(80, 20))).astype(np.float32)
    every = all_pairs(len(rows))
    expected = np.argsort(-cosine(rows, every), kind="stable")[:5]
    for crowd in (10, neighbours.CROWD):
        with small_blocks(), patch.object(neighbours, "CROWD", crowd):
            np.testing.assert_array_equal(top_pairs(rows, 5)[0], every[expected])
