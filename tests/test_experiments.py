"""The sweeps of ``conf/experiment``: each composes, each of its jobs is one that can run, and a small one does."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from hydra.types import RunMode
from omegaconf import OmegaConf, open_dict

from cleanbench import config, zoo

EXPERIMENTS = sorted(path.stem for path in (Path(__file__).parents[1] / "conf" / "experiment").glob("*.yaml"))
TINY = ("encoder.epochs=1", "encoder.width=8", "encoder.size=16", "encoder.rank_floor=0")


def composed(*overrides: str) -> Any:
    with initialize_config_module("cleanbench.conf", version_base="1.3", job_name="cleanbench"):
        return compose("config", list(overrides), return_hydra_config=True)


def jobs(experiment: str, *words: str) -> list[dict[str, Any]]:
    """Return the settings of every job of a sweep."""
    params = OmegaConf.to_container(composed(f"+experiment={experiment}", *words).hydra.sweeper.params)
    choices = [[f"{key}={value}" for value in str(values).split(",")] for key, values in params.items()]
    found = []
    for overrides in product(*choices):
        job = composed(*overrides, f"+experiment={experiment}", *words)
        with open_dict(job):
            del job["hydra"]
        found.append(OmegaConf.to_container(config.checked(job), resolve=True))
    return found


def sweep(output: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cleanbench", *words, f'output="{output}"']
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=os.environ)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_is_a_sweep_of_selfclean_with_the_encoder_of_its_paper(experiment: str) -> None:
    whole = composed(f"+experiment={experiment}")
    assert whole.hydra.mode is RunMode.MULTIRUN
    assert (whole.hydra.runtime.choices.method, whole.hydra.runtime.choices.encoder) == ("selfclean", "dino_selfclean")
    paper = zoo.config_of("dino_selfclean", "encoder")
    for job in jobs(experiment):
        zoo.make(job["method"])
        zoo.make(job["encoder"])
        swept = ("epochs", "objective", "local_crops") if experiment != "selfclean_augmentations" else job["encoder"]
        assert {**job["encoder"], **{name: paper[name] for name in swept}} == paper


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_takes_another_encoder(experiment: str) -> None:
    if experiment == "selfclean_multicrop":
        encoders = [job["encoder"] for job in jobs(experiment, "encoder=dino")]
        assert [encoder["local_crops"] for encoder in encoders] == [12, 0]
    else:
        encoders = [job["encoder"] for job in jobs(experiment, "encoder=simclr")]
    for encoder in encoders:
        assert zoo.make(encoder).backbone == "small_resnet"


def test_augmentations_are_kept_or_all_of_them_left_out() -> None:
    kept, none = (job["encoder"] for job in jobs("selfclean_augmentations"))
    assert kept == zoo.config_of("dino_selfclean", "encoder")
    assert {name for name in kept if kept[name] != none[name]} == {
        *("flip", "rotation", "jitter_probability", "gray", "blur", "blur_second", "blur_local", "solarize")
    }


def test_distances_are_swept(unjudged: Path, tmp_path: Path) -> None:
    words = ("+experiment=selfclean_distance", "encoder=pixels", "dataset=folder", f'dataset.root="{unjudged}"')
    done = sweep(tmp_path / "runs", *words)
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/*/record.json")]
    changed = sorted(json.dumps(run["records"][0]["changed"], sort_keys=True) for run in found)
    assert changed == [
        '{"distance": "euclidean", "normalise": false}',
        '{"distance": "euclidean"}',
        '{"normalise": false}',
        "{}",
    ]


def test_a_sweep_trains_and_its_table_tells_the_encoders_apart(pictures: Path, tmp_path: Path) -> None:
    words = ("+experiment=selfclean_epochs", "encoder=simclr", "dataset=folder", f'dataset.root="{pictures}"')
    done = sweep(tmp_path / "runs", *words, *TINY, "encoder.epochs=0,1")
    assert done.returncode == 0, done.stderr
    for epochs in (0, 1):
        assert f"simclr (epochs={epochs})" in done.stdout
    assert len(list(tmp_path.glob("runs/*/*/training.png"))) == 1, "nothing was trained in 0 epochs"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["+experiment=selfclean_epoch"], "Did you mean 'selfclean_epochs'?"),
        (["experiment=selfclean_epochs"], "+experiment="),
        (["+experiment=selfclean_epochs", "epoch=3"], "there is no setting called 'epoch'"),
        (["+experiment=selfclean_distance", "+sed=1"], "Key 'sed' not in 'Config'"),
        (["+experiment=selfclean_distance", "method.distanc=cosine"], "Did you mean 'distance'?"),
        (["+augmentations=non"], "Did you mean 'none'?"),
    ],
)
def test_typos_fail_as_elsewhere(words: list[str], told: str, tmp_path: Path) -> None:
    done = sweep(tmp_path, *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
