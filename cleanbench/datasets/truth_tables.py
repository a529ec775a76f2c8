"""Judgements in CSV files -> ground truth: an image or a group of images per row, labelled 0 or 1.

The layout is that of CleanPatrick. ``off_topic_samples.csv`` and ``label_errors.csv`` have the columns ``id``
(or ``md5hash``) and ``label``; ``near_duplicates.csv`` has ``id_list`` (or ``md5hash_list``), ids separated by
commas, and ``label``: every unordered pair of the group gets the label, 0 as well as 1. What has no row is not
judged, which is not the same as 0. Three facts about a judgement may stand beside it; other columns are passed over:

- ``probability``: that the item is faulty, in [0, 1]; or instead
- ``faulty_votes`` and ``votes``: how many reviewers called it faulty, of how many, from which
  `cleanbench.votes.probability_of_votes` makes a probability. Where there is no column ``label``, the label is what
  most of them said, and an item with as many votes either way is not judged;
- ``inclusion``: with which probability the item was drawn to be judged, in (0, 1], as
  `cleanbench.annotate_next` writes it. In such a table a label may be empty: asked, but not judged. Those of the
  items of the same inclusion probability that were judged then stand for these as well.

Of several rows about one item the last one's facts count.
"""

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cleanbench.core import Bools, GroundTruth, Ints, Issue, UserError
from cleanbench.datasets.beside_labels import FACTS, VOTES, facts_of, implausible, majority, number
from cleanbench.datasets.tables import canonical, count, number_in, rows, some
from cleanbench.pairs import decode, encode

FILES: Mapping[Issue, str] = {
    Issue.OFF_TOPIC: "off_topic_samples.csv",
    Issue.NEAR_DUPLICATE: "near_duplicates.csv",
    Issue.LABEL_ERROR: "label_errors.csv",
}
CONFLICTS = ("drop", "last", "error")

# In `Keys`: the key belongs to several images, so a judgement under it cannot be placed.
AMBIGUOUS = -1

# By name of a column (``id``, ``md5hash``): the position of the image that a value of it stands for.
Keys = Mapping[str, Mapping[str, int]]

# About 3 GB while they are read; a group of a few thousand ids is a class or a split rather than one scene.
MOST_PAIRS = 20_000_000


def read_truth(
    path: Path,
    issue: Issue,
    ids: Sequence[str],
    *,
    keys: Keys | None = None,
    conflict: str = "drop",
    name: str = "default",
    kind: str = "human",
) -> tuple[GroundTruth, list[str]]:
    """Read the judgements of one issue.

    Args:
        path: The CSV file.
        issue: The issue that it judges.
        ids: All ids of the image set, sorted, as `canonical` writes them.
        keys: The columns by which images may be named, the preferred one first; by default ``id`` and
            ``md5hash``, both standing for the ids themselves.
        conflict: What becomes of an item that is judged both 0 and 1: ``drop`` (not judged), ``last`` (the
            later row counts, as in the reference code) or ``error``. Saying the same twice is no conflict.
        name: Which truth of the issue this is.
        kind: ``human``, ``metadata`` or ``synthetic``.

    Returns:
        The truth, and what the user should know about it, in sentences.

    Raises:
        UserError: If the file is no such table, names unknown ids or has other labels than 0 and 1.
    """
    if conflict not in CONFLICTS:
        raise UserError(f"conflict={conflict!r} is unknown; choose one of {', '.join(CONFLICTS)}")
    if keys is None:
        positions = {key: position for position, key in enumerate(ids)}
        keys = {"id": positions, "md5hash": positions}
    rated = _Judgements(path, issue, ids, keys)
    paired = issue.ranks_pairs
    items: Ints = rated.members
    rows_of: Ints = np.arange(len(rated.lines))
    if paired:
        pairs, rows_of = expand(rated.members, rated.sizes)
        # An image listed alone or twice says nothing about a pair: a published group may be a single image.
        real = pairs[:, 0] != pairs[:, 1]
        pairs, rows_of = pairs[real], rows_of[real]
        if not len(pairs):
            raise UserError(f"{path}: no group lists two different images, so it judges no pair; remove the file")
        items = encode(np.sort(pairs, axis=1), len(ids))
    items, labels, told_by, contradictions = _settle(items, rated.labels[rows_of], rows_of, conflict)
    stated = {name: values[told_by] for name, values in rated.facts.items()}
    warnings = list(rated.warnings)
    if contradictions:
        item, zero, one = contradictions[0]
        first = decode([item], len(ids))[0] if paired else [item]
        told = (
            f"{path}: {count(len(contradictions), 'pair' if paired else 'image')} judged both 0 and 1, the "
            f"first {' with '.join(repr(ids[position]) for position in first)} "
            f"(0 in line {rated.lines[zero]}, 1 in line {rated.lines[one]})"
        )
        if conflict == "error":
            raise UserError(f"{told}; correct the file, or choose truth.conflict=drop or truth.conflict=last")
        if not len(items):
            raise UserError(f"{told}; no judgement is left: correct the file, or choose truth.conflict=last")
        warnings.append(f"{told}; {'not judged then' if conflict == 'drop' else 'the later row counts'}")
    warnings += [f"{path}: {told}" for told in implausible(labels, stated.get("probability"))]
    judged = decode(items, len(ids)) if paired else items
    truth = GroundTruth.of(
        issue,
        ids,
        judged,
        labels,
        name=name,
        kind=kind,
        probability=stated.get("probability"),
        inclusion=stated.get("inclusion"),
    )
    return truth, warnings


