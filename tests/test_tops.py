"""Tops with ties, what they share, what each adds, and whose faults they hold: against all orders, one by one."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tie_orders import SCORES, orders

from cleanbench.core import GroundTruth, Issue, Ranking
from cleanbench.cross_issue import crossing
from cleanbench.shapley import shares
from cleanbench.tops import overlap, rank_biased_overlap, share_within

RNG = np.random.default_rng(0)
FEW = st.lists(st.sampled_from(SCORES), min_size=4, max_size=4).map(np.array)


@given(FEW, st.integers(1, 5))
def test_an_item_is_in_the_top_as_often_as_over_all_orders(scores: np.ndarray, depth: int) -> None:
    tops = [np.isin(np.arange(4), order[:depth]) for order in orders(scores)]
    np.testing.assert_allclose(share_within(scores, depth), np.mean(tops, axis=0))


@given(FEW, FEW, st.integers(1, 4))
def test_overlap_is_that_of_independent_orders(one: np.ndarray, other: np.ndarray, depth: int) -> None:
    common = [
        len({*first[:depth].tolist()} & {*second[:depth].tolist()}) for first in orders(one) for second in orders(other)
    ]
    both = np.mean(common)
    assert overlap(one, other, depth) == pytest.approx(both / (2 * depth - both))


def extrapolated(one: np.ndarray, other: np.ndarray, p: float, depth: int) -> float:
    """The extrapolated form of Webber, Moffat and Zobel, term by term."""
    agreement = [len({*one[:d].tolist()} & {*other[:d].tolist()}) / d for d in range(1, depth + 1)]
    weighted = sum(value * p**d for d, value in enumerate(agreement, start=1))
    return agreement[-1] * p**depth + (1 - p) / p * weighted


@given(FEW, FEW, st.sampled_from([0.5, 0.9]), st.integers(1, 4))
def test_rank_biased_overlap_is_the_mean_over_orders(one: np.ndarray, other: np.ndarray, p: float, depth: int) -> None:
    expected = np.mean([extrapolated(first, second, p, depth) for first in orders(one) for second in orders(other)])
    assert rank_biased_overlap(one, other, p, depth) == pytest.approx(expected)


def test_equal_rankings_overlap_wholly_and_opposite_ones_little() -> None:
    scores = RNG.random(3000)
    assert rank_biased_overlap(scores, scores) == pytest.approx(1)
    assert rank_biased_overlap(scores, -scores) < 1e-6
    assert overlap(scores, scores, 10) == 1


def recall_of(members: list[int], labels: np.ndarray, scores: list[np.ndarray], budget: int) -> float:
    """Review the parts of the budget that strict rankings give, one item at a time."""
    if not members:
        return 0.0
    tops = [np.argsort(-scores[member])[: budget // len(members)] for member in members]
    return labels[np.unique(np.concatenate(tops))].sum() / labels.sum()


def test_shapley_values_are_what_members_add_over_all_orders() -> None:
    labels, budget = RNG.random(120) < 0.3, 24  # 24 divides among 1, 2, 3 and 4
    scores = [labels * RNG.random() + RNG.random(120) for _ in range(4)]
    found = shares(labels, scores, budget)
    added = np.zeros(4)
    for order in permutations(range(4)):
        for place, member in enumerate(order):
            before, after = list(order[:place]), list(order[: place + 1])
            added[member] += recall_of(after, labels, scores, budget) - recall_of(before, labels, scores, budget)
    np.testing.assert_allclose(found.shapley, added / 24)
    assert found.shapley.sum() == pytest.approx(found.recall)
    assert found.recall == pytest.approx(recall_of([0, 1, 2, 3], labels, scores, budget))
    np.testing.assert_allclose(found.alone, [recall_of([member], labels, scores, budget) for member in range(4)])
    tops = [set(np.argsort(-own)[:budget].tolist()) & set(np.flatnonzero(labels).tolist()) for own in scores]
    unique = [len(top - set().union(*(other for other in tops if other is not top))) for top in tops]
    np.testing.assert_allclose(found.unique, unique)
    assert (found.orders, found.error.tolist()) == (0, [0] * 4)


def test_copies_share_alike_and_a_member_that_finds_nothing_costs() -> None:
    labels = np.arange(100) < 20
    good, blind = -np.arange(100.0), np.arange(100.0)
    found = shares(labels, [good, good, blind], 12)
    assert found.shapley[0] == pytest.approx(found.shapley[1])
    assert found.shapley[2] < 0
    assert found.unique.tolist() == [0, 0, 0]


def test_random_orders_come_near_within_their_error() -> None:
    labels = RNG.random(200) < 0.2
    scores = [labels * RNG.random() + RNG.random(200) for _ in range(5)]
    exact, drawn = shares(labels, scores, 40), shares(labels, scores, 40, exact=2, orders=400)
    assert drawn.orders == 400
    assert (drawn.error > 0).all()
    assert (np.abs(drawn.shapley - exact.shapley) < 4 * drawn.error + 1e-12).all()
    assert drawn.shapley.sum() == pytest.approx(exact.recall)


@settings(max_examples=25)
@given(FEW, FEW)
def test_ties_count_as_often_as_they_are_found(one: np.ndarray, other: np.ndarray) -> None:
    labels = np.array([True, True, False, False])
    both = [labels[np.union1d(first[:1], second[:1])].sum() / 2 for first in orders(one) for second in orders(other)]
    assert shares(labels, [one, other], 2).recall == pytest.approx(np.mean(both))


@pytest.mark.parametrize(("labels", "count", "budget"), [([False], 1, 1), ([True], 0, 1), ([True], 1, 0)])
def test_shares_need_faults_members_and_a_budget(labels: list[bool], count: int, budget: int) -> None:
    with pytest.raises(ValueError, match="shares need"):
        shares(np.array(labels), [np.zeros(1)] * count, budget)


IDS = tuple("abcdef")
IMAGES = GroundTruth.of(Issue.OFF_TOPIC, IDS, [0, 1, 2, 3], [1, 0, 0, 1])
PAIRS = GroundTruth.of(Issue.NEAR_DUPLICATE, IDS, [[0, 1], [2, 3], [2, 4]], [1, 0, 0])


@pytest.mark.parametrize(
    ("ranking", "truth", "top", "expected"),
    [
        # Images a, b, e are on top: a and b are judged, a is faulty; of all, 4 are judged, 2 faulty.
        (Ranking(Issue.LABEL_ERROR, np.arange(6), np.array([9.0, 8, 1, 2, 7, 0])), IMAGES, 3, (2, 1, 0.5, 0.5)),
        # a and b are in the faulty pair, e in a judged one; f is in none.
        (Ranking(Issue.LABEL_ERROR, np.arange(6), np.array([9.0, 8, 1, 2, 7, 0])), PAIRS, 3, (3, 2, 2 / 3, 2 / 5)),
        # Pair a-e has a faulty image; b-c none, and both are judged; c-f cannot be told.
        (
            Ranking(Issue.NEAR_DUPLICATE, np.array([[0, 4], [1, 2], [2, 5]]), np.array([3.0, 2, 1])),
            IMAGES, 2, (2, 1, 0.5, 0.5),
        ),
        # A pair against pairs is itself; the tie gives each of two places to half.
        (
            Ranking(Issue.NEAR_DUPLICATE, np.array([[0, 1], [2, 3], [0, 2]]), np.array([1.0, 1, 0])),
            PAIRS, 1, (1, 0.5, 0.5, 0.5),
        ),
    ],
)  # fmt: skip
def test_a_top_holds_faults_of_another_issue(
    ranking: Ranking, truth: GroundTruth, top: int, expected: tuple[float, float, float, float]
) -> None:
    found = crossing(ranking, truth, len(IDS), top)
    assert (found.judged, found.faulty, found.share.value, found.usual) == pytest.approx(expected)
    assert (found.ranked, found.truth, found.top) == (ranking.issue, truth.issue, top)


def test_a_top_of_which_nothing_is_judged_says_so() -> None:
    ranking = Ranking(Issue.LABEL_ERROR, np.array([4, 5, 0]), np.array([2.0, 1, 0]))
    found = crossing(ranking, IMAGES, len(IDS), 2)
    assert (found.share.value, found.share.reason) == (None, "none of the top is judged")
    assert found.usual == 1
    assert crossing(ranking, IMAGES, len(IDS), 99).top == 3
