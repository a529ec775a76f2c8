"""Merging finished runs into boards: safe, idempotent and order-independent."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from finished_runs import ISSUES, REVISION, contents, edit_run, make_run, only
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanbench.core import digest_of
from cleanbench.leaderboard.board import boards
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge


def test_a_merged_board_holds_everything_and_passes_its_check(root: Path) -> None:
    files = contents(root)
    place = f"demo/{REVISION[:8]}"
    assert {f"{place}/{name}" for name in ("records.jsonl", "off_topic.md", "near_duplicate.md")} <= set(files)
    assert {f"{place}/truth/{issue}.parquet" for issue in ISSUES} <= set(files)
    names = [name.rpartition("/")[2] for name in files if name.startswith(f"{place}/rankings/off_topic/")]
    assert any(name.startswith("knn-n_neighbors=5-none-1-") for name in names)
    assert len(names) == 4
    assert "[Near duplicate](demo/" in (root / "README.md").read_text()
    checked = check(root)
    assert (checked.boards, checked.records, checked.differences) == (1, 8, ())


def test_merging_again_changes_no_byte(root: Path, runs: Path) -> None:
    before = contents(root)
    merged = merge(runs, root)
    assert (merged.added, merged.removed, merged.known) == (0, 0, 8)
    assert contents(root) == before


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(6)), st.integers(1, 5))
def test_the_order_of_merging_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("order")
    made = [
        make_run(folder / "all", "knn", key=digest_of([str(number)]), seed=number % 2, minute=minute)
        for number, minute in enumerate((3, 1, 1, 2, 2, 2))
    ]
    merge(folder / "all", folder / "at once")
    for part in (order[:cut], order[cut:]):
        shutil.copytree(folder / "all" / "demo" / "truth", folder / "part" / "demo" / "truth")
        for number in part:
            shutil.copytree(made[number], folder / "part" / "demo" / made[number].name)
        merge(folder / "part", folder / "in parts")
        shutil.rmtree(folder / "part")
    # What stood in between and was replaced is kept, and depends on the order.
    for file in (folder / "in parts").rglob("superseded.jsonl*"):
        file.unlink()
    assert contents(folder / "in parts") == contents(folder / "at once")
    assert len(only(folder / "at once").records()) == 4


def test_a_newer_run_with_another_key_replaces_the_older_and_its_ranking(root: Path, tmp_path: Path) -> None:
    make_run(tmp_path / "later", "phash", key="f" * 64, minute=5)
    merged = merge(tmp_path / "later", root)
    assert (merged.added, merged.removed) == (2, 2)
    kept = [record for record in only(root).records() if record.method == "phash"]
    assert {record.key for record in kept} == {"f" * 64}
    assert not any("phash-none-0-" in name and "ffff" not in name for name in contents(root))
    assert not check(root).differences
    earlier = make_run(tmp_path / "earlier", "phash", key="e" * 64)
    edit_run(earlier, created="2024-01-01T00:00:00+00:00")
    assert merge(tmp_path / "earlier", root).known == 2
    assert {record.key for record in only(root).records() if record.method == "phash"} == {"f" * 64}


def test_another_version_that_ranks_alike_replaces_nothing(root: Path, tmp_path: Path) -> None:
    before = contents(root)
    rising = {"scores": lambda count: np.arange(count) / count}
    make_run(tmp_path / "first", "phash", key="1" * 64, minute=8, **rising)
    assert merge(tmp_path / "first", root).added == 2
    standing = contents(root)
    assert standing != before
    make_run(tmp_path / "again", "phash", key="2" * 64, minute=9, **rising)
    merged = merge(tmp_path / "again", root)
    assert (merged.added, merged.removed, merged.known) == (0, 0, 2)
    assert contents(root) == standing


def test_a_repeated_run_replaces_nothing_unless_its_numbers_changed(root: Path, runs: Path) -> None:
    before = contents(root)
    make_run(runs, "phash", minute=7)
    assert merge(runs, root).added == 0
    assert contents(root) == before
    make_run(runs, "phash", minute=7, scores=np.arange)
    assert merge(runs, root).removed == 2
    assert not check(root).differences


def test_records_without_truth_are_on_no_board(tmp_path: Path) -> None:
    edit_run(make_run(tmp_path / "runs"), truth=None)
    assert merge(tmp_path / "runs", tmp_path / "boards").unscored == 2
    assert boards(tmp_path / "boards") == []


# Interruption and concurrency


def test_an_interrupted_merge_leaves_a_board_that_the_next_one_completes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "later"
    make_run(output, "phash", key="f" * 64, minute=5)
    make_run(output, "new")
    shutil.copytree(root, tmp_path / "whole")
    merge(output, tmp_path / "whole")
    whole, real = contents(tmp_path / "whole"), Path.replace
    for survived in range(12):
        interrupted = tmp_path / f"interrupted{survived}"
        shutil.copytree(root, interrupted)
        left = iter(range(survived))

        def stop(path: Path, target: Path, left: object = left) -> Path:
            if next(left, None) is None:  # type: ignore[call-overload]
                raise KeyboardInterrupt
            return real(path, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", stop)
            with pytest.raises(KeyboardInterrupt):
                merge(output, interrupted)
        board = only(interrupted)
        assert len(board.records()) in (8, 10)
        for difference in check(interrupted).differences:
            expected = (
                "a merge was cut short; merge again",
                "a record that stands",
                "superseded.jsonl",
                "no record has this ranking",
                "no record has this file",  # what was being written
                "not what its records give",
                ".html: missing",
                ": not compared",
            )
            assert any(words in difference for words in expected), difference
        merge(output, interrupted)
        assert contents(interrupted) == whole


MERGE_ONE_BY_ONE = """
import sys, time
from pathlib import Path
from cleanbench.leaderboard.merge import merge
print("ready", flush=True)
sys.stdin.read()
for output in sys.argv[2:]:
    assert not merge(Path(output), Path(sys.argv[1])).refused
"""


def test_processes_that_merge_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    places = [[tmp_path / f"runs{number}-{seed}" for seed in range(5)] for number in range(4)]
    for number, outputs in enumerate(places):
        for seed, output in enumerate(outputs):
            make_run(output, f"method{number}", seed=seed)
    script = [sys.executable, "-c", MERGE_ONE_BY_ONE, str(tmp_path / "boards")]
    merges = [
        subprocess.Popen([*script, *map(str, outputs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for outputs in places
    ]
    for process in merges:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in merges:  # all at once, now that none is still starting
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(timeout=60) for process in merges] == [0, 0, 0, 0]
    for process in merges:
        assert process.stdout is not None
        process.stdout.close()
    assert len(only(tmp_path / "boards").records()) == 40
    assert not check(tmp_path / "boards").differences
