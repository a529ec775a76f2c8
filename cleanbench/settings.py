"""Settings of encoders and contaminations against the types that their classes declare."""

import math
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from cleanbench.core import UserError

WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


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
        if not any(_is(value, kind) for kind in plain):
            words = " or ".join([*(WORDS[kind] for kind in plain), *(["null"] if NoneType in kinds else [])])
            raise UserError(f"{group}.{item.name}={value!r} must be {words}")


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
