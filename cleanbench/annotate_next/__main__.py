"""``python -m cleanbench.annotate_next``: draw the items whose judgement would tell most."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cleanbench.annotate_next.ask import ask
from cleanbench.commands import grammar
from cleanbench.core import Issue
from cleanbench.image_set import folder_name


@dataclass(frozen=True)
class Options:
    """Draw items to be judged next from what finished runs rank, with known inclusion probabilities.

    Attributes:
        dataset: Whose runs.
        issue: off_topic, near_duplicate or label_error.
        budget: How many items to ask.
        outside: Of pairs, the share of the budget for pairs that no method retrieved.
        output: Where the runs are.
        to: The sheet, a truth table whose labels are to be filled in; null writes it beside the runs. One that is
            there already and whole counts as judged, and the next items are added to it.
        seed: Of the draw.
    """

    dataset: str
    issue: Issue
    budget: int = 200
    outside: float = 0.1
    output: Path = Path("runs")
    to: Path | None = None
    seed: int = 0


def annotate_next(options: Options) -> int:
    """Do what the options say and tell what was drawn."""
    told = ask(
        options.output / folder_name(options.dataset),
        options.issue,
        options.budget,
        options.outside,
        options.to,
        options.seed,
    )
    sys.stdout.write("\n".join([*told, ""]))
    return 0


if __name__ == "__main__":
    grammar.run("python -m cleanbench.annotate_next", Options, annotate_next)
