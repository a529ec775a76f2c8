"""Spanning tree and linkage against SciPy, leaf areas by hand and against recorded ones."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster import hierarchy

from cleanbench.core import Floats
from cleanbench.linkage import leaf_areas, minimum_spanning_tree, single_linkage
from cleanbench.neighbours import cosine
from cleanbench.pairs import decode, pair_count

SETS = ("A_n300_d32", "B_degenerate_n60", "Z_zero_rows_n60")


@given(st.integers(2, 60), st.integers(1, 6), st.integers(1, 60), st.sampled_from(["f4", "f8"]), st.integers(0, 99))
def test_linkage_is_that_of_scipy(rows: int, columns: int, different: int, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Small whole numbers and repeated rows: many distances tie.
    embeddings = rng.integers(-2, 3, size=(different, columns))[rng.integers(different, size=rows)].astype(dtype)
    condensed = (1 - cosine(embeddings, decode(np.arange(pair_count(rows)), rows))) / 2
    merges = single_linkage(*minimum_spanning_tree(embeddings))
    np.testing.assert_array_equal(merges, hierarchy.single(condensed))


def test_spanning_tree_of_float32_is_that_of_exact_cosines() -> None:
    # Near-ties closer than float32 resolves, which a tree of rounded products would order at will.
    rng = np.random.default_rng(0)
    embeddings = np.repeat(rng.normal(size=(40, 64)), 5, axis=0) + 1e-4 * rng.normal(size=(200, 64))
    embeddings = embeddings.astype(np.float32)
    edges, lengths = minimum_spanning_tree(embeddings)
    expected_edges, expected_lengths = minimum_spanning_tree(embeddings.astype(np.float64))
    np.testing.assert_array_equal(edges, expected_edges)
    np.testing.assert_array_equal(lengths, expected_lengths)


def test_one_row_has_no_tree_and_one_leaf() -> None:
    edges, lengths = minimum_spanning_tree(np.ones((1, 3)))
    assert edges.shape == (0, 2)
    assert single_linkage(edges, lengths).shape == (0, 4)


def test_leaf_areas_by_hand() -> None:
    pair = [[0, 1, 0.4, 2]]
    # The root covers 1 x .6, the left leaf .5 x .4; the right one starts where its interval ends.
    np.testing.assert_allclose(leaf_areas(np.array(pair)), [0.8, 0.8])
    triple = [[0, 1, 0.2, 2], [2, 3, 0.5, 3]]
    # Root .5; the single leaf 1/3 x .5; the pair's node 1/3 x .3; its left leaf 1/6 x .2.
    np.testing.assert_allclose(leaf_areas(np.array(triple)), [0.8, 0.8, 2 / 3])
    two_pairs = [[0, 1, 0.2, 2], [2, 3, 0.3, 2], [4, 5, 0.8, 4]]
    # Root .2; first pair .5 x .6, its left leaf .25 x .2; then the gap to the second pair, .25 x .2.
    np.testing.assert_allclose(leaf_areas(np.array(two_pairs)), [0.55, 0.55, 0.6, 0.6])


def test_a_chain_of_a_hundred_thousand_leaves() -> None:
    count = 100_000
    edges = np.stack([np.arange(count - 1), np.arange(1, count)], axis=1)
    merges = single_linkage(edges, np.linspace(0.1, 0.9, count - 1))
    assert merges[-1, 3] == count
    for global_leaves in (False, True):
        scores = leaf_areas(merges, global_leaves)
        assert (np.diff(scores) <= 0).all()  # the last to join is the first leaf from the left
        assert np.isfinite(scores).all()


def by_image(goldens: "np.lib.npyio.NpzFile", prefix: str, scope: str, suffix: str = "") -> Floats:
    """Return recorded scores in the order of images."""
    scores = np.empty(len(goldens[f"{prefix}scores_{scope}{suffix}"]))
    scores[goldens[f"{prefix}indices_{scope}{suffix}"]] = goldens[f"{prefix}scores_{scope}{suffix}"]
    return scores


@pytest.mark.parametrize("scope", ["local", "global"])
def test_leaf_areas_of_recorded_linkages_are_equal_bit_by_bit(goldens: Path, scope: str) -> None:
    with np.load(goldens / "lad_cases.npz") as cases:
        names = [name.removesuffix("linkage") for name in cases.files if name.endswith("linkage")]
        assert len(names) == 30
        for name in names:
            scores = leaf_areas(cases[f"{name}linkage"], scope == "global")
            np.testing.assert_array_equal(scores, by_image(cases, name, scope), err_msg=name)


@pytest.mark.parametrize("scope", ["local", "global"])
@pytest.mark.parametrize(("precision", "tolerance"), [("f32", 1e-6), ("f64", 1e-12)])
@pytest.mark.parametrize("name", SETS)
def test_leaf_areas_of_recorded_embeddings(
    goldens: Path, name: str, precision: str, tolerance: float, scope: str
) -> None:
    with np.load(goldens / f"selfclean_{name}.npz") as arrays:
        expected = by_image(arrays, "off_topic_", scope, f"_{precision}")
        recorded = leaf_areas(arrays[f"linkage_{precision}"], scope == "global")
        own = leaf_areas(single_linkage(*minimum_spanning_tree(arrays[f"emb_{precision}"])), scope == "global")
    np.testing.assert_array_equal(recorded, expected)
    np.testing.assert_allclose(own, expected, rtol=0, atol=tolerance)
