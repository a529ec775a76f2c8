"""Which images of a set can be decoded: found out once per set, then remembered."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cleanbench.core import ImageSet
from cleanbench.progress import progress
from cleanbench.store import Store


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

    folder = store.folder(f"readable/{image_set.pixels_digest[:32]}", fill)
    found: list[str] = json.loads((folder / "reasons.json").read_text())
    return found
