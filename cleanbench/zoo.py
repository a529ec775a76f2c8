"""What can be used by name: the options of the configuration groups, loaded as objects."""

import importlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleanbench.core import UserError
from cleanbench.spelling import nearest

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from omegaconf import DictConfig

Search = Sequence[str | Path]


def available(group: str = "method", *, search: Search = ()) -> tuple[str, ...]:
    """Return the names of a configuration group, sorted: ours, those of installed plugins and of ``search``.

    Args:
        group: ``method``, ``dataset``, ``encoder`` or another folder of the configuration.
        search: More configuration folders (or ``pkg://package``), as for ``--config-dir``.

    Raises:
        UserError: If there is no such group or folder.
    """
    with _loader() as loader:
        return _options(loader, group, search_overrides(search))


def config_of(name: str, /, group: str = "method", *, search: Search = (), **settings: Any) -> dict[str, Any]:
    """Return the configuration of ``name`` in plain containers, all references to other settings resolved.

    Args:
        name: One of `available`.
        group: Its group.
        search: More configuration folders.
        settings: Replace the defaults of its YAML file.

    Raises:
        UserError: If the name or a setting is unknown, or a setting without default is not given.
    """
    from omegaconf import OmegaConf, open_dict
    from omegaconf.errors import OmegaConfBaseException

    node = _composed(name, group, search)
    valid = [str(key) for key in node if not str(key).startswith("_")]
    with open_dict(node):
        for key, value in settings.items():
            if key not in valid:
                raise UserError(f"{group} {name!r} has no setting {key!r}.{nearest(key, valid)}")
            node[key] = value
    try:
        unset = sorted(key.removeprefix(f"{group}.") for key in OmegaConf.missing_keys(node))
        resolved = OmegaConf.to_container(node, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(f"the YAML of {group} {name!r} refers to nothing: {_line(error)}") from error
    if unset:
        raise UserError(f"{group} {name!r} needs a value for {', '.join(unset)}")
    assert isinstance(resolved, dict)  # what a mapping becomes
    return {str(key): value for key, value in resolved.items()}


def load(name: str, /, group: str = "method", *, search: Search = (), **settings: Any) -> Any:
    """Return an instance of ``name``, made with the settings of its YAML file and the given ones.

    Arguments and errors as in `config_of`.

    Example:
        >>> load("chance").issues()[0].value
        'off_topic'
    """
    return make(config_of(name, group, search=search, **settings))


def make(config: dict[str, Any]) -> Any:
    """Return the instance that a configuration from `config_of` describes.

    Raises:
        UserError: If a class finds its settings unusable, or its module is missing.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(config, _convert_="all")
    except InstantiationException as error:
        # Hydra wraps what a constructor raises; its own words name the mistake better.
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from error
        if isinstance(error.__cause__, (ImportError, ValueError, TypeError)):
            raise UserError(f"{config['_target_']} cannot be made: {_line(error.__cause__)}") from error
        raise


def load_class(name: str, /, group: str = "method", *, search: Search = ()) -> type[Any]:
    """Return the class of ``name`` without making an instance.

    Raises:
        UserError: If the name is unknown, or its class cannot be imported.
    """
    target = str(_composed(name, group, search)["_target_"])
    module, _, attribute = target.rpartition(".")
    try:
        found: type[Any] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{group} {name!r}: {target} cannot be imported: {_line(error)}") from error
    return found


def _composed(name: str, group: str, search: Search) -> "DictConfig":
    """Return the configuration of ``name``, with its defaults, as part of the whole it refers to."""
    from hydra import compose

    with _loader() as loader:
        options = _options(loader, group, search_overrides(search))
        if name not in options:
            raise UserError(f"there is no {group} {name!r}.{nearest(name, options)}")
        try:
            node: DictConfig = compose("config", [*search_overrides(search), f"{group}={name}"])[group]
        except Exception as error:  # Hydra, OmegaConf and PyYAML raise what they like about a file
            raise UserError(f"the YAML of {group} {name!r} is not usable: {_line(error)}") from error
    if "_target_" not in node:
        raise UserError(f"the YAML of {group} {name!r} lacks _target_, the class that it configures")
    return node


@contextmanager
def _loader() -> Iterator["ConfigLoader"]:
    """Set Hydra up over the whole search path; whatever Hydra was doing before goes on afterwards."""
    from hydra import initialize_config_module
    from hydra.core.global_hydra import GlobalHydra
    from hydra.version import VersionBase

    from cleanbench.plugins import register

    register()
    running, base = GlobalHydra.instance().hydra, VersionBase.instance().getbase()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_module("cleanbench.conf", job_name="cleanbench", version_base="1.3"):
            yield GlobalHydra.instance().config_loader()
    finally:
        GlobalHydra.instance().hydra = running
        VersionBase.instance().version_base = base


def _options(loader: "ConfigLoader", group: str, overrides: list[str]) -> tuple[str, ...]:
    options = tuple(sorted(set(loader.get_group_options(group, config_name="config", overrides=overrides))))
    if not options:
        groups = [entry for entry in loader.list_groups("") if entry != "hydra"]
        raise UserError(f"there is no group {group!r}.{nearest(group, sorted(groups))}")
    return options


def search_overrides(search: Search) -> list[str]:
    """Return the override that adds configuration folders to Hydra's search path."""
    if not search:
        return []
    paths = []
    for place in search:
        if str(place).startswith("pkg://"):
            paths.append(str(place))
            continue
        folder = Path(place).expanduser().resolve()
        if not folder.is_dir():
            raise UserError(f"there is no configuration folder {folder}")
        paths.append(f"file://{folder.as_posix()}")
    # A JSON string is also a quoted string of Hydra's grammar: blanks and commas in a path stay in it.
    return [f"hydra.searchpath=[{','.join(json.dumps(path, ensure_ascii=False) for path in paths)}]"]


def _line(error: BaseException) -> str:
    """Return the message of an error in one line."""
    return " ".join(str(error).split())
