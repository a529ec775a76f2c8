"""Many writers on one file of records: nothing is lost, no line is broken, whenever one is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from finished_runs import make_run, only

from cleanbench.leaderboard import journal
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge
from cleanbench.records import Record, read_records

KEPT = Path(__file__).parent / "old_records" / "schema-1-intervals.jsonl"
WRITER = """
import sys
from pathlib import Path
from cleanbench.leaderboard import journal
from cleanbench.records import read_records
path, writer, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
(template, *_) = read_records(Path(sys.argv[4]))
for number in range(count):
    journal.append(path, [template.model_copy(update={"key": f"{writer}-{number}"})])
"""


def start(path: Path, writer: str, count: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), writer, str(count), str(KEPT)])


def test_eight_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "board" / "records.jsonl"
    writers = [start(path, f"w{number}", 200) for number in range(8)]
    assert [writer.wait() for writer in writers] == [0] * 8
    keys = [record.key for record in read_records(path)]
    assert len(keys) == 1600
    assert set(keys) == {f"w{writer}-{number}" for writer in range(8) for number in range(200)}


@pytest.mark.parametrize("moment", [0.02, 0.1, 0.3])
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path, moment: float) -> None:
    path = tmp_path / "records.jsonl"
    for attempt in range(3):
        writer = start(path, f"w{attempt}", 1000)
        while not path.exists():
            time.sleep(0.01)
        time.sleep(moment)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        before = [record.key for record in read_records(path)]
        assert path.read_bytes().endswith(b"\n")
        assert before
    assert journal.append(path, read_records(KEPT)[:1]) == 1
    assert [record.key for record in read_records(path)][:-1] == before
    assert not list(tmp_path.glob(".records.jsonl.new-*"))


def test_the_same_record_is_not_added_twice(tmp_path: Path) -> None:
    records = read_records(KEPT)
    path = tmp_path / "records.jsonl"
    assert journal.append(path, [*records, *records]) == len(records)
    assert journal.append(path, records) == 0
    assert read_records(path) == records


def test_a_replaced_record_is_kept(tmp_path: Path) -> None:
    make_run(tmp_path / "runs", "knn", key="a" * 64, minute=1)
    merge(tmp_path / "runs", tmp_path / "boards")
    first = only(tmp_path / "boards").records()
    make_run(tmp_path / "runs", "knn", key="b" * 64, minute=2)
    merge(tmp_path / "runs", tmp_path / "boards")
    board = only(tmp_path / "boards")
    assert {record.key for record in board.records()} == {"b" * 64}
    assert read_records(board.superseded_file) == first
    assert check(tmp_path / "boards").differences == ()
    spoiled: list[Record] = [*read_records(board.superseded_file), board.records()[0]]
    board.superseded_file.write_text("".join(record.model_dump_json() + "\n" for record in spoiled))
    assert "a record that stands" in "".join(check(tmp_path / "boards").differences)
