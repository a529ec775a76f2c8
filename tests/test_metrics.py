"""Metrics, tested from what they declare and against oracles: brute force, exact fractions, scikit-learn, goldens."""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from cleanbench.core import Bools, Floats
from cleanbench.metrics import CUTS, METRICS, Levels, Metric, Value, average_precision, depth, evaluate

# Expectations over random orders of tied items; the others resolve ties in their own way.
EXPECTATIONS = ["AUROC", "AP", "FoE", *(f"{name}@{cut}" for name in "PR" for cut in CUTS)]
# Sums over distinct thresholds: a faulty item that leaves a tie upwards takes the precision of its new, worse place.
STEP_FORMS = ["AP_step", "AUPRG_reference"]

every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
wild = st.sampled_from([-math.inf, -1e308, -1.0, -0.0, 0.0, 5e-324, 0.5, 1e308]) | st.floats(
    allow_nan=False, max_value=1e308
)


@st.composite
def ranked(draw: st.DrawFn, most: int = 40, scores: st.SearchStrategy[float] = wild) -> tuple[Bools, Floats]:
    """Labels and scores of at least one item, most of them tied."""
    rows = draw(st.lists(st.tuples(st.booleans(), scores), min_size=1, max_size=most))
    return np.array([label for label, _ in rows]), np.array([score for _, score in rows], dtype=np.float64)


