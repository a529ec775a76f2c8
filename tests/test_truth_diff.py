"""Two truths compared: counts against sets in plain Python, ranks, and the command."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import table
from finished_runs import only
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanbench.core import Issue, UserError
from cleanbench.leaderboard.evidence import Judgements
from cleanbench.truth_diff.__main__ import Options, spelled, truth_diff
from cleanbench.truth_diff.compare import difference, kappa, kendall, moved, places
from cleanbench.truth_diff.sources import rankings, truths
from cleanbench.truth_diff.words import told

OFF = Issue.OFF_TOPIC
labellings = st.dictionaries(st.sampled_from("abcdefgh"), st.booleans(), max_size=8)


def judgements(labels: dict[str, bool]) -> Judgements:
    return Judgements(
        [(name,) for name in labels], np.arange(len(labels)), np.array(list(labels.values()), dtype=bool), ""
    )


@given(labellings, labellings)
def test_every_item_is_counted_once(before: dict[str, bool], after: dict[str, bool]) -> None:
    found = difference(OFF, judgements(before), judgements(after))
    changed = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    assert {name for (name,), _, _ in found.changes} == changed | (before.keys() ^ after.keys())
    for (name,), old, new in found.changes:
        assert (old, new) == (before.get(name), after.get(name))
    assert found.common == len(before.keys() & after.keys())
    assert (found.before, found.after) == ((len(before), sum(before.values())), (len(after), sum(after.values())))


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_kappa_is_that_of_scikit_learn(rows: list[tuple[bool, bool]]) -> None:
    from sklearn.metrics import cohen_kappa_score

    first, second = (np.array(column) for column in zip(*rows, strict=True))
    found = kappa(first, second)
    if found is None:
        assert len(set(first) | set(second)) == 1
    else:
        assert found == pytest.approx(cohen_kappa_score(first, second))


def test_places_and_tau() -> None:
    assert places([0.5, None, 0.7, 0.5], "AP") == [2, None, 1, 2]
    assert places([0.5, None, 0.7, 0.5], "FoE") == [1, None, 3, 1]
    assert kendall([1, 2, 3, None], [3, 2, 1, 0]) == pytest.approx(-1)
    assert kendall([1, 1], [1, 2]) is None
    assert kendall([1], [1]) is None


def test_two_tables_and_the_rankings_of_a_board(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = only(root).folder
    (before,) = truths(board, OFF)[0].values()
    labels = dict(zip((item[0] for item in before.items), before.labels.tolist(), strict=True))
    names = list(labels)
    changed = {**labels, names[0]: not labels[names[0]]}
    del changed[names[1]]
    path = tmp_path / "revised.csv"
    table(path, "id,label", [f"{name},{int(label)}" for name, label in changed.items()])
    changes = tmp_path / "out/changes.csv"
    assert truth_diff(Options(board, path, issue=OFF, changes=changes)) == 1
    printed = capsys.readouterr().out
    assert f"Both judge {len(labels) - 1} images: {len(labels) - 2} alike" in printed
    assert "Kendall's tau-b" in printed
    assert "phash" in printed
    with pytest.raises(UserError, match=r"/proc/x\.csv cannot be written"):
        truth_diff(Options(board, path, issue=OFF, changes=Path("/proc/x.csv")))
    with changes.open(newline="") as stream:
        rows = {row["ids"]: (row["a"], row["b"]) for row in csv.DictReader(stream)}
    old = {name: str(int(labels[name])) for name in names[:2]}
    assert rows == {names[0]: (old[names[0]], str(1 - int(old[names[0]]))), names[1]: (old[names[1]], "")}


def test_the_same_truth_differs_in_nothing(root: Path, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = only(root).folder
    beside = next((runs / "demo/truth").iterdir())
    assert truth_diff(Options(board, beside, rankings=runs / "demo")) == 0
    printed = capsys.readouterr().out
    assert "0 of 4 rankings change place" in printed
    record = json.loads(board.joinpath("records.jsonl").read_text().splitlines()[0])
    assert f"{record['metrics']['AP']['value']:.3f}" in printed


def test_a_sample_is_told_to_be_estimated_and_what_it_cannot_score_why(runs: Path, tmp_path: Path) -> None:
    ranked = rankings(runs / "demo")
    beside = runs / "demo/truth"
    (before,) = truths(beside, OFF)[0].values()  # the folder holds one revision
    names = [item[0] for item in before.items]
    rows = [f"{name},{int(label)},0.5" for name, label in zip(names, before.labels.tolist(), strict=True)]
    sample, beyond = tmp_path / "sample.csv", tmp_path / "beyond.csv"
    table(sample, "id,label,inclusion", rows)
    table(beyond, "id,label,inclusion", [*rows, "elsewhere,1,0.5"])
    printed = []
    for path in (sample, beyond):
        (after,) = truths(path, OFF)[0].values()
        found = difference(OFF, before, after)
        moves = moved(ranked, OFF, before, after, "AP")
        printed.append(told(found, moves, "AP"))
    assert f"B is a random sample: AP by B is estimated from {len(names)} judged images for all" in printed[0]
    assert {move.after.value for move in moves} == {None}
    assert f"no AP by B, 1 of {len(names) + 1} sampled items are not in the ranking." in printed[1]
    assert "0 of 0 rankings that both truths score change place" in printed[1]
    (beside.parent / "truth/other").mkdir()
    try:
        (beside / "other/off_topic.parquet").write_bytes(b"")
        with pytest.raises(UserError, match="several revisions"):
            truths(beside, OFF)
    finally:
        (beside / "other/off_topic.parquet").unlink()
        (beside / "other").rmdir()


def test_words_without_a_name_are_the_two_truths() -> None:
    assert spelled(["x.csv", "issue=off_topic", "y=z.csv"]) == ["a=x.csv", "issue=off_topic", "b=y=z.csv"]
    assert spelled(["a=x", "b=y", "more"]) == ["a=x", "b=y", "a=more"]  # refused then, as given twice
    assert spelled(["b=y", "--help"]) == ["b=y", "--help"]


def test_mistakes_are_told(tmp_path: Path, root: Path) -> None:
    good, other = tmp_path / "off_topic_samples.csv", tmp_path / "label_errors.csv"
    for path in (good, other):
        table(path, "id,label", ["a,1", "b,0"])
    for options, message in (
        (Options(tmp_path / "none.csv", good), "there is no .*none.csv"),
        (Options(good, other), "nothing can be compared"),
        (Options(good, good, metric="AQ"), "metric=AQ is no metric"),
        (Options(good, good, rankings=tmp_path), "holds no rankings"),
        (Options(tmp_path / "odd.csv", good), "does not tell what it judges"),
        (Options(root, good), "holds none of"),
    ):
        (tmp_path / "odd.csv").write_text("id,label\na,1\n")
        with pytest.raises(UserError, match=message):
            truth_diff(options)
