"""Boards as CSV, JSON, LaTeX and HTML files."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from finished_runs import edit_run, make_run, only

from cleanbench.core import Issue, digest_of
from cleanbench.leaderboard import tables
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.entries import entries_of
from cleanbench.leaderboard.exports import as_csv, as_latex
from cleanbench.leaderboard.markdown import code, escaped
from cleanbench.leaderboard.merge import merge
from cleanbench.leaderboard.spreadsheet import FORMULA, text_cell
from cleanbench.metrics import METRICS
from cleanbench.records import Terms

HOSTILE = "<script>alert(1)</script> & 50% of_$x$ {y} \\z #1 ~^"


def lines(root: Path, issue: Issue = Issue.OFF_TOPIC) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(only(root).exported(issue, ".csv").read_text())))


def test_csv_and_json_say_what_the_records_say_with_all_digits(root: Path) -> None:
    board = only(root)
    records = {each.key: each for each in board.records() if each.issue is Issue.OFF_TOPIC}
    content = json.loads(board.exported(Issue.OFF_TOPIC, ".json").read_text())
    *rows, chance = lines(root)
    assert [row["method"] for row in rows] == [row["method"] for row in content["rows"]]
    assert len(rows) == 3
    for row, other in zip(rows, content["rows"], strict=True):
        own = [records[run["key"]] for run in other["runs"]]
        values = [record.metrics["AP"].value for record in own]
        assert float(row["AP"]) == other["metrics"]["AP"]["value"] == pytest.approx(sum(values) / len(values), abs=0)
        assert int(row["seeds"]) == len(own) == (2 if "knn" in row["method"] else 1)
        assert all((board.folder / run["ranking"]).exists() for run in other["runs"])
    (first, *_) = records.values()
    assert float(chance["AP"]) == METRICS["AP"].chance(first.faulty, first.items)
    assert content["metrics"]["AP"]["chance"] == float(chance["AP"])
    assert content["truth"]["kind"] == "synthetic"


def test_latex_escapes_names_and_closes_what_it_opens(root: Path) -> None:
    records = [each for each in only(root).records() if each.issue is Issue.OFF_TOPIC]
    hostile = [each.model_copy(update={"method": HOSTILE}) for each in records[:1]]
    text = as_latex(entries_of(hostile), hostile)
    (line,) = [line for line in text.splitlines() if "script" in line]
    assert line.count(" & ") == text.splitlines()[6].count(" & ")
    plain = re.sub(r"\\(text\w+\{\}|[$&#%_{}]|\\$)", "", line)
    assert not re.search(r"[\\$#%_{}~^<>]", plain), plain
    for opened, closed in ((r"\begin{table}", r"\end{table}"), (r"\begin{tabular}", r"\end{tabular}")):
        assert text.count(opened) == text.count(closed) == 1
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")


def test_a_spreadsheet_takes_no_name_for_a_formula(root: Path) -> None:
    records = [each for each in only(root).records() if each.issue is Issue.OFF_TOPIC]
    hostile = [records[0].model_copy(update={"method": "=HYPERLINK(1)"})]
    row, _ = csv.DictReader(io.StringIO(as_csv(entries_of(hostile), hostile)))
    assert row["method"] == "'=HYPERLINK(1)"


ACTS = "evil\r\r<h1>x\u2028y\x85z\u202eq\x1b[2J"


def test_signs_that_act_are_shown_and_end_no_row(root: Path) -> None:
    records = [each for each in only(root).records() if each.issue is Issue.OFF_TOPIC]
    hostile = [records[0].model_copy(update={"method": ACTS, "encoder": ACTS, "settings": {}, "changed": {}})]
    texts = [as_csv(entries_of(hostile), hostile), as_latex(entries_of(hostile), hostile), tables.page(hostile)]
    for text in (*texts, code(ACTS), escaped(ACTS), text_cell(ACTS)):
        assert not set(text) & set("\r\u2028\x85\u202e\x1b"), text
        assert "evil" in text
    assert code(ACTS) == r"`evil\r\r<h1>x\u2028y\x85z\u202eq\x1b[2J`"


def test_no_csv_file_of_all_boards_holds_a_formula(tmp_path: Path) -> None:
    for dataset in ("demo", "=other"):
        run = make_run(tmp_path / "runs", "=1+1", key=digest_of([dataset]))
        edit_run(run, dataset=dataset)
        run.parent.rename(tmp_path / "runs" / dataset)
    merge(tmp_path / "runs", tmp_path / "boards")
    rows = list(csv.reader(io.StringIO((tmp_path / "boards" / "aggregate.csv").read_text())))
    assert {"'=1+1"} <= {cell for row in rows for cell in row}
    assert not [cell for row in rows for cell in row if cell.startswith(FORMULA)]


def test_a_licence_goes_wherever_the_numbers_go(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs")
    edit_run(run, terms=Terms(licence="CC-BY-NC-4.0", commercial=False))
    merge(tmp_path / "runs", tmp_path / "boards")
    board = only(tmp_path / "boards")
    texts = [path.read_text() for path in board.pages() if path.suffix not in (".svg", ".json")]
    texts.append((tmp_path / "boards" / "index.html").read_text())
    assert len(texts) > 8
    assert all("Non-commercial use only" in text for text in texts)
    assert json.loads(board.exported(Issue.OFF_TOPIC, ".json").read_text())["terms"]["commercial"] is False


@pytest.mark.parametrize(
    "file", ["off_topic.csv", "off_topic.json", "off_topic.tex", "off_topic.html", "off_topic/", ""]
)
def test_a_changed_digit_in_any_file_is_found(root: Path, file: str) -> None:
    folder = only(root).folder
    path = (
        next((folder / file).glob("*.html")) if file.endswith("/") else folder / file if file else root / "index.html"
    )
    text = path.read_text()
    at = next(match.start() for match in re.finditer(r"0\.\d", text[len(text) // 4 :])) + len(text) // 4 + 2
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])
    (difference,) = check(root).differences
    assert difference.startswith(f"{path}: not what its records give")
    assert len(difference) < 400


def test_pages_of_lines_that_are_gone_are_removed(root: Path, tmp_path: Path) -> None:
    stale = only(root).entry(Issue.OFF_TOPIC, "gone-12345678")
    stale.write_text("old")
    assert f"{stale}: no record has this file" in "\n".join(check(root).differences)
    (tmp_path / "nothing").mkdir()
    merge(tmp_path / "nothing", root)
    assert not stale.exists()
    assert check(root).differences == ()
