"""Damaged runs: no table or page is made of them, and they do not keep others from theirs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cleanbench.core import Issue, UserError
from cleanbench.fusion.members import find, standing
from cleanbench.report.finished import read

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def finished(rank_into: Callable[..., Any], pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two runs."""
    output = tmp_path_factory.mktemp("finished")
    for method in ("phash", "ssim"):
        rank_into(output, f"method={method}", "dataset=folder", f"dataset.root={pictures}")
    return output


@pytest.fixture
def runs(finished: Path, tmp_path: Path) -> Path:
    """Return the runs, to be damaged."""
    shutil.copytree(finished, tmp_path / "runs")
    return tmp_path / "runs" / "pictures"


def edited(change: Callable[[dict[str, Any]], None]) -> Damage:
    """Return what edits the record of near-duplicates."""

    def damage(folder: Path) -> None:
        path = folder / "record.json"
        content = json.loads(path.read_text())
        change(next(each for each in content["records"] if each["issue"] == "near_duplicate"))
        path.write_text(json.dumps(content))

    return damage


def ranked(change: Callable[[pa.Table], pa.Table]) -> Damage:
    """Return what edits the ranking of pairs."""

    def damage(folder: Path) -> None:
        path = folder / "rankings/near_duplicate.parquet"
        pq.write_table(change(pq.read_table(path)), path)

    return damage


def column(name: str, values: Callable[[np.ndarray], np.ndarray]) -> Callable[[pa.Table], pa.Table]:
    """Return what edits a column."""
    return lambda table: table.set_column(
        table.column_names.index(name), name, pa.array(values(table.column(name).to_numpy(zero_copy_only=False)))
    )


DAMAGES: list[tuple[Damage, str]] = [
    (edited(lambda record: record["metrics"]["AP"].update(value=0.99)), "near_duplicate: AP is 0.99 in the record"),
    (edited(lambda record: record.update(faulty=record["faulty"] + 1)), "near_duplicate: faulty is"),
    (edited(lambda record: record["truth"].update(revision="0" * 64)), "truth has the revision 000000000000, but"),
    (ranked(column("score", lambda scores: scores[::-1])), r"near_duplicate: .* more numbers differ\)"),
    (ranked(column("score", lambda scores: scores * np.nan)), "scores that are NaN"),
    (ranked(column("id_a", lambda ids: ids + "x")), "near_duplicate: coverage is 0.8.* in the record, 0.0 by"),
    (lambda folder: (folder / "rankings/near_duplicate.parquet").unlink(), "does not exist"),
    (lambda folder: (folder / "rankings/near_duplicate.parquet").write_bytes(b"PAR1"), "no readable Parquet file"),
    (lambda folder: (folder / "record.json").write_text('{"schema": 1'), "record.json"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGES)
def test_a_damaged_run_is_refused_by_name_and_the_others_go_on(
    damage: Damage, reason: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = next(runs.glob("phash-*"))
    damage(folder)
    assert [member.first.method for member in find(runs, "all", least=1)] == ["ssim"]
    told = capsys.readouterr().err
    assert told.startswith(f"warning: the run {folder.name} is damaged: ")
    assert told.endswith("; repeat it with force=true, or remove its folder; it is left out\n")
    with pytest.raises(UserError, match=reason):
        read(folder)
    shutil.rmtree(next(runs.glob("ssim-*")))
    with pytest.raises(UserError, match=f"no finished run in .* can be used: the run {folder.name} is damaged: .*"):
        standing(runs)


def test_a_run_that_is_asked_for_by_name_is_not_left_out_in_silence(runs: Path) -> None:
    DAMAGES[0][0](next(runs.glob("phash-*")))
    with pytest.raises(UserError, match=r"the run phash-none-0-\w+ is damaged: near_duplicate: AP is 0.99"):
        find(runs, "phash", least=1)


def test_an_older_run_stands_in_for_a_damaged_one(runs: Path) -> None:
    newest = next(runs.glob("phash-*"))
    older = newest.with_name("phash-older")
    shutil.copytree(newest, older)
    path = older / "record.json"
    content = json.loads(path.read_text())
    for record in content["records"]:
        record |= {"created": "2020-01-01T00:00:00+00:00", "key": "0" * 64}
    path.write_text(json.dumps(content))
    assert newest.name in [member.folder.name for member in standing(runs)]
    DAMAGES[0][0](newest)
    assert older.name in [member.folder.name for member in standing(runs)]


def test_files_of_other_issues_do_not_matter(runs: Path) -> None:
    DAMAGES[0][0](next(runs.glob("phash-*")))
    assert len(standing(runs, [Issue.OFF_TOPIC])) == 2
    assert len(standing(runs, [Issue.NEAR_DUPLICATE])) == 1


def test_another_truth_refuses_every_run(runs: Path) -> None:
    path = next(runs.glob("truth/*/near_duplicate.parquet"))
    pq.write_table(column("label", lambda labels: 1 - labels)(pq.read_table(path)), path)
    with pytest.raises(UserError, match=r"its near_duplicate truth has the revision .* \(and 1 more runs are\)"):
        standing(runs)
