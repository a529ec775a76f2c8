"""What a reader needs to know of the machine and the installation."""

import importlib.metadata
import os
import platform
from typing import Any

from cleanbench import __version__

# The libraries whose versions can move a number.
LIBRARIES = (
    "cleanlab", "imagehash", "numpy", "pandas", "pillow", "pyod", "scikit-image", "scikit-learn", "scipy",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions of Python, cleanbench and the libraries that decide results."""
    found = {"python": platform.python_version(), "cleanbench": __version__}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Return system, processor family and number of cores, which tell machines apart well enough to compare times."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def manifest() -> dict[str, Any]:
    """Return platform, processor and every installed package."""
    installed = [item for item in importlib.metadata.distributions() if _is_whole(item)]
    packages = sorted(installed, key=lambda item: item.name.lower())
    return {
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {item.name: item.version for item in packages},
    }


def _is_whole(installed: importlib.metadata.Distribution) -> bool:
    """Return whether a package is more than what an interrupted installation left behind, which has no name."""
    try:
        return bool(installed.name)
    except FileNotFoundError:  # so say the packages that the backport of importlib.metadata finds
        return False
