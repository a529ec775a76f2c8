"""The nouns: what they accept, what they refuse, and what their digests tell apart."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cleanbench.core import GroundTruth, Issue, Need, Ranking, UserError, digest_of, read_only
from cleanbench.image_set import ImageSet
from cleanbench.images import Encoded, Files, Images

IDS = ("a", "b", "c", "d")


def off_topic(items: Any, labels: Any, ids: tuple[str, ...] = IDS, **more: Any) -> GroundTruth:
    return GroundTruth.of(Issue.OFF_TOPIC, ids, items, labels, **more)


def duplicates(items: Any, labels: Any, ids: tuple[str, ...] = IDS) -> GroundTruth:
    return GroundTruth.of(Issue.NEAR_DUPLICATE, ids, items, labels)


def test_judgements_are_sorted_with_all_that_belongs_to_them() -> None:
    truth = off_topic([2, 0, 1], [1, 0, 0], probability=[0.9, 0.1, 0.2], inclusion=[0.5, 1, 0.25])
    assert truth.items.tolist() == [0, 1, 2]
    assert truth.labels.tolist() == [False, False, True]
    assert truth.probability is not None
    assert truth.inclusion is not None
    assert truth.probability.tolist() == [0.1, 0.2, 0.9]
    assert truth.inclusion.tolist() == [1, 0.25, 0.5]
    assert (len(truth), truth.faulty) == (3, 1)
    pairs = duplicates([[3, 0], [1, 0]], [1, 0])
    assert pairs.items.tolist() == [[0, 1], [0, 3]]
    assert pairs.labels.tolist() == [False, True]


@pytest.mark.parametrize("array", ["items", "labels", "probability"])
def test_judgements_cannot_be_changed(array: str) -> None:
    with pytest.raises(ValueError, match="read-only"):
        getattr(off_topic([0, 1], [1, 0], probability=[1, 0]), array)[0] = 1


def test_nothing_judged_is_a_truth_too() -> None:
    for issue in Issue:
        truth = GroundTruth.of(issue, IDS, [], [])
        assert (len(truth), truth.faulty) == (0, 0)
        assert truth.items.shape == ((0, 2) if issue.ranks_pairs else (0,))


@pytest.mark.parametrize(
    ("issue", "items", "labels", "message"),
    [
        (Issue.OFF_TOPIC, [0, 4], [0, 1], "outside the 4 images"),
        (Issue.OFF_TOPIC, [0, -1], [0, 1], "outside the 4 images"),
        (Issue.OFF_TOPIC, [1, 1], [0, 0], "judges an item twice"),
        (Issue.OFF_TOPIC, [0, 1], [0], "one for each label"),
        (Issue.OFF_TOPIC, [0.5], [0], "must be positions"),
        (Issue.OFF_TOPIC, [0, 1], [0, 2], "must be 0 or 1"),
        (Issue.OFF_TOPIC, [0, 1], [0, np.nan], "must be 0 or 1"),
        (Issue.OFF_TOPIC, [[0, 1]], [0], "one for each label"),
        (Issue.NEAR_DUPLICATE, [[0, 0]], [1], "an image with itself"),
        (Issue.NEAR_DUPLICATE, [[0, 1], [1, 0]], [1, 1], "judges an item twice"),
        (Issue.NEAR_DUPLICATE, [[0, 4]], [1], "outside the 4 images"),
        (Issue.NEAR_DUPLICATE, [0, 1], [0, 1], "one for each label"),
        (Issue.NEAR_DUPLICATE, [[0, 1, 2]], [1], "one for each label"),
    ],
)
def test_wrong_judgements_are_refused(issue: Issue, items: Any, labels: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        GroundTruth.of(issue, IDS, items, labels)


@pytest.mark.parametrize("name", ["probability", "inclusion"])
@pytest.mark.parametrize("values", [[0.5], [0.5, 1.5], [0.5, -0.1], [0.5, np.nan], [0.5, 0.5, 0.5]])
def test_wrong_probabilities_are_refused(name: str, values: list[float]) -> None:
    with pytest.raises(UserError, match=f"{name} must be one number up to 1 for each label"):
        off_topic([0, 1], [0, 1], **{name: values})


def test_an_item_cannot_have_been_drawn_with_probability_zero() -> None:
    with pytest.raises(UserError, match="inclusion"):
        off_topic([0], [0], inclusion=[0])
    off_topic([0], [0], probability=[0])


@given(st.permutations([((0, 1), 1), ((2, 0), 0), ((1, 3), 0), ((2, 3), 1)]))
def test_revision_does_not_depend_on_the_order_of_rows(rows: list[tuple[tuple[int, int], int]]) -> None:
    shuffled = duplicates([pair for pair, _ in rows], [label for _, label in rows])
    swapped = duplicates([pair[::-1] for pair, _ in rows], [label for _, label in rows])
    expected = duplicates([[0, 1], [0, 2], [1, 3], [2, 3]], [1, 0, 0, 1]).revision
    assert shuffled.revision == swapped.revision == expected


def test_revision_tells_judgements_apart() -> None:
    truths = [
        off_topic([0, 1], [0, 1]),
        off_topic([0, 1], [1, 1]),
        off_topic([0, 2], [0, 1]),
        off_topic([0], [0]),
        off_topic([0, 1], [0, 1], probability=[0.1, 0.9]),
        off_topic([0, 1], [0, 1], inclusion=[0.1, 0.9]),
        GroundTruth.of(Issue.LABEL_ERROR, IDS, [0, 1], [0, 1]),
        # Ids with commas, which must not be read as two.
        duplicates([[0, 1]], [1], ids=("a", "b,c")),
        duplicates([[0, 1]], [1], ids=("a,b", "c")),
    ]
    assert len({truth.revision for truth in truths}) == len(truths)


def test_revision_is_of_ids_and_not_of_positions() -> None:
    alone, among = off_topic([0, 1], [0, 1], ids=("b", "d")), off_topic([1, 3], [0, 1])
    assert alone.revision == among.revision


def images(count: int) -> Images:
    return Images(Encoded((b"",) * count))


def make(**changed: Any) -> ImageSet:
    given: dict[str, Any] = {"name": "set", "ids": IDS, "images": images(4), "classes": ("x", "y")}
    return ImageSet(**{**given, **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ids": ("b", "a", "c", "d")}, "must be sorted and occur once"),
        ({"ids": ("a", "a", "b", "c")}, "must be sorted and occur once"),
        ({"ids": (), "images": images(0)}, "holds no images"),
        ({"images": images(3)}, "4 ids but 3 images"),
        ({"labels": [0, 1, 0]}, "4 ids but 3 labels"),
        ({"attributes": {"split": np.zeros(5)}}, "4 ids but 5 split"),
        ({"labels": [0, 1, 2, 0]}, "outside its 2 classes"),
        ({"labels": [0, 1, -2, 0]}, "outside its 2 classes"),
        ({"labels": [0, 1, 0.5, 0]}, "must be integers"),
        ({"calibration": np.array([4])}, "outside the 4 images"),
        ({"truths": {(Issue.OFF_TOPIC, "x"): off_topic([4], [0], ids=(*IDS, "e"))}}, "outside the 4 images"),
        *(({"name": name}, "cannot name a data set") for name in ("", " ", "..", ".a", "../x", "a\\b", "a\0b")),
        *(({"name": f"a{sign}b"}, "cannot name a data set") for sign in ("\n", "\x1b", "\x85", "\u2028", "\ud800")),
        ({"name": "ü" * 61}, "has 122 bytes; folders are named after it, so 120 are the most"),
    ],
)
def test_wrong_image_sets_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(**changed)


def test_an_image_set_cannot_be_changed() -> None:
    made = make(labels=[0, 1, -1, 0], truths={(Issue.OFF_TOPIC, "crowd"): off_topic([0], [0])})
    assert made.labels is not None
    with pytest.raises(ValueError, match="read-only"):
        made.labels[0] = 1
    with pytest.raises(TypeError):
        made.truths[Issue.OFF_TOPIC, "expert"] = off_topic([0], [0])  # type: ignore[index]
    with pytest.raises(AttributeError):
        made.name = "other"  # type: ignore[misc]


def test_truths_are_found_by_issue_and_name() -> None:
    crowd, expert = off_topic([0], [0], name="crowd"), off_topic([1], [0], name="expert")
    made = make(truths={(Issue.OFF_TOPIC, "crowd"): crowd, (Issue.OFF_TOPIC, "expert"): expert})
    assert made.truth(Issue.OFF_TOPIC) is crowd
    assert made.truth(Issue.OFF_TOPIC, "expert") is expert
    assert made.truth(Issue.LABEL_ERROR) is None
    assert made.truth(Issue.LABEL_ERROR, "crowd") is None
    with pytest.raises(UserError, match="no off_topic truth 'nobody'; it has crowd, expert"):
        made.truth(Issue.OFF_TOPIC, "nobody")
    assert made.truth_revision != make(truths={(Issue.OFF_TOPIC, "expert"): expert}).truth_revision


def on_disk(root: Path, labels: Any = (0, 1, 0, 1), classes: tuple[str, ...] = ("x", "y")) -> ImageSet:
    files = Files(tuple(root / f"{name}.png" for name in IDS))
    return ImageSet("set", IDS, Images(files), None if labels is None else np.array(labels), classes)


def test_fingerprint_tells_what_decides_results_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "here"
    root.mkdir()
    for number, name in enumerate(IDS):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(root / f"{name}.png")
    first = on_disk(root)
    moved = shutil.copytree(root, tmp_path / "there")
    os.utime(moved / "a.png", (1, 1))
    assert on_disk(moved).fingerprint == first.fingerprint
    renamed = ImageSet("other name", IDS, first.images, first.labels, first.classes)
    assert renamed.fingerprint == first.fingerprint

    relabelled = [on_disk(root, (1, 1, 0, 1)), on_disk(root, None), on_disk(root, classes=("x", "z"))]
    assert all(other.pixels_digest == first.pixels_digest for other in relabelled)
    Image.new("RGB", (4, 4), (9, 9, 9)).save(moved / "a.png")
    changed = on_disk(moved)
    assert changed.fingerprint  # computed when asked for: before the file is gone
    (moved / "a.png").unlink()
    missing = on_disk(moved)
    names = Files(tuple(root / f"{name}.png" for name in IDS))
    other_ids = ImageSet("set", ("a", "b", "c", "e"), Images(names), first.labels, first.classes)
    assert len({each.pixels_digest for each in (first, changed, missing, other_ids)}) == 4
    fingerprints = [each.fingerprint for each in (first, *relabelled, changed, missing, other_ids)]
    assert len(set(fingerprints)) == len(fingerprints)


def rank(issue: Issue, items: Any, scores: Any, flags: Any = None) -> Ranking:
    return Ranking(issue, np.asarray(items), np.asarray(scores), flags)


@pytest.mark.parametrize(
    ("issue", "items", "scores", "message"),
    [
        (Issue.OFF_TOPIC, [0, 1], [0.5], "do not fit"),
        (Issue.OFF_TOPIC, [0], [[0.5]], "do not fit"),
        (Issue.OFF_TOPIC, 0, 0.5, "do not fit"),
        (Issue.NEAR_DUPLICATE, [0], [0.5], "do not fit"),
        (Issue.OFF_TOPIC, [0, 1], [1, 0], "must be floats, not int64"),
        (Issue.OFF_TOPIC, [0, 1], [True, False], "must be floats, not bool"),
        (Issue.OFF_TOPIC, [0, 1], ["1", "0"], "must be floats"),
        (Issue.OFF_TOPIC, [0, 1], [0.5, np.nan], "1 of 2 scores are NaN"),
        (Issue.OFF_TOPIC, [0, 1], [0.5, np.inf], "1 of 2 scores are NaN"),
        (Issue.NEAR_DUPLICATE, [[1, 0]], [0.5], "i < j"),
        (Issue.NEAR_DUPLICATE, [[1, 1]], [0.5], "i < j"),
    ],
)
def test_wrong_rankings_are_refused(issue: Issue, items: Any, scores: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rank(issue, items, scores)


@pytest.mark.parametrize("flags", [np.array([True]), np.array([1, 0])])
def test_wrong_flags_are_refused(flags: Any) -> None:
    with pytest.raises(ValueError, match="flags must be one bool for each of the 2 scores"):
        rank(Issue.OFF_TOPIC, [0, 1], [0.5, 0.1], flags)


def test_a_ranking_is_read_only_and_leaves_the_callers_arrays_alone() -> None:
    scores = np.array([0.5, -np.inf])
    ranking = rank(Issue.OFF_TOPIC, [0, 1], scores, np.array([True, False]))
    for array in (ranking.items, ranking.scores, ranking.flags):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    scores[0] = 1.0
    assert len(ranking) == 2


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_digest_of_tells_any_two_sequences_apart(one: list[str], other: list[str]) -> None:
    assert (digest_of(one) == digest_of(other)) == (one == other)


def test_digest_of_is_not_fooled_by_joined_parts() -> None:
    assert len({digest_of(parts) for parts in (["ab"], ["a", "b"], ["a", "b", ""], ["", "ab"], [])}) == 5


def test_needs_and_issues_have_names() -> None:
    assert [issue.heading for issue in Issue] == ["Off topic", "Near duplicate", "Label error"]
    assert [issue for issue in Issue if issue.ranks_pairs] == [Issue.NEAR_DUPLICATE]
    assert Need.LABELS not in Need.IMAGES | Need.EMBEDDINGS
    array = np.zeros(2)
    assert read_only(array).flags.writeable is False
    assert array.flags.writeable
