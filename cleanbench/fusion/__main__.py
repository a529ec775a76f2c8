"""``python -m cleanbench.fusion``: combine the rankings of finished runs."""

from dataclasses import dataclass
from pathlib import Path

from cleanbench.commands import grammar
from cleanbench.commands.tables import print_outcomes
from cleanbench.core import Issue, UserError
from cleanbench.fusion.fuse import fuse
from cleanbench.fusion.members import find
from cleanbench.fusion.ranks import K
from cleanbench.image_set import folder_name
from cleanbench.records import RunFile
from cleanbench.request import Outcome


@dataclass(frozen=True)
class Options:
    """Fuse the rankings of finished runs of one data set by reciprocal rank, and score the result as a run.

    Attributes:
        dataset: Whose runs.
        members: Runs, separated by commas, by the name of their folder, or by method, method-encoder or
            method-encoder-seed where that fits one; all takes every run that ranks the issue.
        issue: off_topic, near_duplicate or label_error; null for all that at least two members rank.
        k: Of reciprocal rank fusion: the larger, the less the first places count.
        output: Where the runs are.
        force: Repeat a finished fusion.
    """

    dataset: str
    members: str = "all"
    issue: Issue | None = None
    k: int = K
    output: Path = Path("runs")
    force: bool = False


def fusion(options: Options) -> int:
    """Do what the options say and show the members beside their fusion."""
    if options.k < 0:
        raise UserError(f"k={options.k} must be at least 0; the paper's is {K}")
    issues = tuple(Issue) if options.issue is None else (options.issue,)
    members = find(options.output / folder_name(options.dataset), options.members, issues=issues)
    outcome = fuse(members, issues, options.k, options.force)
    fused = {record.issue for record in outcome.run.records}
    own = [
        RunFile(
            records=tuple(record for issue, record in member.records.items() if issue in fused),
            not_ranked={},
            complete=True,
        )
        for member in members
    ]
    beside = [Outcome(member.first.label, None, run, None) for member, run in zip(members, own, strict=True)]
    print_outcomes([*beside, outcome])
    return 0


if __name__ == "__main__":
    grammar.run("python -m cleanbench.fusion", Options, fusion)
