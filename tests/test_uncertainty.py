"""Replicates, intervals, comparisons and ranks over data sets."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanbench.core import Bools, Floats, Ints, Issue, UserError
from cleanbench.leaderboard import across
from cleanbench.metrics import METRICS, Levels, evaluate
from cleanbench.records import Resampled
from cleanbench.scoring import score
from cleanbench.uncertainty import replicates as module
from cleanbench.uncertainty.comparison import compare
from cleanbench.uncertainty.critical_difference import critical_difference
from cleanbench.uncertainty.intervals import Interval, from_scale, intervals, shrinkage, to_scale, weak
from cleanbench.uncertainty.replicates import Replicates, replicate, uniforms
from cleanbench.uncertainty.resampling import Resampling
from cleanbench.uncertainty.seeds import over_seeds


def sample(items: int = 300, prevalence: float = 0.2, separation: float = 1.5, seed: int = 0) -> tuple[Bools, Floats]:
    rng = np.random.default_rng(seed)
    labels = rng.random(items) < prevalence
    return labels, rng.normal(size=items) + separation * labels


# Replicates


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equal_weights_give_the_metric(data: st.DataObject) -> None:
    items = data.draw(st.integers(2, 60))
    labels = np.array(data.draw(st.lists(st.booleans(), min_size=items, max_size=items)))
    scores = np.array(data.draw(st.lists(st.integers(0, 12), min_size=items, max_size=items)), dtype=float)
    scores[scores == 0] = -np.inf
    found = replicate(labels, scores, Resampling.independent(items), count=1)
    for name, value in evaluate(labels, scores).items():
        if value.value is not None:
            low, high = METRICS[name].bounds(int(labels.sum()), items)
            assert min(max(found.at_sample[name], low), high) == pytest.approx(value.value, abs=1e-12)
        else:
            assert name not in found.values


@pytest.mark.parametrize("seed", range(5))
def test_whole_weights_are_repetitions(seed: int) -> None:
    # Where nothing ties, an item of weight m counts as m items in a row.
    rng = np.random.default_rng(seed)
    labels, scores = sample(80, seed=seed)
    order = np.argsort(-scores)
    times = rng.multinomial(80, np.full(80, 1 / 80))
    weights = np.maximum(times, 1e-13)  # exponential weights are never 0
    repeated = np.repeat(labels[order], times)
    levels = Levels.of(labels, scores)
    depths = np.array([10.0, 25.0])
    out = np.empty(len(module._AREAS) + len(depths) + 1)
    module._measure(
        labels[order], levels.reviewed.astype(np.int64), levels.found.astype(np.int64), weights, depths, out
    )
    # Repetitions are told apart, so that they stay in a row; AP over distinct scores knows only their ends.
    apart = evaluate(repeated, -np.arange(80.0))
    for name in ("AP", "AP_worst", "AP_best", "FoE"):
        assert out[module._AREAS.index(name)] == pytest.approx(apart[name].value, rel=1e-10), name
    tied = evaluate(repeated, np.repeat(scores[order], times))
    for name in ("AUROC", "AP_step", "AUPRG", "AUPRG_reference"):
        assert out[module._AREAS.index(name)] == pytest.approx(tied[name].value, rel=1e-10), name
    assert out[len(module._AREAS)] / 10 == pytest.approx(tied["P@10"].value)
    assert out[-1] == pytest.approx(repeated.sum())


def split_mix(seed: int, counter: int) -> float:
    """Draw a uniform number in Python's whole numbers, which have no size."""

    def mixed(z: int) -> int:
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        return z ^ z >> 31

    return ((mixed((mixed(seed) + (counter + 1) * 0x9E3779B97F4A7C15) % 2**64) >> 11) + 0.5) / 2**53


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_replicates_are_the_same_on_every_machine(seed: int) -> None:
    expected = [split_mix(seed, 2**63 + place) for place in range(6)]
    np.testing.assert_array_equal(uniforms(3, seed).reshape(-1), expected)
    labels, scores = sample(50)
    found = replicate(labels, scores, Resampling.independent(50), ["AP_step"], count=3, seed=seed)
    order = np.argsort(-scores)
    for row, value in enumerate(found.values["AP_step"]):
        weights = -np.log([split_mix(seed, 50 * row + item) for item in range(50)])[order]
        hits = np.cumsum(weights * labels[order])
        expected_value = (weights * labels[order]) @ (hits / np.cumsum(weights)) / hits[-1]
        assert value == pytest.approx(expected_value, rel=1e-12)


