"""The demo: the same everywhere, contaminated as its card says, and silent about where."""

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from cleanbench import ImageSet, Issue, UserError
from cleanbench.datasets.composition import CLASSES, CONFUSED_WITH, Composition, compose
from cleanbench.datasets.demo import demo
from cleanbench.datasets.edits import EDITS, MARKS, mark
from cleanbench.datasets.tiles import PHOTOGRAPHS, cut
from cleanbench.metrics import evaluate


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return demo()


def stored_truth(images: ImageSet) -> Path:
    """Return the file of labels and judgements, which lies apart from the images."""
    folder = files(images)[0].parent
    return folder.parents[1] / "demo-truth" / folder.name / "truth.json"


@pytest.fixture(scope="module")
def pixels(images: ImageSet) -> npt.NDArray[np.uint8]:
    return np.stack([np.asarray(image) for image in images.images])


@pytest.fixture(scope="module")
def composition() -> Composition:
    return compose(cut(), 0)


@pytest.fixture(scope="module")
def origin(images: ImageSet) -> dict[str, Any]:
    """Return how each image came about, in the order of the ids."""
    stored: dict[str, Any] = json.loads(stored_truth(images).read_text())
    return stored["origin"]


def test_two_processes_with_fresh_caches_make_the_same_bytes(images: ImageSet, tmp_path: Path) -> None:
    code = "from cleanbench.datasets.demo import demo; d = demo(); print(d.fingerprint, d.truth_revision)"
    made = subprocess.run(
        [sys.executable, "-c", code],
        env={"CLEANBENCH_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.split() == [images.fingerprint, images.truth_revision]


def test_another_seed_is_another_set(images: ImageSet) -> None:
    other = compose(cut(), 1)
    assert not set(other.ids) & set(images.ids)


def test_a_second_call_needs_no_photograph(images: ImageSet) -> None:
    code = (
        "import sys; from cleanbench.datasets.demo import demo; d = demo(); "
        "print(len(d), sorted({'skimage', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == f"{len(images)} []"


def test_counts_and_shares_are_those_of_the_card(images: ImageSet) -> None:
    assert 850 <= len(images) <= 1000
    assert set(images.classes) == set(CLASSES)
    assert images.labels is not None
    assert np.bincount(images.labels, minlength=len(CLASSES)).min() >= 20
    off_topic, pairs, wrong = (
        images.truth(issue) for issue in (Issue.OFF_TOPIC, Issue.NEAR_DUPLICATE, Issue.LABEL_ERROR)
    )
    assert off_topic is not None
    assert pairs is not None
    assert wrong is not None
    assert {truth.kind for truth in images.truths.values()} == {"synthetic"}
    assert len(off_topic) == len(images)
    assert off_topic.faulty / len(images) == pytest.approx(0.04, abs=0.002)
    copied = np.unique(pairs.items[pairs.labels])
    assert len(copied) / len(images) == pytest.approx(0.21, abs=0.002)
    assert len(pairs) == 4 * pairs.faulty
    # What is stated to be labelled rightly has left the truth.
    assert wrong.faulty / (len(wrong) + len(images.calibration)) == pytest.approx(0.27, abs=0.002)
    assert len(images.calibration) == round(0.1 * (len(wrong) - wrong.faulty + len(images.calibration)))
    assert not np.isin(wrong.items, images.calibration).any()
    on_topic = np.flatnonzero(~off_topic.labels)
    np.testing.assert_array_equal(np.union1d(wrong.items, images.calibration), on_topic)


def test_copies_share_the_true_class_and_negatives_are_what_they_are_called(composition: Composition) -> None:
    tile = [composition.tiles[item.source] if item.source >= 0 else None for item in composition.items]
    edits = [set(item.edits) & set(MARKS) for item in composition.items]
    for (first, second), kind in zip(composition.pairs.tolist(), composition.kinds, strict=True):
        one, other = tile[first], tile[second]
        assert one is not None
        assert other is not None
        assert (one is other) == (kind == "copy")
        assert one.touches(other) == (kind == "touching")
        assert (one.label == other.label) == (kind not in {"random", "same mark"})
        assert kind != "same mark" or edits[first] & edits[second]


def test_half_of_the_label_errors_follow_the_confusion(composition: Composition) -> None:
    true, given = composition.true, composition.given
    wrong = np.flatnonzero((true >= 0) & (true != given))
    confused = [CONFUSED_WITH[CLASSES[true[item]]] == CLASSES[given[item]] for item in wrong]
    # A random wrong class is the confusable one in one of eleven cases.
    assert np.mean(confused) == pytest.approx(0.5 + 0.5 / (len(CLASSES) - 1), abs=0.06)
    assert sorted(CONFUSED_WITH.values()) == sorted(CONFUSED_WITH)


def test_no_two_tiles_share_a_pixel(origin: dict[str, Any], composition: Composition) -> None:
    for label in CLASSES:
        boxes = {tile.box for tile in composition.tiles if tile.label == label}
        assert len(boxes) == sum(tile.label == label for tile in composition.tiles)
        for one, other in combinations(boxes, 2):
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart
    # Every tile shows in one image, or in two of which one is the copy of the other.
    used = [item.source for item in composition.items if item.source >= 0 and item.copy_of < 0]
    assert len(used) == len(set(used))


@pytest.mark.parametrize("seed", [0, 1])
def test_no_unplanted_images_are_near_copies(seed: int) -> None:
    """The largest correlation at any shift up to an eighth of the side, mirrored or not, stays below .96."""
    images = demo(seed)
    stored = json.loads(stored_truth(images).read_text())
    alike = largest_correlation(np.stack([np.asarray(image.convert("L")) for image in images.images]))
    truth = images.truth(Issue.NEAR_DUPLICATE)
    assert truth is not None
    planted = truth.items[truth.labels]
    assert np.median(alike[planted[:, 0], planted[:, 1]]) > 0.7
    alike[planted[:, 0], planted[:, 1]] = alike[planted[:, 1], planted[:, 0]] = -1
    marks = [set(MARKS) & set(edits) for edits in stored["origin"]["edits"]]
    for name in MARKS:
        # The same mark makes dark images alike; that is a trap on purpose and no copy.
        carriers = np.flatnonzero([name in carried for carried in marks])
        alike[np.ix_(carriers, carriers)] = -1
    assert alike.max() < 0.96


def test_no_image_is_flat(pixels: npt.NDArray[np.uint8]) -> None:
    assert pixels.astype(np.float64).mean(axis=3).std(axis=(1, 2)).min() > 4


def test_files_are_encoded_in_one_way(images: ImageSet) -> None:
    for path in files(images):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size, image.info) == ("PNG", "RGB", (64, 64), {})
    assert not images.attributes


def test_ids_order_and_file_sizes_give_no_hint(images: ImageSet) -> None:
    sizes = np.array([path.stat().st_size for path in files(images)], dtype=np.float64)
    order = np.arange(len(images), dtype=np.float64)
    off_topic, pairs, wrong = (
        images.truth(issue) for issue in (Issue.OFF_TOPIC, Issue.NEAR_DUPLICATE, Issue.LABEL_ERROR)
    )
    assert off_topic is not None
    assert pairs is not None
    assert wrong is not None
    has_copy = np.isin(wrong.items, pairs.items[pairs.labels])
    # About three standard errors of an AUROC with 196 and 242 positives.
    for labels in (has_copy, wrong.labels):
        assert auroc(labels, sizes[wrong.items]) == pytest.approx(0.5, abs=0.07)
        assert auroc(labels, order[wrong.items]) == pytest.approx(0.5, abs=0.07)
    assert auroc(off_topic.labels, order) == pytest.approx(0.5, abs=0.15)
    # Drawings have plain areas and compress better, whatever the noise; what a size tells is bounded.
    assert 0.25 < auroc(off_topic.labels, sizes) < 0.75


def test_edits_give_no_hint_of_a_copy(images: ImageSet, origin: dict[str, Any]) -> None:
    truth, off_topic = images.truth(Issue.NEAR_DUPLICATE), images.truth(Issue.OFF_TOPIC)
    assert truth is not None
    assert off_topic is not None
    edited = np.array([bool(edits) for edits in origin["edits"]])
    has_copy = np.isin(np.arange(len(images)), truth.items[truth.labels])
    assert edited[has_copy].mean() == 0.5
    assert edited[~has_copy & ~off_topic.labels].mean() == pytest.approx(0.5, abs=0.01)


def test_given_labels_of_off_topic_pictures_are_spread(images: ImageSet) -> None:
    truth = images.truth(Issue.OFF_TOPIC)
    assert truth is not None
    assert images.labels is not None
    assert np.bincount(images.labels[truth.items[truth.labels]]).max() <= 12


def test_the_card_says_that_it_is_synthetic_and_names_every_licence(images: ImageSet) -> None:
    card = images.card
    assert "synthetic" in card.description
    assert "do not rank methods for real data" in card.description
    for photograph in PHOTOGRAPHS:
        assert f"{photograph.label}: {photograph.credit} ({photograph.licence})" in card.source
    assert set(card.truths) == set(Issue)
    assert all("Synthetic" in text for text in card.truths.values())
    # What was stated of some images left the truth, and the card says so.
    assert f"{len(images.calibration)} are stated to be so and left this truth" in card.truths[Issue.LABEL_ERROR]
    assert "left this truth" not in demo(calibration=0).card.truths[Issue.LABEL_ERROR]


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(UserError, match=r"dataset\.seed must be 0 or more, not -1"):
        demo(seed=-1)


@pytest.mark.parametrize("name", [*EDITS, *MARKS])
@pytest.mark.parametrize("side", [32, 100])
def test_an_edit_changes_pixels_and_neither_size_nor_input(name: str, side: int) -> None:
    before = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    kept = before.copy()
    rng = np.random.default_rng(1)
    after = mark(before, name) if name in MARKS else EDITS[name](before, rng)
    assert (after.shape, after.dtype) == (before.shape, np.uint8)
    assert (after != before).any()
    np.testing.assert_array_equal(before, kept)


def files(images: ImageSet) -> tuple[Path, ...]:
    paths: tuple[Path, ...] = images.images.source.paths  # type: ignore[attr-defined]
    return paths


def auroc(labels: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> float:
    value = evaluate(labels, scores, ["AUROC"])["AUROC"].value
    assert value is not None
    return value


def largest_correlation(gray: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the largest correlation of each two images over shifts and mirrorings, (N, N), at half resolution."""
    small = gray.astype(np.float32).reshape(len(gray), 32, 2, 32, 2).mean(axis=(2, 4))
    centre = standardised(small[:, 4:28, 4:28])
    best = np.full((len(gray), len(gray)), -1, dtype=np.float32)
    for turned in (small, small[:, :, ::-1], small[:, ::-1], small[:, ::-1, ::-1]):
        for down in range(0, 9, 2):
            for right in range(0, 9, 2):
                window = turned[:, down : down + 24, right : right + 24]
                np.maximum(best, centre @ standardised(window).T, out=best)
    np.fill_diagonal(best, -1)
    return np.maximum(best, best.T)


def standardised(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    rows = windows.reshape(len(windows), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
