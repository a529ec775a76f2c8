"""Every sentence of a report is true of the numbers, which are counted here the slow way."""

import re
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reported_runs import finish, image_set

from cleanbench.core import Issue
from cleanbench.metrics import METRICS, Levels
from cleanbench.records import Measured, read_run, write_run
from cleanbench.report import sentences
from cleanbench.report.compared import name_of, read_runs
from cleanbench.report.comparison_words import chance_in_words, findings, tiers_in_words, warnings
from cleanbench.report.finished import read
from cleanbench.report.issue_section import issue_section
from cleanbench.report.review_section import review_parts, telling_facts
from cleanbench.sampled import ERROR, FAULTY, ITEMS, SAMPLED
from cleanbench.uncertainty.intervals import ENOUGH_FAULTY
from cleanbench.unjudged.measures import Partly


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = finish(tmp_path_factory.mktemp("runs"), image_set(60))
    return next(each for each in read_run(folder / "record.json").records if each.issue is Issue.OFF_TOPIC)


def with_auroc(record, value, low=None, high=None):
    return record.model_copy(update={"metrics": {"AUROC": Measured(value=value, low=low, high=high)}})


@pytest.mark.parametrize(
    ("value", "low", "high", "said", "unsaid"),
    [
        (0.7, 0.6, 0.8, "better than a random order", "cannot be told"),
        (0.7, 0.45, 0.8, "cannot be told from a random order", "better"),
        (0.3, 0.2, 0.4, "worse than a random order", "cannot be told"),
        (0.5, 0.5, 0.5, "as in a random order", "better"),
        (0.7, None, None, "No interval", "better"),
        (0.7, 0.5, 0.8, "cannot be told from a random order", "better"),
    ],
)
def test_chance_is_judged_by_the_interval(record, value, low, high, said, unsaid):
    text = sentences.against_chance(with_auroc(record, value, low, high))
    assert said in text
    assert unsaid not in text
    assert f"{value:.3f}" in text


@given(st.lists(st.booleans(), min_size=2, max_size=7).filter(any), st.data())
def test_effort_is_what_the_mean_reviewer_needs(record, labels, data):
    scores = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(labels), max_size=len(labels))), dtype=float)
    labels = np.array(labels)
    levels = Levels.of(labels, scores)
    own = record.model_copy(update={"items": len(labels), "faulty": int(labels.sum())})
    orders = [order for order in permutations(range(len(labels))) if np.all(np.diff(scores[list(order)]) <= 0)]
    target = int(np.ceil(0.9 * labels.sum() - 1e-9))
    places = [np.flatnonzero(np.cumsum(labels[list(order)]) >= target)[0] + 1 for order in orders]
    text = sentences.to_find(own, levels)
    assert f"To find {target} of the {labels.sum()}" in text
    said = int(re.search(r"about (\d+) image", text)[1])
    assert abs(said - np.mean(places)) <= 0.5 + 1e-9
    found = np.mean([labels[list(order)][:1].sum() for order in orders]) / labels.sum()
    assert f"finds {sentences.share(found)} of the faults" in sentences.of_effort(own, levels, budget=1e-9)


@given(st.floats(0, 1))
def test_a_share_is_never_rounded_to_none_or_all(value):
    text = sentences.share(value)
    assert (text in ("0%", "0.0%")) == (value == 0)
    assert (text == "100%") == (value == 1)
    number = float(re.search(r"[\d.]+", text)[0]) / 100
    assert abs(number - value) <= 0.0051


def test_few_faulty_items_are_told(record):
    few, enough = (
        sentences.few_faulty(record.model_copy(update={"faulty": faulty, "items": 500}))
        for faulty in (ENOUGH_FAULTY - 1, ENOUGH_FAULTY)
    )
    assert f"Only {ENOUGH_FAULTY - 1} images are faulty" in few
    assert enough == ""
    assert "Only 1 image is faulty" in sentences.few_faulty(record.model_copy(update={"faulty": 1}))
    assert "No judged item is faulty" in sentences.few_faulty(record.model_copy(update={"faulty": 0}))


