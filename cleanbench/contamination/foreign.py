"""Images from elsewhere: a folder, a data set by name, or pictures drawn by a program."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from cleanbench.core import Ints, UserError
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Encoded, Images
from cleanbench.readable import unreadable_reasons
from cleanbench.store import Store

DRAWN = "drawings"


def foreign_images(source: str, wanted: int, base: ImageSet, rng: np.random.Generator) -> tuple[ImageSet, Ints]:
    """Return a set of images that do not belong to the base, and which of them are used, in random order.

    Args:
        source: ``drawings``, the name of a data set that needs no settings, or else a folder.
        wanted: Number of images.
        base: The set that they are put into.
        rng: Source of randomness.

    Raises:
        UserError: If there is no such source, it holds too few readable images, or an image of the base.
    """
    if source == DRAWN:
        return _drawings(wanted, rng), np.arange(wanted)
    foreign = _loaded(source)
    reasons = unreadable_reasons(foreign, Store.default())
    readable = np.flatnonzero([not reason for reason in reasons])
    if len(readable) < wanted:
        first = next((f", {name!r}: {reason}" for name, reason in zip(foreign.ids, reasons, strict=True) if reason), "")
        unreadable = f" ({len(foreign) - len(readable):,} cannot be read{first})" if first else ""
        raise UserError(
            f"contamination.source={source} holds {len(readable):,} images that can be read{unreadable}, but "
            f"{wanted:,} are wanted; give a larger source, or lower contamination.fraction"
        )
    own = set(base.images.digests())
    shared = [name for name, digest in zip(foreign.ids, foreign.images.digests(), strict=True) if digest in own]
    if shared:
        raise UserError(
            f"contamination.source={source} holds {len(shared):,} images of {base.name!r} itself, such as "
            f"{shared[0]!r}; off-topic images must come from elsewhere"
        )
    return foreign, rng.choice(readable, wanted, replace=False)


def _loaded(source: str) -> ImageSet:
    from cleanbench import zoo
    from cleanbench.datasets.folder import folder

    if Path(source).expanduser().is_dir():
        return folder(source)
    names = zoo.available("dataset")
    if source not in names:
        raise UserError(
            f"contamination.source={source!r} is neither a folder nor a data set; give a folder of images, {DRAWN} "
            f"(charts, codes and patterns, drawn by a program) or one of {', '.join(names)}"
        )
    loaded = zoo.load(source, "dataset")
    if not isinstance(loaded, ImageSet):
        raise UserError(f"contamination.source={source!r} made a {type(loaded).__name__}, not a data set")
    return loaded


def _drawings(count: int, rng: np.random.Generator) -> ImageSet:
    """Return the drawn pictures of the demo, all kinds equally often."""
    from cleanbench.datasets.drawings import DRAWINGS, pictures

    kinds = list(DRAWINGS)
    by_kind = [pictures(kind, (count + len(kinds) - 1 - at) // len(kinds), rng) for at, kind in enumerate(kinds)]
    files = []
    for number in range(count):
        buffer = io.BytesIO()
        Image.fromarray(by_kind[number % len(kinds)][number // len(kinds)]).save(buffer, "PNG", compress_level=0)
        files.append(buffer.getvalue())
    return ImageSet(
        name=DRAWN,
        ids=tuple(f"{number:06d}-{kinds[number % len(kinds)]}" for number in range(count)),
        images=Images(Encoded(tuple(files))),
        card=Card(
            description="Charts, codes and patterns",
            licence="Apache-2.0",
            source="drawn by cleanbench",
            redistributable=True,
        ),
    )
