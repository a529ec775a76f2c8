"""The grid of methods and encoders: shares of variance against an oracle, holes, terminal, boards and their check."""

import itertools
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanbench.core import Issue, digest_of
from cleanbench.grid import (
    Shares,
    by_noise,
    complete_part,
    decompose,
    grid_of,
    left_out_in_words,
    shares_in_words,
)
from cleanbench.leaderboard import by_encoder, heatmap
from cleanbench.leaderboard.board import Board, boards
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge
from cleanbench.metrics import METRICS
from cleanbench.records import Cost, EncoderName, Measured, Record, Seeds, TruthName

Cells = list[list[list[float]]]


@st.composite
def grids(draw: st.DrawFn, most_seeds: int = 3) -> Cells:
    """Draw a complete grid with unequally many values per cell, not all equal."""
    rows, columns = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    value = st.integers(0, 1000).map(lambda number: number / 1000)
    cell = st.lists(value, min_size=1, max_size=most_seeds)
    cells = draw(st.lists(st.lists(cell, min_size=columns, max_size=columns), min_size=rows, max_size=rows))
    cells[0][0][0] = 2.0
    return cells


def parts(shares: Shares) -> list[float]:
    return [shares.method, shares.encoder, shares.interaction, shares.residual or 0.0]


def oracle(cells: Cells) -> list[float]:
    """Fit ever larger linear models by weighted least squares; a part is what its terms explain."""
    known = [(i, j, value) for i, row in enumerate(cells) for j, cell in enumerate(row) for value in cell]
    rows, columns = np.array([i for i, _, _ in known]), np.array([j for _, j, _ in known])
    values = np.array([value for _, _, value in known])
    root_weights = np.sqrt([1 / len(cells[i][j]) for i, j, _ in known])
    by_row, by_column = np.eye(len(cells))[rows], np.eye(len(cells[0]))[columns]
    by_cell = np.eye(by_row.shape[1] * by_column.shape[1])[rows * by_column.shape[1] + columns]
    left = []
    for terms in ([np.ones((len(values), 1))], [by_row], [by_row, by_column], [by_row, by_column, by_cell]):
        design = np.hstack(terms) * root_weights[:, None]
        solution, *_ = np.linalg.lstsq(design, values * root_weights, rcond=None)
        left.append(np.sum((values * root_weights - design @ solution) ** 2))
    return [*(-np.diff(left) / left[0]).tolist(), left[-1] / left[0]]


# Shares of variance


@given(grids())
def test_shares_are_those_of_the_linear_models(cells: Cells) -> None:
    assert parts(decompose(cells)) == pytest.approx(oracle(cells), abs=1e-9)


@given(grids(most_seeds=1), st.integers(1, 3))
def test_with_equally_many_values_they_are_textbook_sums_of_squares(cells: Cells, seeds: int) -> None:
    noise = random.Random(0)
    repeated = [[[value + noise.random() for _ in range(seeds)] for (value,) in row] for row in cells]
    y = np.array(repeated)
    m, a, b = y.mean(), y.mean(axis=(1, 2)), y.mean(axis=(0, 2))
    mean = y.mean(axis=2)
    squares = [
        y.shape[1] * seeds * np.sum((a - m) ** 2),
        y.shape[0] * seeds * np.sum((b - m) ** 2),
        seeds * np.sum((mean - a[:, None] - b + m) ** 2),
        np.sum((y - mean[..., None]) ** 2),
    ]
    assert parts(decompose(repeated)) == pytest.approx(squares / np.sum((y - m) ** 2), abs=1e-9)


@given(grids(), st.randoms(use_true_random=False))
def test_shares_sum_to_one_whatever_the_order_the_unit_or_the_side(cells: Cells, order: random.Random) -> None:
    shares = decompose(cells)
    assert sum(parts(shares)) == pytest.approx(1)
    assert min(parts(shares)) >= 0
    assert (shares.residual is None) == all(len(cell) == 1 for row in cells for cell in row)
    columns = order.sample(range(len(cells[0])), len(cells[0]))
    shuffled = [[[5 - 3 * value for value in row[j]] for j in columns] for row in order.sample(cells, len(cells))]
    assert parts(decompose(shuffled)) == pytest.approx(parts(shares))
    method, encoder, *others = parts(decompose([list(column) for column in zip(*cells, strict=True)]))
    assert [encoder, method, *others] == pytest.approx(parts(shares))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda i, j, k: i, [1, 0, 0, 0]),
        (lambda i, j, k: j, [0, 1, 0, 0]),
        (lambda i, j, k: (i - 1) * (j - 0.5), [0, 0, 1, 0]),
        (lambda i, j, k: k, [0, 0, 0, 1]),
        (lambda i, j, k: 3 * i + 2 * j, [6 / 7, 1 / 7, 0, 0]),  # variances 9 · 2/3 and 4 · 1/4
    ],
)
def test_a_pure_effect_has_the_whole_share(value: Callable[[int, int, int], float], expected: list[float]) -> None:
    cells = [[[float(value(i, j, k)) for k in range(2)] for j in range(2)] for i in range(3)]
    assert parts(decompose(cells)) == pytest.approx(expected)


