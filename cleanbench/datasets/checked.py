"""The settings of a loader against what they may be, before it reads anything."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from cleanbench.core import UserError
from cleanbench.datasets.truth_tables import CONFLICTS
from cleanbench.settings import LARGEST_SEED, WORDS, is_plain

# Pairs drawn as presumed negatives: about a gigabyte, and far more than any estimate needs.
MOST_NEGATIVES = 5_000_000

# The range of what several loaders have in common.
RANGES: Mapping[str, tuple[int, int]] = {"negatives": (0, MOST_NEGATIVES), "seed": (0, LARGEST_SEED)}

OTHERS: Mapping[Any, str] = {Mapping: "names with values", Sequence: "a list"}

P = ParamSpec("P")
T = TypeVar("T")


def checked(loader: Callable[P, T]) -> Callable[P, T]:
    """Let a loader be called with settings of their types only; a number given as a text is that text.

    A wrong one is a `UserError` that names it as ``dataset.<setting>``, also where this set would not use it.
    """
    signature = inspect.signature(loader)

    @functools.wraps(loader)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        given = signature.bind(*args, **kwargs)
        hints = get_type_hints(loader)
        for name, value in given.arguments.items():
            given.arguments[name] = _setting(name, value, hints[name])
        return loader(*given.args, **given.kwargs)

    return call


def whole_in_range(name: str, value: Any) -> int:
    """Return a number that must be in its range of `RANGES`.

    Raises:
        UserError: If it is no whole number, or out of range.
    """
    least, most = RANGES[name]
    if not is_plain(value, int):
        raise UserError(f"dataset.{name}={_shown(value)} must be {WORDS[int]}")
    if value < least:
        raise UserError(f"dataset.{name} must be {least} or more, not {_shown(value)}")
    if value > most:
        raise UserError(f"dataset.{name} must be at most {most:,}, not {_shown(value)}")
    return int(value)


def _setting(name: str, value: Any, hint: Any) -> Any:
    """Return a setting as the loader takes it."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if value is None and NoneType in kinds:
        return None
    if value is None:
        raise UserError(f"dataset.{name} has no value; give one: dataset.{name}=…")
    if name in RANGES:
        return whole_in_range(name, value)
    if name == "conflict" and value not in CONFLICTS:
        raise UserError(f"conflict={_shown(value)} is unknown; choose one of {', '.join(CONFLICTS)}")
    if str in kinds and is_plain(value, int):  # a folder, a column or a commit may be called by a number
        return str(value)
    for kind in kinds:
        if kind in WORDS and (is_plain(value, kind) or (kind is str and isinstance(value, PurePath))):
            return value
        origin = get_origin(kind)
        if origin is not None and isinstance(value, origin) and not isinstance(value, str):
            return value
    names = [WORDS.get(kind) or OTHERS.get(get_origin(kind), "") for kind in kinds]
    null = ["null"] if NoneType in kinds else []
    raise UserError(f"dataset.{name}={_shown(value)} must be {' or '.join([*filter(None, names), *null])}")


def _shown(value: Any) -> str:
    text = ascii(value) if not isinstance(value, int) or abs(value) < 10**80 else "a number of many digits"
    return text if len(text) <= 80 else f"{text[:79]}…"
