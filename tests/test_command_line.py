"""``python -m cleanbench`` as a user types it: exit codes, mistakes, sweeps, and what it leaves behind."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cleanbench import __version__
from cleanbench.commands.tables import print_outcomes
from cleanbench.records import RunFile
from cleanbench.run import Outcome

Finished = subprocess.CompletedProcess[str]
Cleanbench = Callable[..., Finished]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "cleanbench", *words]


@pytest.fixture
def cleanbench(odd_methods: Path, pictures: Path, tmp_path: Path) -> Cleanbench:
    """Return a function that runs the command line on the pictures, beside the odd methods."""

    def run(*words: str, at: Path = odd_methods, **environment: str) -> Finished:
        given = [word.split("=")[0] for word in words]
        defaults = {"dataset": "folder", "dataset.root": f'"{pictures}"', "output": f'"{tmp_path / "runs"}"'}
        if "dataset" in given:
            del defaults["dataset.root"]
        words = (*words, *(f"{name}={value}" for name, value in defaults.items() if name not in given))
        full = command("--config-dir", str(odd_methods / "conf"), *words)
        return subprocess.run(
            full, cwd=at, capture_output=True, text=True, env=os.environ | environment, timeout=120, check=False
        )

    return run


def paths(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_a_run_shows_every_issue_beside_chance(cleanbench: Cleanbench, tmp_path: Path) -> None:
    first = cleanbench("method=odd")
    assert first.returncode == 0
    lines = first.stdout.splitlines()
    assert lines[0].rstrip() == "Off topic on pictures: 6 of 18 annotated images (33.3%), human truth"
    assert " ".join(lines[1].split()) == "Method Encoder AP AUROC P@10 P@100 R@100 P@1% FoE CPU s MiB"
    assert lines[2].split()[:2] == ["odd", "–"]
    assert lines[3].split()[:2] == ["by", "chance"]
    assert lines[4].rstrip() == "Label error on pictures: 4 of 16 annotated images (25.0%), human truth"
    assert lines[-1].startswith(f"odd: {tmp_path / 'runs' / 'pictures'}/odd-none-0-")
    again = cleanbench("method=odd")
    assert again.returncode == 0
    assert again.stdout == first.stdout.rstrip("\n") + " (finished before; force=true repeats it)\n"


def test_images_that_cannot_be_read_are_told_by_id(cleanbench: Cleanbench) -> None:
    told = "2 of 24 images of 'pictures' cannot be read and rank last: 'i03' (the file is empty), 'i05' ("
    for words in (["method=odd"], ["-m", "method=odd,chance"]):
        result = cleanbench(*words)
        assert result.stderr.count(told) == 1
        assert "no label" in result.stderr, "what the loader noticed is told as well"
        assert told not in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        (["method=odd", "method.do=raise"], 1, "failed: RuntimeError: this is [bold]odd[/bold]"),
        (["method=odd", "method.do=SIGSEGV"], 1, "failed: its process was killed by SIGSEGV"),
        (["method=needs_package"], 0, "not run: no-such-distribution is not installed"),
        (["method=needs_calibration"], 0, "not applicable: the data set has no images whose labels are stated"),
    ],
)
def test_exit_codes_and_reasons(words: list[str], code: int, shown: str, cleanbench: Cleanbench) -> None:
    result = cleanbench(*words)
    assert (result.returncode, "Traceback" in result.stderr) == (code, False)
    assert shown in result.stdout


def test_the_version_is_ours() -> None:
    result = subprocess.run(command("--version"), capture_output=True, text=True, check=True)
    assert result.stdout == f"cleanbench {__version__}\n"


def told(result: Finished) -> str:
    """Return what is said of a mistake, which must be short and end the run with code 2."""
    assert result.returncode == 2, result
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) <= 5
    assert result.stderr.startswith("error: ")
    return result.stderr


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["method=selfclaen"], ["no method called 'selfclaen'", "Did you mean 'selfclean'?", "phash", "odd"]),
        (["dataset=nope"], ["no dataset called 'nope'", "folder"]),
        (["encoder=nope"], ["no encoder called 'nope'", "pixels"]),
        (["sed=1"], ["'sed'", "'seed'"]),
        (["+sed=1"], ["sed", "seed"]),
        (["truth.conflct=drop"], ["'truth.conflct'"]),
        (["truth.conflict=both"], ["truth.conflict='both'", "drop, last, error"]),
        (["method=knn_disagreement", "method.kk=1"], ["'kk'", "'k'"]),
        (["method=knn_disagreement", "+method.kk=1"], ["'kk'", "'k'"]),
        (["method=required", "method.j=1"], ["'j'", "k"]),
        (["method=pyod", "method.parameters.k=3"], ["+method.parameters.k="]),
        (["dataset=folder", "dataset.rot=/x"], ["'rot'", "'root'"]),
        (["dataset=folder"], ["dataset.root has no value"]),
        (["dataset=folder", "dataset.root=/not/there"], ["/not/there", "dataset.root"]),
        (["seed=many"], ["seed", "'many'"]),
        (["seed=1.5"], ["seed", "1.5"]),
        (["threads=0"], ["threads=0"]),
        (["force=perhaps"], ["force", "'perhaps'"]),
        (["timeout=-1"], ["timeout=-1"]),
        (["timeout=nan"], ["timeout=nan"]),
        (["memory_limit=lots"], ["memory_limit='lots'", "4GiB"]),
        (["memory_limit=8"], ["memory_limit='8'", "4GiB"]),
        (["method=null"], ["must be a string"]),
        (["~method"], ["method must be one of", "phash"]),
        (["method"], ["'method'", "key=value"]),
        (["method=odd,chance"], ["method=odd,chance"]),
        (["output=größe"], ["output=größe", "quotes"]),
        (["-m", "method=chance,nope"], ["no method called 'nope'"]),
        (
            ["-m", "method=chance,odd", "method.do=raise"],
            ["method=selfclean, the default, has no setting called 'do'", "++method.do="],
        ),
        (["-m", "method=chance", "output=a,b"], ["output cannot be swept"]),
    ],
    ids=" ".join,
)
def test_a_mistake_is_named_with_its_cure(
    words: list[str], parts: list[str], cleanbench: Cleanbench, tmp_path: Path
) -> None:
    message = told(cleanbench(*words))
    for part in parts:
        assert part in message
    assert not (tmp_path / "runs" / ".sweeps").exists()


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    heavy = ["sklearn", "pandas", "scipy", "torch", "skimage", "matplotlib", "pyod", "cleanlab", "pyarrow", "imagehash"]
    code = f"""
