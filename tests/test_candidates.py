"""Retrieval by candidates: what is found is scored exactly, and the recall told is the recall there is."""

from unittest.mock import patch

import numpy as np
import pytest

from cleanbench import NotApplicable, UserError, View, structure
from cleanbench.candidates import SOURCES, check, recall, retrieve, seconds_per_pair
from cleanbench.checks import planted
from cleanbench.core import Floats, Ints, Need
from cleanbench.methods.crop_resistant import CropResistant
from cleanbench.methods.ssim import SSIM
from cleanbench.neighbours import cosine
from cleanbench.pairs import decode, encode, most_suspicious, pair_count
from cleanbench.structure import local_structure, ssim
from cleanbench.thumbnails import reduction
from cleanbench.view import UndeclaredNeed


@pytest.fixture(scope="module")
def view() -> View:
    return planted(80).view


class Scores:
    """Scores of all pairs of some images, each by itself."""

    def __init__(self, count: int, seed: int = 0) -> None:
        self.count = count
        self.values = np.round(np.random.default_rng(seed).normal(size=pair_count(count)), 2)  # some tie

    def __call__(self, pairs: Ints) -> Floats:
        """Return the scores of pairs."""
        return self.values[encode(pairs, self.count)]


@pytest.mark.parametrize("source", SOURCES)
def test_the_best_of_the_candidates_are_returned_with_their_recall(view: View, source: str) -> None:
    score = Scores(len(view))
    found = retrieve(view, score, 12, source, 5, sample=len(view))
    candidates = SOURCES[source](view, 60)
    assert len(np.unique(candidates, axis=0)) == 60
    best = np.lexsort((encode(candidates, len(view)), -score(candidates)))[:12]
    np.testing.assert_array_equal(found.items, candidates[best])
    np.testing.assert_array_equal(found.scores, score(found.items))
    # All images are in the sample, so the recall is not estimated; a tie with the last one is as good.
    last = most_suspicious(score, len(view), 12).scores[-1]
    caught = min(12, np.count_nonzero(score(candidates) >= last))
    assert found.notes == {"candidates": source, "recall": pytest.approx(caught / 12), "recall_sample": 80}


def test_all_pairs_are_exact_if_they_can_be_afforded(view: View) -> None:
    score = Scores(len(view))
    found, expected = retrieve(view, score, 12, "all", 1), most_suspicious(score, len(view), 12)
    np.testing.assert_array_equal(found.items, expected.items)
    assert found.notes == {"candidates": "all", "recall": 1.0}
    poor = View.from_arrays(labels=np.zeros(100_000, dtype=int), cpu_limit=1200)
    with pytest.raises(NotApplicable, match=r"it would take about .* of CPU time for 100,000 images"):
        retrieve(poor, lambda pairs: np.sort(np.random.default_rng(0).normal(size=(len(pairs), 99)))[:, 0], 9, "all", 1)


@pytest.mark.parametrize("sample", [5, 10, 20])
def test_the_estimate_of_the_recall_is_right_on_average(sample: int) -> None:
    count, limit, estimates = 40, 60, []
    rng = np.random.default_rng(0)
    score = Scores(count)
    best = encode(most_suspicious(score, count, limit).items, count)
    others = rng.choice(np.setdiff1d(np.arange(780), best), 150, replace=False)
    candidates = np.sort(np.concatenate([best[::2], others]))
    known = decode(candidates, count)
    for _ in range(150):
        # The images that are drawn are always the same: others take their places.
        place = rng.permutation(count)
        codes = encode(np.sort(np.argsort(place)[known], axis=1), count)

        def moved(pairs: Ints, place: Ints = place) -> Floats:
            return score(np.sort(place[pairs], axis=1))

        estimates.append(recall(moved, count, limit, codes, score(known), sample))
    assert np.mean(estimates) == pytest.approx(0.5, abs=0.05)
    assert 0 < np.std(estimates) < 0.2


def test_of_fewer_candidates_than_are_wanted_all_are_found() -> None:
    score = Scores(10)
    codes = np.arange(6)
    assert recall(score, 10, 20, codes, score(decode(codes, 10)), 10) == pytest.approx(
        np.isin(encode(most_suspicious(score, 10, 20).items, 10), codes).mean()
    )


def test_the_cosine_of_local_structure_goes_with_structural_similarity(view: View) -> None:
    thumbnails = reduction(view, "gray_64x64_area")
    described = local_structure(thumbnails)
    assert described.shape == (80, 128)
    pairs = decode(np.arange(pair_count(80)), 80)
    exact = ssim(thumbnails[pairs[:, 0]], thumbnails[pairs[:, 1]])
    assert np.corrcoef(cosine(described, pairs), exact)[0, 1] > 0.7
    with patch.object(structure, "IMAGES", 7):
        np.testing.assert_array_equal(local_structure(thumbnails), described)


def test_settings_that_make_no_sense_are_told() -> None:
    check("all", 1)
    for method in (SSIM, CropResistant):
        with pytest.raises(UserError, match=r"candidates='hash' is unknown; choose one of .*ahash, .*, or all"):
            method(candidates="hash")
        with pytest.raises(UserError, match="factor=0 must be at least 1"):
            method(factor=0)


def test_embeddings_are_candidates_only_for_methods_that_declare_them(view: View) -> None:
    with pytest.raises(UndeclaredNeed, match=r"add Need\.EMBEDDINGS"):
        SSIM(candidates="embeddings").retrieve(view.restricted(Need.IMAGES), 3)


@pytest.mark.parametrize("images", [1, 2, 3])
def test_few_images_have_few_pairs(view: View, images: int) -> None:
    few = view.take(np.arange(images)).restricted(Need.IMAGES)
    for source in ("dhash", "structure", "thumbnails", "all"):
        found = SSIM(candidates=source).retrieve(few, 10)
        assert len(found) == pair_count(images)


def test_the_time_of_a_pair_is_that_of_the_score() -> None:
    asked: list[int] = []

    def score(pairs: Ints) -> Floats:
        asked.append(len(pairs))
        assert (pairs[:, 0] < pairs[:, 1]).all()
        return np.zeros(len(pairs))

    assert 0 <= seconds_per_pair(score, 7) < 1
    assert asked == [2, 2000]
