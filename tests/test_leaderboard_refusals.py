"""Defects of finished runs: each is refused, naming the run and the reason, and what is sound is merged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from finished_runs import IDS, REVISION, TRUTHS, edit_run, make_run, only, rescore

from cleanbench.core import Issue, UserError
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge
from cleanbench.records import Measured, Resampled, RunFile, TruthName, read_run, write_run


def broken(root: Path, tmp_path: Path, change: Callable[[Path], object]) -> str:
    """Merge a broken run beside a sound one; return what was refused."""
    output = tmp_path / "broken"
    make_run(output, "sound")
    run = make_run(output, "broken")
    change(run)
    merged = merge(output, root)
    assert "sound" in {record.method for record in only(root).records()}
    assert not check(root).differences
    assert merged.refused
    assert all(str(run) in reason for reason in merged.refused)
    return "\n".join(merged.refused)


def rewrite_metric(run: Path, name: str, value: float) -> None:
    metrics = dict(read_run(run / "record.json").records[0].metrics)
    edit_run(run, metrics={**metrics, name: Measured(value=value)}, issue=Issue.OFF_TOPIC)


def add_interval(run: Path) -> None:
    (record, *_) = read_run(run / "record.json").records
    metrics = {**record.metrics, "AP": record.metrics["AP"].model_copy(update={"low": 0.1, "high": 0.9})}
    write_run(
        run / "record.json",
        RunFile(records=(record.model_copy(update={"metrics": metrics}),), not_ranked={}, complete=True),
    )


def rewrite_column(run: Path, name: str, values: list[object]) -> None:
    path = run / "rankings" / "off_topic.parquet"
    found = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(found.set_column(found.column_names.index(name), name, pyarrow.array(values)), path)


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "fingerprint": (lambda run: edit_run(run, fingerprint="0123456789abcdef"), "fingerprint 0123456789ab, those of"),
    "images": (lambda run: edit_run(run, images=61), "61 images, the board 60"),
    "kind": (
        lambda run: edit_run(run, truth=TruthName.of(replace(TRUTHS[Issue.OFF_TOPIC], kind="human"), REVISION)),
        "kind of its off_topic truth is human, that of the board synthetic",
    ),
    "no ranking": (lambda run: (run / "rankings" / "off_topic.parquet").unlink(), "off_topic.parquet does not exist"),
    "damaged ranking": (
        lambda run: (run / "rankings" / "off_topic.parquet").write_bytes(b"PAR1"),
        "is no readable Parquet file",
    ),
    "AP": (lambda run: rewrite_metric(run, "AP", 0.987), "AP is 0.987 in the record, 0."),
    "unknown metric": (lambda run: rewrite_metric(run, "F9", 0.5), "the record has F9"),
    "lacks a metric": (lambda run: edit_run(run, metrics={}), "the record lacks AUROC"),
    "interval": (lambda run: add_interval(run), "the interval of AP is 0.1 to 0.9 in the record, 0."),
    "what intervals draw": (
        lambda run: edit_run(run, resampled=Resampled(unit="images", units=9)),
        "the intervals draw 9 images in the record, ",
    ),
    "an interval of nothing": (
        lambda run: edit_run(run, resampled=None),
        "has an interval in the record, which does not say what it draws again",
    ),
    "coverage": (lambda run: edit_run(run, coverage=0.5), "coverage is 0.5 in the record, 1.0 by"),
    "faulty": (lambda run: edit_run(run, faulty=1), "faulty is 1 in the record"),
    "no truth": (
        lambda run: edit_run(run, truth=TruthName.of(TRUTHS[Issue.OFF_TOPIC], "a" * 64)),
        "truth/aaaaaaaa/off_topic.parquet does not exist",
    ),
    "foreign truth": (
        lambda run: edit_run(run, truth=TruthName.of(TRUTHS[Issue.LABEL_ERROR], REVISION)),
        "its truth revision is",
    ),
    "folder": (lambda run: edit_run(run, dataset="../elsewhere"), "cannot name a folder"),
    "revision": (lambda run: edit_run(run, truth=TruthName.of(TRUTHS[Issue.OFF_TOPIC], "../x")), "no SHA-256"),
    "JSON": (lambda run: (run / "record.json").write_text("{"), "not valid JSON"),
    "schema": (lambda run: (run / "record.json").write_text("{}"), "has no schema 1"),
    "ids twice": (
        lambda run: rescore(run / "rankings" / "off_topic.parquet", np.arange, (*IDS[:-1], IDS[0])),
        "ranks 1 items twice",
    ),
    "no ids": (lambda run: rewrite_column(run, "id", [None] * 60), "has ids that are no text"),
    "no numbers": (lambda run: rewrite_column(run, "score", ["high"] * 60), "a column score that holds no numbers"),
    "NaN": (lambda run: rewrite_column(run, "score", [float("nan")] * 60), "60 scores that are NaN or +inf"),
}


@pytest.mark.parametrize("defect", REFUSALS)
def test_a_defect_is_refused_with_its_reason(defect: str, root: Path, tmp_path: Path) -> None:
    change, message = REFUSALS[defect]
    assert message in broken(root, tmp_path, change)


def test_every_defect_is_reported(root: Path, tmp_path: Path) -> None:
    refused = broken(root, tmp_path, lambda run: edit_run(run, coverage=0.5, faulty=1, metrics={}))
    assert refused.count("coverage is") == refused.count("faulty is") == refused.count("lacks AUROC") == 2


def test_the_oldest_record_of_a_new_board_says_which_data_it_is_about(tmp_path: Path) -> None:
    make_run(tmp_path / "runs", "a", minute=2, fingerprint="2" * 64)
    make_run(tmp_path / "runs", "b", minute=1, fingerprint="1" * 64)
    merged = merge(tmp_path / "runs", tmp_path / "boards")
    assert len(merged.refused) == 2
    assert all("fingerprint 222222222222, those of the board 111111111111" in reason for reason in merged.refused)
    assert {record.method for record in only(tmp_path / "boards").records()} == {"b"}


def test_a_missing_folder_of_runs_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="output=DIR"):
        merge(tmp_path / "none", tmp_path / "boards")
    with pytest.raises(UserError, match="board=DIR"):
        check(tmp_path / "none")