import runpy, sys
sys.argv = ["cleanbench", "--help"]
try:
    runpy.run_module("cleanbench", run_name="__main__")
except SystemExit as end:
    assert not end.code
print([name for name in {heavy} if name in sys.modules])
"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.stdout.splitlines()[-1] == "[]"
    for word in ("method: ", "chance", "selfclean", "dataset=folder dataset.root=PATH", "seed: 0", "force=true"):
        assert word in result.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_a_sweep_shows_all_in_one_table_and_ends_with_one_code(cleanbench: Cleanbench, tmp_path: Path) -> None:
    result = cleanbench("method=odd", "-m", "method.do=nothing,raise,SIGSEGV")  # the flag may stand anywhere
    assert result.returncode == 1
    assert result.stdout.count("Off topic on pictures: 6 of 18") == 1
    for shown in ("failed: RuntimeError", "failed: its process was killed by SIGSEGV", "odd (do=raise): ", "odd: "):
        assert shown in result.stdout
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "runs/.sweeps").exists()


def test_in_a_sweep_what_cannot_run_is_no_failure(cleanbench: Cleanbench) -> None:
    result = cleanbench("-m", "method=glob([chance,needs_*])")
    assert result.returncode == 0
    assert "not run: no-such-distribution is not installed" in result.stdout
    assert "not applicable: the data set has no images whose labels" in result.stdout
    assert "by chance" in result.stdout


def test_a_mistake_in_one_job_does_not_stop_the_others(cleanbench: Cleanbench, tmp_path: Path) -> None:
    result = cleanbench("-m", "method=required,idle,chance")
    assert result.returncode == 2
    assert "error: required: method.k has no value; give one: method.k=…\n" in result.stderr
    assert "error: idle: Idle solves no issue" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout.splitlines()[-1].startswith("chance: ")
    assert paths(tmp_path / "runs/pictures")[0].startswith("chance-none-0-")
    assert not (tmp_path / "runs/.sweeps").exists()


def test_a_broken_encoder_does_not_stop_the_other_jobs(cleanbench: Cleanbench, tmp_path: Path) -> None:
    result = cleanbench("-m", "method=pairs,chance", "encoder=breaks")
    assert result.returncode == 1
    assert "error: pairs: RuntimeError: the encoder is broken\n" in result.stderr
    assert result.stdout.splitlines()[-1].startswith("chance: ")
    assert not (tmp_path / "runs/.sweeps").exists()
    alone = cleanbench("method=pairs", "encoder=breaks")
    assert alone.returncode == 1
    assert "RuntimeError: the encoder is broken" in alone.stderr