def expand(members: Ints, sizes: Ints) -> tuple[Ints, Ints]:
    """Return the unordered pairs in each group.

    Args:
        members: The members of all groups, one group after the other.
        sizes: The size of each group, shape ``(G,)``.

    Returns:
        The pairs, shape ``(P, 2)``, and the position of the group of each, shape ``(P,)``.
    """
    starts = np.cumsum(sizes) - sizes
    pairs, groups = [np.zeros((0, 2), dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for size in np.unique(sizes):  # groups of one size at once; there are few sizes
        alike = np.flatnonzero(sizes == size)
        table = members[starts[alike, None] + np.arange(size)]
        first, second = np.triu_indices(size, 1)
        pairs.append(np.stack([table[:, first].ravel(), table[:, second].ravel()], axis=1))
        groups.append(np.repeat(alike, len(first)))
    return np.concatenate(pairs), np.concatenate(groups)


class _Judgements:
    """The rows of a truth table.

    Attributes:
        members: Positions of images: one per row, or those of all groups one after the other.
        sizes: Images per row, shape ``(R,)``.
        labels: True where the row says 1, shape ``(R,)``.
        lines: Where the row stands in the file, shape ``(R,)``.
        facts: ``probability`` and ``inclusion``, if the table has them, each of shape ``(R,)``.
        warnings: What the user should know about the table, in sentences.
    """

    def __init__(self, path: Path, issue: Issue, ids: Sequence[str], keys: Keys) -> None:
        table, paired = rows(path), issue.ranks_pairs
        header = next(table)[1]
        column, key, label = _columns(path, header, "_list" if paired else "", keys)
        known = keys[column]
        members, sizes, lines, labels = array("q"), array("q"), array("q"), bytearray()
        places = {name: header.index(name) for name in FACTS if name in header}
        found: dict[str, array[float]] = {name: array("d") for name in places}
        unanswered, undecided = array("d"), array("q")
        unknown: dict[str, int] = {}
        for line, fields in table:
            if "inclusion" in places and label is not None and not fields[label].strip():
                unanswered.append(number(path, line, "inclusion", fields[places["inclusion"]]))
                continue
            facts = {name: number(path, line, name, fields[place]) for name, place in places.items()}
            says = majority(path, line, facts) if label is None else _label(path, line, fields[label])
            if says is None:
                undecided.append(line)
                unanswered.extend([facts["inclusion"]] if "inclusion" in facts else [])
                continue
            for name, value in facts.items():
                found[name].append(value)
            named = fields[key].split(",") if paired else [fields[key]]
            for one in named:
                position = known.get(one, AMBIGUOUS)
                if position == AMBIGUOUS:  # rarely: canonical ids are found as they are
                    position = known.get(canonical(one), AMBIGUOUS)
                    if position == AMBIGUOUS:
                        unknown.setdefault(canonical(one), line)
                members.append(position)
            labels.append(says)
            sizes.append(len(named))
            lines.append(line)
        if unknown:
            raise _unplaced(path, column, unknown, ids, known)
        if not lines:
            lacks = "as many votes either way in every row" if undecided else "a header but no rows"
            lacks = "no label in any row" if unanswered and not undecided else lacks
            raise UserError(f"{path} has {lacks}; add judgements, or remove it")
        self.members: Ints = np.array(members, dtype=np.int64)
        self.sizes: Ints = np.array(sizes, dtype=np.int64)
        self.lines: Ints = np.array(lines, dtype=np.int64)
        self.labels = np.frombuffer(labels, dtype=np.uint8).astype(bool)
        self.facts, self.warnings = facts_of(path, found, np.array(unanswered), self.lines)
        if undecided:
            self.warnings.append(
                f"{path}: {count(len(undecided), 'row')} with as many votes either way, the first line "
                f"{undecided[0]}; not judged then"
            )
        pairs = int((self.sizes * (self.sizes - 1) // 2).sum())
        if paired and pairs > MOST_PAIRS:
            raise UserError(
                f"{path}: its groups hold {pairs:,} pairs, at most {MOST_PAIRS:,} are read; a group should "
                f"list images of one scene (the largest, line {self.lines[self.sizes.argmax()]}, lists "
                f"{self.sizes.max():,})"
            )


def _settle(
    items: Ints, labels: Bools, order: Ints, conflict: str
) -> tuple[Ints, Bools, Ints, list[tuple[int, int, int]]]:
    """Return each item once with its label and last row, and ``(item, a row of 0, a row of 1)`` if judged both ways."""
    sequence = np.lexsort((order, items))
    items, labels, order = items[sequence], labels[sequence], order[sequence]
    starts = np.flatnonzero(np.diff(items, prepend=-1))
    ends = np.append(starts[1:], len(items))
    faulty = np.add.reduceat(labels.astype(np.int64), starts)
    both = (faulty > 0) & (faulty < ends - starts)
    contradictions = []
    for start, end in zip(starts[both].tolist(), ends[both].tolist(), strict=True):
        zero, one = start + labels[start:end].argmin(), start + labels[start:end].argmax()
        contradictions.append((int(items[start]), int(order[zero]), int(order[one])))
    kept = ~both if conflict == "drop" else np.ones_like(both)
    return items[starts][kept], labels[ends - 1][kept], order[ends - 1][kept], contradictions


def _columns(path: Path, header: Sequence[str], ending: str, keys: Keys) -> tuple[str, int, int | None]:
    """Return by which of the keys the table names images, and where that column and ``label`` stand (None: votes)."""
    wanted = [f"{column}{ending}" for column in keys]
    found = [column for column in keys if f"{column}{ending}" in header]
    voted = "label" not in header and all(name in header for name in VOTES)
    for expected, present in ((" or ".join(wanted), found), ("label", voted or "label" in header)):
        if not present:
            raise UserError(
                f"{path} has no column {expected}; its columns are {some(header, 10)} "
                "(names are in lower case, columns are separated by commas)"
            )
    return found[0], header.index(f"{found[0]}{ending}"), None if voted else header.index("label")


def _label(path: Path, line: int, text: str) -> bool:
    try:
        value = number_in(text)
    except ValueError:
        value = -1.0
    if value not in (0.0, 1.0):
        raise UserError(
            f"{path}, line {line}: the label is {some([text])}, expected 0 or 1; leave out what is not judged"
        )
    return value == 1.0


def _unplaced(
    path: Path, column: str, unknown: Mapping[str, int], ids: Sequence[str], known: Mapping[str, int]
) -> UserError:
    shared = [key for key in unknown if key in known]
    if shared:
        return UserError(
            f"{path}: several images share {count(len(shared), 'value')} of {column}, so that a judgement "
            f"cannot be placed: {some(shared)}; name the images by id"
        )
    commas = [key for key in ids if "," in key]
    first = next(iter(unknown.values()))
    cure = f"ids that contain a comma cannot stand in a list: rename {some(commas, 1)}; " if commas else ""
    return UserError(
        f"{path}, line {first}: {count(len(unknown), 'unknown value')} of {column}: {some(unknown)}; {cure}"
        f"expected is one of {len(known):,} such as {next(iter(known), '')!r}; "
        "add the missing images to the set, or remove these rows"
    )
