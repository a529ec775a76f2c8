"""Labels in doubt: draws against the exact expectation over all labellings, thresholds, and the command."""

import csv
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import table

from cleanbench.core import Issue, UserError
from cleanbench.doubt.__main__ import Options, doubt
from cleanbench.doubt.posterior import Doubted
from cleanbench.doubt.report import ranked, told
from cleanbench.metrics import evaluate
from cleanbench.votes import probability_of_votes

Rank = Callable[..., Any]
PROBABILITY = np.array([0.9, 0.5, 0.8, 0.1, 0.3, 0.0])
SCORES = {"one": np.array([6.0, 5, 4, 3, 2, 1]), "other": np.array([3.0, 3, 5, 5, 1, 2])}
FOUND = Doubted(PROBABILITY, PROBABILITY > 0.5, SCORES)


def all_labellings() -> list[tuple[np.ndarray, float]]:
    return [
        (labels, float(np.prod(np.where(labels, PROBABILITY, 1 - PROBABILITY))))
        for labels in (np.array(bits) for bits in product((False, True), repeat=6))
    ]


def test_expectations_and_swaps_are_those_over_all_labellings() -> None:
    draws = FOUND.draw(4000, seed=0, metrics=("AP", "AUROC"))
    for metric in ("AP", "AUROC"):
        values, weights = [], []
        for labels, weight in all_labellings():
            row = [evaluate(labels, scores)[metric].value for scores in SCORES.values()]
            if None not in row:
                values.append(row)
                weights.append(weight)
        exact = np.array(values, dtype=float)
        mean = np.average(exact, axis=0, weights=weights)
        np.testing.assert_allclose(draws.expected(metric), mean, atol=0.02)
        better = np.average((exact[:, 0] > exact[:, 1]) + 0.5 * (exact[:, 0] == exact[:, 1]), weights=weights)
        shares = draws.swaps(metric)
        assert shares[0, 1] == pytest.approx(better, abs=0.03)
        assert shares[0, 1] + shares[1, 0] == pytest.approx(1)
        assert shares[0, 0] == 0.5
        low, high = draws.interval(metric).T
        assert ((low <= draws.expected(metric)) & (draws.expected(metric) <= high)).all()
    assert draws.given[0, 0] == evaluate(FOUND.labels, SCORES["one"])["AP"].value


