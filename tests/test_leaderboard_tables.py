"""The tables of a board."""

from pathlib import Path

import numpy as np
from finished_runs import REVISION, TRUTHS, make_run, only, table

from cleanbench.core import Issue, digest_of
from cleanbench.leaderboard.board import settled
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge
from cleanbench.leaderboard.rows import rows_of
from cleanbench.leaderboard.site.words import badge
from cleanbench.leaderboard.tables import page
from cleanbench.metrics import METRICS
from cleanbench.records import Cost, EncoderName, Measured, Record, Seeds, TruthName, read_run, write_run
from cleanbench.sampled import in_words


def minimal(method: str = "m", score: float = 0.5, **others: object) -> Record:
    """Return a record with the same value in every metric."""
    fields: dict[str, object] = {
        "method": method,
        "issue": Issue.OFF_TOPIC,
        "dataset": "demo",
        "encoder": None,
        "items": 50,
        "faulty": 10,
        "metrics": {name: Measured(value=score) for name in METRICS},
        "settings": {},
        "changed": {},
        "fingerprint": "f" * 64,
        "images": 60,
        "unreadable": 0,
        "coverage": 1.0,
        "truth": TruthName(name="default", kind="human", revision="b" * 64, set_revision="c" * 64),
        "encoder_detail": None,
        "supervised": False,
        "seeds": Seeds(dataset=None, encoder=None, method=0),
        "cost": Cost(cpu_seconds=1, wall_seconds=1, fit_cpu_seconds=0, peak_mib=1, base_mib=1),
        "key": digest_of([method]),
        "versions": {"cleanbench": "0.1.0"},
        "created": "2025-01-01T00:00:00+00:00",
    }
    return Record.model_validate(fields | others)


def cells(records: list[Record]) -> list[list[str]]:
    lines = page(records).splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_equal_values_share_a_rank() -> None:
    records = [minimal("c", 0.9), minimal("b", 0.7001), minimal("a", 0.6999), minimal("d", 0.3), minimal("e", 0.1)]
    assert [row[:2] for row in cells(records)[2:]] == [
        ["1", "`c`"], ["2", "`a`"], ["2", "`b`"], ["4", "`d`"], ["", "*by chance, expected*"], ["5", "`e`"],
    ]  # fmt: skip


