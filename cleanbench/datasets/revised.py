"""The benchmarks that SelfClean's authors revised: ``dataset=ddi dataset.root=IMAGES dataset.lists=LISTS``."""

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path, PurePosixPath

import numpy as np

from cleanbench.core import GroundTruth, Ints, Issue, UserError, read_only
from cleanbench.datasets.checked import checked
from cleanbench.datasets.elimination import Places, eliminate, place
from cleanbench.datasets.folder import existing, find
from cleanbench.datasets.group_pairs import between_groups, connected, same_group
from cleanbench.datasets.listings import classify
from cleanbench.datasets.revised_benchmarks import BENCHMARKS, Benchmark
from cleanbench.datasets.revised_lists import LISTS, RevisedLists, read_lists
from cleanbench.datasets.tables import canonical, count, rows, some
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Files, Images
from cleanbench.leakage import group_codes
from cleanbench.spelling import nearest

FOUND = (
    "Human: experts went down SelfClean's ranking until 58 items in a row were no issue, and what all of them "
    "confirmed is positive."
)


@checked
def revised(
    of: str,
    root: str,
    lists: str,
    label: str | None = None,
    name: str | None = None,
    negatives: int = 10_000,
    seed: int = 0,
) -> ImageSet:
    """Read a dermatology benchmark with the issues that experts confirmed in it.

    Gröger et al., "Towards Reliable Dermatology Evaluation Benchmarks", ML4H 2023, published for six benchmarks which
    images are irrelevant, near-duplicates or mislabelled, as indices into a list of images that they did not publish,
    and a list of the images that were left when irrelevant images and one of each near-duplicate were removed. An
    index is therefore placed in one of three ways:

    - An order of all images that yields exactly the list of the images left, once the indices removed are left out:
      that of the benchmark's own table (Derm7pt, PAD-UFES-20), or of sorted file names (DDI).
    - Else an image that was left stands where the gaps put it.
    - And an image that was removed stands where its folder and elimination put it, if the list goes folder by folder.
      Where several remain possible, an image is judged if it makes no difference which, and otherwise not judged.

    The first way is certain. The others rest on the published list of the images left being in the order of the whole
    list, which is seen where the order is known, and on a list that goes folder by folder among the images left doing
    so among all.

    Only confirmed issues are known. That all else is clean is presumed: experts looked at the head of SelfClean's
    rankings, so methods that resemble SelfClean have an advantage, and what no one looked at counts against whoever
    finds it. This truth is called ``experts``; where a table groups images, of a lesion or a case, a second truth for
    near-duplicates bears the name of that column.

    Args:
        of: The benchmark: ``MED-NODE``, ``PH2``, ``DDI``, ``Derm7pt``, ``PAD-UFES-20`` or ``SD-128``.
        root: The folder of its images, and of its table if it has one.
        lists: A checkout of the published lists, or a folder with the two files of this benchmark. The list of issues
            is a pickle, read without running it, or a JSON file of the same content.
        label: The column of the label in the benchmark's table; None: the diagnosis. Which one the experts were shown
            is not published.
        name: Name in tables and folders; by default that of the benchmark.
        negatives: Pairs of images, presumed to be no near-duplicates, drawn at random.
        seed: Of that draw.

    Raises:
        UserError: If files are missing, do not fit each other, or do not fit the benchmark.
    """
    if of not in BENCHMARKS:
        raise UserError(f"there is no revised benchmark {of!r}.{nearest(of, BENCHMARKS)}")
    benchmark, place_of_images = BENCHMARKS[of], existing(root)
    paths = _images(place_of_images, benchmark)
    files, table = _table(place_of_images, benchmark)
    issues = read_lists(of, lists, benchmark.size)
    places = _places(of, benchmark, issues, sorted(paths), _orders(files, paths))
    names = [each for each in places.names if each] + [each for _, some_of in places.sets for each in some_of]
    keys = dict(sorted((key, each) for each, key in _keys(names).items()))
    ids, order = tuple(keys), list(keys.values())
    labels, classes, warnings = _labels(order, benchmark, table, label)
    position = {each: row for row, each in enumerate(order)}
    truths, made, remarks = _truths(ids, position, places, issues, labels is not None, negatives, seed)
    missing = [key for key, each in keys.items() if each not in paths]
    if missing:
        remarks.append(f"{count(len(missing), 'image')} of {of} missing in {root}: {some(missing)}")
    columns = next(iter(table.values()), {})
    facts = {column: [table.get(each, {}).get(column, "") for each in order] for column in columns}
    if benchmark.group in facts:
        facts["group"] = [canonical(value) for value in facts[benchmark.group]]
        codes, _ = group_codes(facts["group"])
        truth = same_group(ids, codes, negatives, seed, name=benchmark.group)
        truths[truth.issue, truth.name] = truth
        made[f"{truth.issue} experts"] = made.pop(truth.issue)
        made[f"{truth.issue} {truth.name}"] = (
            f"Metadata: {count(truth.faulty, 'pair')} of one {truth.name}, and {len(truth) - truth.faulty:,} pairs of "
            "two, presumed to differ, drawn at random."
        )
    return ImageSet(
        name=of if name is None else str(name),
        ids=ids,
        images=Images(Files(tuple(paths.get(each, place_of_images / each) for each in order))),
        labels=labels,
        classes=classes,
        attributes={column: read_only(np.array(values, dtype=object)) for column, values in facts.items()},
        truths=truths,
        card=Card(
            description=benchmark.description,
            licence=benchmark.licence,
            source=f"{of}, from local files; issues: {LISTS}",
            citation=f"{benchmark.citation}; Gröger et al., Towards Reliable Dermatology Evaluation Benchmarks, "
            "ML4H, PMLR 225 (2023)",
            truths=made,
            redistributable=benchmark.redistributable,
            commercial=benchmark.commercial,
            grouping=benchmark.grouping,
            blemishes=(
                f"{FOUND} Other items were not looked at and are presumed to be clean.",
                "The issues were found with SelfClean, which gives methods like it an advantage.",
            ),
        ),
        warnings=(*warnings, *remarks),
    )


