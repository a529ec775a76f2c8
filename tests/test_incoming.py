"""``python -m cleanbench.score.incoming``: submissions beside the boards, checked against what boards hold."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_runs import IDS, TRUTHS, only

from cleanbench import Issue
from cleanbench.leaderboard.check import check as check_boards
from cleanbench.score.incoming import Options, check, incoming

OFF = Issue.OFF_TOPIC


def submit(root: Path, table: pd.DataFrame, folder: str = "mine", **manifest: object) -> Path:
    """Lay a submission beside the boards."""
    record = only(root).records()[0]
    assert record.truth is not None
    stated = {
        **{"name": folder, "issue": "off_topic", "dataset": "demo", "who": "A", "licence": "CC0-1.0"},
        **{"fingerprint": record.fingerprint[:12], "truth_revision": record.truth.set_revision[:8]},
        **manifest,
    }
    place = root / "incoming" / folder
    place.mkdir(parents=True)
    table.to_csv(place / "ranking.csv", index=False)
    (place / "manifest.yaml").write_text("".join(f"{key}: '{value}'\n" for key, value in stated.items() if value))
    return place


def drawn(seed: int = 5) -> pd.DataFrame:
    return pd.DataFrame({"id": IDS, "score": np.random.default_rng(seed).random(len(IDS))})


def test_a_sound_submission_comes_on_its_board(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = submit(root, drawn())
    assert incoming(Options(board=root)) == 0
    assert f"{place}: valid" in capsys.readouterr().out
    assert place.exists()
    assert len(only(root).records()) == 8
    assert incoming(Options(board=root, merge=True)) == 0
    assert not place.exists()
    (record,) = [each for each in only(root).records() if each.method == "mine"]
    assert record.provenance is not None
    assert record.who == "A"
    assert "`mine` ¶" in only(root).table(OFF).read_text()
    assert check_boards(root).differences == ()
    assert incoming(Options(board=root)) == 0
    assert "no submissions" in capsys.readouterr().out


def test_a_bad_submission_stays_where_it_is_and_good_ones_pass(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = submit(root, drawn(), "bad", fingerprint="0" * 12)
    (bad / "run.py").write_text("print('no')")
    submit(root, drawn(6), "good")
    assert incoming(Options(board=root, merge=True)) == 1
    told = capsys.readouterr().out
    assert "is of data with fingerprint 000000000000" in told
    assert "run.py does not belong to a submission" in told
    assert [path.name for path in (root / "incoming").iterdir()] == ["bad"]
    assert {"good"} == {each.method for each in only(root).records()} & {"good", "bad"}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"truth_revision": "0" * 8}, "no boards of 'demo' with truth revision 00000000"),
        ({"dataset": "nowhere"}, "no boards of 'nowhere'"),
        ({"who": ""}, "does not state who; a submission to a board must"),
        ({"name": "knn"}, "name='knn' is a method that cleanbench runs itself"),
        ({"issue": "label_error"}, "'demo' has no label_error truth to score against"),
    ],
)
def test_what_a_manifest_must_state(root: Path, manifest: dict[str, object], message: str) -> None:
    found = check(submit(root, drawn(), **manifest), root)
    assert any(message in defect for defect in found.findings.defects)
    assert found.submission is None


def test_what_cannot_be_looked_at_leaves_the_others(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate(("../" + root.name + "/demo", "x" * 5000)):
        submit(root, drawn(), f"bad{number}", dataset=name)
    dated = submit(root, drawn(), "dated") / "manifest.yaml"
    dated.write_text(dated.read_text() + "\nseed: 2020-13-45\n")
    good = submit(root, drawn(), "good")
    assert incoming(Options(board=root)) == 1
    told = capsys.readouterr().out
    assert told.count("refused") == 3
    assert told.count("has no boards of") == 2
    assert f"{good}: valid" in told


def test_more_ids_than_images_are_refused(root: Path) -> None:
    more = pd.concat([drawn(), pd.DataFrame({"id": ["other"], "score": [0.5]})])
    assert "61 ids, the data set only 60 images" in "".join(check(submit(root, more), root).findings.defects)


def test_a_ranking_without_sign_of_copying_is_not_flagged(root: Path) -> None:
    assert check(submit(root, drawn()), root).flags == []


def test_a_copied_truth_is_flagged(root: Path) -> None:
    truth = TRUTHS[OFF]
    table = pd.DataFrame({"id": [IDS[item] for item in truth.items], "score": truth.labels.astype(float)})
    flags = check(submit(root, table), root).flags
    assert any("two values, one for the faulty items" in flag for flag in flags)
    assert any("exactly the judged images" in flag for flag in flags)
    assert any("its AP is 1.000" in flag for flag in flags)
    table["score"] += np.random.default_rng(0).random(len(table)) / 2
    flags = check(submit(root, table, "noisy"), root).flags
    assert any("almost without exception (AUROC 1.0000)" in flag for flag in flags)


def test_a_duplicate_of_another_ranking_is_flagged(root: Path) -> None:
    (other,) = [each for each in only(root).records() if each.method == "phash" and each.issue is OFF]
    table = pd.read_parquet(only(root).ranking(other))
    table["score"] = table["score"] ** 3 + 7  # the same order in other numbers
    assert any("orders the judged items as phash does" in flag for flag in check(submit(root, table), root).flags)
