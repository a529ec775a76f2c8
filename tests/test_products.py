"""Products made by torch against those made by numpy: the same answers, and none on a device that is not there."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cleanbench import View, zoo
from cleanbench.core import Floats, Ints, UserError
from cleanbench.euclidean import SquaredGaps
from cleanbench.measures import Cosines
from cleanbench.neighbours import farthest, label_distances, nearest, top_pairs
from cleanbench.products import engine_for

# Any name but ``cpu`` goes through torch, and this one is everywhere.
TORCH = "cpu:0"
Kernel = Callable[..., Any]
KERNELS: dict[str, Kernel] = {
    "nearest": lambda rows, **options: nearest(rows, min(5, len(rows) - 1), **options),
    "top_pairs": lambda rows, **options: top_pairs(rows, 40, **options),
    "label_distances": lambda rows, **options: label_distances(rows, np.arange(len(rows)) // 3 % 4, **options),
    "farthest": lambda rows, **options: (farthest(rows, np.arange(0, len(rows), 2), **options),),
}
ODD: dict[str, Floats] = {
    "two": np.eye(2, 3, dtype=np.float32),
    "copies": np.repeat(np.random.default_rng(0).normal(size=(3, 4)), 50, axis=0).astype(np.float32),
    "all alike": np.ones((90, 3)),
    "zeros": np.zeros((70, 3), dtype=np.float32),
    "some zeros": np.concatenate([np.zeros((60, 3)), np.eye(3)]),
    "float16": np.random.default_rng(1).normal(size=(60, 8)).astype(np.float16),
    "huge": np.random.default_rng(2).normal(size=(60, 8)) * 1e300,
    "huge float32": np.full((30, 40), 3e38, dtype=np.float32),
    "tiny": np.random.default_rng(3).normal(size=(60, 8)) * 1e-300,
    "huge and tiny": np.random.default_rng(4).normal(size=(60, 8)) * np.logspace(-290, 290, 60)[:, None],
}


@given(st.integers(0, 2**32), st.sampled_from(list(KERNELS)), st.sampled_from([Cosines, SquaredGaps]), st.booleans())
def test_torch_finds_what_numpy_finds(seed: int, kernel: str, measure: type[Cosines], double: bool) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 60))
    rows = rng.normal(size=(count, 6))[rng.integers(count, size=count)].astype(np.float64 if double else np.float32)
    for here, there in zip(
        KERNELS[kernel](rows, measure=measure), KERNELS[kernel](rows, measure=measure, device=TORCH), strict=True
    ):
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("measure", [Cosines, SquaredGaps])
@pytest.mark.parametrize("rows", ODD.values(), ids=ODD)
def test_odd_rows_have_finite_answers_on_both(rows: Floats, measure: type[Cosines]) -> None:
    for name, kernel in KERNELS.items():
        answers = [kernel(rows, measure=measure, device=device) for device in ("cpu", TORCH)]
        for here, there in zip(*answers, strict=True):
            assert not np.isnan(here).any(), name
            if len(here) == 40 and here.ndim == 2:  # of more ties than twice the limit any may be taken
                continue
            np.testing.assert_allclose(here, there, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("scale", [1e300, 1e-300, 2.0**900])
def test_scale_does_not_matter(scale: float) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 5))
    pairs = np.array([[0, 1], [2, 3], [4, 39]])
    for measure in (Cosines, SquaredGaps):
        plain, scaled = (measure(each)(*pairs.T) for each in (rows, rows * scale))
        np.testing.assert_allclose(scaled, plain, rtol=1e-12)


def test_thousands_of_copies_cost_no_more_than_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    original = Cosines.__call__

    def counted(self: Cosines, first: Ints, second: Ints) -> Floats:
        nonlocal compared
        compared += len(first)
        return original(self, first, second)

    monkeypatch.setattr(Cosines, "__call__", counted)
    monkeypatch.setattr("cleanbench.neighbours.PAIR_VALUES", 1)
    rows = np.tile(np.float32([1, 2, 3]), (2000, 1))
    indices, cosines = nearest(rows, 5)
    assert indices[7].tolist() == [0, 1, 2, 3, 4]
    assert (cosines == 1).all()
    label_distances(rows, np.arange(2000) % 2)
    assert compared < 2000 * 100  # of 2000 * 2000


@pytest.mark.parametrize("device", ["cpu", TORCH])
def test_the_neighbours_in_a_crowd_are_exact(device: str) -> None:
    # All within rounding of each other in float32, as a network that has collapsed makes them.
    rows = (1 + 1e-4 * np.random.default_rng(0).normal(size=(300, 20))).astype(np.float32)
    wide = rows.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    gaps = ((wide[:, None] - wide) ** 2).sum(axis=2)
    np.fill_diagonal(gaps, np.inf)
    expected = np.argsort(gaps, axis=1, kind="stable")[:, :4]
    assert (nearest(rows, 4, device=device)[0] == expected).mean() > 0.99  # the last digits of a cosine near 1


@pytest.mark.parametrize("device", ["cuda:77", "gpu", ""])
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_device_that_is_not_there_is_a_mistake(kernel: str, device: str) -> None:
    with pytest.raises(UserError, match=f"device={device} cannot be used here: .*; use device=cpu"):
        KERNELS[kernel](np.eye(3), device=device)


def test_float32_is_multiplied_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    precisions = []
    original = torch.Tensor.__matmul__

    def spied(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        precisions.append(torch.get_float32_matmul_precision())
        return original(first, second)

    monkeypatch.setattr(torch.Tensor, "__matmul__", spied)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        engine = engine_for(TORCH)
        engine.product(np.eye(2, dtype=np.float32), engine.put(np.eye(2, dtype=np.float32)))
        assert precisions == ["highest"]
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_methods_pass_their_device_on() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    there, here = (
        View.from_arrays(embeddings=rows, labels=np.arange(30) % 3, device=device) for device in ("cuda:77", "cpu")
    )
    detector = zoo.load("knn_disagreement")
    assert detector.label_errors(here).shape == (30,)
    with pytest.raises(UserError, match="cuda:77"):
        detector.label_errors(there)
