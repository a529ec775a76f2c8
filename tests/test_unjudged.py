"""What unjudged items leave open: bounds against every labelling and order, and leaving methods out."""

import subprocess
import sys
from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanbench.core import Issue, UserError
from cleanbench.fusion.members import standing
from cleanbench.metrics import evaluate
from cleanbench.shapley import shares
from cleanbench.unjudged.__main__ import Options, unjudged
from cleanbench.unjudged.measures import Partly
from cleanbench.unjudged.reuse import First, leave_out
from cleanbench.unjudged.survey import survey

Rank = Callable[..., Any]


def plain_average_precision(labels: list[bool]) -> float:
    hits = [rank for rank, faulty in enumerate(labels, 1) if faulty]
    return sum(found / rank for found, rank in enumerate(hits, 1)) / len(hits)


def every_average_precision(ranking: Partly) -> list[float]:
    """Return the AP of every labelling of the unjudged items in every order of ties."""
    open_items = np.flatnonzero(~ranking.judged)
    values = []
    for extra in product((False, True), repeat=len(open_items)):
        labels = ranking.faulty.copy()
        labels[open_items] = extra
        if not labels.any():
            continue
        orders = [list(order) for order in permutations(range(len(labels)))]
        falling = [order for order in orders if (np.diff(ranking.scores[order]) <= 0).all()]
        values += [plain_average_precision(labels[order].tolist()) for order in falling]
    return values


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("cfu")), min_size=1, max_size=6))
def test_bounds_of_average_precision_are_those_of_all_labellings_and_orders(rows: list[tuple[int, str]]) -> None:
    scores, kinds = (np.array(column) for column in zip(*rows, strict=True))
    ranking = Partly(scores.astype(float), kinds != "u", kinds == "f")
    values = every_average_precision(ranking)
    bounds = ranking.average_precision_bounds()
    if not values:
        assert bounds is None
    else:
        assert bounds == pytest.approx((min(values), max(values)))


def test_all_unjudged_clean_or_faulty_are_no_bounds() -> None:
    ranking = Partly(np.array([3.0, 2, 1]), np.array([True, True, False]), np.array([True, False, False]))
    assert ranking.average_precision(unjudged_faulty=False).value == 1
    assert ranking.average_precision(unjudged_faulty=True).value == pytest.approx((1 + 2 / 3) / 2)
    assert ranking.average_precision_bounds() == pytest.approx((5 / 6, 1))


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("cfu")), min_size=10, max_size=30))
def test_judged_and_precision_at_k(rows: list[tuple[int, str]]) -> None:
    scores, kinds = (np.array(column) for column in zip(*rows, strict=True))
    ranking = Partly(scores.astype(float), kinds != "u", kinds == "f")
    low, high = ranking.precision_bounds("10")
    judged = ranking.judged_at("10").value
    assert low.value is not None
    assert high.value is not None
    assert judged is not None
    assert high.value - low.value == pytest.approx(1 - judged)
    rng = np.random.default_rng(0)
    shares = [
        (kinds[np.lexsort((rng.random(len(scores)), -scores.astype(float)))][:10] != "u").mean() for _ in range(400)
    ]
    assert np.mean(shares) == pytest.approx(judged, abs=0.05)


def firsts_of(k: int, *rankings: np.ndarray) -> list[First]:
    return [First.of(k, scores, np.arange(len(scores))) for scores in rankings]


def test_among_the_first_is_a_chance_over_orders_of_ties() -> None:
    scores = np.array([5.0, 3, 3, 3, 1])
    (first,) = firsts_of(3, scores)
    assert first.chance.tolist() == pytest.approx([1, 2 / 3, 2 / 3, 2 / 3, 0])
    assert firsts_of(1, scores)[0].chance.tolist() == [1, 0, 0, 0, 0]
    assert firsts_of(2, np.array([1.0, -np.inf, -np.inf]))[0].chance.tolist() == [1, 0, 0]
    elsewhere = First.of(3, scores, np.array([2, -1, 0]))  # judged: an item of the tie, one not ranked, the first
    assert elsewhere.chance.tolist() == pytest.approx([2 / 3, 0, 1])
    rng = np.random.default_rng(0)
    drawn = np.array([first.draw(rng) for _ in range(2000)])
    assert set(drawn.sum(axis=1)) == {3}
    np.testing.assert_allclose(drawn.mean(axis=0), first.chance, atol=0.05)


