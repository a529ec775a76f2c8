"""``dataset=cifar10_human``: human judgements join their images by index, and files of another order are refused."""

import hashlib
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import table

from cleanbench.core import Issue, UserError
from cleanbench.datasets import cifar10, cifar10_human
from cleanbench.datasets.cifar10 import CLASSES
from cleanbench.image_set import ImageSet

TRAIN = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
TEST = np.array([9, 3, 3])
# For images 0 to 4: all agree; one differs; two choose another; all three another; all three differ.
RANDOM = {
    "random_label1": [0, 2, 5, 6, 1, 5, 6, 7, 8, 9],
    "random_label2": [0, 1, 5, 6, 2, 5, 6, 7, 8, 9],
    "random_label3": [0, 1, 2, 6, 3, 5, 6, 7, 8, 9],
}
PIXELS = np.random.default_rng(0).integers(0, 256, (13, 3072), dtype=np.uint8)


@pytest.fixture(name="root")
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a root with a tiny CIFAR-10 in the published layout, whose MD5 are taken for the published ones."""
    folder = tmp_path / "images" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    labels = [*TRAIN, *TEST]
    sums = {}
    for name, start, end in (("data_batch_1", 0, 6), ("data_batch_2", 6, 10), ("test_batch", 10, 13)):
        content = {b"data": PIXELS[start:end], b"labels": [int(label) for label in labels[start:end]]}
        (folder / name).write_bytes(pickle.dumps(content, 2))
        sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    monkeypatch.setattr(cifar10, "MD5", sums)
    return tmp_path / "images"


@pytest.fixture(name="annotations")
def _annotations(tmp_path: Path) -> Path:
    import torch

    folder = tmp_path / "annotations"
    folder.mkdir()
    stored = {"clean_label": TRAIN, **{name: np.array(labels) for name, labels in RANDOM.items()}}
    torch.save(stored, folder / "CIFAR-10_human.pt")
    votes = np.eye(10)[TEST] * 40 + 1
    votes[2, 5] = 60
    np.save(folder / "cifar10h-counts.npy", votes)
    header = "TestID,TrainID,Distance,Judgment"
    table(folder / "duplicates_cifar10.csv", header, ["0,3,0.1,1", "1,9,0.2,2", "2,0,0.05,0"])
    table(folder / "duplicates_cifar10_test.csv", header, ["0,2,0.1,1", "2,0,0.1,1"])
    return folder


@pytest.fixture(autouse=True)
def _lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    from cleanbench.datasets import cifar10_annotations

    monkeypatch.setattr(cifar10_annotations, "LEAST_AGREEMENT", 0.6)  # of three images one is judged wrong


def read(annotations: Path, root: Path, **settings: Any) -> ImageSet:
    return cifar10_human.cifar10_human(str(annotations), str(root), **settings)


def judged(images: ImageSet, issue: Issue, name: str) -> dict[Any, bool]:
    truth = images.truth(issue, name)
    assert truth is not None
    assert truth.name == name
    named = np.array(images.ids)[truth.items].tolist()
    keys = [tuple(item) if issue.ranks_pairs else item for item in named]
    return dict(zip(keys, truth.labels.tolist(), strict=True))


def test_images_and_labels_keep_their_index(annotations: Path, root: Path) -> None:
    images = read(annotations, root)
    assert images.ids == (*(f"test/{i:05d}" for i in range(3)), *(f"train/{i:05d}" for i in range(10)))
    assert images.labels is not None
    assert images.labels.tolist() == [*TEST, *RANDOM["random_label1"]]
    assert images.classes == CLASSES
    for row, stored in ((0, 10), (2, 12), (3, 0), (12, 9)):
        expected = PIXELS[stored].reshape(3, 32, 32).transpose(1, 2, 0)
        np.testing.assert_array_equal(np.asarray(images.images[row]), expected)
    assert images.attributes["split"].tolist() == ["test"] * 3 + ["train"] * 10
    assert images.card.commercial is False
    assert set(images.card.truths) == {"label_error cifar10n", "label_error cifar10h", "near_duplicate"}


def test_labels_of_a_human_err_where_they_differ(annotations: Path, root: Path) -> None:
    found = judged(read(annotations, root), Issue.LABEL_ERROR, "cifar10n")
    assert [name for name, faulty in found.items() if faulty] == [f"train/{i:05d}" for i in (1, 2, 3, 4)]
    assert len(found) == 10


def test_original_labels_err_where_humans_agree_on_another(annotations: Path, root: Path) -> None:
    images = read(annotations, root, labels="original")
    found = judged(images, Issue.LABEL_ERROR, "cifar10n")
    assert [name for name, faulty in found.items() if faulty] == ["train/00002", "train/00003"]
    truth = images.truth(Issue.LABEL_ERROR, "cifar10n")
    assert truth is not None
    assert truth.probability is not None
    np.testing.assert_allclose(truth.probability[:6], [0, 1 / 3, 2 / 3, 1, 1, 0])
    assert images.labels is not None
    assert images.labels[3:].tolist() == TRAIN.tolist()


def test_votes_are_kept_as_probability(annotations: Path, root: Path) -> None:
    images = read(annotations, root)
    assert judged(images, Issue.LABEL_ERROR, "cifar10h") == {
        "test/00000": False,
        "test/00001": False,
        "test/00002": True,
    }
    truth = images.truth(Issue.LABEL_ERROR, "cifar10h")
    assert truth is not None
    assert truth.probability is not None
    np.testing.assert_allclose(truth.probability, [9 / 50, 9 / 50, 1 - 41 / 109])


def test_duplicates_of_cifair(annotations: Path, root: Path) -> None:
    found = judged(read(annotations, root), Issue.NEAR_DUPLICATE, "cifair")
    assert found == {
        ("test/00000", "test/00002"): True,
        ("test/00000", "train/00003"): True,
        ("test/00001", "train/00009"): False,
        ("test/00002", "train/00000"): True,
    }
    more = judged(read(annotations, root, negatives=10_000), Issue.NEAR_DUPLICATE, "cifair")
    # Of 78 pairs, those of the four that are connected are judged or left open.
    assert len(more) == 78 - 6 - 1 + 4
    assert sum(more.values()) == 3


def test_each_truth_needs_its_file_only(annotations: Path, root: Path) -> None:
    (annotations / "CIFAR-10_human.pt").unlink()
    with pytest.raises(UserError, match=r"dataset\.labels=random_label1 is in none of .*set dataset\.labels=original"):
        read(annotations, root)
    images = read(annotations, root, labels="original")
    assert {name for _, name in images.truths} == {"cifar10h", "cifair"}
    for file in ("cifar10h-counts.npy", "duplicates_cifar10.csv"):
        (annotations / file).unlink()
    images = read(annotations, root, labels="original")
    assert {name for _, name in images.truths} == {"cifair"}
    assert images.card.commercial is None
    (annotations / "duplicates_cifar10_test.csv").unlink()
    with pytest.raises(UserError, match=r"holds none of CIFAR-10_human\.pt"):
        read(annotations, root, labels="original")


def test_other_forms_of_the_labels_are_the_same(annotations: Path, root: Path) -> None:
    expected = read(annotations, root)
    (annotations / "CIFAR-10_human.pt").unlink()
    stored = {"clean_label": TRAIN, **{name: np.array(labels) for name, labels in RANDOM.items()}}
    np.save(annotations / "CIFAR-10_human.npy", np.array(stored, dtype=object), allow_pickle=True)
    assert read(annotations, root).fingerprint == expected.fingerprint
    (annotations / "CIFAR-10_human.npy").unlink()
    rows = [",".join(map(str, row)) for row in zip(*stored.values(), strict=True)]
    table(annotations / "CIFAR-10_human.csv", ",".join(stored), rows)
    assert read(annotations, root).fingerprint == expected.fingerprint


def test_an_archive_of_another_origin_is_not_unpacked(
    annotations: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "cifar-10-batches-py").rename(root / "elsewhere")
    (root / "cifar-10-python.tar.gz").write_bytes(b"another")
    monkeypatch.setattr(tarfile, "open", lambda *_: pytest.fail("it is opened"))
    with pytest.raises(UserError, match="is not the published archive"):
        read(annotations, root)


def test_the_published_archive_is_read(annotations: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read(annotations, root)
    path = root / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(root / "cifar-10-batches-py", "cifar-10-batches-py")
    (root / "cifar-10-batches-py").rename(root / "elsewhere")
    monkeypatch.setattr(cifar10, "ARCHIVE_MD5", hashlib.md5(path.read_bytes()).hexdigest())
    assert read(annotations, root).fingerprint == expected.fingerprint
    half = path.read_bytes()[:200]
    path.write_bytes(half + bytes(200))
    monkeypatch.setattr(cifar10, "ARCHIVE_MD5", hashlib.md5(path.read_bytes()).hexdigest())
    with pytest.raises(UserError, match="is not read as CIFAR-10"):
        read(annotations, root)


def test_another_order_is_refused(annotations: Path, root: Path) -> None:
    import torch

    torch.save({"clean_label": TRAIN[::-1].copy(), "random_label1": TRAIN}, annotations / "CIFAR-10_human.pt")
    with pytest.raises(UserError, match="clean_label differs from 10 of 10 labels of the images"):
        read(annotations, root)
    torch.save({"clean_label": torch.tensor(TRAIN), "random_label1": TRAIN + 1}, annotations / "CIFAR-10_human.pt")
    with pytest.raises(UserError, match="random_label1 holds labels outside 0 to 9"):
        read(annotations, root)
    (annotations / "CIFAR-10_human.pt").unlink()
    np.save(annotations / "cifar10h-counts.npy", np.eye(10)[TEST[::-1]])
    with pytest.raises(UserError, match="most votes agree with the labels of 33% of the images"):
        read(annotations, root, labels="original")
    np.save(annotations / "cifar10h-counts.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(UserError, match="is no array of numbers"):
        read(annotations, root, labels="original")
    (annotations / "cifar10h-counts.npy").unlink()
    table(annotations / "duplicates_cifar10.csv", "TestID,TrainID,Distance,Judgment", ["3,0,0.1,1"])
    with pytest.raises(UserError, match="line 2: points outside the images"):
        read(annotations, root, labels="original")


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


def test_files_that_would_run_are_refused(annotations: Path, root: Path, tmp_path: Path) -> None:
    import torch

    torch.save({"clean_label": Evil(tmp_path / "ran")}, annotations / "CIFAR-10_human.pt")
    with pytest.raises(UserError, match=r"CIFAR-10_human\.pt is not read"):
        read(annotations, root)
    assert not (tmp_path / "ran").exists()


def test_files_that_are_not_the_published_ones_are_refused(annotations: Path, root: Path) -> None:
    with (root / "cifar-10-batches-py" / "test_batch").open("ab") as file:
        file.write(b" ")
    with pytest.raises(UserError, match="test_batch is not the published file"):
        read(annotations, root)
    (root / "cifar-10-batches-py" / "test_batch").unlink()
    with pytest.raises(UserError, match="is not read as CIFAR-10"):
        read(annotations, root)
    with pytest.raises(UserError, match=r"holds neither cifar-10-batches-py nor cifar-10-python\.tar\.gz"):
        read(annotations, annotations)
    with pytest.raises(UserError, match=r"dataset\.labels=worst is unknown; choose one of"):
        read(annotations, root, labels="worst")


def test_images_of_the_hub(annotations: Path, root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Features
    from datasets import Image as Picture

    from cleanbench.datasets.hub import hub

    expected = read(annotations, root)
    features = Features({"img": Picture(), "label": ClassLabel(names=list(CLASSES))})
    (tmp_path / "copy").mkdir()
    pictures = [PIXELS[row].reshape(3, 32, 32).transpose(1, 2, 0) for row in range(13)]
    for split, start, end, labels in (("train", 0, 10, TRAIN), ("test", 10, 13, TEST)):
        columns = {"img": pictures[start:end], "label": labels.tolist()}
        Dataset.from_dict(columns, features=features).to_parquet(tmp_path / "copy" / f"{split}.parquet")
    monkeypatch.setattr(cifar10_human, "hub", lambda _, **settings: hub(str(tmp_path / "copy"), **settings))
    images = cifar10_human.cifar10_human(str(annotations))
    assert images.labels is not None
    assert expected.labels is not None
    assert images.ids == expected.ids
    np.testing.assert_array_equal(images.labels, expected.labels)
    for row in (0, 2, 3, 12):
        np.testing.assert_array_equal(np.asarray(images.images[row]), np.asarray(expected.images[row]))
    assert images.truth_revision == expected.truth_revision
