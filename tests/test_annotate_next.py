"""Drawing what to judge next, from finished runs to numbers that are estimates."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import draw as draw_images
from conftest import table

from cleanbench.annotate_next.__main__ import Options, annotate_next
from cleanbench.annotate_next.frame import frame_of
from cleanbench.annotate_next.sheet import read
from cleanbench.audit.runs import audits
from cleanbench.commands.tables import print_outcomes
from cleanbench.core import Issue, UserError
from cleanbench.datasets.truth_tables import read_truth
from cleanbench.fusion.members import standing
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge
from cleanbench.metrics import evaluate
from cleanbench.pairs import pair_count
from cleanbench.rankings import read_table
from cleanbench.sampled import doubts_of, in_words, population

Rank = Callable[..., Any]
COUNT = 40
IDS = [f"i{number:02d}" for number in range(COUNT)]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return images of noise of which some are bright, without a truth."""
    root = tmp_path / "few"
    draw_images(root, COUNT)
    return root


def ask(tmp_path: Path, issue: Issue, **options: Any) -> Path:
    assert annotate_next(Options("few", issue, output=tmp_path / "runs", **options)) == 0
    return tmp_path / "runs/few/to_judge" / ("near_duplicates.csv" if issue.ranks_pairs else "off_topic_samples.csv")


def fill(sheet: Path, faulty: Callable[[str], bool]) -> None:
    """Judge what a sheet asks."""
    with sheet.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with sheet.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        for row in rows:
            key = row.get("id") or row["id_list"]
            writer.writerow({**row, "label": row["label"] or int(faulty(key))})


def odd(name: str) -> bool:
    return int(name[1:]) % 7 == 0


def test_from_unjudged_images_to_estimates_on_a_board(rank_with: Rank, pictures: Path, tmp_path: Path) -> None:
    data = ["dataset=folder", f"dataset.root={pictures}"]
    for method in ("luminance", "chance"):
        rank_with(f"method={method}", *data)
    sheet = ask(tmp_path, Issue.OFF_TOPIC, budget=16)
    lines = read(sheet, Issue.OFF_TOPIC)
    assert len(lines) == 16
    assert all(line.label is None for line in lines)
    assert sum(1 / line.inclusion for line in lines) == pytest.approx(COUNT)
    assert any("by luminance" in line.why for line in lines)

    # As long as it is not filled in, nothing else is drawn.
    before = sheet.read_text()
    ask(tmp_path, Issue.OFF_TOPIC, budget=16, seed=1)
    assert sheet.read_text() == before

    fill(sheet, odd)
    (pictures / "off_topic_samples.csv").write_text(sheet.read_text())
    outcome = rank_with("method=luminance", *data)
    (record,) = outcome.run.records
    assert record.items == 16
    assert record.notes["estimated items"] == COUNT
    assert "16 judged images" in in_words(record)
    items, scores = read_table(outcome.folder / "rankings/off_topic.parquet", Issue.OFF_TOPIC, "score")
    exact = evaluate(np.array([odd(item[0]) for item in items]), scores)["AP"].value
    assert exact is not None
    assert record.metrics["AP"].value == pytest.approx(exact, abs=4 * record.notes["standard error of AP"] + 0.05)
    assert record.metrics["FoE"].reason == "not estimated from a sample of judged items"
    assert population(record)[1] == COUNT

    # The numbers follow from the files, as those of any record.
    assert not merge(tmp_path / "runs", tmp_path / "boards").refused
    assert not check(tmp_path / "boards").differences
    page = next((tmp_path / "boards").rglob("off_topic.md")).read_text()
    assert "They are a random sample" in page

    # The next draw takes what is judged for certain.
    rank_with("method=chance", *data)
    ask(tmp_path, Issue.OFF_TOPIC, budget=10)
    lines = read(sheet, Issue.OFF_TOPIC)
    assert [line.inclusion for line in lines if line.label is not None] == [1.0] * 16
    assert sum(1 / line.inclusion for line in lines) == pytest.approx(COUNT)
    assert len({line.item for line in lines}) == len(lines) == 26