@given(grids())
def test_the_shares_of_noise_are_its_expected_parts(cells: Cells) -> None:
    # The parts are quadratic forms: of independent values their expectation is the trace, a sum over unit vectors.
    places = [(i, j, k) for i, row in enumerate(cells) for j, cell in enumerate(row) for k in range(len(cell))]
    expected = np.zeros(4)
    for i, j, k in places:
        unit = [[[0.0] * len(cell) for cell in row] for row in cells]
        unit[i][j][k] = 1.0
        weight = 1 / (len(cells) * len(cells[0]) * len(cells[i][j]))
        expected += weight * (1 - weight) * np.array(parts(decompose(unit)))
    assert parts(by_noise(cells)) == pytest.approx((expected / expected.sum()).tolist())


def test_noise_in_a_grid_of_single_values_looks_like_interaction() -> None:
    usual = by_noise([[[0.0]] * 4] * 5)
    assert parts(usual) == pytest.approx([4 / 19, 3 / 19, 12 / 19, 0])
    orders = itertools.permutations([0.1, 0.4, 0.5, 0.9])
    drawn = [parts(decompose([[[a], [b]], [[c], [d]]])) for a, b, c, d in orders]
    assert [fmean(column) for column in zip(*drawn, strict=True)] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


# The complete part


@settings(max_examples=200)
@given(st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz"))))
def test_the_complete_part_is_the_largest_one(filled: set[tuple[str, str]]) -> None:
    methods, encoders = complete_part(filled)
    assert all(cell in filled for cell in itertools.product(methods, encoders))
    sets = {
        side: [set(chosen) for size in (2, 3, 4) for chosen in itertools.combinations(side, size)]
        for side in ("abcd", "wxyz")
    }
    areas = [len(m) * len(e) for m in sets["abcd"] for e in sets["wxyz"] if set(itertools.product(m, e)) <= filled]
    assert len(methods) * len(encoders) == max(areas, default=0)
    assert complete_part(sorted(filled)) == (methods, encoders)


def test_of_equal_parts_the_one_with_more_encoders_then_the_first_is_taken() -> None:
    tall, wide = itertools.product("abc", "xy"), itertools.product("de", "uvw")
    assert complete_part([*tall, *wide]) == (set("de"), set("uvw"))
    assert complete_part([*itertools.product("ab", "yz"), *itertools.product("cd", "wx")]) == (set("cd"), set("wx"))


def test_of_very_many_candidates_only_the_best_are_followed() -> None:
    noise = random.Random(1)
    names = [f"{number:02d}" for number in range(24)]
    planted = set(itertools.product(names[:12], names[:12]))
    filled = planted | {cell for cell in itertools.product(names, names) if noise.random() < 0.5}
    assert complete_part(filled) == (set(names[:12]), set(names[:12]))


# From records


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
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(f"{heatmap.SVG}text")]


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


# Terminal and boards, through the real command line


