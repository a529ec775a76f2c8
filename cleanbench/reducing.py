"""Functions of images applied to all images of a set, each decoded once, with few of them in memory."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleanbench.images import Images
from cleanbench.progress import progress

BLOCK = 64  # images whose results are written at once


def stack(
    computes: Sequence[Callable[[Image.Image], npt.NDArray[Any]]],
    images: Images,
    *,
    threads: int = 1,
    title: str = "images",
) -> list[npt.NDArray[Any]]:
    """Apply each of ``computes`` to every image, decoded once for all, and stack what each returns, ``(N, ...)``."""
    stacked: list[npt.NDArray[Any]] = []
    for start, block in reduced(computes, images, threads=threads, title=title):
        if not stacked:
            stacked = [np.empty((len(images), *rows.shape[1:]), rows.dtype) for rows in block]
        for whole, rows in zip(stacked, block, strict=True):
            whole[start : start + len(rows)] = rows
    return stacked


def reduced(
    computes: Sequence[Callable[[Image.Image], npt.NDArray[Any]]],
    images: Images,
    *,
    threads: int = 1,
    title: str = "images",
) -> Iterator[tuple[int, list[npt.NDArray[Any]]]]:
    """Apply each of ``computes`` to every image, decoded once for all of them, and yield the results by blocks.

    In memory are a decoded image per thread and the results of one block.

    Args:
        computes: Pure functions of an image; what one of them returns has the same shape and type for all images.
        images: What to decode.
        threads: How many images are decoded at once.
        title: What the progress bar shows.

    Yields:
        The position of a block's first image, and for each of ``computes`` the rows of the block, ``(B, ...)``.

    Raises:
        ValueError: If there are no images, or if results differ in shape or type from one image to another.
    """
    if not len(images):
        raise ValueError("there are no images to derive anything from")

    def rows_of(index: int) -> list[npt.NDArray[Any]]:
        image = images[index]
        return [np.asarray(compute(image)) for compute in computes]

    forms: list[tuple[tuple[int, ...], np.dtype[Any]]] = []
    with ThreadPoolExecutor(threads) as pool, progress(title, len(images), "image") as bar:
        for start in range(0, len(images), BLOCK):
            of_images = list(pool.map(rows_of, range(start, min(start + BLOCK, len(images)))))
            forms = forms or [(row.shape, row.dtype) for row in of_images[0]]
            for offset, rows in enumerate(of_images):
                for (shape, dtype), row in zip(forms, rows, strict=True):
                    if row.shape != shape or row.dtype != dtype:
                        raise ValueError(
                            f"{title}: {row.dtype} {row.shape} of {images.describe(start + offset)} does not fit "
                            f"{dtype} {shape} of the first image"
                        )
            yield start, [np.stack(rows) for rows in zip(*of_images, strict=True)]
            bar.update(len(of_images))
