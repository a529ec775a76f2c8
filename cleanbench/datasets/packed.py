"""Images of a set that does not come as files, kept one after the other in a single file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cleanbench.core import digest_of
from cleanbench.store import damaged, open_array

BYTES, ENDS = "images.bin", "ends"


@dataclass(frozen=True, eq=False)
class Packed:
    """Encoded images in one file.

    Attributes:
        path: The file.
        ends: Where each image ends in it, shape ``(N,)``.
        names: What messages call the images.
    """

    path: Path
    ends: npt.NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.ends)

    def read(self, index: int) -> bytes:
        """Return the bytes of an image."""
        start = int(self.ends[index - 1]) if index else 0
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(int(self.ends[index]) - start)

    def describe(self, index: int) -> str:
        """Return the name of an image."""
        return self.names[index]


def pack(folder: Path, images: Iterable[bytes]) -> None:
    """Write encoded images, one after the other as they come, into an empty folder of the store."""
    ends, end = [], 0
    with (folder / BYTES).open("wb") as file:
        for image in images:
            end += file.write(image)
            ends.append(end)
    np.save(folder / ENDS, np.array(ends, dtype=np.int64))


def open_packed(folder: Path, names: Iterable[str]) -> Packed:
    """Open what `pack` wrote; the names are those of the images in their order.

    Raises:
        UserError: If the folder is damaged, naming it.
    """
    # In memory, not mapped: the child process of a method gets a copy.
    ends, named = np.array(open_array(folder / f"{ENDS}.npy")), tuple(names)
    if len(ends) != len(named):
        raise damaged(folder, f"{len(ends)} images for {len(named)} names")
    return Packed(folder / BYTES, ends, named)


def files_digest(root: Path) -> str:
    """Return the SHA-256 of the names, sizes and times of all files in a folder.

    Bytes are not read: a copy of a large set is told from a changed one within seconds, unless a file was changed
    and its time put back.
    """

    def parts() -> Iterator[str]:
        for path in sorted(root.rglob("*")):
            if path.is_file():
                status = path.stat()
                yield f"{path.relative_to(root)} {status.st_size} {status.st_mtime_ns}"

    return digest_of(parts())