def filled(metric: Metric, labels: Bools, scores: Floats) -> tuple[Bools, Floats]:
    """Repeat the items until the queue is as long as the metric's cut."""
    times = -(-depth(metric.cut or "1", 1) // len(labels))
    return np.tile(labels, times), np.tile(scores, times)


def in_order(labels: Sequence[int]) -> tuple[Bools, Floats]:
    """Labels in rank order, without ties."""
    return np.array(labels, dtype=float) == 1, -np.arange(len(labels), dtype=np.float64)


def value(name: str, labels: Bools, scores: Floats) -> float:
    found = METRICS[name].compute(labels, scores).value
    assert found is not None
    return found


def test_metrics_describe_themselves_and_cannot_be_changed() -> None:
    assert list(METRICS) == [metric.name for metric in METRICS.values()]
    assert len(METRICS) == 8 + 2 * len(CUTS)
    assert all(metric.description and metric.reference for metric in METRICS.values())
    assert [name for name, metric in METRICS.items() if not metric.higher_is_better] == ["FoE"]
    with pytest.raises(TypeError):
        METRICS["AP"] = METRICS["AUROC"]  # type: ignore[index]


@every_metric
@given(case=ranked())
@settings(deadline=None, max_examples=60)
def test_value_lies_within_bounds_or_says_why_there_is_none(metric: Metric, case: tuple[Bools, Floats]) -> None:
    labels, scores = filled(metric, *case)
    faulty, items = int(labels.sum()), len(labels)
    result = metric.compute(labels, scores)
    assert result.reason == metric.undefined(faulty, items)
    if result.value is not None:
        low, high = metric.bounds(faulty, items)
        assert low <= result.value <= high
        assert metric.formula(Levels.of(labels, scores)) == pytest.approx(result.value, rel=1e-12, abs=1e-12)


@every_metric
@pytest.mark.parametrize(("faulty", "items"), [(1, 20), (7, 20), (19, 20), (20, 20), (3, 1200)])
def test_best_and_worst_orders_reach_the_bounds(metric: Metric, faulty: int, items: int) -> None:
    labels = np.arange(items) < faulty
    strict = -np.arange(items, dtype=np.float64)
    if reason := metric.undefined(faulty, items):
        assert metric.compute(labels, strict) == Value(None, reason)
        return
    low, high = metric.bounds(faulty, items)
    best, worst = (high, low) if metric.higher_is_better else (low, high)
    assert value(metric.name, labels, strict) == pytest.approx(best, rel=1e-12)
    assert value(metric.name, labels, labels.astype(np.float64)) == pytest.approx(best, rel=1e-12)
    assert value(metric.name, labels, -strict) == pytest.approx(worst, rel=1e-12, abs=1e-12)


@every_metric
@given(case=ranked(most=30, scores=st.sampled_from([-math.inf, 0.0, 1.0, 2.0, 3.0])), data=st.data())
@settings(deadline=None, max_examples=60)
def test_moving_a_faulty_item_up_never_makes_it_worse(
    metric: Metric, case: tuple[Bools, Floats], data: st.DataObject
) -> None:
    labels, scores = filled(metric, *case)
    assume(labels.any() and not metric.undefined(int(labels.sum()), len(labels)))
    if metric.name in STEP_FORMS:
        scores = np.array(data.draw(st.permutations(range(len(labels)))), dtype=np.float64)
        rise = data.draw(st.integers(0, 30)) + 0.5  # to a place of its own
    else:
        rise = data.draw(st.sampled_from([0.5, 1.0, 1.5, 2.0, 4.0]))
    moved = data.draw(st.sampled_from(np.flatnonzero(labels).tolist()))
    raised = scores.copy()
    raised[moved] = max(raised[moved], -1.0) + rise
    gain = value(metric.name, labels, raised) - value(metric.name, labels, scores)
    assert (gain if metric.higher_is_better else -gain) >= -1e-12


def test_step_forms_may_fall_when_a_faulty_item_rises_out_of_a_tie() -> None:
    labels = np.repeat([True, False, True, False], [1, 10, 10, 100])
    tied = np.repeat([3.0, 2.0, 1.0, 0.0], [1, 10, 10, 100])
    split = tied.copy()
    split[20] = 1.5
    for name in STEP_FORMS:
        assert value(name, labels, split) < value(name, labels, tied)
    assert value("AP_step", labels, tied) > value("AP_best", labels, tied) + 0.03
    assert value("AP", labels, split) == pytest.approx(value("AP", labels, tied), rel=1e-12)  # the same order


@pytest.mark.parametrize("name", EXPECTATIONS)
@pytest.mark.parametrize(("faulty", "items"), [(1, 1), (1, 30), (7, 30), (29, 30), (30, 30), (50, 1500)])
def test_a_constant_score_gets_the_chance_level(name: str, faulty: int, items: int) -> None:
    metric = METRICS[name]
    if metric.undefined(faulty, items):
        assert metric.chance(faulty, items) is None
        return
    prevalence = Fraction(faulty, items)
    k = Fraction(depth(metric.cut, items)) if metric.cut else Fraction(1)
    slope = Fraction(faulty - 1, max(items - 1, 1))
    expected = {
        "AUROC": Fraction(1, 2),
        "AP": sum(((1 + j * slope) / (j + 1) for j in range(items)), Fraction(0)) / items,
        "P": prevalence,
        "R": k / items,
        "FoE": prevalence * Fraction(items + 1, faulty + 1),
    }[name.split("@")[0]]
    labels = np.arange(items) < faulty
    assert value(name, labels, np.full(items, -np.inf)) == pytest.approx(float(expected), rel=1e-12)
    assert metric.chance(faulty, items) == pytest.approx(float(expected), rel=1e-12)


@every_metric
@pytest.mark.parametrize(("faulty", "items"), [(1, 2), (1, 6), (2, 4), (3, 7), (4, 7), (6, 7), (7, 7)])
def test_chance_is_the_mean_over_all_strict_orders(metric: Metric, faulty: int, items: int) -> None:
    chance = metric.chance(faulty, items)
    if metric.undefined(faulty, items) or metric.name == "AUPRG_reference":
        assert chance is None
        return
    orders = [np.isin(np.arange(items), places) for places in itertools.combinations(range(items), faulty)]
    mean = np.mean([value(metric.name, *in_order(order.astype(int).tolist())) for order in orders])
    assert chance == pytest.approx(float(mean), rel=1e-12, abs=1e-12)


def test_chance_equals_a_simulation_within_its_standard_error() -> None:
    generator, faulty, items, draws = np.random.default_rng(20), 6, 60, 600
    names = [name for name, metric in METRICS.items() if metric.chance(faulty, items) is not None]
    labels = np.arange(items) < faulty
    results = [evaluate(labels, generator.random(items), names) for _ in range(draws)]
    for name in names:
        values = np.array([result[name].value for result in results])
        standard_error = values.std(ddof=1) / math.sqrt(draws)
        assert abs(values.mean() - METRICS[name].chance(faulty, items)) < 4 * standard_error, name


@pytest.mark.parametrize(("faulty", "items"), [(1, 10**6), (10**6 - 1, 10**6), (500, 10**4), (3000, 4000)])
def test_auprg_chance_equals_its_sum_term_by_term(faulty: int, items: int) -> None:
    clean = items - faulty
    steps = np.arange(faulty * faulty // items, faulty, dtype=np.float64)
    low, high = np.maximum(steps, faulty**2 / items), steps + 1
    before = (steps + 1) * clean / (faulty + 1)
    losses = faulty**3 / clean**2 * before / 2 * (high - low) * (high + low) / (low * high) ** 2
    assert METRICS["AUPRG"].chance(faulty, items) == pytest.approx(1 - math.fsum(losses), rel=1e-9, abs=1e-9)


@given(case=ranked(), seed=st.integers(0, 2**32 - 1), keep_bottom=st.booleans())
@settings(deadline=None, max_examples=60)
def test_order_of_input_and_monotone_changes_of_score_do_not_matter(
    case: tuple[Bools, Floats], seed: int, keep_bottom: bool
) -> None:
    labels, scores = case
    generator = np.random.default_rng(seed)
    result = evaluate(labels, scores)
    shuffled = generator.permutation(len(labels))
    assert evaluate(labels[shuffled], scores[shuffled]) == result
    levels, level = np.unique(scores, return_inverse=True)
    other = np.cumsum(generator.integers(1, 1000, len(levels))) - 5000.0
    if keep_bottom:
        other[0] = -np.inf
    assert evaluate(labels, other[level]) == result


@given(case=ranked())
@settings(deadline=None, max_examples=100)
def test_agrees_with_scikit_learn(case: tuple[Bools, Floats]) -> None:
    labels, scores = case
    assume(labels.any())
    _, finite = np.unique(scores, return_inverse=True)  # scikit-learn refuses -inf
    assert value("AP_step", labels, scores) == pytest.approx(average_precision_score(labels, finite), abs=1e-12)
    if not labels.all():
        assert value("AUROC", labels, scores) == pytest.approx(roc_auc_score(labels, finite), abs=1e-12)
    strict = np.argsort(np.argsort(scores, kind="stable")).astype(np.float64)
    expected = average_precision_score(labels, strict)
    for name in ("AP", "AP_step", "AP_worst", "AP_best"):
        assert value(name, labels, strict) == pytest.approx(expected, abs=1e-12)


def orders_of_ties(labels: Bools, scores: Floats) -> Iterator[list[bool]]:
    """Every order of the labels that respects the scores, all equally likely."""
    levels = [labels[scores == score].tolist() for score in sorted(set(scores.tolist()), reverse=True)]
    for order in itertools.product(*(itertools.permutations(level) for level in levels)):
        yield [label for level in order for label in level]


def strict_value(name: str, order: list[bool]) -> Fraction:
    """The textbook definition of a metric on an order without ties."""
    places = [place for place, faulty in enumerate(order, start=1) if faulty]
    kind, _, cut = name.partition("@")
    if kind == "AUROC":
        clean = [place for place, faulty in enumerate(order, start=1) if not faulty]
        return Fraction(sum(p < c for p in places for c in clean), len(places) * len(clean))
    if kind == "AP":
        return sum((Fraction(i, place) for i, place in enumerate(places, start=1)), Fraction(0)) / len(places)
    if kind == "FoE":
        recalls = [Fraction(i, len(places)) for i in range(1, len(places) + 1)]
        terms = [Fraction(place, len(order)) / r for place, r in zip(places, recalls, strict=True)]
        return sum(terms, Fraction(0)) / len(places)
    return Fraction(sum(order[: int(cut)]), int(cut) if kind == "P" else len(places))


@given(case=ranked(most=7, scores=st.sampled_from([-math.inf, 0.0, 1.0])))
@settings(deadline=None, max_examples=40)
def test_brute_force_over_all_orders_of_ties(case: tuple[Bools, Floats]) -> None:
    labels, scores = case
    assume(labels.any())
    orders = list(orders_of_ties(labels, scores))
    for name in ("AP", "AUROC", "P@1", "P@5", "R@1", "R@5", "FoE"):
        if METRICS[name].undefined(int(labels.sum()), len(labels)):
            continue
        values = [strict_value(name, order) for order in orders]
        assert value(name, labels, scores) == pytest.approx(float(sum(values) / len(values)), rel=1e-12)
        if name == "AP":
            assert value("AP_worst", labels, scores) == pytest.approx(float(min(values)), rel=1e-12)
            assert value("AP_best", labels, scores) == pytest.approx(float(max(values)), rel=1e-12)


def exact_auprg(labels: Bools, scores: Floats) -> Fraction:
    """Flach and Kull 2015 from precision and recall in fractions, crossing at recall gain 0 included."""
    faulty, items = int(labels.sum()), len(labels)
    prevalence = Fraction(faulty, items)

    def gains(true: Fraction, false: Fraction) -> tuple[Fraction, Fraction]:
        precision, recall = true / (true + false), true / faulty
        return tuple((x - prevalence) / ((1 - prevalence) * x) for x in (recall, precision))  # type: ignore[return-value]

    counts = [(Fraction(0), Fraction(0))]
    for score in sorted(set(scores.tolist()), reverse=True):
        tied = labels[scores == score]
        counts.append((counts[-1][0] + int(tied.sum()), counts[-1][1] + int((~tied).sum())))
    points = []
    for (true, false), (next_true, next_false) in itertools.pairwise(counts):
        if true < prevalence * faulty <= next_true:  # recall is the prevalence, so its gain is 0
            part = (prevalence * faulty - true) / (next_true - true)
            points.append(gains(prevalence * faulty, false + part * (next_false - false)))
        if next_true >= prevalence * faulty:
            points.append(gains(next_true, next_false))
    return sum(((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points)), Fraction(0))


@given(case=ranked(scores=st.sampled_from([-math.inf, *map(float, range(12))])))
@settings(deadline=None, max_examples=100)
def test_auprg_agrees_with_exact_fractions(case: tuple[Bools, Floats]) -> None:
    labels, scores = case
    assume(labels.any() and not labels.all())
    assert value("AUPRG", labels, scores) == pytest.approx(float(exact_auprg(labels, scores)), rel=1e-12, abs=1e-12)


def test_auprg_of_a_constant_score_is_zero_and_of_a_late_fault_far_below() -> None:
    labels = np.arange(100) < 1
    assert value("AUPRG", labels, np.zeros(100)) == pytest.approx(0, abs=1e-12)
    assert value("AUPRG", labels, np.arange(100.0)) == METRICS["AUPRG"].bounds(1, 100)[0] == pytest.approx(-99 / 2)


@pytest.mark.parametrize(
    ("items", "faulty"),
    [
        ([10**6, 2], [0, 2]),
        ([10**6, 40], [1, 40]),
        ([3, 10**5], [0, 17]),
        ([31, 50, 10**5], [31, 3, 99_999]),
        ([10**5] * 3 + [1], [5, 0, 77_777, 1]),
    ],
)
def test_long_ties_lose_no_digits(items: list[int], faulty: list[int]) -> None:
    levels, total = Levels.counted(items, faulty), sum(faulty)
    terms: dict[str, list[Floats]] = {"AP": [], "AP_worst": [], "AP_best": [], "FoE": []}
    before = found = 0
    for n, f in zip(items, faulty, strict=True):
        j, i = np.arange(n, dtype=np.float64), np.arange(f, dtype=np.float64)
        terms["AP"].append(f / n * (found + 1 + j * ((f - 1) / max(n - 1, 1))) / (before + 1 + j))
        terms["AP_worst"].append((found + 1 + i) / (before + n - f + 1 + i))
        terms["AP_best"].append((found + 1 + i) / (before + 1 + i))
        terms["FoE"].append((before + (i + 1) * ((n + 1) / (f + 1))) / (found + 1 + i) * total / sum(items))
        before, found = before + n, found + f
    for name, parts in terms.items():
        expected = math.fsum(np.concatenate(parts)) / total
        assert METRICS[name].formula(levels) == pytest.approx(expected, rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([1, 1] + [0] * 8, (1, 1, 1, 0.2)),
        ([1, 0, 1] + [0] * 7, (0.9375, 0.833333, 0.96875, 0.25)),
        ([0, 1, 0, 0, 1] + [0] * 5, (0.75, 0.45, 0.71875, 0.45)),
        ([0] * 8 + [1, 1], (0, 0.155556, 0, 1.4)),
        ([1, 0, 1, 1, 0, 0, 1] + [0] * 13, (0.921875, 0.747024, 0.907986, 0.279167)),
    ],
)
def test_golden_vectors(order: list[int], expected: tuple[float, ...]) -> None:
    results = evaluate(*in_order(order), ["AUROC", "AP", "AUPRG_reference", "FoE"])
    assert [result.value for result in results.values()] == pytest.approx(expected, abs=1e-6)


def test_golden_files(goldens: Path) -> None:
    golden = json.loads((goldens / "ranking_metrics_expected.json").read_text(encoding="utf-8"))
    names = {"AUPRG": "AUPRG_reference"}
    with np.load(goldens / "ranking_metrics_inputs.npz") as orders:
        for case, expected in golden.items():
            name = case.split("/")[0]
            order = orders[f"ranking_{name}"]
            if np.isnan(order).any():
                with pytest.raises(ValueError, match="labels must be boolean"):
                    evaluate(order, -np.arange(len(order), dtype=np.float64))
                continue
            results = evaluate(*in_order(order))
            if "error" in expected:  # the reference fails on an order shorter than its largest k
                expected = golden[f"{name}/k20"]
            for key in expected.keys() - {"error", "warnings"}:
                own = key.replace("Recall", "R").replace("Precision", "P")
                result = results[names.get(own, own)]
                if math.isnan(expected[key]):
                    assert result.reason in {"no faulty items", "no clean items"}, (case, key)
                else:
                    assert result.value == pytest.approx(expected[key], abs=1e-12), (case, key)
            check_against_definitions(order, results)


def check_against_definitions(order: np.ndarray, results: dict[str, Value]) -> None:
    labels = [bool(label) for label in order]
    for name in ("AP", "FoE", *(f"{kind}@{k}" for kind in "PR" for k in CUTS if "%" not in k)):
        if results[name].value is None:
            assert not any(labels) or int(name.partition("@")[2]) > len(labels)
        else:
            assert results[name].value == pytest.approx(float(strict_value(name, labels)), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "labels", "reason"),
    [
        *((name, [], "no items") for name in METRICS),
        *((name, [0, 0], "no faulty items") for name, metric in METRICS.items() if metric.needs_faulty),
        *((name, [1, 1], "no clean items") for name in ("AUROC", "AUPRG", "AUPRG_reference")),
        ("P@5", [1, 0], "k = 5 is beyond the number of items, 2"),
        ("R@1000", [1, 0], "k = 1000 is beyond the number of items, 2"),
    ],
)
def test_undefined_is_a_reason_never_a_number(name: str, labels: list[int], reason: str) -> None:
    metric = METRICS[name]
    assert metric.compute(*in_order(labels)) == Value(None, reason)
    assert metric.chance(sum(labels), len(labels)) is None
    with pytest.raises(ValueError, match=f"{name} has no bounds: {reason}"):
        metric.bounds(sum(labels), len(labels))


