"""Records in files: ``record.json`` of a run folder, and lines of JSON."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cleanbench.core import UserError
from cleanbench.records.record import SCHEMA, Record, RunFile
from cleanbench.store import whole_file


def write_run(path: Path, run: RunFile) -> None:
    """Write ``record.json``."""
    content = {"schema": SCHEMA, **run.model_dump(mode="json")}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_run(path: Path) -> RunFile:
    """Read ``record.json``.

    Raises:
        UserError: Naming the file and what is wrong with it.
    """
    content = _json(_text(path), str(path))
    if content.pop("schema", None) != SCHEMA:
        raise UserError(f"{path} has no schema {SCHEMA}; it was written by another version of cleanbench")
    try:
        return RunFile.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error)}") from error


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write records as lines of JSON, replacing the file in one step."""
    with whole_file(path, ".tmp") as scratch:
        scratch.write_text("".join(map(as_line, records)), encoding="utf-8")


def as_line(record: Record) -> str:
    """Return a record as a line of JSON."""
    return json.dumps(record.model_dump(mode="json"), ensure_ascii=False) + "\n"


def read_records(path: Path) -> list[Record]:
    """Read lines of JSON; a file that does not exist holds no records.

    Raises:
        UserError: Naming the file, the line and what is wrong with it.
    """
    if not (path.exists() or path.is_symlink()):
        return []
    if not path.is_file():
        raise UserError(f"{path} is no file")
    records = []
    # Not `splitlines`: it also splits at characters that may stand inside a JSON string.
    lines = _text(path).removesuffix("\n").split("\n")
    for number, line in enumerate(lines if lines != [""] else [], start=1):
        where = f"{path}, line {number}"
        try:
            records.append(Record.model_validate(_json(line, where)))
        except ValidationError as error:
            raise UserError(f"{where}: {explain(error)}") from error
    return records


def explain(error: ValidationError) -> str:
    """Return the defects that a validation found, in one line."""
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}" for item in error.errors())


def _text(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no file")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: no UTF-8 text ({error})") from error


def _json(text: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, and thousands of brackets, too
        raise UserError(f"{where}: not valid JSON ({error})") from error
    if not isinstance(content, Mapping):
        raise UserError(f"{where}: expected a JSON object, found {type(content).__name__}")
    if re.search(r"\\u[dD][89a-fA-F]", text):  # may stand for half of a character, which no file can hold
        try:
            json.dumps(content, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise UserError(f"{where}: {error.object[error.start]!r} is half of a character") from error
    return dict(content)
