"""Estimates from sampled judgements: exact where all is judged, unbiased over every sample that could be drawn."""

from collections.abc import Iterator
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanbench.annotate_next.design import combined, draw, place_weight, strata_of
from cleanbench.core import Ints, UserError
from cleanbench.estimates import Estimate, Places, Sample, auroc, average_precision, estimates, precision_at, recall_at
from cleanbench.metrics import Levels, evaluate
from cleanbench.metrics import precision_at as exact_precision
from cleanbench.sampled import Sampled

# Two strata drawn from, and one of what is certain.
STRATA = ((np.arange(5), 2), (np.arange(5, 9), 3), (np.arange(9, 11), 2))
LABELS = np.array([1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0], dtype=bool)
SCORES = np.array([9, 8, 8, 5, 5, 5, 4, 3, 3, 2, 2], dtype=float)


def samples() -> Iterator[tuple[Ints, Sample]]:
    """Yield every sample that the strata allow; all are equally likely."""
    for drawn in product(*(list(combinations(members.tolist(), count)) for members, count in STRATA)):
        items = np.concatenate([np.array(part) for part in drawn])
        shares = [np.full(count, count / len(members)) for members, count in STRATA]
        yield items, Sample(LABELS[items], np.concatenate(shares))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=30))
def test_estimates_from_all_items_are_the_metrics(rows: list[tuple[bool, int]]) -> None:
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    scores = scores.astype(float)
    found = dict(estimates(Sample(labels, np.ones(len(labels))), scores, Places.among(scores, scores)))
    for name, value in evaluate(labels, scores).items():
        estimate = found[name]
        if isinstance(estimate, Estimate):
            assert estimate.value == pytest.approx(value.value)
            assert estimate.standard_error == pytest.approx(0)
        else:
            assert value.value is None or name.startswith(("AP_", "AUPRG", "FoE"))


def test_totals_their_errors_and_precision_are_unbiased_over_all_samples() -> None:
    values = np.array([3.0, -1, 4, 1, -5, 9, 2, 6, 5, 3, 5])
    totals = [sample.total(values[items]) for items, sample in samples()]
    assert np.mean([each.value for each in totals]) == pytest.approx(values.sum())
    variance = np.var([each.value for each in totals])
    assert np.mean([each.standard_error**2 for each in totals]) == pytest.approx(variance)
    for k in (1, 2, 4, 11):  # inside of ties, too
        found = [precision_at(k, sample, Places.among(SCORES[items], SCORES)).value for items, sample in samples()]
        assert np.mean(found) == pytest.approx(exact_precision(str(k), Levels.of(LABELS, SCORES)))


def test_sums_over_pairs_are_unbiased_over_all_samples() -> None:
    _, level = np.unique(-SCORES, return_inverse=True)
    above, beside, weights = [], [], np.arange(1.0, 12)
    for items, sample in samples():
        higher, same = sample.above_and_beside(level[items], weights[items])
        above.append(sample.total(LABELS[items] * higher).value)
        beside.append(sample.total(LABELS[items] * same).value)
    expected = [(weights[level < own].sum(), weights[level == own].sum()) for own in level]
    assert np.mean(above) == pytest.approx(
        sum(one for (one, _), faulty in zip(expected, LABELS, strict=True) if faulty)
    )
    assert np.mean(beside) == pytest.approx(
        sum(same - own for (_, same), own, faulty in zip(expected, weights, LABELS, strict=True) if faulty)
    )


@pytest.mark.parametrize("ties", [False, True])
def test_average_precision_is_nearly_unbiased(ties: bool) -> None:
    rng = np.random.default_rng(1)
    labels = rng.random(600) < 0.1
    scores = labels * 1.5 + rng.normal(size=600)
    scores = np.round(scores * 2) if ties else scores
    strata = strata_of(combined([place_weight(np.argsort(np.argsort(-scores)) + 1.0, 600)]), 120)
    found: dict[str, list[Estimate]] = {}
    for _ in range(600):
        drawn = draw(strata, rng)
        sample, own = Sample(labels[drawn.items], drawn.inclusion), scores[drawn.items]
        places = Places.among(own, scores)
        found.setdefault("AP", []).append(average_precision(sample, places, own))
        found.setdefault("AUROC", []).append(auroc(sample, own))
        found.setdefault("R@50", []).append(recall_at(50, sample, places))
        found.setdefault("P@50", []).append(precision_at(50, sample, places))
    truth = evaluate(labels, scores)
    for name, each in found.items():
        values = np.array([estimate.value for estimate in each])
        bias = (values.mean() - float(truth[name].value or 0)) / values.std()
        assert abs(bias) < 0.1 + 2.5 / np.sqrt(600), name  # a tenth, and what chance adds over 600 draws
        errors = np.sqrt(np.mean([estimate.standard_error**2 for estimate in each]))
        assert errors == pytest.approx(values.std(), rel=0.25), name


def test_unweighted_the_same_sample_misleads() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(1000) < 50
    scores = labels * 2.0 + rng.normal(size=1000)
    places = np.argsort(np.argsort(-scores)) + 1.0
    drawn = draw(strata_of(combined([place_weight(places, 1000)]), 200), rng)
    sample = Sample(labels[drawn.items], drawn.inclusion)
    naive = evaluate(sample.labels, scores[drawn.items])["AP"].value
    assert naive is not None
    own = scores[drawn.items]
    estimate = average_precision(sample, Places.among(own, scores), own)
    exact = evaluate(labels, scores)["AP"].value
    assert exact is not None
    assert abs(estimate.value - exact) < 2.5 * estimate.standard_error < naive - exact


