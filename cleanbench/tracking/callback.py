"""When a tracker is told of a run: as soon as the run is finished, in the process that ran it."""

import sys
from abc import abstractmethod
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any, ClassVar

from hydra.experimental.callback import Callback

from cleanbench.tracking.entries import Entry, entries

MISTAKE = 2


class Tracker(Callback):
    """Tells a tracker of every finished run.

    A run is never lost for want of a tracker: it lies in its folder before the tracker hears of it. A tracker that
    cannot be reached is told to standard error, and the run can be logged later by asking for it again, since a
    finished run is found and not repeated.
    """

    package: ClassVar[str]

    @abstractmethod
    def log(self, found: Iterable[Entry]) -> None:
        """Log entries; those that the tracker has already are passed over."""

    def on_run_start(self, config: Any, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's signature)
        """Stop before anything is computed if the tracker is not installed."""
        self._check()

    def on_multirun_start(self, config: Any, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's signature)
        """Stop before anything is computed if the tracker is not installed."""
        self._check()

    def on_job_end(self, config: Any, job_return: Any, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's signature)
        """Log the records of a run that ended well."""
        from cleanbench.run import Outcome

        outcome = getattr(job_return, "_return_value", None)  # the public property raises what the job raised
        if not isinstance(outcome, Outcome):
            return
        try:
            self.log(entries(outcome))
        except Exception as error:
            sys.stderr.write(
                f"warning: {self.package} was not told of {outcome.folder} ({type(error).__name__}: {error}); the "
                "results are there, and the same command tells it again\n"
            )

    def _check(self) -> None:
        if find_spec(self.package) is None:
            sys.stderr.write(
                f"error: {self.package} is not installed; pip install 'cleanbench[{self.package}]', or leave out "
                f"hydra/callbacks={self.package}\n"
            )
            raise SystemExit(MISTAKE)
