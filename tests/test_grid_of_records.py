"""The grid of methods and encoders that records make: means, holes, words, and the heat map."""

import re
from xml.etree import ElementTree

import pytest

from cleanbench.core import Issue, digest_of
from cleanbench.grid import (
    grid_of,
    left_out_in_words,
    shares_in_words,
)
from cleanbench.leaderboard import by_encoder, drawn, heatmap
from cleanbench.metrics import METRICS
from cleanbench.records import Cost, EncoderName, Measured, Record, Seeds, TruthName, encoder_labels


def record(method: str, encoder: str | None, value: float | None, seed: int = 0, size: int = 32) -> Record:
    """Return a record with the same value in every metric."""
    detail = EncoderName(settings={"size": size, "seed": seed}, digest="", key="") if encoder else None
    return Record(
        method=method,
        issue=Issue.OFF_TOPIC,
        dataset="some [set]",
        encoder=encoder,
        items=50,
        faulty=10,
        metrics={name: Measured(value=value, reason=None if value is not None else "none") for name in METRICS},
        settings={},
        changed={},
        fingerprint="f" * 64,
        images=60,
        unreadable=0,
        coverage=1.0,
        truth=TruthName(name="default", kind="human", revision="b" * 64, set_revision="c" * 64),
        encoder_detail=detail,
        supervised=False,
        seeds=Seeds(dataset=None, encoder=None, method=seed),
        cost=Cost(cpu_seconds=1, wall_seconds=1, fit_cpu_seconds=0, peak_mib=1, base_mib=1),
        key=digest_of([method]),
        versions={"cleanbench": "0.1.0"},
        created="2025-01-01T00:00:00+00:00",
    )


FULL = [
    record("knn", "hog", 0.5),
    record("knn", "pixels", 0.3),
    record("forest", "hog", 0.8),
    record("forest", "pixels", 0.6),
]


def test_a_grid_has_means_over_seeds_best_first_and_the_others_beside() -> None:
    grid = grid_of([*FULL, record("knn", "hog", 0.7, seed=1), record("luminance", None, 0.4)])
    assert (grid.methods, grid.encoders) == (("forest", "knn"), ("hog", "pixels"))
    assert grid.values["knn", "hog"] == (0.5, 0.7)
    assert grid.mean("knn", "hog") == pytest.approx(0.6)
    assert grid.mean_of_method("knn") == pytest.approx(0.45)
    assert grid.mean_of_encoder("hog") == pytest.approx(0.7)
    assert grid.beside == {"luminance": (0.4,)}
    assert grid.chance == METRICS["AP"].chance(10, 50)
    assert grid.shares is not None
    assert grid.shares.residual is not None
    assert "between seeds (pure noise: " in shares_in_words(grid)
    effort = grid_of(FULL, "FoE")
    assert (effort.methods, effort.encoders) == (("knn", "forest"), ("pixels", "hog"))


def test_the_same_seeds_count_once_and_other_settings_are_another_encoder() -> None:
    assert grid_of([*FULL, record("knn", "hog", 0.9)]).values["knn", "hog"] == (0.9,)
    grid = grid_of([*FULL, record("knn", "hog", 0.1, size=16)])
    assert set(grid.encoders) == {"hog (size=16)", "hog (size=32)", "pixels"}


def test_an_encoder_of_unknown_settings_renames_no_other() -> None:
    """As of a ranking that was made elsewhere."""
    known, handed_in = record("knn", "pixels", 0.5), record("mine", "pixels", 0.5)
    handed_in = handed_in.model_copy(update={"encoder_detail": None})
    assert encoder_labels([known, handed_in]) == ["pixels", "pixels"]
    other = record("knn", "pixels", 0.5, size=64)
    assert encoder_labels([known, other, handed_in]) == ["pixels (size=32)", "pixels (size=64)", "pixels"]


def test_additive_values_have_no_interaction() -> None:
    said = shares_in_words(grid_of(FULL))
    assert "over 2 methods × 2 encoders, 69% lies between methods, 31% between encoders, 0% in their" in said
    assert "with one seed the interaction holds all noise" in said


def test_holes_are_left_out_of_shares_and_said() -> None:
    extra = [record("pyod", "hog", 0.99), record("knn", "simclr", 0.95), record("undefined", "hog", None)]
    grid = grid_of([*FULL, *extra])
    assert (grid.methods, grid.encoders) == (("forest", "knn", "pyod"), ("hog", "pixels", "simclr"))
    assert grid.mean("pyod", "pixels") is None
    assert grid.mean_of_method("pyod") is None
    assert grid.mean_of_encoder("simclr") is None
    assert grid.shares == grid_of(FULL).shares
    assert left_out_in_words(grid) == (
        "Left out of means and shares, for want of combinations: method pyod; encoder simclr."
    )
    assert left_out_in_words(grid_of(FULL)) is None


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (FULL[:2], "no two methods ran on the same two encoders"),
        (FULL[:1] + FULL[3:], "no two methods ran on the same two encoders"),
        ([record(m, e, 0.1 + 0.2) for m in "ab" for e in "xy"] + [record("a", "z", 0.9)], "all values of AP are equal"),
        ([record("a", None, 0.5)], "no two methods ran"),
        ([record("a", "x", None)], "no two methods ran"),
    ],
)
def test_undefined_shares_have_a_reason(records: list[Record], reason: str) -> None:
    grid = grid_of(records)
    assert (grid.shares, grid.noise, left_out_in_words(grid)) == (None, None, None)
    assert reason in shares_in_words(grid)


def test_a_board_without_spread_says_so() -> None:
    flat = [record(m, e, 0.5) for m in "ab" for e in "xy"]
    page = by_encoder.page(flat, grid_of(flat))
    assert "No shares of variance: all values of AP are equal." in page
    assert "some \\[set\\]; the numbers are" in page
    assert texts(heatmap.draw(grid_of(flat), "flat")).count("0.500") == 4


# The heat map


def texts(svg: str) -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(f"{drawn.SVG}text")]


def fills(svg: str) -> list[str]:
    """Return the colours of the cells, row by row."""
    return re.findall(r'style="fill: (#\w+); stroke: #999999', svg)


def test_the_heat_map_shows_values_holes_and_what_is_worse_than_chance() -> None:
    grid = grid_of([*FULL, record("a$b$ <c>\n", "hog", 0.01)])
    drawn = heatmap.draw(grid, 'AP & "more"')
    shown = texts(drawn)
    assert {"0.800", "0.010", "a$b$ <c> ", "worse than chance", "no record", 'AP & "more"'} <= set(shown)
    assert any(text.startswith("AP, from 0.2") for text in shown)
    assert fills(drawn)[0] == "#440154"
    assert fills(drawn)[4] == "#ffffff"
    plain = heatmap.draw(grid_of(FULL), "")
    assert not {"worse than chance", "no record"} & set(texts(plain))
    assert len(set(fills(plain))) == 4


def test_the_heat_map_has_the_same_bytes_whatever_the_users_style() -> None:
    import matplotlib as mpl

    drawn = heatmap.draw(grid_of(FULL), "名前")
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.hashsalt": None}):
        assert heatmap.draw(grid_of(FULL), "名前") == drawn
    assert "<dc:date>" not in drawn
