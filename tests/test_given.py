"""``encoder=given``: embeddings from files, joined by id, or told why not."""

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save_file

from cleanbench.core import Floats, UserError
from cleanbench.encoders.base import Wanted
from cleanbench.encoders.embedding_files import read_embeddings
from cleanbench.encoders.extraction import extract
from cleanbench.encoders.given import Given
from cleanbench.images import Encoded, Images
from cleanbench.store import Store

IDS = ("a", "b", "c", "d")


def values(count: int = 4, width: int = 3) -> Floats:
    return np.random.default_rng(0).normal(size=(count, width)).astype(np.float32)


def write_npy(path: Path, ids: list[str], rows: Any) -> None:
    np.save(path, rows)
    path.with_name(f"{path.name}.ids.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")


def write_npz(path: Path, ids: list[str], rows: Any) -> None:
    np.savez(path, ids=np.array(ids, dtype=str), embeddings=rows)


def write_lists(path: Path, ids: list[str], rows: Any) -> None:
    pq.write_table(pa.table({"embedding": list(rows), "id": ids}), path)


def write_columns(path: Path, ids: list[str], rows: Any) -> None:
    columns = {f"x{column}": rows[:, column] for column in range(rows.shape[1])}
    pq.write_table(pa.table({"id": ids, **columns}), path)


def write_safetensors(path: Path, ids: list[str], rows: Any) -> None:
    save_file({"embeddings": np.ascontiguousarray(rows)}, path, metadata={"ids": json.dumps(ids)})


WRITERS: dict[str, tuple[str, Callable[[Path, list[str], Any], None]]] = {
    "npy": ("e.npy", write_npy),
    "npz": ("e.npz", write_npz),
    "lists": ("lists.parquet", write_lists),
    "columns": ("columns.parquet", write_columns),
    "safetensors": ("e.safetensors", write_safetensors),
}


def joined(path: Path, ids: tuple[str, ...] = IDS) -> Floats:
    return joined_and_told(path, ids)[0]


def joined_and_told(path: Path, ids: tuple[str, ...] = IDS) -> tuple[Floats, list[str]]:
    target, wanted = path.with_name("target.npy"), Wanted(ids, Images(Encoded(())), "", Store(path.parent))
    Given(str(path)).embed(wanted, target)
    rows: Floats = np.load(target)
    return rows, wanted.warnings


def refusal(path: Path, ids: tuple[str, ...] = IDS) -> str:
    with pytest.raises(UserError) as caught:
        joined(path, ids)
    return str(caught.value)


def npz(root: Path, rows: Any, ids: tuple[str, ...] | list[str] = IDS) -> Path:
    write_npz(root / "e.npz", list(ids), rows)
    return root / "e.npz"


@pytest.mark.parametrize("kind", WRITERS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_follow_their_ids_whatever_the_order(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    text = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=5)
    ids = data.draw(st.lists(text, min_size=1, max_size=8, unique=True))
    order = data.draw(st.permutations(range(len(ids))))
    wanted = tuple(sorted(data.draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))))
    rows = values(len(ids))
    row_of = dict(zip(ids, rows, strict=True))
    name, write = WRITERS[kind]
    write(tmp_path / name, [ids[row] for row in order], rows[list(order)])
    found, told = joined_and_told(tmp_path / name, wanted)
    np.testing.assert_array_equal(found, np.stack([row_of[name] for name in wanted]))
    assert found.dtype == np.float32
    assert bool(told) == (len(wanted) < len(ids))


@pytest.mark.parametrize("kind", WRITERS)
def test_missing_ids_are_named(kind: str, tmp_path: Path) -> None:
    name, write = WRITERS[kind]
    write(tmp_path / name, ["a", "c", "b.png"], values(3))
    message = refusal(tmp_path / name)
    assert "has no row for 2 of 4 images: 'b', 'd'; the ids of the file that fit no image are 'b.png'" in message
    assert "must be those of the data set" in message


