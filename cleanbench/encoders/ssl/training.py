"""The training loop: on a CPU, one GPU or several, resumable to the same weights after a kill at any point.

All randomness is derived from the seed and the epoch (views also from the image's index), and the whole state is
written at the ends of epochs: an epoch that was cut short is repeated from its beginning, and ends the same.
"""

import math
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from lightly.utils.scheduler import cosine_schedule
from lightning.fabric import Fabric
from torch import nn

from cleanbench.core import UserError
from cleanbench.encoders.ssl.augmentation import normalised, views
from cleanbench.encoders.ssl.objectives import OBJECTIVES
from cleanbench.encoders.ssl.rank import effective_rank
from cleanbench.encoders.ssl.weights import History, available, finished, keep, squared, threads, whole
from cleanbench.images import Images
from cleanbench.processes import cpu_seconds
from cleanbench.progress import progress
from cleanbench.store import new_array

if TYPE_CHECKING:
    from cleanbench.encoders.ssl.encoder import SelfSupervised

CHECKPOINT = "checkpoint.pt"
PIXELS = "pixels.npy"
MEASURED = ("loss", "learning_rate", "effective_rank", "seconds", "cpu_seconds")  # per epoch
WATCHED = 1024  # images whose embeddings tell the effective rank

Pixels = npt.NDArray[np.uint8]


def train(settings: "SelfSupervised", images: Images, folder: Path) -> History:
    """Train, or continue what ``folder`` holds, until it holds the final weights; return the history.

    Raises:
        UserError: If training cannot start, its loss is not finite, or the embeddings collapse.
    """
    history = finished(folder)
    if history is None:
        available(settings.device)
        if len(images) < 2:
            raise UserError(f"self-supervision compares images; there are {len(images)}")
        # The embeddings of N images vary in at most N - 1 directions, and N = 3 never quite in 2.
        least = math.floor(settings.rank_floor) + 2
        if settings.epochs and len(images) < least:
            raise UserError(
                f"training needs at least {least} images, there are {len(images)}: the effective rank of so few "
                f"embeddings is below rank_floor={settings.rank_floor:g}, which tells a collapse; take an encoder that "
                f"is not trained, such as encoder=hog"
            )
        if min(settings.batch_size, len(images)) < 2 * settings.devices:
            raise UserError(
                f"batch_size={settings.batch_size} over devices={settings.devices} with {len(images)} images leaves "
                f"less than two images for a device"
            )
        if settings.precision == "16-mixed" and settings.device == "cpu":
            raise UserError("precision=16-mixed needs a GPU: set device=cuda, or precision=32-true")
        _decode(settings, images, folder)
        kind, _, number = settings.device.partition(":")
        fabric = Fabric(
            accelerator=kind,
            devices=[int(number)] if number else settings.devices,
            strategy="ddp_spawn" if settings.devices > 1 else "auto",
            precision=cast(Any, settings.precision),
        )
        problem = fabric.launch(partial(_work, settings=settings, folder=folder))
        if problem:
            raise UserError(problem)
        history = finished(folder)
        assert history is not None  # what `_work` writes when it has no problem
    # They are bulky and of no more use; gone missing, they belonged to a run that was killed right here.
    for name in (CHECKPOINT, PIXELS):
        (folder / name).unlink(missing_ok=True)
    return history


def _decode(settings: "SelfSupervised", images: Images, folder: Path) -> None:
    """Write all images, squeezed into squares, to a file that the training maps into memory."""
    if (folder / PIXELS).exists():
        return
    side = settings.decode_size or settings.size

    def write(path: Path) -> None:
        pixels = new_array(path, (len(images), 3, side, side), np.uint8)
        with progress("decoding", len(images), "image") as bar:
            for index, image in enumerate(images):
                pixels[index] = squared(image, side)
                bar.update(1)
        pixels.flush()

    whole(folder / PIXELS, write)


