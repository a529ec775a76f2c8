"""Fusion of finished runs: its ranks, its refusals, and the command from end to end."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanbench.commands import grammar
from cleanbench.core import Floats, Issue, UserError
from cleanbench.fusion.__main__ import Options, fusion
from cleanbench.fusion.fuse import fuse
from cleanbench.fusion.members import find
from cleanbench.fusion.ranks import Reference, fused_images, fused_pairs
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge
from cleanbench.metrics import evaluate
from cleanbench.rankings import read_table
from cleanbench.records import read_run, write_run

Rank = Callable[..., object]
# Levels, so that scores tie, and any order.
LEVELS = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


def average_precision(labels: np.ndarray, scores: Floats) -> float:
    return float(evaluate(labels, scores, ["AP"])["AP"].value or 0.0)


# Images


@given(LEVELS, st.integers(0, 2**32), st.integers(1, 100))
def test_images_get_the_sum_of_reciprocal_mean_ranks(levels: list[int], seed: int, k: int) -> None:
    first = np.array(levels, dtype=float)
    second = np.random.default_rng(seed).integers(3, size=len(first)) * 1.0
    second[seed % len(first)] = -np.inf
    expected = np.zeros(len(first))
    for scores in (first, second):
        for image, score in enumerate(scores):
            if np.isfinite(score):
                rank = np.count_nonzero(scores > score) + (1 + np.count_nonzero(scores == score)) / 2
                expected[image] += 1 / (k + rank)
    np.testing.assert_allclose(fused_images([first, second], k), expected, rtol=1e-12)


def test_what_no_member_scores_is_not_retrieved() -> None:
    scores = np.array([1.0, -np.inf, 2.0])
    fused = fused_images([scores, np.array([-np.inf, -np.inf, 1.0])])
    assert fused.tolist() == [1 / 62, -np.inf, 2 / 61]


def complementary(count: int, rng: np.random.Generator) -> tuple[np.ndarray, list[Floats]]:
    """Return labels and two rankings, each of which finds another half of the faults, amid noise."""
    labels = np.arange(count) < count // 20
    members = []
    for half in (0, 1):
        scores = rng.normal(size=count)
        scores[np.flatnonzero(labels)[half::2]] += 4
        members.append(scores)
    return labels, members


@pytest.mark.parametrize("seed", range(5))
def test_the_fusion_of_complementary_rankings_is_better_than_each(seed: int) -> None:
    labels, members = complementary(2000, np.random.default_rng(seed))
    reference = ~labels & (np.random.default_rng(seed).random(2000) < 0.7)
    for fused in (fused_images(members), fused_pairs(members, reference, 500)):
        assert average_precision(labels, fused) > max(average_precision(labels, scores) for scores in members) + 0.1


def test_chance_beside_a_perfect_ranking_costs_little_and_a_constant_costs_nothing() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(3000) < 60
    perfect = labels + rng.random(3000) / 2
    constant = np.zeros(3000)
    noise = rng.random(3000)
    reference = ~labels
    reference[60:500] = False
    assert average_precision(labels, fused_images([perfect, constant])) == 1
    assert average_precision(labels, fused_pairs([perfect, constant], reference, 3000)) == 1
    # Reciprocal ranks let the first few of a random order in; a pair among millions hardly ever is one of those.
    assert average_precision(labels, fused_images([perfect, noise])) > 0.5
    assert average_precision(labels, fused_pairs([perfect, noise], reference, 3000)) > 0.99


@given(LEVELS, st.integers(0, 2**32))
def test_order_does_not_matter(levels: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    members = [np.array(levels) * 0.1, *rng.normal(size=(2, len(levels)))]
    order = rng.permutation(len(levels))
    reference = rng.random(len(levels)) < 0.5
    reference[0] = True
    fused, pairs = fused_images(members), fused_pairs(members, reference, 100)
    assert (fused_images(members[::-1]) == fused).all()
    assert (fused_images([scores[order] for scores in members]) == fused[order]).all()
    assert (fused_pairs([scores[order] for scores in members], reference[order], 100) == pairs[order]).all()


# Pairs


@given(LEVELS, st.integers(0, 2**32))
def test_a_pair_has_its_score_whatever_else_is_asked(levels: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    judged, random = rng.normal(2, 3, size=(2, 25)), np.stack([np.resize(levels, 30) * 0.5, rng.normal(size=30)])
    every = fused_pairs(np.concatenate([judged, random], axis=1), np.arange(55) >= 25, 300)
    for asked in (judged[:, :1], judged[:, 10:20]):
        count = asked.shape[1]
        alone = fused_pairs(np.concatenate([asked, random], axis=1), np.arange(count + 30) >= count, 300)
        start = 0 if count == 1 else 10
        np.testing.assert_array_equal(alone[:count], every[start : start + count])


@given(LEVELS, st.lists(st.floats(-50, 50), min_size=2, max_size=30))
def test_estimated_ranks_fall_as_scores_rise(reference: list[int], scores: list[float]) -> None:
    ranks = Reference(np.array(reference) * 1.0).ranks(np.sort(np.array(scores)), 10_000)
    assert (np.diff(ranks) <= 0).all()
    assert (ranks >= 1).all()
    assert (ranks <= 10_001).all()


def test_estimated_ranks_are_those_among_all_pairs() -> None:
    rng = np.random.default_rng(0)
    everything = np.sort(rng.exponential(size=200_000))[::-1]
    drawn = rng.choice(everything, 5000, replace=False)
    true = np.array([10, 100, 1000, 10_000, 100_000])
    estimated = Reference(drawn).ranks(everything[true - 1], len(everything))
    np.testing.assert_allclose(estimated[2:], true[2:], rtol=0.2)
    np.testing.assert_allclose(estimated[:2], true[:2], rtol=0.9)  # beyond the sample, where the tail is a guess


def test_references_that_tell_nothing() -> None:
    scores = np.array([-np.inf, 0.0, 1.0, 2.0])
    constant = Reference(np.zeros(10)).ranks(scores[1:], 1000)
    assert constant[0] == 501
    assert constant[0] > constant[1] > constant[2]
    nothing = Reference(np.full(10, -np.inf)).ranks(scores[1:], 1000)
    assert nothing.tolist() == [51, 51, 51]


# Runs


@pytest.fixture(scope="module")
def finished(rank_into: Rank, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of runs: hashes, SSIM, luminance and a method that ranks images by position."""
    output = tmp_path_factory.mktemp("finished")
    for method in ("phash", "ssim", "odd", "luminance"):
        rank_into(output, f"method={method}", "dataset=folder", f"dataset.root={pictures}")
    return output


