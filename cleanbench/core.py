"""The nouns of the harness: issue, need, image set, ground truth, ranking."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Flag, StrEnum, auto
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]

# How a truth comes about.
KINDS = ("human", "metadata", "synthetic")


class UserError(Exception):
    """A mistake of the caller: the message names the thing, what was expected and the cure."""


class Issue(StrEnum):
    """What can be wrong with an image data set."""

    OFF_TOPIC = "off_topic"
    NEAR_DUPLICATE = "near_duplicate"
    LABEL_ERROR = "label_error"

    @property
    def ranks_pairs(self) -> bool:
        """Whether its items are pairs of images instead of single images."""
        return self is Issue.NEAR_DUPLICATE

    @property
    def heading(self) -> str:
        """The name as a heading."""
        return self.value.replace("_", " ").capitalize()


class Need(Flag):
    """What a method reads; a `View` hands out nothing else."""

    IMAGES = auto()
    EMBEDDINGS = auto()
    LABELS = auto()
    CLASS_NAMES = auto()
    CALIBRATION = auto()
    CLASS_EMBEDDINGS = auto()


def read_only(array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
    """Return ``array`` as a read-only array; the caller's own array stays writeable."""
    view = np.asarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What is known about the *annotated* items of one issue; an item that is not listed is not judged.

    Attributes:
        issue: The issue it judges.
        name: Which truth of that issue it is; several may exist (``crowd``, ``expert``, ``metadata``).
        kind: How it came about: ``human``, ``metadata`` or ``synthetic``.
        items: Positions in the image set's ids, shape ``(L,)``, or pairs ``(L, 2)`` with ``i < j``.
        labels: True for faulty items, shape ``(L,)``.
        revision: SHA-256 of the judgements, by id; numbers of different revisions are never compared.
        probability: Probability that the item is faulty (votes, posterior), shape ``(L,)``, or None.
        inclusion: Probability with which the item was drawn for annotation, shape ``(L,)``, or None.
        presumed: Whether negatives are presumed: all of them, or some, are items that nobody judged.
    """

    issue: Issue
    name: str
    kind: str
    items: Ints
    labels: Bools
    revision: str
    probability: Floats | None = None
    inclusion: Floats | None = None
    presumed: bool = False

    @classmethod
    def of(
        cls,
        issue: Issue,
        ids: Sequence[str],
        items: npt.ArrayLike,
        labels: npt.ArrayLike,
        *,
        name: str = "default",
        kind: str = "human",
        probability: npt.ArrayLike | None = None,
        inclusion: npt.ArrayLike | None = None,
        presumed: bool = False,
    ) -> Self:
        """Validate and sort judgements and compute their revision.

        Args:
            issue: The issue judged.
            ids: All ids of the image set, sorted.
            items: Positions in ``ids``, shape ``(L,)``; for pairs ``(L, 2)`` in any order.
            labels: True (1) for faulty, shape ``(L,)``.
            name: Which truth of the issue this is.
            kind: ``human``, ``metadata`` or ``synthetic``.
            probability: Optional, shape ``(L,)``, in [0, 1].
            inclusion: Optional, shape ``(L,)``, in (0, 1].
            presumed: Whether negatives are presumed. The revision is of the judgements and does not depend on it.

        Raises:
            UserError: If shapes disagree, a value or a position is out of range, a pair joins an image with
                itself or an item occurs twice.
        """
        issue = Issue(issue)
        judged, positions = np.asarray(labels), np.asarray(items)
        if not positions.size and not judged.size:  # an empty list has no shape of its own
            positions = np.zeros((0, 2) if issue.ranks_pairs else 0, dtype=np.int64)
        shape = (len(judged), 2) if issue.ranks_pairs else (len(judged),)
        if judged.ndim != 1 or positions.shape != shape or not np.issubdtype(positions.dtype, np.integer):
            raise UserError(
                f"{issue} truth {name!r}: items must be positions of shape {shape}, one for each label, "
                f"not {positions.dtype} of shape {positions.shape}"
            )
        if not np.isin(judged, (0, 1)).all():
            raise UserError(f"{issue} truth {name!r}: labels must be 0 or 1; leave out what is not judged")
        judged, positions = judged.astype(bool), positions.astype(np.int64)
        if positions.size and not (positions.min() >= 0 and positions.max() < len(ids)):
            raise UserError(f"{issue} truth {name!r} points outside the {len(ids)} images of the set")
        if issue.ranks_pairs:
            positions = np.sort(positions, axis=1)
            if (positions[:, 0] == positions[:, 1]).any():
                raise UserError(f"{issue} truth {name!r} holds a pair of an image with itself")
            order = np.lexsort((positions[:, 1], positions[:, 0]))
        else:
            order = np.argsort(positions, kind="stable")
        positions, judged = positions[order], judged[order]
        columns = positions if issue.ranks_pairs else positions[:, None]
        if (columns[1:] == columns[:-1]).all(axis=1).any():
            raise UserError(f"{issue} truth {name!r} judges an item twice; keep one judgement of it")
        optional: dict[str, Floats | None] = {"probability": None, "inclusion": None}
        for key, given in (("probability", probability), ("inclusion", inclusion)):
            if given is not None:
                values = np.asarray(given, dtype=np.float64)
                least = 0.0 if key == "probability" else np.nextafter(0.0, 1.0)
                if values.shape != judged.shape or not ((values >= least) & (values <= 1)).all():
                    raise UserError(f"{issue} truth {name!r}: {key} must be one number up to 1 for each label")
                optional[key] = read_only(values[order])

        def judgements() -> Iterator[str]:
            yield str(issue)
            # In blocks, because as lists millions of pairs would take gigabytes.
            for start in range(0, len(columns), 1 << 16):
                block = slice(start, start + (1 << 16))
                for item, faulty in zip(columns[block].tolist(), judged[block].tolist(), strict=True):
                    yield from (ids[position] for position in item)
                    yield str(int(faulty))
            for key, values in optional.items():
                if values is not None:
                    yield key
                    yield values.astype("<f8").tobytes().hex()

        revision = digest_of(judgements())
        return cls(issue, name, kind, read_only(positions), read_only(judged), revision, **optional, presumed=presumed)

    def __len__(self) -> int:
        """Return the number of annotated items."""
        return len(self.labels)

    @property
    def faulty(self) -> int:
        """Number of faulty items."""
        return int(np.count_nonzero(self.labels))

    @property
    def origin(self) -> str:
        """How it came about, in words."""
        return origin(self.kind, self.presumed)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Items with their scores; a higher score is more suspicious.

    Attributes:
        issue: What was ranked.
        items: Positions of images, shape ``(L,)``, or pairs ``(L, 2)`` with ``i < j``.
        scores: Shape ``(L,)``; ``-inf`` means "not retrieved", NaN is an error.
        flags: The method's own decision, shape ``(L,)``, or None.
        notes: What a reader of the ranking must know, by name: the recall of an approximate retrieval, say.
    """

    issue: Issue
    items: Ints
    scores: Floats
    flags: Bools | None = None
    notes: Mapping[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            ValueError: If shapes disagree, a score is NaN or +inf, a pair is not ordered ``i < j`` or flags are
                no bools.
        """
        items = read_only(self.items, np.int64)
        scores = read_only(self.scores)
        shape = (*scores.shape, 2) if self.issue.ranks_pairs else scores.shape
        if scores.ndim != 1 or items.shape != shape:
            raise ValueError(f"{self.issue}: {items.shape} items do not fit {scores.shape} scores")
        if not np.issubdtype(scores.dtype, np.floating):
            raise ValueError(f"{self.issue}: scores must be floats, not {scores.dtype}")
        if np.isnan(scores).any() or np.isposinf(scores).any():
            bad = int(np.count_nonzero(np.isnan(scores) | np.isposinf(scores)))
            raise ValueError(
                f"{self.issue}: {bad} of {len(scores)} scores are NaN or +inf; scores must be finite or -inf"
            )
        if self.issue.ranks_pairs and not (items[:, 0] < items[:, 1]).all():
            raise ValueError(f"{self.issue}: pairs must be ordered, i < j")
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "scores", scores)
        if self.flags is not None:
            flags = read_only(self.flags)
            if flags.shape != scores.shape or flags.dtype != np.bool_:
                raise ValueError(f"{self.issue}: flags must be one bool for each of the {len(scores)} scores")
            object.__setattr__(self, "flags", flags)

    def __len__(self) -> int:
        """Return the number of ranked items."""
        return len(self.scores)


def origin(kind: str, presumed: bool) -> str:
    """Return how a truth came about, as it is shown wherever one is named.

    Example:
        >>> origin("human", presumed=True)
        'human positives, presumed negatives'
    """
    return f"{kind} positives, presumed negatives" if presumed else kind


def digest_of(parts: Iterable[str]) -> str:
    """Return the SHA-256 of texts, in order; no two different sequences share their input bytes."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
