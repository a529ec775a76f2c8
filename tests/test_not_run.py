"""What did not run is kept and shown with its reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finished_runs import differences, only

from cleanbench import not_run
from cleanbench.core import Issue
from cleanbench.leaderboard.merge import merge


@pytest.fixture
def merged(rank_with: Callable[..., Any], pictures: Path, tmp_path: Path) -> Path:
    """Return boards of one method that ran, one that lacks a package and one that failed."""
    for method in ("method=luminance", "method=needs_package", "method=odd method.do=raise"):
        rank_with("dataset=folder", f'dataset.root="{pictures}"', *method.split())
    merge(tmp_path / "runs", tmp_path / "boards")
    return tmp_path / "boards"


def test_a_board_says_what_did_not_run_and_why(merged: Path) -> None:
    board = only(merged)
    told = {each.method: each for each in not_run.read(board.not_run_file)}
    assert told["needs_package"].reason.startswith("not run: ")
    assert told["odd (do=raise)"].reason == not_run.FAILED
    issue = told["needs_package"].issue
    for path in (board.table(issue), board.site(issue), board.exported(issue, ".json")):
        assert "needs_package" in path.read_text() or issue not in {each.issue for each in board.records()}
    assert differences(merged) == ""


def test_what_runs_later_is_no_longer_missing(
    merged: Path, rank_with: Callable[..., Any], pictures: Path, tmp_path: Path
) -> None:
    rank_with("dataset=folder", f'dataset.root="{pictures}"', "method=odd", "method.do=raise")
    (path,) = (tmp_path / "runs" / "pictures" / not_run.FOLDER).glob("odd-*")
    (missing,) = not_run.read(path)
    record = only(merged).records()[0]
    ran = record.model_copy(update={"method": "odd", "changed": {"do": "raise"}, "encoder": missing.encoder})
    assert not_run.settled([missing], [ran.model_copy(update={"issue": missing.issue})]) == []
    assert not_run.settled([missing, missing], [record]) == [missing]
    assert not_run.belongs(missing, [record])
    assert not not_run.belongs(missing, [record.model_copy(update={"fingerprint": "0" * 64})])


def test_a_damaged_line_is_named(merged: Path) -> None:
    board = only(merged)
    lines = board.not_run_file.read_text().splitlines()
    board.not_run_file.write_text("\n".join([*lines, "{}"]) + "\n")
    assert f"{board.not_run_file}, line {len(lines) + 1}: " in differences(merged)
    board.not_run_file.write_text("\n".join([*lines, lines[0]]) + "\n")
    assert f"{board.not_run_file}: not what its records give" in differences(merged)
    assert Issue.OFF_TOPIC in {record.issue for record in board.records()}