def test_pairs_are_asked_inside_and_outside_of_the_queues(rank_with: Rank, pictures: Path, tmp_path: Path) -> None:
    data = ["dataset=folder", f"dataset.root={pictures}", "retrieve=60"]
    table(pictures / "near_duplicates.csv", "id_list,label", ['"i00,i01",1', '"i02,i03",0'])
    for method in ("phash", "dhash", "luminance"):
        rank_with(f"method={method}", *data)
    sheet = ask(tmp_path, Issue.NEAR_DUPLICATE, budget=40, outside=0.25)
    lines = read(sheet, Issue.NEAR_DUPLICATE)
    asked = [line for line in lines if line.label is None]
    assert len(asked) == 40
    assert {line.item: line.label for line in lines if line.label is not None} == {
        ("i00", "i01"): True,
        ("i02", "i03"): False,
    }
    frame = frame_of(tmp_path / "runs/few", Issue.NEAR_DUPLICATE, None)
    outside = [line for line in asked if line.why == "a pair that no method retrieved"]
    assert len(outside) == 10
    assert not {line.item for line in outside} & (set(frame.items) | frame.judged.keys())
    assert {line.item for line in asked} - {line.item for line in outside} <= set(frame.items)
    assert sum(1 / line.inclusion for line in lines) == pytest.approx(pair_count(COUNT))

    fill(sheet, lambda key: sum(int(part[1:]) for part in key.split(",")) % 5 == 0)
    (pictures / "near_duplicates.csv").write_text(sheet.read_text())
    (record,) = rank_with("method=phash", *data).run.records
    assert record.notes["estimated items"] == pair_count(COUNT)
    assert record.metrics["AP"].value is not None
    assert record.metrics["P@10"].value is not None
    assert record.metrics["P@100"].reason is not None
    assert "whose places are known" in record.metrics["P@100"].reason
    merged = merge(tmp_path / "runs", tmp_path / "boards")
    assert not merged.refused
    assert not check(tmp_path / "boards").differences
    assert list((tmp_path / "boards").rglob("*_queue.parquet"))
    assert merge(tmp_path / "runs", tmp_path / "boards").added == 0
    # Without its queue a record of estimates cannot be checked, and is not taken for right.
    for queue in (tmp_path / "boards").rglob("*_queue.parquet"):
        queue.unlink()
    assert check(tmp_path / "boards").differences


def test_few_draws_from_the_same_frame_are_unbiased_for_counts(rank_with: Rank, pictures: Path, tmp_path: Path) -> None:
    rank_with("method=luminance", "dataset=folder", f"dataset.root={pictures}")
    counts = []
    for seed in range(60):
        sheet = tmp_path / f"sheets/{seed}.csv"
        ask(tmp_path, Issue.OFF_TOPIC, budget=12, seed=seed, to=sheet)
        fill(sheet, odd)
        truth, warnings = read_truth(sheet, Issue.OFF_TOPIC, IDS)
        assert not warnings
        assert truth.inclusion is not None
        counts.append((truth.labels / truth.inclusion).sum())
    exact = sum(map(odd, IDS))
    assert abs(np.mean(counts) - exact) < 3 * np.std(counts) / np.sqrt(len(counts))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0}, "budget=0 must be at least 1"),
        ({"outside": 1.0}, r"outside=1\.0 must be above 0 and below 1"),
        ({"to": Path("/proc/foo.csv")}, "/proc/foo.csv cannot be written"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
        ({"issue": Issue.LABEL_ERROR}, "no finished run in .* ranks label_error"),
        ({"dataset": "many"}, "there are no runs of 'many'.*few"),
        ({"issue": Issue.NEAR_DUPLICATE}, "ranks near_duplicate"),
    ],
)
def test_mistakes_are_told(
    options: dict[str, Any], message: str, rank_with: Rank, pictures: Path, tmp_path: Path
) -> None:
    rank_with("method=luminance", "dataset=folder", f"dataset.root={pictures}")
    given = {"dataset": "few", "issue": Issue.OFF_TOPIC, "output": tmp_path / "runs"} | options
    with pytest.raises(UserError, match=message):
        annotate_next(Options(**given))


