"""Configuration that other packages bring: one entry point in group ``cleanbench.conf`` is all they declare.

``acme = "acme_clean.conf"`` names the package that holds ``method/acme.yaml``.
"""

import importlib.util
import warnings
from importlib.metadata import EntryPoint, entry_points

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

GROUP = "cleanbench.conf"


class InstalledConfigs(SearchPathPlugin):
    """Appends the configuration package of every installed entry point to Hydra's search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append ``pkg://<package>`` per entry point; ours come first, so that a plugin never replaces one."""
        for entry in sorted(entry_points(group=GROUP)):
            if problem := _problem(entry):
                warnings.warn(
                    f"the plugin {entry.name!r} is left out: {problem}; reinstall or uninstall its package",
                    stacklevel=2,
                )
            else:
                search_path.append(entry.name, f"pkg://{entry.value}")


def register() -> None:
    """Make Hydra ask for installed configuration; call it before Hydra composes, as often as you like."""
    Plugins.instance().register(InstalledConfigs)


def _problem(entry: EntryPoint) -> str:
    """Say why the package of an entry point cannot be read; empty if it can."""
    try:
        found = importlib.util.find_spec(entry.value) is not None
    # Finding a submodule imports its parent packages: foreign code, which must not break other methods.
    except Exception as error:
        return f"{entry.value} cannot be imported ({type(error).__name__}: {error})"
    return "" if found else f"there is no package {entry.value}"
