"""One grammar of options for all commands: words ``key=value`` and flags ``--key``, documented where they are declared.

A command declares its options as a frozen dataclass. A field is an option; its default makes it optional; a ``bool``
is a flag, written ``--key`` or ``key=true``; the ``Attributes`` section of the docstring is the help.
"""

import dataclasses
import inspect
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, NoReturn, TypeVar, get_args, get_type_hints

from cleanbench.core import UserError
from cleanbench.spelling import nearest

MISTAKE, INTERRUPTED = 2, 130

T = TypeVar("T")


def run(program: str, options: type[T], action: Callable[[T], int], words: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with the code that ``action`` returns, or with 2 after a user's mistake.

    Args:
        program: How the command is called, for the help.
        options: A frozen dataclass.
        action: The command's work.
        words: What follows the command's name; by default what was typed.
    """
    given = sys.argv[1:] if words is None else words
    # As after Ctrl-C, nothing half-done stays.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if {"--help", "-h"} & set(given):
        sys.stdout.write(help_of(program, options))
        raise SystemExit(0)
    try:
        raise SystemExit(action(fill(options, given)))
    except UserError as mistake:
        sys.stderr.write(f"error: {mistake}\n")
        raise SystemExit(MISTAKE) from None
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        raise SystemExit(INTERRUPTED) from None


def fill(options: type[T], words: Sequence[str]) -> T:
    """Return ``options`` with what the words say.

    Raises:
        UserError: If a word is no option, an option is given twice or has no value of its type, or one is missing.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Options:
        ...     depth: int = 1
        ...     loud: bool = False
        >>> fill(Options, ["depth=3", "--loud"])
        Options(depth=3, loud=True)
    """
    kinds = get_type_hints(options)
    fields = _fields(options)
    values: dict[str, Any] = {}
    for word in words:
        name, value = _read(word, kinds)
        if name in values:
            raise UserError(f"{name} is given twice; give it once")
        values[name] = value
    if missing := [name for name, field in fields.items() if _required(field) and name not in values]:
        raise UserError(f"no value for {', '.join(missing)}; give {' '.join(f'{name}=…' for name in missing)}")
    return options(**values)


def help_of(program: str, options: type[Any]) -> str:
    """Return the usage: what the command does, and every option with its default and its documentation."""
    kinds, documented = get_type_hints(options), _documentation(options)
    rows = [(_spelled(name, field, kinds[name]), documented.get(name, "")) for name, field in _fields(options).items()]
    rows.append(("--help", "Show this and exit."))
    width = max(len(spelled) for spelled, _ in rows)
    lines = [f"  {spelled:<{width}}  {text}".rstrip() for spelled, text in rows]
    summary = inspect.cleandoc(options.__doc__ or "").partition("Attributes:\n")[0].strip()
    return "\n".join([f"usage: {program} [key=value ...] [--flag ...]", "", summary, "", *lines, ""])


def _read(word: str, kinds: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the option that a word names and the value that it gives it."""
    flags = [f"--{name}" for name, kind in kinds.items() if kind is bool]
    spellings = [*(f"{name}=" for name, kind in kinds.items() if kind is not bool), *flags, "--help"]
    name, equals, text = word.partition("=")
    if word in flags:
        return word.removeprefix("--"), True
    if name not in kinds or not equals:
        raise UserError(f"there is no option {word!r}.{nearest(name + equals, spellings)}")
    return name, _converted(name, kinds[name], text)


def _converted(name: str, kind: Any, text: str) -> Any:
    kinds = get_args(kind) or (kind,)
    if NoneType in kinds and text in ("null", "none"):
        return None
    (kind,) = (each for each in kinds if each is not NoneType)
    if kind is bool:
        if text not in ("true", "false"):
            raise UserError(f"{name}={text}: expected true or false")
        return text == "true"
    if not text:
        raise UserError(f"{name}= has no value")
    try:
        value = kind(_figures(text) if kind in (int, float) else text)
    except ValueError as error:
        if issubclass(kind, Enum):
            raise UserError(f"{name}={text}: no such choice.{nearest(text, [each.value for each in kind])}") from error
        raise UserError(f"{name}={text}: expected a value of type {kind.__name__}") from error
    return _path(name, value) if isinstance(value, Path) else value


def _figures(text: str) -> str:
    """Return the text of a number, which holds no space, no underscore and no figure beyond 0 to 9.

    Raises:
        ValueError: If it is none, though Python would read it.
    """
    if "_" in text or not text.isascii() or text != text.strip():
        raise ValueError(text)
    return text


def _path(name: str, value: Path) -> Path:
    """Return a path that can be looked at, whether there is something or not."""
    try:
        # A shell leaves the tilde of key=~/folder alone.
        place = value.expanduser()
        place.stat()
    except (FileNotFoundError, NotADirectoryError):  # what is missing is told by who needs it
        return place
    except (OSError, RuntimeError, ValueError) as error:
        shown = str(value) if len(str(value)) <= 80 else f"{str(value)[:79]}…"
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{name}={shown} cannot be looked at ({reason}); give another path") from error
    return place


def _fields(options: type[Any]) -> dict[str, "dataclasses.Field[Any]"]:
    return {field.name: field for field in dataclasses.fields(options)}


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _spelled(name: str, field: "dataclasses.Field[Any]", kind: Any) -> str:
    if kind is bool:
        return f"--{name}"
    return f"{name}=…" if _required(field) else f"{name}={'null' if field.default is None else field.default}"


def _documentation(options: type[Any]) -> dict[str, str]:
    """Return the entries of a docstring's section ``Attributes``, each on one line."""
    _, _, section = inspect.cleandoc(options.__doc__ or "").partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
