"""Budgets, stopping and reviewers against reviews that are played through one by one."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tie_orders import orders, rankings

from cleanbench import UserError
from cleanbench.audit import stopping
from cleanbench.audit.budgets import curve, effort, recall_at_budgets
from cleanbench.audit.reviewer import HOUR, Reviewer, review
from cleanbench.audit.stopping import chance_of_a_run, clean_needed, stop
from cleanbench.metrics import Levels, evaluate
from cleanbench.proportions import jeffreys

RNG = np.random.default_rng(0)


@given(rankings(), st.sampled_from([0.2, 0.5, 0.8, 0.95, 1.0]))
def test_effort_is_the_mean_over_all_orders_of_ties(ranking: tuple[np.ndarray, np.ndarray], recall: float) -> None:
    labels, scores = ranking
    target = int(np.ceil(recall * labels.sum() - 1e-9))
    places = [int(np.flatnonzero(labels[order])[target - 1]) + 1 for order in orders(scores)]
    (found,) = effort(Levels.of(labels, scores), [recall], int(np.isneginf(scores).sum()))
    assert found.target == target
    assert found.items == pytest.approx(np.mean(places))
    assert found.share == pytest.approx(found.items / len(labels))
    assert found.wss == pytest.approx(recall - found.share)
    random = [int(np.flatnonzero(labels[order])[target - 1]) + 1 for order in orders(np.zeros(len(labels)))]
    assert found.random == pytest.approx(np.mean(random))
    assert found.saved == pytest.approx(1 - found.items / found.random)
    scored = labels & np.isfinite(scores)
    assert found.scored == (scored.sum() >= target)


@given(rankings(), st.lists(st.integers(0, 9), min_size=1))
def test_recall_at_budgets_is_the_mean_over_all_orders_of_ties(
    ranking: tuple[np.ndarray, np.ndarray], budgets: list[int]
) -> None:
    labels, scores = ranking
    expected = [
        np.mean([labels[order][:budget].sum() / labels.sum() for order in orders(scores)]) for budget in budgets
    ]
    np.testing.assert_allclose(recall_at_budgets(Levels.of(labels, scores), budgets), expected)


def test_recall_at_budgets_is_the_metric_and_the_curve_runs_through_it() -> None:
    labels, scores = RNG.random(3000) < 0.1, RNG.integers(0, 40, 3000).astype(float)
    levels = Levels.of(labels, scores)
    metric = evaluate(labels, scores, ["R@100"])["R@100"].value
    assert recall_at_budgets(levels, 100) == pytest.approx(metric)
    reviewed, recall = curve(levels)
    assert (reviewed[0], recall[0], reviewed[-1], recall[-1]) == (0, 0, 1, 1)
    assert np.interp(100 / 3000, reviewed, recall) == pytest.approx(metric)
    assert len(curve(Levels.of(labels, RNG.random(3000)), points=50)[0]) == 50


def test_effort_needs_faulty_items_and_a_recall() -> None:
    none = Levels.of(np.zeros(3, dtype=bool), np.zeros(3))
    for call in (lambda: effort(none), lambda: recall_at_budgets(none, 1), lambda: curve(none)):
        with pytest.raises(ValueError, match="no faulty items"):
            call()
    with pytest.raises(ValueError, match="recalls must be"):
        effort(Levels.of(np.ones(3, dtype=bool), np.zeros(3)), [0.0])


def test_the_rule_needs_58_clean_items_as_published() -> None:
    assert clean_needed() == 58
    assert clean_needed(0.5, 0.5) == 1
    with pytest.raises(ValueError, match="between 0 and 1"):
        clean_needed(share=1.0)


@pytest.mark.parametrize(("length", "share"), [(1, 0.3), (3, 0.3), (3, 0.9), (9, 0.1), (12, 0.2)])
def test_the_chance_of_a_run_is_that_of_all_sequences(length: int, share: float) -> None:
    total = 0.0
    for faults in product("01", repeat=9):
        text = "".join(faults)
        chance = share ** text.count("1") * (1 - share) ** text.count("0")
        total += chance * (re.search("0" * length, text) is not None)
    assert chance_of_a_run(9, length, share) == pytest.approx(total)


def played(faulty: np.ndarray, needed: int) -> int:
    """Review until so many clean items came in a row; return how many were reviewed."""
    run = 0
    for place, fault in enumerate(faulty, start=1):
        run = 0 if fault else run + 1
        if run == needed:
            return place
    return len(faulty)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.sampled_from([0.05, 0.2, 0.5]))
def test_the_rule_stops_where_a_reviewer_does(faults: list[bool], share: float) -> None:
    labels = np.array(faults)
    needed = clean_needed(share, 0.3)
    end = played(labels, needed)
    found = stop(labels, -np.arange(float(len(labels))), share, 0.3)
    left, missed = len(labels) - end, labels[end:].sum()
    assert (found.clean_in_a_row, found.draws, found.reviewed, found.missed) == (needed, 1, end, missed)
    assert found.recall == (labels[:end].mean() * end / labels.sum() if labels.any() else 1)
    assert found.early == (missed > 0)
    assert found.false == (left > 0 and missed / left >= share)
    assert found.never == (left == 0)


def test_ties_are_averaged_over_their_orders() -> None:
    labels, scores = np.array([1, 0, 0, 0, 1, 0, 0], dtype=bool), np.array([1.0, 0.5, 0.5, 0.5, 0.5, 0.1, -np.inf])
    needed = clean_needed(0.5, 0.2)
    ends = [played(labels[order], needed) for order in orders(scores)]
    found = stop(labels, scores, 0.5, 0.2, draws=4000)
    assert found.reviewed == pytest.approx(np.mean(ends), abs=0.1)
    assert found.draws == 4000
    assert stop(labels, scores, 0.5, 0.2, draws=9) == stop(labels, scores, 0.5, 0.2, draws=9)
    alike = np.array([True, False, False])
    assert stop(alike, np.array([1.0, 0.5, 0.5])).draws == 1  # no order of the tied items differs


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6), st.sampled_from([0.2, 0.4]))
def test_every_order_of_ties_is_played_through(rows: list[tuple[int, bool]], chance: float) -> None:
    scores, labels = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    needed, total = clean_needed(0.5, chance), labels.sum()
    reviews = [labels[order] for order in orders(scores)]
    ends = [played(faulty, needed) for faulty in reviews]
    missed = [faulty[end:].sum() for faulty, end in zip(reviews, ends, strict=True)]
    found = stop(labels, scores, 0.5, chance)
    assert found.reviewed == pytest.approx(np.mean(ends), abs=0.5)
    assert found.missed == pytest.approx(np.mean(missed), abs=0.3)
    assert found.recall == pytest.approx(1 - found.missed / total if total else 1)
    assert found.early == pytest.approx(np.mean(np.array(missed) > 0), abs=0.1)


def test_blocks_and_stretches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    labels, scores = rng.random(3000) < 0.1, -np.arange(3000.0)
    scores[2000:] = -2000  # one level holds both kinds
    usual = stop(labels, scores, 0.02, draws=50)
    monkeypatch.setattr(stopping, "STRETCH", 7)
    monkeypatch.setattr(stopping, "CELLS", 5000)
    assert stop(labels, scores, 0.02, draws=50) == usual


def test_a_reviewer_who_never_errs_takes_the_effort() -> None:
    labels, scores = RNG.random(200) < 0.2, RNG.random(200)
    found = review(labels, scores, Reviewer(seconds_per_image=7), reviews=3)
    for each in effort(Levels.of(labels, scores), [0.8, 0.9, 0.95]):
        assert found.hours_to(each.recall) == pytest.approx(each.items * 7 / HOUR)
        assert found.share_reaching(each.recall) == 1
    assert (found.found, found.false_alarms, found.looks, found.faulty) == (labels.sum(), 0, 200, labels.sum())
    assert found.hours_in_all == pytest.approx(200 * 7 / HOUR)


def test_errors_miss_faults_and_raise_false_alarms() -> None:
    labels, scores = np.arange(4000) % 4 == 0, RNG.random(4000)
    found = review(labels, scores, Reviewer(sensitivity=0.7, specificity=0.9), reviews=5)
    assert found.found == pytest.approx(700, abs=40)
    assert found.false_alarms == pytest.approx(300, abs=40)
    assert found.hours_to(0.8) is None
    assert found.share_reaching(0.8) == 0
    assert found.hours_to(0.6) is not None


def test_hours_are_those_of_the_reviews_that_got_there() -> None:
    labels = np.array([True, True])
    found = review(labels, np.array([2.0, 1.0]), Reviewer(sensitivity=0.5, seconds_per_image=HOUR), reviews=400)
    assert found.reached[1] == pytest.approx(0.25, abs=0.08)
    assert found.hours[1] == pytest.approx(2.0)  # both were found only where neither was missed
    assert 1 < found.hours[0] < 2


def test_a_clique_is_looked_at_once() -> None:
    pairs = np.array([[0, 1], [1, 2], [0, 2], [3, 4], [0, 3], [1, 4], [2, 3], [5, 6]])
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 1], dtype=bool)
    scores = -np.arange(8.0)
    reviewer = Reviewer(seconds_per_pair=1, seconds_per_clique=100)
    found = review(labels, scores, reviewer, pairs, reviews=1)
    # 0-1 is a pair; 2 joins it at a look; 0-2 is implied; 3-4 is a pair; the two groups differ at one look; 5-6.
    assert found.hours_in_all * HOUR == pytest.approx(1 + 100 + 0 + 1 + 100 + 0 + 0 + 1)
    assert found.looks == 5
    np.testing.assert_allclose(found.hours * HOUR, [1, 101, 101, 102, 203])
    assert (found.found, found.false_alarms) == (5, 0)


def test_a_wrong_merge_shows_in_the_false_alarms() -> None:
    pairs = np.array([[0, 1], [2, 3], [0, 2], [0, 3], [1, 2], [1, 3]])
    labels = np.array([1, 1, 0, 0, 0, 0], dtype=bool)
    found = review(labels, -np.arange(6.0), Reviewer(specificity=0.0), pairs, reviews=1)
    assert (found.found, found.false_alarms, found.looks) == (2, 4, 3)


@given(st.integers(0, 2**32 - 1))
def test_groups_are_those_of_a_union_and_hold_no_contradiction(seed: int) -> None:
    """Whoever never errs calls duplicates exactly what is one, whatever the order, if the truth is transitive."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 4, 9)
    pairs = np.array([(i, j) for i in range(9) for j in range(i + 1, 9)])
    labels = group[pairs[:, 0]] == group[pairs[:, 1]]
    found = review(labels, rng.random(len(pairs)), Reviewer(), pairs, reviews=1)
    assert (found.found, found.false_alarms) == (labels.sum(), 0)
    assert found.looks <= len(pairs)


@pytest.mark.parametrize("settings", [{"sensitivity": 1.5}, {"seconds_per_pair": -1}, {"specificity": float("nan")}])
def test_a_reviewer_makes_sense(settings: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(settings))):
        Reviewer(**settings)


def test_jeffreys_interval_covers() -> None:
    rng, share, trials = np.random.default_rng(0), 0.2, 60
    ends = [jeffreys(found, trials) for found in rng.binomial(trials, share, 1000)]
    assert 0.92 < np.mean([low <= share <= high for low, high in ends]) < 0.98
    with pytest.raises(ValueError, match="no share"):
        jeffreys(1, 0)
