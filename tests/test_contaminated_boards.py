"""Contaminated variants side by side: means over seeds by hand, holes, pages that come and go, and compact rankings."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from finished_runs import contents, edit_run, make_run

from cleanbench.core import Issue, digest_of
from cleanbench.leaderboard.board import boards
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.contaminated import Variant
from cleanbench.leaderboard.evidence import read_truth, score
from cleanbench.leaderboard.merge import merge, render
from cleanbench.rankings import read_flags, write_by_id

SETS = [f"cats~{protocol}-s{seed}" for protocol in ("blur-0.05", "lbl-0.1") for seed in (0, 1, 2)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return runs and boards of a set, of two contaminations with three seeds, and of a method that missed one."""
    folder = tmp_path_factory.mktemp("contaminated")
    for dataset in ("cats", *SETS):
        for method in ("phash", "knn", "<script>lof"):
            if (method, dataset) != ("knn", SETS[1]):
                run = make_run(folder / dataset, method[-1], key=digest_of([method, dataset]), dataset=dataset)
                edit_run(run, method=method)
        (folder / "runs").mkdir(exist_ok=True)
        (folder / dataset / "demo").rename(folder / "runs" / dataset)  # `make_run` calls every folder so
    assert merge(folder / "runs", folder / "boards").refused == []
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "boards", tmp_path / "boards")
    return tmp_path / "boards"


def values(root: Path, protocol: str, method: str, metric: str) -> list[float]:
    found = [
        record.metrics[metric].value
        for board in boards(root)
        if board.name.startswith(f"cats~{protocol}-s")
        for record in board.records()
        if record.method == method and record.issue is Issue.OFF_TOPIC
    ]
    return [value for value in found if value is not None]


