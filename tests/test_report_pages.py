"""Reports of runs and comparisons: what they show is what the files say, whatever names are, and images stay in."""

import errno
import os
import re
import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from reported_runs import ATTACKS, finish, image_set

from cleanbench.core import Issue, Ranking, UserError
from cleanbench.metrics import METRICS
from cleanbench.not_run import NotRun, as_lines
from cleanbench.queues import write_queue
from cleanbench.rankings import write_ranking
from cleanbench.records import read_run
from cleanbench.report import contact_sheets, doubted, writing
from cleanbench.report.contact_sheets import Album
from cleanbench.report.finished import ranked_of, read
from cleanbench.report.writing import report_run, report_runs, same_data


@pytest.fixture(scope="module")
def small():
    return image_set(40, ATTACKS, broken=(3,))


@pytest.fixture
def run(small, tmp_path):
    return finish(tmp_path, small)


def text_of(page):
    """Return what a reader sees of a page, in one line."""
    body = re.sub(r"<style>.*?</style>", "", page.read_text(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_a_ranking_is_read_with_its_truth(run, small):
    found = read(run)
    for issue in Issue:
        ranked, truth = found.ranked[issue], small.truth(issue)
        assert np.all(np.diff(ranked.scores) <= 0)
        faulty = {item for item, verdict in zip(ranked.items, ranked.judgements, strict=True) if verdict == 1}
        named = {tuple(small.ids[end] for end in np.atleast_1d(item)) for item in truth.items[truth.labels]}
        assert faulty == named
        assert int(ranked.levels.found[-1]) == truth.faulty
        assert np.array_equal(ranked.judged.located(small.ids), truth.items)


def test_tied_items_share_their_ranks(small, tmp_path):
    ranked = read(finish(tmp_path, small, ties=True)).ranked[Issue.OFF_TOPIC]
    for place, score in enumerate(ranked.scores):
        first, last = ranked.ranks(place)
        assert first == 1 + sum(ranked.scores > score)
        assert last == sum(ranked.scores >= score)


def test_the_page_says_what_the_records_say(run, small):
    page = report_run(run, small)
    text = text_of(page)
    for record in read_run(run / "record.json").records:
        ap, auroc = record.metrics["AP"], record.metrics["AUROC"]
        assert f"{ap.value:.3f} [{ap.low:.3f}, {ap.high:.3f}]" in text
        assert f"outranks a clean one with probability {auroc.value:.3f}" in text
        assert record.truth.revision in text
        assert f"{record.faulty} of {record.items} " in text
    assert "not for sharing" in text
    assert text.index("not for sharing") < text.index("Off topic")


def test_figures_are_files_and_only_those_that_are_current(run, small):
    (run / "report").mkdir()
    (run / "report" / "gone.svg").write_text("old")
    (run / "report" / "notes.txt").write_text("mine")
    report_run(run, small)
    files = sorted(path.name for path in (run / "report").iterdir())
    drawn = [f"{issue}_{name}" for issue in Issue for name in ("effort", "precision_recall", "roc")]
    assert files == sorted([*(f"{name}.{ending}" for name in drawn for ending in ("csv", "svg")), "notes.txt"])


def test_without_room_a_report_stays_as_it_was(run, small, monkeypatch):
    page = report_run(run, small)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    written = Path.write_bytes

    def full(path, content):
        if path.suffix != ".html" and ".html" not in path.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left"):
        report_run(run, None)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    page.unlink()
    shutil.rmtree(run / "report")
    with pytest.raises(UserError, match="cannot be written"):
        report_run(run, small)
    assert not page.exists()
    assert not (run / "report").exists()


def test_a_report_is_the_same_each_time(run, small):
    page = report_run(run, small)
    first = page.read_bytes()
    assert report_run(run, small).read_bytes() == first


def test_sheets_show_the_top_with_its_truth_and_the_faults_at_the_end(run, small):
    ranked = read(run).ranked[Issue.OFF_TOPIC]
    album = Album(small)
    sheet = contact_sheets.top(ranked, album)
    tiles = re.findall(r"<li.*?</li>", sheet)
    assert len(tiles) == contact_sheets.TOP_IMAGES
    for place, tile in enumerate(tiles):
        (name,) = ranked.items[place]
        verdict = {1: "faulty", 0: "clean", -1: "not judged"}[int(ranked.judgements[place])]
        seen = unescape(re.sub(r"<[^>]*>", " ", tile))
        assert f"#{place + 1} {verdict}" in seen
        assert ('class="marked"' in tile) == (verdict == "faulty")
        assert ("cannot be read" in seen) == (name == small.ids[3])
    missed = contact_sheets.missed(ranked, album)
    last = np.flatnonzero(ranked.judgements == 1)[-1]
    assert f"#{last + 1} faulty" in re.findall(r"<li.*?</li>", missed)[0]
    assert missed.count("<li") == min(contact_sheets.MISSED, int((ranked.judgements == 1).sum()))


def test_a_sheet_says_which_of_tied_items_it_shows(small, tmp_path):
    folder = finish(tmp_path, small)
    record = read(folder).ranked[Issue.OFF_TOPIC].record
    constant = Ranking(Issue.OFF_TOPIC, np.arange(40), np.zeros(40))
    write_ranking(folder / "rankings" / "off_topic.parquet", constant, small.ids)
    sheet = contact_sheets.top(ranked_of(folder, record), Album(small))
    assert "Ranks 1 to 40 tie: of these 40, the 24 with the first ids are shown." in sheet


def test_without_its_images_a_report_lists_names(run):
    page = report_run(run, None)
    text = text_of(page)
    assert "<img" not in page.read_text()
    assert "not for sharing" not in text
    top = read(run).ranked[Issue.OFF_TOPIC].items[0][0]
    assert " ".join(top.split()) in text


def test_images_that_may_be_passed_on_need_no_warning(tmp_path):
    images = image_set(20, redistributable=True)
    assert "not for sharing" not in text_of(report_run(finish(tmp_path, images), images))


def test_other_data_are_refused(run):
    with pytest.raises(UserError, match="are not those that"):
        same_data(image_set(40, ATTACKS, seed=9), read(run))


@pytest.mark.parametrize("damage", ["folder", "record", "ranking"])
def test_what_is_no_finished_run_is_refused(run, damage):
    if damage == "folder":
        run = run.parent / "nowhere"
    else:
        (run / {"record": "record.json", "ranking": "rankings/off_topic.parquet"}[damage]).unlink()
    with pytest.raises(UserError, match=r"no folder of a finished run|does not exist"):
        read(run)


def test_a_comparison_links_its_runs_and_names_what_cannot_be_told_apart(small, tmp_path):
    good = finish(tmp_path, small, "good", quality=3.0)
    finish(tmp_path, small, "bad", quality=0.0)
    finish(tmp_path, small, ATTACKS[0], quality=0.0, ties=True)
    report_run(good, small)
    page = report_runs(good.parent, small, [("absent", Issue.OFF_TOPIC, "not run: it is not installed")])
    text, source = text_of(page), page.read_text()
    assert f'<a href="{good.name}/report.html">good</a>' in source
    assert "good has the highest AP" in text
    assert "absent Off topic not run: it is not installed" in text
    assert ATTACKS[0] in text
    assert ATTACKS[0] not in source
    assert (page.parent / "report" / "off_topic_roc.csv").exists()


def test_runs_on_another_state_of_the_data_are_left_out(small, tmp_path):
    finish(tmp_path, small, "old", fingerprint="other")
    new = finish(tmp_path, small, "new", minute=5)
    text = text_of(report_runs(new.parent, small))
    assert "1 run is left out: on another state of the data or of the truth." in text
    assert "1 run on small" in text


def test_several_seeds_are_one_row(small, tmp_path):
    for seed in range(3):
        folder = finish(tmp_path, small, "mine", seed=seed)
    finish(tmp_path, small, "other")
    text = text_of(report_runs(folder.parent, small))
    assert "2 rows" in text
    assert "4 runs on small" in text
    assert "Of a row with several seeds the first is drawn." in text


def test_a_run_is_not_lost_for_want_of_a_report(run, small, monkeypatch, capsys):
    class Outcome:
        reused, warnings = False, ()

    def broken(*_):
        raise RuntimeError("ink is out")

    monkeypatch.setattr(writing, "run_page", broken)
    writing.try_to_report_run(run, small, Outcome)
    assert "no report of" in (told := capsys.readouterr().err)
    assert "ink is out" in told
    assert not (run / "report.html").exists()


def test_of_many_items_only_the_ends_are_shown(tmp_path):
    images = image_set(10_000, pairs=10_000)
    folder = finish(tmp_path, images)
    page = report_run(folder, images)
    assert page.stat().st_size < 2_000_000
    assert page.read_text().count("<img") <= 3 * 2 * (contact_sheets.TOP_IMAGES + contact_sheets.MISSED)


def test_the_queue_of_all_pairs_has_a_sheet_of_its_own(small, run):
    pairs = np.array([[0, 1], [0, 2], [5, 9]])
    queue = Ranking(Issue.NEAR_DUPLICATE, pairs, np.array([0.9, 0.8, 0.7]))
    write_queue(run / "rankings" / "near_duplicate.parquet", queue, small.ids, 3)
    ranked = read(run).ranked[Issue.NEAR_DUPLICATE]
    known = ranked.judged.by_item
    for item, verdict in zip(ranked.queue.items, ranked.queue.judgements, strict=True):
        assert verdict == (int(known[item]) if item in known else -1)
    text = text_of(report_run(run, small))
    assert "The most suspicious of all pairs" in text
    assert "The 3 most suspicious pairs of the 3 that were retrieved" in text


def test_what_was_noted_as_not_run_is_told(small, tmp_path):
    folder = finish(tmp_path, small)
    noted = NotRun(
        method="absent",
        encoder=None,
        issue=Issue.OFF_TOPIC,
        dataset=small.name,
        fingerprint=small.fingerprint,
        set_revision=small.truth_revision,
        reason="not run: a package is missing",
        created="2025-01-01T00:00:00+00:00",
    )
    (folder.parent / "not_run").mkdir()
    (folder.parent / "not_run" / "absent.json").write_text(as_lines([noted]))
    other = noted.model_copy(update={"method": "elsewhere", "fingerprint": "other"})
    (folder.parent / "not_run" / "elsewhere.json").write_text(as_lines([other]))
    text = text_of(report_runs(folder.parent, small))
    assert "absent Off topic not run: a package is missing" in text
    assert "elsewhere" not in text


def test_a_truth_with_doubt_gives_expectations(tmp_path):
    images = image_set(80, doubt=True)
    folder = finish(tmp_path, images, "one", quality=1.0)
    finish(tmp_path, images, "other", quality=0.0)
    ranked = read(folder).ranked[Issue.OFF_TOPIC]
    probability = images.truth(Issue.OFF_TOPIC).probability
    assert np.array_equal(ranked.judged.probability, probability)
    draws = np.random.default_rng(doubted.SEED).random((doubted.DRAWS, len(probability))) < probability
    values = [METRICS["AUROC"].compute(labels, ranked.judged_scores).value for labels in draws]
    low, high = np.quantile(values, [0.025, 0.975])
    given = ranked.record.metrics["AUROC"].value
    told = f"AUROC {given:.3f} {np.mean(values):.3f} {low:.3f} to {high:.3f}"
    assert told in text_of(report_run(folder, images))
    assert "If labels are in doubt" in text_of(report_runs(folder.parent, images))


def test_a_truth_without_doubt_says_nothing_of_it(small, run):
    finish(run.parent.parent, small, "other")
    for page in (report_run(run, small), report_runs(run.parent, small)):
        assert "If labels are in doubt" not in text_of(page)
