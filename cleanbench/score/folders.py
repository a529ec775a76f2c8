"""What lies in the folder of submissions: plain files in plain folders; nothing else is opened.

A link could lead to any file of the machine that checks, whose content a message would then show; a pipe would never
end.
"""

import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cleanbench.leaderboard.board import INCOMING
from cleanbench.score.findings import Findings, shown
from cleanbench.score.manifest import NAMES

RANKINGS = ("ranking.csv", "ranking.parquet")
README = "README.md"
BESIDE = (README, ".gitkeep", ".gitignore")  # may lie beside the submissions
OTHER = {
    stat.S_ISLNK: "a symbolic link",
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
}


@dataclass
class Files:
    """The files of a submission.

    Attributes:
        plain: Those that may be read, by name.
        refused: Names of what is there and may not.
    """

    plain: dict[str, Path] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def named(self, names: tuple[str, ...]) -> list[Path]:
        """Return the plain files that have one of some names."""
        return [self.plain[name] for name in names if name in self.plain]


def submissions(root: Path) -> tuple[list[Path], list[str]]:
    """Return the folders of the submissions beside the boards, sorted, and what lies there that is none."""
    place = root / INCOMING
    kind = _kind(place)
    if kind is None:
        return [], []
    if kind != "a folder":
        return [], [f"{place} is {kind}, not a folder of submissions; nothing in it was looked at"]
    folders, strays = [], []
    for path in sorted(place.iterdir()):
        kind, named = _kind(path), shown(path, 200)
        if kind == "a folder" and not path.name.startswith("."):
            folders.append(path)
        elif kind == "a folder":
            strays.append(f"{named} is hidden; call the folder of a submission something without a leading dot")
        elif kind == "a file" and path.name not in BESIDE:
            strays.append(f"{named} is in no folder; lay each submission into a folder of its own in {place}")
        elif kind not in (None, "a file"):
            strays.append(f"{named} is {kind}; hand in plain files in a plain folder")
    return folders, strays


def files_of(folder: Path, findings: Findings) -> Files:
    """Return the files of a submission and note what does not belong there."""
    files = Files()
    for path in sorted(folder.iterdir()):
        kind, named = _kind(path), shown(path, 200)
        if kind != "a file":
            files.refused.add(path.name)
            findings.defects.append(f"{named} is {kind or 'gone'}; hand in plain files")
        elif path.name not in (*RANKINGS, *NAMES, README):
            findings.defects.append(f"{named} does not belong to a submission; remove it")
        else:
            files.plain[path.name] = path
    for second in files.named(NAMES)[1:]:
        findings.defects.append(f"{shown(second, 200)} is a second manifest; keep one")
    return files


def remove(folder: Path) -> None:
    """Remove a submission that is on its board now, or what another merge has left of it.

    Raises:
        OSError: If it cannot be removed.
    """
    with suppress(FileNotFoundError):
        for path in list(folder.iterdir()):
            path.unlink(missing_ok=True)
        folder.rmdir()


def _kind(path: Path) -> str | None:
    """Return what a path is, without following it; None if there is nothing."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode):
        return "a file"
    return next((name for matches, name in OTHER.items() if matches(mode)), "a device")
