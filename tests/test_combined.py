"""Encoders made of encoders: ``concat`` and ``whitened``."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cleanbench.core import Floats, UserError
from cleanbench.encoders.base import Encoder
from cleanbench.encoders.concat import Concat
from cleanbench.encoders.extraction import extract
from cleanbench.encoders.hog import HOG
from cleanbench.encoders.pixels import Pixels
from cleanbench.encoders.whitened import Whitened, principal_axes
from cleanbench.images import Encoded, Images
from cleanbench.store import Store, open_array


@dataclass(frozen=True)
class Corner(Encoder):
    """Embeds an image as some values of its first pixels, and counts how many images it saw."""

    width: int = 2
    scale: float = 1.0
    seen: ClassVar[list[int]] = []

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Return values of the first row, shape ``(len(batch), width)``."""
        self.seen.append(len(batch))
        return np.stack([np.asarray(image).ravel()[: self.width] * self.scale for image in batch]).astype(np.float32)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    Corner.seen.clear()
    return Store(tmp_path / "store")


def png(pixels: Any) -> bytes:
    import io

    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def pictures(count: int = 12) -> Images:
    random = np.random.default_rng(0)
    return Images(Encoded(tuple(png(random.integers(1, 256, (16, 16, 3))) for _ in range(count))))


def constant(count: int = 3, value: int = 7) -> Images:
    return Images(Encoded(tuple(png(np.full((16, 16, 3), value)) for _ in range(count))))


def embedded(encoder: Encoder, store: Store, images: Images | None = None) -> Floats:
    found = extract(encoder, pictures() if images is None else images, "pixels", store)
    array: Floats = open_array(found.path)
    return array


def weights(encoder: Encoder, store: Store) -> str:
    return extract(encoder, pictures(), "pixels", store).weights


# concat