def test_a_sample_that_stands_for_something_else_is_refused() -> None:
    scores = np.arange(20.0)
    sample = Sample(np.arange(4) < 2, np.full(4, 0.5))  # of eight items
    reason = dict(estimates(sample, scores[:4], Places.among(scores[:4], scores)))["AP"]
    assert reason == "the sample stands for 8 items, the ranking has 20"
    odd = Sample(np.arange(4) < 2, np.full(4, 0.3))
    with pytest.raises(UserError, match=r"a sample of 13\.333 items, no whole number"):
        _ = odd.strata
    assert "no whole number" in str(dict(estimates(odd, scores[:4], None))["AUROC"])
    nothing = Sample(np.zeros(4, dtype=bool), np.full(4, 0.2))
    assert (
        dict(estimates(nothing, scores[:4], Places.among(scores[:4], scores)))["AP"] == "no faulty items in the sample"
    )
    unplaced = dict(estimates(Sample(np.arange(4) < 2, np.full(4, 0.2)), scores[:4], None))
    assert unplaced["AP"] == unplaced["P@1"] == "the places of the judged items among all are not known"
    assert isinstance(unplaced["AUROC"], Estimate)


def test_a_census_of_some_items_stands_for_no_others() -> None:
    scores = np.arange(20.0)
    some = Sample(np.arange(4) < 2, np.ones(4))
    reason = dict(estimates(some, scores[:4], Places.among(scores[:4], scores)))["P@1"]
    assert str(reason).startswith("every inclusion probability is 1, as if all items had been judged, but only 4 of 20")
    scores[4:] = -np.inf  # what the method does not score may have been left out
    assert isinstance(dict(estimates(some, scores[:4], Places.among(scores[:4], scores)))["P@1"], Estimate)


@pytest.mark.parametrize("share", [1e-300, 5e-324])
def test_a_probability_that_stands_for_more_than_any_set_is_refused_in_few_words(share: float) -> None:
    found = dict(estimates(Sample(np.arange(4) < 2, np.full(4, share)), np.arange(4.0), None))
    assert len(str(found["AP"])) < 100
    assert "stands for more items than any data set has" in str(found["AP"])


def test_estimates_beyond_a_bound_are_recorded_at_the_bound_and_told() -> None:
    scores = -np.arange(100.0)
    labels, rates = np.ones(10, dtype=bool), np.full(10, 0.1)
    labels[9] = False
    drawn = np.arange(10)  # by chance all from the top, each standing for ten
    sample = Sample(labels, rates)
    places = Places.among(scores[drawn], scores)
    estimate = dict(estimates(sample, scores[drawn], places))["P@10"]
    assert isinstance(estimate, Estimate)
    assert estimate.value == pytest.approx(9.0)
    found = Sampled.by(sample, scores[drawn], places)
    assert found.metrics["P@10"].value == 1.0
    assert found.notes["unbounded estimate of P@10"] == pytest.approx(9.0)
    assert all(value.value is None or 0 <= value.value <= 1 for value in found.metrics.values())


def test_items_of_distinct_probabilities_are_drawn_independently() -> None:
    rng = np.random.default_rng(0)
    values, rates = rng.random(40), rng.random(40) * 0.8 + 0.1
    totals, variances = [], []
    for _ in range(3000):
        kept = rng.random(40) < rates
        total = Sample(np.ones(kept.sum(), dtype=bool), rates[kept]).total(values[kept])
        totals.append(total.value)
        variances.append(total.standard_error**2)
    assert np.mean(totals) == pytest.approx(values.sum(), rel=0.03)
    assert np.mean(variances) == pytest.approx(np.var(totals), rel=0.1)


# The design of the draw


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(2, 120), st.integers(0, 10_000))
def test_a_draw_has_the_size_of_its_budget_and_stands_for_all(items: int, budget: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = combined([place_weight(rng.permutation(items) + 1.0, items) for _ in range(2)])
    strata = strata_of(weights, budget)
    assert sorted(np.concatenate([members for members, _ in strata]).tolist()) == list(range(items))
    drawn = draw(strata, rng)
    assert len(np.unique(drawn.items)) == len(drawn.items) == min(budget, items)
    sample = Sample(np.zeros(len(drawn.items), dtype=bool), drawn.inclusion)
    assert sample.items == pytest.approx(items)
    assert len({drawn / len(members) for members, drawn in strata}) == len(strata)
    assert all(count >= 2 or count == len(members) for members, count in strata)


def test_what_weighs_more_is_drawn_more_often() -> None:
    weights = combined([place_weight(np.arange(1.0, 501), 500)])
    shares = np.empty(500)
    for members, drawn in strata_of(weights, 60):
        shares[members] = drawn / len(members)
    assert (np.diff(shares) <= 0).all()
    assert shares[0] > 5 * shares[-1]


def test_the_weight_of_places_is_that_of_statap() -> None:
    places = np.arange(1.0, 8)
    expected = [(1 + sum(1 / rank for rank in range(int(place), 8))) / 14 for place in places]
    np.testing.assert_allclose(place_weight(places, 7), expected)
    assert sum(expected) == pytest.approx(1)
