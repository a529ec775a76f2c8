"""Any image data set of the Hugging Face Hub, or in its layout: ``dataset=hub dataset.path=OWNER/NAME``."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import GroundTruth, Issue, UserError, read_only
from cleanbench.datasets.checked import checked
from cleanbench.datasets.folder import path_of
from cleanbench.datasets.group_pairs import same_group
from cleanbench.datasets.hub_rows import Origin, Wanted, places_of, read_rows
from cleanbench.datasets.listings import classify
from cleanbench.datasets.packed import files_digest, open_packed, pack
from cleanbench.datasets.tables import count, some
from cleanbench.encoders.hub import PATIENCE, unreachable
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Images
from cleanbench.leakage import group_codes
from cleanbench.store import Store, read_json

COMMIT = re.compile("[0-9a-f]{40}")


@checked
def hub(
    path: str,
    split: str = "train",
    image: str | None = None,
    label: str | None = None,
    id: str | None = None,
    group: str | None = None,
    config: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
    rows: int | None = None,
    name: str | None = None,
    negatives: int = 10_000,
    seed: int = 0,
) -> ImageSet:
    """Read an image data set with the library ``datasets`` and keep its images, as they are encoded, in the cache.

    A set is read once; afterwards it comes from the cache, where its commit names it. Given as ``revision``, that
    commit is not asked for again, so that a run needs no network and does not move when the data set does.

    Args:
        path: ``owner/name`` on the Hub, or a folder that ``datasets`` reads: of Parquet files, of images.
        split: One, or several joined by ``+`` (``train+test``), which then are the attribute ``split``. A slice
            (``train[:100]``) works as in ``datasets``.
        image: The column of images; None: the only one of that type.
        label: The column of given classes; None: the only column of classes, or none.
        id: The column that names an image; None: its row, within its split.
        group: The column of what images share, a lesion or a patient: a truth for near-duplicates, as with
            ``dataset=metadata``.
        config: Which configuration of the data set; None: the only one.
        revision: Commit, branch or tag; None: the newest.
        streaming: Read over the network row by row, without a copy of the files.
        rows: Only this many rows of each split, from its start.
        name: Name in tables and folders; by default the last part of ``path``.
        negatives: Pairs of different groups drawn as presumed negatives.
        seed: Of that draw.

    Raises:
        UserError: If the set cannot be had, within seconds where there is no network, or has no such column.
    """
    if not str(path).strip():
        raise UserError("dataset.path is empty; give owner/name of a data set, or a folder")
    if rows is not None and rows < 1:
        raise UserError(f"dataset.rows={rows} must be at least 1, or null for all")
    columns = {"image": image, "label": label, "id": id, "group": group}
    origin = _origin(str(path), revision)
    wanted = Wanted(origin, split, config, streaming, rows, columns)
    # What is downloaded when this is interrupted is there when it is started again.
    folder = Store.default().folder(f"hub/{wanted.key[:32]}", lambda empty: _fill(empty, wanted), resume=True)
    stored = read_json(folder / "rows.json")
    order = sorted(range(len(stored["ids"])), key=stored["ids"].__getitem__)

    def ordered(column: str) -> list[str]:
        return [stored[column][row] for row in order]

    labels, classes, warnings = (None, (), []) if stored["labels"] is None else classify(ordered("labels"))
    facts = {column: ordered(column) for column in ("split", "group") if stored[column] is not None}
    ids = tuple(ordered("ids"))
    truths: dict[tuple[Issue, str], GroundTruth] = {}
    if group is not None:
        truth = same_group(ids, group_codes(facts["group"])[0], negatives, seed, name=group)
        truths[truth.issue, group] = truth
    warnings = [*warnings, *stored.get("warnings", ())]
    if outside := stored.get("outside"):
        told = count(len(outside), "image")
        warnings = [*warnings, f"{told} that rows name outside the files of the set are not read: {some(outside)}"]
    if origin.commit and not (revision and COMMIT.fullmatch(revision)):
        warnings = [*warnings, f"commit {origin.commit}; with dataset.revision={origin.commit} no network is needed"]
    return ImageSet(
        name=(Path(path).name or "hub") if name is None else str(name),
        ids=ids,
        images=Images(open_packed(folder, stored["ids"]), tuple(order)),
        labels=labels,
        classes=classes,
        attributes={column: read_only(np.array(values, dtype=object)) for column, values in facts.items()},
        truths=truths,
        card=Card(
            description="A data set of the Hugging Face Hub" if origin.commit else "A local data set",
            licence=stored["licence"] or "not stated",
            source=f"https://huggingface.co/datasets/{path}" if origin.commit else f"local files in {Path(path).name}",
            identifier=f"https://huggingface.co/datasets/{path}/tree/{origin.commit}" if origin.commit else "",
            truths={issue: f"Metadata: pairs of one {called}, and random pairs of two" for issue, called in truths},
            grouping="" if group is None else f"column {group}",
        ),
        warnings=tuple(warnings),
    )


def _origin(path: str, revision: str | None) -> Origin:
    local = path_of("path", path)
    if local.is_dir():
        return Origin(str(local.resolve()), files=files_digest(local.resolve()))
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", path):
        raise UserError(f"dataset.path={path} is no folder, and no owner/name of the Hugging Face Hub")
    if revision and COMMIT.fullmatch(revision):
        return Origin(path, commit=revision)
    _reach(path)
    return Origin(path, commit=str(_info(path, revision).sha))


def _info(path: str, revision: str | None) -> Any:
    """Return what the Hub says of a data set."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return HfApi().dataset_info(path, revision=revision, timeout=PATIENCE)
    except HfHubHTTPError as error:
        at = f" at revision {revision!r}" if revision else ""
        raise UserError(f"the Hugging Face Hub shows no data set {path!r}{at}: {_line(error)}") from error