def test_ids_that_fit_no_image_are_passed_over_with_a_warning(tmp_path: Path) -> None:
    path = npz(tmp_path, values(10), [*IDS, *"uvwxyz"])
    rows, told = joined_and_told(path)
    np.testing.assert_array_equal(rows, values(10)[:4])
    assert told == [
        f"6 of the 10 ids in {path.name} belong to no readable image of the set and are passed over: "
        "'u', 'v', 'w', 'x', 'y' and 1 more"
    ]


@pytest.mark.parametrize("kind", WRITERS)
def test_repeated_ids_are_named(kind: str, tmp_path: Path) -> None:
    name, write = WRITERS[kind]
    write(tmp_path / name, [*IDS, "b"], values(5))
    assert "several rows for 'b'; keep one row per id" in refusal(tmp_path / name)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([np.nan, 1, 2], "NaN, infinite or beyond the range of float32: 'c'"),
        ([np.inf, 1, 2], "NaN, infinite or beyond the range of float32: 'c'"),
        ([1e300, 1, 2], "NaN, infinite or beyond the range of float32: 'c'"),
        ([0, 0, 0], "all zero, as where a computation failed: 'c'"),
        ([2, 2, 2], "constant, all values equal: 'c'"),
    ],
)
@pytest.mark.parametrize("kind", WRITERS)
def test_values_that_cannot_be_are_named(kind: str, wrong: list[float], message: str, tmp_path: Path) -> None:
    name, write = WRITERS[kind]
    rows = values().astype(np.float64)
    rows[2] = wrong
    write(tmp_path / name, list(IDS), rows)
    assert message in refusal(tmp_path / name)


def test_equal_rows_are_told(tmp_path: Path) -> None:
    assert "all 4 embeddings in" in refusal(npz(tmp_path, np.tile(values(1), (4, 1))))
    assert joined(npz(tmp_path, values(1), ["a"]), ("a",)).shape == (1, 3)


def test_one_value_per_image_is_not_constant(tmp_path: Path) -> None:
    assert joined(npz(tmp_path, values(4, 1))).shape == (4, 1)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floats_of_any_width_are_taken(dtype: str, tmp_path: Path) -> None:
    np.testing.assert_allclose(joined(npz(tmp_path, values().astype(dtype))), values(), rtol=1e-3)


@pytest.mark.parametrize("dtype", ["int64", "complex64", "bool", "U3"])
def test_what_is_not_float_is_told(dtype: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = npz(tmp_path, values().astype(dtype))
    assert "expected floats; convert them: .astype('float32')" in refusal(path)


def test_shapes_are_told(tmp_path: Path) -> None:
    assert "shape (4,), expected one row per image: (N, D)" in refusal(npz(tmp_path, values()[:, 0]))
    assert "shape (4, 0), expected one row per image" in refusal(npz(tmp_path, values()[:, :0]))
    assert "has 4 ids but 3 rows" in refusal(npz(tmp_path, values(3)))


def test_an_npy_file_without_ids_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "e.npy", values())
    message = refusal(tmp_path / "e.npy")
    assert "says nothing about whose rows these are" in message
    assert "e.npy.ids.txt beside it" in message
    (tmp_path / "e.npy.ids.txt").write_bytes(b"\xff\xfe")
    assert "cannot be read as UTF-8 text" in refusal(tmp_path / "e.npy")


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", ids=np.array(IDS, dtype=object), embeddings=values())
    assert "holds pickled objects, which may run code" in refusal(tmp_path / "e.npz")
    np.save(tmp_path / "e.npy", values().astype(object), allow_pickle=True)
    (tmp_path / "e.npy.ids.txt").write_text("a\nb\nc\nd\n")
    assert "holds pickled objects, which may run code" in refusal(tmp_path / "e.npy")


