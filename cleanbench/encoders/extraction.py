"""Extraction: every image of a set through one encoder, once, in bounded memory, resumed where it was killed."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from PIL import Image

from cleanbench.core import Floats, UserError, digest_of
from cleanbench.encoders.base import Encoder, Fitted, SetEncoder, Wanted
from cleanbench.encoders.cost import Spent, Stopwatch
from cleanbench.images import Images
from cleanbench.progress import progress
from cleanbench.store import Store, damaged, new_array, open_array, read_json


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of a set on disk.

    Attributes:
        path: The array, float32, shape ``(N, D)``.
        key: Identifies them: code, settings, weights and pixels.
        weights: Digest of the encoder's weights.
        history: What training measured, by name; empty where nothing was trained.
        spent: What they cost when they were computed; None if that was not kept.
        warnings: What the encoder noticed then, in sentences for the user.
        computed: Whether they were computed now, and not found.
    """

    path: Path
    key: str
    weights: str
    history: dict[str, list[float]]
    spent: Spent | None = None
    warnings: tuple[str, ...] = ()
    computed: bool = False


def embedding_key(encoder: Encoder, pixels_digest: str) -> str:
    """Return what identifies the embeddings of a set, known before anything is computed."""
    return digest_of([encoder.identity(), pixels_digest])


def extract(
    encoder: Encoder,
    images: Images,
    pixels_digest: str,
    store: Store,
    *,
    ids: tuple[str, ...] | None = None,
    batch_size: int = 64,
    workers: int = 1,
) -> Embeddings:
    """Encode all images into a memory map of the store; done once per encoder and set, also by several processes.

    Batches are decoded by ``workers`` threads while the one before is encoded, so two batches of decoded images are
    in memory at any time. Encoders without weights give the same bits for any batch size and worker count; networks
    agree to 1e-4 of the largest value between batch sizes, exactly between worker counts. A killed extraction goes
    on at the batch where it was.

    Args:
        encoder: What encodes.
        images: The readable images of the set.
        pixels_digest: Identifies them.
        store: Where the embeddings are kept.
        ids: The keys of the images, for encoders that join by them.
        batch_size: Images per batch.
        workers: Threads that read and decode.

    Raises:
        UserError: If an embedding is not finite, naming the image, the encoder returns another shape, or what is found
            in the store is damaged.
    """
    key = embedding_key(encoder, pixels_digest)
    computed = False

    def fill(folder: Path) -> None:
        nonlocal computed
        computed, watch = True, Stopwatch()
        wanted = Wanted(ids, images, pixels_digest, store)
        if isinstance(encoder, SetEncoder):
            digest = encoder.embed(wanted, folder / "array.npy")
            _check_whole(type(encoder).__name__, folder / "array.npy")
            fitted = Fitted(digest, encoder.encode)
        else:
            (folder / "encoder").mkdir(exist_ok=True)
            fitted = encoder.prepare(images, folder / "encoder")
            watch.trained(fitted.history)
            _encode(type(encoder).__name__, fitted, images, folder, batch_size, workers, watch)
        spent = watch.spent(wanted.found, getattr(encoder, "device", None), getattr(encoder, "threads", workers))
        content = {
            "digest": fitted.digest,
            "history": {name: values for name, values in fitted.history.items() if values},  # no epochs: none
            "spent": asdict(spent),
            "warnings": wanted.warnings,
        }
        (folder / "fitted.json").write_text(json.dumps(content), encoding="utf-8")

    folder = store.folder(f"embeddings/{type(encoder).__name__.lower()}-{key[:32]}", fill, resume=True)
    embeddings = _found(folder, key, len(images), computed)
    encoder.accept(embeddings.history)
    return embeddings


def _found(folder: Path, key: str, count: int, computed: bool) -> Embeddings:
    """Return what lies in a folder of the store.

    Raises:
        UserError: If it is not what was written there.
    """
    known = read_json(folder / "fitted.json")
    rows = open_array(folder / "array.npy")
    if rows.ndim != 2 or len(rows) != count or rows.dtype != np.float32:
        raise damaged(folder, f"array.npy holds {rows.dtype} of shape {rows.shape}, expected {count} rows of float32")
    try:
        spent = Spent(**known["spent"]) if "spent" in known else None
        warnings = tuple(known.get("warnings", ()))
        return Embeddings(folder / "array.npy", key, known["digest"], dict(known["history"]), spent, warnings, computed)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(folder, f"fitted.json: {error!r}") from error


def _encode(
    name: str, fitted: Fitted, images: Images, folder: Path, batch_size: int, workers: int, watch: Stopwatch
) -> None:
    """Write the rows that are not there yet; ``rows.json`` says how many are, in which batches, and what they cost."""
    path, state = folder / "array.npy", folder / "rows.json"
    rows: np.memmap[Any, Any] | None = None
    first, encoding = 0, Stopwatch()
    if state.exists():
        left = json.loads(state.read_text())
        # Other weights or other batches: what is there would not equal an undisturbed run.
        if left["weights"] == fitted.digest and left["batch_size"] == batch_size:
            rows, first = open_memmap(path, mode="r+"), left["done"]
            encoding.add(left["cpu_seconds"], left["wall_seconds"])
            watch.add(left["cpu_seconds"], left["wall_seconds"])
        else:
            state.unlink()  # before the array is: it would count rows that are gone
    with progress("embeddings", len(images), "image") as bar:
        bar.update(first)
        for start, batch in _batches(images, first, batch_size, workers):
            encoded = np.asarray(fitted.encode(batch), dtype=np.float32)
            _check(name, encoded, images, start, len(batch), encoded.shape[-1] if rows is None else rows.shape[1])
            if rows is None:
                rows = new_array(path, (len(images), encoded.shape[1]), np.float32)
            stop = start + len(batch)
            rows[start:stop] = encoded
            rows.flush()
            scratch = folder / ".rows.json"
            done = {"done": stop, "weights": fitted.digest, "batch_size": batch_size}
            spent = {"cpu_seconds": encoding.cpu, "wall_seconds": encoding.wall}
            scratch.write_text(json.dumps(done | spent))
            scratch.replace(state)  # after the rows: what it counts is written
            bar.update(len(batch))
            del batch  # or it would stay while the one after the next is decoded
    state.unlink(missing_ok=True)


def _check_whole(name: str, path: Path) -> None:
    rows = np.load(path, mmap_mode="r")
    for start in range(0, len(rows), 1024):
        if not np.isfinite(rows[start : start + 1024]).all():
            raise UserError(f"the embeddings of {name} are not all finite; look at its settings, such as weights")


def _batches(images: Images, first: int, size: int, workers: int) -> Iterator[tuple[int, list[Image.Image]]]:
    """Yield the position and the decoded images of each batch; the next one is decoded meanwhile."""
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(images.__getitem__, at) for at in range(first, min(first + size, len(images)))]
        for start in range(first, len(images), size):
            ahead = range(start + size, min(start + 2 * size, len(images)))
            following = [pool.submit(images.__getitem__, at) for at in ahead]
            yield start, [image.result() for image in waiting]
            waiting = following


def _check(name: str, encoded: Floats, images: Images, start: int, count: int, width: int) -> None:
    if encoded.shape != (count, width):
        raise UserError(
            f"{name} returned embeddings of shape {encoded.shape} for {count} images, expected {(count, width)}"
        )
    finite = np.isfinite(encoded).all(axis=1)
    if not finite.all():
        culprit = images.describe(start + int(np.argmin(finite)))
        raise UserError(f"the embedding of {culprit} by {name} is not finite")