def _reach(path: str) -> None:
    """Raise a `UserError` within seconds if the Hub does not answer; the libraries try for most of a minute."""
    from huggingface_hub import constants, get_session

    offline = "HF_HUB_OFFLINE forbids to ask" if constants.HF_HUB_OFFLINE else ""
    problem = offline or unreachable(lambda: get_session().head(constants.ENDPOINT, timeout=PATIENCE))
    if problem:
        raise UserError(
            f"the data set {path} cannot be had: {constants.ENDPOINT} cannot be reached ({problem}); give the folder "
            "of a local copy as dataset.path, or the commit of a copy in the cache as dataset.revision"
        )


def _fill(folder: Path, wanted: Wanted) -> None:
    """Write the encoded images and ``rows.json``."""
    from datasets import load_dataset
    from datasets.utils import logging

    logging.disable_progress_bar()
    stored: dict[str, Any] = {"ids": [], "labels": [], "group": [], "split": [], "licence": "", "outside": []}
    if wanted.origin.commit:
        _reach(wanted.origin.path)
        card = _info(wanted.origin.path, wanted.origin.commit).card_data
        licence = (getattr(card, "license", None) or "") if card else ""
        stored["licence"] = licence if isinstance(licence, str) else ", ".join(licence)
    # What `datasets` keeps besides, a copy of all images, goes when these are packed.
    scratch = folder / "datasets"
    parts = [part.strip() for part in wanted.split.split("+")]
    places = places_of(wanted.origin, scratch)

    def images() -> Iterator[bytes]:
        for part in parts:
            try:
                rows = load_dataset(
                    wanted.origin.path,
                    wanted.config,
                    split=part,
                    revision=wanted.origin.commit or None,
                    streaming=wanted.streaming,
                    cache_dir=str(scratch),
                )
                yield from read_rows(rows, part, wanted, stored, places, several=len(parts) > 1)
            except UserError:
                raise
            # Every builder of `datasets` has errors of its own, while it opens a set and while it reads it.
            except Exception as error:
                raise UserError(f"{wanted.origin.path}, split {part!r}, is not read: {_line(error)}") from error

    pack(folder, images())
    shutil.rmtree(scratch, ignore_errors=True)
    if "" in stored["ids"]:
        raise UserError(f"dataset.id={wanted.columns['id']} is empty for some images; name another one")
    if twice := [key for key, times in Counter(stored["ids"]).items() if times > 1]:
        raise UserError(
            f"dataset.id={wanted.columns['id']} names several images alike: {some(twice)}; name another one"
        )
    if not stored["ids"]:
        raise UserError(f"{wanted.origin.path}, split {wanted.split!r}, has no rows")
    for column in ("labels", "group"):
        stored[column] = stored[column] or None
    if len(parts) == 1:
        stored["split"] = None
    (folder / "rows.json").write_text(json.dumps(stored), encoding="utf-8")


def _line(error: Exception) -> str:
    """Return the message of an error in one line."""
    return " ".join(str(error).split()) or type(error).__name__
