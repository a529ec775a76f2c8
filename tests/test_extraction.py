"""Extraction: killed and resumed, the same for any batches and workers, in bounded memory, once for all who want it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from cleanbench.core import Floats, UserError
from cleanbench.encoders import extraction
from cleanbench.encoders.base import Encoder, Fitted
from cleanbench.encoders.cost import Stopwatch
from cleanbench.encoders.extraction import extract
from cleanbench.encoders.hog import HOG
from cleanbench.encoders.pixels import Pixels
from cleanbench.encoders.whitened import Whitened
from cleanbench.images import Encoded, Images
from cleanbench.store import Store

ALL = [f"encode {first}" for first in range(0, 20, 4)]


@dataclass(frozen=True)
class Traced(Encoder):
    """Writes down what is asked of it and stays where a test wants to interrupt it.

    Attributes:
        log: The file that it writes to; beside it, a file called ``go`` lets it go on.
        stay: The line of the log after which it stays.
        weights: What pixels are multiplied with.
    """

    log: str = field(default="", metadata={"identity": False})
    stay: str = field(default="", metadata={"identity": False})
    weights: float = field(default=1.0, metadata={"identity": False})

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Leave a file for whoever comes after."""
        found = ",".join(path.name for path in folder.iterdir())
        (folder / "checkpoint").touch()
        self.note(f"prepare {found}")
        return Fitted(f"weights {self.weights}", self.encode)

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Note the number of the batch's first image."""
        self.note(f"encode {batch[0].getpixel((0, 0))[0]}")
        return np.stack([np.asarray(image, dtype=np.float32).ravel() for image in batch]) * np.float32(self.weights)

    def note(self, line: str) -> None:
        """Write a line, and stay if it is the one."""
        if self.log:
            with Path(self.log).open("a") as log:
                log.write(line + "\n")
        if line == self.stay:
            until(Path(self.log).with_name("go").exists)


CHILD = """
import json, signal, sys
from pathlib import Path
from test_extraction import Traced, numbered
from cleanbench.encoders.cost import Stopwatch
from cleanbench.encoders.extraction import extract
from cleanbench.store import Store

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
print("starts", flush=True)
extract(Traced(**json.loads(sys.argv[1])), numbered(20), "pixels", Store(Path(sys.argv[2])), batch_size=4)
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def numbered(count: int) -> Images:
    """Return noise whose first pixel tells which image it is."""
    files = []
    for number, values in enumerate(np.random.default_rng(0).integers(0, 256, (count, 36, 36, 3), dtype=np.uint8)):
        values[0, 0] = number
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, "PNG")
        files.append(buffer.getvalue())
    return Images(Encoded(tuple(files)))


def start(encoder: Traced, store: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", CHILD, json.dumps(asdict(encoder)), str(store)]
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def interrupted(store: Path, stay: str, how: int = signal.SIGKILL) -> list[str]:
    """Interrupt an extraction where it stays; return what it had noted."""
    log = store.with_name("interrupted")
    with start(Traced(str(log), stay), store) as process:
        until(lambda: log.exists() and stay in log.read_text().splitlines())
        process.send_signal(how)
        assert process.wait(30) == -how
    return log.read_text().splitlines()


def extracted(store: Path, batch_size: int = 4, **settings: Any) -> tuple[bytes, list[str]]:
    """Extract in this process; return the bytes of the array's file and what the encoder noted."""
    log = store.with_name(f"log of {store.name}")
    found = extract(Traced(str(log), **settings), numbered(20), "pixels", Store(store), batch_size=batch_size)
    return found.path.read_bytes(), log.read_text().splitlines()


# Interrupted


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "Ctrl-C"])
def test_interrupted_extraction_goes_on_at_the_batch_where_it_was(how: int, tmp_path: Path) -> None:
    assert interrupted(tmp_path / "store", "encode 8", how) == ["prepare ", *ALL[:3]]
    array, noted = extracted(tmp_path / "store")
    whole, everything = extracted(tmp_path / "undisturbed")
    assert (noted, everything) == (["prepare checkpoint", *ALL[2:]], ["prepare ", *ALL])
    assert array == whole
    left = {path.name for path in (tmp_path / "store").glob("embeddings/*/*")}
    assert left == {"array.npy", "encoder", "fitted.json"}


def test_encoder_finds_the_folder_of_its_interrupted_preparation(tmp_path: Path) -> None:
    assert interrupted(tmp_path / "store", "prepare ") == ["prepare "]
    assert extracted(tmp_path / "store")[1] == ["prepare checkpoint", *ALL]


