"""The manifest of a submission: a small YAML or JSON file that says what its ranking is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError
from yaml import YAMLError

from cleanbench.core import Issue, UserError
from cleanbench.records import Frozen
from cleanbench.report.page import visible
from cleanbench.score.findings import Findings, shown
from cleanbench.score.plain_yaml import LARGEST_NUMBER, read_plain
from cleanbench.spelling import nearest

NAMES = ("manifest.yaml", "manifest.yml", "manifest.json")
LONGEST_TEXT = 200  # signs, of what stands in tables
LONGEST_KEY = 60
MOST_SETTINGS = 20
Direction = Literal["higher", "lower"]


def _one_line(text: str) -> str:
    if visible(text) != text or any(sign in text for sign in "\n\t\u2028\u2029"):
        raise ValueError("it holds line ends or control signs; write plain text on one line")
    return text


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return value


def _short(settings: dict[str, Any]) -> dict[str, Any]:
    if len(settings) > MOST_SETTINGS:
        raise ValueError(f"there are {len(settings):,} settings, more than {MOST_SETTINGS}; give those that matter")
    for key, value in settings.items():
        if not 0 < len(_one_line(key)) <= LONGEST_KEY:
            raise ValueError(f"a key has {len(key)} signs; give it 1 to {LONGEST_KEY}")
        if len(_one_line(str(value))) > LONGEST_TEXT:
            raise ValueError(f"{key} has a value of {len(str(value)):,} signs, more than {LONGEST_TEXT}")
    return settings


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT), AfterValidator(_one_line)]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Quantity = Annotated[float, BeforeValidator(_number), Field(ge=0)]


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
    seed: Annotated[int, BeforeValidator(_number), Field(ge=0, le=LARGEST_NUMBER)] = 0
    settings: Annotated[dict[str, str | int | float | bool | None], AfterValidator(_short)] = Field(
        default_factory=dict
    )
    supervised: bool = False
    who: Text = ""
    licence: Text = ""
    code: Text = ""
    description: Prose = ""
    cpu_seconds: Quantity | None = None
    peak_mib: Quantity | None = None


def read_manifest(path: Path, findings: Findings) -> Manifest:
    """Read a manifest and note its defects; what is defective counts as not stated."""
    called = shown(path, LONGEST_TEXT)
    try:
        content = read_plain(path)
    except FileNotFoundError:
        findings.defects.append(f"{called} does not exist; give the manifest: manifest=FILE, or leave it out")
        return Manifest()
    # A ValueError is a text that is not UTF-8, a date that no calendar has, or a number of too many digits; an
    # ArithmeticError a number that is written 1:30:00 and has too many colons.
    except (OSError, ValueError, ArithmeticError, YAMLError) as error:
        reason = shown(" ".join(str(error).split()), 200)
        findings.defects.append(f"{called} cannot be read as YAML or JSON ({reason}); save it as UTF-8, key: value")
        return Manifest()
    if not isinstance(content, Mapping):
        findings.defects.append(f"{called} must hold keys and values such as 'name: mine', not {_kind(content)}")
        return Manifest()
    given = {str(key): value for key, value in content.items() if value is not None}
    for key in [key for key in given if key not in Manifest.model_fields]:
        findings.defects.append(
            f"{called} has an unknown key {shown(repr(key))}.{nearest(key[:LONGEST_KEY], Manifest.model_fields)}"
        )
        del given[key]
    while True:
        try:
            return Manifest.model_validate(given)
        except ValidationError as error:
            for key in {str(item["loc"][0]): None for item in error.errors()}:
                of_key = [item for item in error.errors() if str(item["loc"][0]) == key]
                told = "; ".join(dict.fromkeys(item["msg"].removeprefix("Value error, ") for item in of_key))
                # An unquoted revision of nothing but digits is a number, and an unquoted no is false.
                text = any(item["type"] == "string_type" and item["loc"] == (key,) for item in of_key)
                cure = "; put it in quotes" if text and not isinstance(given[key], list | dict) else ""
                findings.defects.append(
                    f"{called}: {key}: {shown(repr(given.pop(key)))} cannot be used ({shown(told, 200)}){cure}"
                )


def beside(ranking: Path) -> Path | None:
    """Return the manifest in the folder of a ranking, if there is one."""
    return next((path for name in NAMES if (path := ranking.parent / name).is_file()), None)


def cleaned(options: Mapping[str, Any], manifest: Manifest, findings: Findings) -> Manifest:
    """Join what the command line and the manifest say; where both speak, they must agree."""
    said = {key: value for key, value in options.items() if value is not None}
    stated = manifest.model_dump(exclude_unset=True)
    for key, value in said.items():
        if stated.get(key) not in (None, value):
            findings.defects.append(
                f"{key}={shown(value)} on the command line, {shown(stated[key])} in the manifest; say one thing"
            )
    try:
        return Manifest.model_validate({**stated, **said})
    except ValidationError as error:  # only the options can be wrong by now
        told = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise UserError(shown(told, 500)) from error


def _kind(content: object) -> str:
    return "nothing" if content is None else f"a {type(content).__name__}"
