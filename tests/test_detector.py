"""The contract's own end: what `Detector.rank` asks a method, and what it accepts as an answer."""

import time
from typing import Any

import numpy as np
import pytest

from cleanbench.core import Floats, Ints, Issue, Need
from cleanbench.detector import Detector, UnsolvedIssue
from cleanbench.view import TooCostly, UndeclaredNeed, View


class ByLabel(Detector):
    """Ranks by label, or answers what a test gives it."""

    needs = Need.LABELS

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def label_errors(self, data: View) -> Floats:
        """Return the labels."""
        return data.labels * 1.0 if self.answer is None else self.answer

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        """Return the sums of positions."""
        return pairs.sum(axis=1) * 1.0 if self.answer is None else self.answer


def test_rank_hands_out_what_is_needed_and_checks_the_answer() -> None:
    view = View.from_arrays(labels=[0, 1, 1, 0])
    assert ByLabel.issues() == (Issue.NEAR_DUPLICATE, Issue.LABEL_ERROR)
    assert ByLabel(None).rank(Issue.LABEL_ERROR, view).scores.tolist() == [0, 1, 1, 0]
    assert ByLabel(None).rank(Issue.LABEL_ERROR, view, [2, 0]).scores.tolist() == [1, 0]
    assert ByLabel(None).rank(Issue.NEAR_DUPLICATE, view, [[0, 1], [1, 3]]).scores.tolist() == [1, 4]
    assert len(ByLabel(None).rank(Issue.NEAR_DUPLICATE, view)) == 0
    with pytest.raises(UnsolvedIssue, match="ByLabel does not solve off_topic; it solves near_duplicate, label_error"):
        ByLabel(None).rank(Issue.OFF_TOPIC, view)
    for wrong, message in [
        (np.zeros(3), r"ByLabel.label_errors returned \(3,\), expected \(4,\)"),
        (np.zeros((4, 1)), r"returned \(4, 1\)"),
        (np.zeros(4, dtype=int), "must be floats"),
        (np.array([0, 0, 0, np.nan]), "1 of 4 scores are NaN"),
        ([None] * 4, "must be floats"),
    ]:
        with pytest.raises(ValueError, match=message):
            ByLabel(wrong).rank(Issue.LABEL_ERROR, view)


def test_the_most_suspicious_pairs_are_retrieved_by_default() -> None:
    found = ByLabel(None).retrieve(View.from_arrays(labels=[0, 1, 1, 0]), 2)
    assert found.items.tolist() == [[2, 3], [1, 3]]
    assert found.scores.tolist() == [5, 4]


class Slow(Detector):
    """Prepares for half a second of CPU time, once, and then takes as long as it is told for each pair."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked = 0

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        """Return zeros."""
        until = time.process_time() + self.seconds * len(pairs) + (0.0 if self.asked else 0.5)
        while time.process_time() < until:
            pass
        self.asked += len(pairs)
        return np.zeros(len(pairs))


def test_asking_for_all_pairs_is_refused_where_it_would_take_too_long() -> None:
    few, many = (View.from_arrays(labels=np.zeros(count, dtype=int), cpu_limit=5) for count in (20, 20_000))
    slow = Slow(seconds=2e-4)
    with pytest.raises(TooCostly, match=r"about \d+ (hours|days) of CPU time for 20,000 images.*cpu_limit=5 seconds"):
        slow.retrieve(many, 10)
    assert slow.asked < 5000  # what tells it costs seconds, not hours
    assert len(Slow(seconds=1e-3).retrieve(few, 10)) == 10  # 190 pairs
    assert len(Slow(seconds=0).retrieve(View.from_arrays(labels=np.zeros(900, dtype=int), cpu_limit=5), 10)) == 10


class Selective(Detector):
    """Reads more for one issue than for the other."""

    needs = {Issue.OFF_TOPIC: Need.EMBEDDINGS}  # noqa: RUF012 (as an author would write it)
    requires = ("numpy", "no-such-distribution")

    def off_topic(self, data: View) -> Floats:
        """Return the first value of each embedding."""
        return data.embeddings[:, 0]

    def label_errors(self, data: View) -> Floats:
        """Read what is declared for another issue only."""
        return data.embeddings[:, 0]


def test_needs_and_requirements_are_told_by_issue_and_name() -> None:
    view = View.from_arrays(embeddings=[[1.0], [2.0]])
    assert Selective.needs_for(Issue.OFF_TOPIC) == Need.EMBEDDINGS
    assert Selective.needs_for(Issue.LABEL_ERROR) == Need(0)
    assert Selective.missing() == ("no-such-distribution",)
    assert Selective().rank(Issue.OFF_TOPIC, view).scores.tolist() == [1, 2]
    with pytest.raises(UndeclaredNeed, match="the method reads embeddings but declares nothing for this issue"):
        Selective().rank(Issue.LABEL_ERROR, view)
