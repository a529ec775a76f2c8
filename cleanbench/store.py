"""What is computed once: arrays and folders on disk, keyed by everything that decides their content."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from filelock import FileLock
from numpy.lib.format import open_memmap

from cleanbench.core import UserError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
BLOCKED = frozenset({errno.ENOTDIR, errno.EEXIST, errno.EISDIR})


@dataclass(frozen=True)
class Store:
    """Arrays and folders in a cache directory.

    Two processes that want the same entry compute it once: the second waits for the first. An entry
    appears whole or not at all, so an interrupted computation leaves nothing that looks finished.
    """

    root: Path

    @classmethod
    def default(cls) -> "Store":
        """Return the store in ``$CLEANBENCH_CACHE``, else in the user's cache directory.

        Raises:
            UserError: If the directory is not there and cannot be made.
        """
        configured = os.environ.get("CLEANBENCH_CACHE")
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        root = Path(configured).expanduser() if configured else Path(base) / "cleanbench"
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(root, error) from error
        return cls(root.resolve())

    def array(self, key: str, compute: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return the array stored under ``key`` as a read-only memory map; compute and store it if absent.

        Args:
            key: ``kind/digest``; the digest covers all that decides the content.
            compute: Called at most once over all processes.
        """

        def write(folder: Path) -> None:
            array = np.asarray(compute())
            if array.dtype.hasobject:
                raise ValueError("an array of objects cannot be stored: it is read with allow_pickle=False")
            with (folder / "array.npy").open("wb") as file:  # not np.save, which does not say that the disk is full
                _write_header(file, array.dtype, array.shape)
                file.write(np.ascontiguousarray(array).tobytes())

        return open_array(self.folder(key, write) / "array.npy")

    def arrays(
        self, keys: Sequence[str], compute: Callable[[Sequence[str]], Iterator[Sequence[npt.NDArray[Any]]]], rows: int
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays stored under ``keys``; those that are absent are computed together, each stored by itself.

        Args:
            keys: As for `array`. Each array is found again by its own key, whatever it was computed with.
            compute: Gets the absent keys and yields blocks of rows, one block for each of them; called at most once,
                and not at all if nothing is absent. Only one block is in memory at a time.
            rows: How many rows the blocks of a key have together.
        """

        def descend(rest: Sequence[str], absent: dict[str, Path]) -> None:
            if not rest:
                if absent:
                    _write_rows(list(absent.values()), compute(list(absent)), rows)
                return
            first, *others = rest
            entered = False

            def fill(folder: Path) -> None:
                nonlocal entered
                entered = True
                descend(others, absent | {first: folder / "array.npy"})

            # The lock of a key is held until those after it are written. All processes take locks in one order, so
            # none of them waits for another that waits for it.
            self.folder(first, fill)
            if not entered:
                descend(others, absent)

        descend(sorted(set(keys)), {})
        return {key: open_array(self.root / key / "array.npy") for key in keys}

    def folder(self, key: str, fill: Callable[[Path], None], *, resume: bool = False) -> Path:
        """Return the folder stored under ``key``; if absent, let ``fill`` write it first.

        Args:
            key: ``kind/digest``; the digest covers all that decides the content.
            fill: Gets a directory that becomes the entry when it returns. The directory is empty, unless ``resume``.
            resume: Keep what an interrupted ``fill`` has written and hand it to the next one, for long work. After a
                `UserError` nothing is kept: it would only come again.

        Raises:
            UserError: If the entry is absent and the directory cannot be written, or has no room for it.
        """
        final = self.root / key
        if final.is_dir():
            return final
        with self._lock(final):
            if not final.is_dir():
                scratch = final.with_name(f".{final.name}-part")
                # Nobody else is at work under this lock: what lies there was left by a process that was killed.
                if not resume:
                    shutil.rmtree(scratch, ignore_errors=True)
                scratch.mkdir(exist_ok=True)
                finished = False
                try:
                    fill(scratch)
                    scratch.rename(final)
                    finished = True
                except UserError:
                    resume = False
                    raise
                except OSError as error:
                    if error.errno not in FULL:
                        raise
                    raise _unwritable(self.root, error) from error
                finally:
                    if not (finished or resume):
                        shutil.rmtree(scratch, ignore_errors=True)
        return final

    @contextmanager
    def _lock(self, final: Path) -> Iterator[None]:
        lock = FileLock(f"{final}.lock")
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as error:
            raise _unwritable(self.root, error) from error
        try:
            yield
        finally:
            lock.release()


def _unwritable(root: Path, error: OSError) -> UserError:
    room = "make room, or " if error.errno in FULL else ""
    return UserError(
        f"the cache {root} cannot be written ({error.strerror}); {room}set CLEANBENCH_CACHE to another directory"
    )


def damaged(entry: Path, reason: object) -> UserError:
    """Return the error about an entry of a store that is not as it was written."""
    return UserError(f"the cache entry {entry} is damaged ({reason}); remove this folder, and it is computed again")


def new_array(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> "np.memmap[Any, np.dtype[Any]]":
    """Make an ``.npy`` file and return it as a memory map to be written.

    Raises:
        OSError: If there is no room for it. A write to a memory map would end the process without a word.
    """
    array: np.memmap[Any, np.dtype[Any]] = open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def open_array(path: Path) -> npt.NDArray[Any]:
    """Open a stored array as a read-only memory map (an empty one as a plain read-only array).

    Raises:
        UserError: If the file is not there or damaged, naming the entry to remove.
    """
    try:
        try:
            array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError:  # a memory map cannot be empty
            array = np.load(path, allow_pickle=False)
            array.flags.writeable = False
    except (OSError, ValueError, EOFError) as error:
        raise damaged(path.parent, error) from error
    return array


def _write_rows(paths: Sequence[Path], blocks: Iterator[Sequence[npt.NDArray[Any]]], rows: int) -> None:
    """Write arrays block by block; through files, since a memory map ends the process where the disk is full."""
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        started = False
        for block in blocks:
            for file, part in zip(files, block, strict=True):
                if not started:
                    _write_header(file, part.dtype, (rows, *part.shape[1:]))
                file.write(np.ascontiguousarray(part).tobytes())
            started = True


def _write_header(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def read_json(path: Path) -> Any:
    """Read a JSON file of a stored entry.

    Raises:
        UserError: If the file is not there or damaged, naming the entry to remove.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path.parent, error) from error


