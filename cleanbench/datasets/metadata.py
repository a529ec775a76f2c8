"""Any table of images: ``dataset=metadata dataset.path=TABLE.csv dataset.id=COLUMN``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import GroundTruth, Issue, UserError, read_only
from cleanbench.datasets.absent import Absent
from cleanbench.datasets.cards import stated
from cleanbench.datasets.checked import checked
from cleanbench.datasets.folder import existing, find, path_of
from cleanbench.datasets.group_pairs import same_group
from cleanbench.datasets.listings import by_id, classify, located
from cleanbench.datasets.tables import canonical, count, rows
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Files, Images
from cleanbench.leakage import group_codes, group_counts
from cleanbench.spelling import nearest


@checked
def metadata(
    path: str,
    id: str,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    file: str | None = None,
    root: str | None = None,
    name: str | None = None,
    negatives: int = 10_000,
    seed: int = 0,
    card: Mapping[str, Any] | None = None,
) -> ImageSet:
    """Read a table with a row per image; a column that groups images is a truth for near-duplicates.

    Images of one group (lesion, patient, capture) are taken for near-duplicates, and a random sample of pairs of two
    groups for none; see `cleanbench.datasets.group_pairs.same_group`. That is weaker than looking: two photographs of
    one lesion may be years apart, and one lesion may have two identifiers. The groups and the split are the attributes
    ``group`` and ``split`` of the set, next to all columns under their own names.

    Args:
        path: A CSV file with a header; ``~`` stands for the home folder.
        id: The column that names an image.
        label: The column of given classes; None: no labels.
        group: The column of groups, empty where not known; None: no near-duplicate truth.
        split: The column of parts such as train and test, empty where in none.
        file: The column of paths in ``root``; None: an image is the file whose name without ending is its id.
        root: The folder of the images. Without it the set can be counted, and no method can be run.
        name: Name in tables and folders; by default that of the table.
        negatives: Pairs of different groups drawn as presumed negatives.
        seed: Of that draw.
        card: What is known of the set, as fields of `cleanbench.image_set.Card`.

    Raises:
        UserError: If the table is wrong or lacks a column, or the folder holds none of its images.
    """
    table = _table(path)
    content = rows(table)
    _, header = next(content)
    for setting, column in (("id", id), ("label", label), ("group", group), ("split", split), ("file", file)):
        if column is not None and column not in header:
            wanted = nearest(column, [known for known in header if known])
            raise UserError(f"{table} has no column {column!r}, which dataset.{setting} names.{wanted}")
    records = by_id(table, content, header, id)
    ids = tuple(key for key, _ in records)
    columns = {column: [values[place] for _, values in records] for place, column in enumerate(header) if column}
    labels, classes, warnings = (None, (), []) if label is None else classify(columns[label])
    facts = {column: values for column, values in columns.items() if column not in {id, label, file}}
    for role, chosen in (("group", group), ("split", split)):
        if chosen is not None:
            facts[role] = [canonical(value) for value in columns[chosen]]
    images: Files | Absent = Absent(ids, "no folder of images was given; set dataset.root=PATH")
    if root is not None:
        place = existing(root)
        paths, remarks = located(table, place, find(place).images, ids, None if file is None else columns[file])
        images = Files(paths)
        warnings = [*warnings, *remarks]
    truths: dict[tuple[Issue, str], GroundTruth] = {}
    about = {"description": "Images listed in a table", "licence": "not stated", "source": table.name} | stated(card)
    made: dict[str, str] = {}
    if group is not None:
        codes, _ = group_codes(facts["group"])
        counts = group_counts(facts["group"])
        if counts.pairs:
            truth = same_group(ids, codes, negatives, seed, name=group)
            truths[truth.issue, group] = truth
            made[truth.issue] = (
                f"Metadata: {count(truth.faulty, 'pair')} of one {group}, and {len(truth) - truth.faulty:,} pairs of "
                f"two, presumed to differ, drawn at random (seed {seed}). Nobody looked at these pairs."
            )
        else:
            warnings = [*warnings, f"no two images share a {group}, so it is no truth for near-duplicates"]
        about.setdefault("grouping", f"{group}: {count(counts.groups, 'group')} of {count(counts.images, 'image')}")
    return ImageSet(
        name=table.stem if name is None else str(name),
        ids=ids,
        images=Images(images),
        labels=labels,
        classes=classes,
        # Objects, because a text array gives every value the room of the longest one.
        attributes={column: read_only(np.array(values, dtype=object)) for column, values in facts.items()},
        truths=truths,
        card=Card(**about, truths=made),
        warnings=tuple(warnings),
    )


def _table(path: str) -> Path:
    if not str(path).strip():
        raise UserError("dataset.path is empty; give the CSV file that lists the images")
    return path_of("path", path)
