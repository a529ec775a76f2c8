"""Standings over data sets: mean rank and Borda share by hand, variants once, intervals that move with the noise."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_runs import ISSUES, make_run

from cleanbench.core import digest_of
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge
from cleanbench.uncertainty.aggregation import Block, standings


def block(family: str, noise: float = 0.0, seed: int = 0, **values: float) -> Block:
    rng = np.random.default_rng(seed)
    return Block(family, values, {name: value + noise * rng.standard_normal(400) for name, value in values.items()})


def test_places_by_hand() -> None:
    found = {
        each.method: each for each in standings([block("x", a=0.9, b=0.5, c=0.5), block("y", a=0.2, b=0.8, c=0.1)])
    }
    assert {name: each.rank.value for name, each in found.items() if each.rank} == {"a": 1.5, "b": 1.75, "c": 2.75}
    assert {name: each.borda.value for name, each in found.items() if each.borda} == {"a": 0.75, "b": 0.625, "c": 0.125}


def test_variants_of_a_data_set_count_once() -> None:
    once = standings([block("x", a=0.9, b=0.5), block("y", a=0.1, b=0.2)])
    many = standings([*[block("x", a=0.9, b=0.5)] * 5, block("y", a=0.1, b=0.2)])
    assert [(each.method, each.rank, each.borda) for each in once] == [
        (each.method, each.rank, each.borda) for each in many
    ]
    assert [each.blocks for each in many] == [6, 6]
    assert [each.families for each in many] == [2, 2]


def test_who_did_not_run_everywhere_has_no_mean_rank() -> None:
    found = {each.method: each for each in standings([block("x", a=0.9, b=0.5, c=0.7), block("y", a=0.1, b=0.2)])}
    assert found["c"].rank is None
    assert found["c"].borda is not None
    assert found["c"].borda.value == 0.5
    assert found["a"].rank is not None
    assert found["a"].rank.value == 1.5  # among a and b alone


def test_without_noise_there_is_no_interval_and_with_it_there_is() -> None:
    (first, _) = standings([block("x", a=0.9, b=0.5)])
    assert first.rank is not None
    assert (first.rank.low, first.rank.high) == (1, 1)
    (first, _) = standings([block("x", noise=0.5, a=0.9, b=0.5)])
    assert first.rank is not None
    assert first.borda is not None
    assert (first.rank.value, first.rank.low, first.rank.high) == (1, 1, 2)
    assert (first.borda.low, first.borda.high) == (0, 1)


def test_boards_redraw_independently() -> None:
    """Two data sets with the same replicates are two sources of chance, whose mean varies less."""
    blocks = [block(family, noise=0.4, a=0.6, b=0.5, c=0.4, d=0.3, e=0.2) for family in "uvwxyz"]
    alone, together = standings(blocks[:1])[0], standings(blocks)[0]
    assert alone.borda is not None
    assert together.borda is not None
    assert together.borda.high - together.borda.low < 0.6 * (alone.borda.high - alone.borda.low)


def test_a_lone_method_beats_nobody() -> None:
    (only,) = standings([block("x", a=0.9)])
    assert only.borda is None
    assert only.rank is not None
    assert only.rank.value == 1


@pytest.mark.parametrize("seed", range(5))
def test_borda_shares_of_a_block_average_a_half(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = standings([block("x", **{f"m{number}": float(rng.integers(4)) for number in range(7)})])
    assert np.mean([each.borda.value for each in found if each.borda]) == pytest.approx(0.5)


def test_boards_of_one_kind_make_a_page_and_other_kinds_another(tmp_path: Path) -> None:
    for dataset in ("cats", "cats~lbl-0.1-s0", "dogs"):
        for method in ("phash", "knn", "lof"):
            make_run(tmp_path / dataset, method, key=digest_of([method, dataset]), dataset=dataset)
        assert merge(tmp_path / dataset, tmp_path / "boards").refused == []
    text = (tmp_path / "boards" / "aggregate.md").read_text()
    assert "## Off topic, synthetic truth" in text
    assert "2 independent data sets: cats, cats~lbl-0.1-s0, dogs." in text
    assert "## All issues, synthetic truth" in text
    assert "[Across boards](aggregate.md)" in (tmp_path / "boards" / "README.md").read_text()
    assert check(tmp_path / "boards").differences == ()
    table = pd.read_csv(tmp_path / "boards" / "aggregate.csv")
    assert set(table.truth) == {"synthetic"}
    for _, group in table.groupby("issue"):
        assert group.borda.mean() == pytest.approx(0.5)
        assert ((group.borda_low <= group.borda) & (group.borda <= group.borda_high)).all()
    page = tmp_path / "boards" / "aggregate.html"
    page.write_text(page.read_text().replace("0.", "0,", 1))
    assert any("aggregate.html: not what its records give" in each for each in check(tmp_path / "boards").differences)


def test_over_all_issues_stand_those_that_ran_on_each(tmp_path: Path) -> None:
    for method, issues in {"phash": ISSUES, "knn": ISSUES, "lof": ISSUES[:1], "ssim": ISSUES[1:]}.items():
        make_run(tmp_path / "runs", method, issues=issues)
    assert merge(tmp_path / "runs", tmp_path / "boards").refused == []
    table = pd.read_csv(tmp_path / "boards" / "aggregate.csv")
    assert set(table.issue) == {"all"}  # one data set: no issue has two boards
    assert set(table.method) == {"phash", "knn"}
    assert table.borda.mean() == pytest.approx(0.5)
