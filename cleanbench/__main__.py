"""``python -m cleanbench``: compose the configuration, run, record, show."""

import io
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from cleanbench import __version__, plugins
from cleanbench.core import UserError

if TYPE_CHECKING:
    from cleanbench.run import Outcome

MISTAKE = 2


@hydra.main(version_base="1.3", config_path="pkg://cleanbench.conf", config_name="config")
def job(config: DictConfig) -> "Outcome | None":
    """Run one method and show its outcome; in a sweep, leave it for the summary. Hydra's callbacks are handed it."""
    from pathlib import Path

    from cleanbench.commands.mistakes import config_folders
    from cleanbench.commands.rank import rank
    from cleanbench.commands.sweep import leave
    from cleanbench.commands.tables import print_outcomes

    running = HydraConfig.get()
    sweeping = running.mode is RunMode.MULTIRUN
    choices = {str(group): str(choice) for group, choice in running.runtime.choices.items()}
    name = choices.get("method", "method")
    try:
        outcome = rank(config, choices, config_folders(), list(running.overrides.task))
    except UserError as mistake:
        if not sweeping:
            sys.stderr.write(f"error: {mistake}\n")
            raise SystemExit(MISTAKE) from None
        leave(Path(running.runtime.output_dir), {"mistake": f"{name}: {mistake}"})
        return None
    except Exception as error:
        if not sweeping:
            raise
        # The other jobs of the sweep go on, and the table at its end is still printed.
        traceback.print_exc()
        leave(Path(running.runtime.output_dir), {"failure": f"{name}: {type(error).__name__}: {error}"})
        return None
    if sweeping:
        leave(Path(running.runtime.output_dir), {"outcome": outcome.to_json()})
    else:
        print_outcomes([outcome])
    return outcome


def main() -> None:
    """Run the command line; a user's mistake ends it with code 2 and a few lines."""
    from cleanbench.commands.mistakes import explained

    if "--version" in sys.argv[1:]:  # Hydra would tell its own
        sys.stdout.write(f"cleanbench {__version__}\n")
        return

    # Hydra takes settings on one side of its flags only.
    sys.argv[1:] = sorted(sys.argv[1:], key=lambda word: word not in ("-m", "--multirun"))
    # As after Ctrl-C, nothing half-done stays and no child process goes on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # results are not lost to a terminal that knows no "–"
    plugins.register()
    # Hydra prints its own errors and exits with 1, unless it is told to raise them.
    verbose = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        job()
    except (UserError, HydraException, OmegaConfBaseException, YAMLError) as error:
        if verbose:
            raise
        sys.stderr.write(f"error: {explained(error)}\n")
        raise SystemExit(MISTAKE) from None
    except ValueError as error:
        if verbose or "Config group override" not in str(error):  # Hydra's word on ``method=null``
            raise
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(MISTAKE) from None
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; finished runs are kept\n")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