def _images(root: Path, benchmark: Benchmark) -> dict[str, Path]:
    """Return the images in a folder by the end of their path that names them in the lists."""
    found: dict[str, Path] = {}
    for path in find(root).images:
        if not path.parent.name.endswith(benchmark.parent):
            continue
        key = _tail(path.relative_to(root).as_posix(), benchmark.depth)
        if key in found:
            raise UserError(
                f"{root} holds {key} twice: {found[key]} and {path}; give the folder of this benchmark only"
            )
        found[key] = path
    return found


def _tail(path: str, depth: int) -> str:
    return canonical("/".join(PurePosixPath(path).parts[-depth:]))


def _table(root: Path, benchmark: Benchmark) -> tuple[list[list[str]], dict[str, dict[str, str]]]:
    """Return the images that each column of the table names, in its order, and the row of each image."""
    found = [root / path for path in find(root).tables if benchmark.table and Path(path).name == benchmark.table]
    if not found:
        return [], {}
    content = rows(found[0])
    _, header = next(content)
    absent = [column for column in (*benchmark.files, benchmark.label) if column not in header]
    if absent:
        raise UserError(f"{found[0]} has no column {absent[0]!r}; it is not the table that the benchmark comes with")
    records = [dict(zip(header, fields, strict=True)) for _, fields in content]
    files = [[_tail(record[column], benchmark.depth) for record in records] for column in benchmark.files]
    by_name = {
        name: {column: value for column, value in record.items() if column}
        for named in files
        for name, record in zip(named, records, strict=True)
    }
    return files, by_name


def _orders(files: Sequence[Sequence[str]], paths: Mapping[str, Path]) -> list[list[str]]:
    """Return the orders that the whole list may have had."""
    listed = [[name for column in columns for name in column] for columns in permutations(files)] if files else []
    return [*listed, sorted(paths)]


def _places(
    of: str, benchmark: Benchmark, lists: RevisedLists, found: Sequence[str], orders: Sequence[Sequence[str]]
) -> Places:
    size, removed = benchmark.size, lists.removed
    if not removed:
        if len(found) != size:
            raise UserError(f"dataset.root holds {count(len(found), 'image')} of {of}, which has {size:,}")
        return Places(tuple(found), ())
    kept = [_tail(name, benchmark.depth) for name in lists.kept]
    placed = place(size, kept, removed, orders)
    if placed:
        return placed
    # Other images may lie there, SD-198 in the place of SD-128: what was removed lay in a folder of what was kept.
    folders = {PurePosixPath(name).parent for name in kept}
    others = [name for name in sorted(set(found) - set(kept)) if PurePosixPath(name).parent in folders]
    if not set(found) & set(kept):
        raise UserError(
            f"dataset.root holds 0 images of {of}, which has {size:,}; give the folder of all its images as published"
        )
    if len(others) != len(removed):
        cure = f", and {benchmark.table} beside them" if benchmark.table else ""
        raise UserError(
            f"dataset.root holds {count(len(others), 'image')} that the file list lacks, expected are the "
            f"{len(removed)} that were removed from {of}; give all its images as published{cure}"
        )
    return eliminate(size, kept, removed, others)


