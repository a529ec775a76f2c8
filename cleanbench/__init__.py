"""cleanbench: a benchmark harness for methods that find dirty images."""

from importlib import import_module
from typing import Any

from cleanbench import zoo
from cleanbench.core import Bools, Floats, GroundTruth, Ints, Issue, Need, Ranking, UserError
from cleanbench.detector import Detector
from cleanbench.image_set import Card, ImageSet
from cleanbench.view import NotApplicable, View

__version__ = "0.1.0"

__all__ = [
    "Bools",
    "Card",
    "Detector",
    "Floats",
    "GroundTruth",
    "ImageSet",
    "Ints",
    "Issue",
    "Need",
    "NotApplicable",
    "Ranking",
    "UserError",
    "View",
    "__version__",
    "read_leaderboard",
    "zoo",
]


def __getattr__(name: str) -> Any:
    """Import on demand what no method needs: a finished run is found by the code that its method imports."""
    if name == "read_leaderboard":
        return import_module("cleanbench.leaderboard.frame").read_leaderboard
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