def test_an_interrupted_sweep_keeps_what_is_finished_and_nothing_else(
    odd_methods: Path, pictures: Path, tmp_path: Path
) -> None:
    path, output = tmp_path / "pids", tmp_path / "runs"
    words = ["-m", "method=odd", "method.do=nothing,'hang with a child'", f"method.path={path}", f"output={output}"]
    full = command("--config-dir", str(odd_methods / "conf"), *words, "dataset=folder", f"dataset.root={pictures}")
    with subprocess.Popen(
        full, cwd=odd_methods, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.endswith("interrupted; finished runs are kept\n")
    assert [each.name for each in output.iterdir()] == ["pictures"]
    assert [each.name[:10] for each in sorted((output / "pictures").iterdir())] == ["odd-none-0", "truth"]


def test_two_sweeps_at_once_share_a_folder(odd_methods: Path, pictures: Path, tmp_path: Path) -> None:
    output = tmp_path / "runs"
    words = ["-m", "method=chance,odd", "seed=0,1", "force=true", f"output={output}"]
    full = command("--config-dir", str(odd_methods / "conf"), *words, "dataset=folder", f"dataset.root={pictures}")
    both = [
        subprocess.Popen(full, cwd=odd_methods, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, "error" in errors) == (0, False), errors
    names = sorted(path.name.rpartition("-")[0] for path in (output / "pictures").iterdir())
    runs = ["chance-none-0", "chance-none-1", "odd-none-0", "odd-none-1"]
    assert names == ["", "", "", *runs], "and the truth, the comparison and its figures"
    assert [path.name for path in output.iterdir()] == ["pictures"]
    assert not list(output.rglob(".*"))


def test_from_another_folder_and_into_one_with_an_unusual_name(
    cleanbench: Cleanbench, pictures: Path, tmp_path: Path
) -> None:
    here = tmp_path / "an [b] empty folder :cat:"
    here.mkdir()
    root = os.path.relpath(pictures, here)
    result = cleanbench(
        "method=chance", "dataset=folder", f"dataset.root={root}", 'output="näh er (1)/[b] ünd [/b]"', at=here
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith("chance: näh er (1)/[b] ünd [/b]/pictures/chance-none-0-")
    assert (here / "näh er (1)" / "[b] ünd [" / "b]" / "pictures").is_dir()
    # Relative to the folder of the command, not to that of the method.
    again = cleanbench("method=chance", f'output="{here}/näh er (1)/[b] ünd [/b]"')
    assert "finished before" in again.stdout


def test_a_run_leaves_nothing_but_its_results(cleanbench: Cleanbench, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    for words in (["method=chance"], ["-m", "method=chance,odd"]):
        cleanbench(*words, "output=runs", at=tmp_path / "here")
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["runs"]


def test_a_terminal_that_knows_no_dash_loses_no_results(cleanbench: Cleanbench) -> None:
    result = cleanbench("method=chance", PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert "chance     ?  " in result.stdout


@pytest.fixture
def outcomes(rank_with: Callable[..., Outcome], unjudged: Path) -> Sequence[Outcome]:
    """One outcome whose names are hostile and long."""
    found = rank_with("dataset=folder", f"dataset.root={unjudged}", "method=chance")
    hostile: dict[str, Any] = {"dataset": "[red]cats[/x] :cat:", "method": f"{'m' * 200}[/b]"}
    records = tuple(record.model_copy(update=hostile) for record in found.run.records)
    run = RunFile(records=records, not_ranked={"label_error": "failed: [/] " + "why " * 100}, complete=False)
    return [Outcome("[/b] odd", None, run, Path("/a/[b]/[/b]"), warnings=("one", "one", "two"))]


@pytest.mark.parametrize("columns", ["40", "200"])
def test_tables_are_whole_whatever_the_names_and_the_terminal(
    columns: str, outcomes: Sequence[Outcome], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_outcomes(outcomes)
    printed, errors = capsys.readouterr()
    printed = re.sub("\x1b[^m]*m", "", printed)
    assert errors == "warning: one\nwarning: two\n"
    assert "…" not in printed
    assert f"{'m' * 200}[/b]" in printed
    assert "[red]cats[/x] :cat:" in printed.replace("\n", " ")
    assert printed.count("why") == 100
    assert printed.endswith("[/b] odd: /a/[b]/[/b]\n")
