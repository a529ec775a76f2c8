"""``dataset=hub``: what ``datasets`` reads becomes a set, its images byte by byte; without network it says so."""

import io
import json
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import draw, table
from PIL import Image

from cleanbench.core import Issue, UserError
from cleanbench.datasets.hub import hub


def encoded(colour: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (2, 2), (colour, 0, 0)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(name="parquet")
def _parquet(tmp_path: Path) -> Path:
    """Return a folder in the layout of the Hub: a train and a test split in Parquet files."""
    from datasets import ClassLabel, Dataset, Features, Value
    from datasets import Image as Picture

    features = Features(
        {"picture": Picture(), "dx": ClassLabel(names=["nv", "mel"]), "key": Value("string"), "lesion": Value("int64")}
    )
    root = tmp_path / "skin"
    (root / "data").mkdir(parents=True)
    for split, numbers in (("train", [5, 3, 9]), ("test", [1])):
        columns = {
            "picture": [{"bytes": encoded(number), "path": None} for number in numbers],
            "dx": [number % 2 if number != 9 else None for number in numbers],
            "key": [f"k{number}" for number in numbers],
            "lesion": [number // 4 for number in numbers],
        }
        Dataset.from_dict(columns, features=features).to_parquet(root / "data" / f"{split}-00000-of-00001.parquet")
    return root


def read(path: Path | str, **settings: Any) -> Any:
    return hub(str(path), **settings)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_local_copy_is_read(parquet: Path, streaming: bool) -> None:
    images = read(parquet, id="key", streaming=streaming, rows=None if streaming else 3)
    assert (images.name, images.ids, images.classes) == ("skin", ("k3", "k5", "k9"), ("mel",))
    assert images.labels.tolist() == [0, 0, -1]
    assert images.images.source.read(images.images.positions[0]) == encoded(3)
    assert [image.getpixel((0, 0))[0] for image in images.images] == [3, 5, 9]
    assert images.card.licence == "not stated"
    assert images.card.source == "local files in skin"
    assert not images.truths


def test_splits_and_groups(parquet: Path) -> None:
    images = read(parquet, split="train+test", group="lesion", negatives=1)
    assert images.ids == ("test/00000000", "train/00000000", "train/00000001", "train/00000002")
    assert images.attributes["split"].tolist() == ["test", "train", "train", "train"]
    truth = images.truth(Issue.NEAR_DUPLICATE, "lesion")
    assert [tuple(images.ids[item] for item in pair) for pair in truth.items[truth.labels]] == [
        ("test/00000000", "train/00000001")
    ]
    assert len(truth) == 2
    assert read(parquet, split="train[:2]").ids == ("00000000", "00000001")
    assert read(parquet, rows=1).ids == ("00000000",)


def test_a_changed_copy_is_read_anew(parquet: Path) -> None:
    assert len(read(parquet)) == 3
    (parquet / "data" / "test-00000-of-00001.parquet").rename(parquet / "data" / "train-00001-of-00001.parquet")
    (parquet / "data" / "train-00000-of-00001.parquet").unlink()
    assert len(read(parquet)) == 1


def test_a_folder_of_images_is_read(tmp_path: Path) -> None:
    draw(tmp_path / "set" / "train" / "cat", 2)
    draw(tmp_path / "set" / "train" / "dog", 1, first=2)
    images = read(tmp_path / "set")
    assert images.classes == ("cat", "dog")
    assert sorted(images.labels.tolist()) == [0, 0, 1]
    digests = {
        (tmp_path / "set" / "train" / name).read_bytes() for name in ("cat/i00.png", "cat/i01.png", "dog/i02.png")
    }
    assert {images.images.source.read(row) for row in range(3)} == digests


@pytest.mark.parametrize("streaming", [False, True])
def test_an_archive_of_images_is_read(tmp_path: Path, streaming: bool) -> None:
    (tmp_path / "set").mkdir()
    with tarfile.open(tmp_path / "set" / "train-0.tar", "w") as archive:
        for number in range(3):
            (tmp_path / f"{number}.png").write_bytes(encoded(number))
            archive.add(tmp_path / f"{number}.png", f"{number}.png")
    images = read(tmp_path / "set", streaming=streaming)
    assert [image.getpixel((0, 0))[0] for image in images.images] == [0, 1, 2]
    assert images.images.describe(1) == "00000001"
    assert images.labels is None


def test_a_plain_table_of_bytes_is_read_as_the_message_says(tmp_path: Path) -> None:
    """A file that was not written by `datasets` tells neither which column holds images nor what its labels are."""
    import pyarrow
    import pyarrow.parquet

    rows = [{"image": {"bytes": encoded(number), "path": None}, "label": f"l{number % 2}"} for number in range(4)]
    (tmp_path / "plain").mkdir()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "plain" / "train.parquet")
    with pytest.raises(UserError, match=r"name it, such as dataset\.image=image; its columns are 'image', 'label'"):
        read(tmp_path / "plain")
    images = read(tmp_path / "plain", image="image")
    assert images.labels is None
    assert "no labels: the column 'label' is not of the type ClassLabel" in images.warnings[0]
    assert read(tmp_path / "plain", image="image").warnings == images.warnings, "also when it is found again"
    images = read(tmp_path / "plain", image="image", label="label")
    assert images.classes == ("l0", "l1")
    assert not images.warnings


def test_what_is_wrong_is_told(parquet: Path, tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    table(tmp_path / "words" / "train.csv", "word", ["a"])
    for path, settings, message in (
        (parquet, {"label": "dxx"}, "no column 'dxx', which dataset.label names. Did you mean 'dx'?"),
        (parquet, {"split": "valid"}, "split 'valid', is not read"),
        (parquet, {"id": "dx"}, "dataset.id=dx names several images alike: '1'"),
        (parquet, {"rows": 0}, "dataset.rows=0 must be at least 1"),
        (tmp_path / "words", {}, "does not say which of its columns holds images"),
        (tmp_path / "nowhere", {}, "is no folder, and no owner/name"),
        (" ", {}, "dataset.path is empty"),
    ):
        with pytest.raises(UserError) as caught:
            read(path, **settings)
        assert message in str(caught.value)


def test_without_network_it_ends_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def silent() -> Any:
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "get_session", silent)
    for revision in (None, "0" * 40):
        started = time.monotonic()
        with pytest.raises(
            UserError, match=r"nobody/skin cannot be had: .* cannot be reached \(no route\); give the folder"
        ):
            read("nobody/skin", revision=revision)
        assert time.monotonic() - started < 10
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE forbids to ask"):
        read("nobody/skin")


def test_a_commit_in_the_cache_needs_no_network(parquet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cleanbench.datasets import hub as module

    asked = []

    def info(path: str, revision: str | None) -> Any:
        asked.append(revision)
        return type("Info", (), {"sha": "a" * 40, "card_data": type("Data", (), {"license": ["mit", "cc0-1.0"]})})

    def load(path: str, *args: Any, revision: str, **settings: Any) -> Any:
        assert (path, revision) == ("owner/skin", "a" * 40)
        return original(str(parquet), *args, **settings)

    import datasets

    original = datasets.load_dataset
    monkeypatch.setattr(module, "_reach", lambda path: None)
    monkeypatch.setattr(module, "_info", info)
    monkeypatch.setattr(datasets, "load_dataset", load)
    images = read("owner/skin")
    assert images.card.licence == "mit, cc0-1.0"
    assert images.card.identifier == f"https://huggingface.co/datasets/owner/skin/tree/{'a' * 40}"
    assert images.warnings[-1] == f"commit {'a' * 40}; with dataset.revision={'a' * 40} no network is needed"
    assert asked == [None, "a" * 40]
    monkeypatch.setattr(module, "_reach", None)
    monkeypatch.setattr(datasets, "load_dataset", None)
    again = read("owner/skin", revision="a" * 40)
    assert again.fingerprint == images.fingerprint
    assert not [warning for warning in again.warnings if "commit" in warning]
    np.testing.assert_array_equal(again.labels, images.labels)


@pytest.fixture(name="named")
def _named(tmp_path: Path) -> Path:
    """Return a set whose rows name files: one beside it, a device, one elsewhere, none, and no image at all."""
    root = tmp_path / "named"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(encoded(7))
    (root / "own.png").write_bytes(encoded(5))
    (root / "zero.png").symlink_to("/dev/zero")
    paths = [str(root / "own.png"), str(root / "zero.png"), str(tmp_path / "secret.png"), "../secret.png"]
    rows = [*({"bytes": None, "path": path} for path in paths), {"bytes": None, "path": None}, None]
    pictures = pa.array(rows, type=pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    features = {"image": {"_type": "Image"}, "text": {"dtype": "string", "_type": "Value"}}
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"image": pictures, "text": [str(row) for row in range(6)]})
    pq.write_table(table.replace_schema_metadata(told), root / "train.parquet")
    return root


def test_no_file_but_those_of_the_set_is_read(named: Path) -> None:
    images = read(named)
    assert [len(images.images.source.read(row)) > 0 for row in range(6)] == [True] + [False] * 5
    (told,) = images.warnings
    assert told == "2 images that rows name outside the files of the set are not read: '00000002', '00000003'"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image": "text"}, "dataset.image=text is a column of type string, not of images"),
        ({"label": "image"}, "dataset.label=image is a column of"),
        ({"id": "image"}, "dataset.id=image is a column of"),
        ({"streaming": "abc"}, "dataset.streaming='abc' must be true or false"),
    ],
)
def test_columns_and_settings_of_another_type_are_told(named: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(named, **settings)


def test_a_file_that_breaks_off_is_told(parquet: Path) -> None:
    file = next((parquet / "data").glob("train*"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match="split 'train', is not read: "):
        read(parquet)
