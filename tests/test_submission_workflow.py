"""The workflow that checks and merges submissions: its steps are run here as the runner would run them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from finished_runs import only
from submissions import drawn, submit

from cleanbench.leaderboard.board import boards

FILE = Path(__file__).parents[1] / ".github" / "workflows" / "submission.yml"


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    content = yaml.safe_load(FILE.read_text())
    # YAML 1.1 takes the key "on" for true.
    assert content[True] == {
        "pull_request": {"paths": ["leaderboards/incoming/**"]},
        "push": {"branches": ["main"], "paths": ["leaderboards/incoming/**"]},
    }
    return dict(content["jobs"])


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """Return a repository with boards, a sound and a broken submission, a remote and the interpreter in its place."""
    place = tmp_path / "checkout"
    (place / ".venv" / "bin").mkdir(parents=True)
    root.rename(place / "leaderboards")
    interpreter = place / ".venv" / "bin" / "python"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    interpreter.chmod(0o755)
    submit(place / "leaderboards", drawn(), "good")
    submit(place / "leaderboards", drawn(6), "bad", fingerprint="0" * 12)
    git(tmp_path, "init", "--quiet", "--bare", "remote")
    git(place, "init", "--quiet", "--initial-branch=main")
    (place / ".gitignore").write_text(".venv\n.lock\n*.lock\n")
    git(place, "add", ".")
    git(place, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "boards")
    git(place, "remote", "add", "origin", str(tmp_path / "remote"))
    git(place, "push", "--quiet", "--set-upstream", "origin", "main")
    return place


def git(place: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=place, check=True, capture_output=True, text=True).stdout


def step(job: dict[str, Any], name: str) -> str:
    (script,) = [each["run"] for each in job["steps"] if each.get("name") == name]
    assert "${{" not in script  # what a pull request says is never part of a script
    return str(script)


def ran(script: str, place: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"GITHUB_STEP_SUMMARY": str(place / "summary.md"), "HOME": str(place)}
    command = ["bash", "-e", "-c", script]
    return subprocess.run(command, cwd=place, env=environment, check=False, capture_output=True, text=True)


def test_what_is_sound_is_committed_beside_what_is_not(jobs: dict[str, Any], checkout: Path, tmp_path: Path) -> None:
    done = ran(step(jobs["merge"], "merge"), checkout)
    assert done.returncode == 1, done.stderr
    assert "is of data with fingerprint 000000000000" in done.stdout
    git(tmp_path, "clone", "--quiet", "--branch=main", "remote", "again")
    merged = tmp_path / "again" / "leaderboards"
    assert "good" in {record.method for record in only(merged).records()}
    assert [path.name for path in (merged / "incoming").iterdir()] == ["bad"]
    assert git(tmp_path / "again", "log", "-1", "--format=%s") == "Put submissions on their boards\n"
    # Again there is nothing to commit, and the job still says that something is wrong.
    assert ran(step(jobs["merge"], "merge"), checkout).returncode == 1
    assert git(checkout, "rev-list", "--count", "HEAD") == "2\n"


def test_the_report_is_shown_though_the_check_fails(jobs: dict[str, Any], checkout: Path) -> None:
    done = ran(step(jobs["check"], "report"), checkout)
    assert done.returncode == 1
    stop, *report, go = done.stdout.splitlines()
    token = stop.removeprefix("::stop-commands::")
    assert len(token) == 36
    assert go == f"::{token}::"
    assert any("is of data with fingerprint 000000000000" in line for line in report)
    assert (checkout / "summary.md").read_text().splitlines() == ["~~~~", *report, "~~~~"]
    assert len(boards(checkout / "leaderboards")) == 1
    assert (checkout / "leaderboards" / "incoming" / "good").exists()


def test_only_merging_may_write(jobs: dict[str, Any]) -> None:
    assert jobs["check"]["permissions"] == {"contents": "read"}
    assert jobs["merge"]["permissions"] == {"contents": "write"}
    assert jobs["check"]["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
