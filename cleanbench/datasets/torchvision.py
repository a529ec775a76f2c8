"""Any image classification set of torchvision: ``dataset=torchvision dataset.of=CIFAR10 dataset.root=FOLDER``."""

import inspect
import io
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import UserError, digest_of, read_only
from cleanbench.datasets.checked import checked
from cleanbench.datasets.folder import path_of
from cleanbench.datasets.listings import classify
from cleanbench.datasets.packed import files_digest, open_packed, pack
from cleanbench.encoders.hub import PATIENCE
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Files, Images, Source
from cleanbench.progress import progress
from cleanbench.spelling import nearest
from cleanbench.store import Store, read_json


@checked
def torchvision(
    of: str,
    root: str,
    split: str | None = None,
    options: Mapping[str, Any] | None = None,
    download: bool = False,
    name: str | None = None,
) -> ImageSet:
    """Read an image set with its class in ``torchvision.datasets``.

    Where torchvision reads image files, these are used where they lie. Other images, of arrays and archives, are kept
    in the cache as PNG files, packed into one. The id of an image is its row, within its split.

    Args:
        of: The class: ``CIFAR10``, ``STL10``, ``Food101``, …; its targets must be classes.
        root: The folder that the class takes as ``root``; with ``download`` it is filled.
        split: As the class takes it, or ``train`` and ``test`` where it takes ``train=True`` and ``False``. Several
            joined by ``+`` (``train+test``) become the attribute ``split``. None: the class's default.
        options: Further arguments of the class, such as ``{annotation_level: family}``.
        download: Let the class download what is missing; by default nothing touches the network.
        name: Name in tables and folders; by default the class in lower case.

    Raises:
        UserError: If there is no such class, its files are not there, or its targets are no classes.
    """
    from torchvision import datasets

    path_of("root", root)
    if of not in datasets.__all__:
        raise UserError(f"torchvision has no data set {of!r}.{nearest(of, datasets.__all__)}")
    parts: Sequence[str | None] = [None] if split is None else [part.strip() for part in str(split).split("+")]
    made = [_made(getattr(datasets, of), of, root, part, dict(options or {}), download) for part in parts]
    sizes = [len(set_) for set_ in made]
    where = [part or "" for part, size in zip(parts, sizes, strict=True) for _ in range(size)]
    rows = [f"{row:08d}" for size in sizes for row in range(size)]
    ids = rows if len(parts) == 1 else [f"{part}/{row}" for part, row in zip(where, rows, strict=True)]
    if all(isinstance(set_[0][0], str) for set_ in made if len(set_)):
        items = [set_[row] for set_ in made for row in range(len(set_))]
        images: Source = Files(tuple(Path(path) for path, _ in items))
        targets = [target for _, target in items]
    else:
        place = Path(root).expanduser()
        key = [of, version("torchvision"), version("pillow"), str(split), json.dumps(options, default=str)]
        digest = digest_of([*key, files_digest(place.resolve()) if place.is_dir() else ""])
        folder = Store.default().folder(f"torchvision/{digest[:32]}", lambda empty: _fill(empty, made))
        images, targets = open_packed(folder, ids), read_json(folder / "targets.json")
    order = sorted(range(len(ids)), key=ids.__getitem__)
    owners = [set_ for set_ in made for _ in range(len(set_))]
    names = [_class(target, set_) for target, set_ in zip(targets, owners, strict=True)]
    labels, classes, warnings = classify([names[row] for row in order])
    told = {"split": read_only(np.array([where[row] for row in order], dtype=object))} if split is not None else {}
    return ImageSet(
        name=of.lower() if name is None else str(name),
        ids=tuple(ids[row] for row in order),
        images=Images(images, tuple(order)),
        labels=labels,
        classes=classes,
        attributes=told,
        card=Card(
            description=f"{of} as torchvision reads it",
            licence="not stated",
            source=f"torchvision.datasets.{of}, torchvision {version('torchvision')}, from {root}",
        ),
        warnings=tuple(warnings),
    )


def _made(kind: Any, of: str, root: str, part: str | None, options: dict[str, Any], download: bool) -> Any:
    """Return a part of a set, whose images are paths where the class reads files, and pictures otherwise."""
    takes = inspect.signature(kind.__init__).parameters
    settings = dict(options)
    if "root" in takes:
        settings["root"] = str(Path(root).expanduser())
    if "download" in takes:
        settings["download"] = download
    elif download:
        raise UserError(f"torchvision cannot download {of}; put its files into {root} and leave dataset.download=false")
    if "loader" in takes and "is_valid_file" not in takes:  # else files that are no images could not be told
        settings["loader"] = str
    if part is not None and "split" in takes:
        settings["split"] = part
    elif part is not None and "train" in takes and part in ("train", "test"):
        settings["train"] = part == "train"
    elif part is not None:
        raise UserError(
            f"{of} has no split {part!r}; leave dataset.split=null" + (" or train+test" * ("train" in takes))
        )
    patience = socket.getdefaulttimeout()
    try:
        # Per answer of a server: torchvision itself would wait for one without end.
        socket.setdefaulttimeout(PATIENCE if download else patience)
        return kind(**settings)
    # What is missing, the classes of torchvision tell by errors of any kind.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"torchvision does not read {of} from {root}: {reason}; put the files as published there"
            + (", or set dataset.download=true" if "download" in takes and not download else "")
        ) from error
    finally:
        socket.setdefaulttimeout(patience)


def _fill(folder: Path, made: Sequence[Any]) -> None:
    """Write all images as PNG, and ``targets.json``."""
    targets: list[Any] = []

    def images() -> Iterator[bytes]:
        with progress("reading images", sum(map(len, made)), "image") as bar:
            for part in made:
                for row in range(len(part)):
                    image, target = part[row]
                    targets.append(int(target) if isinstance(target, (int, np.integer)) else target)
                    encoded = io.BytesIO()
                    image.save(encoded, "PNG", compress_level=1)
                    bar.update(1)
                    yield encoded.getvalue()

    pack(folder, images())
    (folder / "targets.json").write_text(json.dumps(targets, default=repr), encoding="utf-8")


def _class(target: Any, part: Any) -> str:
    """Return the name of a class, or its number where the set has no names; empty for an image without one."""
    if isinstance(target, str):
        return target
    if not isinstance(target, (int, np.integer)):
        raise UserError(
            f"the targets of torchvision's {type(part).__name__} are no classes but {type(target).__name__}s; "
            "choose its classes by dataset.options"
        )
    names = getattr(part, "classes", None)
    if target < 0:
        return ""
    return str(names[target]) if isinstance(names, (list, tuple)) and target < len(names) else str(int(target))
