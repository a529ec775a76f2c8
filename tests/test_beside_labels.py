"""What a truth table says beside its labels: probabilities, votes, and how items were drawn."""

from pathlib import Path

import numpy as np
import pytest

from cleanbench.core import GroundTruth, Issue, UserError
from cleanbench.datasets.truth_tables import read_truth
from cleanbench.votes import probability_of_votes

IDS = ("a", "b", "c", "d")


def read(folder: Path, text: str, issue: Issue = Issue.OFF_TOPIC) -> tuple[GroundTruth, list[str]]:
    path = folder / "table.csv"
    path.write_text(text)
    return read_truth(path, issue, IDS)


def test_probabilities_stand_beside_their_items(tmp_path: Path) -> None:
    truth, warnings = read(tmp_path, "probability,id,label\n0.9,c,1\n0.25,a,0\n")
    assert truth.probability is not None
    assert truth.probability.tolist() == [0.25, 0.9]
    assert truth.inclusion is None
    assert not warnings
    assert truth.revision != read(tmp_path, "id,label\nc,1\na,0\n")[0].revision


def test_votes_become_probabilities(tmp_path: Path) -> None:
    truth, _ = read(tmp_path, "id,label,faulty_votes,votes\na,0,1,5\nb,1,3,3\n")
    expected = probability_of_votes(np.array([1.0, 3]), np.array([5.0, 3]))
    np.testing.assert_array_equal(truth.probability, expected)


def test_votes_alone_make_the_label_by_majority(tmp_path: Path) -> None:
    truth, (warning,) = read(tmp_path, "id,faulty_votes,votes\na,1,3\nb,2,4\nc,2,3\n")
    assert (truth.items.tolist(), truth.labels.tolist()) == ([0, 2], [False, True])
    assert "1 row with as many votes either way, the first line 3; not judged then" in warning
    np.testing.assert_array_equal(truth.probability, probability_of_votes(np.array([1.0, 2]), np.array([3.0, 3])))
    sample, _ = read(tmp_path, "id,faulty_votes,votes,inclusion\na,3,3,0.5\nb,1,2,0.5\nc,0,3,1\n")
    assert sample.inclusion is not None
    assert sample.inclusion.tolist() == [0.25, 1]  # the first stands for the undecided one as well


def test_the_pairs_of_a_group_share_what_is_known_of_it_and_the_last_row_counts(tmp_path: Path) -> None:
    text = 'id_list,label,probability\n"a,b,c",1,0.7\n"c,b",1,0.9\n'
    truth, _ = read(tmp_path, text, Issue.NEAR_DUPLICATE)
    assert truth.items.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert truth.probability is not None
    assert truth.probability.tolist() == [0.7, 0.7, 0.9]


def test_those_who_were_judged_stand_for_those_who_were_not(tmp_path: Path) -> None:
    truth, (warning,) = read(tmp_path, "id,label,inclusion\na,1,0.5\nb,,0.5\nc,0,1\nd,0,0.5\n")
    assert truth.inclusion is not None
    assert truth.inclusion.tolist() == pytest.approx([1 / 3, 1, 1 / 3])
    assert "1 item drawn for judging without a label" in warning
    assert (1 / truth.inclusion).sum() == pytest.approx(1 + 3 / 0.5)  # as if all had been judged


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label,probability\na,1,1.5\n", "line 2: the probability is '1.5', expected a number from 0 to 1"),
        ("id,label,probability\na,1,\n", "line 2: the probability is '', expected"),
        ("id,label,inclusion\na,1,0\n", "line 2: the inclusion is '0', expected a number above 0"),
        ("id,label,inclusion\na,1,nan\n", "line 2: the inclusion is 'nan'"),
        ("id,label,votes\na,1,3\n", "a column votes alone; expected are both, faulty_votes and votes"),
        ("id,label,faulty_votes,votes\na,1,4,3\n", "line 2: 4 faulty_votes of 3 votes"),
        ("id,label,faulty_votes,votes\na,1,0.5,3\n", "line 2: 0.5 faulty_votes of 3 votes"),
        ("id,label,faulty_votes,votes\na,1,0,0\n", "line 2: 0 faulty_votes of 0 votes"),
        ("id,label,faulty_votes,votes\na,1,inf,inf\n", "line 2: the faulty_votes is 'inf'"),
        ("id,label,faulty_votes,votes,probability\na,1,1,2,0.5\n", "votes as well as a probability"),
        ("id,label,inclusion\na,1,1\nb,,0.5\n", "of the 1 item with inclusion probability 0.5 none has a label"),
        ("id,label,inclusion\na,,0.5\n", "has no label in any row; add judgements"),
        ("id,label\na,\n", "the label is ''"),
        ("id,faulty_votes,votes\na,1,2\n", "as many votes either way in every row"),
        ("id,faulty_votes,votes\na,4,3\n", "line 2: 4 faulty_votes of 3 votes"),
        ("id,votes\na,3\n", "has no column label"),
    ],
)
def test_what_is_wrong_is_told(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_labels_that_contradict_their_probability_are_told(tmp_path: Path) -> None:
    _, warnings = read(tmp_path, "id,label,probability\na,1,0\nb,0,1\nc,1,0.3\n")
    assert len(warnings) == 1
    assert "2 labels of 3 contradict their probability or votes" in warnings[0]
    _, warnings = read(tmp_path, "id,label,faulty_votes,votes\na,1,0,5\nb,0,0,5\n")
    assert "1 label of 2 contradict" in warnings[0]
