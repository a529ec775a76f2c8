"""Pickles of plain data, read without running what a stranger put into them.

`pickle.load` calls whatever function a file names. Here only the ones that build numbers, texts and NumPy arrays of
them are admitted; a file that names any other is refused.
"""

import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import UserError


def _latin1(text: str, encoding: str) -> bytes:
    """Return bytes that Python 3 wrote as a text for Python 2 to read."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes are encoded as {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """Return the empty bytes, which old protocols write as a call without arguments."""
    return b""


# NumPy 2 moved its core, and Python 3 its built-ins; older files name the old places.
ADMITTED = {
    **{
        (f"numpy.{core}.multiarray", name): getattr(np._core.multiarray, name)  # type: ignore[attr-defined]
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    },
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin1,
    ("__builtin__", "bytes"): _no_bytes,
    ("builtins", "bytes"): _no_bytes,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a file of plain data has no need of")
        return ADMITTED[module, name]


def read_pickle(path: Path, *, encoding: str = "ASCII") -> Any:
    """Read a pickle of dictionaries, lists, tuples, numbers, texts and NumPy arrays.

    Args:
        path: The file.
        encoding: How texts of Python 2 are read; ``bytes`` leaves them as they are.

    Raises:
        UserError: If it cannot be read, is damaged, or asks for anything else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    return parse_pickle(data, str(path), encoding=encoding)


def parse_pickle(data: bytes, name: str, *, encoding: str = "ASCII") -> Any:
    """Read a pickle from memory; as `read_pickle`, with the name that messages give it."""
    return _loaded(io.BytesIO(data), name, encoding)


def read_dictionary(path: Path) -> Any:
    """Read what ``numpy.save`` makes of a dictionary: an array file that holds one pickled object.

    Raises:
        UserError: As `read_pickle` does, and if it is no such file.
    """
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = header(file)
            if shape != () or not dtype.hasobject:
                raise UserError(f"{path} holds an array of shape {shape} and type {dtype}, not a dictionary")
            found = _loaded(file, str(path), "latin1")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} is no array file of NumPy ({error})") from error
    return found.item() if isinstance(found, np.ndarray) and found.shape == () else found


def _loaded(file: Any, name: str, encoding: str) -> Any:
    try:
        return _Reader(file, encoding=encoding).load()
    # What a damaged pickle raises depends on where it is damaged.
    except (
        pickle.UnpicklingError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError,
        EOFError, OverflowError, MemoryError, struct.error, SystemError,
    ) as error:  # fmt: skip
        raise UserError(f"{name} is not read: {error}; it should be a pickle of plain data, as published") from error
