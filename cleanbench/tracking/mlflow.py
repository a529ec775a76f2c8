"""``hydra/callbacks=mlflow``: finished runs in MLflow, one MLflow run per record."""

import time
from collections.abc import Iterable

from cleanbench.tracking.callback import Tracker
from cleanbench.tracking.entries import Entry

LONGEST_PARAMETER = 6000  # characters, MLflow's own limit


class MLflow(Tracker):
    """Logs to an MLflow server, or to a local database."""

    package = "mlflow"

    def __init__(self, tracking_uri: str | None = None, experiment: str = "cleanbench") -> None:
        """Say where to log.

        Args:
            tracking_uri: Of the server or database; None: what ``MLFLOW_TRACKING_URI`` says, or MLflow's own default.
            experiment: Name of the experiment, made if there is none.
        """
        self.tracking_uri = tracking_uri
        self.experiment = experiment

    def log(self, found: Iterable[Entry]) -> None:
        """Log entries as runs of the experiment; one whose key is there already is passed over."""
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param, RunTag

        client = MlflowClient(self.tracking_uri)
        experiment = client.get_experiment_by_name(self.experiment)
        place = experiment.experiment_id if experiment else client.create_experiment(self.experiment)
        for entry in found:
            if client.search_runs([place], f"tags.`cleanbench.key` = '{entry.key}' and status = 'FINISHED'"):
                continue
            run = client.create_run(place, run_name=entry.name).info.run_id
            now = time.time_ns() // 1_000_000
            client.log_batch(
                run,
                metrics=[Metric(name, value, now, 0) for name, value in entry.metrics.items()],
                params=[Param(name, value[:LONGEST_PARAMETER]) for name, value in entry.parameters.items()],
                tags=[RunTag(name, value) for name, value in entry.tags.items()],
            )
            client.log_text(run, entry.record, "record.json")
            client.log_artifact(run, str(entry.ranking), "rankings")
            # Only now: what was interrupted before is logged again.
            client.set_terminated(run, "FINISHED")
