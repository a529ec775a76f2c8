"""What a user says about a data set: fields of its card, from settings or from a YAML file beside the images."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from cleanbench.core import Issue, UserError
from cleanbench.image_set import Card
from cleanbench.spelling import nearest

CARD = "card.yaml"
# Fields that are no text.
SWITCHES = ("commercial", "redistributable")


def stated(card: Mapping[str, Any] | None, told: str = "dataset.card", *, truths: bool = False) -> dict[str, Any]:
    """Return what is said about a set, as arguments of `Card`.

    Args:
        card: Values by field; None: nothing is said.
        told: What messages call it.
        truths: Whether it may say how truths were made, by issue. Elsewhere the loader knows.

    Raises:
        UserError: If there is no such field, or a value is of the wrong kind.
    """
    known = [field.name for field in fields(Card) if truths or field.name != "truths"]
    found = dict(card or {})
    for key, value in found.items():
        if key not in known:
            raise UserError(f"{told} has no field {key!r}.{nearest(str(key), known)}")
        if key in SWITCHES:
            _check(
                told, key, value, isinstance(value, bool) or (value is None and key == "commercial"), "true or false"
            )
        elif key == "blemishes":
            texts = [value] if isinstance(value, str) else value
            _check(told, key, value, _all_texts(texts), "a list of sentences")
            found[key] = tuple(texts)
        elif key == "truths":
            _check(told, key, value, isinstance(value, Mapping) and _all_texts([*value.values()]), "a text per issue")
            for issue in value:
                if str(issue).partition(" ")[0] not in list(Issue):
                    raise UserError(f"{told}: truths are by issue, and {issue!r} is none.{nearest(str(issue), Issue)}")
            found[key] = {str(issue): text for issue, text in value.items()}
        else:
            _check(told, key, value, isinstance(value, str), "a text")
    return found


def read_card(path: Path) -> dict[str, Any]:
    """Return what a YAML file says about a set, as arguments of `Card`.

    Raises:
        UserError: If it cannot be read, or says something that is no field of a card.
    """
    from yaml import YAMLError, safe_load

    try:
        content = safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror or error}; dataset.card should be a YAML file"
        ) from error
    except (UnicodeDecodeError, YAMLError) as error:
        raise UserError(f"{path} is no YAML file: {' '.join(str(error).split())}") from error
    if content is not None and not isinstance(content, Mapping):
        raise UserError(f"{path} must hold fields and values, such as 'licence: CC-BY-4.0'")
    return stated(content, str(path), truths=True)


def _all_texts(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(value, str) for value in values)


def _check(told: str, key: str, value: object, right: bool, wanted: str) -> None:
    if not right:
        raise UserError(f"{told}: {key} must be {wanted}, not {value!r}")
