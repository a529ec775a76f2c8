"""``python -m cleanbench.score.incoming``: submissions beside the boards, checked against what boards hold."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_runs import IDS, TRUTHS, make_run, only
from submissions import drawn, submit, told

from cleanbench import Issue
from cleanbench.leaderboard.check import check as check_boards
from cleanbench.leaderboard.merge import merge
from cleanbench.score import incoming as module

OFF, PAIRS = Issue.OFF_TOPIC, Issue.NEAR_DUPLICATE


def test_a_sound_submission_comes_on_its_board(root: Path) -> None:
    place = submit(root)
    code, said = told(root)
    assert code == 0
    assert f"{place}: valid" in said
    assert place.exists()
    assert len(only(root).records()) == 8
    code, said = told(root, merge=True)
    assert code == 0
    assert f"{root}: 1 new record, 0 records replaced" in said
    assert not place.exists()
    (record,) = [each for each in only(root).records() if each.method == "mine"]
    assert record.provenance is not None
    assert record.who == "A"
    assert "`mine` ¶" in only(root).table(OFF).read_text()
    assert check_boards(root).differences == ()
    assert told(root) == (0, f"{root / 'incoming'}: no submissions\n")


def test_a_bad_submission_stays_where_it_is_and_good_ones_pass(root: Path) -> None:
    bad = submit(root, drawn(), "bad", fingerprint="0" * 12)
    (bad / "run.py").write_text("print('no')")
    submit(root, drawn(6), "good")
    code, said = told(root, merge=True)
    assert code == 1
    assert "is of data with fingerprint 000000000000" in said
    assert "run.py does not belong to a submission" in said
    assert [path.name for path in (root / "incoming").iterdir()] == ["bad"]
    assert {"good"} == {each.method for each in only(root).records()} & {"good", "bad"}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"truth_revision": "0" * 8}, "no boards of 'demo' with truth revision 00000000"),
        ({"dataset": "demon"}, "has no boards of 'demon'. Did you mean 'demo'? Available: demo"),
        ({"who": ""}, "does not state who; a submission to a board must"),
        ({"who": "  "}, "does not state who; a submission to a board must"),
        ({"licence": " ?"}, "does not state licence; a submission to a board must"),
        ({"issue": "label_error"}, "'demo' has no label_error truth to score against"),
        ({"truth_revision": 12345678}, "truth_revision: 12345678 cannot be used"),
        ({"truth_revision": 12345678}, "put it in quotes"),
        ({"encoder": "../.."}, "encoder='../..' cannot stand in tables and file names"),
        ({"encoder": "a/b"}, "encoder='a/b' cannot stand in tables and file names"),
        ({"encoder": "x" * 300}, f"encoder='{'x' * 78}… cannot stand in tables and file names"),
        ({"encoder": "a\0b"}, r"encoder='a\x00b' cannot stand"),
    ],
)
def test_what_a_manifest_must_state(root: Path, manifest: dict[str, object], message: str) -> None:
    place = submit(root, **manifest)
    code, said = told(root, merge=True)
    assert code == 1
    assert f"{place}: refused" in said
    assert message in said
    assert len(only(root).records()) == 8


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *((each, "that cleanbench runs itself") for each in ("knn", "Knn", "SELFCLEAN", "selfclean-", "chance_")),
        *((each, "that cleanbench runs itself") for each in ("self clean", "Self-Clean", "k-NN", "c hance")),
        *((each, "cannot stand in tables") for each in ("ph_ash.", " mine")),
        *((each, "holds ' on '") for each in ("knn on hog", "x on y")),
        *((each, "what tables call a random order") for each in ("by chance", "By-chance expected")),
        ("selfcleaner", ""),
    ],
)
def test_names_of_methods_are_taken_however_they_are_written(root: Path, name: str, message: str) -> None:
    submit(root, name=name)
    code, said = told(root)
    assert said.count("defect") == bool(message)
    assert code == bool(message)
    assert message in said


@pytest.mark.parametrize("encoder", ["y on z", "none", "None."])
def test_encoders_that_are_none_or_look_like_a_row(root: Path, encoder: str) -> None:
    submit(root, encoder=encoder)
    code, said = told(root)
    assert code == 1
    assert "is no name of one" in said or "cannot stand in tables" in said


def test_what_cannot_be_looked_at_leaves_the_others(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("../" + root.name + "/demo", "x" * 5000)):
        submit(root, drawn(), f"bad{number}", dataset=name)
    dated = submit(root, drawn(), "dated") / "manifest.yaml"
    dated.write_text(dated.read_text() + "\nseed: 2020-13-45\n")
    submit(root, drawn(), "odd")
    good = submit(root, drawn(), "good")
    check = module.check

    def fails(folder: Path, *others: object) -> object:
        if folder.name == "odd":
            raise AttributeError("\n::error::forged")
        return check(folder, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "check", fails)
    code, said = told(root)
    assert code == 1
    assert said.count("refused") == 4
    assert said.count("has no boards of") == 2
    assert r"could not be checked (AttributeError: \n::error::forged)" in said
    assert f"{good}: valid" in said


def test_more_ids_than_images_are_refused(root: Path) -> None:
    more = pd.concat([drawn(), pd.DataFrame({"id": ["other"], "score": [0.5]})])
    submit(root, more)
    assert "defect: 1 id unknown to 'demo' ('other')" in told(root)[1]


def test_unknown_ids_of_pairs(tmp_path: Path) -> None:
    make_run(tmp_path / "runs", "phash", issues=(PAIRS,), revision=TRUTHS[PAIRS].revision)
    root = tmp_path / "boards"
    merge(tmp_path / "runs", root)
    judged = pd.DataFrame({"id_a": IDS[:9], "id_b": IDS[1:10], "score": np.arange(9.0)[::-1]})

    def said(others: int) -> str:
        more = pd.DataFrame({"id_a": IDS[0], "id_b": [f"new{n}" for n in range(others)], "score": 0.5})
        submit(root, pd.concat([judged, more]), f"with{others}", issue="near_duplicate")
        return told(root)[1]

    text = said(3)
    assert "warning: 3 ids of no judged image ('new0', 'new1', 'new2'); whether 'demo' has them cannot be told" in text
    assert ": valid" in text
    text = said(51)
    assert "51 ids of the ranking ('new0', 'new1', 'new2' and 48 more) and the 10 of the truth are more than" in text
    assert "at least 1 of them it does not have" in text


@pytest.mark.parametrize(
    ("name", "who", "seed", "message", "code"),
    [
        ("mine", "B", 0, "'mine' stands on the board demo/", 1),
        ("MINE", "B", 0, "'mine' stands on the board demo/", 1),
        ("mine+", "A", 0, "by the same person; write the name as there, not 'mine+'", 1),
        ("mine", "a ", 0, "replaces the record of 'mine' by a (AP ", 0),
        ("mine", "A", 1, "adds seed 1 to 'mine' by A, which has 0: their row shows the mean", 0),
        ("mine", "A", 0, "stands on the board number for number; nothing changes", 0),
    ],
)
def test_a_name_that_stands_on_a_board(root: Path, name: str, who: str, seed: int, message: str, code: int) -> None:
    submit(root, drawn(), "first", name="mine")
    assert told(root, merge=True)[0] == 0
    same = "number for number" in message
    if "replaces" in message:
        time.sleep(1)  # records of the same second replace nothing
    submit(root, drawn(5 if same else 6), "second", name=name, who=who, seed=seed)
    done, said = told(root, merge=True)
    assert done == code
    assert message in said
    assert ("by 'A'; choose another name" in said) == (who == "B")
    assert len(only(root).records()) == (10 if seed else 9)
    assert (root / "incoming" / "second").exists() == bool(code)


def test_a_name_of_a_method_of_somebody_else_that_was_run_here(root: Path, runs: Path) -> None:
    make_run(runs, "acme")
    merge(runs, root)
    submit(root, name="Acme")
    assert "'acme' stands on the board demo/" in (said := told(root)[1])
    assert "as a method that was run there; choose another name than 'Acme'" in said


def test_submissions_that_cannot_stand_together(root: Path) -> None:
    handed_in = (
        *(("a1", "a", "A", 0), ("a2", "a", "A", 0), ("b1", "b", "A", 0), ("b2", "B", "C", 0)),
        *(("c1", "c", "A", 0), ("c2", "C", "A", 1), ("d1", "d", "A", 0), ("d2", "d", "A", 1)),
    )
    for number, (folder, name, who, seed) in enumerate(handed_in):
        submit(root, drawn(number), folder, name=name, who=who, seed=seed)
    code, said = told(root, merge=True)
    assert code == 1
    place = root / "incoming"
    assert f"{place / 'a2'} is for the row 'a' with seed 0 of off_topic" in said
    assert f"{place / 'a1'} is for the row 'a' with seed 0 of off_topic" in said
    assert f"{place / 'b2'}, by 'C', has the name 'B', too" in said
    assert f"{place / 'b1'}, by 'A', has the name 'b', too" in said
    assert f"{place / 'c2'}, by the same person, writes the name 'C'; write it one way" in said
    assert sorted(path.name for path in place.iterdir()) == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert {record.method for record in only(root).records()} == {"phash", "knn", "chance", "d"}


def test_a_damaged_board_keeps_no_submission_waiting(root: Path) -> None:
    board = only(root)
    damaged = next(each for each in board.records() if each.method == "phash" and each.issue is OFF)
    board.ranking(damaged).write_bytes(b"no Parquet")
    lines = board.records_file.read_text().splitlines(keepends=True)
    good, other = submit(root), submit(root, drawn(7), "other", issue="near_duplicate", name="pairs")
    (other / "ranking.csv").write_text("id_a,id_b,score\nimage000,image001,1\n")
    board.truth(PAIRS).write_bytes(b"no Parquet")
    board.records_file.write_text("".join([*lines, "{}\n"]))
    code, said = told(root)
    assert code == 1
    assert f"{good}: valid" in said
    assert f"{other}: refused" in said
    assert "the near_duplicate truth of demo/" in said
    assert said.count("no submission was compared with phash") == 1
    assert "line 9: " in said
    assert said.count("note: ") == 3
    code, said = told(root, merge=True)  # no merge into a board that cannot be read
    assert code == 1
    assert good.exists()
    assert f"{good} stays where it is: it did not come on its board" in said
