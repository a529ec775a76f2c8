"""Loops that numba compiles."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a loop; what is compiled is kept on disk where a folder can be written."""
    try:
        kept: Callable[..., Any] = numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # no such folder
        kept = numba.njit(error_model="numpy")(function)
    return kept