@pytest.mark.parametrize(("low", "high", "told"), [(0.3, 0.5, True), (0.1, 0.7, False), (0.15, 0.65, False)])
def test_ties_are_told_where_their_band_is_wider_than_the_interval(low, high, told):
    metrics = {
        "AP": Measured(value=0.4, low=low, high=high),
        "AP_worst": Measured(value=0.2),
        "AP_best": Measured(value=0.6),
    }
    assert ("from 0.200 to 0.600" in sentences.ties(metrics)) == told


def test_what_has_no_score_cannot_be_read_or_was_told_is_said(record):
    partly = record.model_copy(update={"items": 200, "coverage": 0.985})
    assert sentences.coverage(partly).startswith("3 images of 200 that were judged got no score")
    assert sentences.coverage(record.model_copy(update={"coverage": 1.0})) == ""
    assert "1 of 60 images cannot be read; it ranks last" in sentences.unreadable(
        record.model_copy(update={"unreadable": 1})
    )
    assert sentences.unreadable(record) == sentences.supervised(record) == sentences.other_encoder(record) == ""
    assert "is supervised" in sentences.supervised(record.model_copy(update={"supervised": True}))
    foreign = record.model_copy(update={"encoder": "hog", "paper_encoder": "dino"})
    assert "ran on the encoder hog; its paper uses dino" in sentences.other_encoder(foreign)
    assert sentences.other_encoder(foreign.model_copy(update={"paper_encoder": "hog"})) == ""
    assert "seed 0 alone" in sentences.unknown_seed_variance(record, True)
    assert sentences.unknown_seed_variance(record, False) == ""


@pytest.mark.parametrize("kind", sentences.KINDS)
def test_the_kind_of_truth_is_told(record, kind):
    truth = record.truth.model_copy(update={"kind": kind})
    text = sentences.judged(record.model_copy(update={"truth": truth}))
    assert text.startswith(f"{record.faulty} of {record.items} images that were judged are faulty")
    assert text.endswith(sentences.KINDS[kind])


def test_chance_is_that_of_the_metric(record):
    assert sentences.chance_of(record, "P@10") == METRICS["P@10"].chance(record.faulty, record.items)
    assert sentences.chance_of(record, "P@1000") is None


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    runs = tmp_path_factory.mktemp("compared")
    images = image_set(300)
    for name, quality in (("best", 3.0), ("second", 2.9), ("weak", 0.6), ("inverse", -2.0), ("blind", 0.0)):
        folder = finish(runs, images, name, quality=quality)
    finish(runs, images, "coarse", quality=1.0, ties=True)
    return read_runs(folder.parent).compared


def test_tiers_are_told_as_the_comparison_has_them(compared):
    for each in compared.values():
        values = [row.values("AP")[0] for row in each.rows]
        leader = int(np.argmax(values))
        told = tiers_in_words(each)
        assert len({row.printed_ap for row in each.rows}) == len(each.rows)
        assert told.startswith(f"{name_of(each.rows[leader])} has the highest AP, {values[leader]:.3f}")
        apart = each.comparison.better[leader]
        before_count = told.partition("(AP, paired")[0]
        for place, row in enumerate(each.rows):
            assert (name_of(row) in before_count) == (place == leader or not apart[place])
        assert f"{each.comparison.tiers.max()} tiers" in told


def test_rows_near_chance_are_told_by_their_intervals(compared):
    for each in compared.values():
        told = chance_in_words(each)
        unclear, _, worse = told.partition("worse than")
        for row in each.rows:
            ends = row.interval("AUROC")
            assert (name_of(row) in unclear) == (ends.low <= 0.5 <= ends.high)
            assert (name_of(row) in worse) == (ends.high < 0.5)


def test_rows_decided_by_ties_are_told(compared):
    for each in compared.values():
        told = " ".join(warnings(each))
        assert ("coarse" in told) == next(row for row in each.rows if row.method == "coarse").decided_by_ties
        assert "left out" not in " ".join(findings(each))


