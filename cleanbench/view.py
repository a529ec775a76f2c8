"""`View`: a data set as a method sees it, and no more of it than the method declares."""

import hashlib
import inspect
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import psutil
from PIL import Image

from cleanbench.core import Ints, Need, digest_of, read_only
from cleanbench.images import Encoded, Images
from cleanbench.reducing import reduced, stack
from cleanbench.store import Store

# The params of a function of an image, and the function.
Derivation = tuple[Mapping[str, Any], Callable[..., npt.NDArray[Any]]]


class UndeclaredNeed(Exception):
    """A method reads what its ``needs`` does not declare."""


class NotApplicable(Exception):
    """A method cannot work on this data set; the message is the reason that tables show."""


class TooCostly(NotApplicable):
    """A method refuses work that would take more time or memory than the run allows."""


@dataclass(frozen=True, eq=False)
class View:
    """A data set as a method sees it: no ids, no truth, and only what ``needs`` declares.

    The harness makes one per issue; `View.from_arrays` makes one in a notebook or a test. All arrays are
    read-only. Images that cannot be read, and images without a label where labels are needed, are left out.

    Attributes:
        needs: What may be read.
        device: The torch device for methods that use one, such as ``cpu`` or ``cuda``.
        threads: How many threads the method may use.
        memory_limit: Bytes that the method's process may hold; None if unlimited.
        cpu_limit: CPU seconds that a method may be expected to take for an issue; None if unlimited.
    """

    needs: Need
    device: str = "cpu"
    threads: int = 1
    memory_limit: int | None = None
    cpu_limit: float | None = None
    _size: int = 0
    _data: Mapping[Need, Any] = field(default_factory=dict, repr=False)
    _rows: Ints | None = field(default=None, repr=False)
    _pixels_digest: str = field(default="", repr=False)
    _store: Store | None = field(default=None, repr=False)
    _memo: dict[str, npt.NDArray[Any]] = field(default_factory=dict, repr=False)

    @classmethod
    def from_arrays(
        cls,
        *,
        embeddings: npt.ArrayLike | None = None,
        labels: npt.ArrayLike | None = None,
        images: Sequence[npt.NDArray[np.uint8] | Image.Image] | npt.NDArray[np.uint8] | None = None,
        classes: Sequence[str] | None = None,
        calibration: npt.ArrayLike | None = None,
        needs: Need | None = None,
        device: str = "cpu",
        threads: int = 1,
        memory_limit: int | None = None,
        cpu_limit: float | None = None,
        class_embeddings: npt.ArrayLike | None = None,
    ) -> Self:
        """Make a view of plain arrays.

        Args:
            embeddings: Shape ``(N, D)``, finite.
            labels: The given classes, integers from 0, shape ``(N,)``.
            images: ``N`` images: uint8 arrays ``(H, W)`` or ``(H, W, 3)``, or Pillow images.
            classes: Class names, by label.
            calibration: Positions of images whose labels are stated to be right.
            needs: What may be read; by default all that is given.
            device: The torch device.
            threads: How many threads a method may use.
            memory_limit: In bytes.
            cpu_limit: In seconds.
            class_embeddings: An embedding of each class name, shape ``(C, D)``.

        Raises:
            ValueError: If nothing is given, lengths disagree or values are not usable.
        """
        data: dict[Need, Any] = {}
        if images is not None:
            data[Need.IMAGES] = Images(Encoded(tuple(_png(image) for image in images)))
        if embeddings is not None:
            array = read_only(embeddings)
            if array.ndim != 2 or not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
                raise ValueError(f"embeddings must be finite floats of shape (N, D), not {array.dtype} {array.shape}")
            data[Need.EMBEDDINGS] = array
        if labels is not None:
            array = read_only(labels)
            if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer) or (array < 0).any():
                raise ValueError("labels must be integers from 0, shape (N,)")
            data[Need.LABELS] = array
        sizes = {str(need.name).lower(): len(values) for need, values in data.items()}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"give images, embeddings or labels, all of one length; got {sizes or 'nothing'}")
        if classes is not None:
            data[Need.CLASS_NAMES] = tuple(classes)
        size = next(iter(sizes.values()))
        if classes is not None and labels is not None and size and int(data[Need.LABELS].max()) >= len(classes):
            raise ValueError(f"a label is {int(data[Need.LABELS].max())}, but there are {len(classes)} classes")
        if calibration is not None:
            positions = read_only(calibration, np.int64)
            if positions.ndim != 1 or not ((positions >= 0) & (positions < size)).all():
                raise ValueError(f"calibration must be positions of images, from 0 to {size - 1}")
            data[Need.CALIBRATION] = positions
        if class_embeddings is not None:
            data[Need.CLASS_EMBEDDINGS] = read_only(class_embeddings)
        given = Need(0)
        for need in data:
            given |= need
        return cls(given if needs is None else needs, device, threads, memory_limit, cpu_limit, size, data)

    def __len__(self) -> int:
        """Return the number of images."""
        return self._size if self._rows is None else len(self._rows)

    @property
    def embeddings(self) -> npt.NDArray[np.floating[Any]]:
        """Embeddings as the encoder made them (not normalised), shape ``(N, D)``."""
        array: npt.NDArray[Any] = self._read(Need.EMBEDDINGS)
        return array if self._rows is None else read_only(array[self._rows])

    @property
    def labels(self) -> Ints:
        """The given, possibly wrong labels, integers from 0, shape ``(N,)``."""
        array: Ints = self._read(Need.LABELS)
        return array if self._rows is None else read_only(array[self._rows])

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by label."""
        names: tuple[str, ...] = self._read(Need.CLASS_NAMES)
        return names

    @property
    def class_embeddings(self) -> npt.NDArray[np.floating[Any]]:
        """An embedding of each class name by the encoder's text tower, in the space of `embeddings`, ``(C, D)``."""
        array: npt.NDArray[Any] = self._read(Need.CLASS_EMBEDDINGS)
        return array

    @property
    def calibration(self) -> Ints:
        """Positions of images whose labels are stated to be right."""
        positions: Ints = self._read(Need.CALIBRATION)
        if self._rows is None:
            return positions
        return read_only(np.flatnonzero(np.isin(self._rows, positions)))

    def image(self, index: int) -> Image.Image:
        """Decode an image: RGB, upright, without file name or metadata."""
        images: Images = self._read(Need.IMAGES)
        return images[index if self._rows is None else int(self._rows[index])]

    def derived(
        self, name: str, params: Mapping[str, Any], compute: Callable[..., npt.NDArray[Any]]
    ) -> npt.NDArray[Any]:
        """Return ``compute(image, **params)`` of every image, stacked; computed once for all methods and runs.

        Args:
            name: What is derived, such as ``phash``.
            params: Settings of the computation; they are part of its key.
            compute: A pure function of one image, defined in a module: the module's source is part of the
                key, so that an edited function never meets its own old results. It must not close over
                variables, which no key could tell apart: pass them as ``params``.

        Returns:
            Read-only, shape ``(N, ...)``.
        """
        return self.derived_together({name: (params, compute)})[name]

    def derived_together(self, wanted: Mapping[str, Derivation]) -> dict[str, npt.NDArray[Any]]:
        """Return several things derived from every image, as `derived` does, with every image decoded at most once.

        Each is kept under a key of its own and found again alone or in other company; what is there already is not
        computed again, and what is missing is computed in one pass over the images.

        Args:
            wanted: By name the params and the function of each thing.

        Returns:
            By name, read-only, each of shape ``(N, ...)``.
        """
        images: Images = self._read(Need.IMAGES)
        keys = {name: self._derivation_key(name, *derivation) for name, derivation in wanted.items()}
        if absent := {key: name for name, key in keys.items() if key not in self._memo}:
            title = next(iter(absent.values())) if len(absent) == 1 else "images"

            def blocks(missing: Sequence[str]) -> Iterator[list[npt.NDArray[Any]]]:
                computes = [_applied(*wanted[absent[key]]) for key in missing]
                for _, block in reduced(computes, images, threads=self.threads, title=title):
                    yield block

            if self._store is None:
                computes = [_applied(*wanted[name]) for name in absent.values()]
                arrays = stack(computes, images, threads=self.threads, title=title)
                self._memo.update(zip(absent, map(read_only, arrays), strict=True))
            else:
                self._memo.update(self._store.arrays(list(absent), blocks, len(images)))
        arrays_of = {name: self._memo[key] for name, key in keys.items()}
        if self._rows is None:
            return arrays_of
        return {name: read_only(array[self._rows]) for name, array in arrays_of.items()}

    def _derivation_key(self, name: str, params: Mapping[str, Any], compute: Callable[..., npt.NDArray[Any]]) -> str:
        if getattr(compute, "__closure__", None) or not hasattr(compute, "__qualname__") or inspect.ismethod(compute):
            raise ValueError(f"what computes {name!r} must be a plain function of an image and of its params")
        code = (compute.__qualname__, source_digest(compute))
        digest = digest_of([self._pixels_digest, name, json.dumps(dict(params), sort_keys=True), *code])
        return f"derived/{name}-{digest[:32]}"

    def export(self, folder: Path) -> list[Path]:
        """Write the images as PNG files with neutral names, for tools that want files; return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{index:07d}.png" for index in range(len(self))]
        for index, path in enumerate(paths):
            self.image(index).save(path)
        return paths

    def afford(self, cpu_seconds: float, memory: float = 0.0) -> None:
        """Refuse work before it starts that would take more than the run allows.

        Args:
            cpu_seconds: What the method expects to take.
            memory: Bytes that it expects to hold at once. Where ``memory_limit`` is None it is measured against
                what the machine has free.

        Raises:
            TooCostly: With the estimate, the limit and how to raise it.
        """
        if self.cpu_limit is not None and cpu_seconds > self.cpu_limit:
            raise TooCostly(
                f"it would take about {_duration(cpu_seconds)} of CPU time for {len(self):,} images, more than "
                f"cpu_limit={self.cpu_limit:g} seconds; cpu_limit=null lifts the limit"
            )
        free = psutil.virtual_memory().available if self.memory_limit is None else self.memory_limit
        if memory > free:
            limit = "the machine has free" if self.memory_limit is None else "memory_limit allows"
            raise TooCostly(
                f"it would hold about {memory / 2**30:.1f} GiB for {len(self):,} images, more than {limit} "
                f"({free / 2**30:.1f} GiB)"
            )

    def restricted(self, needs: Need) -> "View":
        """Return this view with other ``needs``; what they do not name is not handed on."""
        return replace(self, needs=needs, _data={need: data for need, data in self._data.items() if need in needs})

    def take(self, rows: npt.ArrayLike) -> "View":
        """Return the view of the images at ``rows``, in that order."""
        chosen = np.asarray(rows)
        if chosen.ndim != 1 or (chosen.size and not np.issubdtype(chosen.dtype, np.integer)):
            raise ValueError(f"rows must be positions of images, not {chosen.dtype} {chosen.shape}")
        chosen = chosen.astype(np.int64)
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < len(self)):
            raise ValueError(f"rows must lie within the {len(self)} images")
        return replace(self, _rows=read_only(chosen if self._rows is None else self._rows[chosen]))

    def _read(self, need: Need) -> Any:
        thing = str(need.name).lower().replace("_", " ")
        if need not in self.needs:
            declared = ", ".join(str(item.name) for item in self.needs) or "nothing"
            raise UndeclaredNeed(
                f"the method reads {thing} but declares {declared} for this issue; add Need.{need.name} to its `needs`"
            )
        if need not in self._data:
            raise NotApplicable(f"the data set has no {thing}")
        return self._data[need]


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def source_digest(thing: Any) -> str:
    """Return the SHA-256 of the source file of the module that defines ``thing``.

    What has no file (a function typed into a notebook) is keyed by its own source, or else by its identity,
    so that it is never mistaken for another.
    """
    module = sys.modules.get(getattr(thing, "__module__", ""))
    path = getattr(module, "__file__", None)
    if path:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    try:
        return hashlib.sha256(inspect.getsource(thing).encode()).hexdigest()
    except (OSError, TypeError):
        return f"unnamed-{id(thing)}"


def _applied(
    params: Mapping[str, Any], compute: Callable[..., npt.NDArray[Any]]
) -> Callable[[Image.Image], npt.NDArray[Any]]:
    return lambda image: compute(image, **params)


def _png(image: npt.NDArray[np.uint8] | Image.Image) -> bytes:
    if not isinstance(image, Image.Image):
        array = np.asarray(image)
        if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
            raise ValueError(f"an image must be uint8 of shape (H, W) or (H, W, 3), not {array.dtype} {array.shape}")
    picture = image if isinstance(image, Image.Image) else Image.fromarray(array)
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()
