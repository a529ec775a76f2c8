"""Hamming distances of all pairs against brute force, and the hash that flips and turns do not change."""

from itertools import combinations
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cleanbench import Issue, View, hashes
from cleanbench.core import Ints
from cleanbench.hashes import closest_pairs, least_distances, symmetric_bits
from cleanbench.methods.invariant_hash import InvariantHash


def all_pairs(count: int) -> Ints:
    return np.array(list(combinations(range(count), 2)), dtype=np.int64).reshape(-1, 2)


@settings(deadline=None)
@given(st.data())
def test_the_closest_pairs_are_those_of_brute_force(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    count, size, forms = (data.draw(st.integers(low, high)) for low, high in ((0, 40), (1, 40), (1, 3)))
    # Few different values, so that distances tie; longer than 255 bits they need more than a byte.
    packed = rng.choice(np.array([0, 1, 255], dtype=np.uint8), size=(forms, count, size))
    pairs = all_pairs(count)
    bits = np.unpackbits(packed, axis=2).astype(int)
    every = [np.abs(bits[0, pairs[:, 0]] - bits[form, pairs[:, 1]]).sum(axis=1) for form in range(forms)]
    distances = np.min(every, axis=0)
    limit = data.draw(st.integers(0, len(pairs) + 3))
    order = np.lexsort((pairs[:, 1], pairs[:, 0], distances))[:limit]
    with patch.object(hashes, "BLOCK", data.draw(st.sampled_from([1, 50, 10**6]))):
        found, found_distances = closest_pairs(packed[0], limit, packed if forms > 1 else None)
    np.testing.assert_array_equal(found, pairs[order])
    np.testing.assert_array_equal(found_distances, distances[order])
    np.testing.assert_array_equal(least_distances(packed, pairs), distances)


def test_equal_images_by_the_thousand_take_no_time_and_no_memory() -> None:
    packed = np.zeros((20_000, 8), dtype=np.uint8)
    with patch.object(hashes, "_block", wraps=hashes._block) as block:
        pairs, distances = closest_pairs(packed, 100)
    assert block.call_count == 1, "nothing is closer than equal"
    assert pairs.tolist() == [[0, partner] for partner in range(1, 101)]
    assert not distances.any()


def smooth(seed: int, width: int, height: int) -> Image.Image:
    cells = np.random.default_rng(seed).integers(256, size=(5, 4, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)


def forms_of(image: Image.Image) -> list[Image.Image]:
    return [image, *(image.transpose(change) for change in Image.Transpose)]


def test_flips_and_quarter_turns_of_either_image_do_not_change_a_score() -> None:
    symmetric = np.zeros((24, 24, 3), dtype=np.uint8)
    symmetric[8:16, 8:16] = 200  # its odd frequencies are exactly zero
    originals = [smooth(0, 50, 37), smooth(1, 64, 64), Image.new("RGB", (30, 20), "gray"), Image.fromarray(symmetric)]
    view = View.from_arrays(images=[form for image in originals for form in forms_of(image)])
    scores = np.eye(len(view))
    pairs = all_pairs(len(view))
    scores[tuple(pairs.T)] = InvariantHash().rank(Issue.NEAR_DUPLICATE, view, pairs).scores
    scores = np.maximum(scores, scores.T).reshape(4, 8, 4, 8)
    np.testing.assert_array_equal(scores, np.broadcast_to(scores[:, :1, :, :1], scores.shape))
    assert (scores[np.arange(4), :, np.arange(4)] == 1).all()
    assert scores[0, 0, 1, 0] < 0.9


def test_forms_are_those_of_flipped_and_turned_thumbnails_in_another_order() -> None:
    thumbnail = np.random.default_rng(0).integers(256, size=(32, 32), dtype=np.uint8)
    turned = np.stack([np.asarray(form) for form in forms_of(Image.fromarray(thumbnail))])
    bits = symmetric_bits(turned)
    expected = {form.tobytes() for form in bits[:, 0]}
    assert len(expected) == 8
    assert all({form.tobytes() for form in bits[:, other]} == expected for other in range(8))
    assert [form.tobytes() for form in bits[0]] != [bits[0, 0].tobytes()] * 8


def test_signs_are_those_of_the_cosine_transform() -> None:
    from scipy.fft import dctn

    thumbnails = np.random.default_rng(0).integers(256, size=(50, 32, 32), dtype=np.uint8)
    lowest = dctn(thumbnails.astype(float), axes=(1, 2))[:, :8, :8].reshape(50, -1)[:, 1:]
    clear = np.abs(lowest) > 10  # of cosines rounded to twelve bits only the smallest may change sign
    assert clear.mean() > 0.99
    positive: npt.NDArray[np.uint8] = np.unpackbits(symmetric_bits(thumbnails)[0], axis=1)[:, :63]
    np.testing.assert_array_equal(positive[clear] == 1, lowest[clear] > 0)