def test_weights_are_exponential_and_belong_to_units() -> None:
    drawn = -np.log(uniforms(20_000)).reshape(-1)
    assert (drawn.mean(), drawn.var()) == (pytest.approx(1, abs=0.03), pytest.approx(1, abs=0.06))
    # The order of scores decides where an item stands, not its weight: the same ranking, turned round, mirrors AUROC.
    labels, scores = sample(60)
    own = Resampling.independent(60)
    forth, back = (replicate(labels, each, own, ["AUROC"], count=50).values["AUROC"] for each in (scores, -scores))
    np.testing.assert_allclose(forth, 1 - back, rtol=1e-10)
    # Items of one unit have one weight: as if there were one of each, twice as heavy.
    twice = Resampling("components", 60, np.repeat(np.arange(60), 2), np.repeat(np.arange(60), 2))
    doubled = replicate(np.repeat(labels, 2), np.repeat(scores, 2), twice, ["AUROC"], count=50).values["AUROC"]
    np.testing.assert_allclose(doubled, forth, rtol=1e-10)


# What is drawn


def chain(images: int) -> Ints:
    return np.transpose([np.arange(images - 1), np.arange(1, images)])


@pytest.mark.parametrize(
    ("items", "unit", "units"),
    [
        (np.arange(7), "items", 7),
        (np.arange(80).reshape(-1, 2), "items", 40),
        (np.concatenate([chain(3) + 3 * number for number in range(30)]), "components", 30),
        (np.concatenate([chain(3) + 3 * number for number in range(29)]), "images", 87),
        # 41 components, one of which has most of the pairs.
        (np.concatenate([chain(101), 200 + np.arange(80).reshape(-1, 2)]), "images", 181),
        (np.zeros((0, 2), dtype=np.int64), "images", 0),
    ],
)
def test_what_is_drawn_follows_from_the_pairs(items: Ints, unit: str, units: int) -> None:
    found = Resampling.of(items)
    assert (found.unit, found.units) == (unit, units)


def test_what_pairs_have_of_their_own_is_counted_once() -> None:
    # Pairs of a cycle whose scores and labels are their own: image weights alone are too wide by the root of three.
    labels, scores = sample(600)
    ends = np.arange(600)
    found = replicate(labels, scores, Resampling("images", 600, ends, (ends + 1) % 600), ["AP"])
    assert found.alone is not None
    both = [to_scale("AP", each["AP"]) for each in (found.values, found.alone)]
    assert both[0].std() / both[1].std() == pytest.approx(np.sqrt(3), rel=0.15)
    assert both[0].std() * shrinkage(*both) == pytest.approx(both[1].std(), rel=0.15)
    assert shrinkage(both[0], None) == 1
    assert shrinkage(np.ones(3), np.ones(3)) == 1


# Intervals


def ends_of(labels: Bools, scores: Floats, count: int = 200, seed: int = 0) -> dict[str, Interval]:
    own = Resampling.independent(len(labels))
    found = replicate(labels, scores, own, count=count, seed=seed)
    return intervals(labels, scores, evaluate(labels, scores), own, found)


def test_intervals_hold_the_value_on_the_population() -> None:
    truth = evaluate(*sample(1_000_000, seed=99), ["AUROC", "AP"])
    held = dict.fromkeys(truth, 0)
    for seed in range(100):
        found = ends_of(*sample(seed=seed), seed=seed)
        for name, each in truth.items():
            held[name] += found[name].low <= (each.value or 0) <= found[name].high
    assert all(count >= 88 for count in held.values()), held


def test_intervals_hold_the_estimate_and_narrow_with_more_items() -> None:
    for separation in (0, 1, 8):
        widths = []
        for items in (100, 1600):
            labels, scores = sample(items, separation=separation)
            values, found = evaluate(labels, scores), ends_of(labels, scores)
            for name, each in found.items():
                assert each.low <= (values[name].value or 0) <= each.high
                assert METRICS[name].span[0] <= each.low <= each.high <= METRICS[name].span[1]
            widths.append(found["AP"].high - found["AP"].low)
        assert widths[1] < widths[0] / 2


@pytest.mark.parametrize("faulty", [1, 10, 40])
def test_a_perfect_or_perfectly_wrong_ranking_is_not_certain(faulty: int) -> None:
    labels = np.arange(100) < faulty
    best, worst = ends_of(labels, labels * 1.0), ends_of(labels, labels * -1.0)
    limit = 0.05 ** (1 / faulty)  # a true share below it would rarely show no miss
    for name in ("AP", "AUROC", "AP_best"):
        assert best[name].high == 1
        assert limit / 2 < best[name].low < 1 - 1 / (2 * faulty + 2)
    assert worst["AUROC"].low == 0
    assert worst["AUROC"].high > 1 / (2 * faulty + 2)
    assert best["FoE"].high > faulty / 100 > best["FoE"].low
    assert best["P@10"].low < min(faulty, 10) / 10
    assert worst["AP"].high - worst["AP"].low > 0.005


