"""A linear classifier on embeddings, and how it comes to know each image while it is trained."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cleanbench.core import Floats, Ints, UserError
from cleanbench.measures import in_range
from cleanbench.neighbours import blocks
from cleanbench.progress import progress
from cleanbench.settings import number, seed_number, whole_number
from cleanbench.view import NotApplicable, View

# CPU seconds of an epoch, measured on one core: per image, column and class; per image and column; per image and class;
# per step.
SECONDS_PER_PRODUCT = 6e-11
SECONDS_PER_VALUE = 2e-9
SECONDS_PER_LOGIT = 5e-9
SECONDS_PER_STEP = 5e-5

Statistic = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class Training:
    """How a linear head is trained: mini-batches in random order, momentum, a constant learning rate.

    Attributes:
        epochs: How often each image is seen.
        batch: Images per step.
        learning_rate: Of every step.
        momentum: The share of the last step that the next one keeps, in [0, 1).
        weight_decay: The factor of the weights that is added to their gradient.
        seed: Of the order of images.
    """

    epochs: int = 50
    batch: int = 64
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If a value makes no sense.
        """
        for name in ("epochs", "batch"):
            whole_number(name, getattr(self, name))
        for name in ("learning_rate", "momentum", "weight_decay"):
            number(name, getattr(self, name))
        seed_number(self.seed)
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate={self.learning_rate} must be greater than 0")
        if not 0 <= self.momentum < 1:
            raise UserError(f"momentum={self.momentum} must be in [0, 1)")
        if not self.weight_decay >= 0:
            raise UserError(f"weight_decay={self.weight_decay} must be at least 0")


def margins(arrays: Any, logits: Any, labels: Any) -> Any:
    """Return by how much the given class's logit exceeds the largest other one, shape ``(n,)``.

    Args:
        arrays: The module that computes: numpy or torch.
        logits: Shape ``(n, C)``; overwritten.
        labels: Shape ``(n,)``.
    """
    rows = arrays.arange(len(labels), device=logits.device)
    given = arrays.asarray(logits[rows, labels], copy=True)
    logits[rows, labels] = -arrays.inf
    return given - arrays.amax(logits, axis=1)


def confidences(arrays: Any, logits: Any, labels: Any) -> Any:
    """Return the probability of the given class, shape ``(n,)``; arguments as for `margins`."""
    return _softmax(arrays, logits)[arrays.arange(len(labels), device=logits.device), labels]


def mean_over_epochs(data: View, training: Training, statistic: Statistic) -> Floats:
    """Return the mean of a statistic of each image over the epochs of training, float64, shape ``(N,)``.

    A softmax regression is trained on all images and their given labels, from weights of zero. Columns of the
    embeddings are brought to mean 0 and deviation 1, then divided by √D: rows have a mean square length of 1, so one
    learning rate suits embeddings of any width. The statistic is taken of the logits after each epoch, which are the
    same function of an image wherever it stood in the epoch. It is summed up as training goes on: nothing of size
    N x epochs or N x C is held.

    On ``data.device`` "cpu" numpy computes, on others torch.

    Args:
        data: Its embeddings and labels are read.
        training: How to train.
        statistic: `margins` or `confidences`.

    Raises:
        NotApplicable: If all images have the same label.
        TooCostly: If it would take longer than the run allows.
        UserError: If training diverges.
    """
    embeddings = data.embeddings
    classes, labels = np.unique(data.labels, return_inverse=True)
    if len(classes) < 2:
        raise NotApplicable("all images have the same label")
    data.afford(*cost(len(embeddings), embeddings.shape[1], len(classes), training))
    arrays, rows, given = _placed(_standardised(embeddings), labels, data.device)
    with np.errstate(over="ignore", invalid="ignore"):
        means = _mean_over_epochs(arrays, rows, given, len(classes), training, statistic)
    if not np.isfinite(means).all():
        raise UserError(f"training diverges with learning_rate={training.learning_rate}; try a tenth of it")
    return means


def cost(images: int, columns: int, classes: int, training: Training) -> tuple[float, float]:
    """Return the CPU seconds and the bytes that `mean_over_epochs` takes, about."""
    products = columns * classes * SECONDS_PER_PRODUCT
    image = products + columns * SECONDS_PER_VALUE + classes * SECONDS_PER_LOGIT + SECONDS_PER_STEP / training.batch
    return training.epochs * images * image, 4.0 * images * (columns + 8)


def _mean_over_epochs(
    arrays: Any, rows: Any, labels: Any, classes: int, training: Training, statistic: Statistic
) -> Floats:
    """Train and sum up with the functions that numpy and torch have in common."""
    rng = np.random.default_rng(training.seed)
    where = {"device": rows.device}
    weights = arrays.zeros((rows.shape[1], classes), dtype=arrays.float32, **where)
    bias = arrays.zeros(classes, dtype=arrays.float32, **where)
    speeds = [arrays.zeros_like(weights), arrays.zeros_like(bias)]
    sums = np.zeros(len(rows))
    with progress("training", training.epochs, "epoch") as bar:
        for _ in range(training.epochs):
            order = arrays.asarray(rng.permutation(len(rows)), **where)
            for start in range(0, len(rows), training.batch):
                chosen = order[start : start + training.batch]
                batch, given = rows[chosen], labels[chosen]
                errors = _softmax(arrays, batch @ weights + bias)
                errors[arrays.arange(len(given), **where), given] -= 1
                errors /= len(given)
                gradients = (batch.T @ errors + training.weight_decay * weights, errors.sum(axis=0))
                for values, speed, gradient in zip((weights, bias), speeds, gradients, strict=True):
                    speed *= training.momentum
                    speed += gradient
                    values -= training.learning_rate * speed
            for part in blocks(len(rows), 4 * classes):
                found = statistic(arrays, rows[part] @ weights + bias, labels[part])
                sums[part] += np.asarray(arrays.asarray(found, device="cpu"))
            bar.update()
    return sums / training.epochs


def _placed(rows: Floats, labels: Ints, device: str) -> tuple[Any, Any, Any]:
    """Return the module that computes on a device, and the arrays there."""
    if device == "cpu":
        return np, rows, labels
    import torch

    return torch, torch.tensor(rows, device=device), torch.tensor(labels, device=device)


def _softmax(arrays: Any, logits: Any) -> Any:
    """Return probabilities in place of logits."""
    logits -= arrays.amax(logits, axis=1, keepdims=True)
    arrays.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def _standardised(embeddings: Floats) -> Floats:
    """Return float32 columns of mean 0 and deviation 1 / √D; the D columns are those that vary, others are 0."""
    embeddings = in_range(embeddings, together=True)
    mean, deviation = embeddings.mean(axis=0, dtype=np.float64), embeddings.std(axis=0, dtype=np.float64)
    # What rounding leaves of a column that does not vary is no information.
    telling = deviation > 1e-6 * np.abs(mean)
    share = max(int(np.count_nonzero(telling)), 1) ** -0.5
    scale = np.divide(share, deviation, out=np.zeros_like(deviation), where=telling)
    rows = np.empty(embeddings.shape, dtype=np.float32)
    for part in blocks(len(rows), 8 * embeddings.shape[1]):
        rows[part] = (embeddings[part] - mean) * scale
    return rows
