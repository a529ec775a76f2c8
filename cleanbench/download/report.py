"""From what is wanted to what is there: fetch, write down what could not be had and why, and sum up."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cleanbench.core import UserError
from cleanbench.datasets.tables import count
from cleanbench.download.fetching import Manners, fetch, remove_parts
from cleanbench.download.items import Item, Outcome, Status
from cleanbench.download.plan import IMAGES, Plan, sum_of
from cleanbench.progress import progress

REPORT = "download_report.csv"
COLUMNS = ("md5hash", "url", "status", "attempts", "reason")


def carry_out(plan: Plan, root: Path, manners: Manners, limit: int | None) -> list[Outcome]:
    """Fetch what is wanted, and write the report, also when interrupted.

    Args:
        plan: What there is to do.
        root: Folder of the images, where the report goes.
        manners: How servers are asked.
        limit: How many files to fetch at most; None: all.

    Returns:
        What became of every image of the data set.

    Raises:
        UserError: If a file cannot be written, or if no server answers.
    """
    tried = plan.wanted[:limit]
    outcomes: dict[str, Outcome] = {}
    begun: Counter[str] = Counter()
    remove_parts({item.path.parent for item in plan.wanted})
    try:
        with progress("fetch images", len(tried), "image") as bar, closing(fetch(tried, manners, begun)) as fetched:
            for outcome in fetched:
                outcomes[outcome.item.key] = outcome
                bar.update(1)
    finally:
        missing = [outcomes.get(item.key) or _untold(item, begun[item.key]) for item in plan.wanted]
        write_report(root / REPORT, missing)
    asked = [outcome for outcome in outcomes.values() if outcome.status is not Status.NO_ADDRESS]
    if asked and not any(outcome.reached for outcome in asked):
        reasons = Counter(outcome.reason for outcome in asked).most_common(3)
        raise UserError(
            f"no image could be fetched: {'; '.join(reason for reason, _ in reasons)}. Call this where there is a "
            f"network, or put the images to {root / IMAGES} yourself, named <md5hash>.jpg"
        )
    return [*plan.present, *missing]


def _untold(item: Item, begun: int) -> Outcome:
    """Say what became of a file that was not asked for, or was on its way when the call ended."""
    if item.path.is_file() and sum_of(item.path) == item.key:
        return Outcome(item, Status.FETCHED, attempts=begun, reached=True)
    if begun:
        return Outcome(item, Status.FAILED, "the call ended before an answer", attempts=begun)
    return Outcome(item, Status.NOT_TRIED, "its turn did not come in this call")


def write_report(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a row for each image that is not there; the file exists also if there is none.

    Raises:
        UserError: If it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for outcome in outcomes:
        if not outcome.status.there:
            item = outcome.item
            kept = f"; a file with another content lies at {item.path}" if item.replaces else ""
            kept += f"; not asked: {' '.join(item.others)}, in the table too" if item.others else ""
            writer.writerow([item.key, item.url, outcome.status, outcome.attempts, outcome.reason + kept])
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text.getvalue(), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def summary(outcomes: Sequence[Outcome], root: Path) -> str:
    """Return in a few lines how many images are there, and what became of the others."""
    counts = Counter(outcome.status for outcome in outcomes)
    there = counts[Status.PRESENT] + counts[Status.FETCHED]
    lines = [
        f"{there:,} of {count(len(outcomes), 'image')} are there with the right content: {counts[Status.FETCHED]:,} "
        f"fetched now, {counts[Status.PRESENT]:,} before"
    ]
    if there < len(outcomes):
        parts = [f"{counts[status]:,} {status}" for status in Status if counts[status] and not status.there]
        lines.append(f"the others: {', '.join(parts)}; {root / REPORT} says why")
    if reasons := Counter(outcome.reason for outcome in outcomes if outcome.status.may_pass):
        often = "; ".join(f"{reason} ({times:,})" for reason, times in reasons.most_common(3))
        lines.append(f"{reasons.total():,} of these may still be had: run the same command again. Reasons: {often}")
    return "\n".join(lines)