def test_what_is_defined_without_faulty_or_clean_items() -> None:
    nothing_faulty, nothing_clean = in_order([0] * 5), in_order([1] * 5)
    assert {name for name in METRICS if METRICS[name].compute(*nothing_faulty).value == 0} == {
        "P@1", "P@5", "P@1%", "P@5%", "P@10%"
    }  # fmt: skip
    for name in ("AP", "AP_step", "AP_worst", "AP_best", "P@5", "R@5", "FoE"):
        assert value(name, *nothing_clean) == pytest.approx(1)


@pytest.mark.parametrize("percent", [1, 5, 7, 10])  # 0.07 * 100 > 7
def test_percentages_round_up_without_float_error(percent: int) -> None:
    for items in range(1, 5000):
        assert depth(f"{percent}%", items) == math.ceil(Fraction(items * percent, 100))
    assert depth("50", 7) == 50


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([True, False], [0.5, math.nan], "1 scores are NaN or .inf, the first is nan at 1"),
        ([True, False], [math.inf, math.inf], "2 scores are NaN or .inf, the first is inf at 0"),
        ([True, False], [0.5], "same shape"),
        ([[True], [False]], [[0.5], [0.1]], "same shape"),
        (True, 0.5, "same shape"),
        ([1, 0], [0.5, 0.1], "labels must be boolean"),
    ],
)
def test_bad_input_is_refused_by_name(labels: object, scores: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(np.array(labels), np.array(scores))


def test_unknown_names_and_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown metrics \['MAP'\]; expected some of AUROC, AP"):
        evaluate(*in_order([1, 0]), ["AP", "MAP"])
    with pytest.raises(ValueError, match="3 faulty of 2 items"):
        METRICS["AP"].chance(3, 2)


@pytest.mark.parametrize(("number", "reason"), [(None, None), (1.0, "no items"), (math.nan, None), (math.inf, None)])
def test_a_value_is_a_finite_number_or_a_reason(number: float | None, reason: str | None) -> None:
    with pytest.raises(ValueError, match="expected a finite value or a reason"):
        Value(number, reason)


def test_levels_from_counts_drop_empty_levels_and_give_the_same_value() -> None:
    labels, scores = np.array([True, False, False, True]), np.array([2.0, -np.inf, 2.0, -np.inf])
    counted, grouped = Levels.counted([2, 0, 2], [1, 0, 1]), Levels.of(labels, scores)
    assert counted.reviewed.tolist() == grouped.reviewed.tolist() == [0, 2, 4]
    assert counted.found.tolist() == grouped.found.tolist() == [0, 1, 2]
    assert METRICS["AP"].measure(counted) == METRICS["AP"].compute(labels, scores) == Value(average_precision(grouped))


def test_evaluate_gives_all_metrics_or_the_named_ones_in_their_order() -> None:
    labels, scores = in_order([1, 0, 0, 1])
    assert evaluate(labels, scores) == {name: metric.compute(labels, scores) for name, metric in METRICS.items()}
    assert list(evaluate(labels, scores, ["FoE", "AP"])) == ["FoE", "AP"]
