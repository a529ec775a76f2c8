"""Progress bars, shown on a terminal and silent elsewhere."""

import os
import sys
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

# A child process writes its own output to a log; this variable tells it which descriptor is the terminal.
TERMINAL = "CLEANBENCH_TERMINAL"


def progress(title: str, total: int, unit: str) -> "tqdm[NoReturn]":
    """Return a progress bar (a context manager with ``update(n)``) with elapsed and remaining time."""
    from tqdm import tqdm

    stream = _stream()
    columns, rows = _size(stream)
    # Short work flickers; a bar that appears after a second is one that somebody waits for.
    return tqdm(
        total=total, desc=title, unit=unit, file=stream, disable=None, leave=False, delay=1, ncols=columns, nrows=rows
    )


def _size(stream: TextIO) -> tuple[int, int]:
    """Return columns and rows; a terminal that does not know its size, on which tqdm shows nothing, is 80 by 24."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):  # no terminal, or nothing that has a descriptor
        columns = rows = 0
    return columns or 80, rows or 24


def _stream() -> TextIO:
    descriptor = os.environ.get(TERMINAL)
    if descriptor is None:
        return sys.stderr
    try:
        return open(int(descriptor), "w", buffering=1, closefd=False)
    except OSError:  # a process started by a method inherits the variable, but not the descriptor
        return sys.stderr