def test_the_stopping_rule_and_the_cut_are_played_through(tmp_path):
    folder = finish(tmp_path, image_set(900), quality=4.0, issues=[Issue.OFF_TOPIC])
    ranked = read(folder).ranked[Issue.OFF_TOPIC]
    labels = ranked.judged.labels[np.argsort(-ranked.judged_scores, kind="stable")]
    clean, stopped = 0, len(labels)
    for place, faulty in enumerate(labels, start=1):
        clean = 0 if faulty else clean + 1
        if clean == 58:
            stopped = place
            break
    text = " ".join(review_parts(ranked))
    recall = labels[:stopped].sum() / labels.sum()
    assert f"stops here after {stopped} of {len(labels)}, with {recall:.0%} of the faults found" in text
    assert "By itself the method flags" not in text
    flagged = type(ranked)(ranked.record, ranked.items, ranked.scores, ranked.judged, ranked.judged_scores > 2)
    found = int((flagged.flags & ranked.judged.labels).sum())
    precision = found / int(flagged.flags.sum())
    text = " ".join(review_parts(flagged))
    assert f"flags {int(flagged.flags.sum())} images of those judged, of which {found} are faulty" in text
    assert f"precision {precision:.3f}" in text


def test_facts_that_cut_alike_count_once():
    images = image_set(30)
    renamed = {"again": np.array([f"x{value}" for value in images.attributes["source"]], dtype=object)}
    doubled = type(images)(**{**vars(images), "attributes": {**images.attributes, **renamed}})
    assert telling_facts(images) == ["class", "source"]
    assert telling_facts(doubled) == ["class", "again"]


def test_rows_that_print_alike_share_the_lead(tmp_path):
    images = image_set(60)
    for method in ("one", "two"):  # the same scores under two names
        folder = finish(tmp_path, images, method, quality=2.0, issues=[Issue.OFF_TOPIC])
    first = next(folder.parent.glob("*/rankings/off_topic.parquet"))
    for path in folder.parent.glob("*/rankings/off_topic.parquet"):
        path.write_bytes(first.read_bytes())
    record = read_run(first.parent.parent / "record.json").records[0]
    for path in folder.parent.glob("*/record.json"):
        run = read_run(path)
        own = run.records[0].model_copy(update={"metrics": record.metrics})
        write_run(path, run.model_copy(update={"records": (own,)}))
    (each,) = read_runs(folder.parent).compared.values()
    value = record.metrics["AP"].value
    assert tiers_in_words(each).startswith(f"one and two have the highest AP, {value:.3f} (AP, paired")


def test_what_was_not_judged_leaves_precision_open():
    scores = -np.arange(300.0)
    judged = np.arange(300) % 4 != 0
    faulty = np.arange(300) % 8 == 1
    told = sentences.unjudged(Partly(scores, judged, faulty), "all images")
    assert told == "Of the first 100 of all images, 75% were judged; at least 13% are faulty, and at most 38%."
    assert sentences.unjudged(Partly(scores, np.ones(300, dtype=bool), faulty), "all images") == ""
    assert sentences.unjudged(Partly(scores[:50], judged[:50], faulty[:50]), "all images") == ""


def test_of_a_sample_nothing_is_said_that_counts_the_judged_alone(tmp_path):
    notes = {SAMPLED: "estimated", ITEMS: 1000, FAULTY: 90.5, f"{ERROR} faulty": 7.0}
    folder = finish(tmp_path, image_set(60), issues=[Issue.OFF_TOPIC], notes=notes)
    ranked = read(folder).ranked[Issue.OFF_TOPIC]
    assert not ranked.has_curves
    assert review_parts(ranked) == []
    assert sentences.judged(ranked.record).startswith("About 90.5 ± 7.0 of 1,000 images are faulty")
    assert sentences.chance_of(ranked.record, "P@10") == pytest.approx(0.09, abs=1e-3)
    text = issue_section(ranked, {}, None, None).body
    assert "About 90.5" in text
    assert "Whoever reviews" not in text
    found = read_runs(folder.parent)
    assert not found.compared
    assert "only a sample was judged" in found.refused[Issue.OFF_TOPIC]
