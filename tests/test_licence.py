"""Terms of a data set go wherever its numbers go: records, tables, boards; and images only where they may."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finished_runs import ISSUES, differences, edit_run, make_run, only

from cleanbench.core import Issue
from cleanbench.image_set import Card
from cleanbench.leaderboard.merge import merge
from cleanbench.licence import may_show_images, not_for_sharing, sentence
from cleanbench.records import Record, Terms, read_records, read_run

CARDS = [
    Card("", licence, commercial=commercial, redistributable=redistributable)
    for licence in ("not stated", "CC-BY-NC-4.0")
    for commercial in (None, False, True)
    for redistributable in (False, True)
]
CLOSED = Terms(
    licence="CC BY-NC | 4.0",
    commercial=False,
    citation="A <b> et al.",
    identifier="doi:10.1/2",
    grouping="patient",
    blemishes=("Rulers.", "Hairs."),
    truth="Three workers\neach.",
)


@pytest.mark.parametrize("card", CARDS)
def test_a_shared_page_shows_images_only_if_they_may_be_passed_on(card: Card) -> None:
    assert may_show_images(card, shared=True) == card.redistributable
    assert may_show_images(card, shared=False)
    assert bool(not_for_sharing(card)) != card.redistributable


@pytest.mark.parametrize("card", CARDS)
def test_the_sentence_says_what_the_card_says(card: Card) -> None:
    said = sentence(card)
    assert card.licence in said
    assert ("Non-commercial use only" in said) == (card.commercial is False)
    assert ("Commercial use is allowed" in said) == (card.commercial is True)
    assert ("commercial use is allowed is not stated" in said) == (
        card.commercial is None and card.licence != "not stated"
    )
    assert ("may be passed on" in said) == card.redistributable
    assert sentence(Terms.of(card)) == said


def test_a_run_keeps_the_terms_of_its_data(rank_with: Callable[..., Any], pictures: Path) -> None:
    outcome = rank_with("method=odd", "dataset=folder", f'dataset.root="{pictures}"')
    kept = [record.terms for record in outcome.run.records]
    files = ["off_topic_samples.csv", "label_errors.csv"]
    assert kept == [Terms(licence="not stated", truth=f"{file} in the folder, conflict=drop") for file in files]


def test_records_without_terms_are_written_as_they_were(runs: Path) -> None:
    record = read_run(next(runs.glob("demo/*/record.json"))).records[0]
    assert record.terms is None
    written = record.model_dump(mode="json")
    assert "terms" not in written
    assert Record.model_validate(written) == record
    stated = record.model_copy(update={"terms": CLOSED})
    assert Record.model_validate(json.loads(json.dumps(stated.model_dump(mode="json")))) == stated


def test_boards_say_the_terms_that_the_newest_record_states(tmp_path: Path) -> None:
    runs, root = tmp_path / "runs", tmp_path / "boards"
    make_run(runs, "phash")  # made before records had terms
    edit_run(make_run(runs, "knn", minute=1), terms=Terms(licence="unclear"))
    edit_run(make_run(runs, "lof", minute=2), terms=CLOSED)
    assert merge(runs, root).refused == []
    for issue in ISSUES:
        page = only(root).table(issue).read_text()
        assert "Licence of the data: CC BY-NC \\| 4.0. Non-commercial use only." in page
        for said in (
            "Cite: A \\<b\\> et al.",
            "Identifier: doi:10.1/2",
            "How this truth was made: Three workers each.",
            "Images that belong together: patient",
            "Known blemishes: Rulers. Hairs.",
        ):
            assert f"\n- {said}\n" in page
        assert "unclear" not in page
    assert "Non-commercial use only: the data behind `demo`." in (root / "README.md").read_text()
    assert differences(root) == ""
    terms = {record.label: record.terms for record in read_records(only(root).records_file)}
    assert terms == {"phash": None, "knn": Terms(licence="unclear"), "lof": CLOSED}


def test_boards_of_records_without_terms_say_nothing_of_them(root: Path) -> None:
    assert "icence" not in only(root).table(Issue.OFF_TOPIC).read_text()
    assert "ommercial" not in (root / "README.md").read_text()


def test_the_terminal_says_that_data_are_not_for_commercial_use(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cleanbench.commands.tables import print_outcomes
    from cleanbench.run import Outcome

    run = read_run(next(runs.glob("demo/*/record.json")))
    print_outcomes([Outcome("phash", None, run, None)])
    assert "ommercial" not in capsys.readouterr().out
    closed = tuple(record.model_copy(update={"terms": CLOSED}) for record in run.records)
    print_outcomes([Outcome("phash", None, run.model_copy(update={"records": closed}), None)])
    assert capsys.readouterr().out.count("Licence of demo: CC BY-NC | 4.0. Non-commercial use only.") == 1
