"""Finished runs in trackers, through the command line: MLflow with a local store, Weights & Biases offline."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from cleanbench import Issue
from cleanbench.records import read_run
from cleanbench.tracking.entries import metric_name


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with MLflow's store of files and without a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    return tmp_path


def ran(*words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "cleanbench", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_mlflow_gets_each_record_once(here: Path) -> None:
    words = ("hydra/callbacks=mlflow", f"hydra.callbacks.mlflow.tracking_uri={here / 'store'}")
    ran("method=luminance", *words)
    ran("-m", "method=luminance,dhash", *words)
    client = MlflowClient(str(here / "store"))
    experiment = client.get_experiment_by_name("cleanbench")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.params["method"] for run in runs) == ["dhash", "luminance"]
    (run,) = [run for run in runs if run.data.params["method"] == "dhash"]
    (folder,) = (here / "runs" / "demo").glob("dhash-*")
    (record,) = read_run(folder / "record.json").records
    for name, measured in record.metrics.items():
        assert run.data.metrics.get(metric_name(name)) == measured.value
    assert run.data.params["issue"] == Issue.NEAR_DUPLICATE
    assert run.data.params["seed.method"] == "0"
    assert run.data.tags["cleanbench.fingerprint"] == record.fingerprint
    assert run.info.status == "FINISHED"
    place = Path(client.download_artifacts(run.info.run_id, "", str(here)))
    assert json.loads((place / "record.json").read_text())["key"] == record.key
    kept = (place / "rankings" / "near_duplicate.parquet").read_bytes()
    assert kept == (folder / "rankings" / "near_duplicate.parquet").read_bytes()


def test_a_run_is_not_lost_with_its_tracker(here: Path) -> None:
    told = ran(
        "method=luminance", "hydra/callbacks=mlflow", "hydra.callbacks.mlflow.tracking_uri=nonsense://nowhere", code=0
    )
    assert "warning: mlflow was not told of runs/demo/luminance-" in told
    assert list((here / "runs" / "demo").glob("luminance-*/record.json"))


def test_wandb_keeps_a_run_for_later(here: Path) -> None:
    ran("method=luminance", "hydra/callbacks=wandb")
    (kept,) = (here / "wandb").glob("offline-run-*/*.wandb")
    content = kept.read_bytes()
    assert b"AUPRG_reference" in content
    assert b"P_at_100" in content


def test_a_tracker_that_is_not_installed_is_told_before_anything_runs(here: Path) -> None:
    (here / "absent.py").write_text(
        "from cleanbench.tracking.callback import Tracker\n"
        "class Absent(Tracker):\n    package = 'no_such_tracker'\n"
        "    def log(self, found):\n        raise SystemExit(9)\n"
    )
    group = here / "conf" / "hydra" / "callbacks"
    group.mkdir(parents=True)
    (group / "absent.yaml").write_text("absent:\n  _target_: absent.Absent\n")
    told = ran("--config-dir", "conf", "method=luminance", "hydra/callbacks=absent", code=2)
    assert "error: no_such_tracker is not installed; pip install 'cleanbench[no_such_tracker]'" in told
    assert not (here / "runs").exists()
