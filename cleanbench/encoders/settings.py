"""Settings of encoders against the types that their classes declare."""

from dataclasses import fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from cleanbench.core import UserError
from cleanbench.settings import WORDS, is_plain


def check_types(encoder: Any) -> None:
    """Check the plain settings of an encoder, a dataclass: whole numbers, numbers, texts, flags, or null.

    Raises:
        UserError: Naming the setting and what is expected.
    """
    hints = get_type_hints(type(encoder))
    for item in fields(encoder):
        value, hint = getattr(encoder, item.name), hints[item.name]
        kinds = get_args(hint) or (hint,)
        plain = [kind for kind in kinds if kind in WORDS]
        if not plain or len(plain) + (NoneType in kinds) < len(kinds) or (value is None and NoneType in kinds):
            continue
        if not any(is_plain(value, kind) for kind in plain):
            words = " or ".join([*(WORDS[kind] for kind in plain), *(["null"] if NoneType in kinds else [])])
            raise UserError(f"encoder.{item.name}={value!r} must be {words}")