@pytest.fixture
def runs(finished: Path, tmp_path: Path) -> Path:
    """Return the runs, to be changed."""
    shutil.copytree(finished, tmp_path / "runs")
    return tmp_path / "runs" / "pictures"


def test_runs_are_found_by_name(runs: Path) -> None:
    folder = next(path.name for path in runs.glob("phash-*"))
    for wanted in ("phash,ssim", f"ssim-none , {folder}", "ssim-none-0,phash"):
        assert [member.first.method for member in find(runs, wanted)] == ["phash", "ssim"]
    assert [member.first.method for member in find(runs, "all")] == ["luminance", "odd", "phash", "ssim"]


def test_mistakes_name_the_cure(runs: Path, rank_into: Rank, pictures: Path) -> None:
    for folder, wanted, message in [
        (runs, "phash", "a fusion takes at least two runs, not phash-none-0-"),
        (runs, "phash,phash", "is named twice"),
        (runs, "phash,sim", r"there is no finished run 'sim' in .*pictures. Did you mean 'ssim'\? Available: lum"),
        (runs.with_name("picture"), "all", r"there are no runs of 'picture' in .* Did you mean 'pictures'\?"),
    ]:
        with pytest.raises(UserError, match=message):
            find(folder, wanted)
    with pytest.raises(
        UserError, match=r"no issue in common .*; off_topic: only odd-none-0-\w+ ranks it; near_duplicate: only phash"
    ):
        fuse(find(runs, "odd,phash"), tuple(Issue), 60)
    with pytest.raises(UserError, match=r"no issue in common .*; off_topic: only odd-none-0-\w+ ranks it$"):
        fuse(find(runs, "odd,phash"), (Issue.OFF_TOPIC,), 60)
    rank_into(runs.parent, "method=odd", "method.path=x", "dataset=folder", f"dataset.root={pictures}")
    with pytest.raises(UserError, match=r"'odd' fits several runs; name one of odd-none-0-.*, odd-none-0-"):
        find(runs, "odd,luminance")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fingerprint": "f" * 64}, "phash-none-0-.* and ssim-none-0-.* are about other pixels or labels"),
        ({"truth": None}, "were scored against other near_duplicate truths: run one of them again"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(change: dict[str, object], message: str, runs: Path) -> None:
    path = next(runs.glob("ssim-*")) / "record.json"
    run = read_run(path)
    changed = tuple(record.model_copy(update=change) for record in run.records)
    write_run(path, run.model_copy(update={"records": changed}))
    with pytest.raises(UserError, match=message):
        fuse(find(runs, "phash,ssim"), tuple(Issue), 60)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda table: pa.concat_tables([table, table[:1]]),
            "the run phash-none-0-.* is damaged: .*ranks 1 items twice",
        ),
        (
            lambda table: table[1:],
            "the run phash-none-0-.* is damaged: near_duplicate: coverage is 0.8",
        ),
        (
            lambda table: table.set_column(2, "score", pa.array(np.full(len(table), np.nan))),
            r"the run phash-none-0-.* is damaged: .*has \d+ scores that are NaN",
        ),
    ],
)
def test_rankings_that_a_run_cannot_have_are_refused(
    change: Callable[[pa.Table], pa.Table], message: str, runs: Path
) -> None:
    path = next(runs.glob("phash-*")) / "rankings/near_duplicate.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(UserError, match=message):
        fuse(find(runs, "phash,ssim"), tuple(Issue), 60)


