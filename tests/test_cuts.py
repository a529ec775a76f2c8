"""What methods flag: the counts, the flags of each method against its tool or definition, and their way to a record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cleanlab import Datalab as Lab
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from sklearn.metrics import precision_recall_fscore_support

from cleanbench import Floats, Issue, NotApplicable, Ranking, UserError, View
from cleanbench.audit.cuts import Cut
from cleanbench.distances import Distance
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.merge import merge
from cleanbench.methods.bhn import BHN, rejected
from cleanbench.methods.cleanvision import CleanVision
from cleanbench.methods.confident_learning import label_issues
from cleanbench.methods.datalab import Datalab
from cleanbench.methods.fine import FINE, lower_group
from cleanbench.methods.selfclean import SelfClean
from cleanbench.pair_quantiles import pair_quantiles
from cleanbench.pairs import decode, pair_count
from cleanbench.rankings import read_flags, write_ranking
from cleanbench.records import read_run
from cleanbench.view import TooCostly

BOOLS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20)


def all_pairs(count: int) -> Any:
    return decode(np.arange(pair_count(count)), count)


def rows_of(count: int, columns: int = 8, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(count, columns))


@given(BOOLS)
def test_counts_give_what_scikit_learn_does(items: list[tuple[bool, bool]]) -> None:
    labels, flags = np.array(items).T
    cut = Cut.of(labels, flags)
    expected = precision_recall_fscore_support(labels, flags, average="binary", zero_division=np.nan)
    for value, other in zip((cut.precision, cut.recall, cut.f1), expected, strict=False):
        assert (value.value is None) == bool(np.isnan(other))
        assert value.value is None or value.value == pytest.approx(other)


def test_what_is_undefined_says_why() -> None:
    labels, none = np.array([True, False]), np.zeros(2, dtype=bool)
    assert Cut.of(labels, none).precision.reason == "nothing is flagged"
    assert Cut.of(labels, none).recall.value == Cut.of(labels, none).f1.value == 0
    assert Cut.of(none, labels).recall.reason == "no faulty items"
    assert Cut.of(none, none).f1.reason == "nothing is flagged and nothing is faulty"


@pytest.mark.parametrize("distance", [Distance(), Distance("euclidean"), Distance("euclidean", normalise=False)])
@pytest.mark.parametrize("count", [5, 90])
def test_quantiles_of_all_pairs(distance: Distance, count: int) -> None:
    rows = rows_of(count)
    rows[1], rows[3] = rows[0], -2 * rows[2]  # a copy, and an opposite
    pairs = all_pairs(count)
    apart = 1 - distance.nearness(distance.measure(rows)(pairs[:, 0], pairs[:, 1]))
    apart = apart[(apart > 1e-7) & (apart < 1)]
    logits = np.quantile(np.log(apart / (1 - apart)), [0, 0.01, 0.3, 1])
    found = pair_quantiles(rows, np.array([0, 0.01, 0.3, 1]), distance)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), rtol=2**-14)


def test_quantiles_need_two_different_rows() -> None:
    assert pair_quantiles(np.ones((4, 3)), np.array([0.5]), Distance()) is None
    assert pair_quantiles(np.ones((1, 3)), np.array([0.5]), Distance()) is None


@pytest.mark.parametrize(
    ("issue", "scores", "indices"),
    [
        (Issue.OFF_TOPIC, "off_topic_scores_local_f64", "off_topic_indices_local_f64"),
        (Issue.LABEL_ERROR, "label_scores_f64", "label_indices_f64"),
        (Issue.NEAR_DUPLICATE, "near_dup_scores_f64", "near_dup_indices_f64"),
    ],
)
@pytest.mark.parametrize("contamination", [0.01, 0.1])
def test_selfclean_flags_what_the_authors_code_does(
    goldens: Path, issue: Issue, scores: str, indices: str, contamination: float
) -> None:
    recorded = {
        Issue.OFF_TOPIC: "off_topic_samples", Issue.LABEL_ERROR: "label_errors", Issue.NEAR_DUPLICATE: "near_duplicates"
    }[issue]  # fmt: skip
    with np.load(goldens / "selfclean_A_n300_d32.npz") as arrays:
        view = View.from_arrays(embeddings=arrays["emb_f64"], labels=arrays["labels"])
        positions = arrays[f"fraction_cut_{recorded}_a{contamination}_q0.5_f64"]
        expected = {tuple(np.atleast_1d(item).tolist()) for item in arrays[indices][positions]}
    method = SelfClean(contamination=contamination, significance=0.5)
    ranking = method.decided(view, method.rank(issue, view, all_pairs(300) if issue.ranks_pairs else None))
    assert ranking.flags is not None
    assert {tuple(np.atleast_1d(item).tolist()) for item in ranking.items[ranking.flags]} == expected
    if issue.ranks_pairs:  # whatever pairs are asked
        some = all_pairs(300)[::7]
        part = method.decided(view, method.rank(issue, view, some))
        np.testing.assert_array_equal(part.flags, ranking.flags[::7])


def test_selfclean_does_not_cut_where_it_cannot() -> None:
    view = View.from_arrays(embeddings=rows_of(20), labels=np.arange(20) % 2)
    method = SelfClean(compat="reference")
    ranking = method.decided(view, method.rank(Issue.LABEL_ERROR, view))
    assert ranking.flags is None
    assert "ranks alone" in str(ranking.notes["undecided"])
    dear = View.from_arrays(embeddings=rows_of(3000), cpu_limit=1e-3)
    pair = Ranking(Issue.NEAR_DUPLICATE, np.array([[0, 1]]), np.array([0.5]))
    assert "CPU time" in str(SelfClean().decided(dear, pair).notes["undecided"])
    with pytest.raises(TooCostly):
        SelfClean().flags(Issue.NEAR_DUPLICATE, dear, pair)
    copies = View.from_arrays(embeddings=np.ones((4, 3)))
    ranking = SelfClean().rank(Issue.NEAR_DUPLICATE, copies, all_pairs(4))
    assert SelfClean().decided(copies, ranking).flags.all()


@pytest.mark.parametrize("settings", [{"contamination": 0.5}, {"significance": 0}, {"contamination": "a"}])
def test_selfclean_refuses_a_senseless_cut(settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(settings))):
        SelfClean(**settings)


@pytest.mark.parametrize("classifier", ["adaboost", "logreg"])
def test_confident_learning_flags_what_cleanlab_does(goldens: Path, classifier: str) -> None:
    with np.load(goldens / "confident_learning.npz") as arrays:
        labels, believed = arrays["A_labels_factorized"], arrays[f"A_{classifier}_pred_probs"]
        np.testing.assert_array_equal(label_issues(labels, believed), arrays[f"A_{classifier}_is_label_issue"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning:cleanlab")
def test_datalab_flags_what_the_tool_does() -> None:
    rows = 2 * rows_of(4)[np.arange(120) % 4] + rows_of(120, seed=1)
    rows[:5] *= -9
    rows[10], rows[20] = rows[11], rows[21] + 1e-3
    view = View.from_arrays(embeddings=rows)
    method = Datalab()
    method.fit(view)
    lab = Lab({"image": np.arange(120)}, verbosity=0)
    lab.find_issues(features=rows, issue_types={"outlier": {}, "near_duplicate": {}})
    images = method.decided(view, method.rank(Issue.OFF_TOPIC, view))
    np.testing.assert_array_equal(images.flags, lab.get_issues("outlier")["is_outlier_issue"])
    pairs = method.decided(view, method.rank(Issue.NEAR_DUPLICATE, view, all_pairs(120)))
    sets = lab.get_info("near_duplicate")["near_duplicate_sets"]
    expected = {(min(i, int(j)), max(i, int(j))) for i, found in enumerate(sets) for j in found}
    assert (10, 11) in expected
    assert images.flags.any()
    assert {tuple(pair) for pair in pairs.items[pairs.flags].tolist()} == expected


def test_cleanvision_flags_what_it_scores_beyond_its_thresholds() -> None:
    method = CleanVision.__new__(CleanVision)  # the tool itself is not needed to decide
    images = Ranking(Issue.OFF_TOPIC, np.arange(3), np.array([0.4, 0.0, -1.0]))
    assert method.flags(Issue.OFF_TOPIC, View.from_arrays(embeddings=rows_of(3)), images).tolist() == [
        True,
        False,
        False,
    ]
    pairs = Ranking(Issue.NEAR_DUPLICATE, all_pairs(3), np.array([0.5, -np.inf, 1.0]))
    flags = method.flags(Issue.NEAR_DUPLICATE, View.from_arrays(embeddings=rows_of(3)), pairs)
    assert flags.tolist() == [True, False, True]


@given(st.lists(st.sampled_from([0.001, 0.01, 0.02, 0.05, 0.3, 1.0]), min_size=1, max_size=12), st.floats(0.01, 0.5))
def test_bhn_rejects_what_benjamini_and_hochberg_do(values: list[float], level: float) -> None:
    p_values = np.array(values)
    adjusted = false_discovery_control(p_values)
    if np.abs(adjusted - level).min() > 1e-9:
        np.testing.assert_array_equal(rejected(p_values, level), adjusted <= level)
    assert not rejected(np.zeros(0), level).size


def test_bhn_flags_planted_errors_and_no_stated_image() -> None:
    labels = np.arange(400) % 2
    rows = rows_of(400) + 8 * labels[:, None]
    stated, wrong = np.arange(200), np.arange(200, 240)
    labels[wrong] = 1 - labels[wrong]
    view = View.from_arrays(embeddings=rows, labels=labels, calibration=stated)
    method = BHN(level=0.1)
    flags = method.decided(view, method.rank(Issue.LABEL_ERROR, view)).flags
    assert flags[wrong].all()
    assert not flags[stated].any()
    assert flags[240:].mean() < 0.1
    with pytest.raises(UserError, match="level"):
        BHN(level=1.0)


def test_fine_cuts_each_class_between_two_groups() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0.9, 0.01, 50), rng.normal(0.5, 0.05, 9)])
    order = rng.permutation(len(values))
    np.testing.assert_array_equal(lower_group(values[order]), (values < 0.7)[order])
    assert not lower_group(np.full(9, 0.3)).any()
    assert not lower_group(np.array([0.1, 0.9])).any()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_fine_flags_the_lower_end_of_a_class(values: list[float]) -> None:
    alignments = np.array(values)
    low = lower_group(alignments)
    assert alignments[low].max(initial=-1) < alignments[~low].min(initial=2)
    assert not low.all()


def test_fine_flags_follow_images() -> None:
    rows, labels = rows_of(60), np.arange(60) % 3
    order = np.random.default_rng(1).permutation(60)
    flags = []
    for chosen in (np.arange(60), order):
        view = View.from_arrays(embeddings=rows[chosen], labels=labels[chosen])
        flags.append(FINE().decided(view, FINE().rank(Issue.LABEL_ERROR, view)).flags)
    np.testing.assert_array_equal(flags[0][order], flags[1])


def test_a_method_that_cannot_decide_keeps_its_ranking() -> None:
    class Undecided(SelfClean):
        def flags(self, issue: Issue, data: View, ranking: Ranking) -> None:
            raise NotApplicable("too few")

    view = View.from_arrays(embeddings=rows_of(5))
    ranking = Undecided().rank(Issue.OFF_TOPIC, view)
    decided = Undecided().decided(view, ranking)
    np.testing.assert_array_equal(decided.scores, ranking.scores)
    assert decided.notes == {"undecided": "too few"}


def test_flags_reach_ranking_record_and_board(rank_with: Callable[..., Any], pictures: Path, tmp_path: Path) -> None:
    settings = ("contamination=0.4", "significance=0.9")
    outcome = rank_with(
        "method=selfclean", "encoder=pixels", "dataset=folder", f'dataset.root="{pictures}"',
        *(f"method.{setting}" for setting in settings),
    )  # fmt: skip
    run = read_run(outcome.folder / "record.json")
    assert [record.issue for record in run.records] == list(Issue)
    for record in run.records:
        assert record.cut is not None
        rows, flags = read_flags(outcome.folder / "rankings" / f"{record.issue}.parquet", record.issue)
        assert flags.sum() >= record.cut.flagged
        if not record.issue.ranks_pairs:
            assert len(rows) == 24
            assert not flags[[row in (("i03",), ("i05",)) for row in rows]].any()  # unreadable
    assert any(record.cut.flagged for record in run.records)
    boards = tmp_path / "boards"
    assert not merge(tmp_path / "runs", boards).refused
    assert check(boards).differences == ()
    (page,) = (boards / "pictures").glob("*/off_topic.md")
    flagged = next(record.cut.flagged for record in run.records if record.issue is Issue.OFF_TOPIC)
    section = page.read_text().partition("## What methods flag")[2]
    assert f"| `selfclean (contamination=0.4, significance=0.9)` | `pixels` | {flagged} |" in section
    (path,) = (boards / "pictures").glob("*/rankings/off_topic/*.parquet")
    rows, flags = read_flags(path, Issue.OFF_TOPIC)
    ids = sorted(row[0] for row in rows)
    from cleanbench.rankings import read_table

    items, scores = read_table(path, Issue.OFF_TOPIC, "score")
    write_ranking(path, Ranking(Issue.OFF_TOPIC, np.array([ids.index(item[0]) for item in items]), scores, ~flags), ids)
    assert any("flagged is" in difference for difference in check(boards).differences)
    write_ranking(path, Ranking(Issue.OFF_TOPIC, np.array([ids.index(item[0]) for item in items]), scores), ids)
    assert any("the record has the method's own cut" in difference for difference in check(boards).differences)


def test_methods_without_a_cut_have_none(rank_with: Callable[..., Any], pictures: Path) -> None:
    outcome = rank_with("method=chance", "dataset=folder", f'dataset.root="{pictures}"')
    assert all(record.cut is None for record in outcome.run.records)
    assert read_flags(outcome.folder / "rankings" / "off_topic.parquet", Issue.OFF_TOPIC) is None
    assert '"cut"' not in (outcome.folder / "record.json").read_text()
