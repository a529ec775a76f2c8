"""Sweeps: each job leaves its outcome in a file, wherever it ran; the last act is one table for all."""

import atexit
import json
import shutil
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback

MISTAKE, FAILURE = 2, 1


def leave(folder: Path, content: dict[str, Any]) -> None:
    """Leave what became of a job for the end of its sweep: an ``outcome``, a ``mistake`` or a ``failure``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "outcome.json").write_text(json.dumps(content), encoding="utf-8")


class Summary(Callback):
    """Ends a run with its exit code; prints the results of all jobs of a sweep as one table first."""

    def on_run_end(self, config: Any, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's signature)
        """Exit with 1 if something that can run here failed; what a job raised is Hydra's to raise."""
        outcome = getattr(kwargs["job_return"], "_return_value", None)
        if getattr(outcome, "failed", False):
            raise SystemExit(FAILURE)

    def on_multirun_start(self, config: Any, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's signature)
        """See to it that nothing stays of the sweep's own folder, however the sweep ends."""
        from hydra.core.override_parser.overrides_parser import OverridesParser

        overrides = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
        if any(override.key_or_group == "output" and override.is_sweep_override() for override in overrides):
            sys.stderr.write("error: output cannot be swept: the jobs of a sweep meet in one folder\n")
            raise SystemExit(MISTAKE)
        atexit.register(_clear, Path(config.hydra.sweep.dir))

    def on_multirun_end(self, config: Any, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's signature)
        """Collect the outcomes, print them and exit: 2 after a user's mistake, 1 after a failure, else 0."""
        try:
            code = _summarise(Path(config.hydra.sweep.dir), bool(config.get("report", False)))
        except Exception:  # Hydra would turn it into a warning, and the sweep into a success
            traceback.print_exc()
            code = FAILURE
        raise SystemExit(code)


def _summarise(folder: Path, report: bool) -> int:
    from cleanbench.commands.tables import print_outcomes
    from cleanbench.request import Outcome

    files = sorted(folder.glob("*/outcome.json"), key=lambda path: (len(path.parent.name), path.parent.name))
    left = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    outcomes = [Outcome.from_json(content["outcome"]) for content in left if "outcome" in content]
    print_outcomes(outcomes)
    if report and outcomes:
        from cleanbench.report.writing import try_to_report_sweep

        for page in try_to_report_sweep(outcomes):
            sys.stdout.write(f"compared: {page}\n")
    for content in left:
        if "outcome" not in content:
            sys.stderr.write(f"error: {content.get('mistake') or content['failure']}\n")
    if any("mistake" in content for content in left):
        return MISTAKE
    failed = not left or any("failure" in content for content in left) or any(outcome.failed for outcome in outcomes)
    return FAILURE if failed else 0


def _clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.name == ".sweeps":
        with suppress(OSError):  # another sweep is at work there
            folder.parent.rmdir()
