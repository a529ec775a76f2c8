"""What a run leaves behind, when it is found again, and that its numbers follow from its files."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from omegaconf import OmegaConf

from cleanbench import run as running
from cleanbench.commands import rank as ranking
from cleanbench.core import Issue
from cleanbench.environment import manifest
from cleanbench.image_set import ImageSet
from cleanbench.metrics import evaluate
from cleanbench.rankings import align, read_table
from cleanbench.records import read_run
from cleanbench.run import Outcome

Rank = Callable[..., Outcome]
SET_OF_ALL = ["method=selfclean", "encoder=pixels"]


@pytest.fixture
def ask(rank_with: Rank, pictures: Path) -> Rank:
    """Return a function that runs a method on the judged pictures."""
    return lambda *overrides, **more: rank_with("dataset=folder", f"dataset.root={pictures}", *overrides, **more)


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after which starting a child process is an error."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a child process is started")

    return lambda: monkeypatch.setattr(running, "execute", refuse)


def key(outcome: Outcome) -> str:
    return outcome.run.records[0].key


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_run_folder_holds_exactly_what_is_promised(ask: Rank, tmp_path: Path) -> None:
    outcome = ask(*SET_OF_ALL, "seed=3", "report=true")
    assert outcome.folder == tmp_path / "runs/pictures" / f"selfclean-pixels-3-{key(outcome)[:12]}"
    rankings = [f"rankings/{issue}.parquet" for issue in sorted(Issue)]
    queue = [f"rankings/near_duplicate_queue.{kind}" for kind in ("json", "parquet")]
    drawn = [f"{issue}_{name}" for issue in sorted(Issue) for name in ("effort", "precision_recall", "roc")]
    figures = [f"report/{name}.{ending}" for name in drawn for ending in ("csv", "svg")]
    told = ["config.yaml", "environment.json", *rankings, *queue, "record.json", "report.html", *figures]
    assert files(outcome.folder) == sorted(told)
    truth = outcome.run.records[0].truth
    assert truth is not None
    kept = [f"truth/{truth.set_revision[:8]}/{issue}.parquet" for issue in sorted(Issue)]
    prefix = outcome.folder.name
    assert files(tmp_path / "runs/pictures") == sorted([*(f"{prefix}/{name}" for name in files(outcome.folder)), *kept])
    assert oct(outcome.folder.stat().st_mode)[-3:] == "755"

    content = json.loads((outcome.folder / "record.json").read_text())
    assert content["schema"] == 1
    assert [record["issue"] for record in content["records"]] == list(Issue)
    for record in content["records"]:
        assert (record["method"], record["dataset"], record["encoder"]) == ("selfclean", "pictures", "pixels")
        assert set(record["metrics"]["AP"]) == {"value", "low", "high", "reason"}
        assert {"AP", "AUROC", "P@10", "R@10", "P@1%", "FoE"} <= set(record["metrics"])
    assert [(record["items"], record["faulty"]) for record in content["records"]] == [(18, 6), (23, 4), (16, 4)]
    assert read_run(outcome.folder / "record.json") == outcome.run

    environment = json.loads((outcome.folder / "environment.json").read_text())
    assert environment["packages"]["numpy"] == np.__version__
    assert (environment["threads"], environment["device"], environment["memory_limit"]) == (1, "cpu", None)


def test_rankings_are_tables_of_ids_and_scores(ask: Rank, pictures: Path) -> None:
    folder = ask(*SET_OF_ALL).folder
    assert folder is not None
    names = [f"i{number:02d}" for number in range(24)]
    for issue in Issue:
        table = pyarrow.parquet.read_table(folder / "rankings" / f"{issue}.parquet").to_pydict()
        pairs = issue.ranks_pairs
        assert list(table) == (["id_a", "id_b", "score", "flag"] if pairs else ["id", "score", "flag"])
        scores = table["score"]
        assert scores == sorted(scores, reverse=True), "the most suspicious come first"
        if not pairs:
            assert sorted(table["id"]) == names, "all images are ranked, annotated or not"
            continue
        rows = list(zip(table["id_a"], table["id_b"], strict=True))
        assert all(first < second for first, second in rows)
        assert len(set(rows)) == len(rows) == 46, "23 annotated pairs, hidden among as many others"


def test_numbers_follow_from_the_files(ask: Rank, tmp_path: Path) -> None:
    outcome = ask(*SET_OF_ALL)
    assert outcome.folder is not None
    for record in outcome.run.records:
        assert record.truth is not None
        place = tmp_path / "runs/pictures/truth" / record.truth.set_revision[:8]
        known, scores = read_table(outcome.folder / f"rankings/{record.issue}.parquet", record.issue, "score")
        judged, labels = read_table(place / f"{record.issue}.parquet", record.issue, "label")
        found = evaluate(labels.astype(bool), align(judged, known, scores))
        assert {name: (metric.value, metric.reason) for name, metric in record.metrics.items()} == {
            name: (value.value, value.reason) for name, value in found.items()
        }


def test_unreadable_images_keep_their_id_rank_last_and_are_counted_and_told(ask: Rank, no_child: Any) -> None:
    outcome = ask(*SET_OF_ALL)
    assert outcome.folder is not None
    assert [record.unreadable for record in outcome.run.records] == [2, 2, 2]
    # Of 18 and 16 annotated images 2 and none cannot be read, of 23 pairs 4 have one that cannot; i07 has no label.
    assert [record.coverage for record in outcome.run.records] == pytest.approx([16 / 18, 19 / 23, 1])
    told = "2 of 24 images of 'pictures' cannot be read and rank last: 'i03' (the file is empty), 'i05' ("
    assert any(warning.startswith(told) for warning in outcome.warnings)
    known, scores = read_table(outcome.folder / "rankings/off_topic.parquet", Issue.OFF_TOPIC, "score")
    assert [row[0] for row in known[-2:]] == ["i03", "i05"]
    assert (scores[-2:] == -np.inf).all()
    assert np.isfinite(scores[:-2]).all()
    pairs, scores = read_table(outcome.folder / "rankings/near_duplicate.parquet", Issue.NEAR_DUPLICATE, "score")
    unseen = [bool({"i03", "i05"} & set(pair)) for pair in pairs]
    assert (np.isneginf(scores) == unseen).all()
    no_child()
    assert ask(*SET_OF_ALL).warnings == outcome.warnings, "also when the run is found again"


def test_a_set_of_which_no_image_can_be_read_is_told(rank_with: Rank, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "broken" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "broken" / f"{name}.png").touch()
    with pytest.raises(Exception, match="none of the 2 images of 'broken' can be read: the file is empty"):
        rank_with("dataset=folder", f"dataset.root={tmp_path / 'broken'}", "method=chance")


def test_a_finished_run_is_found_and_repeated_only_by_force(ask: Rank, no_child: Any) -> None:
    first = ask("method=odd")
    again = ask("method=odd", "force=true")
    assert (first.reused, again.reused) == (False, False)
    assert again.folder == first.folder
    no_child()
    found = ask("method=odd")
    assert found.reused
    assert found.run == again.run
    with pytest.raises(AssertionError, match="a child process is started"):
        ask("method=odd", "force=true")


def test_the_configuration_that_is_kept_runs_again(ask: Rank, no_child: Any, odd_methods: Path) -> None:
    outcome = ask("method=odd", "method.path=a", "seed=4", "threads=2")
    assert outcome.folder is not None
    no_child()
    kept = OmegaConf.create((outcome.folder / "config.yaml").read_text())
    choices = {"method": "odd", "dataset": "folder", "encoder": "hog"}
    again = ranking.rank(kept, choices, [str(odd_methods / "conf")])
    assert again.reused
    assert again.run == outcome.run


def test_the_key_follows_all_that_decides_results(
    ask: Rank, rank_with: Rank, pictures: Path, odd_methods: Path, tmp_path: Path
) -> None:
    odd, pairs = "method=odd", ["method=pairs", "encoder=pixels", "encoder.size=8"]
    keys = {
        "as it is": key(ask(odd)),
        "setting": key(ask(odd, "method.path=other")),
        "seed": key(ask(odd, "seed=1")),
        "method without a seed of its own": key(ask("method=fits_labels")),
        "another seed": key(ask("method=fits_labels", "seed=1")),
        "encoder": key(ask(*pairs)),
        "encoder setting": key(ask(*pairs, "encoder.size=4")),
    }
    copy = tmp_path / "copy" / "pictures"
    shutil.copytree(pictures, copy)
    same = ask(odd, f"dataset.root={copy}")
    assert key(same) == keys["as it is"], "where the images lie decides nothing"
    for name, file, old, new in [
        ("label", "metadata.csv", "i00,a", "i00,b"),
        ("truth", "off_topic_samples.csv", "i00,0", "i00,1"),
    ]:
        before = (copy / file).read_text()
        (copy / file).write_text(before.replace(old, new))
        keys[name] = key(ask(odd, f"dataset.root={copy}"))
        (copy / file).write_text(before)
    shutil.copy(copy / "i00.png", copy / "i01.png")
    keys["pixels"] = key(ask(odd, f"dataset.root={copy}"))
    source = odd_methods / "odd_methods.py"
    before = source.read_text()
    source.write_text(before + "\nIDEA = 'new'\n")
    keys["source"] = key(ask(odd))
    source.write_text(before + "\nimport beside\n")
    for name in ("helper", "changed helper"):
        (odd_methods / "beside.py").write_text(f"NAME = {name!r}\n")
        keys[name] = key(ask(odd))
    source.write_text(before)
    assert len(set(keys.values())) == len(keys), keys


def test_the_key_follows_nothing_else(ask: Rank, no_child: Any, tmp_path: Path, odd_methods: Path) -> None:
    first = ask("method=odd")
    no_child()
    for override in ("threads=2", "memory_limit=4GiB", "timeout=100", "retrieve=5", "encoder=pixels", "encoder.cell=4"):
        assert ask("method=odd", override).reused, override
    source = odd_methods / "odd_methods.py"
    before = source.read_text()
    source.write_text(f"{before}\n# a remark\n")
    assert ask("method=odd").reused, "comments decide nothing"
    source.write_text(before)
    shutil.copytree(tmp_path / "runs", tmp_path / "elsewhere")
    elsewhere = ask("method=odd", output="elsewhere")
    assert elsewhere.reused
    assert key(elsewhere) == key(first)


def test_calibration_is_part_of_the_key(ask: Rank, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, load = key(ask("method=odd")), ranking._image_set

    def calibrated(*settings: Any) -> ImageSet:
        return ImageSet(**{**vars(load(*settings)), "calibration": np.array([0, 2])})

    calibrated.cache_clear = load.cache_clear  # type: ignore[attr-defined]
    monkeypatch.setattr(ranking, "_image_set", calibrated)
    assert key(ask("method=odd")) != plain


def test_without_truth_images_are_ranked_and_pairs_retrieved_but_not_scored(
    rank_with: Rank, unjudged: Path, tmp_path: Path
) -> None:
    place = ["dataset=folder", f"dataset.root={unjudged}", "encoder=pixels"]
    odd, pairs = rank_with(*place, "method=odd"), rank_with(*place, "method=pairs", "retrieve=5")
    assert not (tmp_path / "runs/unjudged/truth").exists()
    for record in (*odd.run.records, *pairs.run.records):
        assert (record.items, record.faulty, record.truth) == (0, 0, None)
        assert {metric.value for metric in record.metrics.values()} == {None}
        assert all(metric.reason for metric in record.metrics.values())
    assert pairs.folder is not None
    all_pairs = rank_with(*place, "method=pairs", "retrieve=1000")
    assert all_pairs.folder is not None
    (known, _), (every, _) = (
        read_table(folder / "rankings/near_duplicate.parquet", Issue.NEAR_DUPLICATE, "score")
        for folder in (pairs.folder, all_pairs.folder)
    )
    assert len(known) == 5
    assert len(every) == 28, "all pairs of 8 images"
    assert every[:5] == known
    assert key(all_pairs) != key(pairs)
    assert key(rank_with(*place, "method=odd", "retrieve=5")) == key(odd)


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("too many", "6 pairs were retrieved, at most 5 were asked for"),
        ("twice", "a pair is retrieved twice"),
        ("outside", "a retrieved pair points outside the 8 images"),
        ("negative", "a retrieved pair points outside the 8 images"),
    ],
)
def test_a_wrong_retrieval_is_a_failure(do: str, expected: str, rank_with: Rank, unjudged: Path) -> None:
    place = ["dataset=folder", f"dataset.root={unjudged}", "encoder=pixels"]
    outcome = rank_with(*place, "method=pairs", f"method.do='{do}'", "retrieve=5")
    assert outcome.run.not_ranked == {Issue.NEAR_DUPLICATE: f"failed: {expected}"}


def test_one_image_has_no_pairs(rank_with: Rank, unjudged: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    shutil.copy(unjudged / "cats/i00.png", tmp_path / "one")
    outcome = rank_with("dataset=folder", f"dataset.root={tmp_path / 'one'}", "method=chance")
    assert not outcome.failed
    assert outcome.folder is not None
    table = pyarrow.parquet.read_table(outcome.folder / "rankings/near_duplicate.parquet")
    assert (table.num_rows, table.column_names) == (0, ["id_a", "id_b", "score"])


def test_judged_pairs_that_cannot_be_seen_rank_last_without_asking(rank_with: Rank, tmp_path: Path) -> None:
    from PIL import Image

    root = tmp_path / "blind"
    root.mkdir()
    (root / "a.png").touch()
    Image.new("RGB", (2, 2)).save(root / "b.png")
    (root / "near_duplicates.csv").write_text('id_list,label\n"a,b",1\n')
    outcome = rank_with("dataset=folder", f"dataset.root={root}", "encoder=pixels", "method=pairs")
    assert not outcome.failed, outcome.run.not_ranked
    assert [(record.items, record.coverage) for record in outcome.run.records] == [(1, 0.0)]


def test_results_that_cannot_be_written_are_told_before_anything_is_computed(ask: Rank, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match="set output to another folder"):
        ask("method=odd", output="file")


def test_an_outcome_survives_json(ask: Rank) -> None:
    for outcome in (ask("method=odd", "method.do=raise"), ask("method=needs_package")):
        assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_a_broken_installation_does_not_break_the_manifest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "half_removed.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert "numpy" in manifest()["packages"]
