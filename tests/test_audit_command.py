"""``python -m cleanbench.audit`` on finished runs: its tables, files and refusals."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import draw, table

from cleanbench import UserError
from cleanbench.audit.listing import Listing, numbers, text
from cleanbench.commands import rank
from cleanbench.commands.audit import Delivery, Options, audit
from cleanbench.records import Measured, read_run
from cleanbench.report.audits import draw_effort, draw_overlap, draw_slices

SKINS = ("<script>", "dark", "")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 24 images with two truths and a fact that is missing of some."""
    root = tmp_path_factory.mktemp("data") / "skins"
    draw(root, 24)
    rows = [
        f"i{number:02d},{'ab'[number % 2]},{SKINS[number % 3]},{'yx'[number % 2]},all,{number < 20}"
        for number in range(24)
    ]
    table(root / "metadata.csv", "id,label,skin,also_label,same,early", rows)
    table(root / "off_topic_samples.csv", "id,label", [f"i{number:02d},{number % 4 // 3}" for number in range(20)])
    pairs = [f'"i{number:02d},i{number + 1:02d}",{number % 3 // 2}' for number in range(23)]
    table(root / "near_duplicates.csv", "id_list,label", pairs)
    return root


@pytest.fixture(scope="module")
def output(data: Path, rank_into: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two finished runs."""
    folder = tmp_path_factory.mktemp("runs")
    for settings in (("method=chance",), ("method=selfclean", "encoder=pixels", "method.contamination=.3")):
        rank_into(folder, *settings, "dataset=folder", f'dataset.root="{data}"')
    return folder


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_and_figures_of_all_issues(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(Options("skins", output=output, to=tmp_path, budget=10)) == 0
    printed = capsys.readouterr().out
    names = {path.stem for path in tmp_path.glob("*.csv")}
    for issue in ("off_topic", "near_duplicate"):
        for kind in ("effort", "stopping", "hours", "cuts", "overlap", "alike", "shares"):
            assert f"{kind}-{issue}" in names
        for kind in ("worst", "queue", "metrics"):
            assert {f"{kind}-{issue}-class", f"{kind}-{issue}-skin"} <= names
    assert "crossings" in names
    assert not {name for name in names if "also_label" in name or "same" in name}  # they make no slices of their own
    assert "Label error: not audited, there is no truth" in printed
    assert "Off topic, 5 of 20 annotated images faulty" in printed
    assert "<script>" in {row["skin"] for row in rows_of(tmp_path, "queue-off_topic-skin")}
    assert "not stated" in {row["skin"] for row in rows_of(tmp_path, "queue-off_topic-skin")}
    for path in tmp_path.glob("*.svg"):
        ElementTree.fromstring(path.read_text(encoding="utf-8"))
    assert {path.stem for path in tmp_path.glob("*.svg")} >= {"effort-off_topic", "overlap-off_topic"}


def test_tables_say_what_records_do(output: Path, tmp_path: Path) -> None:
    audit(Options("skins", output=output, to=tmp_path, budget=10, by="none"))
    records = {
        (record.method, record.issue): record
        for path in output.glob("skins/*/record.json")
        for record in read_run(path).records
    }
    for issue in ("off_topic", "near_duplicate"):
        rows = {row["Method"]: row for row in rows_of(tmp_path, f"effort-{issue}")}
        for method in ("chance", "selfclean (contamination=0.3)"):
            record = records[method.split()[0], issue]
            assert float(rows[method]["Recall at 10"]) == pytest.approx(record.metrics["R@10"].value)
        assert rows["chance"]["Items to 80%"] == rows["random order"]["Items to 80%"]
        (cut,) = rows_of(tmp_path, f"cuts-{issue}")
        recorded = records["selfclean", issue].cut
        assert int(cut["Flagged"]) == recorded.flagged
        assert float(cut["Recall"]) == pytest.approx(recorded.recall.value)
    assert not list(tmp_path.glob("queue-*"))


def test_one_run_is_enough(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit(Options("skins", "chance", output=output, to=tmp_path, by="skin"))
    assert not list(tmp_path.glob("shares-*"))
    assert not list(tmp_path.glob("cuts-*"))
    assert "by skin, 3 slices" in capsys.readouterr().out


def test_tables_share_an_order_and_headings(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit(Options("skins", output=output, to=tmp_path, budget=10, by="early"))
    printed = capsys.readouterr().out
    assert "Off topic: no slices by early, all that was judged is in one." in printed
    assert not (tmp_path / "worst-off_topic-early.csv").exists()
    assert (tmp_path / "worst-near_duplicate-early.csv").exists()
    rows = {kind: rows_of(tmp_path, f"{kind}-off_topic") for kind in ("effort", "stopping", "hours", "shares")}
    order = [row["Method"] for row in rows["effort"]]
    assert order.pop() == "random order"
    assert [float(row["Items to 95%"]) for row in rows["effort"][:2]] == sorted(
        float(row["Items to 95%"]) for row in rows["effort"][:2]
    )
    assert all([row["Method"] for row in rows[kind]] == order for kind in ("stopping", "hours", "shares"))
    assert {row["Ranked by"] for row in rows_of(tmp_path, "crossings")} == {"Off topic", "Near duplicate"}
    assert all("." not in row["Found"] for row in rows["hours"])
    line = next(line for line in printed.splitlines() if line.startswith("chance"))
    assert "–" in line  # it reads no embeddings


def test_a_wide_table_is_not_folded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "method " * 40
    columns = (*text("Method"), *numbers(1, "Faulty", "Clean"), *numbers(3, "Share"))
    listing = Listing("wide", "title", columns, [(name, 3.0, 2.25, 0.5), (None, 1234.0, 0, 1)])
    Delivery(tmp_path).table(listing)
    assert capsys.readouterr().out.splitlines()[2].split() == [*name.split(), "3", "2.2", "0.500"]
    assert (tmp_path / "wide.csv").read_text().splitlines()[1:] == [f"{name},3,2.25,0.5", ",1234,0,1"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"by": "hospital"}, r"knows no 'hospital' of its images; by= can be class, also_label, early, same, skin"),
        ({"budget": 0}, "budget"),
        ({"draws": 0}, "draws"),
        ({"draws": 10**11}, "draws=100000000000 must be at most 10000"),
        ({"sensitivity": 2.0}, "sensitivity"),
        ({"sensitivity": 1e-300}, r"sensitivity=1e-300 must be from 0\.01 to 1"),
        ({"specificity": 0.0}, r"specificity=0\.0 must be from 0\.01 to 1"),
        ({"seconds_per_image": 1e308}, r"seconds_per_image=1e\+308 must be at most 86400, the seconds of a day"),
        ({"share": 1.0}, "share=1.0"),
        ({"members": "nobody"}, "no finished run 'nobody'"),
        ({"issue": "label_error"}, "nothing to audit in .*there is no truth"),
    ],
)
def test_what_makes_no_sense_is_refused(output: Path, tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    from cleanbench import Issue

    if "issue" in settings:
        settings = {"issue": Issue(settings["issue"])}
    with pytest.raises(UserError, match=message):
        audit(Options("skins", output=output, to=tmp_path, **settings))


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has 300 bytes"):
        audit(Options("x" * 300, output=tmp_path))
    with pytest.raises(UserError, match="no finished run in"):
        audit(Options("empty", output=tmp_path))
    with pytest.raises(UserError, match=r"no runs of 'emty'.*empty"):
        audit(Options("emty", output=tmp_path))


def test_data_that_changed_are_not_sliced(
    data: Path, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metadata = data / "metadata.csv"
    before = metadata.read_text()
    metadata.write_text(before.replace("i00,a", "i00,b"))
    rank._image_set.cache_clear()
    try:
        audit(Options("skins", output=output, to=tmp_path))
        assert "No slices: the data set of" in capsys.readouterr().out
        with pytest.raises(UserError, match="no longer what was ranked"):
            audit(Options("skins", output=output, to=tmp_path, by="skin"))
    finally:
        metadata.write_text(before)
        rank._image_set.cache_clear()


def test_a_place_that_cannot_be_written_is_told(output: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        audit(Options("skins", output=output, to=tmp_path / "file"))


def test_figures_hold_their_data_and_any_name() -> None:
    name = "<b>&$x$\n"
    line = np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.9, 1.0])
    figures = [
        draw_effort({name: line}, name),
        draw_slices(
            {name: Measured(value=0.5, low=0.2, high=0.7), "no": Measured(value=None, reason="why")}, 0.4, name
        ),
        draw_slices({}, 0.4, name),
        draw_overlap([name], np.ones((1, 1)), name),
    ]
    for drawn in figures:
        root = ElementTree.fromstring(drawn)
        assert "<b>&$x$ " in {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert draw_effort({name: line}, name) == figures[0]
    assert "0.9" in figures[0]
