"""Plain settings against what they may be: a mistake is told by its name, before anything is computed."""

import math
from dataclasses import fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from cleanbench.core import UserError

WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
LARGEST_SEED = 2**32 - 1  # of numpy's old generators, from which scikit-learn and PyOD draw


def is_plain(value: Any, kind: type) -> bool:
    """Return whether a value is of one of the kinds in `WORDS`.

    True and False are no numbers, and NaN and infinity are none that a setting may have.

    Example:
        >>> is_plain(2, float), is_plain(2.0, int), is_plain(True, int), is_plain(math.nan, float)
        (True, False, False, False)
    """
    if kind in (bool, str) or isinstance(value, bool):
        return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    return isinstance(value, Integral if kind is int else Real) and (
        isinstance(value, Integral) or math.isfinite(value)
    )


def typed(name: str, value: Any, kind: type) -> Any:
    """Return a setting that must be of one of the kinds in `WORDS`.

    Raises:
        UserError: If it is not.
    """
    if not is_plain(value, kind):
        raise UserError(f"{name}={value!r} must be {WORDS[kind]}")
    return value


def flag(name: str, value: bool) -> bool:
    """Return a setting that is true or false.

    Raises:
        UserError: If it is anything else: a text such as ``no`` would count as true.
    """
    return bool(typed(name, value, bool))


def whole_number(name: str, value: int, least: int = 1, most: int | None = None) -> int:
    """Return a setting that is a whole number, not less than ``least`` and not more than ``most``, if that is given.

    Raises:
        UserError: If it is not.
    """
    if typed(name, value, int) < least:
        raise UserError(f"{name}={value} must be at least {least}")
    if most is not None and value > most:
        raise UserError(f"{name}={value} must be at most {most}")
    return int(value)


def number(name: str, value: float) -> float:
    """Return a setting that is a finite number.

    Raises:
        UserError: If it is not.
    """
    return float(typed(name, value, float))


def seed_number(value: int) -> int:
    """Return a seed that every generator takes.

    Raises:
        UserError: If it is none.
    """
    return whole_number("seed", value, 0, LARGEST_SEED)


def check_types(made: Any, group: str = "encoder") -> None:
    """Check the plain settings of a dataclass: whole numbers, numbers, texts, flags, or null.

    Args:
        made: What the settings belong to.
        group: How a message calls it.

    Raises:
        UserError: Naming the setting and what is expected.
    """
    hints = get_type_hints(type(made))
    for item in fields(made):
        value, hint = getattr(made, item.name), hints[item.name]
        kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        plain = [kind for kind in kinds if kind in WORDS]
        if not plain or len(plain) + (NoneType in kinds) < len(kinds) or (value is None and NoneType in kinds):
            continue
        if not any(is_plain(value, kind) for kind in plain):
            words = " or ".join([*(WORDS[kind] for kind in plain), *(["null"] if NoneType in kinds else [])])
            raise UserError(f"{group}.{item.name}={value!r} must be {words}")
