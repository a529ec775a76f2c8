"""Commands about a data set: ``dataset=NAME dataset.KEY=VALUE`` as of a run, beside options of their own."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeVar

from cleanbench.commands import grammar
from cleanbench.core import UserError
from cleanbench.image_set import ImageSet

# The settings of a run that decide what a data set is.
GROUPS: Mapping[str, str] = {
    "dataset": "The data set and its settings, such as dataset=folder dataset.root=PATH; by default the demo.",
    "contamination": "Faults to plant in it.",
    "truth": "Which of its ground truths counts, and how it is read.",
}

T = TypeVar("T")
Words = Mapping[str, Sequence[str]]


def run(
    program: str, options: type[T], action: Callable[[T, Words], int], also: Mapping[str, str] | None = None
) -> NoReturn:
    """Run a command about a data set and exit as `grammar.run` does.

    Args:
        program: How the command is called, for the help.
        options: A frozen dataclass of the command's own options.
        action: The command's work; besides the options it gets the words of each group, for `image_set_of`.
        also: Further groups with what the help says of them.
    """
    groups = {**GROUPS, **(also or {})}
    given, rest = split(sys.argv[1:], list(groups))
    if {"--help", "-h"} & set(rest):
        lines = [f"  {f'{group}=…':<18}{text}" for group, text in groups.items()]
        lines.append(f"  {'--config-dir DIR':<18}A folder of configurations of your own.")
        sys.stdout.write(grammar.help_of(program, options))
        sys.stdout.write("\n".join(["", "Settings, as of a run:", "", *lines, ""]))
        raise SystemExit(0)
    grammar.run(program, options, lambda filled: action(filled, given), rest)


def split(words: Sequence[str], groups: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Tell the settings of config groups from a command's own options; `config_folders` reads ``--config-dir``.

    Example:
        >>> split(["dataset=folder", "dataset.root=a", "page=b"], ["dataset"])
        ({'dataset': ['dataset=folder', 'dataset.root=a']}, ['page=b'])
    """
    found: dict[str, list[str]] = {group: [] for group in groups}
    rest: list[str] = []
    remaining = iter(words)
    for word in remaining:
        group = word.partition("=")[0].lstrip("+~").partition(".")[0]
        if word in ("--config-dir", "-cd"):
            next(remaining, None)
        elif group in found and "=" in word:
            found[group].append(word)
        elif not word.startswith("--config-dir="):
            rest.append(word)
    return found, rest


def image_set_of(given: Words) -> ImageSet:
    """Return the data set that the settings of `GROUPS` describe, as a run with them would see it.

    Raises:
        UserError: If a setting is unknown, makes no sense or lacks its value.
    """
    return seeded_image_set_of(given)[0]


def seeded_image_set_of(given: Words) -> tuple[ImageSet, int | None]:
    """Return the data set, as `image_set_of` does, and its seed; None if it has none.

    Raises:
        UserError: If a setting is unknown, makes no sense or lacks its value.
    """
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    from cleanbench import config, plugins, zoo
    from cleanbench.commands.mistakes import config_folders, explained
    from cleanbench.commands.rank import image_set_of as made

    words = [word for group in GROUPS for word in given.get(group, ())]
    plugins.register()
    try:
        with initialize_config_module("cleanbench.conf", version_base="1.3", job_name="cleanbench"):
            composed = compose("config", [*zoo.search_overrides(config_folders()), *words])
        return made(config.checked(composed)), composed.dataset.get("seed")
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise UserError(explained(error, words)) from error
