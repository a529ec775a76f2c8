"""``python -m cleanbench.score``: what files, manifests and places can be, besides what `test_score` breaks."""

import datetime
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cleanbench import Issue, UserError
from cleanbench.score.__main__ import Options, score
from cleanbench.score.findings import Findings
from cleanbench.score.manifest import Manifest, read_manifest
from cleanbench.score.names import folded, person
from cleanbench.score.ranking_file import Ranked, read_ranking

OFF, PAIRS = Issue.OFF_TOPIC, Issue.NEAR_DUPLICATE


def manifest(path: Path, text: str) -> tuple[Manifest, list[str]]:
    findings = Findings()
    path.write_text(text)
    return read_manifest(path, findings), findings.defects


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cpu_seconds: " + ":".join(["59"] * 400) + ".5", "cannot be read as YAML or JSON (int too large"),
        ("name: a\nname: b", "it has the key name more than once"),
        ('{"name": "a", "name": "b"}', "it has the key name more than once"),
        ("settings: {k: 1, k: 2}", "it has the key k more than once"),
        ("<<: {name: b}", "it has a merge key (<<)"),
        ("seed: true", "seed: True cannot be used (true and false are no numbers)"),
        ("seed: 1.5", "seed: 1.5 cannot be used"),
        ("cpu_seconds: yes", "cpu_seconds: True cannot be used (true and false are no numbers)"),
        ("peak_mib: .nan", "peak_mib: nan cannot be used"),
        ("truth_revision: 12345678", "12345678 cannot be used (Input should be a valid string); put it in quotes"),
        ("fingerprint: 01234567", "cannot be used (Input should be a valid string); put it in quotes"),
        ("name: no", "name: False cannot be used (Input should be a valid string); put it in quotes"),
        ("name: [a]", "name: ['a'] cannot be used (Input should be a valid string)"),
        ("settings: {k: [1]}", "settings: {'k': [1]} cannot be used"),
        (f"who: {'x' * 201}", "String should have at most 200 characters"),
        ('who: "a\\nb"', "it holds line ends or control signs; write plain text on one line"),
        ('licence: "a\\u202eb"', "it holds line ends or control signs; write plain text on one line"),
    ],
)
def test_a_defect_of_a_manifest_is_told(tmp_path: Path, text: str, message: str) -> None:
    _, defects = manifest(tmp_path / "manifest.yaml", text)
    assert len(defects) == 1
    assert message in defects[0]


def test_what_a_manifest_may_say(tmp_path: Path) -> None:
    text = (
        "who: ' Ann '\nlicence:\nseed: '3'\nsettings: {k: true, l: 1, m: .5, n: null, o: a b}\ndescription: |\n a\n b\n"
    )
    read, defects = manifest(tmp_path / "manifest.yaml", text)
    assert defects == []
    assert (read.who, read.licence, read.seed, read.description) == ("Ann", "", 3, "a\nb")
    assert read.settings == {"k": True, "l": 1, "m": 0.5, "n": None, "o": "a b"}


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    findings = Findings()
    for name in ("manifest.yaml", "ranking.csv"):
        os.mkfifo(tmp_path / name)
    read_manifest(tmp_path / "manifest.yaml", findings)
    read_ranking(tmp_path / "ranking.csv", OFF, None, findings)
    (tmp_path / "file").touch()
    read_ranking(tmp_path / "file" / "ranking.csv", OFF, None, findings)
    assert [defect.partition(str(tmp_path))[2] for defect in findings.defects] == [
        "/manifest.yaml cannot be read as YAML or JSON (it is no plain file); save it as UTF-8, key: value",
        "/ranking.csv is a pipe or a device; save the ranking as a file",
        "/file/ranking.csv does not exist; give the file: ranking=FILE",
    ]


def ranked(path: Path, content: object, issue: Issue = OFF) -> tuple[Ranked | None, list[str], list[str]]:
    findings = Findings()
    if isinstance(content, pa.Table):
        pq.write_table(content, path.with_suffix(".parquet"))
        path = path.with_suffix(".parquet")
    else:
        path = path.with_suffix(".csv")
        path.write_text(str(content))
    read = read_ranking(path, issue, None, findings)
    return read, [text.replace(f"{path} ", "") for text in findings.defects], findings.warnings


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,score\na,1\n", "has no column of ids: its first line is 'image,score', expected names of columns"),
        ("id;score\na;1\n", "separates columns by semicolons: 'id;score'; separate them by commas"),
        ("id\tscore\na\t1\n", "separates columns by tabs: 'id\\tscore'; separate them by commas"),
        ("a,1\nb,2\n", "has no header: its first line is 'a,1'"),
        ("id,score\na,9007199254740993\nb,1\n", "1 score beyond 2^53 of more digits than are kept (line 2)"),
        (f"id,score\n{'a' * 1001},1\n", "1 id of more than 1,000 signs (line 2)"),
        (" \n \n", "holds nothing but blanks; it should hold ids and scores"),
        *(
            (pa.table({"id": ["a", "b"], "score": values}), message)
            for values, message in (
                (
                    pa.array([2**53 + 1, 1], pa.int64()),
                    "1 score beyond 2^53 of more digits than are kept (line 1)",
                ),
                (pa.array([2**64 - 1, 2**64 - 2], pa.uint64()), "2 scores beyond 2^53 of more digits than are kept"),
                ([[1.0], [2.0]], "has lists or structures in score; write plain columns"),
                ([{"a": 1.0}, {"a": 2.0}], "has lists or structures in score; write plain columns"),
            )
        ),
    ],
)
def test_a_defect_of_a_ranking_is_told(tmp_path: Path, content: object, message: str) -> None:
    _, defects, warnings = ranked(tmp_path / "ranking", content)
    assert len(defects) == 1
    assert message in defects[0]
    assert warnings == []


