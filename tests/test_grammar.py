"""The grammar of options that commands share."""

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from cleanbench.commands import grammar
from cleanbench.core import Issue, UserError


@dataclass(frozen=True)
class Options:
    """Do something.

    More about it.

    Attributes:
        issue: What to look at,
            over two lines.
        depth: How far.
        name: Whose.
        quiet: Say nothing.
    """

    issue: Issue
    depth: int = 3
    name: str | None = None
    quiet: bool = False


def test_options_are_read_by_their_type() -> None:
    assert grammar.fill(Options, ["issue=off_topic"]) == Options(Issue.OFF_TOPIC)
    words = ["issue=label_error", "depth=5", "name=a=b", "--quiet"]
    assert grammar.fill(Options, words) == Options(Issue.LABEL_ERROR, 5, "a=b", True)
    assert grammar.fill(Options, ["issue=off_topic", "name=null", "quiet=false"]) == Options(Issue.OFF_TOPIC)


@dataclass(frozen=True)
class Written:
    """Write something."""

    file: Path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no value for issue; give issue=…"),
        (["issue=of_topic"], "Did you mean 'off_topic'?"),
        (["depth=deep"], "depth=deep: expected a value of type int"),
        (["depth=1_0"], "depth=1_0: expected a value of type int"),
        (["depth= 1"], "depth= 1: expected a value of type int"),
        (["depth=\u0661"], "depth=\u0661: expected a value of type int"),
        (["depth="], "depth= has no value"),
        (["depth=1", "depth=2"], "depth is given twice"),
        (["quiet=yes"], "expected true or false"),
        (["--depth=1"], "Did you mean 'depth='?"),
        (["dept"], "Available: issue=, depth=, name=, --quiet, --help"),
    ],
)
def test_mistakes_in_options_are_explained(words: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        grammar.fill(Options, words)
    assert message in str(caught.value)


def test_a_path_that_cannot_be_looked_at_is_refused() -> None:
    with pytest.raises(UserError, match=r"file=x{79}… cannot be looked at \(File name too long\)"):
        grammar.fill(Written, [f"file={'x' * 5000}"])


def test_a_terminated_command_ends_as_after_ctrl_c() -> None:
    def ended(_: Written) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as left:
            grammar.run("python -m cleanbench.something", Written, ended, ["file=x"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert left.value.code == 143


def test_the_help_comes_from_the_docstring() -> None:
    lines = grammar.help_of("python -m cleanbench.something", Options).splitlines()
    assert lines[:3] == ["usage: python -m cleanbench.something [key=value ...] [--flag ...]", "", "Do something."]
    assert lines[4] == "More about it."
    assert [" ".join(line.split()) for line in lines[6:]] == [
        "issue=… What to look at, over two lines.",
        "depth=3 How far.",
        "name=null Whose.",
        "--quiet Say nothing.",
        "--help Show this and exit.",
    ]
