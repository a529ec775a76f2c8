"""The queue of all pairs beside annotated ones: kept apart, exact, and optional."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleanbench.core import Issue, Ranking, UserError
from cleanbench.detector import Detector
from cleanbench.estimates import Places, Sample
from cleanbench.pairs import decode, pair_count
from cleanbench.queues import Queue, queue_file, queued_places, read_queue, write_queue
from cleanbench.rankings import read_table
from cleanbench.zoo import available, load_class

Rank = Callable[..., Any]
NEAR = Issue.NEAR_DUPLICATE
IDS = [f"i{number:02d}" for number in range(12)]


def test_a_run_keeps_the_queue_beside_its_scores(rank_with: Rank, pictures: Path) -> None:
    outcome = rank_with("method=phash", "dataset=folder", f"dataset.root={pictures}", "retrieve=7")
    rankings = outcome.folder / "rankings"
    queue = read_queue(rankings / "near_duplicate.parquet")
    assert queue is not None
    assert (len(queue.items), queue.limit, queue.exact) == (7, 7, True)
    told = json.loads((rankings / "near_duplicate_queue.json").read_text())
    assert told["pairs"] == 7
    assert told["cpu_seconds"] >= 0
    # What was asked as well has the same score, and what leads among that is in the queue.
    asked, scores = read_table(rankings / "near_duplicate.parquet", NEAR, "score")
    by_pair = dict(zip(asked, scores.tolist(), strict=True))
    shared = [(score, by_pair[item]) for item, score in zip(queue.items, queue.scores, strict=True) if item in by_pair]
    assert all(one == other for one, other in shared)
    assert {item for item, score in by_pair.items() if score > queue.scores[-1]} <= set(queue.items)
    # It decides no number: with another length the record is the same but for its key and costs.
    other = rank_with("method=phash", "dataset=folder", f"dataset.root={pictures}", "retrieve=9")
    assert other.run.records[0].metrics == outcome.run.records[0].metrics
    assert not other.reused


def test_no_queue_is_kept_where_none_is_wanted_or_every_pair_would_be_scored(rank_with: Rank, pictures: Path) -> None:
    data = ["dataset=folder", f"dataset.root={pictures}"]
    for settings in (["method=phash", "retrieve=0"], ["method=chance"]):
        folder = rank_with(*settings, *data).folder
        assert not list((folder / "rankings").glob("*queue*"))
    assert load_class("chance").retrieve is Detector.retrieve
    own = [name for name in available("method") if NEAR in load_class(name).issues()]
    assert {"phash", "selfclean", "embedding_distance"} <= {
        name for name in own if load_class(name).retrieve is not Detector.retrieve
    }


def test_without_truth_and_without_a_list_there_is_nothing_to_ask(rank_with: Rank, unjudged: Path) -> None:
    outcome = rank_with("method=phash", "dataset=folder", f"dataset.root={unjudged}", "retrieve=0")
    assert outcome.run.not_ranked == {NEAR: "not applicable: no pair is judged, and retrieve=0 lists none"}


def test_a_queue_is_read_as_it_was_written(tmp_path: Path) -> None:
    pairs = np.array([[0, 5], [1, 2], [3, 4]])
    path = tmp_path / "near_duplicate.parquet"
    assert read_queue(path) is None
    for notes, exact in (({}, True), ({"candidates": "all", "recall": 1.0}, True), ({"index": "hnsw"}, False)):
        ranking = Ranking(NEAR, pairs, np.array([3.0, 2, 2]), notes=notes)
        write_queue(path, ranking, IDS, 3)
        queue, own = read_queue(path), Queue.of(ranking, IDS, 3)
        assert queue is not None
        assert (list(queue.items), queue.scores.tolist(), queue.limit, queue.exact) == (
            [("i00", "i05"), ("i01", "i02"), ("i03", "i04")],
            [3, 2, 2],
            3,
            exact,
        )
        assert (list(own.items), own.limit, own.exact) == (list(queue.items), 3, exact)
    queue_file(path).write_bytes(b"")
    with pytest.raises(UserError, match="no readable Parquet"):
        read_queue(path)


@pytest.mark.parametrize(("limit", "depth"), [(3, 1), (4, 3)])
def test_ties_that_the_end_cuts_through_are_of_no_known_depth(limit: int, depth: int) -> None:
    queue = Queue([("a", "b"), ("a", "c"), ("b", "c")], np.array([3.0, 2, 2]), limit, exact=True)
    assert queue.depth == depth


def test_places_in_the_queue_are_those_among_all_pairs() -> None:
    rng = np.random.default_rng(0)
    images = len(IDS)
    pairs = decode(np.arange(pair_count(images)), images)
    scores = rng.integers(0, 12, len(pairs)).astype(float)
    order = np.argsort(-scores, kind="stable")[:30]
    queue = Queue.of(Ranking(NEAR, pairs[order], scores[order]), IDS, 30)
    asked = rng.permutation(len(pairs))[:25]
    named = [(IDS[one], IDS[other]) for one, other in pairs[asked].tolist()]
    sample = Sample(np.zeros(25, dtype=bool), np.full(25, 25 / len(pairs)))
    found = queued_places(queue, named, scores[asked], sample, images)
    assert found is not None
    exact = Places.among(scores[asked], scores)
    inside = scores[asked] > scores[order[-1]]
    assert 3 < inside.sum() < 22
    np.testing.assert_array_equal(found.before[inside], exact.before[inside])
    np.testing.assert_array_equal(found.ties[inside], exact.ties[inside])
    assert (found.before[~inside] >= queue.depth).all()
    assert np.corrcoef(found.before[~inside], exact.before[~inside])[0, 1] > 0.9
    assert (found.known, found.items) == (queue.depth, len(pairs))
    assert queued_places(None, named, scores[asked], sample, images) is None
    approximate = Queue(queue.items, queue.scores, 30, exact=False)
    assert queued_places(approximate, named, scores[asked], sample, images) is None