def test_a_method_left_out_loses_what_only_it_has() -> None:
    labels = np.array([True, True, False, True, False])
    first, second = np.array([5.0, 4, 3, 1, 2]), np.array([1.0, 5, 2, 4, 3])
    one, other = leave_out([first, second], labels, firsts_of(2, first, second))
    assert (one.faulty, one.clean, other.faulty) == (1, 0, 1)  # the first image; the fourth
    assert one.unjudged == evaluate(labels[1:], first[1:])["AP"].value
    assert one.as_clean == evaluate(np.array([False, True, False, True, False]), first)["AP"].value
    assert (one.place, other.place) == (2, 1) if (one.before or 0) < (other.before or 0) else (1, 2)


def test_own_finds_among_ties_are_those_of_all_orders() -> None:
    labels = np.array([True, False, True, True, False, True])
    tied, other = np.array([2.0, 1, 1, 1, 1, 0]), np.array([1.0, 6, 2, 3, 5, 4])
    k, own_faulty, without = 3, [], []
    for order in permutations(range(6)):
        if (np.diff(tied[list(order)]) > 0).any():
            continue
        own = np.zeros(6, dtype=bool)
        own[list(order[:k])] = True
        own[np.argsort(-other)[:k]] = False
        own_faulty.append((own & labels).sum())
        without.append(evaluate(labels[~own], tied[~own])["AP"].value)
    found, _ = leave_out([tied, other], labels, firsts_of(k, tied, other))
    assert found.faulty == pytest.approx(np.mean(own_faulty))
    assert found.unjudged == pytest.approx(np.mean(np.array(without, dtype=float)), abs=0.02)
    shares_of_both = shares(labels, [tied, other], k)
    assert shares_of_both.unique[0] == pytest.approx(found.faulty)  # as the audit counts them


def test_the_command_tells_of_images_and_of_queues(
    rank_with: Rank, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for method in ("phash", "dhash", "chance", "luminance"):
        rank_with(f"method={method}", "dataset=folder", f"dataset.root={pictures}")
    found = survey(standing(tmp_path / "runs/pictures"), Issue.NEAR_DUPLICATE, 10)
    assert found is not None
    assert (found.judged, found.faulty) == (23, 4)
    by_name = {each.method: each for each in found.methods}
    assert by_name["chance"].ranking is None
    assert by_name["phash"].ranking is not None
    assert by_name["phash"].ranking.judged.sum() + 0 <= 23
    assert unjudged(Options("pictures", k=10, output=tmp_path / "runs")) == 0
    printed = capsys.readouterr().out
    assert "Off topic: 18 images judged, 6 of them faulty" in printed
    assert "Near duplicate: 23 pairs judged, 4 of them faulty" in printed
    assert "Left out" in printed


def test_mistakes_are_told(rank_with: Rank, unjudged: Path, tmp_path: Path) -> None:
    rank_with("method=phash", "dataset=folder", f"dataset.root={unjudged}")
    from cleanbench.unjudged.__main__ import unjudged as command

    with pytest.raises(UserError, match="nothing judged"):
        command(Options("unjudged", output=tmp_path / "runs"))
    with pytest.raises(UserError, match="k=0"):
        command(Options("unjudged", k=0, output=tmp_path / "runs"))
    with pytest.raises(UserError, match="k=99999999999999999999 must be at most 1000000000"):
        command(Options("unjudged", k=99999999999999999999, output=tmp_path / "runs"))


@pytest.mark.parametrize("name", ["unjudged", "annotate_next", "doubt", "truth_diff"])
def test_help_of_each_command(name: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", f"cleanbench.{name}", "--help"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"usage: python -m cleanbench.{name}" in ended.stdout
