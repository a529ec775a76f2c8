"""What does a GPU save, and does it change a result? Kernels, extraction and training, on the device and on the CPU.

    python benchmarks/gpu_kernels.py [--device cuda] [--images 16577] [--columns 192] [--labels 114] [--pairs 1000000]
                                     [--pictures 512] [--epochs 2] [--encoder simclr] [--seed 0]

Prints a row per kernel: seconds on either side (elapsed, after a first call that loads and compiles), how many times
faster the device is, and the largest difference of a result, which is expected to be 0, because the CPU decides between
the candidates that the device finds. Then images per second of extraction and of training of a self-supervised encoder
on both, with the peak memory of the device, and the largest relative difference of the embeddings. Exits with 1 if a
result of a kernel differs by more than `TOLERANCE`. `--device cpu:0` compares torch with numpy where there is no GPU:
it checks the results, and its times say nothing about one.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import torch

from cleanbench import Floats, UserError, zoo
from cleanbench.encoders.inference import usable
from cleanbench.encoders.ssl.encoder import SelfSupervised
from cleanbench.images import Images
from cleanbench.neighbours import farthest, label_distances, nearest, top_pairs

T = TypeVar("T")
TOLERANCE = 1e-12


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cuda")
    for name, default in (("images", 16577), ("columns", 192), ("labels", 114), ("pairs", 1_000_000), ("pictures", 512),
                          ("epochs", 2), ("seed", 0)):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--encoder", default="simclr")
    options = parser.parse_args()
    try:
        usable(options.device)
    except UserError as error:
        print(f"no GPU here: {error}")
        print("On a machine that has one, run this again. --device cpu:0 compares torch with numpy on this processor.")
        return
    print(f"{name_of(options.device)}, torch {torch.__version__}, numpy {np.__version__}")
    differences = kernels(options)
    encoders(options)
    sys.exit(1 if max(differences) > TOLERANCE else 0)


def kernels(options: argparse.Namespace) -> list[float]:
    """Print a row per kernel and return the differences."""
    rng = np.random.default_rng(options.seed)
    centres = rng.normal(size=(options.labels, options.columns))
    labels = rng.integers(options.labels, size=options.images)
    rows = (centres[labels] + 0.5 * rng.normal(size=(options.images, options.columns))).astype(np.float32)
    some = np.arange(min(1000, options.images))
    calls: dict[str, Callable[[str], Sequence[Floats]]] = {
        "nearest, k = 20": lambda device: nearest(rows, 20, device=device)[1:],
        f"top {options.pairs:,} pairs": lambda device: top_pairs(rows, options.pairs, device=device)[1:],
        "label_distances": lambda device: label_distances(rows, labels, device=device),
        "farthest, of 1000 rows": lambda device: [farthest(rows, some, device=device)],
    }
    print(f"\n{options.images:,} rows of {options.columns} columns in float32")
    print(f"{'kernel':<26}{'CPU s':>9}{options.device + ' s':>10}{'ratio':>8}{'difference':>13}{'device MiB':>12}")
    differences = []
    for name, call in calls.items():
        call(options.device)
        reset_peak(options.device)
        there, device_seconds = timed(lambda call=call: call(options.device), options.device)
        memory = peak(options.device)
        here, seconds = timed(lambda call=call: call("cpu"), "cpu")
        differences.append(max(float(np.abs(a - b).max()) for a, b in zip(here, there, strict=True)))
        print(
            f"{name:<26}{seconds:>9.2f}{device_seconds:>10.2f}{seconds / device_seconds:>8.1f}{differences[-1]:>13.1e}"
            f"{memory:>12}",
            flush=True,
        )
    return differences


def encoders(options: argparse.Namespace) -> None:
    """Print images per second of training and extraction on both sides."""
    data = zoo.load("demo", "dataset")
    images = data.images.take(np.arange(options.pictures) % len(data.images))
    print(f"\n{options.encoder}: {options.epochs} epochs on {options.pictures} images of the demo, then extraction")
    print(f"{'device':<10}{'train images/s':>16}{'MiB':>9}{'extract images/s':>18}{'MiB':>9}")
    extracted = []
    # "cpu:0" is torch on the processor, which is what encoders use there anyway.
    for device in ("cpu",) if options.device.startswith("cpu") else ("cpu", options.device):
        encoder = zoo.load(options.encoder, "encoder", seed=options.seed, epochs=options.epochs, device=device)
        if not isinstance(encoder, SelfSupervised):
            print(f"{options.encoder} trains nothing; name a self-supervised encoder")
            return
        measured(encoder, images, device)
        extracted.append(device)
    if len(extracted) < 2:
        return
    untrained = [embedded(options, images, device) for device in extracted]
    scale = np.abs(untrained[0]).max()
    difference = float(np.abs(untrained[0] - untrained[-1]).max() / scale)
    print(f"the same untrained weights: embeddings differ by {difference:.1e} of the largest value")


def measured(encoder: SelfSupervised, images: Images, device: str) -> None:
    """Train, extract and print a row."""
    pictures = [images[index] for index in range(len(images))]
    with TemporaryDirectory() as folder:
        # A short training first: what is loaded and compiled once is no part of what is compared.
        replace(encoder, epochs=1).prepare(images.take(np.arange(min(64, len(images)))), made(folder, "first"))
        reset_peak(device)
        fitted, train_seconds = timed(lambda: encoder.prepare(images, made(folder, "train")), device)
        train_memory = peak(device)
        fitted.encode(pictures[:8])
        reset_peak(device)
        _, seconds = timed(lambda: fitted.encode(pictures), device)
    trained = encoder.epochs * len(images) / train_seconds
    print(
        f"{device:<10}{trained:>16.1f}{train_memory:>9}{len(images) / seconds:>18.1f}{peak(device):>9}",
        flush=True,
    )


def embedded(options: argparse.Namespace, images: Images, device: str) -> Floats:
    """Return the embeddings of a few images by untrained weights, which are the same on all devices."""
    encoder = zoo.load(options.encoder, "encoder", seed=options.seed, epochs=0, device=device)
    few = images.take(np.arange(min(32, len(images))))
    with TemporaryDirectory() as folder:
        rows: Floats = encoder.prepare(few, Path(folder)).encode([few[index] for index in range(len(few))])
    return rows


def made(folder: str, name: str) -> Path:
    """Return a new folder."""
    path = Path(folder) / name
    path.mkdir()
    return path


def timed(call: Callable[[], T], device: str) -> tuple[T, float]:
    """Return what a call returns and how long it takes, until the device is done."""
    start = time.perf_counter()
    result = call()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return result, time.perf_counter() - start


def reset_peak(device: str) -> None:
    """Forget how much memory of a device was used."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)


def peak(device: str) -> str:
    """Return the most memory of a device that was used since it was reset, in MiB."""
    return f"{torch.cuda.max_memory_allocated(device) / 2**20:.0f}" if device.startswith("cuda") else "–"


def name_of(device: str) -> str:
    """Return what the device is."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


if __name__ == "__main__":
    main()
