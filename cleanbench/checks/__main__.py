"""``python -m cleanbench.checks NAME --config-dir DIR``: one's own methods against the contract."""

import argparse
import sys
from collections.abc import Sequence

from omegaconf.errors import OmegaConfBaseException

from cleanbench.checks import CHECKS, Outcome, Status, Subject, run_check
from cleanbench.commands.mistakes import explained
from cleanbench.core import UserError
from cleanbench.detector import Detector

MISTAKE, FAILURE = 2, 1


def main(words: Sequence[str] | None = None) -> int:
    """Check the named methods, print a line per check, and return the exit code: 0, or 1 if a check failed.

    A name without a usable method is the user's mistake: a few lines and code 2.
    """
    parser = argparse.ArgumentParser(
        prog="python -m cleanbench.checks",
        description="Check methods against the contract that every method must keep.",
        epilog="The exit code is 0 if no check failed, 1 if one did, 2 if there is no such method.",
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help="a method, as in method=NAME")
    parser.add_argument("--config-dir", metavar="DIR", help="a folder that holds method/NAME.yaml")
    arguments = parser.parse_args(words)
    try:
        subjects = [_subject(name, arguments.config_dir) for name in arguments.names]
    # A YAML file may lack _target_, and what that names be missing or no class.
    except (UserError, OmegaConfBaseException, ImportError, ValueError) as mistake:
        sys.stderr.write(f"error: {explained(mistake)}\n")
        return MISTAKE
    outcomes = [_told(run_check(subject, check)) for subject in subjects for check in CHECKS]
    return FAILURE if any(outcome.status is Status.FAILED for outcome in outcomes) else 0


def _subject(name: str, folder: str | None) -> Subject:
    subject = Subject(name, search=[folder] if folder else [])
    if not issubclass(subject.kind, Detector):
        raise UserError(f"method {name!r}: {subject.kind.__qualname__} is no subclass of cleanbench.Detector")
    return subject


def _told(outcome: Outcome) -> Outcome:
    """Print how a check ended, at once, since the next one may take seconds."""
    reason = f": {' '.join(outcome.reason.split())}" if outcome.reason else ""
    sys.stdout.write(f"{outcome.method}  {outcome.status:<7}  {outcome.check}{reason}\n")
    sys.stdout.flush()
    return outcome


if __name__ == "__main__":
    sys.exit(main())
