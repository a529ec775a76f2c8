"""Files that an encoder reads: found or told, and named by their content."""

import hashlib
from functools import lru_cache
from pathlib import Path

from cleanbench.core import UserError


def existing(path: str, setting: str = "encoder.path") -> Path:
    """Return the file at ``path`` (relative to the current folder).

    Raises:
        UserError: If there is none.
    """
    try:
        found = Path(path).expanduser()
    except RuntimeError as error:  # the home folder of nobody
        raise UserError(f"{setting}={path}: {error}") from error
    if not path:
        raise UserError(f"{setting} is empty; give a file")
    if not found.exists():
        raise UserError(f"{setting}={path}: there is no such file")
    if not found.is_file():
        raise UserError(f"{setting}={path} is not a file")
    return found


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes; an unchanged file is read once per process.

    Raises:
        UserError: If it cannot be read.
    """
    try:
        status = path.stat()
        return _digest(str(path.resolve()), status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=64)
def _digest(path: str, modified: int, size: int) -> str:  # noqa: ARG001 - time and size are the key's part
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
