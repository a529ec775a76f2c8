"""The grid of methods and encoders in the terminal, on boards and in their check."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cleanbench.core import Issue
from cleanbench.leaderboard.board import Board, boards
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.drawn import differences
from cleanbench.leaderboard.merge import merge


@pytest.fixture(scope="module")
def swept(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the runs of a sweep over two methods and two encoders and what it printed."""
    output = tmp_path_factory.mktemp("swept")
    words = ["dataset=folder", f'dataset.root="{pictures}"', f'output="{output / "runs"}"']
    sweep = ["-m", "method=knn_disagreement,selfclean,chance", "encoder=hog,pixels"]
    ran = subprocess.run(
        [sys.executable, "-m", "cleanbench", *sweep, *words], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return output / "runs", ran.stdout


@pytest.fixture
def root(swept: tuple[Path, str], tmp_path: Path) -> Path:
    merged = merge(swept[0], tmp_path / "boards")
    assert not merged.refused
    return tmp_path / "boards"


def only(root: Path) -> Board:
    (board,) = boards(root)
    return board


def test_a_sweep_prints_the_grid_after_its_tables(swept: tuple[Path, str]) -> None:
    before, title, after = swept[1].partition("Label error on pictures: AP by method and encoder\n")
    assert title
    assert "by chance" in before.partition("Label error on")[2]
    head, first, second, means, said, beside, *_ = after.splitlines()
    assert set(head.split()) == {"Method", "hog", "pixels", "mean"}
    assert {first.split()[0], second.split()[0]} == {"knn_disagreement", "selfclean"}
    assert means.split()[0] == "mean"
    found = re.findall(r"(\d+)%", said.partition("(")[0])
    assert len(found) == 3
    assert 98 <= sum(map(int, found)) <= 102
    assert beside.startswith("Without an encoder: chance 0.")
    assert "Off topic on pictures: AP by method" not in swept[1]  # one method only


def test_the_board_by_encoder_ranks_methods_on_the_same_one(root: Path) -> None:
    board = only(root)
    page = board.by_encoder(Issue.LABEL_ERROR).read_text()
    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert next(iter(sections)) == "Methods × encoders"
    assert {"On `hog`", "On `pixels`", "Without an encoder"} <= set(sections)
    for encoder in ("hog", "pixels"):
        table = [line.split(" | ") for line in sections[f"On `{encoder}`"].splitlines() if line.startswith("|")]
        assert {cells[2].removesuffix(" ‡") for cells in table[2:]} == {f"`{encoder}`", ""}
        assert sum("by chance" in cells[1] for cells in table) == 1
        assert len(table) == 5
    assert "![AP by method and encoder: label error on pictures" in page
    assert "(label_error_grid.svg)" in page
    assert "| interaction of method and encoder | " in page
    free = board.table(Issue.LABEL_ERROR).read_text()
    assert "(label_error_by_encoder.md)" in free
    assert "by_encoder" not in board.table(Issue.OFF_TOPIC).read_text()
    assert "label_error_by_encoder.md)" in (root / "README.md").read_text()
    assert not board.by_encoder(Issue.OFF_TOPIC).exists()
    assert not check(root).differences


def test_merging_again_changes_no_byte_and_removes_what_lost_its_grid(root: Path, swept: tuple[Path, str]) -> None:
    board = only(root)
    files = [path for path in root.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    merge(swept[0], root)
    assert {path: path.read_bytes() for path in files} == before
    for record in board.records():
        if record.encoder == "pixels":
            board.ranking(record).unlink()
    kept = [line for line in board.records_file.read_text().splitlines(keepends=True) if '"pixels"' not in line]
    board.records_file.write_text("".join(kept))
    assert any("by_encoder.md: no record has this file" in found for found in check(root).differences)
    empty = root.parent / "none"
    empty.mkdir()
    merge(empty, root)
    assert not check(root).differences
    assert not board.grid(Issue.LABEL_ERROR).exists()


def change_digit(path: Path, pattern: str) -> None:
    """Change the first digit that a pattern ends at."""
    text = path.read_text()
    found = re.search(pattern + r"[^0-9]*?0\.\d", text, re.DOTALL)
    assert found
    at = found.end() - 1
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])


