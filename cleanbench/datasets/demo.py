"""The demo: photographs that come with scikit-image and scikit-learn, contaminated on purpose, offline."""

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import GroundTruth, Issue, UserError, digest_of
from cleanbench.datasets.calibration import with_calibration
from cleanbench.datasets.checked import checked
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Files, Images
from cleanbench.progress import progress
from cleanbench.store import Store, read_json

# Whatever decides the content: a change of these files, or of these packages, builds the set anew.
SOURCES = ("composition.py", "demo.py", "drawings.py", "edits.py", "tiles.py")
PACKAGES = ("numpy", "pillow", "scikit-image", "scikit-learn")


@checked
def demo(seed: int = 0, name: str = "demo", calibration: float = 0.1) -> ImageSet:
    """Return about 900 small photographs with planted off-topic images, near-duplicates and label errors.

    64x64 RGB tiles of 12 photographs, one class each. It is built at first use (seconds, nothing is
    downloaded) and kept in the cache. The contamination is synthetic: use it to try a method, to test the
    harness and to see that a number moves, not to rank methods for real data.

    Args:
        seed: Of the contamination: which tiles are copied, edited and mislabelled, and how.
        name: Name in tables and folders.
        calibration: Share of the rightly labelled images that is told to methods and leaves the label-error truth.

    Raises:
        UserError: If the seed is negative or the share is not in [0, 1).
    """
    if not 0 <= calibration < 1:
        raise UserError(f"dataset.calibration must be a share from 0 to below 1, not {calibration}")
    store, key = Store.default(), _key(seed)[:32]
    folder = store.folder(f"demo/{key}", lambda empty: _draw(empty, seed))
    # Not beside the images: a method may come to see the folder that they lie in.
    truth = store.folder(f"demo-truth/{key}", lambda empty: _judge(empty, seed)) / "truth.json"
    stored: dict[str, Any] = read_json(truth)
    ids: list[str] = stored["ids"]
    image_set = ImageSet(
        name=name,
        ids=tuple(ids),
        images=Images(Files(tuple(folder / f"{key}.png" for key in ids))),
        labels=np.array(stored["labels"]),
        classes=tuple(stored["classes"]),
        truths={
            (issue, "planted"): GroundTruth.of(
                issue,
                ids,
                stored["truths"][issue]["items"],
                stored["truths"][issue]["labels"],
                name="planted",
                kind="synthetic",
            )
            for issue in Issue
        },
        card=Card(**{**stored["card"], "blemishes": tuple(stored["card"]["blemishes"])}),
    )
    return with_calibration(image_set, calibration) if calibration else image_set


def _key(seed: int) -> str:
    code = [hashlib.sha256((Path(__file__).parent / file).read_bytes()).hexdigest() for file in SOURCES]
    return digest_of([str(seed), *code, *(f"{package} {version(package)}" for package in PACKAGES)])


def _draw(folder: Path, seed: int) -> None:
    """Write ``<id>.png`` for all images."""
    from PIL import Image

    from cleanbench.datasets.composition import compose, render
    from cleanbench.datasets.tiles import cut

    composition = compose(cut(), seed)
    with progress("demo data", len(composition.ids), "image") as bar:
        for key, pixels in zip(composition.ids, render(composition, seed), strict=True):
            Image.fromarray(pixels).save(folder / f"{key}.png")
            bar.update(1)


def _judge(folder: Path, seed: int) -> None:
    """Write ``truth.json``: labels, judgements, and how each item came about."""
    from cleanbench.datasets.composition import CLASSES, compose
    from cleanbench.datasets.tiles import cut

    composition = compose(cut(), seed)
    order = np.argsort(composition.ids)
    place = np.argsort(order)
    true, given = composition.true[order], composition.given[order]
    judged = np.flatnonzero(true >= 0)
    items = [composition.items[position] for position in order]
    stored = {
        "ids": [composition.ids[position] for position in order],
        "labels": given.tolist(),
        "classes": list(CLASSES),
        "truths": {
            Issue.OFF_TOPIC: {"items": list(range(len(order))), "labels": (true < 0).tolist()},
            Issue.NEAR_DUPLICATE: {
                "items": np.sort(place[composition.pairs], axis=1).tolist(),
                "labels": [kind == "copy" for kind in composition.kinds],
            },
            Issue.LABEL_ERROR: {
                "items": judged.tolist(),
                "labels": (true[judged] != given[judged]).tolist(),
            },
        },
        # How each item came about, for whoever studies where a method fails; no method sees it.
        "origin": {
            "true": true.tolist(),
            "picture": [item.kind for item in items],
            "edits": [item.edits for item in items],
            "box": [composition.tiles[item.source].box if item.source >= 0 else None for item in items],
            "pairs": composition.kinds,
        },
        "card": _card(),
    }
    (folder / "truth.json").write_text(json.dumps(stored))


def _card() -> dict[str, Any]:
    from cleanbench.datasets.drawings import FOREIGN
    from cleanbench.datasets.tiles import PHOTOGRAPHS

    classes = [f"{photo.label}: {photo.credit} ({photo.licence})" for photo in PHOTOGRAPHS]
    foreign = [f"{photo.label}: {photo.credit} ({photo.licence})" for photo in FOREIGN]
    return {
        "description": (
            "Small tiles of photographs that come with scikit-image and scikit-learn, one photograph per "
            "class, no two tiles with a common pixel. The contamination is synthetic: off-topic pictures, "
            "near-duplicates and label errors were planted by a program. Numbers on this set show that a "
            "method works and the harness runs; they do not rank methods for real data."
        ),
        "licence": "by photograph CC0, public domain, no known copyright restrictions, CC BY 2.0",
        "redistributable": True,
        "grouping": (
            "A class is one photograph, and its tiles have no common pixel. The only images that belong together are "
            "the planted copies with their originals."
        ),
        "capture": "One photograph per class, so that a class is also one camera, one scene and one light.",
        "blemishes": [
            "Every fault is planted by a program.",
            "Tiles of one photograph resemble each other more than pictures of one kind of thing do.",
        ],
        "source": _sentences("Classes", classes) + " " + _sentences("Off-topic crops", foreign),
        "truths": {
            Issue.OFF_TOPIC: (
                "Synthetic, all images judged: 4 % are drawn charts, codes and patterns or crops of unrelated pictures."
            ),
            Issue.NEAR_DUPLICATE: (
                "Synthetic: every copy with its original, and per copy three pairs that are none, chosen by "
                "construction: a touching tile, the same class, the same mark or another class. "
                "Other pairs are not judged."
            ),
            Issue.LABEL_ERROR: (
                "Synthetic: of all images but the off-topic ones 27 % carry a wrong label, half of "
                "these a random one, half that of a fixed other class. A copy has the true class of its "
                "original and is mislabelled independently of it."
            ),
        },
    }


def _sentences(title: str, parts: Sequence[str]) -> str:
    return f"{title}: {'; '.join(parts)}."
