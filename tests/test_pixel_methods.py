"""The methods that read pixels against recorded outputs of the reference code, and against their sources."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import imagehash
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFilter

from cleanbench import Detector, Ints, Issue, NotApplicable, View, zoo
from cleanbench.images import decode
from cleanbench.methods import crop_resistant, ssim_reference
from cleanbench.methods.crop_resistant import CropResistant, medians, segments
from cleanbench.methods.luminance import Luminance
from cleanbench.methods.phash import PHash
from cleanbench.methods.phash_reference import PHashReference, reference_bits
from cleanbench.methods.ssim import SSIM
from cleanbench.methods.ssim_reference import SSIMReference
from cleanbench.structure import ssim
from cleanbench.thumbnails import reduction

OF_PAIRS = (
    "ahash",
    "colorhash",
    "crop_resistant",
    "dhash",
    "invariant_hash",
    "phash",
    "phash_reference",
    "ssim",
    "ssim_reference",
    "whash",
)
EXACT = tuple(name for name in OF_PAIRS if name not in ("crop_resistant", "ssim"))

Recorded = Mapping[str, npt.NDArray[Any]]


def all_pairs(count: int) -> Ints:
    return np.array(list(combinations(range(count), 2)), dtype=np.int64).reshape(-1, 2)


@pytest.fixture(scope="module")
def recorded(goldens: Path) -> Recorded:
    with np.load(goldens / "image_distances.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.fixture(scope="module")
def images(goldens: Path, recorded: Recorded) -> list[Image.Image]:
    return [decode((goldens / "images" / name).read_bytes()) for name in recorded["names"]]


@pytest.fixture(scope="module")
def view(images: list[Image.Image]) -> View:
    return View.from_arrays(images=images)


def distances(method: Detector, view: View) -> npt.NDArray[np.float64]:
    """Return 1 - score of all pairs as a square matrix; the diagonal is asked as well."""
    count = len(view)
    first, second = np.indices((count, count)).reshape(2, -1)
    return 1 - method.near_duplicates(view, np.stack([first, second], axis=1)).reshape(count, count)


def test_phash_is_that_of_the_reference_script(view: View, recorded: Recorded) -> None:
    hashes = PHash().hashes(view)
    np.testing.assert_array_equal(np.unpackbits(hashes, axis=1), recorded["pre_phash_bits_imagehash"])
    np.testing.assert_array_equal(distances(PHash(), view), recorded["pre_phash_hamming_imagehash"] / 64)


def test_ssim_is_that_of_the_reference_script(recorded: Recorded) -> None:
    thumbnails = recorded["pre_gray_64"]
    first, second = all_pairs(len(thumbnails)).T
    scores = ssim(thumbnails[first], thumbnails[second])
    np.testing.assert_allclose(1 - scores, recorded["pre_ssim_dist"][first, second], rtol=0, atol=2e-5)
    # The diagonal is garbage in the reference; an image is equal to itself.
    np.testing.assert_array_equal(ssim(thumbnails, thumbnails), 1)


def test_ssim_of_images_is_that_of_the_reference_script(view: View, recorded: Recorded) -> None:
    # All thumbnails but one are equal, in that one two pixels differ by 1.
    found, expected = distances(SSIM(), view), recorded["pre_ssim_dist"]
    apart = ~np.eye(len(view), dtype=bool)
    np.testing.assert_allclose(found[apart], expected[apart], rtol=0, atol=1e-4)
    assert not found[~apart].any()


def test_phash_of_thumbnails_is_that_of_the_reference_class(view: View, recorded: Recorded) -> None:
    thumbnails = reduction(view, "gray_9x8_bicubic")
    np.testing.assert_array_equal(thumbnails, recorded["det_thumb_L_9x8"])
    np.testing.assert_array_equal(np.unpackbits(reference_bits(thumbnails), axis=1), recorded["det_phash_bits"])
    np.testing.assert_array_equal(distances(PHashReference(), view), recorded["det_phash_dist"])
    ranked = PHashReference().retrieve(view, 1000).items
    np.testing.assert_array_equal(ranked, recorded["det_phash_ranking"])


def test_ssim_of_thumbnails_is_that_of_the_reference_class(view: View, recorded: Recorded) -> None:
    found, expected = distances(SSIMReference(), view), recorded["det_ssim_dist"]
    apart = ~np.eye(len(view), dtype=bool)
    np.testing.assert_allclose(found[apart], expected[apart], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found[~apart], 0, atol=1e-15)
    ranked = SSIMReference().retrieve(view, 1000).items
    np.testing.assert_allclose(expected[tuple(ranked.T)], expected[tuple(recorded["det_ssim_ranking"].T)], atol=1e-12)
    assert len(np.unique(ranked, axis=0)) == len(recorded["det_ssim_ranking"])


@pytest.mark.parametrize("name", OF_PAIRS)
def test_another_order_of_the_images_permutes_rows_and_columns_and_nothing_else(name: str, view: View) -> None:
    order = np.random.default_rng(0).permutation(len(view))
    found, moved = distances(zoo.load(name), view), distances(zoo.load(name), view.take(order))
    np.testing.assert_array_equal(moved, found[np.ix_(order, order)])
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(np.diag(found), 0, atol=1e-15)
    assert found.max() <= (2 if "ssim" in name else 1)
    assert found.min() >= -1e-15
    assert found.max() > 0.2


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("limit", [1, 40, 1000])
def test_the_best_of_all_pairs_are_retrieved_with_their_own_scores(name: str, limit: int, view: View) -> None:
    pairs = all_pairs(len(view))
    scores = zoo.load(name).near_duplicates(view, pairs)
    best = np.lexsort((pairs[:, 1], pairs[:, 0], -scores))[:limit]
    with patch.object(ssim_reference, "ROWS", 5), patch.object(ssim_reference, "COLUMNS", 7):
        found = zoo.load(name).retrieve(view, limit)
    np.testing.assert_array_equal(found.items, pairs[best])
    np.testing.assert_array_equal(found.scores, scores[best])


def test_a_set_that_is_too_large_for_all_pairs_is_refused() -> None:
    large = View.from_arrays(labels=np.zeros(10**6, dtype=int), cpu_limit=1200)
    with pytest.raises(NotApplicable, match="it would take about 6 hours of CPU time for 1,000,000 images"):
        SSIMReference().retrieve(large, 10)


@pytest.mark.parametrize("name", ["crop_resistant", "ssim"])
def test_the_best_of_candidates_are_retrieved_with_their_own_scores(name: str, view: View) -> None:
    pairs = all_pairs(len(view))
    scores = zoo.load(name).near_duplicates(view, pairs)
    found, exact = zoo.load(name).retrieve(view, 5), zoo.load(name, candidates="all").retrieve(view, 5)
    np.testing.assert_array_equal(exact.items, pairs[np.argsort(-scores, kind="stable")[:5]])
    np.testing.assert_array_equal(found.scores, exact.scores)
    assert found.notes["recall"] == 1


# -- Crop-resistant hash


def test_segments_are_those_of_imagehash(images: list[Image.Image]) -> None:
    noise = np.random.default_rng(0).integers(256, size=(90, 70, 3), dtype=np.uint8)
    for image in [*images[::6], Image.fromarray(noise), Image.new("RGB", (3, 1)), Image.new("RGB", (5, 7), "white")]:
        expected = imagehash.crop_resistant_hash(image).segment_hashes
        found = segments(image)
        assert found[0, 0] == len(expected)
        np.testing.assert_array_equal(found[1 : 1 + len(expected)], [np.packbits(part.hash) for part in expected])


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 2), (20, 31)])
def test_medians_are_those_of_pillow(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    expected = np.asarray(Image.fromarray(pixels).filter(ImageFilter.MedianFilter()))
    np.testing.assert_array_equal(medians(pixels), expected)


def test_scores_of_segments_are_imagehashs_differences_both_ways(images: list[Image.Image]) -> None:
    chosen = images[15:19]
    view = View.from_arrays(images=chosen)
    hashes = [imagehash.crop_resistant_hash(image) for image in chosen]
    pairs = all_pairs(len(chosen))
    expected = [
        max(1 - (a - b) / len(a.segment_hashes) for a, b in ((hashes[i], hashes[j]), (hashes[j], hashes[i])))
        for i, j in pairs
    ]
    with patch.object(crop_resistant, "PAIRS", 3):
        np.testing.assert_allclose(CropResistant().near_duplicates(view, pairs), expected, rtol=0, atol=1e-15)


# -- Luminance


def test_luminance_is_the_spread_of_brightness() -> None:
    flat, half = np.full((8, 8), 90, dtype=np.uint8), np.zeros((8, 8), dtype=np.uint8)
    half[:4] = 200
    view = View.from_arrays(images=[flat, half])
    np.testing.assert_allclose(Luminance().rank(Issue.OFF_TOPIC, view).scores, [0, 100])
