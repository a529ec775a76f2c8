"""Reading images: always RGB and upright, decoded when asked for; what cannot be read says why."""

import hashlib
import io
import stat
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

# Pillow's own limit for "this is an attack, not a picture"; a larger file is reported as unreadable.
LARGEST = 178_956_970

# Sixteen bits of red, green, blue and alpha for each pixel: no picture within the limit needs a larger file.
LARGEST_FILE = 8 * LARGEST

# Formats that Pillow lists as readable but hands to a program or a library from outside: PostScript would
# run Ghostscript on a stranger's file; of the others Pillow reads no pixel by itself.
NOT_DECODED = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
        """Return the bytes of a file.

        Raises:
            OSError: If there is none, or if it is a folder, a pipe or a device, or too large for a picture.
        """
        path = self.paths[index]
        status = path.stat()
        # Asked before opening: opening a pipe waits for somebody to write into it.
        if not stat.S_ISREG(status.st_mode):
            raise OSError("a folder, a pipe or a device, not a file")
        if status.st_size > LARGEST_FILE:
            raise OSError(f"{status.st_size:,} bytes are too many, at most {LARGEST_FILE:,} are read")
        return path.read_bytes()

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
        return decode(self.read(index))

    def __iter__(self) -> Iterator[Image.Image]:
        """Decode one image after the other."""
        return (self[index] for index in range(len(self)))

    def read(self, index: int) -> bytes:
        """Return the bytes of an image's file.

        Raises:
            UnreadableImage: With the reason.
        """
        try:
            return self.source.read(self._position(index))
        except OSError as error:
            raise UnreadableImage(error.strerror or str(error)) from error

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
            except OSError:  # whatever the reason is, and however this system words it: no pixels
                return "unreadable"

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

    - Of an animation or of several pages the first one counts.
    - An EXIF orientation is applied; a damaged one is passed over.
    - Transparency is dropped, as ``convert("RGB")`` does: what lies under it shows.
    - Gray values of 16 bits, and 32-bit ones that stay within 0 and 65535, are divided by 257, so that
      images of a set remain comparable; a 12-bit picture in a 16-bit file is therefore dark.
    - Other 32-bit integers (signed ones too) and floats have no range that all files share: each image is
      stretched from its smallest to its largest finite value, and brightness is not comparable between
      such images. A constant one becomes black; NaN becomes black, infinities the end that they point to.

    Raises:
        UnreadableImage: With the reason: empty, truncated, no image, too large.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    try:
        with _silence, Image.open(io.BytesIO(data), formats=_formats()) as image:
            width, height = image.size
            if width * height > LARGEST:
                raise UnreadableImage(f"{width}x{height} pixels are too many, at most {LARGEST:,} are read")
            if width * height == 0:
                raise UnreadableImage(f"{width}x{height} pixels: there is nothing to see")
            image.load()
            turn = _turn(image)
            eight_bit = _eight_bit(image)
            upright = eight_bit if eight_bit.mode == "RGB" else eight_bit.convert("RGB")
            return _bare(upright if turn is None else upright.transpose(turn))
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage("not an image, or of an unknown format") from error
    # Pillow's decoders raise almost anything on damaged bytes; all of it means: cannot be read.
    except Exception as error:
        raise UnreadableImage(str(error) or type(error).__name__) from error


@cache
def suffixes() -> frozenset[str]:
    """Return the endings of file names, in lower case and with the dot, that stand for an image here."""
    readable = set(_formats())
    return frozenset(suffix for suffix, format_name in Image.registered_extensions().items() if format_name in readable)


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in Image.ID if name in Image.OPEN and name not in NOT_DECODED)


class _Silence:
    """Ignores warnings while any thread is inside; filters that each thread set and restored would get mixed up."""

    _inside = 0

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._filters.__exit__(None, None, None)


_silence = _Silence()


def _bare(image: Image.Image) -> Image.Image:
    """Return the pixels alone: a method must not learn from a file name or from metadata."""
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    return bare


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return what sets a decoded image upright, or None if it is so, or if its EXIF cannot be read."""
    try:
        return UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    # As with pixels, damaged EXIF raises almost anything; the picture is as good as without it.
    except Exception:
        return None


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale gray values of more than 8 bits to 8; Pillow's own conversion clips them to white."""
    if not (image.mode.startswith("I") or image.mode == "F"):
        return image
    values = np.asarray(image)
    finite = np.isfinite(values)
    anywhere = float(values.flat[finite.argmax()]) if finite.any() else 0.0
    low = float(np.min(values, where=finite, initial=anywhere))
    high = float(np.max(values, where=finite, initial=anywhere))
    if image.mode != "F" and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    factor = 255 / (high - low) if high > low else 0.0
    gray = np.empty(values.shape, dtype=np.uint8)
    # By bands: float64 copies of a whole large scan would take eight times its memory, several times over.
    for start in range(0, len(values), 256):
        band = np.nan_to_num(values[start : start + 256].astype(np.float64), nan=low, posinf=high, neginf=low)
        gray[start : start + 256] = ((band - low) * factor).round()
    return Image.fromarray(gray)
