"""``python -m cleanbench.download``: fetch the images of a data set from where they were published."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cleanbench.commands import grammar
from cleanbench.core import UserError


@dataclass(frozen=True)
class Options:
    """Fetch the images of a data set that gives only their addresses, and check each by its MD5 sum.

    What is there already, anywhere in the folder, is not asked for: an interrupted call goes on where it ended. What
    cannot be had is listed with the reason in ``download_report.csv``. Whether you may use the images is between you
    and those who published them.

    The exit code is 0 if nothing is left to fetch: every image is there, or its server said that it is gone. It is 1 if
    the same command may fetch more when called again, and 2 if the command makes no sense, no server can be reached or
    a file cannot be written.

    Attributes:
        root: Folder of the images; new ones go into its folder images.
        dataset: Whose images: fitzpatrick17k, which are those of cleanpatrick, too.
        table: CSV file with md5hash and url; null: fitzpatrick17k.csv in root, fetched if it is not there.
        per_host: Requests to one server at the same time.
        delay: Seconds from one request to a server to the next.
        retries: Further attempts after a failure that may pass.
        timeout: Seconds without an answer after which an attempt has failed.
        limit: Fetch this many of the images that are not there; null: all.
    """

    root: Path = Path("data/fitzpatrick17k")
    dataset: str = "fitzpatrick17k"
    table: Path | None = None
    per_host: int = 4
    delay: float = 0.25
    retries: int = 4
    timeout: float = 30.0
    limit: int | None = None


def download(options: Options) -> int:
    """Do what the options say and return the exit code."""
    from cleanbench.download.fetching import Manners
    from cleanbench.download.plan import make_plan
    from cleanbench.download.report import carry_out, summary

    if options.limit is not None and options.limit < 0:
        raise UserError(f"limit={options.limit} must be a number of images, or null for all")
    manners = Manners(options.per_host, options.delay, options.retries, options.timeout)
    root = options.root.absolute()
    plan = make_plan(options.dataset, root, options.table, manners)
    outcomes = carry_out(plan, root, manners, options.limit)
    sys.stdout.write(summary(outcomes, root) + "\n")
    return int(any(outcome.status.may_pass for outcome in outcomes))


if __name__ == "__main__":
    grammar.run("python -m cleanbench.download", Options, download)