@pytest.fixture(scope="module")
def swept(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the runs of a sweep over two methods and two encoders and what it printed."""
    output = tmp_path_factory.mktemp("swept")
    words = ["dataset=folder", f'dataset.root="{pictures}"', f'output="{output / "runs"}"']
    sweep = ["-m", "method=knn_disagreement,selfclean,chance", "encoder=hog,pixels"]
    ran = subprocess.run(
        [sys.executable, "-m", "cleanbench", *sweep, *words], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return output / "runs", ran.stdout


@pytest.fixture
def root(swept: tuple[Path, str], tmp_path: Path) -> Path:
    merged = merge(swept[0], tmp_path / "boards")
    assert not merged.refused
    return tmp_path / "boards"


def only(root: Path) -> Board:
    (board,) = boards(root)
    return board


def test_a_sweep_prints_the_grid_after_its_tables(swept: tuple[Path, str]) -> None:
    before, title, after = swept[1].partition("Label error on pictures: AP by method and encoder\n")
    assert title
    assert "by chance" in before.partition("Label error on")[2]
    head, first, second, means, said, beside, *_ = after.splitlines()
    assert set(head.split()) == {"Method", "hog", "pixels", "mean"}
    assert {first.split()[0], second.split()[0]} == {"knn_disagreement", "selfclean"}
    assert means.split()[0] == "mean"
    found = re.findall(r"(\d+)%", said.partition("(")[0])
    assert len(found) == 3
    assert 98 <= sum(map(int, found)) <= 102
    assert beside.startswith("Without an encoder: chance 0.")
    assert "Off topic on pictures: AP by method" not in swept[1]  # one method only


def test_the_board_by_encoder_ranks_methods_on_the_same_one(root: Path) -> None:
    board = only(root)
    page = board.by_encoder(Issue.LABEL_ERROR).read_text()
    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert next(iter(sections)) == "Methods × encoders"
    assert {"On `hog`", "On `pixels`", "Without an encoder"} <= set(sections)
    for encoder in ("hog", "pixels"):
        table = [line.split(" | ") for line in sections[f"On `{encoder}`"].splitlines() if line.startswith("|")]
        assert {cells[2] for cells in table[2:]} == {f"`{encoder}`", ""}
        assert sum("by chance" in cells[1] for cells in table) == 1
        assert len(table) == 5
    assert "![AP by method and encoder: label error on pictures" in page
    assert "(label_error_grid.svg)" in page
    assert "| interaction of method and encoder | " in page
    free = board.table(Issue.LABEL_ERROR).read_text()
    assert "(label_error_by_encoder.md)" in free
    assert "by_encoder" not in board.table(Issue.OFF_TOPIC).read_text()
    assert "label_error_by_encoder.md)" in (root / "README.md").read_text()
    assert not board.by_encoder(Issue.OFF_TOPIC).exists()
    assert not check(root).differences


def test_merging_again_changes_no_byte_and_removes_what_lost_its_grid(root: Path, swept: tuple[Path, str]) -> None:
    board = only(root)
    files = [path for path in root.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    merge(swept[0], root)
    assert {path: path.read_bytes() for path in files} == before
    kept = [line for line in board.records_file.read_text().splitlines(keepends=True) if '"pixels"' not in line]
    board.records_file.write_text("".join(kept))
    assert any("by_encoder.md: no record has this file" in found for found in check(root).differences)
    empty = root.parent / "none"
    empty.mkdir()
    merge(empty, root)
    assert not check(root).differences
    assert not board.grid(Issue.LABEL_ERROR).exists()


def change_digit(path: Path, pattern: str) -> None:
    """Change the first digit that a pattern ends at."""
    text = path.read_text()
    found = re.search(pattern + r"[^0-9]*?0\.\d", text, re.DOTALL)
    assert found
    at = found.end() - 1
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])


@pytest.mark.parametrize(
    ("file", "pattern", "message"),
    [
        ("label_error_by_encoder.md", r"\| AP \|.*?selfclean`", "not what its records give"),
        ("label_error_by_encoder.md", r"\*mean\*", "not what its records give"),
        ("label_error_grid.svg", r'"means"', "its data are"),
        ("label_error_grid.svg", r"<text[^>]*>(?=0\.)", "it does not show what its records give: '0."),
    ],
)
def test_a_changed_digit_is_found(root: Path, file: str, pattern: str, message: str) -> None:
    change_digit(only(root).folder / file, pattern)
    (difference,) = check(root).differences
    assert f"{file}: " in difference
    assert message in difference


def test_missing_and_damaged_figures_are_found(root: Path) -> None:
    figure = only(root).grid(Issue.LABEL_ERROR)
    drawn = figure.read_text()
    figure.write_text(drawn.replace("\n", "\n\n", 9))  # another layout of the file says the same
    assert not check(root).differences
    figure.write_text(re.sub(r"<text.*?</text>", "", drawn, count=1, flags=re.DOTALL))
    assert "does not show" in check(root).differences[0]
    figure.write_text(drawn[:500])
    assert "no readable SVG file" in check(root).differences[0]
    figure.unlink()
    (difference,) = check(root).differences
    assert "no readable SVG file" in difference
