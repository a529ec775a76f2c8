"""Records: what they accept, and how a damaged file is told."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from cleanbench.commands.rank import _seeds
from cleanbench.core import UserError, digest_of
from cleanbench.leaderboard.board import fingerprint_of
from cleanbench.records import Measured, Record, label, read_records, read_run, write_records

RECORD: dict[str, Any] = {
    "method": "knn",
    "issue": "off_topic",
    "dataset": "holiday",
    "encoder": None,
    "items": 2,
    "faulty": 1,
    "metrics": {"AP": {"value": 0.5}},
    "settings": {},
    "changed": {},
    "fingerprint": "f",
    "images": 2,
    "unreadable": 0,
    "coverage": 1.0,
    "truth": None,
    "encoder_detail": None,
    "supervised": False,
    "seeds": {"dataset": None, "encoder": None, "method": 0},
    "cost": {"cpu_seconds": 0, "wall_seconds": 0, "fit_cpu_seconds": 0, "peak_mib": 0, "base_mib": 0},
    "key": "k",
    "versions": {},
    "created": "2030-01-01T00:00:00+00:00",
}


def record(**changed: Any) -> Record:
    return Record.model_validate(RECORD | changed)


def test_records_are_found_again_line_by_line(tmp_path: Path) -> None:
    # Some characters end a line for Python, but not in a file of JSON lines.
    wild = [record(dataset=f"a{character}b") for character in ("\u2028", "\x85", "\x1c", "\n", "ü", '"')]
    write_records(tmp_path / "records.jsonl", wild)
    assert read_records(tmp_path / "records.jsonl") == wild
    assert [path.name for path in tmp_path.iterdir()] == ["records.jsonl"]
    write_records(tmp_path / "records.jsonl", [])
    assert read_records(tmp_path / "records.jsonl") == []
    assert read_records(tmp_path / "not there") == []


def test_records_that_do_not_fit_leave_those_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_records(tmp_path / "records.jsonl", [record()])

    def full(path: Path, content: str, **_: Any) -> int:
        path.write_bytes(content.encode()[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_records(tmp_path / "records.jsonl", [])
    assert [path.name for path in tmp_path.iterdir()] == ["records.jsonl"]
    assert read_records(tmp_path / "records.jsonl") == [record()]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"items": "many"}, "items: "),
        ({"issue": "ugly"}, "issue: "),
        ({"schema_version": 2}, "schema_version: "),
        ({"metrics": {"AP": {"value": 0.5, "mean": 1}}}, "metrics.AP.mean"),
        ({"faulty": 3}, "it: Value error, 3 of 2 items cannot be faulty"),
        ({"unreadable": -1}, "unreadable: Input should be greater than or equal to 0"),
        ({"coverage": -0.1}, "coverage: Input should be greater than or equal to 0"),
        ({"ranking": "0" * 63}, "ranking: String should match pattern"),
    ],
)
def test_a_wrong_record_is_told_by_file_line_and_field(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (RECORD, RECORD | changed)))
    with pytest.raises(UserError, match=f"records.jsonl, line 2: {message}"):
        read_records(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("\xff", "no UTF-8 text"),
        ("[]", "expected a JSON object, found list"),
        ("{}", "no schema 1"),
        ('{"schema": 2}', "no schema 1"),
        ('{"schema": 1, "records": []}', "not_ranked: Field required"),
    ],
)
def test_a_damaged_run_file_is_told(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=f"record.json.*{message}"):
        read_run(tmp_path / "record.json")


def test_records_of_before_the_cost_of_encoders_are_read(tmp_path: Path) -> None:
    detail = {"settings": {}, "digest": "d", "key": "k"}
    old = record(encoder="hog", encoder_detail=detail)
    assert old.encoder_detail is not None
    assert old.encoder_detail.cost is None
    content = {"schema": 1, "records": [RECORD | {"encoder_detail": detail}], "not_ranked": {}, "complete": True}
    (tmp_path / "record.json").write_text(json.dumps(content))
    assert read_run(tmp_path / "record.json").records == (record(encoder_detail=detail),)
    write_records(tmp_path / "old.jsonl", [old])
    assert "cost" not in json.loads((tmp_path / "old.jsonl").read_text())["encoder_detail"], "it is written as it was"
    # What is filed under the digest of an old record is found, and a new cost is another record.
    assert fingerprint_of(old) == digest_of([json.dumps(old.model_dump(exclude_defaults=True), sort_keys=True)])
    cost = {"cpu_seconds": 61.9, "wall_seconds": 62.0, "peak_mib": 900.5, "device": "cpu", "threads": 1}
    assert fingerprint_of(record(encoder="hog", encoder_detail=detail | {"cost": cost})) != fingerprint_of(old)


def test_a_seed_that_no_record_holds_is_the_users_mistake() -> None:
    assert _seeds(None, 0, 2**63 - 1).method == 2**63 - 1
    for wrong in ((None, None, 2**63), (-1, None, 0), (None, -1, 0)):
        with pytest.raises(UserError, match=r"the seeds of data set, encoder and method: .* should be"):
            _seeds(*wrong)


def test_a_folder_is_no_file_of_records(tmp_path: Path) -> None:
    for read in (read_records, read_run):
        with pytest.raises(UserError, match="is no file"):
            read(tmp_path)


def test_a_blank_line_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_records(path, [record()])
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UserError, match="line 2: not valid JSON"):
        read_records(path)


def test_no_number_is_not_a_number() -> None:
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            Measured(value=wrong)


def test_a_label_shows_what_differs_from_the_defaults() -> None:
    assert label("knn", {}) == "knn"
    assert label("knn", {"k": 3, "a": "b"}) == "knn (a=b, k=3)"
    assert record(changed={"k": 3}).label == "knn (k=3)"


def test_half_a_character_is_told(tmp_path: Path) -> None:
    """No file could hold it, so every page would fail."""
    path = tmp_path / "records.jsonl"
    write_records(path, [record()])
    whole = path.read_text()
    path.write_text(whole.replace('"method": "', '"method": "\\ud800', 1))
    with pytest.raises(UserError, match=r"line 1: .*is half of a character"):
        read_records(path)
    path.write_text(whole.replace('"method": "', '"method": "\\ud83d\\ude00', 1))
    assert read_records(path)[0].method.startswith("\U0001f600")
