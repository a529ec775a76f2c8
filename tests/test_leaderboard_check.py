"""The check of a board finds every changed digit; the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from finished_runs import IDS, REVISION, TRUTHS, differences, edit_run, make_run, only, rescore

from cleanbench.core import GroundTruth, Issue, digest_of
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge
from cleanbench.rankings import write_truth


def change_digit(path: Path, after: str) -> None:
    """Change the first digit after a text."""
    text = path.read_text()
    at = text.index(after) + len(after)
    while not text[at].isdigit():
        at += 1
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])


@pytest.mark.parametrize("field", ['"R@5%": {"value": 0.', '"items": ', '"cpu_seconds": ', '"created": "'])
def test_a_changed_digit_in_a_record_is_found(root: Path, field: str) -> None:
    change_digit(only(root).records_file, field)
    found = differences(root)
    assert "records.jsonl" in found
    assert "the record was changed after its ranking was filed: " in found
    if field.startswith('"R@5%"'):
        assert "R@5% is 0." in found


def test_a_changed_digit_in_a_page_or_the_index_is_found(root: Path) -> None:
    change_digit(only(root).table(Issue.OFF_TOPIC), "| 1 | ")
    change_digit(root / "README.md", "Near duplicate](")
    (first, second) = check(root).differences
    assert "off_topic.md: not what its records give" in first
    assert "README.md: not what its records give" in second
    assert "\n    -| 1 | " in first


def test_a_changed_ranking_is_found(root: Path) -> None:
    board = only(root)
    (record, *_) = [each for each in board.records() if each.method == "phash"]
    rescore(board.ranking(record), np.arange)
    assert f"off_topic of phash ({board.ranking(record).name}): AP is" in differences(root)
    board.ranking(record).write_bytes(b"nothing")
    assert f"{board.ranking(record)} is no readable Parquet file" in differences(root)


def test_missing_orphaned_and_unknown_files_are_found(root: Path) -> None:
    board = only(root)
    gone = board.ranking(board.records()[0])
    orphan = gone.with_name("orphan.parquet")
    gone.rename(orphan)
    (root / "notes.txt").write_text("")
    (board.folder / "truth" / "notes.txt").write_text("")
    board.table(Issue.NEAR_DUPLICATE).unlink()
    found = differences(root)
    for expected in (
        f"{gone}: missing",
        f"{orphan}: no record has this ranking",
        f"{root / 'notes.txt'}: no file of a board",
        f"{board.folder / 'truth' / 'notes.txt'}: no record has this file",
        f"{board.table(Issue.NEAR_DUPLICATE)}: missing",
    ):
        assert expected in found


def test_a_foreign_truth_is_found(root: Path) -> None:
    truth = TRUTHS[Issue.OFF_TOPIC]
    flipped = GroundTruth.of(Issue.OFF_TOPIC, IDS, truth.items, ~truth.labels, kind="synthetic")
    write_truth(only(root).truth(Issue.OFF_TOPIC), flipped, IDS)
    found = differences(root)
    assert f"off_topic.parquet: its revision is {flipped.revision[:12]}, that of the records" in found
    assert "faulty is" in found


def test_a_truth_without_judgements_is_a_difference(root: Path) -> None:
    empty = GroundTruth.of(Issue.OFF_TOPIC, IDS, [], [], kind="synthetic")
    write_truth(only(root).truth(Issue.OFF_TOPIC), empty, IDS)
    assert f"off_topic.parquet: its revision is {empty.revision[:12]}, that of the records" in differences(root)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b'{"items": ' + b"9" * 5000 + b"}", "line 1: not valid JSON"),
        (b"[" * 100_000, "line 1: not valid JSON"),
        (b'"\xff"', "no UTF-8 text"),
    ],
)
def test_a_line_that_no_reader_takes_is_one_difference(root: Path, damage: bytes, message: str) -> None:
    path = only(root).records_file
    path.write_bytes(damage + b"\n")
    (first, *_) = check(root).differences
    assert first.startswith(str(path))
    assert message in first
    assert "nothing else of this board could be checked" in first


def test_the_revision_of_the_set_is_recomputed_where_all_truths_are_there(tmp_path: Path) -> None:
    whole = digest_of([TRUTHS[issue].revision for issue in Issue])
    make_run(tmp_path / "runs", issues=tuple(Issue), revision=whole)
    make_run(tmp_path / "others", issues=tuple(Issue), revision="a" * 64)
    merge(tmp_path / "runs", tmp_path / "boards")
    assert not check(tmp_path / "boards").differences
    merge(tmp_path / "others", tmp_path / "wrong")
    assert "not that of its three truths" in differences(tmp_path / "wrong")


def test_records_in_another_order_or_twice_or_damaged_are_found(root: Path) -> None:
    path = only(root).records_file
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(reversed(lines)))
    assert "not as a merge writes it" in differences(root)
    path.write_text("".join([lines[0], *lines]))
    assert "1 record that others replace" in differences(root)
    path.write_text("".join([*lines[:-1], lines[-1][:-20]]))
    assert f"line {len(lines)}: not valid JSON" in differences(root)
    path.write_text("")
    assert "no records" in differences(root)


def test_a_record_in_the_wrong_folder_is_found(root: Path) -> None:
    path = only(root).records_file
    content = [json.loads(line) for line in path.read_text().splitlines()]
    content[1]["dataset"] = "other"
    content[2]["fingerprint"] = "0" * 64
    path.write_text("".join(json.dumps(line) + "\n" for line in content))
    found = differences(root)
    assert f"line 2: the record belongs to other/{REVISION[:8]}" in found
    assert "line 3: its data have the fingerprint 000000000000" in found


# The command line


COMMAND = (sys.executable, "-m", "cleanbench.leaderboard")


def command(*words: str) -> tuple[int, str, str]:
    ran = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def test_the_command_line_tells_success_defects_and_mistakes_apart(runs: Path, tmp_path: Path) -> None:
    board = tmp_path / "boards"
    assert command(f"output={runs}", f"board={board}")[0] == 0
    code, said, _ = command(f"board={board}", "--check")
    assert (code, said.count("\n")) == (0, 1)
    edit_run(make_run(runs, "broken"), coverage=0.5)
    code, said, _ = command(f"output={runs}", f"board={board}")
    assert (code, said.count("refused: ")) == (1, 2)
    (board / "README.md").unlink()
    code, said, _ = command(f"board={board}", "--check")
    assert (code, "README.md: missing" in said) == (1, True)
    code, said, complaint = command("outptu=runs")
    assert (code, said) == (2, "")
    assert "Did you mean 'output='?" in complaint
    code, _, complaint = command(f"output={tmp_path / 'none'}", f"board={board}")
    assert (code, complaint.count("\n")) == (2, 1)
    (tmp_path / "empty").mkdir()
    code, _, complaint = command(f"output={tmp_path / 'empty'}", f"board={tmp_path / 'new'}")
    assert (code, complaint.count("\n")) == (2, 1)
    assert f"{tmp_path / 'empty'} holds no runs" in complaint
    assert not (tmp_path / "new").exists()
    code, said, _ = command("--help")
    assert code == 0
    assert "board=leaderboards" in said
