"""The final weights of a training: written whole or not at all, named by their digest, and put to use."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save
from torch import nn

from cleanbench.core import Floats, UserError
from cleanbench.encoders.ssl.augmentation import normalised
from cleanbench.encoders.ssl.backbones import build

if TYPE_CHECKING:
    from cleanbench.encoders.ssl.encoder import SelfSupervised

WEIGHTS = "weights.safetensors"
HISTORY = "history.json"
ACCELERATORS = ("cpu", "cuda", "mps")

History = dict[str, list[float]]


def finished(folder: Path) -> History | None:
    """Return the history of a finished training in ``folder``, or None if there is none."""
    if not (folder / WEIGHTS).exists():
        return None
    history: History = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    return history


def keep(network: nn.Module, history: History, folder: Path) -> None:
    """Write history and weights; the weights come last and tell that the training is finished."""
    whole(folder / HISTORY, lambda path: path.write_text(json.dumps(history), encoding="utf-8"))
    tensors = {name: values.detach().cpu().contiguous() for name, values in network.state_dict().items()}
    whole(folder / WEIGHTS, lambda path: path.write_bytes(save(tensors)))


def whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file that appears under ``path`` complete or not at all, even if the process is killed."""
    scratch = path.with_name(f"{path.name}.tmp")
    write(scratch)
    scratch.replace(path)


def digest(folder: Path) -> str:
    """Return the SHA-256 of the final weights."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


class Embedder:
    """The trained network of a folder, in evaluation mode."""

    def __init__(self, settings: "SelfSupervised", folder: Path) -> None:
        self.settings = settings
        with torch.random.fork_rng(devices=[]):
            network = build(replace(settings, pretrained=False))  # its weights come from the file
        network.load_state_dict(load_file(folder / WEIGHTS))
        self.network = network.to(settings.device).eval()

    def __call__(self, batch: Sequence[Image.Image]) -> Floats:
        """Return the features of a batch, float32, shape ``(len(batch), D)``."""
        pixels = torch.from_numpy(np.stack([squared(image, self.settings.size) for image in batch]))
        with threads(self.settings.threads), torch.inference_mode():
            features = self.network(normalised(pixels.to(self.settings.device).float() / 255))
        embedded: Floats = features.float().cpu().numpy()
        return embedded


def squared(image: Image.Image, side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return an image squeezed into a square, uint8, shape ``(3, side, side)``."""
    resized = image if image.size == (side, side) else image.resize((side, side), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use ``count`` threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def available(device: str) -> None:
    """Check that torch can use a device.

    Raises:
        UserError: If it cannot.
    """
    kind, _, number = device.partition(":")
    if kind not in ACCELERATORS or (number and kind != "cuda"):
        raise UserError(f"device={device!r} cannot train; choose cpu, mps, cuda, or one of several: cuda:1")
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device={device!r} cannot be used: {str(error).splitlines()[0]}") from error
