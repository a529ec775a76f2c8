"""The grid of methods and encoders: shares of variance against an oracle, and the complete part."""

import itertools
import random
from collections.abc import Callable
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanbench.grid import (
    Shares,
    by_noise,
    complete_part,
    decompose,
)

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
