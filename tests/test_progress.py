"""Progress bars on a terminal, also on one that does not know its size."""

import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cleanbench.images import Files, Images
from cleanbench.progress import TERMINAL, progress

Shown = Callable[[], str]


@pytest.fixture(params=[(0, 0), (24, 100)], ids=["of unknown size", "of 100 columns"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """Return a function that makes a terminal the one that bars are shown on, and tells what it shows."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *request.param, 0, 0))
    os.set_blocking(master, False)
    monkeypatch.delenv(TERMINAL, raising=False)
    stream = os.fdopen(slave, "w", buffering=1)
    shown = ""

    def read() -> str:
        nonlocal shown
        monkeypatch.setattr(sys, "stderr", stream)  # pytest sets its own after the fixtures
        try:
            while True:
                shown += os.read(master, 65536).decode()
        except BlockingIOError:
            return shown

    yield read
    os.close(master)
    stream.close()


def at_once(bar: Any) -> Any:
    """Let a bar show every step, for which a user would have to wait."""
    bar.delay = bar.mininterval = bar.miniters = 0
    bar.dynamic_miniters = False
    return bar


def test_a_bar_shows_how_far_it_is_and_how_long_it_takes(terminal: Shown) -> None:
    assert terminal() == ""
    with progress("work", 4, "step") as bar:
        bar.update(1)
        assert terminal() == "", "short work shows nothing"
        at_once(bar)
        bar.update(1)
    assert "work:  50%" in terminal()
    assert "2/4 [" in terminal()
    lines = terminal().split("\r")
    assert max(map(len, lines)) <= 100


def test_a_training_shows_itself_at_once_then_loss_rank_and_remaining_time(
    terminal: Shown, unjudged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cleanbench.encoders.ssl import training
    from cleanbench.encoders.ssl.encoder import SelfSupervised

    at_start: list[str] = []
    views = training.views

    def looked(*arguments: object) -> object:
        at_start.append(terminal())
        return views(*arguments)  # type: ignore[arg-type]

    def eager(title: str, total: int, unit: str) -> object:
        return at_once(progress(title, total, unit))

    monkeypatch.setattr(training, "views", looked)
    monkeypatch.setattr(training, "progress", eager)
    assert terminal() == ""
    settings = SelfSupervised(width=8, size=16, epochs=2, batch_size=8, head_width=32, head_outputs=16, rank_floor=1.0)
    settings.prepare(Images(Files(tuple(sorted(unjudged.rglob("*.png"))) * 3)), tmp_path)
    assert "training simclr:   0%" in at_start[0], "before the first step, which may take long"
    shown = terminal()
    assert "loss " in shown
    assert "rank ?" in shown
    last = next(line for line in shown.split("\r") if "5/6" in line)
    assert "rank " in last
    assert "rank ?" not in last
    assert "<00:0" in last, "the remaining time"


def test_without_a_terminal_nothing_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        monkeypatch.setenv(TERMINAL, str(log.fileno()))
        with progress("work", 4, "step") as bar:
            at_once(bar)
            bar.update(2)
    assert (tmp_path / "log").read_text() == ""
