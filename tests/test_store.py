"""The store: computed once over all processes, whole or not at all, read-only."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from cleanbench.core import UserError
from cleanbench.store import Store, make_folder, new_array, replace_folder, whole_folder, write_together, write_whole

SLOW = """
import sys, time
from pathlib import Path
import numpy as np
from cleanbench.store import Store

root, calls, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

def fill(folder):
    with calls.open("a") as log:
        log.write("called\\n")
    (folder / "first").write_text("half of it")
    time.sleep(seconds)
    np.save(folder / "array.npy", np.arange(3.0))

folder = Store(root).folder("kind/key", fill)
print(np.load(folder / "array.npy").sum(), flush=True)
"""


def start(root: Path, calls: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SLOW, str(root), str(calls), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def until(condition: Callable[[], bool]) -> None:
    """Wait for another process to get there."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def never() -> npt.NDArray[Any]:
    raise AssertionError("it is there already")


def test_two_processes_at_the_same_time_compute_once(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    running = [start(tmp_path / "store", calls, 0.5) for _ in range(2)]
    assert [process.communicate(timeout=30)[0] for process in running] == ["3.0\n", "3.0\n"]
    assert calls.read_text() == "called\n"


def test_a_killed_computation_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    store, calls = Store(tmp_path / "store"), tmp_path / "calls"
    with start(store.root, calls, 60) as process:
        until(lambda: calls.exists() and any(store.root.glob("kind/.*/first")))
        process.send_signal(signal.SIGKILL)
    assert not (store.root / "kind/key").exists()
    assert store.array("kind/key", lambda: np.ones(2)).tolist() == [1, 1]
    # What the killed one left behind is gone as well: it could be gigabytes.
    assert sorted(path.name for path in (store.root / "kind").iterdir()) == ["key", "key.lock"]


def test_a_failed_computation_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fill(folder: Path) -> None:
        (folder / "first").write_text("half of it")
        raise RuntimeError("no more")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="no more"):
            store.folder("kind/key", fill)
        assert [path.name for path in (tmp_path / "kind").iterdir()] in (["key.lock"], [])
    assert store.array("kind/key", lambda: np.zeros(1)).tolist() == [0]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.zeros((0, 5), dtype=np.uint8),
        np.zeros(0),
        np.array(3.5),
        np.array([True, False]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_is_found_again_as_it_was_and_read_only(tmp_path: Path, array: npt.NDArray[Any]) -> None:
    first = Store(tmp_path).array("kind/key", lambda: array)
    again = Store(tmp_path).array("kind/key", never)
    for found in (first, again):
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert found.tolist() == array.tolist()
        assert not found.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            found[...] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            found.flags.writeable = True


@pytest.mark.parametrize("content", [None, b"", b"\x93NUMPY", b"half"])
def test_a_damaged_array_is_told_with_the_folder_to_remove(content: bytes | None, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.array("kind/key", lambda: np.arange(1000))
    path = tmp_path / "kind/key/array.npy"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:200] if content == b"half" else content)
    with pytest.raises(UserError, match=f"the cache entry {tmp_path}/kind/key is damaged .*; remove this folder"):
        store.array("kind/key", never)


def test_a_large_array_is_mapped_and_not_loaded(tmp_path: Path) -> None:
    assert isinstance(Store(tmp_path).array("kind/key", lambda: np.zeros(1000)), np.memmap)