@pytest.mark.parametrize(
    ("file", "pattern", "message"),
    [
        ("label_error_by_encoder.md", r"\| AP \|.*?selfclean`", "not what its records give"),
        ("label_error_by_encoder.md", r"\*mean\*", "not what its records give"),
        ("label_error_grid.svg", r'"means"', "its data are"),
        ("label_error_grid.svg", r"<text[^>]*>(?=0\.)", "it does not show what its records give: '0."),
    ],
)
def test_a_changed_digit_is_found(root: Path, file: str, pattern: str, message: str) -> None:
    change_digit(only(root).folder / file, pattern)
    (difference,) = check(root).differences
    assert f"{file}: " in difference
    assert message in difference


def test_missing_and_damaged_figures_are_found(root: Path) -> None:
    figure = only(root).grid(Issue.LABEL_ERROR)
    drawn = figure.read_text()
    figure.write_text(re.sub(r"<text.*?</text>", "", drawn, count=1, flags=re.DOTALL))
    assert "does not show" in check(root).differences[0]
    figure.write_text(drawn[:500])
    assert "no readable SVG file" in check(root).differences[0]
    figure.unlink()
    (difference,) = check(root).differences
    assert "no readable SVG file (no such file)" in difference


DRAWN: dict[str, tuple[str, str, str]] = {
    "a script": ("</svg>", "<script>alert(1)</script></svg>", "it does not show"),
    "an empty script": ("</svg>", '<script href="https://x.example/a.js"/></svg>', "an element script"),
    "foreign words": ("</svg>", "<foreignObject>AP 1.000</foreignObject></svg>", "it does not show"),
    "an image": (
        "</svg>",
        '<image href="https://x.example/a.png" width="9" height="9"/></svg>',
        "it has image with href",
    ),
    "more text": ("</text>", "<tspan>9</tspan></text>", "it does not show"),
    "colours": (r"fill: #(?!000|fff)[0-9a-f]{6}", "fill: #ff0000", "it has path in fill: #ff0000"),
    "places": (r"translate\(", "translate(9", "another place"),
    "a style": (r"<style[^>]*>", '<style type="text/css">text{display:none}', "it does not show"),
    "hidden": (r'<text style="', '<text style="visibility: hidden; ', "with style='visibility: hidden"),
    "an event": (r"<path ", '<path onclick="alert(1)" ', "path with onclick"),
    "an instruction": (r"<svg", '<?xml-stylesheet href="https://x.example/a.css"?><svg', "does not begin as"),
    "an entity": (r"<!DOCTYPE svg[^>]*>", '<!DOCTYPE svg [<!ENTITY a "aaaa">]>', "does not begin as"),
}


@pytest.mark.parametrize("version", ["the same version", "another version"])
@pytest.mark.parametrize("what", DRAWN)
def test_a_figure_that_was_changed_is_found(what: str, version: str, root: Path) -> None:
    figure = only(root).grid(Issue.LABEL_ERROR)
    drawn = figure.read_text()
    pattern, new, message = DRAWN[what]
    changed = re.sub(pattern, new, drawn, count=0 if what == "colours" else 1)
    assert changed != drawn
    if version == "another version":
        changed = changed.replace("Matplotlib v", "Matplotlib v1.")
    figure.write_text(changed)
    (difference,) = differences(figure, drawn)
    assert message in difference


def test_a_figure_of_another_processor_may_differ_by_rounding(root: Path) -> None:
    figure = only(root).grid(Issue.LABEL_ERROR)
    drawn = figure.read_text()
    for step, count in ((0.01, 0), (0.2, 1)):
        moved = re.sub(r"L (\d+\.\d+)", lambda found, step=step: f"L {float(found[1]) + step:.6f}", drawn)
        assert moved != drawn
        figure.write_text(moved)
        assert len([*differences(figure, drawn)]) == count


def test_a_figure_by_another_version_may_be_placed_a_little_differently(root: Path) -> None:
    figure = only(root).grid(Issue.LABEL_ERROR)
    drawn = figure.read_text()
    moved = re.sub(r"L (\d+)", lambda found: f"L {int(found[1]) + 2}", drawn).replace("\n", "\n\n", 40)
    figure.write_text(moved)
    assert [*differences(figure, drawn)]
    figure.write_text(moved.replace("Matplotlib v", "Matplotlib v1.").replace("\n\n", "\n", 3))
    assert [*differences(figure, drawn)] == []