@pytest.mark.parametrize("score", [True, datetime.date(2020, 1, 1), "high"])
def test_scores_that_are_none_are_not_also_sorted(tmp_path: Path, score: object) -> None:
    table = pa.table({"id": [f"a{number:02d}" for number in range(20)], "score": [score] * 20})
    _, defects, _ = ranked(tmp_path / "ranking", table)
    (defect,) = defects
    assert defect.startswith("20 scores not a number (lines 1, 2, 3 …)")


def test_whole_numbers_that_are_floats_pass(tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "b"], "score": [2**53, 2**60]})
    read, defects, _ = ranked(tmp_path / "ranking", table)
    assert defects == []
    assert read is not None
    assert read.scores.tolist() == [2.0**53, 2.0**60]


def test_the_index_of_pandas_is_called_so(tmp_path: Path) -> None:
    content = pd.DataFrame({"id": ["a", "b"], "score": [2.0, 1.0]}).to_csv()
    read, defects, warnings = ranked(tmp_path / "ranking", content)
    assert defects == []
    assert read is not None
    assert read.rows == [("a",), ("b",)]
    assert warnings[0].endswith("columns that mean nothing here are passed over: one without a name (a pandas index?)")


def test_texts_that_many_rows_share_are_read(tmp_path: Path) -> None:
    ids = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0], pa.int32()), pa.array(["a", "b"]))
    table = pa.table({"id_a": ids, "id_b": ["c", "d", "e", "f"], "score": ["1", "0.5", "2", "3"], "more": [[1]] * 4})
    read, defects, _ = ranked(tmp_path / "ranking", table, PAIRS)
    assert defects == ["1 row without an id (line 3): give each row its ids, or remove it"]
    assert read is not None
    assert read.rows[:2] == [("a", "c"), ("b", "d")]
    assert read.scores.tolist() == [1.0, 0.5, 2.0, 3.0]


@pytest.fixture
def run_score(pictures: Path, tmp_path: Path) -> Callable[..., int]:
    """Return the command, on the folder of 24 images, writing below ``tmp_path``."""

    def run(table: pd.DataFrame, **options: object) -> int:
        table.to_csv(tmp_path / "r.csv", index=False)
        given = {"dataset": ["dataset=folder", f"dataset.root={pictures}"]}
        said = {"name": "mine", "issue": OFF, "output": tmp_path / "runs", **options}
        return score(Options(ranking=tmp_path / "r.csv", **said), given)  # type: ignore[arg-type]

    return run


def all_images(**columns: object) -> pd.DataFrame:
    ids = [f"i{number:02d}" for number in range(24)]
    return pd.DataFrame({"id": ids, "score": np.random.default_rng(0).random(24), **columns})


@pytest.mark.parametrize("blocked", ["runs", "runs/pictures", "runs/pictures/truth", "run"])
def test_a_file_in_the_way_is_told(run_score: Callable[..., int], tmp_path: Path, blocked: str) -> None:
    if blocked == "run":
        assert run_score(all_images()) == 0
        (run,) = (tmp_path / "runs" / "pictures").glob("mine-*")
        run.rename(tmp_path / "moved")
        run.touch()
    else:
        (tmp_path / blocked).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / blocked).touch()
    with pytest.raises(UserError, match="cannot be written"):
        run_score(all_images())
    assert not list(tmp_path.glob("runs/**/record.json"))
    assert not list(tmp_path.glob("runs/**/.*"))


@pytest.mark.parametrize("encoder", ["../..", "a/b", "x" * 300, "a\0b", "a ", "b."])
def test_an_encoder_is_called_as_strictly_as_a_method(
    run_score: Callable[..., int], tmp_path: Path, encoder: str
) -> None:
    for option in ("encoder", "name"):
        with pytest.raises(UserError, match=f"{option}=.* cannot stand in tables and file names"):
            run_score(all_images(), **{option: encoder})
    assert not (tmp_path / "runs").exists()


def test_what_a_board_wants_to_know_is_told(run_score: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_score(all_images()) == 0
    assert "A board wants to know who=… and licence=…" in capsys.readouterr().out
    assert run_score(all_images(), who="me", name="other") == 0
    assert "A board wants to know licence=…" in capsys.readouterr().out
    assert run_score(all_images(), who="me", licence="CC0-1.0", name="third") == 0
    assert "A board wants" not in capsys.readouterr().out


@pytest.mark.parametrize("score", ["nan", "inf", "high"])
def test_what_is_refused_is_not_also_missing(
    run_score: Callable[..., int], capsys: pytest.CaptureFixture[str], score: str
) -> None:
    table = all_images().astype(object)
    table.loc[3, "score"] = score
    with pytest.raises(UserError, match="has a defect"):
        run_score(table)
    table = all_images()
    table.loc[3, "id"] = "dog"
    with pytest.raises(UserError, match="has a defect and was not scored:\n  - 1 id unknown to 'pictures'"):
        run_score(table)
    assert capsys.readouterr().err == ""


def test_names_and_persons_are_compared_without_dress() -> None:
    assert folded("Self_Clean.") == folded("self  clean") == folded("selfclean")
    assert folded("knn-1.1") != folded("knn 11")
    assert person("Ann\u200b  B.") == person("ann b")
    assert person("A") != person("B")
