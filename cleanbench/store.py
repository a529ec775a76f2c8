"""What is computed once: arrays and folders on disk, keyed by everything that decides their content."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from cleanbench.core import UserError


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
            UserError: If the directory cannot be written.
        """
        configured = os.environ.get("CLEANBENCH_CACHE")
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        root = Path(configured).expanduser() if configured else Path(base) / "cleanbench"
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"the cache {root} cannot be written ({error.strerror}); set CLEANBENCH_CACHE to another directory"
            ) from error
        return cls(root.resolve())

    def array(self, key: str, compute: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return the array stored under ``key`` as a read-only memory map; compute and store it if absent.

        Args:
            key: ``kind/digest``; the digest covers all that decides the content.
            compute: Called at most once over all processes.
        """

        def write(folder: Path) -> None:
            np.save(folder / "array.npy", compute(), allow_pickle=False)

        return open_array(self.folder(key, write) / "array.npy")

    def folder(self, key: str, fill: Callable[[Path], None]) -> Path:
        """Return the folder stored under ``key``; if absent, let ``fill`` write it first.

        ``fill`` gets an empty directory that becomes the entry when it returns; if it raises, nothing stays.
        """
        final = self.root / key
        if final.is_dir():
            return final
        with self._lock(key):
            if not final.is_dir():
                scratch = Path(tempfile.mkdtemp(prefix=f".{final.name[:16]}-", dir=final.parent))
                try:
                    fill(scratch)
                    scratch.chmod(0o755)
                    scratch.rename(final)
                finally:
                    shutil.rmtree(scratch, ignore_errors=True)
        return final

    @contextmanager
    def _lock(self, key: str) -> Iterator[None]:
        final = self.root / key
        final.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{final}.lock"):
            yield


def open_array(path: Path) -> npt.NDArray[Any]:
    """Open a stored array as a read-only memory map (an empty one as a plain read-only array)."""
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:  # a memory map cannot be empty
        array = np.load(path, allow_pickle=False)
        array.flags.writeable = False
    return array
