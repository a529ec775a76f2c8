"""``python -m cleanbench.report``: pages of finished runs, and of all runs of a data set."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cleanbench.commands import composing
from cleanbench.commands.composing import Words
from cleanbench.core import UserError
from cleanbench.report.finished import read
from cleanbench.report.run_page import run_page
from cleanbench.report.writing import image_set_of, report_run, report_runs, same_data, write_report


@dataclass(frozen=True)
class Options:
    """Write a page to look at: of one finished run, or of all runs of a data set side by side.

    Attributes:
        run: The folder of a finished run; null for all runs of the data set.
        output: Where the runs are.
    """

    run: Path | None = None
    output: Path = Path("runs")


def report(options: Options, given: Words) -> int:
    """Do what the options say and tell where the page is."""
    named = any(given.values())
    if options.run is None:
        image_set = composing.image_set_of(given)
        page = report_runs(options.output / image_set.name, image_set)
    elif named:
        page = report_run(options.run, same_data(composing.image_set_of(given), read(options.run)))
    else:
        page = _of_run(options.run)
    sys.stdout.write(f"{page}\n")
    return 0


def _of_run(folder: Path) -> Path:
    """Write the page of a run, with images if they are where the run says."""
    run = read(folder)
    try:
        image_set = image_set_of(run)
    except UserError as error:
        sys.stderr.write(f"warning: no images on the page: {error}; dataset=… says where they are\n")
        image_set = None
    return write_report(folder, run_page(run, image_set))


if __name__ == "__main__":
    composing.run("python -m cleanbench.report", Options, report)
