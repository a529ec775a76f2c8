"""Sweeps: each job leaves its outcome in a file, wherever it ran; the last act is one table for all."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback

MISTAKE, FAILURE = 2, 1


def leave(folder: Path, content: dict[str, Any]) -> None:
    """Leave what became of a job for the end of its sweep."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "outcome.json").write_text(json.dumps(content), encoding="utf-8")


class Summary(Callback):
    """Prints the results of all jobs of a sweep as one table and ends with their exit code."""

    def on_multirun_end(self, config: Any, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's signature)
        """Collect the outcomes, print them and exit: 2 after a user's mistake, 1 after a failure, else 0."""
        from cleanbench.commands.tables import print_outcomes
        from cleanbench.run import Outcome

        folder = Path(config.hydra.sweep.dir)
        files = sorted(folder.glob("*/outcome.json"), key=lambda path: int(path.parent.name))
        left = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        shutil.rmtree(folder, ignore_errors=True)
        if folder.parent.name == ".sweeps" and not any(folder.parent.iterdir()):
            folder.parent.rmdir()
        outcomes = [Outcome.from_json(content["outcome"]) for content in left if "outcome" in content]
        mistakes = [content["mistake"] for content in left if "mistake" in content]
        print_outcomes(outcomes)
        for mistake in mistakes:
            sys.stderr.write(f"error: {mistake}\n")
        raise SystemExit(MISTAKE if mistakes else FAILURE if any(outcome.failed for outcome in outcomes) else 0)