def test_without_both_kinds_there_are_values_but_no_intervals() -> None:
    for labels in (np.zeros(9, dtype=bool), np.ones(9, dtype=bool), np.zeros(0, dtype=bool)):
        found = score(np.arange(len(labels)), labels, np.arange(len(labels), dtype=float))
        assert found.drawn is None
        assert all(each.low is None and each.high is None for each in found.metrics.values())
    found = score(np.arange(9), np.arange(9) > 4, np.arange(9.0))
    assert found.drawn == Resampled(unit="items", units=9)
    assert all((each.value is None) == (each.low is None) for each in found.metrics.values())


def test_scales_go_both_ways() -> None:
    for name, value in (("AP", 0.3), ("FoE", 4.2), ("AUPRG", -3.0)):
        assert from_scale(name, float(to_scale(name, value))) == pytest.approx(value)
    assert to_scale("AUPRG", 0.9) > to_scale("AUPRG", 0.1)


def test_small_numbers_are_not_claimed() -> None:
    assert weak("AP", 19, 500) == "19 faulty items are fewer than 20"
    assert weak("AUPRG", 99, 500) == "99 faulty items are fewer than 100"
    assert weak("AP", 490, 500) == "10 clean items are fewer than 20"
    assert weak("AP", 50, 500, images=30) == "30 images that judged pairs share are fewer than 300"
    assert (
        weak("P@100", 100, 500, value=0.96) == "the top 100 hold fewer than 5 faulty items, or fewer than 5 clean ones"
    )
    assert (
        weak("R@100", 500, 2000, value=0.192)
        == "the top 100 hold fewer than 5 faulty items, or fewer than 5 clean ones"
    )
    assert weak("R@100", 60, 500, value=0.95) == "fewer than 5 of 60 faulty items lie below the top 100"
    assert not weak("R@100", 60, 500, value=0.9)
    assert not weak("P@100", 100, 500, value=0.95)
    assert weak("R@1%", 50, 500) == "k = 5 is below 100"
    assert weak("AP", 50, 500, images=300) == weak("P@100", 50, 500) == ""


def test_seeds_widen_an_interval_and_never_narrow_it() -> None:
    items = Interval(0.4, 0.6)
    assert over_seeds("AP", [0.5], [items]) == items
    wide = over_seeds("AP", [0.48, 0.5, 0.52], [items] * 3)
    spread = 4.302653 * 0.02 / np.sqrt(3)
    assert wide.low == pytest.approx(0.5 - np.hypot(0.1, spread))
    # What seeds share, the items, does not average out.
    assert over_seeds("AP", [0.5] * 9, [items] * 9).low == pytest.approx(0.4)
    assert over_seeds("AUROC", [0.9, 0.99], [Interval(0.8, 0.95), Interval(0.9, 1.0)]).high == 1


# Comparisons


def ap(labels: Bools, scores: Floats, seed: int = 0) -> Replicates:
    return replicate(labels, scores, Resampling.independent(len(labels)), ["AP"], 400, seed)


def test_equal_methods_rarely_differ() -> None:
    significant = 0
    for seed in range(200):
        labels, first = sample(seed=seed)
        second = sample(seed=seed + 1000)[1] - 1.5 * sample(seed=seed + 1000)[0] + 1.5 * labels
        both = [[ap(labels, first, seed)], [ap(labels, second, seed)]]
        significant += compare(both, int(labels.sum())).p_values[0, 1] < 0.05
    assert 2 <= significant <= 20  # 10 expected


def test_pairing_sees_a_difference_that_overlapping_intervals_hide() -> None:
    labels, scores = sample(400)
    worse = scores - 0.25 * labels
    found = compare([[ap(labels, scores)], [ap(labels, worse)], [ap(labels, scores)]], int(labels.sum()))
    intervals_of = [ends_of(labels, each)["AP"] for each in (scores, worse)]
    assert intervals_of[1].high > intervals_of[0].low
    assert found.better.tolist() == [[False, True, False], [False] * 3, [False, True, False]]
    assert found.p_values[0, 2] == 1, "the same ranking twice"
    assert found.lowest.tolist() == [1, 3, 1]
    assert found.highest.tolist() == [2, 3, 2]
    assert found.tiers.tolist() == [1, 2, 1]
    assert found.best.tolist() == [0.5, 0, 0.5]


