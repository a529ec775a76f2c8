"""The manifest of a submission: a small YAML or JSON file that says what its ranking is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from yaml import YAMLError

from cleanbench.core import Issue, UserError
from cleanbench.records import Frozen
from cleanbench.score.findings import Findings
from cleanbench.spelling import nearest

NAMES = ("manifest.yaml", "manifest.yml", "manifest.json")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+=-]{0,59}")
LARGEST = 64 * 1024  # bytes
DEEPEST = 8  # lists and mappings within each other
LARGEST_NUMBER = 2**63 - 1
Direction = Literal["higher", "lower"]


class Manifest(Frozen):
    """What a submission says of itself; what is left out is not stated.

    Attributes:
        name: What tables call the method.
        issue: What is ranked.
        dataset: Name of the data set.
        fingerprint: Of the data set, or its first digits (at least 8), as records and boards show it.
        truth_revision: Of the truth of the set that the author had in mind, or its first digits (at least 8).
        direction: Which scores are suspicious: ``higher``, as everywhere in cleanbench, or ``lower``.
        encoder: The representation that the method saw.
        seed: Of the method.
        settings: Of the method; shown beside its name.
        supervised: Whether it was told labels that are stated to be right.
        who: Who made the ranking.
        licence: Under which others may use it.
        code: Where the method's code is.
        description: What the method does, in a sentence or two.
        cpu_seconds: What the ranking cost, by its author's word.
        peak_mib: Peak memory, by its author's word.
    """

    name: str | None = None
    issue: Issue | None = None
    dataset: str | None = None
    fingerprint: str | None = Field(default=None, pattern="^[0-9a-f]{8,64}$")
    truth_revision: str | None = Field(default=None, pattern="^[0-9a-f]{8,64}$")
    direction: Direction | None = None
    encoder: str | None = None
    seed: int = Field(default=0, ge=0, le=LARGEST_NUMBER)
    settings: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    supervised: bool = False
    who: str = ""
    licence: str = ""
    code: str = ""
    description: str = ""
    cpu_seconds: float | None = Field(default=None, ge=0)
    peak_mib: float | None = Field(default=None, ge=0)


def read_manifest(path: Path, findings: Findings) -> Manifest:
    """Read a manifest and note its defects; what is defective counts as not stated."""
    try:
        content = _content(path)
    except FileNotFoundError:
        findings.defects.append(f"{path} does not exist; give the manifest: manifest=FILE, or leave it out")
        return Manifest()
    # A ValueError is a text that is not UTF-8, a date that no calendar has, or a number of too many digits.
    except (OSError, ValueError, YAMLError) as error:
        reason = _short(" ".join(str(error).split()), 200)
        findings.defects.append(f"{path} cannot be read as YAML or JSON ({reason}); save it as UTF-8, key: value")
        return Manifest()
    if not isinstance(content, Mapping):
        findings.defects.append(f"{path} must hold keys and values such as 'name: mine', not {_kind(content)}")
        return Manifest()
    given = {str(key): value for key, value in content.items()}
    for key in [key for key in given if key not in Manifest.model_fields]:
        findings.defects.append(f"{path} has an unknown key {_short(repr(key))}.{nearest(key, Manifest.model_fields)}")
        del given[key]
    while True:
        try:
            return Manifest.model_validate(given)
        except ValidationError as error:
            for key in {str(item["loc"][0]): None for item in error.errors()}:
                told = "; ".join(item["msg"] for item in error.errors() if str(item["loc"][0]) == key)
                findings.defects.append(f"{path}: {key}: {_short(repr(given.pop(key)))} cannot be used ({told})")


def beside(ranking: Path) -> Path | None:
    """Return the manifest in the folder of a ranking, if there is one."""
    return next((path for name in NAMES if (path := ranking.parent / name).is_file()), None)


def check_name(name: str | None, taken: Sequence[str], findings: Findings) -> None:
    """Note what is wrong with the name of a method.

    Args:
        name: As given.
        taken: Names of the methods that the harness runs itself.
        findings: Takes the defects.
    """
    if name is None:
        findings.defects.append("the submission has no name; say what tables shall call the method: name=…")
    elif not NAME.fullmatch(name):
        findings.defects.append(
            f"name={name!r} cannot stand in tables and file names; use up to 60 letters, digits, spaces and ._+=- "
            "and start with a letter or digit"
        )
    elif name in taken:
        findings.defects.append(
            f"name={name!r} is a method that cleanbench runs itself; a ranking made elsewhere needs a name of its own"
        )


def cleaned(options: Mapping[str, Any], manifest: Manifest, findings: Findings) -> Manifest:
    """Join what the command line and the manifest say; where both speak, they must agree."""
    said = {key: value for key, value in options.items() if value is not None}
    stated = manifest.model_dump(exclude_unset=True)
    for key, value in said.items():
        if stated.get(key) not in (None, value):
            findings.defects.append(f"{key}={value} on the command line, {stated[key]} in the manifest; say one thing")
    try:
        return Manifest.model_validate({**stated, **said})
    except ValidationError as error:  # only the options can be wrong by now
        raise UserError("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())) from error


def _content(path: Path) -> Any:
    """Return what a small file of keys and plain values holds; it may come from anybody.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is larger or more intricate than a manifest, or holds what no file can be written of.
        YAMLError: If it is no YAML.
    """
    import yaml

    with path.open("rb") as file:
        stored = file.read(LARGEST + 1)
    if len(stored) > LARGEST:
        raise ValueError(f"larger than {LARGEST // 1024} KiB")
    text = stored.decode("utf-8-sig")
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        # A few references to references stand for more than any memory holds.
        if getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None:
            raise ValueError("it has anchors, aliases or tags (&, *, !), which a manifest does not need")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} times")
    content = yaml.safe_load(text)
    for key, value in _plain(content):
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise ValueError(f"{_short(key)} is a number of more than 64 bits")
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError(f"{_short(key)} holds half a character, which is no text") from None
    return content


def _plain(content: Any, key: str = "it") -> Iterator[tuple[str, Any]]:
    """Yield all plain values, keys included, with what to call them."""
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _plain(name, "a key")
            yield from _plain(value, ascii(name))
    elif isinstance(content, list):
        for value in content:
            yield from _plain(value, key)
    else:
        yield key, content


def _short(text: str, length: int = 80) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _kind(content: object) -> str:
    return "nothing" if content is None else f"a {type(content).__name__}"
