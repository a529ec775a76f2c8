"""Reading images: always RGB and upright, decoded when asked for; what cannot be read says why."""

import hashlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from cleanbench.progress import progress

# Pillow's own limit for "this is an attack, not a picture"; a larger file is reported as unreadable.
LARGEST = 178_956_970


class UnreadableImage(Exception):
    """An image that cannot be decoded; the message is the reason."""


class Source(Protocol):
    """Where the bytes of a set's images come from; picklable, so that a child process can read them."""

    def __len__(self) -> int:
        """Return the number of images."""

    def read(self, index: int) -> bytes:
        """Return the encoded bytes of an image; an `OSError` makes it unreadable."""

    def describe(self, index: int) -> str:
        """Return what a message calls the image: its file name."""


@dataclass(frozen=True)
class Files:
    """Images in files."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self.paths)

    def read(self, index: int) -> bytes:
        """Return the bytes of a file."""
        return self.paths[index].read_bytes()

    def describe(self, index: int) -> str:
        """Return the path of a file."""
        return str(self.paths[index])


@dataclass(frozen=True)
class Encoded:
    """Images in memory, as the bytes of PNG, JPEG or similar files."""

    files: tuple[bytes, ...]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.files)

    def read(self, index: int) -> bytes:
        """Return the bytes of an image."""
        return self.files[index]

    def describe(self, index: int) -> str:
        """Return a name for an image."""
        return f"image {index}"


@dataclass(frozen=True)
class Images:
    """A sequence of images, decoded one at a time; `take` makes a subset or another order."""

    source: Source
    positions: tuple[int, ...] | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.source) if self.positions is None else len(self.positions)

    def __getitem__(self, index: int) -> Image.Image:
        """Decode an image.

        Returns:
            RGB, upright, without file name or metadata.

        Raises:
            UnreadableImage: With the reason.
        """
        try:
            data = self.source.read(self._position(index))
        except OSError as error:
            raise UnreadableImage(error.strerror or str(error)) from error
        return decode(data)

    def __iter__(self) -> Iterator[Image.Image]:
        """Decode one image after the other."""
        return (self[index] for index in range(len(self)))

    def take(self, indices: Sequence[int] | npt.NDArray[Any]) -> "Images":
        """Return the images at ``indices``, in that order."""
        return Images(self.source, tuple(self._position(int(index)) for index in indices))

    def describe(self, index: int) -> str:
        """Return what a message calls an image."""
        return self.source.describe(self._position(index))

    def digests(self) -> list[str]:
        """Return the SHA-256 of every file's bytes; a missing file has a digest of its own."""

        def digest(index: int) -> str:
            try:
                return hashlib.sha256(self.source.read(self._position(index))).hexdigest()
            except OSError as error:
                return f"unreadable: {error.strerror}"

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(digest, range(len(self)), chunksize=64))

    def problem(self, index: int) -> str:
        """Return why an image cannot be read, or an empty text if it can."""
        try:
            self[index]
        except UnreadableImage as error:
            return str(error)
        return ""

    def _position(self, index: int) -> int:
        return index if self.positions is None else self.positions[index]


def decode(data: bytes) -> Image.Image:
    """Decode the bytes of an image file.

    The first frame of an animation counts; 16-bit and float gray values are scaled to 8 bits, not clipped;
    an EXIF orientation is applied; transparency is dropped, as ``convert("RGB")`` does.

    Raises:
        UnreadableImage: With the reason: empty, truncated, no image, too large.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # damaged EXIF, large but allowed pictures: the decoded pixels decide
            with Image.open(io.BytesIO(data)) as image:
                width, height = image.size
                if width * height > LARGEST:
                    raise UnreadableImage(
                        f"{width}x{height} pixels are too many, at most {LARGEST:,} are read"
                    )
                return _bare(_eight_bit(ImageOps.exif_transpose(image)).convert("RGB"))
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"too many pixels, at most {LARGEST:,} are read") from error
    except UnidentifiedImageError as error:
        raise UnreadableImage("not an image, or of an unknown format") from error
    # Pillow's decoders raise almost anything on damaged bytes; all of it means: cannot be read.
    except Exception as error:
        raise UnreadableImage(str(error) or type(error).__name__) from error


def _bare(image: Image.Image) -> Image.Image:
    """Return the pixels alone: a method must not learn from a file name or from metadata."""
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    return bare


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale gray values of more than 8 bits to 8; Pillow's own conversion clips them to white."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64)
        # "I" also carries 16-bit files; only values beyond 16 bits speak for a full 32-bit range.
        top = 65535.0 if values.max(initial=0) <= 65535 else float(2**31 - 1)
        return Image.fromarray(np.clip(values / top * 255, 0, 255).round().astype(np.uint8))
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image).astype(np.float64))
        low, high = float(values.min()), float(values.max())
        spread = high - low if high > low else 1.0
        return Image.fromarray(((values - low) / spread * 255).round().astype(np.uint8))
    return image


def map_images(
    images: Images,
    compute: Callable[[Image.Image], npt.NDArray[Any]],
    *,
    threads: int = 1,
    title: str = "images",
) -> npt.NDArray[Any]:
    """Apply ``compute`` to every image and stack the results, shape ``(N, ...)``.

    Decodes each image once; at most a block of 64 decoded images is in memory at any time.
    """
    rows: list[npt.NDArray[Any]] = []
    with ThreadPoolExecutor(threads) as pool, progress(title, len(images), "image") as bar:
        for start in range(0, len(images), 64):
            block = range(start, min(start + 64, len(images)))
            rows.extend(pool.map(lambda index: np.asarray(compute(images[index])), block))
            bar.update(len(block))
    return np.stack(rows)