def test_parts_are_normalised_weighted_and_ordered_by_name(store: Store) -> None:
    rows = embedded(Concat({"small": Pixels(4), "hog": HOG(16, 8)}, {"small": 0.5}), store)
    hog, small = embedded(HOG(16, 8), store), embedded(Pixels(4), store)
    width = hog.shape[1]
    np.testing.assert_allclose(rows[:, :width], hog / np.linalg.norm(hog, axis=1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(rows[:, width:], small / np.linalg.norm(small, axis=1, keepdims=True) / 2, rtol=1e-5)
    assert rows.dtype == np.float32


def test_cosine_similarity_is_the_weighted_mean(store: Store) -> None:
    def cosine(rows: Floats) -> Floats:
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit @ unit.T

    both = cosine(embedded(Concat({"a": HOG(16, 8), "b": Pixels(4)}, {"a": 2.0}), store))
    expected = (4 * cosine(embedded(HOG(16, 8), store)) + cosine(embedded(Pixels(4), store))) / 5
    np.testing.assert_allclose(both, expected, atol=1e-5)


def test_inner_encoders_are_computed_once(store: Store) -> None:
    embedded(Concat({"a": Corner(2), "b": Corner(3)}), store)
    assert sum(Corner.seen) == 24
    embedded(Concat({"b": Corner(3), "c": Corner(2)}, {"b": 3.0}), store)
    embedded(Whitened(Corner(3)), store)
    embedded(Whitened(Concat({"a": Corner(2), "b": Corner(3)})), store)
    embedded(Corner(2), store)
    assert sum(Corner.seen) == 24


def test_what_an_inner_encoder_is_reaches_key_and_digest(store: Store) -> None:
    plain = Concat({"a": Corner(2), "b": Corner(3)})
    others = [
        Concat({"a": Corner(2), "b": Corner(4)}),
        Concat({"a": Corner(2), "b": Corner(3)}, {"a": 2.0}),
        Concat({"a": Corner(2)}),
        Concat({"a": Corner(3), "b": Corner(2)}),
    ]
    assert plain.identity() == Concat({"b": Corner(3), "a": Corner(2)}, {"a": 1.0}).identity()
    assert len({encoder.identity() for encoder in (plain, *others)}) == 5
    assert len({weights(encoder, store) for encoder in (plain, *others)}) == 5


def test_a_zero_embedding_has_no_direction(store: Store) -> None:
    with pytest.raises(UserError, match="the embedding of image 0 by dark is zero"):
        embedded(Concat({"dark": Pixels(2)}), store, constant(value=0))


@pytest.mark.parametrize(
    ("encoders", "factors", "message"),
    [
        ({}, {}, "encoder.encoders is empty"),
        ({"a": Pixels()}, {"b": 1.0}, "encoder.weights.b has no encoder; there are a"),
        ({"a": Pixels()}, {"a": 0.0}, "encoder.weights.a=0.0 must be a positive number"),
        ({"a": Pixels()}, {"a": float("nan")}, "encoder.weights.a=nan must be a positive number"),
        ({"a": "hog"}, {}, "encoder.encoders.a is a str, expected an encoder"),
    ],
)
def test_settings_of_concat_that_make_no_sense_are_told(
    encoders: dict[str, Any], factors: dict[str, float], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Concat(encoders, factors)


# whitened


def test_whitened_embeddings_have_unit_covariance(store: Store) -> None:
    rows = embedded(Whitened(Pixels(1), regularisation=0), store, pictures(50)).astype(np.float64)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(rows.T @ rows / len(rows), np.eye(3), atol=1e-4)


def test_fewer_images_than_values_leave_one_axis_less_than_images(store: Store) -> None:
    rows = embedded(Whitened(Pixels(8), regularisation=0), store).astype(np.float64)
    assert rows.shape == (12, 11)
    np.testing.assert_allclose(rows.T @ rows / 12, np.eye(11), atol=1e-4)


def test_regularisation_shrinks_small_axes_most(store: Store) -> None:
    exact = embedded(Whitened(Pixels(8), regularisation=0), store).std(axis=0)
    shrunk = embedded(Whitened(Pixels(8), regularisation=0.1), store).std(axis=0)
    assert (shrunk < exact).all()
    assert (np.diff(shrunk) < 1e-6).all()


def test_components_are_the_first_ones(store: Store) -> None:
    every, some = embedded(Whitened(Pixels(8)), store), embedded(Whitened(Pixels(8), components=4), store)
    np.testing.assert_allclose(some, every[:, :4], rtol=1e-4, atol=1e-5)


def test_scale_does_not_matter(store: Store) -> None:
    plain, scaled = embedded(Whitened(Corner(5)), store), embedded(Whitened(Corner(5, 1000.0)), store)
    np.testing.assert_allclose(scaled, plain, rtol=1e-4, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(1, 12))
def test_axes_are_those_of_a_singular_value_decomposition(seed: int, count: int, width: int) -> None:
    random = np.random.default_rng(seed)
    rows = (random.normal(size=(count, width)) * 2.0 ** np.arange(width)).astype(np.float32) + np.float32(3)
    mean, axes, variances = principal_axes(rows)
    _, singular, directions = np.linalg.svd(rows - rows.mean(axis=0, dtype=np.float64), full_matrices=False)
    rank = len(variances)
    assert rank <= min(count - 1, width)
    np.testing.assert_allclose(variances, np.square(singular[:rank]) / count, rtol=1e-5)
    np.testing.assert_allclose(np.abs((axes.T * directions[:rank]).sum(axis=1)), 1, rtol=1e-4)
    np.testing.assert_allclose(mean, rows.mean(axis=0, dtype=np.float64), rtol=1e-6)
    assert (axes[np.abs(axes).argmax(axis=0), np.arange(rank)] > 0).all()


def test_the_order_of_images_does_not_turn_axes(store: Store) -> None:
    order = np.random.default_rng(1).permutation(12)
    rows = embedded(Whitened(Pixels(8), components=5), store)
    shuffled = extract(Whitened(Pixels(8), components=5), pictures().take(order), "shuffled", store)
    np.testing.assert_allclose(open_array(shuffled.path), rows[order], rtol=1e-3, atol=1e-4)


def test_what_is_whitened_and_how_reaches_key_and_digest(store: Store) -> None:
    encoders = [
        Whitened(Pixels(8)),
        Whitened(Pixels(4)),
        Whitened(Pixels(8), components=4),
        Whitened(Pixels(8), regularisation=0.5),
    ]
    assert len({encoder.identity() for encoder in encoders}) == 4
    assert len({weights(encoder, store) for encoder in encoders}) == 4
    assert Whitened(Pixels(8)).identity() == encoders[0].identity()


def test_equal_embeddings_are_refused(store: Store) -> None:
    with pytest.raises(UserError, match="the 3 embeddings by Pixels are all equal"):
        embedded(Whitened(Pixels(4)), store, constant())
    with pytest.raises(UserError, match="the 1 embeddings by Pixels are all equal"):
        embedded(Whitened(Pixels(4)), Store(store.root / "one"), constant(1))


def test_too_many_components_are_told(store: Store) -> None:
    with pytest.raises(UserError, match=r"components=12, but the 12 embeddings of 192 values by Pixels vary along 11"):
        embedded(Whitened(Pixels(8), components=12), store)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"components": 0}, "components=0 must be at least 1"),
        ({"components": 1.5}, "components=1.5 must be a whole number or null"),
        ({"regularisation": -1.0}, "regularisation=-1.0 must be 0 or positive"),
        ({"regularisation": float("nan")}, "regularisation=nan must be a number"),
        ({"encoder": "hog"}, "encoder.encoder is a str, expected an encoder"),
    ],
)
def test_settings_of_whitened_that_make_no_sense_are_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Whitened(**{"encoder": Pixels(), **changes})


# The command line


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            ["encoder=concat", "+encoder@encoder.encoders.tiny=pixels", "encoder.encoders.tiny.size=2"],
            {
                "encoders": {
                    "hog": {"kind": "HOG", "size": 32, "cell": 8, "orientations": 9},
                    "pixels": {"kind": "Pixels", "size": 32},
                    "tiny": {"kind": "Pixels", "size": 2},
                },
                "weights": {"hog": 1.0, "pixels": 1.0, "tiny": 1.0},
            },
        ),
        (
            ["encoder=whitened", "encoder@encoder.encoder=concat", "~encoder@encoder.encoder.encoders.hog"],
            {
                "components": None,
                "regularisation": 0.001,
                "encoder": {
                    "kind": "Concat",
                    "encoders": {"pixels": {"kind": "Pixels", "size": 32}},
                    "weights": {"pixels": 1.0},
                },
            },
        ),
    ],
)
def test_the_command_builds_encoders_of_encoders(
    overrides: list[str], expected: dict[str, Any], tmp_path: Path
) -> None:
    images = pictures()
    for number in range(len(images)):
        (tmp_path / "images" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        images[number].save(tmp_path / "images" / "ab"[number % 2] / f"{number}.png")
    data = ["dataset=folder", f"dataset.root={tmp_path / 'images'}", f"output={tmp_path / 'runs'}"]
    done = subprocess.run(
        [sys.executable, "-m", "cleanbench", "method=knn_disagreement", "method.k=2", *data, *overrides],
        env={**os.environ, "CLEANBENCH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").rglob("record.json")
    assert json.loads(run.read_text())["records"][0]["encoder_detail"]["settings"] == expected
