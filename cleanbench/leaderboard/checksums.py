"""Lists of SHA-256 that ``sha256sum --check`` reads, for files whose content no record tells.

Whoever changes a file and its line in the list is not found; version control tells that.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cleanbench.core import UserError
from cleanbench.store import whole_file


def sum_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path: Path, sums: Mapping[str, str]) -> None:
    """Write a list of sums by the names of files beside it, sorted; an empty one is removed."""
    if not sums:
        path.unlink(missing_ok=True)
        return
    content = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
    if path.is_file() and path.read_bytes() == content:
        return
    with whole_file(path, ".tmp") as scratch:
        scratch.write_bytes(content)


def read(path: Path) -> dict[str, str]:
    """Read a list; one that does not exist is empty.

    Raises:
        UserError: If it is damaged.
    """
    if not path.exists():
        return {}
    if not path.is_file():
        raise UserError(f"{path} is no file")
    sums: dict[str, str] = {}
    for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), start=1):
        found = re.fullmatch(r"([0-9a-f]{64})  ([\w.-]+)", line, re.ASCII)
        if found is None or found[2] in sums:
            raise UserError(f"{path}, line {number}: expected a SHA-256, two spaces and the name of another file")
        sums[found[2]] = found[1]
    return sums


def differences(path: Path, there: Iterable[Path], cure: str) -> Iterator[str]:
    """Compare a list with the files beside it that it should be about.

    Args:
        path: The list.
        there: These files.
        cure: What writes the list where there is none.
    """
    files = {file.name: file for file in there}
    if files and not path.exists():
        yield f"{path}: missing, the SHA-256 of {len(files)} files beside it; {cure}"
        return
    try:
        sums = read(path)
    except UserError as error:
        yield str(error)
        return
    for name in sorted(sums.keys() | files.keys()):
        if name not in files:
            yield f"{path.with_name(name)}: missing, but {path.name} lists it"
        elif name not in sums:
            yield f"{files[name]}: {path.name} does not list it"
        elif not files[name].is_file():
            yield f"{files[name]}: no file"
        elif sum_of(files[name]) != sums[name]:
            yield f"{files[name]}: its SHA-256 is not that of {path.name}; it was changed"
