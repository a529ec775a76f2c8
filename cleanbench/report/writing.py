"""Reports as files: a page, and a folder of its figures beside it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cleanbench.report.finished import read
from cleanbench.report.run_page import Report, run_page
from cleanbench.store import write_whole

if TYPE_CHECKING:
    from cleanbench.image_set import ImageSet

PAGE, FIGURES = "report.html", "report"


def write_report(folder: Path, report: Report) -> Path:
    """Write a report into a folder and return where its page is."""
    (folder / FIGURES).mkdir(exist_ok=True)
    for old in (folder / FIGURES).iterdir():
        if old.suffix in (".svg", ".csv") and old.name not in report.figures:
            old.unlink()  # of an issue that is no longer ranked
    for name, content in report.figures.items():
        write_whole(folder / FIGURES / name, content.encode())
    write_whole(folder / PAGE, report.html.encode())
    return folder / PAGE


def report_run(folder: Path, image_set: "ImageSet | None", warnings: Sequence[str] = ()) -> Path:
    """Write the report of a finished run into its folder and return where its page is.

    Raises:
        UserError: If the folder holds no finished run, or one on other data than ``image_set``.
    """
    return write_report(folder, run_page(read(folder), image_set, warnings))


def try_to_report_run(folder: Path, image_set: "ImageSet", warnings: Sequence[str] = ()) -> None:
    """Write the report of a run, which lies in its folder already and is not lost for want of a report."""
    try:
        report_run(folder, image_set, warnings)
    except Exception as error:  # whatever it is, the run counts more
        sys.stderr.write(
            f"warning: no report of {folder} could be written ({type(error).__name__}: {error}); the results are there\n"
        )
