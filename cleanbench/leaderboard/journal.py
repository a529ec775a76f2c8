"""Records in a file that several processes write at once: nothing is lost, and the file is whole at every moment.

Whoever changes the file holds its lock, writes a new one beside it and puts that in its place, so that a process killed
at any moment leaves the old file or the new one.

Of the records that were replaced nothing else tells, so `seal` keeps the SHA-256 of their file beside it: a line that
was edited, removed or invented is found. Whoever changes both files, or removes both, is not; version control tells
that.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from cleanbench.leaderboard import checksums
from cleanbench.records import Record, as_line
from cleanbench.store import whole_file


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file of records, which need not exist; clear away what killed processes left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        for left in path.parent.glob(f".{path.name}.new-*"):
            left.unlink()
        yield


def append(path: Path, records: Iterable[Record]) -> int:
    """Add records at the end of a file; one that is there already, word for word, is not added again.

    Args:
        path: A file of records, made if absent.
        records: What to add.

    Returns:
        How many were added.
    """
    lines = [as_line(record).encode() for record in records]
    with locked(path):
        before = path.read_bytes() if path.exists() else b""
        there = set(before.splitlines(keepends=True))
        new = [line for line in dict.fromkeys(lines) if line not in there]
        if new:
            with whole_file(path, f".new-{os.getpid()}") as scratch:
                scratch.write_bytes(before + b"".join(new))
    return len(new)


def sealed_by(path: Path) -> Path:
    """Return where the SHA-256 of a file of records lies."""
    return path.with_name(f"{path.name}.sha256")


def seal(path: Path) -> None:
    """Keep the SHA-256 of a file of records, if there is one; the caller knows that it is as it should be."""
    if path.exists():
        checksums.write(sealed_by(path), {path.name: checksums.sum_of(path)})


def differences(path: Path) -> Iterator[str]:
    """Say whether a file of records is not the one that was sealed."""
    there = [path] if path.exists() or path.is_symlink() else []
    return checksums.differences(sealed_by(path), there, "take it back from version control: git checkout")
