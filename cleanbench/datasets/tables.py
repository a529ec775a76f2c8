"""Tables of facts about images: CSV files, read strictly, so that a slip is told instead of guessed at."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cleanbench.core import UserError

# The csv module stops at 131,072 characters, which four thousand MD5 sums in one group exceed.
csv.field_size_limit(2**31 - 1)


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the fields of every row of a CSV file, first the names of its columns.

    A byte order mark and empty lines are passed over; all rows have as many fields as there are columns.

    Raises:
        UserError: If the file cannot be read, is empty, is not UTF-8, is no proper CSV or repeats a column.
    """
    line, width = 0, 0
    try:
        if not path.is_file():
            raise UserError(f"{path} is not a file; it should be a CSV table")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            for fields in reader:
                line = reader.line_num
                text = "".join(fields)
                if not text.strip():
                    continue
                if "\0" in text:
                    raise UserError(f"{path}, line {line}: holds a NUL character; save it as plain UTF-8 text")
                if not width:
                    width, fields = len(fields), [field.strip() for field in fields]
                    _distinct(path, fields)
                elif len(fields) != width:
                    raise UserError(
                        f"{path}, line {line}: {count(len(fields), 'field')} found, {width} expected as in "
                        "the header; a field that contains a comma needs double quotes around it"
                    )
                yield line, fields
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, line {_undecodable(path)}: not UTF-8 text; save it as UTF-8") from error
    except csv.Error as error:
        raise UserError(f"{path}, line {line + 1}: no proper CSV ({error}); check the quotes") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    if not width:
        raise UserError(f"{path} is empty; give it a header and rows, or remove it")


def canonical(key: str) -> str:
    """Return an id as ids are compared: composed (NFC), without spaces around it.

    Some systems decompose accented letters in file names, which tables made elsewhere do not.
    """
    return key.strip() if key.isascii() else unicodedata.normalize("NFC", key).strip()


def number_in(text: str) -> float:
    """Return the number that a field holds; Python alone would take ``0_1`` for 1.

    Raises:
        ValueError: If it holds none.

    Example:
        >>> number_in(" 1e-1 ")
        0.1
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"{text!r} is no number")
    return float(text)


def whole_in(text: str) -> int:
    """Return the whole number that a field holds.

    Raises:
        ValueError: If it holds none, or one of more digits than a count of images has.
    """
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", text, re.ASCII):
        raise ValueError(f"{some([text])} is no whole number")
    return int(text)


def some(names: Iterable[str], limit: int = 3) -> str:
    """Return the first names, quoted so that any character may be shown, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - limit:,} more" if len(listed) > limit else ""
    short = (name if len(name) <= 80 else f"{name[:79]}…" for name in listed[:limit])
    return ", ".join(map(repr, short)) + more


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural if need be."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def _distinct(path: Path, header: Sequence[str]) -> None:
    repeated = sorted({column for column in header if column and header.count(column) > 1})
    if repeated:
        raise UserError(f"{path} has more than one column called {some(repeated)}; rename one of them")


def _undecodable(path: Path) -> int:
    """Return the number of the first line that is not UTF-8."""
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            line.decode()
        except UnicodeDecodeError:
            return number
    return 1