def test_ids_are_text(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", ids=np.arange(4), embeddings=values())
    assert "expected text (N,)" in refusal(tmp_path / "e.npz")
    np.savez(tmp_path / "e.npz", ids=np.array(IDS, dtype="S1"), embeddings=values())
    np.testing.assert_array_equal(joined(tmp_path / "e.npz"), values())
    pq.write_table(pa.table({"id": [1, 2], "x": [0.5, 1.5]}), tmp_path / "e.parquet")
    assert "is int64 with 0 empty values, expected text" in refusal(tmp_path / "e.parquet")
    save_file({"embeddings": values()}, tmp_path / "e.safetensors", metadata={"ids": "[1, 2]"})
    assert "lacks the ids" in refusal(tmp_path / "e.safetensors")
    save_file({"embeddings": values()}, tmp_path / "e.safetensors")
    assert "lacks the ids" in refusal(tmp_path / "e.safetensors")


def test_other_names_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", names=np.array(IDS), features=values())
    assert "no 'embeddings' and no 'ids'; its arrays are features, names" in refusal(tmp_path / "e.npz")
    pq.write_table(pa.table({"name": list(IDS), "x": values()[:, 0]}), tmp_path / "e.parquet")
    assert "no 'id'; its columns are name, x" in refusal(tmp_path / "e.parquet")
    save_file({"features": values()}, tmp_path / "e.safetensors", metadata={"ids": json.dumps(IDS)})
    assert "no 'embeddings'; its tensors are features" in refusal(tmp_path / "e.safetensors")


def test_tables_that_do_not_fit_are_told(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    pq.write_table(pa.table({"id": list(IDS), "x": values()[:, 0], "label": list(IDS)}), path)
    assert "must be the embedding's floats, but label hold no floats" in refusal(path)
    pq.write_table(pa.table({"id": list(IDS)}), path)
    assert "but there are no others" in refusal(path)
    pq.write_table(pa.table({"id": list(IDS), "embedding": [[1.0, 2], [1.0], [2.0, 1], [3.0, 4]]}), path)
    assert "differ in length: most have 2 values, but not 'b'" in refusal(path)
    pq.write_table(pa.table({"id": list(IDS), "embedding": [[1.0, 2], None, [2.0, 1], [3.0, 4]]}), path)
    assert "differ in length: most have 2 values, but not 'b'" in refusal(path)
    pq.write_table(pa.table({"id": list(IDS), "embedding": list(IDS)}), path)
    assert "is string, expected lists of floats" in refusal(path)
    pq.write_table(pa.table({"id": list(IDS), "x": [1.0, None, 2.0, 3.0], "y": [1.0, 2.0, 3.0, 4.0]}), path)
    assert "NaN, infinite or beyond the range of float32: 'b'" in refusal(path)


def test_row_numbers_of_pandas_are_no_feature(tmp_path: Path) -> None:
    columns = {"x": values()[:, 0], "y": values()[:, 1], "__index_level_0__": np.arange(4.0)}
    pq.write_table(pa.table({"id": list(IDS), **columns}), tmp_path / "e.parquet")
    np.testing.assert_array_equal(joined(tmp_path / "e.parquet"), values()[:, :2])


@pytest.mark.parametrize("name", ["e.npy", "e.npz", "e.parquet", "e.safetensors", "e.csv"])
@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_files_that_cannot_be_read_are_told(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "e.npy.ids.txt").write_text("a\n")
    message = refusal(tmp_path / name)
    assert str(tmp_path / name) in message
    assert "no file of embeddings" in message if name == "e.csv" else "read" in message


def test_damaged_files_are_told_or_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, write in WRITERS.values():
        path = tmp_path / name
        write(path, list(IDS), values())
        if name.endswith(".npz"):
            np.savez_compressed(path, ids=np.array(IDS), embeddings=values())
        whole = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        for _ in range(60):
            damaged = whole.copy()
            damaged[rng.integers(len(whole), size=2)] = rng.integers(256, size=2)
            path.write_bytes(damaged.tobytes())
            with suppress(UserError):  # and nothing else
                ids, rows = read_embeddings(path)
                assert len(ids) == len(rows)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "gone.npz")
    with pytest.raises(UserError, match="there is no such file"):
        Given(str(tmp_path / "gone.npz")).identity()
    np.save(tmp_path / "e.npy", values())
    with pytest.raises(UserError, match="whose rows these are"):
        Given(str(tmp_path / "e.npy")).identity()


def test_the_content_is_the_key(tmp_path: Path) -> None:
    first = npz(tmp_path, values())
    before = Given(str(first)).identity()
    (tmp_path / "other").mkdir()
    moved = first.rename(tmp_path / "other/renamed.npz")
    assert Given(str(moved)).identity() == before
    rows = values()
    rows[0, 0] += 1
    assert Given(str(npz(tmp_path, rows))).identity() != before
    write_npy(tmp_path / "e.npy", list(IDS), values())
    before = Given(str(tmp_path / "e.npy")).identity()
    (tmp_path / "e.npy.ids.txt").write_text("b\na\nc\nd\n")
    assert Given(str(tmp_path / "e.npy")).identity() != before


def test_sets_without_ids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="joined by id, but the set comes without ids"):
        extract(Given(str(npz(tmp_path, values()))), Images(Encoded(())), "digest", Store(tmp_path / "store"))
    with pytest.raises(UserError, match="embeds a set as a whole"):
        Given("x").prepare(Images(Encoded(())), tmp_path)