def test_seeds_are_averaged_with_their_spread(root: Path) -> None:
    board = only(root)
    knn = [record for record in board.records() if record.method == "knn" and record.issue is Issue.OFF_TOPIC]
    values = np.array([record.metrics["AP"].value for record in knn], dtype=float)
    (row,) = [row for row in table(root) if "knn" in row[3]]
    assert row[3] == "`knn (n_neighbors=5)`"
    assert row[5].startswith(f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f} [")
    # Two seeds say little of others: the interval of their mean is wider than that of either.
    low, high = (float(end) for end in row[5].partition("[")[2].strip("]").split(", "))
    assert all(each.metrics["AP"].high - each.metrics["AP"].low < high - low for each in knn)  # type: ignore[operator]
    assert row[-3:] == ["2", "1.8", "200"]


def test_the_chance_row_is_always_there_and_equals_the_method_chance(root: Path) -> None:
    truth = TRUTHS[Issue.OFF_TOPIC]
    rows = {row[3]: row for row in table(root)}
    expected = METRICS["AP"].chance(truth.faulty, len(truth))
    assert rows["*by chance, expected*"][5] == f"*{expected:.3f}*"
    values = [cell.partition(" [")[0] for cell in rows["`chance`"][5:12]]
    assert values == [value.strip("*") for value in rows["*by chance, expected*"][5:12]]
    assert "by chance, expected" in page([minimal()])


def test_the_band_of_ties_shows_where_it_is_wide(root: Path) -> None:
    rows = {row[3]: row for row in table(root)}
    assert rows["`phash`"][12] == ""
    assert rows["`chance`"][12].endswith("–1.000 §")
    assert "§: the band of ties is wider than the interval" in only(root).table(Issue.OFF_TOPIC).read_text()


def test_ranks_tiers_and_favourites_come_from_the_rankings(root: Path, tmp_path: Path) -> None:
    truth = np.zeros(60)
    truth[TRUTHS[Issue.OFF_TOPIC].items] = TRUTHS[Issue.OFF_TOPIC].labels
    noise = np.random.default_rng(0).random(60)
    for name, share in (("good", 0.5), ("better", 0.95)):
        make_run(tmp_path / "more", name, scores=lambda items, share=share: (share * truth + noise)[:items])
    merge(tmp_path / "more", root)
    assert not check(root).differences
    rows = {row[3]: row for row in table(root)}
    assert rows["`better`"][:3] == ["1", "1–2", "1"]
    assert rows["`good`"][:3] == ["2", "1–2", "1"]
    assert {row[2] for name, row in rows.items() if name in ("`phash`", "`chance`")} == {"2"}
    assert all(row[1] == "3–5" for name, row in rows.items() if name in ("`phash`", "`chance`"))
    text = only(root).table(Issue.OFF_TOPIC).read_text()
    assert "Best AP, by share of the samples drawn again: `better` " in text
    assert "There are no intervals" not in text
    assert "Drawn again: single items." in text
    assert "faulty items are fewer than 20: intervals and ranks are rough" in text
    # Ten images in 45 pairs.
    assert "Drawn again: images, as" in only(root).table(Issue.NEAR_DUPLICATE).read_text()


def test_records_from_before_intervals_stand_as_they_were(runs: Path, tmp_path: Path) -> None:
    for run in (runs / "demo").glob("*-*"):
        plain = read_run(run / "record.json").records[0].metrics
        bare = {name: Measured(value=each.value, reason=each.reason) for name, each in plain.items()}
        content = read_run(run / "record.json")
        old = content.records[0].model_copy(update={"metrics": bare, "resampled": None})
        write_run(run / "record.json", content.model_copy(update={"records": (old,)}))
        assert "resampled" not in (run / "record.json").read_text()
    merge(runs, tmp_path / "old")
    assert not check(tmp_path / "old").differences
    text = only(tmp_path / "old").table(Issue.OFF_TOPIC).read_text()
    assert "There are no intervals yet" in text
    assert "Tier" not in text


def test_the_page_says_what_the_numbers_rest_on(root: Path) -> None:
    text = only(root).table(Issue.NEAR_DUPLICATE).read_text()
    truth = TRUTHS[Issue.NEAR_DUPLICATE]
    assert text.startswith("# Near duplicate on demo\n")
    assert "do not rank methods for real data" in text
    assert f"{len(truth)} annotated pairs, {truth.faulty} faulty. Prevalence {truth.faulty / len(truth):.1%}" in text
    assert f"`{digest_of(['data'])[:8]}`" in text
    assert f"`{REVISION[:8]}`" in text
    assert "cleanbench 0.1.0" in text
    assert "people judged" in page([minimal()])
    assert "real data" not in page([minimal()])


def test_presumed_negatives_are_told_wherever_the_truth_is_named() -> None:
    record = minimal()
    presumed = minimal(truth=record.truth.model_copy(update={"presumed": True}))  # type: ignore[union-attr]
    text = page([presumed])
    assert "human positives, presumed negatives" in text
    assert "50 images, 10 faulty" in text
    assert "nobody looked at all of it" in text
    assert not any(word in text.partition("## How to read it")[0] for word in ("people judged the items", "annotated"))
    assert "presumed" not in page([record])
    badges = [badge(each.truth.kind, presumed=each.truth.presumed) for each in (record, presumed) if each.truth]
    assert ["presumed" in each for each in badges] == [False, True]
    # A truth without it is written as it always was.
    assert "presumed" not in record.model_dump(mode="json")["truth"]
    assert Record.model_validate(presumed.model_dump(mode="json")) == presumed


def test_a_number_that_is_known_is_not_said_to_be_about_something() -> None:
    notes = {"estimated items": 196_878, "estimated faulty": 30.0, "standard error of faulty": 0.0}
    assert in_words(minimal(notes=notes)).startswith("30 of 196,878 images are faulty: ")
    notes["standard error of faulty"] = 2.5
    assert in_words(minimal(notes=notes)).startswith("about 30.0 ± 2.5 of 196,878 images are faulty: ")


def test_supervision_coverage_and_undefined_values_are_marked() -> None:
    undefined = {name: Measured(value=None, reason="no faulty items") for name in METRICS}
    text = page([minimal("a|b", supervised=True, coverage=0.9999), minimal("x")])
    assert "| `a\\|b` † |" in text
    assert "| Coverage |" in text
    assert "| 0.999 |" in text
    assert "supervised, the method was told" in text
    assert "Coverage" not in page([minimal()])
    rows = cells([minimal(metrics=undefined, faulty=0)])[2:]
    assert [row[0] for row in rows] == ["–", ""]
    assert {row[3] for row in rows} == {"–"}


def test_settled_keeps_encoders_of_other_settings_apart() -> None:
    encoders = [EncoderName(settings={"size": size, "seed": 0}, digest="", key="") for size in (16, 32)]
    records = [minimal(encoder="pixels", encoder_detail=encoder) for encoder in encoders]
    assert len(settled(records)) == 2
    assert [row.encoder for row in rows_of(records)] == ["pixels (size=16)", "pixels (size=32)"]
