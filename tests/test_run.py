"""One method over its issues: whatever it does ends only itself, and the reason reaches the table."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from cleanbench.core import Issue, UserError
from cleanbench.rankings import read_table
from cleanbench.run import Outcome

Rank = Callable[..., Outcome]


@pytest.fixture
def ask(rank_with: Rank, pictures: Path) -> Rank:
    """Return a function that runs a method on the judged pictures."""
    return lambda *overrides: rank_with("dataset=folder", f"dataset.root={pictures}", "encoder=pixels", *overrides)


def reason(outcome: Outcome, issue: Issue = Issue.LABEL_ERROR) -> str:
    return outcome.run.not_ranked[issue]


def gone(process: int) -> bool:
    """Return whether a process has ended, reaped or not."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("raise", "failed: RuntimeError: this is [bold]odd[/bold]"),
        ("exit", "failed: SystemExit: enough"),
        ("vanish", "failed: its process ended with code 0: it printed nothing"),
        ("SIGSEGV", "failed: its process was killed by SIGSEGV"),
        ("signal 40", "failed: its process was killed by signal 40"),  # one that has no name
        ("SIGKILL", "failed: its process was killed by SIGKILL (the system may be out of memory)"),
        ("nan", "failed: ValueError: label_error: 9 of 21 scores are NaN or +inf; scores must be finite or -inf"),
        ("inf", "failed: ValueError: label_error: 9 of 21 scores are NaN or +inf; scores must be finite or -inf"),
        ("short", "failed: ValueError: Odd.label_errors returned (20,), expected (21,)"),
        ("table", "failed: ValueError: Odd.label_errors returned (21, 1), expected (21,)"),
        ("none", "failed: ValueError: Odd.label_errors returned (), expected (21,)"),
        ("ints", "failed: ValueError: label_error: scores must be floats, not int64"),
        ("write", "failed: ValueError: assignment destination is read-only"),
        ("read embeddings", "add Need.EMBEDDINGS to its `needs`"),
    ],
)
def test_a_failure_is_told_and_what_was_ranked_before_it_is_kept(
    do: str, expected: str, ask: Rank, tmp_path: Path
) -> None:
    outcome = ask("method=odd", f"method.do='{do}'")
    assert expected in reason(outcome)
    assert outcome.failed
    assert not outcome.run.complete
    assert [record.issue for record in outcome.run.records] == [Issue.OFF_TOPIC]
    assert outcome.folder is not None
    assert [path.name for path in (outcome.folder / "rankings").iterdir()] == ["off_topic.parquet"]
    assert [path.name for path in (tmp_path / "runs/pictures/failed").iterdir()] == [f"{outcome.folder.name}.log"]


def test_a_method_that_hangs_is_stopped(ask: Rank) -> None:
    start = time.monotonic()
    outcome = ask("method=odd", "method.do=hang", "timeout=2")
    assert reason(outcome) == "failed: stopped after timeout=2 seconds"
    assert time.monotonic() - start < 10
    assert len(outcome.run.records) == 1


def test_a_method_that_eats_memory_is_stopped(ask: Rank) -> None:
    outcome = ask("method=odd", "method.do=eat", "memory_limit=250MiB")
    assert reason(outcome).startswith("failed: stopped at ")
    assert reason(outcome).endswith(" MiB, memory_limit is 250 MiB")
    assert len(outcome.run.records) == 1