def command(root: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    settings = ["method=knn_disagreement", "method.k=2", "dataset=folder", f"dataset.root={root / 'images'}"]
    return subprocess.run(
        [sys.executable, "-m", "cleanbench", *settings, "encoder=given", f"output={root / 'runs'}", *overrides],
        env={**os.environ, "CLEANBENCH_CACHE": str(root / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_ranks_with_given_embeddings(tmp_path: Path) -> None:
    # Two clusters and one image labelled as of the other: embeddings decide, for the pictures say nothing.
    rows = np.random.default_rng(0).normal(size=(12, 3)) * 0.01 + np.eye(3)[[0, 1] * 6]
    ids = [f"{number:02}" for number in range(12)]
    for number, name in enumerate(ids):
        label = "ab"[(number + (number == 4)) % 2]
        (tmp_path / "images" / label).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / "images" / label / f"{name}.png")
    path = tmp_path / "e.parquet"
    write_columns(path, ids[::-1], rows[::-1])
    done = command(tmp_path, f"encoder.path={path}")
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").rglob("record.json")
    ranking = pq.read_table(run.parent / "rankings/label_error.parquet").to_pydict()
    assert ranking["id"][int(np.argmax(ranking["score"]))] == "04"
    detail = json.loads(run.read_text())["records"][0]["encoder_detail"]
    assert detail["settings"] == {}, "the digest names the file; where it lies does not matter"
    write_columns(path, ids[1:], rows[1:])
    done = command(tmp_path, f"encoder.path={path}")
    assert done.returncode == 2
    assert "has no row for 1 of 12 images: '00'" in done.stderr
    done = command(tmp_path)
    assert done.returncode == 2
    assert "encoder.path" in done.stderr


def test_a_path_that_is_none_is_told(tmp_path: Path) -> None:
    for path, message in (
        (5, "must be a text"),
        (None, "must be a text"),
        ("", "is empty"),
        ("~nobody_at_all/x", "home"),
    ):
        with pytest.raises(UserError, match=rf"encoder.path.*{message}"):
            Given(path).identity()  # type: ignore[arg-type]


def test_ids_of_other_bytes_and_empty_columns_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "bytes.npz", ids=np.array([b"\xff", b"b", b"c", b"d"]), embeddings=values(4))
    assert "is no UTF-8 text" in refusal(tmp_path / "bytes.npz")
    nothing = pa.table({"id": list(IDS), "embedding": pa.array([None] * 4, pa.list_(pa.float32()))})
    pq.write_table(nothing, tmp_path / "nothing.parquet")
    assert "the column 'embedding' of" in refusal(tmp_path / "nothing.parquet")
