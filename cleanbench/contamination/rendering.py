"""From decisions to files: every image is decoded, edited or not, and written once in the same way."""

import hashlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from cleanbench.contamination import edits
from cleanbench.contamination.draft import NONE, Draft, Item
from cleanbench.contamination.edits import EDITS, covering, reduced
from cleanbench.core import digest_of
from cleanbench.progress import progress


def render(draft: Draft, ids: list[str], side: int | None, folder: Path) -> None:
    """Write ``<id>.bmp`` for every item, in the order of the ids.

    The size of a compressed file would tell a smooth image; the size of these files follows from width and height.
    (PNG without compression does as well, but takes 27 times as long to write and five times as long to read.)

    Args:
        draft: What the images are.
        ids: Of its items.
        side: What the shorter side of an image is reduced to, or None.
        folder: An empty folder.
    """
    with progress("contaminating", len(draft), "image") as bar:
        for position in np.argsort(ids).tolist():
            image = _rendered(draft, draft.items[position], side)
            image.save(folder / f"{ids[position]}.bmp")
            bar.update(1)


def rendering_key() -> str:
    """Return a digest of all code that decides pixels."""
    files = (Path(__file__), Path(edits.__file__))
    return digest_of([PIL.__version__, *(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)])


def _rendered(draft: Draft, item: Item, side: int | None) -> Image.Image:
    images = draft.base.images
    source = draft.foreign.images if item.foreign and draft.foreign is not None else images
    image = reduced(source[item.origin], side)
    size = image.size if item.size_of == NONE else reduced(images[item.size_of], side).size
    if item.edit:
        beside = None if item.beside == NONE else reduced(images[item.beside], side)
        return EDITS[item.edit](image, item.parameters, size, beside)
    return covering(image, size) if item.size_of != NONE else image
