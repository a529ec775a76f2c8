"""``python -m cleanbench.doubt``: what the numbers of finished runs are worth where labels are only probable."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cleanbench.commands import grammar
from cleanbench.core import Issue, UserError
from cleanbench.doubt.posterior import SHOWN
from cleanbench.doubt.report import doubted, told, write
from cleanbench.fusion.members import standing
from cleanbench.image_set import folder_name
from cleanbench.spelling import nearest


@dataclass(frozen=True)
class Options:
    """Score finished runs on labels drawn from their probabilities, and on labels of other thresholds.

    Attributes:
        dataset: Whose runs; its truth tables have a column probability, or votes and faulty_votes.
        issue: off_topic, near_duplicate or label_error; null for all that have probabilities.
        draws: How many times all labels are drawn, from 2 to 100,000.
        metric: By which methods are ranked and figures are drawn.
        output: Where the runs are.
        to: Where figures (SVG) and their numbers (CSV) go; null for the folder doubt beside the runs.
        seed: Of the draws.
    """

    dataset: str
    issue: Issue | None = None
    draws: int = 1000
    metric: str = "AP"
    output: Path = Path("runs")
    to: Path | None = None
    seed: int = 0


def doubt(options: Options) -> int:
    """Do what the options say."""
    if options.metric not in SHOWN:
        raise UserError(f"metric={options.metric} is none of those drawn.{nearest(options.metric, SHOWN)}")
    runs = options.output / folder_name(options.dataset)
    to = runs / "doubt" if options.to is None else options.to
    issues = tuple(Issue) if options.issue is None else (options.issue,)
    parts = []
    members = standing(runs, issues)
    for issue in issues:
        found = doubted(members, issue)
        if found is None:
            continue
        draws = found.draw(options.draws, options.seed)
        parts.append(told(found, draws, issue, options.dataset, options.metric))
        files = write(found, draws, issue, options.dataset, to, options.metric)
        parts.append("\n".join(str(path) for path in files))
    if not parts:
        raise UserError(
            f"no run in {runs} was scored against a truth with probabilities; give the truth table a column "
            "probability, or the columns faulty_votes and votes, and run the methods again"
        )
    sys.stdout.write("\n\n".join(parts) + "\n")
    return 0


if __name__ == "__main__":
    grammar.run("python -m cleanbench.doubt", Options, doubt)
