"""Pairs by distance of embeddings: exact, and by indices whose recall is measured."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cleanbench import Floats, NotApplicable, UserError, View, zoo
from cleanbench.approximate import measured_recall
from cleanbench.measures import Cosines
from cleanbench.neighbours import top_pairs
from cleanbench.pairs import decode, pair_count
from cleanbench.run import Outcome
from cleanbench.view import TooCostly

DISTANCES = [("cosine", True), ("euclidean", True), ("euclidean", False)]


@pytest.fixture(scope="module")
def rows() -> Floats:
    """Return embeddings of different lengths, among them pairs that are nearly alike."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(900, 12)).astype(np.float32) * rng.uniform(0.5, 3, (900, 1)).astype(np.float32)
    rows[:200] = rows[200:400] + 0.02 * rng.normal(size=(200, 12)).astype(np.float32)
    return rows


@pytest.mark.parametrize(("distance", "normalise"), DISTANCES)
def test_scores_are_those_of_the_formula_and_of_selfclean(rows: Floats, distance: str, normalise: bool) -> None:
    settings = {"distance": distance, "normalise": normalise}
    pairs = decode(np.arange(0, pair_count(900), 997), 900)
    view = View.from_arrays(embeddings=rows)
    scores = zoo.load("embedding_distance", **settings).near_duplicates(view, pairs)
    wide = rows.astype(np.float64)
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    expected = (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(axis=1) / 2 + 0.5
    if distance == "euclidean":
        points = unit if normalise else wide / np.linalg.norm(wide, axis=1).max()
        expected = 1 - np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1) / 2
    np.testing.assert_allclose(scores, expected, atol=1e-7)
    np.testing.assert_array_equal(scores, zoo.load("selfclean", **settings).near_duplicates(view, pairs))


@pytest.mark.parametrize("index", ["hnsw", "ivf"])
@pytest.mark.parametrize(("distance", "normalise"), DISTANCES)
def test_an_index_finds_most_of_what_is_there_and_says_what_share(
    rows: Floats, index: str, distance: str, normalise: bool
) -> None:
    pytest.importorskip("faiss")
    settings = {"distance": distance, "normalise": normalise}
    view = View.from_arrays(embeddings=rows)
    exact = zoo.load("embedding_distance", **settings).retrieve(view, 300)
    assert not exact.notes
    detector = zoo.load("embedding_distance", index=index, recall_sample=900, **settings)
    found = detector.retrieve(view, 300)
    again = detector.retrieve(view, 300)
    np.testing.assert_array_equal(found.items, again.items)
    assert found.notes == again.notes
    np.testing.assert_array_equal(found.scores, detector.near_duplicates(view, found.items))
    assert (np.diff(found.scores) <= 0).all()
    share = len({*map(tuple, found.items.tolist())} & {*map(tuple, exact.items.tolist())}) / 300
    # All images are in the sample, so what is measured is what is so, of the pairs above the last one found.
    above = np.count_nonzero(zoo.load("embedding_distance", **settings).retrieve(view, 900).scores > found.scores[-1])
    assert found.notes["recall"] == pytest.approx(300 / max(300, above + 1), abs=0.02)
    assert found.notes["recall"] == pytest.approx(share, abs=0.05)
    assert found.notes["index"] == index
    assert found.notes["recall_sample"] == 900
    assert share >= 0.6


def test_recall_is_that_of_what_was_left_out() -> None:
    rows = np.random.default_rng(1).normal(size=(300, 8)).astype(np.float32)
    pairs, similarities = top_pairs(rows, 1000)
    exact = Cosines(rows)
    complete = measured_recall(exact, pairs, similarities[-1], 300, 0)
    assert complete == {"recall_sample": 300, "recall_pairs": 2000, "recall": 1.0}
    kept = np.random.default_rng(2).random(1000) < 0.7
    kept[-1] = True
    half = measured_recall(exact, pairs[kept], similarities[-1], 300, 0)
    assert half["recall"] == round(np.count_nonzero(kept) / 1000, 4)
    sampled = measured_recall(exact, pairs[kept], similarities[-1], 60, 0)
    assert sampled["recall_sample"] == 60
    assert sampled["recall"] == pytest.approx(0.7, abs=0.1)
    # Fewer pairs than wanted: all that are not listed are missed.
    assert measured_recall(exact, pairs, -np.inf, 300, 0)["recall"] == round(1000 / pair_count(300), 4)


@pytest.mark.parametrize("index", ["exact", "hnsw", "ivf"])
@pytest.mark.parametrize(
    "rows",
    [np.ones((1, 3)), np.eye(2), np.ones((400, 3)), np.zeros((50, 3)), np.eye(60, 4) * 1e200],
    ids=["one", "two", "copies", "zeros", "huge"],
)
def test_odd_rows(rows: Floats, index: str) -> None:
    if index != "exact":
        pytest.importorskip("faiss")
    found = zoo.load("embedding_distance", index=index).retrieve(View.from_arrays(embeddings=rows), 70)
    assert len(found) <= min(70, pair_count(len(rows)))
    assert len(found) or len(rows) == 1
    # Pairs tied with the last one listed are no loss, so copies that are not listed lower nothing.
    assert found.notes.get("recall", 1.0) == 1.0


def test_without_faiss_the_cure_is_named(rows: Floats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    detector = zoo.load("embedding_distance", index="hnsw")
    view = View.from_arrays(embeddings=rows)
    with pytest.raises(NotApplicable, match="python -m pip install faiss-cpu"):
        detector.retrieve(view, 5)
    assert len(detector.near_duplicates(view, np.array([[0, 1]]))) == 1


def test_mistakes_are_told() -> None:
    for settings, message in [
        ({"index": "lsh"}, "index='lsh' is unknown; choose one of exact, hnsw, ivf"),
        ({"distance": "manhattan"}, "distance='manhattan' is unknown; choose one of cosine, euclidean"),
        ({"neighbours": 0}, "neighbours=0 must be at least 1"),
        ({"recall_sample": 0}, "recall_sample=0 must be at least 1"),
    ]:
        with pytest.raises(UserError, match=message):
            zoo.load("embedding_distance", **settings)


def test_exact_retrieval_refuses_what_takes_too_long(rows: Floats) -> None:
    view = View.from_arrays(embeddings=rows, cpu_limit=1e-5)
    with pytest.raises(TooCostly, match="cpu_limit=1e-05 seconds"):
        zoo.load("embedding_distance").retrieve(view, 5)


def test_the_recall_reaches_the_record(rank_with: Callable[..., Outcome], unjudged: Path) -> None:
    pytest.importorskip("faiss")
    outcome = rank_with("dataset=folder", f"dataset.root={unjudged}", "encoder=pixels", "method=embedding_distance",
                        "method.index=hnsw", "retrieve=5")  # fmt: skip
    (record,) = outcome.run.records
    assert record.notes == {"index": "hnsw", "recall": 1.0, "recall_sample": 8, "recall_pairs": 10}
