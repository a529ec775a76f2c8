"""The manifest of a submission: a small YAML or JSON file that says what its ranking is."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from cleanbench.core import Issue, UserError
from cleanbench.records import Frozen
from cleanbench.score.findings import Findings
from cleanbench.spelling import nearest

NAMES = ("manifest.yaml", "manifest.yml", "manifest.json")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+=-]{0,59}")
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
    seed: int = Field(default=0, ge=0)
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
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        findings.defects.append(f"{path} does not exist; give the manifest: manifest=FILE, or leave it out")
        return Manifest()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        findings.defects.append(f"{path} cannot be read as YAML or JSON ({reason}); save it as UTF-8, key: value")
        return Manifest()
    if not isinstance(content, Mapping):
        findings.defects.append(f"{path} must hold keys and values such as 'name: mine', not {_kind(content)}")
        return Manifest()
    given = {str(key): value for key, value in content.items()}
    for key in [key for key in given if key not in Manifest.model_fields]:
        findings.defects.append(f"{path} has an unknown key {key!r}.{nearest(key, Manifest.model_fields)}")
        del given[key]
    while True:
        try:
            return Manifest.model_validate(given)
        except ValidationError as error:
            for key in {str(item["loc"][0]): None for item in error.errors()}:
                told = "; ".join(item["msg"] for item in error.errors() if str(item["loc"][0]) == key)
                findings.defects.append(f"{path}: {key}: {given.pop(key)!r} cannot be used ({told})")


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


def _kind(content: object) -> str:
    return "nothing" if content is None else f"a {type(content).__name__}"
