"""``python -m cleanbench.report``, and the pages that runs and sweeps leave, through the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from cleanbench.report.finished import read


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """Return the runs of a sweep and of a run by itself."""
    here = tmp_path_factory.mktemp("here")
    data = ("dataset=folder", f"dataset.root={pictures}")
    ran(
        here,
        "cleanbench",
        "-m",
        *data,
        "method=dhash,luminance",
        "report=true",
        says="compared: runs/pictures/report.html",
    )
    ran(here, "cleanbench", *data, "method=ahash", "report=false", says="ahash")
    return here / "runs" / "pictures"


def ran(here: Path, module: str, *words: str, says: str, code: int = 0) -> str:
    """Run a command and return what it printed, which holds ``says``."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=here, capture_output=True, text=True, check=False, env=os.environ
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert says in said
    return said


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_runs_and_sweeps_leave_pages(runs: Path) -> None:
    for method in ("dhash", "luminance"):
        page = only(runs, f"{method}-*/report.html").read_text()
        assert f"{method} on pictures" in page
        assert "<img" in page
    assert not list(runs.glob("ahash-*/report.html"))
    assert "2 runs on pictures" in (runs / "report.html").read_text()


def test_a_run_keeps_what_repeats_it(runs: Path, pictures: Path) -> None:
    assert (
        read(only(runs, "ahash-*")).command
        == f"python -m cleanbench dataset=folder dataset.root={pictures} method=ahash report=false"
    )


def test_a_page_of_a_run_is_written_later_with_the_images_it_names(runs: Path) -> None:
    folder = only(runs, "ahash-*")
    said = ran(runs, "cleanbench.report", f"run={folder}", says=f"{folder}/report.html")
    assert "warning" not in said
    assert "<img" in (folder / "report.html").read_text()


def test_without_the_images_the_page_says_so(runs: Path) -> None:
    folder = only(runs, "ahash-*")
    config = folder / "config.yaml"
    kept = config.read_text()
    config.write_text(kept.replace("dataset.root", "x").replace("root: ", "root: /nowhere"))
    try:
        ran(runs, "cleanbench.report", f"run={folder}", says="warning: no images on the page")
    finally:
        config.write_text(kept)
    page = (folder / "report.html").read_text()
    assert "<img" not in page
    assert "The images were not at hand" in page


def test_a_damaged_run_is_told_once(runs: Path) -> None:
    folder = only(runs, "ahash-*")
    (ranking, *_) = sorted((folder / "rankings").glob("*.parquet"))
    kept = ranking.read_bytes()
    pyarrow.parquet.write_table(pyarrow.table({}), ranking)
    try:
        said = ran(runs, "cleanbench.report", f"run={folder}", says="score; it has no columns", code=2)
    finally:
        ranking.write_bytes(kept)
    assert said.count("lacks") == 1
    assert "no images" not in said


def test_all_runs_of_a_data_set_are_compared(runs: Path, pictures: Path) -> None:
    ran(
        runs.parent.parent,
        "cleanbench.report",
        "dataset=folder",
        f"dataset.root={pictures}",
        says="runs/pictures/report.html",
    )
    assert "3 runs on pictures" in (runs / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run=nowhere"], "no folder of a finished run"),
        (["output=nowhere"], "there are no runs of 'demo'"),
        (["runs=here"], "there is no option 'runs=here'. Did you mean 'run='?"),
        (["dataset=nothing"], "no dataset called 'nothing'"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, words: list[str], says: str) -> None:
    ran(tmp_path, "cleanbench.report", *words, says=says, code=2)