def test_a_fusion_is_a_run_like_any_other(runs: Path, tmp_path: Path) -> None:
    members = find(runs, "phash,ssim")
    outcome = fuse(members, tuple(Issue), 60)
    (record,) = outcome.run.records
    assert record.label == "fusion (members=phash+ssim)"
    assert (record.encoder, record.supervised, record.paper_encoder) == (None, False, None)
    own = [member.records[Issue.NEAR_DUPLICATE] for member in members]
    assert record.cost.cpu_seconds >= sum(each.cost.cpu_seconds for each in own)
    assert [each["key"] for each in record.settings["members"]] == [each.key for each in own]
    assert record.coverage == own[0].coverage < 1  # two images cannot be read
    assert outcome.folder is not None
    items, _ = read_table(outcome.folder / "rankings/near_duplicate.parquet", Issue.NEAR_DUPLICATE, "score")
    assert sorted(items) == sorted(read_table(members[0].folder / "rankings/near_duplicate.parquet",
                                              Issue.NEAR_DUPLICATE, "score")[0])  # fmt: skip
    merged = merge(runs.parent, tmp_path / "boards")
    assert (merged.refused, merged.added) == ([], 6)
    assert not check(tmp_path / "boards").differences
    # The same members are the same fusion, in any order; another k is another one.
    again = fuse(find(runs, "ssim,phash"), (Issue.NEAR_DUPLICATE,), 60)
    assert (again.reused, again.folder) == (True, outcome.folder)
    other = fuse(members, tuple(Issue), 5)
    assert other.run.records[0].label == "fusion (k=5, members=phash+ssim)"
    assert not fuse(members, tuple(Issue), 60, force=True).reused
    # Fusions are no members, unless they are named.
    assert {member.first.method for member in find(runs, "all")} == {"phash", "ssim", "odd", "luminance"}
    assert outcome.folder.name in [member.folder.name for member in find(runs, f"{outcome.folder.name},phash")]


def test_images_are_fused_and_a_supervised_member_makes_it_supervised(runs: Path) -> None:
    path = next(runs.glob("luminance-*")) / "record.json"
    run = read_run(path)
    write_run(path, run.model_copy(update={"records": (run.records[0].model_copy(update={"supervised": True}),)}))
    outcome = fuse(find(runs, "luminance,odd"), tuple(Issue), 60)
    (record,) = outcome.run.records
    assert record.issue is Issue.OFF_TOPIC
    assert record.supervised
    assert outcome.run.not_ranked[Issue.LABEL_ERROR].startswith("not applicable: only odd-none-0-")


def test_lists_of_pairs_that_members_chose_are_not_compared(rank_into: Rank, unjudged: Path, tmp_path: Path) -> None:
    for method in ("phash", "ssim"):
        rank_into(tmp_path, f"method={method}", "dataset=folder", f"dataset.root={unjudged}")
    with pytest.raises(UserError, match="near_duplicate: without a truth the members list pairs of"):
        fuse(find(tmp_path / "unjudged", "all"), tuple(Issue), 60)


def test_the_command_says_what_is_wrong(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(runs.parents[1])
    for words, message in [
        (["dataset=pictures", "k=-1"], "k=-1 must be at least 0; the paper's is 60"),
        (["dataset=pictures", "members=phash"], "a fusion takes at least two runs"),
        (["dataset=pictures", "issue=offtopic"], "Did you mean 'off_topic'?"),
        ([], "no value for dataset; give dataset=…"),
    ]:
        with pytest.raises(SystemExit) as ended:
            grammar.run("python -m cleanbench.fusion", Options, fusion, words)
        assert ended.value.code == 2
        written = capsys.readouterr().err
        assert message in written
        assert written.count("\n") == 1


def test_end_to_end(tmp_path: Path) -> None:
    def type_in(module: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=tmp_path, capture_output=True, text=True, env=os.environ, timeout=120, check=False,
        )  # fmt: skip

    for method in ("phash", "ssim"):
        assert type_in("cleanbench", f"method={method}").returncode == 0
    fused = type_in("cleanbench.fusion", "dataset=demo", "members=phash,ssim", "issue=near_duplicate")
    assert fused.returncode == 0, fused.stderr
    lines = [line.split()[0] for line in fused.stdout.splitlines() if line]
    assert lines[1:6] == ["Method", "fusion", "phash", "ssim", "by"]  # the best first
    (path,) = tmp_path.glob("runs/demo/fusion-none-0-*/record.json")
    (record,) = json.loads(path.read_text())["records"]
    assert 0.78 < record["metrics"]["AP"]["value"] <= 1
    assert type_in("cleanbench.leaderboard").returncode == 0
    assert type_in("cleanbench.leaderboard", "--check").returncode == 0
    assert "fusion (members=phash+ssim)" in next(tmp_path.glob("leaderboards/demo/*/near_duplicate.md")).read_text()