def _keys(names: Sequence[str]) -> dict[str, str]:
    """Return the id of each image: its name without ending, or with it if these repeat."""
    bare = {name: PurePosixPath(name).with_suffix("").as_posix() for name in names}
    return bare if len(set(bare.values())) == len(bare) else {name: name for name in names}


def _labels(
    order: Sequence[str], benchmark: Benchmark, table: Mapping[str, Mapping[str, str]], label: str | None
) -> tuple[Ints | None, tuple[str, ...], list[str]]:
    column = label or benchmark.label
    if not benchmark.table and label:
        raise UserError(f"dataset.label={label} names a column, but this benchmark comes without a CSV table")
    if not benchmark.table and benchmark.depth > 1:
        return classify([PurePosixPath(name).parent.name for name in order])
    if not column:
        return None, (), ["no labels: this benchmark comes without a CSV table"]
    if not table:
        return None, (), [f"no labels: {benchmark.table} does not lie in dataset.root"]
    header = next(iter(table.values()))
    if column not in header:
        raise UserError(
            f"{benchmark.table} has no column {column!r}, which dataset.label names.{nearest(column, header)}"
        )
    return classify([table.get(name, {}).get(column, "") for name in order])


def _truths(
    ids: tuple[str, ...],
    position: Mapping[str, int],
    places: Places,
    issues: RevisedLists,
    labelled: bool,
    negatives: int,
    seed: int,
) -> tuple[dict[tuple[Issue, str], GroundTruth], dict[str, str], list[str]]:
    """Return the truths, what the card says of them, and what the user should know."""
    truths: dict[tuple[Issue, str], GroundTruth] = {}
    made: dict[str, str] = {}
    remarks = []
    for issue, indices in ((Issue.OFF_TOPIC, issues.off_topic), (Issue.LABEL_ERROR, issues.label_errors)):
        if issue is Issue.LABEL_ERROR and not labelled:
            continue
        told = places.marked(indices)
        items = [position[name] for name in told]
        faulty = list(told.values())
        truths[issue, "experts"] = GroundTruth.of(issue, ids, items, faulty, name="experts", presumed=True)
        made[issue] = (
            f"{FOUND} All other images but {len(ids) - len(told)} that cannot be told apart are presumed clean."
        )
        if lost := len(indices) - sum(told.values()):
            remarks.append(
                f"{lost} of {len(indices)} images in the {issue} list cannot be told from others: not judged"
            )
    pairs, groups, lost = _pairs(position, places, issues)
    others, inclusion = between_groups(groups, negatives, seed)
    truths[Issue.NEAR_DUPLICATE, "experts"] = GroundTruth.of(
        Issue.NEAR_DUPLICATE,
        ids,
        np.concatenate([pairs, others]),
        np.repeat([True, False], [len(pairs), len(others)]),
        name="experts",
        inclusion=np.concatenate([np.ones(len(pairs)), inclusion]),
        presumed=True,
    )
    made[Issue.NEAR_DUPLICATE] = f"{FOUND} {len(others):,} other pairs, drawn at random, are presumed to be none."
    if lost:
        remarks.append(
            f"{lost} of {count(len(issues.duplicates), 'near-duplicate')} cannot be told from other images that were "
            "removed: not judged"
        )
    return truths, made, remarks


def _pairs(position: Mapping[str, int], places: Places, issues: RevisedLists) -> tuple[Ints, Ints, int]:
    """Return the near-duplicates, a group for each image by what is connected through them, and how many are lost.

    An image of a near-duplicate that cannot be placed has no group: no pair of it is presumed to be clean.
    """
    placed, lost = [], 0
    for pair in dict.fromkeys(tuple(sorted(pair)) for _, pair in issues.duplicates):
        names = [places.names[index] for index in pair]
        if all(names):
            placed.append(sorted(position[name] for name in names))
        else:
            lost += 1
    pairs: Ints = np.array(placed, dtype=np.int64).reshape(-1, 2)
    groups = connected(pairs, len(position))
    involved = {index for _, pair in issues.duplicates for index in pair}
    for indices, images in places.sets:
        if indices & involved:
            groups[[position[name] for name in images]] = -1
    return pairs, groups, lost
