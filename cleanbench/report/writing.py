"""Reports as files: a page, and a folder of its figures beside it."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cleanbench.core import UserError
from cleanbench.report.finished import Finished, read
from cleanbench.report.run_page import Report, run_page
from cleanbench.store import write_together

if TYPE_CHECKING:
    from cleanbench.image_set import ImageSet
    from cleanbench.report.comparison_page import Missing
    from cleanbench.request import Outcome

PAGE, FIGURES = "report.html", "report"


def write_report(folder: Path, report: Report) -> Path:
    """Write a report into a folder and return where its page is; the one of before stays if there is no room.

    Raises:
        UserError: If it cannot be written.
    """
    page, figures = folder / PAGE, folder / FIGURES
    try:
        write_together(
            {page: report.html.encode()} | {figures / name: text.encode() for name, text in report.figures.items()}
        )
    finally:
        with suppress(OSError):
            figures.rmdir()  # it is empty where nothing could be written
    for old in figures.glob("*"):
        if old.suffix in (".svg", ".csv") and old.name not in report.figures:
            old.unlink()  # of an issue that is no longer ranked
    return page


def report_run(folder: Path, image_set: "ImageSet | None", warnings: Sequence[str] = ()) -> Path:
    """Write the report of a finished run into its folder and return where its page is.

    Raises:
        UserError: If the folder holds no finished run, or one on other data than ``image_set``.
    """
    return write_report(folder, run_page(read(folder), image_set, warnings))


def report_runs(runs: Path, image_set: "ImageSet | None", missing: "Sequence[Missing]" = ()) -> Path:
    """Write the comparison of the finished runs of a data set into their folder and return where its page is.

    Raises:
        UserError: If there is no finished run, or a file of one is damaged.
    """
    from cleanbench.report.comparison_page import comparison_page

    return write_report(runs, comparison_page(runs, image_set, missing))


def image_set_of(run: Finished) -> "ImageSet":
    """Return the data set that a run says it ran on.

    Raises:
        UserError: If the run does not say, or the data are not where they were or are no longer the same.
    """
    from omegaconf import OmegaConf

    from cleanbench.commands import rank

    if "dataset" not in run.settings:
        raise UserError(f"{run.folder} keeps no configuration that says where its images are")
    return same_data(rank.image_set_of(OmegaConf.create(dict(run.settings))), run)


def same_data(image_set: "ImageSet", run: Finished) -> "ImageSet":
    """Return a data set if it is the one that a run ran on.

    Raises:
        UserError: If it is not.
    """
    if image_set.fingerprint != run.first.fingerprint:
        raise UserError(
            f"the images or labels of {image_set.name!r} are not those that {run.folder} ran on: fingerprint "
            f"{image_set.fingerprint[:12]}, not {run.first.fingerprint[:12]}"
        )
    return image_set


def try_to_report_sweep(outcomes: "Sequence[Outcome]") -> list[Path]:
    """Write the comparison of each data set of a sweep with several runs, and return where the pages are.

    What cannot be written is told to standard error: the runs lie in their folders already.
    """
    by_set: dict[Path, list[Path]] = {}
    for folder in dict.fromkeys(outcome.folder for outcome in outcomes if outcome.folder is not None):
        by_set.setdefault(folder.parent, []).append(folder)
    missing = [
        (outcome.method, issue, reason) for outcome in outcomes for issue, reason in outcome.run.not_ranked.items()
    ]
    pages = []
    for runs, folders in by_set.items():
        if len(folders) < 2:
            continue
        try:
            pages.append(report_runs(runs, image_set_of(read(folders[0])), missing))
        except Exception as error:  # whatever it is, the runs count more
            told = f"{type(error).__name__}: {error}"
            sys.stderr.write(f"warning: no comparison in {runs} could be written ({told}); the runs are there\n")
    return pages


def try_to_report_run(folder: Path, image_set: "ImageSet", outcome: "Outcome") -> None:
    """Write the report of a run, which lies in its folder already and is not lost for want of a report.

    A run that was found, not run, and has a report keeps it.
    """
    if outcome.reused and (folder / PAGE).exists():
        return
    try:
        report_run(folder, image_set, outcome.warnings)
    except Exception as error:  # whatever it is, the run counts more
        told = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"warning: no report of {folder} could be written ({told}); the results are there\n")
