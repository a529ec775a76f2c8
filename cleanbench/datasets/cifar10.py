"""The images and labels of CIFAR-10, in the order of its Python version."""

import hashlib
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import Ints, UserError
from cleanbench.datasets.folder import existing
from cleanbench.datasets.packed import open_packed, pack
from cleanbench.datasets.pickles import parse_pickle
from cleanbench.images import Source
from cleanbench.store import Store

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN, TEST = 50_000, 10_000
LARGEST = 64 * 2**20  # bytes; a batch has half of that
ARCHIVE, FOLDER = "cifar-10-python.tar.gz", "cifar-10-batches-py"

# As published, and as torchvision checks them: of the archive, and of each batch.
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}


@dataclass(frozen=True)
class Cifar10:
    """CIFAR-10: first the training images in their order, then the test images in theirs.

    Attributes:
        images: All images.
        labels: The published label of each as a position in `CLASSES`, shape ``(N,)``.
        train: How many are training images.
        origin: Where they were read from, and how they were checked.
    """

    images: Source
    labels: Ints
    train: int
    origin: str


def cifar10(root: str) -> Cifar10:
    """Read the Python version of CIFAR-10 from its published files, checked by their published MD5.

    The order is that of the batches. The binary version has another one, which the annotations by index do not fit.

    Args:
        root: The folder that holds ``cifar-10-python.tar.gz`` or the folder ``cifar-10-batches-py`` unpacked from it.

    Raises:
        UserError: If the files are not there or not the published ones.
    """
    place = existing(root)
    source = next((place / name for name in (FOLDER, ARCHIVE) if (place / name).exists()), None)
    if place.name == FOLDER:
        source = place
    if source is None:
        raise UserError(
            f"{place} holds neither {FOLDER} nor {ARCHIVE}; put the Python version of CIFAR-10 there, from "
            "https://www.cs.toronto.edu/~kriz/cifar.html"
        )
    labels = [np.asarray(batch[b"labels"], dtype=np.int64) for batch in _parsed(source)]
    key = hashlib.sha256("".join(MD5.values()).encode()).hexdigest()
    folder = Store.default().folder(f"cifar10/{key[:32]}", lambda empty: pack(empty, _pictures(_parsed(source))))
    *train, test = map(len, labels)
    names = (*(f"train/{row:05d}" for row in range(sum(train))), *(f"test/{row:05d}" for row in range(test)))
    return Cifar10(
        open_packed(folder, names),
        np.concatenate(labels),
        sum(train),
        f"{source}, the Python version, checked by the published MD5 of each batch",
    )


def _parsed(source: Path) -> Iterator[dict[bytes, Any]]:
    """Yield the content of each batch, one in memory at a time."""
    for name, content in _batches(source):
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != MD5[name]:
            raise UserError(
                f"{source}: {name} is not the published file (its MD5 differs); get the Python version anew"
            )
        yield parse_pickle(content, f"{source}, {name}", encoding="bytes")


def _batches(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each batch."""
    try:
        if source.is_dir():
            for name in MD5:
                yield name, _read(source / name)
            return
        # Before anything is unpacked: a small archive of another origin may become larger than any memory.
        with source.open("rb") as packed:
            if hashlib.file_digest(packed, _md5).hexdigest() != ARCHIVE_MD5:
                raise UserError(
                    f"{source} is not the published archive (its MD5 differs); get it anew, or unpack it: "
                    f"each file of {FOLDER} is checked by itself"
                )
        wanted = {f"{FOLDER}/{name}": name for name in MD5}
        found = {}
        # In the order of the archive: going back in it means to unpack it again from its start.
        with tarfile.open(source) as archive:
            for member in archive:
                if member.name in wanted and (file := archive.extractfile(member)) is not None:
                    found[wanted[member.name]] = file.read()
        for name in MD5:
            yield name, found.pop(name)
    except KeyError as error:
        raise UserError(f"{source} holds no file {error}; get the Python version of CIFAR-10 anew") from error
    # A damaged archive raises what its reader or its decoder raises.
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise UserError(f"{source} is not read as CIFAR-10 ({error}); get the Python version anew") from error


def _read(path: Path) -> bytes:
    """Return the bytes of a batch; of a file that is far larger than any, no more than shows that it is another."""
    with path.open("rb") as file:
        return file.read(LARGEST)


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _pictures(batches: Iterable[dict[bytes, Any]]) -> Iterator[bytes]:
    """Yield all images as PPM files, which are their pixels behind a few words."""
    for batch in batches:
        pixels = batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        yield from (b"P6 32 32 255\n" + picture.tobytes() for picture in pixels)