def test_everything_judged_leaves_nothing_to_ask(rank_with: Rank, pictures: Path, tmp_path: Path) -> None:
    table(pictures / "off_topic_samples.csv", "id,label", [f"{name},{int(odd(name))}" for name in IDS])
    rank_with("method=luminance", "dataset=folder", f"dataset.root={pictures}")
    with pytest.raises(UserError, match="all 40 ranked images are judged"):
        ask(tmp_path, Issue.OFF_TOPIC)


def test_a_sheet_that_is_none_is_told(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,label\na,1\n")
    with pytest.raises(UserError, match="is no sheet for off_topic: it lacks inclusion, why"):
        read(sheet, Issue.OFF_TOPIC)
    sheet.write_text("id,label,inclusion,why\na,maybe,0.5,x\n")
    with pytest.raises(UserError, match="line 2: the label is 'maybe'"):
        read(sheet, Issue.OFF_TOPIC)


def test_a_fusion_of_estimates_is_one(rank_with: Rank, pictures: Path, tmp_path: Path) -> None:
    from cleanbench.fusion.fuse import fuse
    from cleanbench.fusion.members import find

    data = ["dataset=folder", f"dataset.root={pictures}", "encoder=pixels"]
    for method in ("luminance", "ecod"):
        rank_with(f"method={method}", *data)
    sheet = ask(tmp_path, Issue.OFF_TOPIC, budget=16)
    fill(sheet, odd)
    (pictures / "off_topic_samples.csv").write_text(sheet.read_text())
    for method in ("luminance", "ecod"):
        rank_with(f"method={method}", *data)
    outcome = fuse(find(tmp_path / "runs/few", "all"), (Issue.OFF_TOPIC,), 60)
    (record,) = outcome.run.records
    assert population(record)[1] == COUNT
    assert record.metrics["AP"].value is not None
    assert not merge(tmp_path / "runs", tmp_path / "boards").refused


def test_a_sample_that_stands_for_nothing_says_why_there_are_no_numbers(
    rank_with: Rank, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{name},{int(odd(name))},0.37\n" for name in IDS[:10])
    (pictures / "off_topic_samples.csv").write_text("id,label,inclusion\n" + rows)
    outcome = rank_with("method=luminance", "dataset=folder", f"dataset.root={pictures}")
    assert population(outcome.run.records[0]) == (0, 0)
    print_outcomes([outcome])
    told = capsys.readouterr().out
    assert "nothing can be estimated from the sample of 10 judged images" in told
    assert "few: 10 items have the inclusion probability 0.37, which makes them a sample of 27.027 items" in told
    by_chance = next(line for line in told.splitlines() if line.startswith("by chance"))
    assert set(by_chance.removeprefix("by chance").split()) == {"–"}


def test_samples_are_not_audited_and_bounded_estimates_are_told(
    rank_with: Rank, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{name},{int(place > 0)},0.25\n" for place, name in enumerate(IDS[:10]))
    (pictures / "off_topic_samples.csv").write_text("id,label,inclusion\n" + rows)
    outcome = rank_with("method=luminance", "dataset=folder", f"dataset.root={pictures}")
    record = outcome.run.records[0].model_copy(
        update={"notes": outcome.run.records[0].notes | {"unbounded estimate of P@10": 1.4}}
    )
    assert "P@10 1.4 as" in doubts_of(record)[0]
    print_outcomes([outcome])
    assert "±: standard error of an estimate from a sample" in capsys.readouterr().out
    found, refused = audits(standing(outcome.folder.parent), [Issue.OFF_TOPIC])
    assert not found
    assert refused[Issue.OFF_TOPIC].startswith("only a sample was judged")
