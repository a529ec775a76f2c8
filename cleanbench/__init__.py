"""cleanbench: a benchmark harness for methods that find dirty images."""

from cleanbench import zoo
from cleanbench.core import Bools, Floats, GroundTruth, Ints, Issue, Need, Ranking, UserError
from cleanbench.detector import Detector
from cleanbench.image_set import Card, ImageSet
from cleanbench.leaderboard.frame import read_leaderboard
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