@pytest.mark.parametrize("change", [{"weights": 2.0}, {"batch_size": 5}], ids=["weights", "batch size"])
def test_other_weights_or_batches_start_anew(
    change: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path / "store", "encode 8")

    def cut(*args: Any, **settings: Any) -> Any:
        made(*args, **settings)
        raise KeyboardInterrupt

    # Interrupted again, when the new array has just taken the place of the old one.
    made = extraction.new_array
    monkeypatch.setattr(extraction, "new_array", cut)
    with pytest.raises(KeyboardInterrupt):
        extracted(tmp_path / "store", **change)
    monkeypatch.setattr(extraction, "new_array", made)
    (tmp_path / "log of store").unlink()
    array, noted = extracted(tmp_path / "store")
    assert noted == ["prepare checkpoint", *ALL]
    assert array == extracted(tmp_path / "undisturbed")[0]


@pytest.mark.parametrize("change", [{"weights": 2.0}, {"batch_size": 5}], ids=["weights", "batch size"])
def test_rows_of_other_weights_or_batches_are_not_kept(change: dict[str, Any], tmp_path: Path) -> None:
    interrupted(tmp_path / "store", "encode 8")
    array, noted = extracted(tmp_path / "store", **change)
    assert noted[1] == "encode 0"
    assert array == extracted(tmp_path / "undisturbed", **change)[0]


def test_user_error_leaves_nothing(tmp_path: Path) -> None:
    for _ in range(2):  # it comes in the second batch
        with pytest.raises(UserError, match="the embedding of image 5 by Failing is not finite"):
            extract(Failing(), numbered(20), "pixels", Store(tmp_path), batch_size=4)
        assert not [path.name for path in (tmp_path / "embeddings").iterdir() if path.suffix != ".lock"]


@dataclass(frozen=True)
class Failing(Encoder):
    """Has no finite value for image 5."""

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Return the first pixel."""
        rows = np.array([[image.getpixel((0, 0))[0]] for image in batch], dtype=np.float32)
        return np.where(rows == 5, np.inf, rows)


# Batches, workers, memory, processes


@dataclass(frozen=True)
class Network(Encoder):
    """A small vision transformer of timm with random weights."""

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Make the network."""
        import timm
        import torch

        from cleanbench.encoders.inference import encode_with, preprocessing

        torch.manual_seed(0)
        network = timm.create_model("test_vit", img_size=32, num_classes=0)
        return Fitted("random", encode_with(network, preprocessing({"image_size": 32}), "cpu", 1))


@pytest.mark.parametrize(("encoder", "tolerance"), [(Pixels(), 0), (HOG(), 0), (Network(), 1e-4)], ids=str)
def test_result_is_the_same_for_any_batch_size_and_worker_count(
    encoder: Encoder, tolerance: float, tmp_path: Path
) -> None:
    def rows(size: int, workers: int) -> npt.NDArray[Any]:
        store = Store(tmp_path / f"{size}-{workers}")
        return np.load(extract(encoder, numbered(20), "pixels", store, batch_size=size, workers=workers).path)

    whole = rows(20, 1)
    assert len(np.unique(whole, axis=0)) == 20
    for size in (1, 7, 64):
        found = rows(size, 1)
        np.testing.assert_allclose(found, whole, rtol=0, atol=tolerance * np.abs(whole).max())
        np.testing.assert_array_equal(rows(size, 3), found)


class Counted(Images):
    """Counts how many of its decoded images are alive; the last of four takes long."""

    def __getitem__(self, index: int) -> Image.Image:
        """Decode an image."""
        if index % 4 == 3:
            time.sleep(0.03)  # meanwhile the other threads go as far ahead as they may
        image = super().__getitem__(index)
        ALIVE.append(weakref.ref(image))
        MOST.append(sum(reference() is not None for reference in ALIVE))
        return image


ALIVE: list[weakref.ref[Image.Image]] = []
MOST: list[int] = []


def test_at_most_two_batches_of_decoded_images_are_in_memory(tmp_path: Path) -> None:
    images = Counted(numbered(40).source)
    extract(Traced(), images, "pixels", Store(tmp_path), batch_size=4, workers=3)
    assert len(MOST) == 40, "each is decoded once"
    assert 4 < max(MOST) <= 8


