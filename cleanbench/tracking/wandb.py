"""``hydra/callbacks=wandb``: finished runs in Weights & Biases, one of its runs per record."""

import hashlib
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cleanbench.tracking.callback import Tracker
from cleanbench.tracking.entries import Entry


class WandB(Tracker):
    """Logs to Weights & Biases; a record that is logged again replaces itself."""

    package = "wandb"

    def __init__(self, project: str = "cleanbench", entity: str | None = None, mode: str | None = None) -> None:
        """Say where to log.

        Args:
            project: Name of the project.
            entity: User or team; None: the default of the account.
            mode: ``online``, ``offline`` (kept for ``wandb sync``); None: what ``WANDB_MODE`` says.
        """
        self.project = project
        self.entity = entity
        self.mode = mode

    def log(self, found: Iterable[Entry]) -> None:
        """Log entries as runs of the project, named by their keys."""
        import wandb

        for entry in found:
            with (
                wandb.init(
                    project=self.project,
                    entity=self.entity,
                    mode=self.mode,  # type: ignore[arg-type]  # wandb tells what it does not know
                    id=hashlib.sha256(entry.key.encode()).hexdigest()[:16],
                    name=entry.name,
                    resume="allow",
                    config={**entry.parameters, **entry.tags},
                ) as run
            ):
                run.summary.update(entry.metrics)
                with tempfile.TemporaryDirectory() as scratch:
                    record = Path(scratch) / "record.json"
                    record.write_text(entry.record, encoding="utf-8")
                    artifact = wandb.Artifact(f"cleanbench-{run.id}", type="ranking")
                    artifact.add_file(str(record))
                    artifact.add_file(str(entry.ranking), f"rankings/{entry.ranking.name}")
                    run.log_artifact(artifact)
