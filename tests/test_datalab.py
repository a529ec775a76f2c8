"""Datalab's scores against the tool itself, and what it does not know."""

import socket
from typing import Any, NoReturn

import numpy as np
import pytest
from cleanlab import Datalab as Lab

from cleanbench import Floats, Ints, Issue, NotApplicable, UserError, View
from cleanbench.cross_validation import dealt_folds, out_of_fold
from cleanbench.methods import datalab
from cleanbench.methods.confident_learning import ConfidentLearning
from cleanbench.methods.datalab import Datalab
from cleanbench.pairs import decode, pair_count
from cleanbench.view import TooCostly

# The tool's own calls warn of what newer versions of pandas will not have.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:cleanlab")


def crowd(count: int = 120, seed: int = 0) -> tuple[Floats, Ints]:
    """Return embeddings of four classes with outliers and copies, and labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    rows = 2 * rng.normal(size=(4, 8))[labels] + rng.normal(size=(count, 8))
    rows[:5] *= -3
    rows[10] = rows[11]
    rows[20] = rows[21] + 1e-3
    return rows, labels


def fitted(rows: Floats, labels: Ints | None = None, **settings: Any) -> tuple[Datalab, View]:
    view = View.from_arrays(embeddings=rows, labels=labels)
    method = Datalab(**settings)
    method.fit(view)
    return method, view


def all_pairs(count: int) -> Ints:
    return decode(np.arange(pair_count(count)), count)


def own(rows: Floats, issue: str, **settings: Any) -> Any:
    """Return a lab that found the neighbours itself."""
    lab = Lab({"image": np.arange(len(rows))}, verbosity=0)
    lab.find_issues(features=rows, issue_types={issue: settings})
    return lab


@pytest.mark.parametrize("k", [1, 10])
def test_outlier_scores_are_the_tools_own(k: int) -> None:
    method, view = fitted(crowd()[0], k=k)
    scores = method.rank(Issue.OFF_TOPIC, view).scores
    expected = own(view.embeddings, "outlier", k=k).get_issues("outlier")["outlier_score"].to_numpy()
    np.testing.assert_allclose(-scores, expected, rtol=1e-6, atol=1e-12)


def test_images_that_are_far_from_all_others_do_not_tie() -> None:
    rng = np.random.default_rng(0)
    rows = np.ones((60, 9)) + 0.15 * rng.normal(size=(60, 9))
    rows[:2] = np.eye(9)[:2] * [[3], [1]] - rows[:2] * [[0.2], [0.1]]
    method, view = fitted(rows)
    scores = method.rank(Issue.OFF_TOPIC, view).scores
    assert sorted(np.argsort(scores)[-2:].tolist()) == [0, 1]
    assert scores[0] != scores[1]
    assert scores[:2].min() > -1e-20


def test_label_scores_are_the_tools_own_and_rank_as_confident_learning() -> None:
    rows, labels = crowd()
    labels[30:40] = (labels[30:40] + 1) % 4
    method, view = fitted(rows, labels, seed=2)
    scores = method.rank(Issue.LABEL_ERROR, view).scores
    believed = out_of_fold("logistic", rows, labels, dealt_folds(labels, 5, np.random.default_rng(2)))
    lab = Lab({"label": labels}, label_name="label", verbosity=0)
    lab.find_issues(pred_probs=believed, issue_types={"label": {}})
    np.testing.assert_allclose(-scores, lab.get_issues("label")["label_score"].to_numpy(), rtol=1e-12)
    doubts = ConfidentLearning("logistic", "self_confidence", folds=5, seed=2).rank(Issue.LABEL_ERROR, view).scores
    np.testing.assert_allclose(scores, doubts, rtol=1e-9)


def test_a_pair_of_nearest_neighbours_has_the_images_own_score() -> None:
    method, view = fitted(crowd()[0])
    lab = own(view.embeddings, "near_duplicate", k=10)
    info = lab.get_info("near_duplicate")
    pairs = np.stack([np.arange(len(view)), info["nearest_neighbor"]], axis=1)
    scores = method.rank(Issue.NEAR_DUPLICATE, view, np.sort(pairs, axis=1)).scores
    expected = lab.get_issues("near_duplicate")["near_duplicate_score"].to_numpy()
    np.testing.assert_allclose(-scores, expected, rtol=1e-6, atol=1e-6)
    assert scores[10] == scores[11] == 0  # a copy


def test_pairs_beyond_the_neighbours_are_not_retrieved() -> None:
    method, view = fitted(crowd()[0], k=3)
    pairs = all_pairs(len(view))
    scores = method.rank(Issue.NEAR_DUPLICATE, view, pairs).scores
    known = {tuple(sorted((i, int(j)))) for i, row in enumerate(method.neighbours) for j in row}
    assert {tuple(pair) for pair in pairs[np.isfinite(scores)].tolist()} == known
    retrieved = method.retrieve(view, 50)
    np.testing.assert_array_equal(retrieved.scores, np.sort(scores)[::-1][:50])
    assert retrieved.items[0].tolist() == [10, 11]
    assert len(method.retrieve(view, 10**6)) == len(known)


def test_sets_of_near_duplicates_come_before_all_other_pairs() -> None:
    method, view = fitted(crowd()[0])
    sets = own(view.embeddings, "near_duplicate", k=10).get_info("near_duplicate")["near_duplicate_sets"]
    listed = {tuple(sorted((i, int(j)))) for i, others in enumerate(sets) for j in others}
    first = {tuple(pair) for pair in method.retrieve(view, len(listed)).items.tolist()}
    assert first == listed != set()


def test_it_says_nothing_and_asks_nobody(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    rows, labels = crowd()
    method, view = fitted(rows, labels)
    for issue in Issue:
        method.rank(issue, view, all_pairs(len(view)) if issue.ranks_pairs else None)
    assert capfd.readouterr() == ("", "")


def test_an_error_that_the_tool_only_prints_is_told() -> None:
    with pytest.raises(NotApplicable, match=r"Datalab finds no outlier scores: Error in outlier: .{10}"):
        datalab._audited({"image": np.arange(3)}, "outlier", {"k": 2}, features=np.full((3, 4), np.nan))


def test_settings_that_make_no_sense_and_high_costs_are_told() -> None:
    for settings, message in (({"k": 0}, "k must be at least 1"), ({"folds": 1}, "at least 2 folds")):
        with pytest.raises(UserError, match=message):
            Datalab(**settings)
    rows, labels = crowd()
    view = View.from_arrays(embeddings=rows, labels=labels, cpu_limit=1e-9)
    with pytest.raises(TooCostly, match="cpu_limit"):
        Datalab().fit(view)
    with pytest.raises(TooCostly, match="cpu_limit"):
        Datalab().rank(Issue.LABEL_ERROR, view)
    with pytest.raises(NotApplicable, match="one image"):
        fitted(rows[:1])
