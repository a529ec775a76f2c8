"""Submissions may come from anybody: no link is followed, no bomb unpacked, no line of a report forged."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from finished_runs import IDS, only
from submissions import drawn, submit, told

from cleanbench.leaderboard.merge import Merged, merge
from cleanbench.score import incoming as module
from cleanbench.score.findings import shown
from cleanbench.score.folders import remove


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("root:x:0:0\n")
    return path


@pytest.mark.parametrize("name", ["ranking.csv", "ranking.parquet", "manifest.yaml", "README.md"])
@pytest.mark.parametrize("kind", ["a symbolic link", "a folder", "a named pipe"])
def test_what_is_no_plain_file_is_not_read(root: Path, secret: Path, name: str, kind: str) -> None:
    place, good = submit(root), submit(root, drawn(6), "good")
    path = place / name
    path.unlink(missing_ok=True)
    if name == "ranking.parquet":
        (place / "ranking.csv").unlink()
    if kind == "a folder":
        path.mkdir()
    elif kind == "a named pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(secret)
    code, said = told(root, merge=True)
    assert code == 1
    assert f"defect: {path} is {kind}; hand in plain files" in said
    assert said.count("defect") == 1
    assert "root:x" not in said
    assert f"{good}: valid" in said
    assert path.is_symlink() or path.exists()


def test_a_link_to_a_folder_is_no_submission(root: Path, tmp_path: Path) -> None:
    shutil.move(submit(root), tmp_path / "elsewhere")
    (root / "incoming" / "linked").symlink_to(tmp_path / "elsewhere")
    code, said = told(root)
    assert code == 1
    assert (
        said == f"refused: {root / 'incoming' / 'linked'} is a symbolic link; hand in plain files in a plain folder\n"
    )
    shutil.rmtree(root / "incoming")
    (root / "incoming").symlink_to(tmp_path)
    code, said = told(root)
    assert code == 1
    assert "is a symbolic link, not a folder of submissions; nothing in it was looked at" in said
    (root / "incoming").unlink()
    (root / "incoming").write_text("")
    code, said = told(root)
    assert code == 1
    assert "is a file, not a folder of submissions" in said


def test_what_lies_beside_submissions_is_told(root: Path) -> None:
    place = root / "incoming"
    submit(root, folder=".h", name="h")
    for name in ("ranking.csv", ".gitkeep", "README.md"):
        (place / name).touch()
    code, said = told(root)
    assert code == 1
    assert said.splitlines() == [
        f"refused: {place / '.h'} is hidden; call the folder of a submission something without a leading dot",
        f"refused: {place / 'ranking.csv'} is in no folder; lay each submission into a folder of its own in {place}",
    ]


def bombs(path: Path) -> dict[str, str]:
    """Write files that are small and unpack to much; return what is said of each."""
    many = pa.table({"id": pa.array(["a"] * 10**6), "score": np.zeros(10**6)})
    with pq.ParquetWriter(path / "rows.parquet", many.schema, compression="zstd") as writer:
        for _ in range(20):
            writer.write_table(many)
    long = pa.table({"id": ["x" * 300_000_000], "score": [1.0]})
    pq.write_table(long, path / "long.parquet", compression="zstd")
    shared = pa.DictionaryArray.from_arrays(pa.array(np.zeros(999, np.int32)), pa.array(["x" * 30_000_000]))
    pq.write_table(pa.table({"id": shared, "score": np.zeros(999)}), path / "shared.parquet", compression="zstd")
    pq.write_table(pa.table({"id": ["a"], "score": [[0.0] * 10**7]}), path / "list.parquet", compression="zstd")
    wide = pa.table({"id": ["a"], "score": [1.0], **{f"x{number}": [1] for number in range(1000)}})
    with pq.ParquetWriter(path / "footer.parquet", wide.schema, compression="zstd") as writer:
        for _ in range(100):
            writer.write_table(wide)
    (path / "rows.csv").write_bytes(b"id,score\n" + b"a,1\n" * 10**6)
    (path / "blank.csv").write_bytes(b"id,score\n" + b"\n" * 10**6)
    (path / "long.csv").write_bytes(b"id,score\n" + b"a" * 10**7 + b",1\n")
    with (path / "large.csv").open("wb") as file:
        file.truncate(101 * 1024**2)
    return {
        "rows.parquet": "has 20,000,000 rows, and no more than 1,120 are read here",
        "long.parquet": "unpacks to 286 MiB of ids and scores, more than 256",
        "shared.parquet": "holds ids or scores of more than 1,000 bytes",
        "list.parquet": "has lists or structures in score; write plain columns",
        "footer.parquet": "MiB to describe its columns and row groups; write fewer of them",
        "rows.csv": "has more than 1,120 rows",
        "blank.csv": "has more than 1,120 rows",
        "long.csv": "a line of more than 100,000 signs",
        "large.csv": "has 101 MiB, more than 100",
    }


def test_no_bomb_is_unpacked(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bombs").mkdir()
    expected = bombs(tmp_path / "bombs")
    places = {}
    for number, name in enumerate(expected):
        place = submit(root, drawn(number), f"b{number}")
        (place / "ranking.csv").unlink()
        places[name] = place / f"ranking{Path(name).suffix}"
        (tmp_path / "bombs" / name).rename(places[name])
    allocated = pa.default_memory_pool().max_memory()
    code, said = told(root)
    assert code == 1
    for name, message in expected.items():
        (line,) = [line for line in said.splitlines() if f"defect: {places[name]}" in line]
        assert message in line
    assert pa.default_memory_pool().max_memory() - allocated < 2**28


def test_no_line_of_the_report_can_be_forged(root: Path) -> None:
    evil = "x\n::error::forged\x1b[31m\r##[error]y"
    folder = submit(root, folder="evil\n::error::folder", name="a")
    (folder / "ranking.csv").write_text('"id\n::error::header",score\n1,2\n')
    submit(root, drawn(), "b", issue=evil, who=evil, dataset=evil, encoder=evil, fingerprint=evil, settings={"k": evil})
    other = submit(root, drawn(), "c\x1b[2J")
    (other / "::error::\n::error::name").touch()
    (other / "manifest.yaml").write_text('"\\n::error::key": 1\nname: "\\u202e::error::"\n')
    submit(root, pd.DataFrame({"id": IDS, "score": 1.0, "\n::error::column": 1}), "d")
    code, said = told(root)
    assert code == 1
    lines = said.splitlines()
    assert all(line.startswith((str(root / "incoming"), "  defect: ", "  warning: ", "  d on demo/")) for line in lines)
    assert said.replace("\n", "").isprintable()
    assert "##[" not in said
    assert max(map(len, lines)) <= 1000
    for part in ("folder", "header", "forged", "name", "key", "column"):
        assert f"::error::{part}" in said


def test_settings_cannot_add_lines_or_rows(root: Path) -> None:
    for folder, settings in (
        ("lines", {"k": "1\nforged"}),
        ("long", {"k": "x" * 201}),
        ("many", {f"k{number}": number for number in range(21)}),
        ("key", {"x" * 61: 1}),
    ):
        submit(root, folder=folder, settings=settings)
    code, said = told(root, merge=True)
    assert code == 1
    assert "it holds line ends or control signs; write plain text on one line" in said
    assert "k has a value of 201 signs, more than 200" in said
    assert "there are 21 settings, more than 20" in said
    assert "a key has 61 signs; give it 1 to 60" in said
    assert said.count("defect") == 4
    assert len(only(root).records()) == 8


def test_shown_cuts_what_it_escapes() -> None:
    assert shown("a" * 100) == "a" * 79 + "…"
    assert len(shown("\n" * 100, 10)) < 30


def test_two_merges_at_once_remove_a_submission_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = submit(root)

    def beaten(scratch: Path, boards: Path) -> Merged:
        merged = merge(scratch, boards)
        shutil.rmtree(place)  # by the other merge
        return merged

    monkeypatch.setattr(module, "merge", beaten)
    assert told(root, merge=True)[0] == 0
    remove(place)
    assert not place.exists()
