"""``dataset=torchvision``: sets in the formats that torchvision reads, tiny ones."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import draw

from cleanbench.core import UserError
from cleanbench.datasets.torchvision import torchvision
from cleanbench.images import Files


@pytest.fixture(name="cifar")
def _cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a root with a tiny CIFAR-10 in the layout of the published archive."""
    from torchvision.datasets import CIFAR10

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    rng = np.random.default_rng(0)

    def write(name: str, content: Any) -> list[str]:
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    def batch(name: str, labels: list[int]) -> list[str]:
        return write(name, {"data": rng.integers(0, 256, (len(labels), 3072), dtype=np.uint8), "labels": labels})

    monkeypatch.setattr(CIFAR10, "train_list", [batch("data_batch_1", [1, 0]), batch("data_batch_2", [1])])
    monkeypatch.setattr(CIFAR10, "test_list", [batch("test_batch", [2])])
    meta = write("batches.meta", {"label_names": ["plane", "car", "bird"]})
    monkeypatch.setattr(CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": meta[1]})
    return tmp_path


def test_arrays_become_images(cifar: Path) -> None:
    images = torchvision("CIFAR10", str(cifar), split="train+test")
    assert images.ids == ("test/00000000", "train/00000000", "train/00000001", "train/00000002")
    assert images.labels is not None
    assert [images.classes[label] for label in images.labels] == ["bird", "car", "plane", "car"]
    assert images.attributes["split"].tolist() == ["test", "train", "train", "train"]
    stored = pickle.loads((cifar / "cifar-10-batches-py" / "data_batch_1").read_bytes())["data"][1]
    np.testing.assert_array_equal(np.asarray(images.images[2]), stored.reshape(3, 32, 32).transpose(1, 2, 0))
    assert torchvision("CIFAR10", str(cifar)).ids == ("00000000", "00000001", "00000002")


def test_image_files_are_used_where_they_lie(tmp_path: Path) -> None:
    draw(tmp_path / "eurosat" / "2750" / "Forest", 2)
    draw(tmp_path / "eurosat" / "2750" / "River", 1)
    images = torchvision("EuroSAT", str(tmp_path), name="land")
    assert images.name == "land"
    assert images.classes == ("Forest", "River")


def test_files_of_a_class_that_takes_a_loader(tmp_path: Path) -> None:
    import json

    (tmp_path / "food-101" / "meta").mkdir(parents=True)
    draw(tmp_path / "food-101" / "images" / "pie", 2)
    for path in (tmp_path / "food-101" / "images" / "pie").glob("*.png"):
        path.rename(path.with_suffix(".jpg"))
    for split, names in (("train", ["i00"]), ("test", ["i01"])):
        stored = json.dumps({"pie": [f"pie/{name}" for name in names]})
        (tmp_path / "food-101" / "meta" / f"{split}.json").write_text(stored)
    images = torchvision("Food101", str(tmp_path), split="test+train")
    assert isinstance(images.images.source, Files)
    assert images.images.describe(0).endswith("food-101/images/pie/i01.jpg")
    assert images.classes == ("pie",)


def test_a_set_without_files(tmp_path: Path) -> None:
    images = torchvision("FakeData", str(tmp_path), options={"size": 3, "image_size": [3, 8, 8], "num_classes": 2})
    assert len(images) == 3
    assert images.images[0].size == (8, 8)


def test_what_is_wrong_is_told(cifar: Path, tmp_path: Path) -> None:
    for of, settings, message in (
        ("CIFAR11", {}, "torchvision has no data set 'CIFAR11'. Did you mean 'CIFAR10'?"),
        ("CIFAR10", {"split": "valid"}, "CIFAR10 has no split 'valid'; leave dataset.split=null or train+test"),
        ("CIFAR10", {"options": {"colour": 1}}, "torchvision does not read CIFAR10"),
        ("STL10", {}, "put the files as published there, or set dataset.download=true"),
        ("FakeData", {"download": True}, "torchvision cannot download FakeData"),
    ):
        with pytest.raises(UserError) as caught:
            torchvision(of, str(cifar), **settings)  # type: ignore[arg-type]
        assert message in str(caught.value)