def test_a_perfect_ranking_of_few_is_not_far_better_than_a_nearly_perfect_one() -> None:
    labels = np.arange(40) < 8
    perfect, nearly = labels * 2.0, labels * 2.0
    nearly = nearly - 1.5 * (np.arange(40) == 0) + (np.arange(40) == 20)
    found = compare([[ap(labels, perfect)], [ap(labels, nearly)]], 8)
    assert found.p_values[0, 1] > 0.05
    assert (found.highest == 2).all()


def test_tiers_start_with_the_best_that_is_left() -> None:
    labels, noise = sample(2000, separation=0)
    other = np.random.default_rng(5).normal(size=2000)
    given = [noise + 0.2 * labels, noise + 3 * labels, other + 3 * labels, noise + labels]
    found = compare([[ap(labels, scores)] for scores in given], int(labels.sum()))
    assert found.tiers.tolist() == [3, 1, 1, 2]
    assert found.best[[0, 3]].tolist() == [0, 0]
    assert found.best.sum() == pytest.approx(1)


def test_seeds_that_disagree_make_a_difference_uncertain() -> None:
    labels, scores = sample(2000)
    poor, good = (ap(labels, scores + shift * labels) for shift in (-0.5, 0.5))
    middle = ap(labels, scores - 0.3 * labels)
    assert compare([[good, good], [middle]], 400).better[0, 1]
    assert not compare([[good, poor], [middle]], 400).better[0, 1]


def test_holm_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    given = np.ones((5, 5))
    first, second = np.triu_indices(5, 1)
    given[first, second] = given[second, first] = rng.random(10) ** 3
    found = compare.__globals__["_holm"](given)
    ordered = sorted(zip(given[first, second], found[first, second], strict=True))
    for rank, (p_value, adjusted) in enumerate(ordered):
        expected = max(min(1, (10 - place) * p) for place, (p, _) in enumerate(ordered[: rank + 1]))
        assert adjusted == pytest.approx(expected)
        assert adjusted >= p_value
    assert all(one[1] <= other[1] for one, other in pairwise(ordered))


# Across data sets


def values(sets: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(1)
    level = {"a": 0.9, "b": 0.88, "c": 0.3, "only here": 0.5}
    return {
        f"set{number}": {
            name: value + 0.05 * rng.random() for name, value in level.items() if name != "only here" or not number
        }
        for number in range(sets)
    }


def test_variants_of_a_set_count_once() -> None:
    given = values(5) | {f"set0~blur-0.{number}-s0": values(1)["set0"] for number in range(9)}
    with pytest.raises(UserError, match=r"at least 6 independent ones, and there are 5 \(set0, .*\); variants"):
        critical_difference(given)


def test_mean_ranks_and_critical_difference() -> None:
    # q(0.05) of three groups over the root of two is 2.343 (Demsar 2006, table 5).
    found = critical_difference(values(12))
    assert found.difference == pytest.approx(2.343 * np.sqrt(3 * 4 / (6 * 12)), abs=1e-3)
    assert set(found.ranks) == {"a", "b", "c"}, "what did not run everywhere is left out"
    assert found.ranks["c"] == 3
    assert found.groups == (("a", "b"),) or found.groups == (("b", "a"),)
    assert found.p_value < 0.001
    drawn = across.draw(found, Issue.OFF_TOPIC)
    assert drawn == across.draw(found, Issue.OFF_TOPIC)
    assert "mean rank by AP over 12 data sets" in drawn
    alike = critical_difference({str(number): dict.fromkeys("abc", 0.5) for number in range(6)})
    assert (alike.p_value, alike.groups) == (1, (("a", "b", "c"),))
    with pytest.raises(UserError, match="at least 3 methods that ran on all, not 2"):
        critical_difference({str(number): dict.fromkeys("ab", 0.5) for number in range(6)})


@pytest.mark.parametrize("faulty", [1, 2, 3, 7, 20])
def test_ends_are_no_further_than_the_worst_ranking(faulty: int) -> None:
    """Scales without bounds would put them at minus 10 to the power of 32."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels, scores = np.arange(60) < faulty, rng.random(60)
        own = Resampling.independent(60)
        names = [name for name, metric in METRICS.items() if np.isinf(metric.span).any()]
        found = intervals(labels, scores, evaluate(labels, scores, names), own, replicate(labels, scores, own, names))
        for name in names:
            low, high = METRICS[name].bounds(faulty, 60)
            assert found[name].low >= low or np.isfinite(METRICS[name].span[0])
            assert found[name].high <= high or np.isfinite(METRICS[name].span[1])
