"""The command behind the committed boards: what it would run, and that the committed boards hold what it makes."""

import subprocess
import sys
from pathlib import Path

import pytest

from cleanbench import zoo
from cleanbench.commands.boards import ENCODERS, SEEDS, SETTINGS, commands
from cleanbench.leaderboard.board import boards
from cleanbench.leaderboard.contaminated import Variant, variants

COMMITTED = Path(__file__).parents[1] / "leaderboards"


def test_a_plan_runs_nothing_and_names_every_sweep(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "cleanbench.commands.boards", f"output={tmp_path / 'runs'}", "--plan"]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)
    planned = ran.stdout.splitlines()
    assert planned == [f"python -m cleanbench {' '.join(line)}" for line in commands(tmp_path / "runs")]
    assert not (tmp_path / "runs").exists()
    for name in zoo.available("contamination"):
        asked = [line for line in planned if f"contamination={name} " in line]
        assert len(asked) == (0 if SETTINGS.get(name, ()) is None else 1), name
        for line in asked:
            assert "contamination.seed=0,1,2" in line


def test_the_committed_boards_hold_every_contamination_with_every_seed() -> None:
    contents = {board: board.records() for board in boards(COMMITTED)}
    made = {name for name in zoo.available("contamination") if SETTINGS.get(name, ()) is not None}
    found: dict[str, set[int]] = {}
    for boards_of in variants(contents).values():
        for records in boards_of.values():
            variant = Variant.of(records[0].dataset)
            assert variant is not None
            assert variant.base == "demo"
            found.setdefault(variant.protocol.rpartition("-")[0], set()).add(variant.seed)
    assert found == {name: set(SEEDS) for name in made}


@pytest.mark.parametrize("dataset", ["demo", "demo~mixed-0.05-s0"])
def test_the_committed_boards_hold_every_method_or_say_why_not(dataset: str) -> None:
    (board,) = [board for board in boards(COMMITTED) if board.folder.parent.name == dataset]
    ran = {record.method for record in board.records()}
    text = board.not_run_file.read_text() if board.not_run_file.exists() else ""
    for name in zoo.available("method"):
        assert name in ran or f'"{name}"' in text, name
    encoders = {record.encoder for record in board.records()} - {None}
    assert encoders >= ({"hog"} if "~" in dataset else set(ENCODERS))