def test_draws_are_repeatable_and_shared_by_methods() -> None:
    first, again, other = (FOUND.draw(50, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values, equal_nan=True)
    twins = Doubted(PROBABILITY, PROBABILITY > 0.5, {"a": SCORES["one"], "b": SCORES["one"]}).draw(50, 0)
    np.testing.assert_array_equal(twins.values[:, 0], twins.values[:, 1])
    with pytest.raises(UserError, match="draws=1 must be at least 2"):
        FOUND.draw(1, 0)
    with pytest.raises(UserError, match="draws=100000000000 must be at most 100000"):
        FOUND.draw(10**11, 0)
    with pytest.raises(UserError, match="seed=-1 must be at least 0"):
        FOUND.draw(2, -1)


def test_certain_labels_leave_no_doubt() -> None:
    labels = np.array([True, False, True, False, False, False])
    draws = Doubted(labels.astype(float), labels, SCORES).draw(20, 0, metrics=("AP",))
    exact = [evaluate(labels, scores)["AP"].value for scores in SCORES.values()]
    np.testing.assert_allclose(draws.expected("AP"), exact)
    np.testing.assert_allclose(draws.interval("AP"), np.array([exact, exact]).T)


def test_the_closest_methods_are_told_with_their_probability_to_swap() -> None:
    scores = {f"m{place:02d}": np.random.default_rng(place).random(6) for place in range(6)}
    found = Doubted(PROBABILITY, PROBABILITY > 0.5, scores)
    draws = found.draw(300, 0)
    printed = told(found, draws, Issue.OFF_TOPIC, "here", "AP")
    order, shares = ranked(draws, "AP"), draws.swaps("AP")
    swaps = sorted((shares[two, one] for at, one in enumerate(order) for two in order[at + 1 :]), reverse=True)
    shown = printed.split("P(ranks swap)\n")[1].splitlines()[:10]
    assert [row.split()[-1] for row in shown] == [f"{share:.3f}" for share in swaps[:10]]
    assert f"{sum(share >= 0.025 for share in swaps)} of 15 pairs of methods swap ranks with a probability" in printed


def test_where_no_label_can_be_faulty_there_is_nothing_to_expect() -> None:
    draws = Doubted(np.zeros(6), np.zeros(6, dtype=bool), SCORES).draw(5, 0)
    assert np.isnan(draws.expected("AP")).all()
    assert np.isnan(draws.interval("AP")).all()
    assert np.isnan(draws.swaps("AP")).all()


def test_thresholds_are_the_probabilities_and_move_the_metric() -> None:
    thresholds = FOUND.thresholds()
    assert thresholds.tolist() == [0.1, 0.3, 0.5, 0.8, 0.9]
    curves = FOUND.sensitivity("AP", thresholds)
    for place, threshold in enumerate(thresholds):
        for row, scores in enumerate(SCORES.values()):
            assert curves[row, place] == evaluate(threshold <= PROBABILITY, scores)["AP"].value
    many = Doubted(np.linspace(0, 1, 1000), np.zeros(1000, dtype=bool), {"a": np.zeros(1000)})
    assert len(many.thresholds()) == 41


def test_votes_become_the_probability_of_a_majority() -> None:
    rng = np.random.default_rng(0)
    for faulty, votes in ((0, 1), (2, 3), (4, 5)):
        shares = rng.beta(faulty + 0.5, votes - faulty + 0.5, 40_000)
        (found,) = probability_of_votes(np.array([float(faulty)]), np.array([float(votes)]))
        assert found == pytest.approx((shares > 0.5).mean(), abs=0.01)


def test_the_command_writes_figures_and_the_numbers_behind_them(
    rank_with: Rank, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    root = tmp_path / "voted"
    shutil.copytree(pictures, root)
    (root / "label_errors.csv").unlink()
    votes = [3 - number % 2 if number % 3 == 2 else number % 2 for number in range(18)]
    rows = [f"i{number:02d},{int(count > 1)},{count},3" for number, count in enumerate(votes)]
    table(root / "off_topic_samples.csv", "id,label,faulty_votes,votes", rows)
    for method in ("luminance", "chance"):
        rank_with(f"method={method}", "dataset=folder", f"dataset.root={root}")
    assert doubt(Options("voted", draws=50, output=tmp_path / "runs")) == 0
    printed = capsys.readouterr().out
    assert "Off topic on voted: 18 judged, 6 faulty by the given labels" in printed
    assert "of 1 pair of methods swap ranks with a probability of 2.5% or more." in printed
    folder = tmp_path / "runs/voted/doubt"
    for name in ("draws", "thresholds"):
        assert ElementTree.parse(folder / f"off_topic_{name}.svg").getroot().tag.endswith("svg")
    with (folder / "off_topic_draws.csv").open(newline="") as stream:
        numbers = list(csv.DictReader(stream))
    assert {(row["method"], row["metric"]) for row in numbers} >= {("luminance", "AP"), ("chance", "AUROC")}
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(first) == 5
    doubt(Options("voted", draws=50, output=tmp_path / "runs"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    with pytest.raises(UserError, match=r"/proc/x/off_topic_draws\.svg cannot be written"):
        doubt(Options("voted", draws=50, output=tmp_path / "runs", to=Path("/proc/x")))


def test_mistakes_are_told(rank_with: Rank, pictures: Path, tmp_path: Path) -> None:
    rank_with("method=luminance", "dataset=folder", f"dataset.root={pictures}")
    with pytest.raises(UserError, match=r"no run in .* with probabilities"):
        doubt(Options("pictures", output=tmp_path / "runs"))
    with pytest.raises(UserError, match=r"metric=ap is none of those drawn\."):
        doubt(Options("pictures", metric="ap", output=tmp_path / "runs"))
