"""Shared reductions of images: those of their sources to the last bit, and one decode for all methods."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import imagehash
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from cleanbench import Issue, View, zoo
from cleanbench.checks import planted
from cleanbench.hashes import average_bits, difference_bits, frequency_bits
from cleanbench.images import decode
from cleanbench.store import Store
from cleanbench.thumbnails import REDUCTIONS, area_gray, area_means, colours, reduction, symmetric_gray, wavelet_bits

OF_PIXELS = (
    "ahash",
    "colorhash",
    "dhash",
    "invariant_hash",
    "luminance",
    "phash",
    "phash_reference",
    "ssim",
    "ssim_reference",
    "whash",
)

wild_images = st.builds(
    lambda cells, width, height: Image.fromarray(cells).resize((width, height), Image.Resampling.NEAREST),
    arrays(
        np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3)), elements=st.sampled_from([0, 90, 255])
    ),
    st.integers(1, 70),
    st.integers(1, 70),
)


def real_images(goldens: Path, dev_pack: Path) -> Iterator[Image.Image]:
    for path in [*sorted((goldens / "images").iterdir()), *sorted((dev_pack / "images").iterdir())[::25]]:
        yield decode(path.read_bytes())


def reduced(name: str, image: Image.Image) -> npt.NDArray[np.uint8]:
    params, compute = REDUCTIONS[name]
    return compute(image, **params)


def check_against_imagehash(image: Image.Image) -> None:
    for bits, name, expected in (
        (average_bits, "gray_8x8", imagehash.average_hash),
        (difference_bits, "gray_9x8", imagehash.dhash),
        (frequency_bits, "gray_32x32", imagehash.phash),
    ):
        np.testing.assert_array_equal(bits(reduced(name, image)[None])[0], np.packbits(expected(image).hash))
    np.testing.assert_array_equal(wavelet_bits(image), np.packbits(imagehash.whash(image).hash))
    np.testing.assert_array_equal(np.unpackbits(colours(image))[:42], imagehash.colorhash(image).hash.ravel())


def test_hashes_of_real_images_are_those_of_imagehash(goldens: Path, dev_pack: Path) -> None:
    for image in real_images(goldens, dev_pack):
        check_against_imagehash(image)


@settings(max_examples=60, deadline=None)
@given(wild_images)
def test_hashes_of_flat_and_tiny_images_are_those_of_imagehash(image: Image.Image) -> None:
    check_against_imagehash(image)


def test_hashes_of_many_images_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    thumbnails = rng.integers(256, size=(1500, 32, 32), dtype=np.uint8)
    thumbnails[::3] //= 128  # frequencies that are nearly equal
    alone = np.concatenate([frequency_bits(thumbnail[None]) for thumbnail in thumbnails])
    np.testing.assert_array_equal(frequency_bits(thumbnails), alone)


@settings(deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.integers(1, 5))
def test_means_of_areas_are_exact(pixels: npt.NDArray[np.uint8], size: int) -> None:
    height, width = pixels.shape

    def share(cell: int, pixel: int, length: int) -> Fraction:
        low, high = Fraction(cell * length, size), Fraction((cell + 1) * length, size)
        return max(Fraction(0), min(high, Fraction(pixel + 1)) - max(low, Fraction(pixel)))

    expected = [
        [
            round(
                sum(
                    share(row, y, height) * share(column, x, width) * int(pixels[y, x])
                    for y in range(height)
                    for x in range(width)
                )
                * size**2
                / (height * width)
            )
            for column in range(size)
        ]
        for row in range(size)
    ]
    np.testing.assert_array_equal(area_means(pixels, size), expected)


@settings(deadline=None)
@given(wild_images)
def test_flipped_and_turned_images_have_flipped_and_turned_thumbnails(image: Image.Image) -> None:
    thumbnail = Image.fromarray(symmetric_gray(image, 8))
    for change in Image.Transpose:
        np.testing.assert_array_equal(
            symmetric_gray(image.transpose(change), 8), np.asarray(thumbnail.transpose(change))
        )


def test_area_thumbnails_are_those_of_the_reference(goldens: Path) -> None:
    with np.load(goldens / "image_distances.npz") as recorded:
        names, expected = recorded["names"], recorded["pre_gray_64"]
    differing = 0
    for name, thumbnail in zip(names, expected, strict=True):
        image = decode((goldens / "images" / name).read_bytes())
        different = np.argwhere(area_gray(image, 64) != thumbnail)
        differing += len(different)
        # OpenCV sums in single precision: a mean that is half-way between two values may fall to either side.
        if len(different):
            assert np.abs(area_gray(image, 64).astype(int) - thumbnail).max() == 1
    assert differing <= 2, "of 98,304 pixels"


def test_a_sweep_over_methods_decodes_each_image_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = planted(60).view.take(np.arange(20))
    pairs = np.stack(np.triu_indices(20, 1), axis=1)
    decoded: list[int] = []
    monkeypatch.setattr("cleanbench.images.decode", lambda data: decoded.append(0) or decode(data))

    def answers(method: str, store: str) -> int:
        # A process of its own finds nothing in memory.
        view = View.from_arrays(images=[images.image(index) for index in range(20)])
        decoded.clear()
        fresh = replace(view, _store=Store(tmp_path / store), _pixels_digest="digest", _memo={})
        detector = zoo.load(method)
        for issue in detector.issues():
            detector.rank(issue, fresh, pairs if issue.ranks_pairs else None)
            if issue is Issue.NEAR_DUPLICATE:
                detector.retrieve(fresh, 5)
        return len(decoded)

    assert [answers(method, "one") for method in OF_PIXELS] == [20] + [0] * (len(OF_PIXELS) - 1)
    # Segments are dear, so they are only computed where they are asked for; the others come with them.
    assert answers("crop_resistant", "one") == 20
    assert [answers(method, "two") for method in ("crop_resistant", *OF_PIXELS)] == [20] + [0] * len(OF_PIXELS)


def test_a_reduction_is_that_of_every_image_in_order() -> None:
    pictures = np.random.default_rng(0).integers(256, size=(5, 12, 9, 3), dtype=np.uint8)
    view = View.from_arrays(images=pictures)
    for name, (params, compute) in REDUCTIONS.items():
        expected = [compute(Image.fromarray(picture), **params) for picture in pictures]
        np.testing.assert_array_equal(reduction(view, name), expected)
        np.testing.assert_array_equal(reduction(view.take([3, 1]), name), [expected[3], expected[1]])
