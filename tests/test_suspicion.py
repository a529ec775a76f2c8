"""What a person is asked to look at before a submission goes on a board."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_runs import IDS, ITEMS, TRUTHS, make_run, only
from submissions import drawn, submit, told

from cleanbench import Issue
from cleanbench.leaderboard.merge import merge
from cleanbench.rankings import read_table
from cleanbench.records import Measured, Record
from cleanbench.score.standing import Other
from cleanbench.score.suspicion import Listed, copies, keeps_to_judged, leaps

OFF, PAIRS = Issue.OFF_TOPIC, Issue.NEAR_DUPLICATE
FLAG = "for a person to look at: "


def flags(root: Path) -> list[str]:
    return [line.partition(FLAG)[2] for line in told(root)[1].splitlines() if FLAG in line]


def test_a_ranking_without_sign_of_copying_is_not_flagged(root: Path) -> None:
    submit(root)
    assert flags(root) == []


def test_a_copied_truth_is_flagged(root: Path) -> None:
    truth = TRUTHS[OFF]
    table = pd.DataFrame({"id": [IDS[item] for item in truth.items], "score": truth.labels.astype(float)})
    submit(root, table)
    told_flags = flags(root)
    assert any("two values, one for the faulty items" in flag for flag in told_flags)
    assert any("exactly the judged images" in flag for flag in told_flags)
    assert any("its AP is 1.000" in flag for flag in told_flags)
    table["score"] += np.random.default_rng(0).random(len(table)) / 2
    submit(root, table, "noisy")
    assert any("almost without exception (AUROC 1.0000)" in flag for flag in flags(root))


def ranking(root: Path, method: str) -> pd.DataFrame:
    (record,) = [each for each in only(root).records() if each.method == method and each.issue is OFF]
    return pd.read_parquet(only(root).ranking(record))


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        (lambda score: score**3 + 7, "it orders the judged items as phash does (rank correlation 1.0000)"),
        (lambda score: -score, "it orders the judged items as phash does, the other way round (rank correlation -1"),
        (lambda score: score + np.random.default_rng(1).normal(0, 0.02, 60), "nearly as phash does (rank"),
        (lambda score: -score + np.random.default_rng(1).normal(0, 0.02, 60), "nearly as phash does, the other way"),
    ],
)
def test_a_copy_of_another_ranking_is_flagged(root: Path, change: object, flag: str) -> None:
    table = ranking(root, "phash")
    submit(root, table.assign(score=change(table["score"])))  # type: ignore[operator]
    assert any(flag in each for each in flags(root))


def test_a_copy_of_what_is_handed_in_together_is_flagged(root: Path) -> None:
    submit(root, drawn(), "one", who="A")
    submit(root, drawn().assign(score=lambda table: table["score"] * 2), "two", who="B")
    assert flags(root) == [
        "it orders the judged items as two (handed in, too) does (rank correlation 1.0000)",
        "it orders the judged items as one (handed in, too) does (rank correlation 1.0000)",
    ]


def test_pairs_that_are_exactly_the_judged_ones_are_flagged(root: Path) -> None:
    judged = sorted({tuple(sorted((IDS[a], IDS[b]))) for a, b in ITEMS[PAIRS].tolist()})
    rng = np.random.default_rng(1)

    def handed_in(folder: str, more: int) -> list[str]:
        pairs = judged + [(IDS[0], IDS[number]) for number in range(20, 20 + more)]
        table = pd.DataFrame(pairs, columns=["id_a", "id_b"]).assign(score=rng.random(len(pairs)))
        place = submit(root, table, folder, issue="near_duplicate")
        found = [flag for flag in flags(root) if "judged pairs" in flag]
        (place / "ranking.csv").unlink()
        return found

    assert handed_in("exactly", 0) == ["it scores exactly the judged pairs, which a method is not told"]
    assert handed_in("hardly", 2) == ["it scores the judged pairs and hardly others (45 of 47 were judged)"]
    assert handed_in("asked", 30) == []


def test_the_judged_images_are_no_sign_where_all_are_judged() -> None:
    assert keeps_to_judged(Listed(60, 60, 60), OFF, 60) == []
    assert keeps_to_judged(Listed(60, 58, 58), OFF, 60) == []
    assert keeps_to_judged(Listed(58, 58, 58), OFF, 60) != []
    assert keeps_to_judged(Listed(40, 40, 45), OFF, 60) == []


@pytest.fixture
def record(tmp_path: Path) -> Record:
    make_run(tmp_path / "leaps", "phash")
    merge(tmp_path / "leaps", tmp_path / "leaps boards")
    return only(tmp_path / "leaps boards").records()[0]


@pytest.mark.parametrize(
    ("own", "best", "high", "flagged"),
    [
        (0.60, 0.20, 0.30, True),  # three times as much
        (0.31, 0.20, 0.30, True),
        (0.30, 0.20, 0.30, False),  # within what the best may be worth
        (0.97, 0.90, 0.95, False),  # no great step
        (0.045, 0.02, 0.04, True),
        (0.50, 0.41, 0.45, False),
        (0.52, 0.41, None, True),
    ],
)
def test_an_ap_beyond_the_best_is_flagged(
    record: Record, own: float, best: float, high: float | None, flagged: bool
) -> None:
    def with_ap(value: float, end: float | None = None) -> Record:
        return record.model_copy(update={"metrics": {"AP": Measured(value=value, low=0.0 if end else None, high=end)}})

    found = leaps(with_ap(own), [with_ap(best, high), with_ap(best / 2, 0.99)])
    assert bool(found) == flagged
    assert not found or f"its AP is {own:.3f}, that of the best other (phash) {best:.3f}" in found[0]


def test_rankings_of_other_orders_are_no_copies(root: Path) -> None:
    board = only(root)
    rng = np.random.default_rng(0)
    for record in board.records():
        rows, _ = read_table(board.ranking(record), record.issue, "score")
        assert copies(rng.random(len(rows)), [Other("other", record, rng.random(len(rows)))]) == []
        assert copies(np.zeros(len(rows)), [Other("other", record, rng.random(len(rows)))]) == []
