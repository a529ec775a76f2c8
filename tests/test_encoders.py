"""The encoders that need no training, and extraction into the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage.feature import hog

from cleanbench import zoo
from cleanbench.core import Floats, UserError
from cleanbench.encoders.base import Encoder
from cleanbench.encoders.extraction import embedding_key, extract
from cleanbench.encoders.hog import HOG
from cleanbench.encoders.pixels import Pixels
from cleanbench.image_set import ImageSet
from cleanbench.images import Files, Images
from cleanbench.store import Store
from cleanbench.view import View

both = pytest.mark.parametrize("encoder", [Pixels(), HOG()], ids=["pixels", "hog"])


def folder_of(root: Path, *pictures: Image.Image) -> Images:
    root.mkdir(parents=True, exist_ok=True)
    paths = tuple(root / f"{number}.png" for number in range(len(pictures)))
    for path, picture in zip(paths, pictures, strict=True):
        picture.save(path)
    return Images(Files(paths))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Noise of different sizes, one pixel, a gray and a flat image."""
    rng = np.random.default_rng(0)
    shapes = [(40, 30, 3), (32, 32, 3), (1, 1, 3), (7, 90, 3), (50, 50)]
    noise = [Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)) for shape in shapes]
    return folder_of(tmp_path_factory.mktemp("images"), *noise, Image.new("RGB", (20, 20), (7, 7, 7)))


def embedded(encoder: Encoder, images: Images, store: Path, batch_size: int = 64) -> npt.NDArray[Any]:
    return np.load(extract(encoder, images, "digest", Store(store), batch_size=batch_size).path)


@both
def test_embeddings_are_finite_float32_rows_whatever_the_image(
    encoder: Encoder, images: Images, tmp_path: Path
) -> None:
    array = embedded(encoder, images, tmp_path)
    assert array.dtype == np.float32
    assert array.shape == (len(images), 3 * 32**2 if isinstance(encoder, Pixels) else 324)
    assert np.isfinite(array).all()
    assert array.min() >= 0
    assert array.max() <= 1


@both
def test_a_row_depends_on_its_image_alone(encoder: Encoder, images: Images, tmp_path: Path) -> None:
    whole = embedded(encoder, images, tmp_path / "whole")
    for batch_size in (1, 4, len(images)):
        assert (embedded(encoder, images, tmp_path / str(batch_size), batch_size) == whole).all()
    backwards = embedded(encoder, images.take(range(len(images))[::-1]), tmp_path / "backwards")
    assert (backwards[::-1] == whole).all()


def test_pixels_are_the_values_of_the_resized_image(images: Images, tmp_path: Path) -> None:
    array = embedded(Pixels(), images, tmp_path)
    assert (array[1] == np.asarray(images[1], dtype=np.float32).ravel() / 255).all()
    assert (array[5] == np.float32(7 / 255)).all()
    assert embedded(Pixels(size=4), images, tmp_path).shape == (len(images), 48)


def test_hog_is_that_of_scikit_image_and_blind_to_colour(images: Images, tmp_path: Path) -> None:
    array = embedded(HOG(), images, tmp_path)
    gray = np.asarray(images[1].convert("L"))
    expected = hog(gray, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2), block_norm="L2-Hys")
    assert array[1] == pytest.approx(expected, abs=1e-6)
    assert (array[4] == HOG().encode([images[4].convert("L").convert("RGB")])[0]).all()
    assert not array[5].any(), "a flat image has no gradients"


@pytest.mark.parametrize("name", ["pixels", "hog"])
def test_the_configuration_says_what_the_class_says(name: str) -> None:
    assert zoo.load(name, "encoder") == {"pixels": Pixels(), "hog": HOG()}[name]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        *((Pixels, {"size": size}) for size in (0, -1, 2.5, "32")),
        *((HOG, {"size": size}) for size in (0, 31, 8, "32")),
        *((HOG, {"cell": cell}) for cell in (0, -8, 8.0)),
        *((HOG, {"orientations": orientations}) for orientations in (0, 1.5)),
    ],
)
def test_settings_without_meaning_are_refused(kind: type[Encoder], settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(settings))):
        kind(**settings)


def test_the_key_tells_settings_encoders_and_pixels_apart() -> None:
    encoders = [Pixels(), Pixels(size=16), HOG(), HOG(size=16), HOG(cell=4), HOG(orientations=8)]
    keys = [embedding_key(encoder, digest) for encoder in encoders for digest in ("one", "other")]
    assert len(set(keys)) == len(keys)
    assert keys == [embedding_key(encoder, digest) for encoder in encoders for digest in ("one", "other")]


def test_labels_never_recompute_an_embedding(images: Images) -> None:
    ids = tuple(str(number) for number in range(len(images)))
    one = ImageSet("one", ids, images, np.zeros(len(ids), dtype=int), ("x", "y"))
    other = ImageSet("other", ids, images, np.ones(len(ids), dtype=int), ("x", "y"))
    assert one.fingerprint != other.fingerprint
    assert embedding_key(HOG(), one.pixels_digest) == embedding_key(HOG(), other.pixels_digest)


def test_the_key_follows_the_source_of_a_parent_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    header = "from dataclasses import dataclass\n"
    parent = f"{header}from cleanbench.encoders.base import Encoder\n@dataclass(frozen=True)\nclass P(Encoder): pass\n"
    (tmp_path / "parent_encoder.py").write_text(parent)
    child = f"{header}from parent_encoder import P\n@dataclass(frozen=True)\nclass C(P): pass\n"
    (tmp_path / "child_encoder.py").write_text(child)
    made = __import__("child_encoder").C()
    before = made.identity()
    (tmp_path / "parent_encoder.py").write_text(parent + "# changed\n")
    assert made.identity() != before


@dataclass(frozen=True)
class Odd(Encoder):
    """Returns what a test asks for."""

    answer: str = ""

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Return one number per image, or what is wrong."""
        rows = np.array([[np.asarray(image).mean()] for image in batch])
        if self.answer == "counting":
            COUNTED.append(len(batch))
        if self.answer == "short":
            return rows[:1]
        if self.answer == "flat":
            return rows[:, 0]
        if self.answer == "nan":
            return np.where(rows == 7, np.nan, rows)
        if self.answer == "huge":
            return np.where(rows == 7, 1e30, rows).astype(np.float32) * np.float32(1e9)
        return rows


COUNTED: list[int] = []


def test_an_image_is_encoded_once_per_encoder_and_set(images: Images, tmp_path: Path) -> None:
    for _ in range(2):
        embedded(Odd("counting"), images, tmp_path, batch_size=4)
    assert COUNTED == [4, 2]


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("answer", ["nan", "huge"])
def test_an_embedding_that_is_not_finite_names_its_image(answer: str, images: Images, tmp_path: Path) -> None:
    for _ in range(2):  # nothing of it is kept, so it is told again
        with pytest.raises(UserError, match=r"the embedding of .*5\.png by Odd is not finite"):
            embedded(Odd(answer), images, tmp_path, batch_size=4)


@pytest.mark.parametrize("answer", ["short", "flat"])
def test_an_embedding_of_another_shape_is_refused(answer: str, images: Images, tmp_path: Path) -> None:
    # One row would otherwise be repeated for the whole batch.
    with pytest.raises(UserError, match=r"Odd returned embeddings of shape \(.*\) for 6 images, expected"):
        embedded(Odd(answer), images, tmp_path)


def test_embeddings_reach_a_view_as_they_are(images: Images, tmp_path: Path) -> None:
    array = embedded(Pixels(), images, tmp_path)
    assert (View.from_arrays(embeddings=array).embeddings == array).all()
