"""Which images of a set can be decoded: found out once per set, then remembered."""

import errno
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import PIL

from cleanbench.core import digest_of
from cleanbench.image_set import ImageSet
from cleanbench.images import decode
from cleanbench.progress import progress
from cleanbench.store import Store, damaged, read_json
from cleanbench.view import source_digest

TOLD = 20  # images named in a warning; more would bury the results


def unreadable_reasons(image_set: ImageSet, store: Store) -> list[str]:
    """Return per image why it cannot be decoded; an empty text if it can."""

    def fill(folder: Path) -> None:
        reasons: list[str] = []
        count = len(image_set)
        with ThreadPoolExecutor(2) as pool, progress("reading images", count, "image") as bar:
            for reason in pool.map(image_set.images.problem, range(count), chunksize=16):
                reasons.append(reason)
                bar.update(1)
        (folder / "reasons.json").write_text(json.dumps(reasons))

    # Another version of the decoder may read what this one cannot.
    key = digest_of([image_set.pixels_digest, source_digest(decode), PIL.__version__])
    folder = store.folder(f"readable/{key[:32]}", fill)
    found: list[str] = read_json(folder / "reasons.json")
    if len(found) != len(image_set):
        raise damaged(folder, f"{len(found)} entries for {len(image_set)} images")
    return found


def told(image_set: ImageSet, reasons: Sequence[str]) -> list[str]:
    """Tell which images cannot be read and why, as a warning; missing ones are named once, by the loader if it does."""
    count = sum(map(bool, reasons))
    if not count:
        return []
    absent = os.strerror(errno.ENOENT)
    named = any(" missing in " in warning for warning in image_set.warnings)
    found = [
        f"{name!r} ({reason})"
        for name, reason in zip(image_set.ids, reasons, strict=False)
        if reason and not (named and absent in reason)
    ]
    parts = found[:TOLD]
    if len(found) > TOLD:
        parts.append(f"{len(found) - TOLD} more")
    if len(found) < count:
        parts.append(f"{count - len(found)} missing")
    return [
        f"{count} of {len(image_set)} images of {image_set.name!r} cannot be read and rank last: {', '.join(parts)}"
    ]
