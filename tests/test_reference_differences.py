"""The page on differences from the reference names files and tests that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference-differences.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"`((?:benchmarks|cleanbench|methods|tests)/[\w/]+\.py)", PAGE)))
TESTS = sorted(set(re.findall(r"`(tests/\w+\.py)::(\w+)`", PAGE)))


def test_every_difference_says_what_is_done_and_what_shows_it() -> None:
    sections = re.split(r"^### ", PAGE.partition("## Further traps")[0], flags=re.MULTILINE)[1:]
    assert [int(section.partition(".")[0]) for section in sections] == list(range(1, 17))
    for section in sections:
        assert all(word in section for word in ("*Reference.*", "*cleanbench.*", "*Shown by*", "Where:")), section[:40]
        assert re.search(r"Corrected|Reproduc|Not applicable|Two methods", section), section[:40]


@pytest.mark.parametrize("file", FILES)
def test_files_that_are_named_exist(file: str) -> None:
    assert (ROOT / file).is_file()


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_tests_that_are_named_exist(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