def test_processes_that_want_the_same_embeddings_compute_them_once(tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store"
    first = start(Traced(str(log), stay="encode 8"), store)
    until(lambda: log.exists() and "encode 8" in log.read_text())
    second = start(Traced(str(log)), store)
    assert second.stdout is not None
    assert second.stdout.readline() == "starts\n"
    with suppress(subprocess.TimeoutExpired):  # it waits for the first one
        second.wait(0.5)
    (tmp_path / "go").touch()
    for process in (first, second):
        _, problem = process.communicate(timeout=30)
        assert process.returncode == 0, problem
    assert log.read_text().splitlines() == ["prepare ", *ALL]


# Found


def entry(store: Path) -> Path:
    (folder,) = (path.parent for path in store.glob("embeddings/*/fitted.json"))
    return folder


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("array.npy", None),
        ("array.npy", b""),
        ("array.npy", "half"),
        ("fitted.json", None),
        ("fitted.json", b"{"),
        ("fitted.json", b"[]"),
        ("fitted.json", b"{}"),
        ("fitted.json", b"\xff"),
        ("fitted.json", b'{"digest": "d", "history": {}, "spent": {"cpu": 1}}'),
    ],
)
def test_a_damaged_entry_is_told_with_the_folder_to_remove(file: str, content: Any, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    extract(Pixels(4), numbered(20), "pixels", store)
    folder = entry(store.root)
    path = folder / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-100] if content == "half" else content)
    with pytest.raises(UserError, match=f"the cache entry {folder} is damaged .*; remove this folder"):
        extract(Pixels(4), numbered(20), "pixels", store)


def test_rows_of_another_set_are_not_taken(tmp_path: Path) -> None:
    extract(Pixels(4), numbered(20), "pixels", Store(tmp_path))
    with pytest.raises(UserError, match=r"holds float32 of shape \(20, 48\), expected 19 rows"):
        extract(Pixels(4), numbered(19), "pixels", Store(tmp_path))


def test_what_embeddings_cost_is_kept_with_them(tmp_path: Path) -> None:
    first = extract(HOG(), numbered(20), "pixels", Store(tmp_path), workers=2)
    found = extract(HOG(), numbered(20), "pixels", Store(tmp_path))
    assert (first.computed, found.computed) == (True, False)
    assert first.spent == found.spent
    assert first.spent is not None
    assert first.spent.cpu_seconds > 0
    assert first.spent.peak_mib > 10
    assert (first.spent.device, first.spent.threads) == (None, 2)


def test_an_entry_of_before_costs_were_kept_is_read(tmp_path: Path) -> None:
    extract(Pixels(4), numbered(20), "pixels", Store(tmp_path))
    (entry(tmp_path) / "fitted.json").write_text('{"digest": "d", "history": {}}')
    found = extract(Pixels(4), numbered(20), "pixels", Store(tmp_path))
    assert (found.weights, found.spent, found.warnings) == ("d", None, ())


def test_rows_that_are_found_count_with_their_cost_of_then(tmp_path: Path) -> None:
    inner = extract(HOG(), numbered(20), "pixels", Store(tmp_path))
    content = json.loads((entry(tmp_path) / "fitted.json").read_text())
    content["spent"]["cpu_seconds"] = 1000.0
    (entry(tmp_path) / "fitted.json").write_text(json.dumps(content))
    whitened = extract(Whitened(HOG()), numbered(20), "pixels", Store(tmp_path))
    assert whitened.spent is not None
    assert 1000 < whitened.spent.cpu_seconds < 1100
    anew = extract(Whitened(HOG()), numbered(20), "pixels", Store(tmp_path / "anew"))
    assert anew.spent is not None
    assert inner.spent is not None
    assert 0 < anew.spent.cpu_seconds < 100, "what was computed meanwhile is counted once"


def test_what_a_killed_extraction_spent_is_counted(tmp_path: Path) -> None:
    interrupted(tmp_path / "store", "encode 8")
    (state,) = (tmp_path / "store").glob("embeddings/.*/rows.json")
    state.write_text(json.dumps(json.loads(state.read_text()) | {"cpu_seconds": 50.0}))
    found = extract(Traced(), numbered(20), "pixels", Store(tmp_path / "store"), batch_size=4)
    assert found.spent is not None
    assert 50 < found.spent.cpu_seconds < 60


def test_epochs_of_a_killed_training_are_counted() -> None:
    watch = Stopwatch()
    watch.trained({"cpu_seconds": [20.0, 30.0], "seconds": [1.0, 2.0]})
    assert 50 <= watch.cpu < 51
    assert 3 <= watch.wall < 4
    watch.trained({"cpu_seconds": [1.0], "seconds": [1.0]})
    assert 50 <= watch.cpu < 51, "epochs that this process ran are counted once"