def test_what_a_method_leaves_running_ends_with_it(ask: Rank, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    assert ask("method=odd", "method.do='leave a child'", f"method.path={path}").run.complete
    assert all(gone(int(process)) for process in path.read_text().split())


def test_output_is_kept_and_stays_out_of_the_terminal(ask: Rank, capfd: pytest.CaptureFixture[str]) -> None:
    outcome = ask("method=odd", "method.do=print")
    assert capfd.readouterr() == ("", "")
    assert outcome.folder is not None
    log = (outcome.folder / "log.txt").read_text(encoding="utf-8")
    assert log.startswith("line 0 of")
    assert log.endswith("line 39999 of very many lines that nobody will ever read\nthe last words, \ufffd\n")
    assert " bytes left out …" in log
    assert 2**20 <= len(log.encode()) < 2**20 + 200


def test_a_method_that_changes_the_folder_changes_it_for_itself(ask: Rank, tmp_path: Path) -> None:
    here = Path.cwd()
    outcome = ask("method=odd", "method.do=wander", f"method.path={tmp_path / 'where'}")
    assert (tmp_path / "where").read_text() == "/"
    assert outcome.run.complete
    assert Path.cwd() == here


@pytest.mark.parametrize("do", ["compare", "rank", "count"])
def test_a_score_that_depends_on_the_other_pairs_is_caught(do: str, ask: Rank) -> None:
    outcome = ask("method=pairs", f"method.do={do}")
    assert (
        reason(outcome, Issue.NEAR_DUPLICATE)
        == "failed: the score of a pair changes with the other pairs that are asked"
    )
    assert outcome.folder is None
    assert outcome.failed
    assert ask("method=pairs").run.complete


def test_what_cannot_run_here_is_no_failure(ask: Rank, tmp_path: Path) -> None:
    outcome = ask("method=needs_package")
    assert reason(outcome, Issue.OFF_TOPIC) == "not run: no-such-distribution is not installed"
    assert (outcome.failed, outcome.folder, outcome.run.records) == (False, None, ())
    without = reason(ask("method=needs_calibration"), Issue.OFF_TOPIC)
    assert without.startswith(
        "not applicable: the data set has no images whose labels are stated to be right; truth.cal"
    )
    sunday = ask("method=odd", "method.do='not applicable'")
    assert (reason(sunday), sunday.failed, sunday.run.complete) == ("not applicable: it is Sunday", False, True)


def test_without_labels_there_are_no_label_errors(rank_with: Rank, pictures: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for path in pictures.glob("i1*.png"):
        (bare / path.name).write_bytes(path.read_bytes())
    for method in ("odd", "chance"):  # one that reads labels and one that would not notice
        outcome = rank_with("dataset=folder", f"dataset.root={bare}", f"method={method}")
        assert reason(outcome) == "not applicable: the data set has no labels"
        assert not outcome.failed
        assert Issue.OFF_TOPIC in [record.issue for record in outcome.run.records]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["method=odd", "method.do=refuse"], "odd_methods.Odd cannot be made: do must not be refuse"),
        (["method=odd", "method.do='refuse politely'"], "please do something else"),
        (["method=idle"], "Idle solves no issue; it should override off_topic or near_duplicates or label_errors"),
        (["method=no_detector"], "odd_methods.NoDetector is no subclass of cleanbench.Detector"),
        (["method=missing_module"], "method: nowhere.Nobody cannot be imported: .*module 'nowhere' is installed"),
        (["+method.kk=1", "method=odd"], "the method has no setting called 'kk'. Available: do, path, seed"),
        (["encoder.size=0", "method=pairs"], "size=0 of the encoder"),
        (["encoder.size=no", "method=pairs"], "size='no' of the encoder"),
        (["method=required"], "method.k has no value; give one: method.k=…"),
    ],
)
def test_a_mistake_of_the_user_is_told_and_nothing_is_written(
    overrides: list[str], message: str, ask: Rank, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        ask(*overrides)
    assert not list((tmp_path / "runs").glob("*/*"))


def test_a_setting_without_default_can_be_given(ask: Rank) -> None:
    outcome = ask("method=required", "method.k=3")
    assert outcome.method == "required (k=3)"
    assert outcome.run.complete


def test_fitting_fails_once_for_all_issues(ask: Rank, tmp_path: Path) -> None:
    path = tmp_path / "calls"
    outcome = ask("method=odd", "method.do='fail to fit'", f"method.path={path}")
    told = dict.fromkeys((Issue.OFF_TOPIC, Issue.LABEL_ERROR), "failed: RuntimeError: cannot fit")
    assert outcome.run.not_ranked == told
    assert path.read_text() == "xx", "once for the images, once for the labelled ones"


def test_unlabelled_images_are_not_shown_where_labels_are_needed_and_rank_last(ask: Rank) -> None:
    for overrides in (["method=odd", "method.do='look at labels'"], ["method=fits_labels"], ["method=chance"]):
        outcome = ask(*overrides)
        assert not outcome.failed, outcome.run.not_ranked
        assert outcome.folder is not None
        rows, scores = read_table(outcome.folder / "rankings/label_error.parquet", Issue.LABEL_ERROR, "score")
        assert {row[0] for row, score in zip(rows, scores, strict=True) if score == -np.inf} == {"i03", "i05", "i07"}


def test_a_failed_issue_is_repeated_until_the_run_is_complete(ask: Rank, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    overrides = ("method=odd", "method.do='raise once'", f"method.path={flag}")
    assert ask(*overrides).failed
    again = ask(*overrides)
    assert again.failed
    assert not again.reused
    flag.touch()
    third = ask(*overrides)
    assert (third.failed, third.reused, third.run.complete, len(third.run.records)) == (False, False, True, 2)
    assert not list((tmp_path / "runs/pictures/failed").iterdir()), "its log is out of date"
    assert ask(*overrides).reused


@pytest.mark.parametrize(
    ("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGKILL", -9)], ids=["Ctrl-C", "stopped", "killed"]
)
def test_an_interrupted_run_leaves_no_process_and_nothing_half_written(
    name: str, code: int, odd_methods: Path, pictures: Path, tmp_path: Path
) -> None:
    path, output = tmp_path / "pids", tmp_path / "runs"
    settings = ["method=odd", "method.do='hang with a child'", f"method.path={path}", f"output={output}"]
    command = [sys.executable, "-m", "cleanbench", "--config-dir", str(odd_methods / "conf"), *settings]
    with subprocess.Popen(
        [*command, "dataset=folder", f"dataset.root={pictures}"],
        cwd=odd_methods,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        until(path.exists)
        os.killpg(process.pid, getattr(signal, name))
        printed, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert printed == ""
    assert "Traceback" not in errors
    until(lambda: all(gone(int(each)) for each in path.read_text().split()))
    assert [each.name for each in output.rglob("*")] == ["pictures"]
