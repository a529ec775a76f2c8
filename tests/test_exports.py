"""Boards in other people's formats: a pandas frame, a model card."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from finished_runs import make_run, only
from huggingface_hub.repocard_data import model_index_to_eval_results

import cleanbench
from cleanbench import UserError
from cleanbench.leaderboard.merge import merge
from cleanbench.leaderboard.model_index import SHOWN, Options, index_of
from cleanbench.metrics import METRICS


def test_a_frame_has_a_row_for_each_record(root: Path) -> None:
    frame, records = cleanbench.read_leaderboard(root), only(root).records()
    assert len(frame) == len(records) == 8
    for (_, row), record in zip(frame.iterrows(), records, strict=True):
        assert (row.method, row.issue, row.seed, row.key) == (
            record.label,
            record.issue,
            record.seeds.method,
            record.key,
        )
        assert row.board == only(root).name
        for name in METRICS:
            value = record.metrics[name].value
            assert np.isnan(row[name]) if value is None else row[name] == value
    assert {str(frame[name].dtype) for name in METRICS} == {"float64"}


def test_a_frame_of_nothing_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        cleanbench.read_leaderboard(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no records; boards lie in it as"):
        cleanbench.read_leaderboard(tmp_path)


def test_the_hub_reads_the_model_index(root: Path) -> None:
    written = subprocess.run(
        [sys.executable, "-m", "cleanbench.leaderboard.model_index", "method=phash", f"board={root}"],
        capture_output=True,
        text=True,
        check=True,
    )
    name, results = model_index_to_eval_results(yaml.safe_load(written.stdout)["model-index"])
    assert name == "phash"
    of_phash = [record for record in only(root).records() if record.label == "phash"]
    assert {result.task_name for result in results} == {f"{record.issue.heading} detection" for record in of_phash}
    for result in results:
        (record,) = [each for each in of_phash if each.issue.heading in str(result.task_name)]
        assert result.metric_value == record.metrics[result.metric_type].value
        assert record.truth is not None
        assert result.dataset_revision == record.truth.set_revision
    assert {result.metric_type for result in results} <= set(SHOWN)


def test_a_model_index_is_of_one_model(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Did you mean 'phash'"):
        index_of(Options("phahs", board=root))
    with pytest.raises(UserError, match="on elsewhere have no result of phash"):
        index_of(Options("phash", board=root, dataset="elsewhere"))
    with pytest.raises(UserError, match="there is no folder"):
        index_of(Options("phash", board=tmp_path / "nowhere"))
    committed = Path(__file__).parents[1] / "leaderboards"
    with pytest.raises(UserError, match="choose: encoder=hog"):
        index_of(Options("selfclean", board=committed))
    (model,) = index_of(Options("selfclean", encoder="hog", board=committed, name="mine"))["model-index"]
    assert model["name"] == "mine"
    assert len(model["results"]) == 3
    with pytest.raises(UserError, match=r"selfclean with encoder hogg\. Did you mean 'hog'\? Available: hog, pixels"):
        index_of(Options("selfclean", encoder="hogg", board=committed))
    with pytest.raises(UserError, match=r"phash with encoder hog\. It ran without one"):
        index_of(Options("phash", encoder="hog", board=committed))
    with pytest.raises(UserError, match=r"no result of knn\. Did you mean|Available: knn \(n_neighbors=5\)"):
        index_of(Options("knn", board=root))


def test_contaminated_variants_are_asked_for_by_name(tmp_path: Path) -> None:
    for dataset in ("cats", "cats~lbl-0.1-s0"):
        make_run(tmp_path / dataset, dataset=dataset)
        assert merge(tmp_path / dataset, tmp_path / "boards").refused == []
    for dataset, wanted in ((None, "cats"), ("cats~lbl-0.1-s0", "cats~lbl-0.1-s0")):
        (model,) = index_of(Options("phash", board=tmp_path / "boards", dataset=dataset))["model-index"]
        assert {result["dataset"]["name"] for result in model["results"]} == {wanted}
