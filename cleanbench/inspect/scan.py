"""One look at every image of a set: its size, digests of file and pixels, or why it cannot be read."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL

from cleanbench.core import Bools, digest_of
from cleanbench.image_set import ImageSet
from cleanbench.images import Images, UnreadableImage, decode
from cleanbench.progress import progress
from cleanbench.store import Store, damaged, open_array, read_json
from cleanbench.view import source_digest

# Digests as hexadecimal text: raw bytes that end with zeros would lose them in a fixed-width array.
FACTS = np.dtype(
    [("bytes", "<i8"), ("width", "<i4"), ("height", "<i4"), ("file", "S64"), ("md5", "S32"), ("pixels", "S64")]
)


@dataclass(frozen=True)
class Scan:
    """What a look at every image found.

    Attributes:
        facts: Per image, shape ``(N,)``, of the fields of `FACTS`: bytes of the file, width and height in pixels as
            shown upright, SHA-256 and MD5 of the file's bytes, SHA-256 of the decoded RGB pixels. Zero and empty where
            unreadable.
        reasons: Why an image cannot be read; an empty text if it can.
    """

    facts: npt.NDArray[Any]
    reasons: tuple[str, ...]

    @property
    def readable(self) -> Bools:
        """True where an image can be read, shape ``(N,)``."""
        return np.array([not reason for reason in self.reasons], dtype=bool)


def scan(image_set: ImageSet, store: Store) -> Scan:
    """Look at every image, one at a time per thread; a set that was looked at before is not read again but hashed."""
    images, count = image_set.images, len(image_set)

    def fill(folder: Path) -> None:
        facts, reasons = np.zeros(count, dtype=FACTS), [""] * count
        with ThreadPoolExecutor(2) as pool, progress("looking at images", count, "image") as bar:
            for index, (fact, reason) in enumerate(pool.map(lambda index: _look(images, index), range(count))):
                facts[index], reasons[index] = fact, reason
                bar.update(1)
        np.save(folder / "array.npy", facts)
        (folder / "reasons.json").write_text(json.dumps(reasons))

    # Another version of the decoder may read what this one cannot, or read other pixels.
    key = digest_of([image_set.pixels_digest, source_digest(decode), source_digest(_look), PIL.__version__])
    folder = store.folder(f"scans/{key[:32]}", fill)
    facts, reasons = open_array(folder / "array.npy"), read_json(folder / "reasons.json")
    if len(facts) != count or len(reasons) != count:
        raise damaged(folder, f"{len(facts)} entries for {count} images")
    return Scan(facts, tuple(reasons))


def _look(images: Images, index: int) -> tuple[tuple[int, int, int, bytes, bytes, bytes], str]:
    try:
        data = images.read(index)
        image = decode(data)
    except UnreadableImage as error:
        # Reasons that name the image would all differ, and could not be counted.
        return (0, 0, 0, b"", b"", b""), str(error).replace(images.describe(index), "the image")
    pixels = hashlib.sha256(f"{image.width}x{image.height} ".encode() + image.tobytes()).hexdigest()
    file, md5 = hashlib.sha256(data).hexdigest(), hashlib.md5(data, usedforsecurity=False).hexdigest()
    return (len(data), image.width, image.height, file.encode(), md5.encode(), pixels.encode()), ""
