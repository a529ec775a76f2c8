"""Hydra's error messages in the user's words: what is wrong, the nearest valid name, and all valid names."""

import re
import sys
from collections.abc import Sequence

from hydra.errors import OverrideParseException
from yaml import YAMLError

from cleanbench.core import UserError
from cleanbench.spelling import nearest

OPTIONAL = ("augmentations", "experiment")  # groups without a default


def explained(error: Exception, words: Sequence[str] = ()) -> str:
    """Return a few lines that name the mistake and its cure.

    Args:
        error: What was raised.
        words: The settings it is about; by default those that were typed.
    """
    if isinstance(error, UserError):
        return str(error)
    text = str(error)
    if option := re.search(r"Could not find '([^/']+)/([^']+)'", text):
        return _no_option(option[1], option[2])
    if key := re.search(r"Could not override '([^']+)'", text):
        return _no_setting(key[1], words or sys.argv)
    if isinstance(error, YAMLError):
        text = f"a configuration file is no valid YAML: {' '.join(text.split())}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if isinstance(error, OverrideParseException):
        quotes = "put a value with unusual characters in quotes twice: 'dataset.root=\"/data/my pictures (1)\"'"
        lines[2:] = [quotes if "=" in text else "settings are written key=value"]
    return "\n".join(lines[:3]) or type(error).__name__


def _no_option(group: str, name: str) -> str:
    from cleanbench import zoo

    return f"there is no {group} called {name!r}.{nearest(name, zoo.available(group, search=config_folders()))}"


def _no_setting(key: str, words: Sequence[str]) -> str:
    from cleanbench import zoo
    from cleanbench.config import Config

    group, _, setting = key.partition(".")
    if key in OPTIONAL:
        return f"{key} is not chosen by default, so it takes a plus: +{key}=…;{nearest('', zoo.available(key))}"
    if not setting or group not in ("method", "dataset", "contamination", "encoder"):
        return f"there is no setting called {key!r}.{nearest(key, Config.__annotations__)}"
    chosen = next((word.split("=", 1)[1] for word in words if word.startswith(f"{group}=")), _default(group))
    if "," in chosen or "(" in chosen:  # a sweep: Hydra sets what is the same for all options in the default one first
        return (
            f"{group}={_default(group)}, the default, has no setting called {setting!r}; "
            f"if all those of the sweep have it, write ++{key}=…"
        )
    outer, _, inner = setting.partition(".")
    try:
        zoo.config_of(chosen, group, search=config_folders(), **{outer: None})
    except UserError as error:
        return str(error)
    return f"{outer!r} of the {group} {chosen!r} has no entry {inner!r}; to add one, write +{key}=…"


def _default(group: str) -> str:
    """Return the option of a config group that is used when none is chosen."""
    from importlib.resources import files

    from omegaconf import OmegaConf

    defaults = OmegaConf.create(files("cleanbench.conf").joinpath("config.yaml").read_text()).defaults
    return next(str(entry[group]) for entry in defaults if not isinstance(entry, str) and group in entry)


def config_folders() -> list[str]:
    """Return the folders given with ``--config-dir``."""
    words = sys.argv[1:]
    given = [words[at + 1] for at, word in enumerate(words[:-1]) if word in ("--config-dir", "-cd")]
    return given + [word.split("=", 1)[1] for word in words if word.startswith("--config-dir=")]