def make_folder(folder: Path) -> None:
    """Make a folder for results before anything is computed for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}); set output to another folder") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"{folder} cannot be written (no permission); set output to another folder")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Hand out an empty folder that takes the place of ``folder`` once all is written: it is there whole or not.

    Raises:
        UserError: If there is no room for it, or something else is in its place or on the way to it.
    """
    scratch = None
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
        yield scratch
        scratch.chmod(0o755)
        replace_folder(folder, scratch)
    except OSError as error:
        if error.errno not in FULL | BLOCKED or error.errno is None:
            raise
        cure = (
            "make room" if error.errno in FULL else f"remove what is in the way ({error.filename2 or error.filename})"
        )
        raise UserError(
            f"{folder} cannot be written ({os.strerror(error.errno)}); {cure}, or set output to another folder"
        ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def whole_file(path: Path, ending: str | None = None) -> Iterator[Path]:
    """Hand out a file that takes the place of ``path`` once it is written: another process may read or write that now.

    Args:
        path: The file.
        ending: Of the name of the file that is handed out, where whoever holds a lock looks for what killed processes
            left; by default the number of this process.

    Raises:
        OSError: If it cannot be written; nothing stays beside it then.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}{ending or f'.{os.getpid()}'}")
    try:
        yield scratch
        scratch.replace(path)
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step.

    Raises:
        UserError: If it cannot be written, naming it.
    """
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all, or none if one of them cannot be written.

    Args:
        contents: By file; the first is the last to be put in its place.

    Raises:
        UserError: If one cannot be written, naming it.
    """
    now = None
    try:
        with ExitStack() as files:
            for now, content in contents.items():
                files.enter_context(whole_file(now)).write_bytes(content)
    except OSError as error:
        raise UserError(f"{now} cannot be written ({error.strerror or error}); give another place") from error


def replace_folder(folder: Path, new: Path) -> None:
    """Put ``new`` in the place of ``folder``, which is never there in part, also if others do the same now."""
    while True:
        try:
            new.rename(folder)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        old = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
        with suppress(FileNotFoundError):
            folder.rename(old / "old")
        shutil.rmtree(old, ignore_errors=True)
