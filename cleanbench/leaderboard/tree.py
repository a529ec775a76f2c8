"""What lies in a folder of boards, also what a glance does not show: hidden files, links, pipes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cleanbench.leaderboard import aggregate, contaminated
from cleanbench.leaderboard.board import INCOMING

# What version control reads in any folder.
GIT = (".gitattributes", ".gitignore", ".gitkeep")


@dataclass(frozen=True)
class Tree:
    """All that lies in a folder but its folders, locks, and what version control needs.

    Attributes:
        files: Plain files, sorted.
        others: Links, pipes and the like, sorted; links are not followed.
    """

    files: tuple[Path, ...]
    others: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path, *, top: bool = False) -> "Tree":
        """Look at everything in a folder; of the ``top`` one submissions and version control's folder are left out."""
        files, others = [], []
        for path in _walk(folder, top=top):
            if path.is_symlink() or not path.is_file():
                others.append(path)
            elif not (path.name in GIT or _is_lock(path)):
                files.append(path)
        return cls(tuple(sorted(files)), tuple(sorted(others)))


def index_pages(root: Path) -> set[Path]:
    """Return the pages over all boards that lie there."""
    patterns = ("README.md", "index.html", "*_critical_difference.svg", f"{aggregate.STEM}.*", f"{contaminated.STEM}.*")
    return {path for path in chain(*map(root.glob, patterns)) if not path.is_dir()}


def _walk(folder: Path, *, top: bool = False) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_dir():
            yield path
        elif not (top and path.name in (INCOMING, ".git")):
            yield from _walk(path)


def _is_lock(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(".lock") and not path.stat().st_size