def cells(text: str, method: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith(f"| `{method}` |")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_names_of_contaminated_sets() -> None:
    assert Variant.of("demo~blur-0.05-s2") == Variant("demo", "blur-0.05", 2)
    assert Variant.of("a~b-1e-05-s10") == Variant("a", "b-1e-05", 10)
    for name in ("demo", "demo~mine", "~blur-0.05-s1", "demo~blur-0.05-s", "demo~blur-0.05-s٣"):
        assert Variant.of(name) is None


def test_means_and_deviations_are_those_of_the_seeds(root: Path) -> None:
    text = (root / "contaminated.md").read_text()
    off_topic = text.partition("## Off topic on contaminations of cats")[2].partition("## ")[0]
    assert "blur-0.05 (seeds 0, 1, 2), lbl-0.1 (seeds 0, 1, 2)" in off_topic
    by_metric = dict(zip(("AP", "AUROC"), cells(off_topic, "phash"), strict=True))
    for metric, shown in by_metric.items():
        for protocol, cell in zip(("blur-0.05", "lbl-0.1"), shown[2:], strict=True):
            own = values(root, protocol, "phash", metric)
            assert len(own) == 3
            assert cell == f"{np.mean(own):.3f} ± {np.std(own, ddof=1):.3f}"


def test_a_method_that_missed_a_seed_says_so(root: Path) -> None:
    text = (root / "contaminated.md").read_text().partition("## Off topic")[2]
    own = values(root, "blur-0.05", "knn", "AP")
    assert len(own) == 2
    assert cells(text, "knn")[0][2] == f"{np.mean(own):.3f} ± {np.std(own, ddof=1):.3f} (2 of 3 seeds)"


def test_methods_stand_in_the_order_of_their_mean_ap(root: Path) -> None:
    frame = pd.read_csv(root / "contaminated.csv")
    own = frame[(frame.issue == "off_topic") & (frame.metric == "AP")]
    means = own.groupby("method", sort=False)["mean"].mean()
    assert len(means) == 3
    assert list(means) == sorted(means, reverse=True)
    assert set(own.seeds) == {2, 3}
    for _, row in own.iterrows():
        seeds = values(root, row.protocol, row.method, "AP")
        assert row["mean"] == pytest.approx(np.mean(seeds), abs=1e-6)
        assert row.sd == pytest.approx(np.std(seeds, ddof=1), abs=1e-6)


def test_the_lists_of_boards_gather_the_seeds(root: Path) -> None:
    text, site = ((root / name).read_text() for name in ("README.md", "index.html"))
    listed, gathered = text.split("## Contaminated data sets")
    assert "`cats`" in listed
    assert "~" not in listed
    assert gathered.count("`cats~blur-0.05`") == 2  # a line for each issue
    assert "[Side by side](contaminated.md)" in gathered
    for board in boards(root):
        for suffix, page in ((".md", text), (".html", site)):
            assert page.count(f"{board.name}/off_topic{suffix}") == 1
            assert (board.folder / f"off_topic{suffix}").is_file()
    assert "Contaminations of cats" in site


def test_hostile_names_are_shown_and_never_run(root: Path) -> None:
    for page in ("contaminated.html", "index.html"):
        assert "<script>lof" not in (root / page).read_text()
    assert "&lt;script&gt;lof" in (root / "contaminated.html").read_text()


def test_a_changed_digit_is_found_and_pages_without_boards_go(root: Path) -> None:
    assert check(root).differences == ()
    page = root / "contaminated.csv"
    before = page.read_text()
    page.write_text(before.replace("0.", "1.", 1))
    assert any("contaminated.csv: not what its records give" in each for each in check(root).differences)
    for dataset in SETS[1:]:
        shutil.rmtree(root / dataset)
    render(root)
    assert not [name for name in contents(root) if name.startswith("contaminated")]
    assert "Side by side" not in (root / "README.md").read_text()
    assert SETS[0] in (root / "README.md").read_text()
    assert check(root).differences == ()


def test_rankings_on_boards_hold_the_same_rows_in_the_order_of_ids(root: Path, made: Path) -> None:
    checked = 0
    for board in boards(root):
        for record in board.records():
            kept = pyarrow.parquet.read_table(board.ranking(record)).to_pandas()
            ids = [name for name in kept.columns if name.startswith("id")]
            assert kept[ids].apply(tuple, axis=1).is_monotonic_increasing
            (run,) = (made / "runs" / record.dataset).glob(f"*-{record.key[:12]}")
            ranked = pd.read_parquet(run / "rankings" / f"{record.issue}.parquet")
            pd.testing.assert_frame_equal(ranked.sort_values(ids, ignore_index=True), kept)
            checked += 1
    assert checked == 2 * (3 * 7 - 1)


def test_the_column_of_ids_is_the_same_bytes_in_all_rankings(tmp_path: Path) -> None:
    """Version control stores equal bytes once; scores differ."""
    rng = np.random.default_rng(0)
    ids = [f"{number:016x}" for number in rng.integers(2**63, size=900)]
    found = []
    for number in range(2):
        order = rng.permutation(900)
        source, target = tmp_path / f"{number}.parquet", tmp_path / f"{number}-kept.parquet"
        table = {"id": [ids[place] for place in order], "score": rng.random(900), "flag": rng.random(900) < 0.1}
        pyarrow.parquet.write_table(pyarrow.table(table).replace_schema_metadata({"note": "kept"}), source)
        write_by_id(source, target)
        column = pyarrow.parquet.ParquetFile(target).metadata.row_group(0).column(0)
        start = column.data_page_offset
        found.append(target.read_bytes()[start : start + column.total_compressed_size])
        assert target.stat().st_size < 0.9 * source.stat().st_size
        assert pyarrow.parquet.read_schema(target).metadata[b"note"] == b"kept"
        assert read_flags(target, Issue.OFF_TOPIC) is not None
    assert found[0] == found[1]


def test_the_order_of_rows_changes_no_number(root: Path, made: Path) -> None:
    board = next(board for board in boards(root) if board.name.startswith("cats/"))
    record = board.records()[0]
    truth = read_truth(board.truth(record.issue), record.issue)
    (run,) = (made / "runs" / "cats").glob(f"*-{record.key[:12]}")
    here = score(board.ranking(record), record.issue, truth)
    there = score(run / "rankings" / f"{record.issue}.parquet", record.issue, truth)
    assert here.scored.metrics == there.scored.metrics