def test_keys_do_not_meet(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keys = ["a/0123456789abcdef-1", "a/0123456789abcdef-2", "b/0123456789abcdef-1"]
    for number, key in enumerate(keys):
        store.array(key, lambda number=number: np.array([number]))
    assert [store.array(key, never).tolist() for key in keys] == [[0], [1], [2]]


def test_clearing_away_spares_the_computation_of_another_key(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fill(folder: Path) -> None:
        (folder / "first").write_text("still at work")
        store.array("a/0123456789abcdef-2", lambda: np.ones(1))
        assert (folder / "first").exists()

    store.folder("a/0123456789abcdef-1", fill)


def test_objects_are_not_stored(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        Store(tmp_path).array("kind/key", lambda: np.array([object()]))


def test_the_cache_is_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANBENCH_CACHE", str(tmp_path / "näh er" / "cache"))
    assert Store.default().root == (tmp_path / "näh er" / "cache").resolve()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEANBENCH_CACHE", "relative")
    assert Store.default().root == (tmp_path / "relative").resolve()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLEANBENCH_CACHE", "~/mine")
    assert Store.default().root == (tmp_path / "mine").resolve()
    monkeypatch.delenv("CLEANBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Store.default().root == (tmp_path / "xdg" / "cleanbench").resolve()
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert Store.default().root == (tmp_path / ".cache" / "cleanbench").resolve()


def test_a_cache_that_cannot_be_made_is_told_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CLEANBENCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"file/cache cannot be written .*; set CLEANBENCH_CACHE to another"):
        Store.default()


def test_a_cache_that_cannot_be_written_can_still_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    store.array("kind/key", lambda: np.ones(1))

    def refuse(*args: Any, **kwargs: Any) -> int:
        raise PermissionError(13, "Permission denied")

    # The superuser may write anywhere, so that permissions alone would not tell.
    monkeypatch.setattr(os, "open", refuse)
    assert store.array("kind/key", never).tolist() == [1]
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\); set CLEANBENCH_CACHE"):
        store.array("kind/other", never)


def full(*args: Any, **kwargs: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_and_long_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def half(folder: Path) -> None:
        (folder / "half").touch()
        full()

    with pytest.raises(UserError, match=r"\(No space left on device\); make room, or set CLEANBENCH_CACHE"):
        store.folder("kind/short", half)
    with pytest.raises(UserError, match="make room"):
        store.folder("kind/long", half, resume=True)
    found: list[str] = []
    for key in ("kind/short", "kind/long"):
        store.folder(key, lambda folder: found.extend(path.name for path in folder.iterdir()), resume=True)
    assert found == ["half"]


def test_what_does_not_fit_on_the_disk_is_told_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_array(tmp_path / "fits.npy", (3, 2), np.float32)[:] = 1
    assert np.load(tmp_path / "fits.npy").sum() == 6
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(UserError, match="make room"):
        Store(tmp_path).folder(
            "kind/key", lambda folder: new_array(folder / "array.npy", (3, 2), np.float32)[:].fill(1)
        )


def test_results_that_meet_a_full_disk_are_told(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"run cannot be written .*; make room, or set output"),
        whole_folder(tmp_path / "run"),
    ):
        full()
    assert not list(tmp_path.iterdir())


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    def made(content: str) -> Path:
        folder = tmp_path / f"new-{content}"
        folder.mkdir()
        (folder / content).write_text(content)
        return folder

    for content in ("one", "two", "three"):
        replace_folder(tmp_path / "run", made(content))
        assert [path.name for path in tmp_path.iterdir()] == ["run"]
        assert [path.name for path in (tmp_path / "run").iterdir()] == [content]


def test_a_folder_for_results_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"file/set cannot be written .*; set output to another folder"):
        make_folder(tmp_path / "file" / "set")
    make_folder(tmp_path / "there")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="no permission"):
        make_folder(tmp_path / "there")


def test_two_that_replace_a_folder_at_the_same_time_do_not_fail(tmp_path: Path) -> None:
    def replace(number: int) -> None:
        new = tmp_path / f"new-{number}"
        new.mkdir()
        (new / "content").write_text(str(number))
        replace_folder(tmp_path / "run", new)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(replace, range(200)))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "content").exists()


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for name in ("folder", "file/a.csv"):
        with pytest.raises(UserError, match=f"{name} cannot be written .*; give another place"):
            write_whole(tmp_path / name, b"content")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_of_files_that_belong_together_all_are_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a").write_text("before")
    with pytest.raises(UserError, match=r"b cannot be written \(Is a directory\)"):
        write_together({tmp_path / "a": b"after", tmp_path / "c": b"new", tmp_path / "b": b"none"})
    assert (tmp_path / "a").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    write_together({tmp_path / "a": b"after", tmp_path / "c": b"new"})
    assert (tmp_path / "a").read_text() == "after"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]
