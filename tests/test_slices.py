"""Slices: who belongs to them, what a common queue does for them, and which is called the worst."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tie_orders import orders, rankings

from cleanbench.metrics import evaluate
from cleanbench.slices import BOTH, Slice, Sliced, by_slice, flagged_rates, served, slices_of, worst

RNG = np.random.default_rng(0)
KINDS = np.array(["b", "a", "b", "", None], dtype=object)


def test_images_belong_to_the_slice_of_their_value() -> None:
    found = {part.name: part.members.tolist() for part in slices_of(KINDS, np.array([0, 1, 3, 4]))}
    assert found == {
        "a": [False, True, False, False],
        "b": [True, False, False, False],
        "not stated": [False, False, True, True],
    }
    assert [part.name for part in slices_of(np.array([1.0, np.nan]), np.arange(2))] == ["1.0", "not stated"]


def test_pairs_belong_to_both_their_slices_or_to_the_one_they_share() -> None:
    pairs = np.array([[0, 1], [0, 2], [1, 3]])
    either = {part.name: part.members.tolist() for part in slices_of(KINDS, pairs)}
    assert either == {"a": [True, False, True], "b": [True, True, False], "not stated": [False, False, True]}
    assert {part.name: part.members.tolist() for part in slices_of(KINDS, pairs, BOTH)} == {"b": [False, True, False]}
    with pytest.raises(ValueError, match="must be any or both"):
        slices_of(KINDS, pairs, "none")


def test_metrics_of_a_slice_are_those_of_its_items_alone() -> None:
    labels, scores, members = RNG.random(60) < 0.3, RNG.random(60), RNG.random(60) < 0.5
    (row,) = by_slice(np.arange(60), labels, scores, [Slice("a", members)])
    expected = evaluate(labels[members], scores[members])
    assert (row.items, row.faulty) == (members.sum(), labels[members].sum())
    assert {name: found.value for name, found in row.metrics.items()} == {n: v.value for n, v in expected.items()}


def test_metrics_of_a_slice_can_come_with_intervals() -> None:
    seen = []

    def measure(items: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> dict[str, object]:
        seen.append((items.tolist(), labels.tolist(), scores.tolist()))
        return {}

    pairs, labels, scores = np.array([[0, 1], [2, 3]]), np.array([True, False]), np.array([0.1, 0.2])
    by_slice(pairs, labels, scores, [Slice("a", np.array([False, True]))], measure)
    assert seen == [([[2, 3]], [False], [0.2])]


@given(rankings(faulty=0), st.integers(1, 8), st.integers(0, 63))
def test_a_queue_serves_slices_as_the_mean_over_all_orders_does(
    ranking: tuple[np.ndarray, np.ndarray], budget: int, code: int
) -> None:
    labels, scores = ranking
    members = (code >> np.arange(len(labels))) % 2 == 1
    (row,) = served(labels, scores, [Slice("a", members)], budget)
    tops = [order[:budget] for order in orders(scores)]
    assert row.reviewed == pytest.approx(np.mean([members[top].sum() for top in tops]))
    for found, those in ((row.recall, labels & members), (row.false_positives, ~labels & members)):
        if those.any():
            assert found.value == pytest.approx(np.mean([those[top].sum() for top in tops]) / those.sum())
            assert found.low <= found.value <= found.high
        else:
            assert found.value is None
            assert found.reason


def test_extra_items_bring_a_slice_to_the_recall_of_the_whole() -> None:
    labels, scores = RNG.random(500) < 0.3, RNG.permutation(500).astype(float)
    members = RNG.random(500) < 0.4
    scores[members] -= 150  # a slice that waits
    order = np.argsort(-scores)
    overall = labels[order[:100]].mean() * 100 / labels.sum()
    late, early = served(labels, scores, [Slice("late", members), Slice("early", ~members)], 100)
    assert early.extra == 0
    own = order[members[order]]
    found = np.cumsum(labels[own]) / labels[own].sum()
    needed = int(np.searchsorted(found, overall)) + 1
    assert needed - 1 < late.reviewed + late.extra <= needed
    assert late.recall.value < overall < early.recall.value
    assert served(labels, scores, [Slice("all", np.ones(500, dtype=bool))], 100)[0].extra == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="at least 1"):
        served(labels, scores, [], 0)


def test_pairs_get_no_interval() -> None:
    part = Slice("a", np.ones(2, dtype=bool))
    (row,) = served(np.array([True, False]), np.array([1.0, 0.0]), [part], 1, independent=False)
    assert (row.recall.value, row.recall.low, row.false_positives.high) == (1, None, None)


def test_flags_of_clean_items_are_false_alarms() -> None:
    labels, flags = np.array([1, 0, 0, 0], dtype=bool), np.array([1, 1, 0, 0], dtype=bool)
    slices = [Slice("a", np.ones(4, dtype=bool)), Slice("b", np.array([1, 0, 0, 0], dtype=bool))]
    (_, count, share), (_, none, missing) = flagged_rates(labels, flags, slices)
    assert (count, share.value) == (3, pytest.approx(1 / 3))
    assert (none, missing.value, missing.reason) == (0, None, "no clean items")


def test_a_tiny_slice_is_never_called_the_worst() -> None:
    def row(name: str, items: int, faulty: int, wrong: bool) -> Sliced:
        labels = np.arange(items) < faulty
        scores = np.where(labels, 0.0, 1.0) if wrong else labels.astype(float)
        return by_slice(np.arange(items), labels, scores, [Slice(name, np.ones(items, dtype=bool))])[0]

    tiny, fine, poor = row("tiny", 20, 9, True), row("fine", 40, 10, False), row("poor", 40, 20, True)
    assert worst([tiny, fine], "AUROC").name == "fine"
    assert worst([tiny, fine, poor], "AUROC").name == "poor"
    assert worst([fine, poor], "FoE", higher_is_better=False).name == "poor"
    assert worst([tiny], "AUROC") is None
