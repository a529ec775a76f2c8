"""``python -m cleanbench.unjudged``: how much of what methods show first was judged, and what that leaves open."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cleanbench.commands import grammar
from cleanbench.core import Issue, UserError
from cleanbench.fusion.members import standing
from cleanbench.image_set import folder_name
from cleanbench.settings import whole_number
from cleanbench.unjudged.survey import survey
from cleanbench.unjudged.words import told

MOST = 10**9  # more than any ranking holds


@dataclass(frozen=True)
class Options:
    """Show how much of the top of each ranking was judged, the bounds this leaves, and whether the truth is fair.

    Attributes:
        dataset: Whose runs.
        issue: off_topic, near_duplicate or label_error; null for all.
        k: How many items of a ranking count as its own finds when a method is left out.
        output: Where the runs are.
    """

    dataset: str
    issue: Issue | None = None
    k: int = 100
    output: Path = Path("runs")


def unjudged(options: Options) -> int:
    """Do what the options say."""
    whole_number("k", options.k, most=MOST)
    runs = options.output / folder_name(options.dataset)
    issues = tuple(Issue) if options.issue is None else (options.issue,)
    members = standing(runs, issues)
    surveys = [found for issue in issues if (found := survey(members, issue, options.k)) is not None]
    if not surveys:
        raise UserError(f"no finished run in {runs} was scored against a truth; there is nothing judged")
    sys.stdout.write("\n\n".join(told(found, options.k) for found in surveys) + "\n")
    return 0


if __name__ == "__main__":
    grammar.run("python -m cleanbench.unjudged", Options, unjudged)
