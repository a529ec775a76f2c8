"""Commands about a data set understand its settings as a run does."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cleanbench.commands import composing
from cleanbench.core import UserError


@dataclass(frozen=True)
class Options:
    """Do something.

    Attributes:
        depth: How far.
    """

    depth: int = 1


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, Options | None, composing.Words | None]:
    told: list[tuple[Options, composing.Words]] = []
    monkeypatch.setattr(sys, "argv", ["command", *words])
    with pytest.raises(SystemExit) as ended:
        composing.run("command", Options, lambda *given: told.append(given) or 0, {"against": "Another."})
    options, given = told[0] if told else (None, None)
    return int(ended.value.code or 0), options, given


def test_settings_and_options_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("dataset=folder", "depth=3", "dataset.root=a=b", "+dataset.x=1", "against=demo", "truth.conflict=last")
    code, options, given = run(monkeypatch, *words, "--config-dir", "mine")
    assert (code, options) == (0, Options(3))
    assert given == {
        "dataset": ["dataset=folder", "dataset.root=a=b", "+dataset.x=1"],
        "contamination": [],
        "truth": ["truth.conflict=last"],
        "against": ["against=demo"],
    }


def test_the_help_names_both(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--help")[0] == 0
    shown = capsys.readouterr().out
    for said in ("depth=1", "dataset=…", "against=…", "--config-dir DIR"):
        assert said in shown


def test_an_unknown_option_is_a_mistake(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "dept=1")[0] == 2
    assert "Did you mean 'depth='?" in capsys.readouterr().err


def test_a_data_set_is_made_as_a_run_makes_it(pictures: Path) -> None:
    words = {"dataset": ["dataset=folder", f"dataset.root='{pictures}'"], "truth": ["truth.calibration=0.5"]}
    image_set = composing.image_set_of(words)
    assert len(image_set) == 24
    assert len(image_set.calibration) > 0


def test_a_data_set_of_ones_own_is_found(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dataset").mkdir()
    target = "_target_: cleanbench.datasets.folder.folder"
    (tmp_path / "dataset" / "mine.yaml").write_text(f"{target}\nroot: '{pictures}'\nname: mine\n")
    monkeypatch.setattr(sys, "argv", ["command", "--config-dir", str(tmp_path), "dataset=mine"])
    assert composing.image_set_of({"dataset": ["dataset=mine"]}).name == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dataset=nope"], "there is no dataset called 'nope'"),
        (["dataset=folder", "dataset.rot=a"], "'rot'"),
        (["dataset=folder"], "dataset.root has no value"),
        (["dataset=folder", "dataset.root=(a"], "quotes"),
    ],
)
def test_mistakes_are_explained(words: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        composing.image_set_of({"dataset": words})
    assert said in str(caught.value)
