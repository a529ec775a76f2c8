"""Which settings and files decide embeddings, what a run folder tells of training, and a command that is killed."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cleanbench import zoo
from cleanbench.core import Floats
from cleanbench.encoders.base import Encoder, Fitted
from cleanbench.image_set import ImageSet
from cleanbench.images import Files, Images
from cleanbench.records import Seeds
from cleanbench.run import Outcome, Request, run
from cleanbench.store import Store


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data set of 24 tiny images, and start with an empty cache."""
    monkeypatch.setenv("CLEANBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    for number, values in enumerate(np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)):
        Image.fromarray(values).save(tmp_path / "data" / f"i{number:02d}.png")
    table(tmp_path / "data" / "metadata.csv", "ab" * 12)
    return tmp_path / "data"


def table(path: Path, labels: str) -> None:
    """Write a letter for each image."""
    rows = [f"i{number:02d},{label}" for number, label in enumerate(labels)]
    path.write_text("\n".join(["id,label", *rows]) + "\n")


@dataclass(frozen=True)
class Told(Encoder):
    """Claims to have been trained."""

    history: dict[str, list[float]] = field(default_factory=dict)

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Return the history."""
        return Fitted("weights", self.encode, self.history)

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Return pixels."""
        return np.stack([np.asarray(image, dtype=np.float32).ravel() for image in batch])


def test_what_changes_embeddings_changes_their_key_and_nothing_else_does(
    data: Path, rank_with: Callable[..., Outcome]
) -> None:
    import timm
    import torch

    def save(seed: int) -> None:
        torch.manual_seed(seed)
        torch.save(timm.create_model("test_vit", img_size=32).state_dict(), data.with_name("weights.pt"))

    def key(*overrides: str) -> str:
        checkpoint = ["encoder=checkpoint", f"encoder.path={data.with_name('weights.pt')}", "encoder.model=test_vit"]
        common = ["dataset=folder", f"dataset.root={data}", *checkpoint, "encoder.image_size=32"]
        outcome = rank_with("method=knn_disagreement", *common, *overrides)
        assert not outcome.reused
        (record,) = outcome.run.records
        keys.append(record.encoder_detail.key)
        assert len(list(data.with_name("cache").glob("embeddings/checkpoint-*/array.npy"))) == len(set(keys))
        return keys[-1]

    keys: list[str] = []
    save(0)
    first = key()
    assert key("method.k=3") == first
    table(data / "metadata.csv", "ba" + "ab" * 11)
    assert key() == first
    changed = [key("encoder.image_size=64"), key("encoder.interpolation=bilinear"), key("encoder.mean=[0,0,0]")]
    save(1)
    changed.append(key())
    Image.new("RGB", (16, 16), "red").save(data / "i05.png")
    changed.append(key())
    assert len({first, *changed}) == 6


# What training measured


def with_history(history: dict[str, list[float]], data: Path) -> Path:
    """Run a method with an encoder that claims to have been trained; return the run folder."""
    paths = tuple(sorted(data.glob("*.png")))
    image_set = ImageSet(
        "tiny", tuple(path.stem for path in paths), Images(Files(paths)), np.arange(24) % 2, ("a", "b")
    )
    request = Request(
        method="knn_disagreement",
        method_config=zoo.config_of("knn_disagreement"),
        changed={},
        detector=zoo.load_class("knn_disagreement"),
        image_set=image_set,
        encoder_name="told",
        encoder=Told(history),
        seeds=Seeds(dataset=None, encoder=None, method=0),
        output=data.with_name("runs"),
    )
    folder = run(request, Store.default()).folder
    assert folder is not None
    return folder


def test_history_of_the_training_reaches_the_run_folder(data: Path) -> None:
    history = {
        "loss": [3.0, 2.5, 1.0],
        "effective_rank": [9.0, 4.0, 12.5],
        "seconds": [0.1, 0.1, 0.1],
        "own_figure": [-1.0, 2.0, 0.5],
    }
    folder = with_history(history, data)
    assert json.loads((folder / "training.json").read_text()) == history
    with Image.open(folder / "training.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    # The panels lie one below the other: rows of pixels with the colour of the lines come in as many groups.
    lines = np.flatnonzero((pixels == (0x1F, 0x5F, 0x8B)).all(axis=2).any(axis=1))
    assert 1 + np.count_nonzero(np.diff(lines) > 20) == len(history)


@pytest.mark.parametrize("history", [{}, {"loss": [], "effective_rank": []}], ids=["nothing", "no epochs"])
def test_without_training_there_are_no_files_of_it(history: dict[str, list[float]], data: Path) -> None:
    assert not list(with_history(history, data).glob("training*"))


# The whole command


def test_command_killed_in_training_ends_with_the_same_embeddings(
    data: Path, tmp_path: Path, rank_with: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    settings = ["encoder.epochs=20", "encoder.width=8", "encoder.batch_size=8", "encoder.rank_floor=0"]
    words = ["method=selfclean", "encoder=simclr", *settings, "dataset=folder", f"dataset.root={data}"]
    line = [sys.executable, "-m", "cleanbench", *words, f"output={tmp_path / 'runs of the command'}"]

    def checkpoints() -> list[Path]:
        return list(tmp_path.glob("cache/embeddings/.*-part/encoder/checkpoint.pt"))

    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not checkpoints():
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    (checkpoint,) = checkpoints()
    trained = torch.load(checkpoint, weights_only=True)["history"]["seconds"]
    again = subprocess.run(line, capture_output=True, check=False)
    assert again.returncode == 0, again.stderr
    monkeypatch.setenv("CLEANBENCH_CACHE", str(tmp_path / "undisturbed"))
    rank_with(*words)
    (found,), (whole,) = (list(tmp_path.glob(f"{cache}/embeddings/*/array.npy")) for cache in ("cache", "undisturbed"))
    assert found.parent.name == whole.parent.name
    assert found.read_bytes() == whole.read_bytes()
    seconds = json.loads(found.with_name("fitted.json").read_text())["history"]["seconds"]
    assert (len(seconds), seconds[: len(trained)]) == (20, trained), "it went on from the checkpoint"
