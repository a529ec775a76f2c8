"""From finished runs to the tables and figures of an audit: the work of ``python -m cleanbench.audit``."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from cleanbench.audit import slice_tables, tables
from cleanbench.audit.budgets import curve, recall_at_budgets
from cleanbench.audit.listing import Listing
from cleanbench.audit.reviewer import Reviewer
from cleanbench.audit.runs import Audit, audits
from cleanbench.audit.stopping import clean_needed
from cleanbench.core import Issue, UserError
from cleanbench.fusion.members import Member, find
from cleanbench.image_set import ImageSet, folder_name
from cleanbench.report.audits import draw_effort, draw_overlap, draw_slices
from cleanbench.settings import number, seed_number, whole_number
from cleanbench.slices import served
from cleanbench.store import write_whole
from cleanbench.tops import overlap

MOST_ITEMS = 10**9  # more than any ranking holds
MOST_DRAWS = 10_000
LEAST_CHANCE = 0.01  # hours of a reviewer who is always wrong tell nothing


@dataclass(frozen=True)
class Options:
    """Show what finished runs of a data set are worth to somebody who reviews: budgets, hours, cuts, slices, overlap.

    Attributes:
        dataset: Whose runs.
        members: Runs, separated by commas, by the name of their folder, or by method, method-encoder or
            method-encoder-seed where that fits one; all takes the newest of each but fusions.
        issue: off_topic, near_duplicate or label_error; null for all that have a truth.
        budget: Items that can be reviewed.
        by: Facts to slice by, separated by commas: class, or attributes of the images; null for all with 2 to 50
            values; none leaves slices out.
        sensitivity: Chance that the reviewer calls a faulty item faulty, at least 0.01.
        specificity: Chance that the reviewer calls a clean item clean, at least 0.01.
        seconds_per_image: The reviewer's time for an image, a day at most.
        seconds_per_pair: For two images that are in no group yet.
        seconds_per_clique: For a look at a group found before and what may belong to it.
        share: Of faulty items that the stopping rule is to rule out.
        chance: That it does so by mistake, for a single look.
        draws: Simulated reviews.
        seed: Of these, and of the orders of tied items.
        output: Where the runs are.
        to: Folder for the tables as CSV and the figures; null for audit beside the runs.
    """

    dataset: str
    members: str = "all"
    issue: Issue | None = None
    budget: int = 100
    by: str | None = None
    sensitivity: float = 1.0
    specificity: float = 1.0
    seconds_per_image: float = Reviewer.seconds_per_image
    seconds_per_pair: float = Reviewer.seconds_per_pair
    seconds_per_clique: float = Reviewer.seconds_per_clique
    share: float = 0.05
    chance: float = 0.05
    draws: int = 20
    seed: int = 0
    output: Path = Path("runs")
    to: Path | None = None


def audit(options: Options) -> int:
    """Do what the options say."""
    whole_number("budget", options.budget, most=MOST_ITEMS)
    whole_number("draws", options.draws, most=MOST_DRAWS)
    seed_number(options.seed)
    reviewer = _reviewer(options)
    try:
        clean_needed(options.share, options.chance)
    except ValueError as error:
        raise UserError(str(error)) from error
    runs = options.output / folder_name(options.dataset)
    issues = tuple(Issue) if options.issue is None else (options.issue,)
    members = find(runs, options.members, least=1, issues=issues)
    found, refused = audits(members, issues)
    if not found:
        reasons = "; ".join(f"{issue.heading}: {reason}" for issue, reason in refused.items())
        raise UserError(f"there is nothing to audit in {runs}: {reasons}")
    image_set, facts, why_not = _facts(members, found, options)
    folder = options.to or runs / "audit"
    delivery = Delivery(folder)
    for each in map(tables.by_effort, found):
        for listing in _of_issue(each, options, reviewer):
            if listing is not None:
                delivery.table(listing)
        for name, drawn in _figures(each, options.budget):
            delivery.file(name, drawn)
        for fact in facts:
            assert image_set is not None  # it has the facts
            if len(slice_tables.slices_by(each, image_set, fact)) < 2:  # of the judged items, not of the whole set
                delivery.console.print(
                    f"{each.issue.heading}: no slices by {fact}, all that was judged is in one.", soft_wrap=True
                )
                continue
            for listing in slice_tables.slice_tables(each, image_set, fact, options.budget):
                delivery.table(listing)
            delivery.file(f"recall-{each.issue}-{fact}.svg", _figure_of_slices(each, image_set, fact, options.budget))
    if len(found) > 1:
        delivery.table(slice_tables.crossing_table(found, options.budget))
    for issue, reason in refused.items():
        delivery.console.print(f"{issue.heading}: not audited, {reason}.", soft_wrap=True)
    if why_not:
        delivery.console.print(f"No slices: {why_not}.", soft_wrap=True)
    delivery.console.print(
        f"These and further tables with all digits, and figures: {folder}", style="dim", soft_wrap=True
    )
    return 0


def _figures(found: Audit, budget: int) -> Iterator[tuple[str, str]]:
    """Yield names and drawings: effort and the overlap of tops."""
    curves = {tables.called(found, run): curve(found.levels(run)) for run in found.runs}
    yield f"effort-{found.issue}.svg", draw_effort(curves, tables.heading(found))
    if len(found.runs) > 1:
        names = [tables.called(found, run) for run in found.runs]
        depth = min(budget, len(found.truth))
        common = np.array([[overlap(one.scores, two.scores, depth) for two in found.runs] for one in found.runs])
        title = f"{found.issue.heading}: what the first {depth:,} of two runs have in common"
        yield f"overlap-{found.issue}.svg", draw_overlap(names, common, title)


def _figure_of_slices(found: Audit, image_set: ImageSet, fact: str, budget: int) -> str:
    """Draw the recall by slice of the run that finds most within the budget."""
    recalls = [float(recall_at_budgets(found.levels(run), budget)) for run in found.runs]
    best = int(np.argmax(recalls))
    run = found.runs[best]
    slices = slice_tables.slices_by(found, image_set, fact)
    reached = served(found.labels, run.scores, slices, budget, found.independent)
    name = tables.called(found, run)
    title = f"{found.issue.heading} by {fact}: {name}, {budget:,} items reviewed"
    return draw_slices({part.name: part.recall for part in reached}, recalls[best], title)


def _of_issue(found: Audit, options: Options, reviewer: Reviewer) -> Iterator[Listing | None]:
    yield tables.effort_table(found, options.budget)
    yield tables.stopping_table(found, options.share, options.chance, options.seed)
    yield tables.hours_table(found, reviewer, options.draws, options.seed)
    yield tables.cuts_table(found)
    yield from tables.overlap_tables(found, options.budget)
    yield tables.shares_table(found, options.budget, options.seed)


def _reviewer(options: Options) -> Reviewer:
    for name in ("sensitivity", "specificity"):
        if number(name, getattr(options, name)) < LEAST_CHANCE:
            raise UserError(f"{name}={getattr(options, name)} must be from {LEAST_CHANCE} to 1")
    return Reviewer(
        options.sensitivity,
        options.specificity,
        options.seconds_per_image,
        options.seconds_per_pair,
        options.seconds_per_clique,
    )


def _facts(
    members: Sequence[Member], found: Sequence[Audit], options: Options
) -> tuple[ImageSet | None, list[str], str]:
    """Return the data set, the facts to slice by, and why there are none."""
    if options.by == "none":
        return None, [], ""
    try:
        image_set = _image_set(members, found)
    except UserError as error:
        if options.by is not None:
            raise
        return None, [], str(error)
    facts = slice_tables.facts_of(image_set, options.by)
    return image_set, facts, "" if facts else f"{image_set.name} has no facts with 2 to {slice_tables.MOST} values"


def _image_set(members: Sequence[Member], found: Sequence[Audit]) -> ImageSet:
    """Return the data set of the runs, as one of them kept its configuration.

    Raises:
        UserError: If none kept it, or the data are no longer those of the runs.
    """
    from omegaconf import OmegaConf

    from cleanbench.commands.rank import image_set_of
    from cleanbench.config import checked
    from cleanbench.fusion.members import FUSION

    for member in members:
        path = member.folder / "config.yaml"
        if member.first.method == FUSION or not path.exists():
            continue
        image_set = image_set_of(checked(OmegaConf.load(path)))  # type: ignore[arg-type]
        fingerprint = found[0].runs[0].record.fingerprint
        if image_set.fingerprint != fingerprint:
            raise UserError(
                f"the data set of {member.folder} is no longer what was ranked: its pixels or labels have changed"
            )
        return image_set
    raise UserError("none of the runs kept the configuration of its data set")


class Delivery:
    """Where tables and figures go: the terminal and a folder. A note that was printed is not printed again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.console = folder, _console()
        self.said: set[str] = set()

    def table(self, listing: Listing) -> None:
        """Write a table, and print it if it is short enough."""
        self.file(f"{listing.name}.csv", listing.csv())
        if not listing.printed:
            return
        _print(self.console, listing)
        for note in listing.notes:
            if note not in self.said:
                self.console.print(Text(note, style="dim"), soft_wrap=True)
        self.said.update(listing.notes)
        self.console.print()

    def file(self, name: str, content: str) -> None:
        """Write a file.

        Raises:
            UserError: If it cannot be written.
        """
        write_whole(self.folder / _file_name(name), content.encode())


def _file_name(name: str) -> str:
    """Return a name that every file system takes: an attribute is called what its table's head says."""
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name)


def _print(console: Console, listing: Listing) -> None:
    console.print(Text(listing.title, style="italic"), soft_wrap=True)
    table = Table(box=None, header_style="bold", pad_edge=False)
    columns = [
        (place, column)
        for place, column in enumerate(listing.columns)
        if column.printed and any(row[place] not in ("", None) for row in listing.rows)
    ]
    for _, column in columns:
        table.add_column(column.name, justify="left" if column.digits is None else "right", no_wrap=True)
    for row in listing.rows:
        table.add_row(*(Text(column.shown(row[place])) for place, column in columns))
    # Where a table is wider than the terminal, its lines go on; no cell is folded or cut off.
    unlimited = console.options.update(max_width=sys.maxsize)
    console.width = max(console.width, Measurement.get(console, unlimited, table).maximum)
    console.print(table)


def _console() -> Console:
    # A pipe has no width; names are the user's: brackets and colons in them are neither markup nor emoji.
    width = None if sys.stdout.isatty() else 160
    return Console(file=sys.stdout, width=width, markup=False, emoji=False, highlight=False)
