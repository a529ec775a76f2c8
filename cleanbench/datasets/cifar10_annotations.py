"""Human judgements of CIFAR-10: CIFAR-10N, CIFAR-10H and the duplicates of ciFAIR, checked and joined by index."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench.core import Floats, Ints, UserError
from cleanbench.datasets.pickles import read_dictionary
from cleanbench.datasets.tables import rows, whole_in

NOISY = ("random_label1", "random_label2", "random_label3", "aggre_label", "worse_label")
CLEAN = "clean_label"
LABEL_FILES = ("CIFAR-10_human.pt", "CIFAR-10_human.npy", "CIFAR-10_human.csv")
COUNT_FILE = "cifar10h-counts.npy"
DUPLICATE_FILES = {"duplicates_cifar10.csv": "train", "duplicates_cifar10_test.csv": "test"}

# Majorities of some fifty humans agree with all but a per cent of the labels; of a shifted list, with a tenth.
LEAST_AGREEMENT = 0.9


def read_noisy(folder: Path, original: Ints) -> dict[str, Ints]:
    """Read the labels of CIFAR-10N, one per training image and kind.

    Wei et al., "Learning with Noisy Labels Revisited", ICLR 2022: three humans labelled each image
    (``random_label1`` to ``random_label3``), with a majority (``aggre_label``) and a wrong one where there is any
    (``worse_label``). The file also holds the original labels, ``clean_label``, which must be those of the images, one
    by one: the files of another order, such as ``CIFAR-10_human_ordered.npy``, are refused.

    Args:
        folder: Holds ``CIFAR-10_human.pt`` or ``.npy`` as published, or a CSV file of the same columns.
        original: The labels of the training images, shape ``(N,)``.

    Returns:
        Labels by name, each of shape ``(N,)``; empty if the folder has no such file.

    Raises:
        UserError: If the file is damaged, asks to run code, or is of another order.
    """
    path = next((folder / name for name in LABEL_FILES if (folder / name).is_file()), None)
    if path is None:
        return {}
    read = {".pt": _torch, ".npy": read_dictionary, ".csv": _columns}[path.suffix]
    stored = read(path)
    if not isinstance(stored, Mapping) or CLEAN not in stored:
        raise UserError(
            f"{path} is no dictionary with {CLEAN}; get CIFAR-10N anew from {_at('UCSC-REAL/cifar-10-100n')}"
        )
    found: dict[str, Ints] = {}
    for name in (CLEAN, *NOISY):
        if name in stored:
            values = np.asarray(stored[name]).reshape(-1)
            if not np.issubdtype(values.dtype, np.integer) or len(values) != len(original):
                raise UserError(f"{path}: {name} holds {len(values):,} {values.dtype}, expected is a label per image")
            if values.size and not (values.min() >= 0 and values.max() < 10):
                raise UserError(f"{path}: {name} holds labels outside 0 to 9")
            found[name] = values.astype(np.int64)
    if wrong := int(np.count_nonzero(found.pop(CLEAN) != original)):
        raise UserError(
            f"{path}: {CLEAN} differs from {wrong:,} of {len(original):,} labels of the images, so the order is "
            "another one; give the file in the order of the Python version"
        )
    return found


def read_counts(folder: Path, original: Ints) -> Floats | None:
    """Read how often humans chose each class for each test image, of CIFAR-10H.

    Peterson et al., "Human uncertainty makes classification more robust", ICCV 2019: some fifty votes per image, in the
    order of the original test set.

    Args:
        folder: Holds ``cifar10h-counts.npy`` as published, with a row per image and a column per class.
        original: The labels of the test images, shape ``(N,)``.

    Returns:
        Votes, shape ``(N, 10)``; None if the folder has no such file.

    Raises:
        UserError: If the file is damaged, or most votes do not go to the labels, so that the order is another one.
    """
    path = folder / COUNT_FILE
    if not path.is_file():
        return None
    try:
        counts: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(
            f"{path} is no array of numbers ({error}); get it from {_at('jcpeterson/cifar-10h')}"
        ) from error
    if counts.shape != (len(original), 10) or not np.issubdtype(counts.dtype, np.number):
        raise UserError(f"{path} holds an array of shape {counts.shape}, expected is ({len(original)}, 10)")
    votes = counts.astype(np.float64)
    if not (np.isfinite(votes).all() and (votes >= 0).all() and (votes.sum(axis=1) > 0).all()):
        raise UserError(f"{path} holds an image without votes, or a number that is no count of votes")
    agreement = float(np.mean(votes.argmax(axis=1) == original))
    if agreement < LEAST_AGREEMENT:
        raise UserError(
            f"{path}: most votes agree with the labels of {agreement:.0%} of the images, at least "
            f"{LEAST_AGREEMENT:.0%} are expected; the order is another one"
        )
    return votes


def read_duplicates(folder: Path, train: int, test: int) -> tuple[Ints, Ints]:
    """Read the judgements of ciFAIR on pairs of a test image with a training image, or with another test image.

    Barz and Denzler, "Do We Train on Test Data? Purging CIFAR of Near-Duplicates", Journal of Imaging 2020: candidates
    near in a network's features were judged by hand: 0 exact duplicate, 1 near-duplicate (one camera shot), 2 very
    similar (two shots). Images are numbered from 0 within the original training and test sets.

    Args:
        folder: Holds ``duplicates_cifar10.csv``, ``duplicates_cifar10_test.csv`` or both, as published.
        train: Number of training images.
        test: Number of test images.

    Returns:
        Pairs of positions, training images before test images, shape ``(P, 2)``, and judgements, shape ``(P,)``.

    Raises:
        UserError: If a file is no such table, or points outside the images.
    """
    pairs: list[tuple[int, int]] = []
    judged: list[int] = []
    for name, partner in DUPLICATE_FILES.items():
        if not (folder / name).is_file():
            continue
        content = rows(folder / name)
        _, header = next(content)
        if header != ["TestID", "TrainID", "Distance", "Judgment"]:
            raise UserError(f"{folder / name} has other columns than ciFAIR's TestID, TrainID, Distance, Judgment")
        sizes = (test, train if partner == "train" else test)
        for line, fields in content:
            try:
                first, second, judgement = (whole_in(fields[place]) for place in (0, 1, 3))
            except ValueError as error:
                raise UserError(f"{folder / name}, line {line}: {error}") from error
            if not (0 <= first < sizes[0] and 0 <= second < sizes[1] and judgement in (0, 1, 2)):
                raise UserError(
                    f"{folder / name}, line {line}: points outside the images, or is no judgement 0, 1 or 2"
                )
            pairs.append((train + first, second if partner == "train" else train + second))
            judged.append(judgement)
    return np.array(pairs, dtype=np.int64).reshape(-1, 2), np.array(judged, dtype=np.int64)


def _torch(path: Path) -> Any:
    """Read a file of ``torch.save`` that holds tensors and NumPy arrays, and nothing that runs."""
    import torch

    multiarray = np._core.multiarray  # type: ignore[attr-defined]
    admitted: Any = [
        np.ndarray, np.dtype, *{type(np.dtype(kind)) for kind in (np.int8, np.uint8, np.int16, np.int32, np.int64)},
        *((multiarray._reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    ]  # fmt: skip
    try:
        with torch.serialization.safe_globals(admitted):
            return torch.load(path, map_location="cpu", weights_only=True)
    # torch raises what its unpickler, the archive and the arrays raise.
    except Exception as error:
        reason = str(error).split(". ")[0].splitlines()[0]
        raise UserError(f"{path} is not read: {reason}; it should hold arrays of labels, as published") from error


def _columns(path: Path) -> dict[str, Ints]:
    content = rows(path)
    _, header = next(content)
    table = [fields for _, fields in content]
    try:
        return {
            name: np.array([whole_in(fields[place]) for fields in table], dtype=np.int64)
            for place, name in enumerate(header)
            if name in (CLEAN, *NOISY)
        }
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: {error}; labels are numbers from 0 to 9") from error


def _at(repository: str) -> str:
    return f"https://github.com/{repository}"
