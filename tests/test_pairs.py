"""Pairs by rank: the bijection, decoys, looking up and retrieving, against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanbench import pairs
from cleanbench.core import Floats, Ints, Issue, Ranking
from cleanbench.pairs import decode, decoys, encode, lookup, most_suspicious, pair_count

MILLION = 10**6


def every_pair(images: int) -> Ints:
    return np.array(list(itertools.combinations(range(images), 2)), dtype=np.int64).reshape(-1, 2)


@pytest.mark.parametrize("images", [0, 1, 2, 3, 7, 40])
def test_ranks_follow_lexicographic_order(images: int) -> None:
    expected = every_pair(images)
    assert pair_count(images) == len(expected)
    assert encode(expected, images).tolist() == list(range(len(expected)))
    assert decode(np.arange(len(expected)), images).tolist() == expected.tolist()


@pytest.mark.parametrize("images", [2, 3, 65_537, MILLION])
def test_ranks_are_exact_at_the_ends_of_rows(images: int) -> None:
    rows = np.unique(np.clip([0, 1, 2, images // 3, images // 2, images - 3, images - 2], 0, images - 2))
    first = np.stack([rows, rows + 1], axis=1)
    last = np.stack([rows, np.full(len(rows), images - 1)], axis=1)
    for ends in (first, last):
        assert decode(encode(ends, images), images).tolist() == ends.tolist()
    # The first pair of a row follows the last one of the row before.
    assert (encode(first, images)[1:] > encode(last, images)[:-1]).all()
    assert encode(np.array([[0, 1], [images - 2, images - 1]]), images).tolist() == [0, pair_count(images) - 1]
    before = rows[rows > 0]
    starts = encode(np.stack([before, before + 1], axis=1), images)
    ends_before = encode(np.stack([before - 1, np.full(len(before), images - 1)], axis=1), images)
    assert (starts == ends_before + 1).all()


@given(st.lists(st.tuples(st.integers(0, MILLION - 1), st.integers(0, MILLION - 1)).filter(lambda p: p[0] < p[1])))
def test_encode_and_decode_are_inverse(listed: list[tuple[int, int]]) -> None:
    asked = np.array(listed, dtype=np.int64).reshape(-1, 2)
    codes = encode(asked, MILLION)
    assert ((codes >= 0) & (codes < pair_count(MILLION))).all()
    assert decode(codes, MILLION).tolist() == asked.tolist()
    assert len(np.unique(codes)) == len(set(listed))


@given(images=st.integers(0, 14), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_decoys_are_other_pairs_each_once_and_as_many_as_there_can_be(images: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    total = pair_count(images)
    asked = decode(rng.permutation(total)[: round(share * total)], images)
    drawn = decoys(asked, images, np.random.default_rng(seed))
    codes = encode(drawn, images)
    assert len(drawn) == min(len(asked), total - len(asked))
    assert len(np.unique(codes)) == len(codes)
    assert not np.isin(codes, encode(asked, images)).any()
    assert ((codes >= 0) & (codes < total)).all()
    assert decoys(asked, images, np.random.default_rng(seed)).tolist() == drawn.tolist()


def test_decoys_come_from_everywhere_and_another_seed_draws_others() -> None:
    asked = np.array([[i, i + 1] for i in range(500)])
    one, other = (decoys(asked, MILLION, np.random.default_rng(seed)) for seed in (0, 1))
    assert len(one) == 500
    assert one.tolist() != other.tolist()
    assert 0.4 < (encode(one, MILLION) < pair_count(MILLION) / 2).mean() < 0.6


def test_lookup_finds_a_pair_either_way_round() -> None:
    known, scores = np.array([[3, 1], [0, 2], [1, 2]]), np.array([0.3, 0.2, 0.1])
    asked = np.array([[1, 3], [2, 1], [0, 1], [2, 0]])
    assert lookup(asked, known, scores, 4).tolist() == [0.3, 0.1, -np.inf, 0.2]
    assert lookup(asked, known, scores, 4, missing=0.0).tolist() == [0.3, 0.1, 0.0, 0.2]


def test_lookup_in_nothing_and_of_nothing() -> None:
    nothing = np.zeros((0, 2), dtype=np.int64)
    assert lookup(np.array([[0, 1]]), nothing, np.zeros(0), 2).tolist() == [-np.inf]
    assert lookup(nothing, np.array([[0, 1]]), np.ones(1), 2).shape == (0,)


def test_lookup_takes_the_first_score_of_a_pair_that_is_known_twice() -> None:
    known = np.array([[0, 1], [1, 2], [1, 0]])
    assert lookup(np.array([[0, 1]]), known, np.array([7.0, 8.0, 9.0]), 3).tolist() == [7.0]


@pytest.mark.parametrize("wrong", [[1, 1], [-1, 1], [1, 3]])
def test_lookup_refuses_what_is_no_pair(wrong: list[int]) -> None:
    # Encoded, such a pair would be mistaken for another one.
    with pytest.raises(ValueError, match="two different ones of 3 images"):
        lookup(np.array([[0, 1]]), np.array([wrong]), np.ones(1), 3)
    with pytest.raises(ValueError, match="two different ones of 3 images"):
        lookup(np.array([wrong]), np.array([[0, 1]]), np.ones(1), 3)


def best(scores: Floats, images: int, limit: int) -> Ranking:
    """Ask for the most suspicious pairs, whose scores are given by rank."""
    return most_suspicious(lambda asked: scores[encode(asked, images)], images, limit)


@given(data=st.data(), images=st.integers(0, 9), limit=st.integers(1, 50), block=st.sampled_from([1, 2, 5, 1000]))
@settings(deadline=None)
def test_most_suspicious_equals_sorting_all_pairs(data: st.DataObject, images: int, limit: int, block: int) -> None:
    values = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0])
    total = pair_count(images)
    scores = np.array(data.draw(st.lists(values, min_size=total, max_size=total)), dtype=np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "BLOCK", block)
        found = best(scores, images, limit)
    order = sorted(range(total), key=lambda code: (-scores[code], code))[:limit]
    assert found.issue is Issue.NEAR_DUPLICATE
    assert found.items.tolist() == every_pair(images)[order].tolist()
    assert found.scores.tolist() == scores[order].tolist()


@pytest.mark.parametrize(("images", "expected"), [(1, []), (2, [[0, 1]])])
def test_most_suspicious_of_one_image_and_of_two(images: int, expected: list[list[int]]) -> None:
    assert best(np.array([0.5]), images, 10).items.tolist() == expected


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_most_suspicious_refuses_a_score_that_is_no_number(wrong: float) -> None:
    with pytest.raises(ValueError, match="NaN or"):
        best(np.array([0.1, 0.2, wrong]), 3, 1)


def test_most_suspicious_refuses_other_shapes_and_no_limit() -> None:
    with pytest.raises(ValueError, match="3 pairs were asked, scores of shape"):
        most_suspicious(lambda asked: np.zeros((len(asked), 1)), 3, 1)
    with pytest.raises(ValueError, match="at least 1"):
        best(np.zeros(3), 3, 0)
