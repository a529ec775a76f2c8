"""``python -m cleanbench.commands.boards``: the runs behind the committed boards, and the boards.

The embedded set with three encoders, and every contamination of it that needs no table, with three seeds; all methods.
Finished runs are found again, so an interrupted call goes on where it was. Only the set itself gets pictures: those of
27 contaminations would weigh more than all else.
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cleanbench import zoo
from cleanbench.commands import grammar
from cleanbench.detector import Detector
from cleanbench.leaderboard.merge import merge

SEEDS = (0, 1, 2)
ENCODERS = ("hog", "pixels", "simclr")
# What a contamination takes besides its defaults; None: it cannot be made from the embedded set alone.
SETTINGS: dict[str, tuple[str, ...] | None] = {
    "none": None,
    "human_confusion": None,  # wants a table of confusions that people made
    "xr": ("contamination.source=drawings",),
    "mixed": ("contamination.source=drawings",),
}


@dataclass(frozen=True)
class Options:
    """Run every method on the embedded data set and on contaminations of it, then make the boards.

    Attributes:
        output: Where run folders go.
        board: Where the boards are, or shall be.
        plan: Print the commands and run none.
    """

    output: Path = Path("runs")
    board: Path = Path("leaderboards")
    plan: bool = False


def boards(options: Options) -> int:
    """Do what the options say; 1 if a method failed or a record was refused."""
    failed = 0
    for words in commands(options.output):
        sys.stdout.write(f"python -m cleanbench {' '.join(words)}\n")
        sys.stdout.flush()
        if not options.plan:
            failed |= subprocess.run([sys.executable, "-m", "cleanbench", *words], check=False).returncode
    if options.plan:
        return 0
    merged = merge(options.output, options.board)
    sys.stdout.write("".join(f"refused: {reason}\n" for reason in merged.refused))
    sys.stdout.write(f"{options.board}: {merged.boards} boards, {merged.added} records added\n")
    sys.stdout.flush()
    shown = [sys.executable, "-m", "cleanbench.leaderboard.pictures", f"board={options.board}"]
    failed |= subprocess.run(shown, check=False).returncode
    return int(bool(failed or merged.refused))


def commands(output: Path) -> Iterator[list[str]]:
    """Yield the settings of each sweep."""
    common = [f"output={output}", "report=false"]
    stochastic = ",".join(name for name in zoo.available() if _draws(name))
    yield ["-m", "method=glob(*)", f"encoder={','.join(ENCODERS)}", *common]
    seeds = ",".join(map(str, SEEDS[1:]))
    yield ["-m", f"method={stochastic}", f"encoder={','.join(ENCODERS)}", f"seed={seeds}", *common]
    for name in zoo.available("contamination"):
        settings = SETTINGS.get(name, ())
        if settings is not None:
            seeded = f"contamination.seed={','.join(map(str, SEEDS))}"
            yield ["-m", "method=glob(*)", "encoder=hog", f"contamination={name}", *settings, seeded, *common]


def _draws(name: str) -> bool:
    detector = zoo.load_class(name)
    return isinstance(detector, type) and issubclass(detector, Detector) and detector.stochastic


if __name__ == "__main__":
    grammar.run("python -m cleanbench.commands.boards", Options, boards)