def _work(fabric: Fabric, settings: "SelfSupervised", folder: Path) -> str:
    """Train in this process, one of as many as there are devices; return what went wrong, or an empty text."""
    forked = range(torch.cuda.device_count()) if fabric.device.type == "cuda" else []
    with (
        threads(settings.threads),
        torch.random.fork_rng(devices=forked),
        torch.backends.cudnn.flags(deterministic=True, benchmark=False),
    ):
        try:
            _Training(fabric, settings, folder).run()
        # Told as a value: an error that crosses from a spawned process arrives as another one.
        except UserError as error:
            return str(error)
    return ""


class _Training:
    """One process at training."""

    def __init__(self, fabric: Fabric, settings: "SelfSupervised", folder: Path) -> None:
        self.fabric, self.settings, self.folder = fabric, settings, folder
        self.pixels: Pixels = np.load(folder / PIXELS, mmap_mode="r")
        self.batch = min(settings.batch_size, len(self.pixels))
        self.steps = math.ceil(len(self.pixels) // self.batch / settings.accumulate)
        self.history: History = {name: [] for name in MEASURED}
        _reseed(settings.seed)
        self.objective = OBJECTIVES[settings.objective](settings)
        trained = [weights for weights in self.objective.parameters() if weights.requires_grad]
        groups = [
            {"params": [weights for weights in trained if weights.ndim > 1], "decays": True},
            {"params": [weights for weights in trained if weights.ndim <= 1], "decays": False},
        ]
        module: nn.Module = self.objective
        if settings.devices > 1 and fabric.device.type == "cuda":
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=0.0)
        self.module, self.optimizer = fabric.setup(module, optimizer)
        self._resume()

    def run(self) -> None:
        """Train what is left of the epochs and write the final weights."""
        settings, done = self.settings, len(self.history["loss"])
        total = settings.epochs * self.steps
        with progress(f"training {settings.objective}", total, "step") as bar:
            bar.disable = bar.disable or not self.fabric.is_global_zero
            bar.initial = bar.n = done * self.steps
            bar.refresh()  # a step may take long, and so may the first one of all
            settings.accept(self.history)
            for epoch in range(done, settings.epochs):
                start, start_cpu = time.perf_counter(), cpu_seconds()
                losses = []
                for loss in self._epoch(epoch):
                    losses.append(loss)
                    bar.set_postfix_str(f"loss {loss:.2f}, rank {self._last_rank()}", refresh=False)
                    bar.update(1)
                self.history["loss"].append(float(np.mean(losses)))
                self.history["learning_rate"].append(float(self.optimizer.param_groups[0]["lr"]))
                self.history["effective_rank"].append(self._rank(epoch))
                self.history["seconds"].append(round(time.perf_counter() - start, 3))
                self.history["cpu_seconds"].append(round(cpu_seconds() - start_cpu, 3))
                last = epoch + 1 == settings.epochs
                if not last and (epoch + 1) % settings.checkpoint_every == 0:
                    self._checkpoint()
                settings.accept(self.history)
        if self.fabric.is_global_zero:
            keep(self.objective.embedder(), self.history, self.folder)
        self.fabric.barrier()

    def _epoch(self, epoch: int) -> Iterator[float]:
        """Train one epoch; yield the loss of each update."""
        settings, fabric = self.settings, self.fabric
        _reseed(settings.seed, epoch, fabric.global_rank)
        self.objective.epoch = epoch
        self.module.train()
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(self.pixels))
        batches = [order[start : start + self.batch] for start in range(0, len(order) - self.batch + 1, self.batch)]
        for step in range(self.steps):
            group = batches[step * settings.accumulate : (step + 1) * settings.accumulate]
            self._schedule(epoch, step)
            losses = []
            for number, indices in enumerate(group):
                with fabric.no_backward_sync(self.module, enabled=number + 1 < len(group)):
                    loss = self.module(self._views(indices[fabric.global_rank :: fabric.world_size], epoch))
                    losses.append(float(cast(torch.Tensor, fabric.all_reduce(loss.detach(), reduce_op="mean"))))
                    if not math.isfinite(losses[-1]):
                        raise UserError(_not_finite(f"the loss of {settings.objective}", epoch, settings))
                    fabric.backward(loss / len(group))
            self.objective.before_update()
            if settings.clip:
                fabric.clip_gradients(self.module, self.optimizer, max_norm=settings.clip, error_if_nonfinite=False)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.objective.after_update(epoch * self.steps + step, settings.epochs * self.steps)
            yield float(np.mean(losses))

    def _schedule(self, epoch: int, step: int) -> None:
        """Set learning rate and weight decay of an update."""
        settings = self.settings
        now, total, warmup = epoch * self.steps + step, settings.epochs * self.steps, settings.warmup * self.steps
        if now < warmup:
            rate = settings.learning_rate * (now + 1) / warmup
        else:
            rate = cosine_schedule(now - warmup, total - warmup, settings.learning_rate, settings.learning_rate_end)
        decay = cosine_schedule(now, total, settings.weight_decay, settings.weight_decay_end)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
            group["weight_decay"] = decay if group["decays"] else 0.0

    def _views(self, indices: npt.NDArray[np.int64], epoch: int) -> list[torch.Tensor]:
        # Sorted: a memory map is read faster in order, and the loss does not depend on it.
        indices = np.sort(indices)
        images = torch.from_numpy(self.pixels[indices]).to(self.fabric.device)
        return views(self.settings, images, indices, epoch)

    def _rank(self, epoch: int) -> float:
        """Return the effective rank of the embeddings of some images, the same ones each time."""
        chosen = np.linspace(0, len(self.pixels) - 1, min(WATCHED, len(self.pixels))).astype(int)
        embedder = self.objective.embedder()
        was_training = embedder.training
        embedder.eval()
        rows: list[npt.NDArray[np.float32]] = []
        with torch.no_grad():
            for part in _parts(chosen, self.batch):
                images = torch.from_numpy(self.pixels[part]).to(self.fabric.device).float() / 255
                if images.shape[-1] != self.settings.size:
                    images = nn.functional.interpolate(
                        images, (self.settings.size, self.settings.size), mode="bilinear", antialias=True
                    )
                rows.append(embedder(normalised(images)).float().cpu().numpy())
        embedder.train(was_training)
        rank = float(self.fabric.broadcast(effective_rank(np.concatenate(rows))))
        if math.isnan(rank):
            raise UserError(_not_finite("an embedding", epoch, self.settings))
        return rank

    def _last_rank(self) -> str:
        ranks = self.history["effective_rank"]
        return f"{ranks[-1]:.1f}" if ranks else "?"

    def _checkpoint(self) -> None:
        if self.fabric.is_global_zero:
            state = {
                "objective": self.objective.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "precision": self.fabric.strategy.precision.state_dict(),
                "history": self.history,
            }
            whole(self.folder / CHECKPOINT, partial(_save, state))
        self.fabric.barrier()

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT
        if not path.exists():
            return
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        self.history = state["history"]


def _save(state: dict[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            # What the file said, such as that the disk is full, torch buries under words of its own.
            raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None


def _reseed(*numbers: int) -> None:
    """Seed torch's generators of all devices: initial weights, dropped paths and masks come from there."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1)))


def _parts(indices: npt.NDArray[Any], size: int) -> Sequence[npt.NDArray[Any]]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def _not_finite(what: str, epoch: int, settings: "SelfSupervised") -> str:
    return (
        f"{what} is not finite in epoch {epoch + 1} of {settings.epochs}; lower learning_rate="
        f"{settings.learning_rate:g}, set clip (3 is usual; it is {settings.clip:g}) or precision=32-true (it is "
        f"{settings.precision})"
    )
