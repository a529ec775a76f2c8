"""The card of a data set says what is known and what is missing, and goes out as Croissant that others can read."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleanbench import zoo
from cleanbench.card.croissant import export, problems
from cleanbench.card.questions import answers, card_parts
from cleanbench.core import GroundTruth, Issue, UserError
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Encoded, Images

FULL = Card(
    description="Skin <b>lesions</b>",
    licence="CC-BY-NC-4.0",
    source="https://example.org/set",
    citation="A. Author, A set, 2020",
    truths={"near_duplicate crowd": "Three workers per pair.", "label_error": "One expert."},
    commercial=False,
    identifier="https://doi.org/10.1234/5678",
    grouping="patient",
    capture="Two hospitals",
    blemishes=("Rulers.", "Hairs."),
)


@pytest.fixture
def image_set() -> ImageSet:
    """Return three images with ids that look like numbers, an unreadable file and odd names of columns."""
    ids = ("007", "1e5", 'é, "x"')
    pairs = GroundTruth.of(Issue.NEAR_DUPLICATE, ids, [[0, 1], [1, 2]], [1, 0], name="crowd", probability=[0.75, 0.25])
    labels = GroundTruth.of(Issue.LABEL_ERROR, ids, [0, 2], [0, 1], name="expert/1", kind="metadata")
    return ImageSet(
        "set",
        ids,
        Images(Encoded((b"one", b"two", b"three"))),
        labels=np.array([1, -1, 0]),
        classes=("0", "01"),
        attributes={
            "group": np.array(["p1", "p1", ""], dtype=object),
            "split": np.array(["train", "test", "test"]),
            "label": np.array(["a", "b", "c"]),
            "skin type / x": np.array([1.0, np.nan, 3.0]),
            "empty": np.array(["", "", ""], dtype=object),
        },
        truths={(Issue.NEAR_DUPLICATE, "crowd"): pairs, (Issue.LABEL_ERROR, "expert/1"): labels},
        card=FULL,
    )


def test_a_full_card_misses_nothing(image_set: ImageSet) -> None:
    found = {each.question: each.answer for each in answers(image_set)}
    assert all(found.values())
    assert found["Commercial use"] == "not allowed"
    assert found["Passing images on"] == "not allowed, as far as is known"
    assert found["Near duplicate, crowd"] == "1 of 2 judged pairs faulty (50.0%), human truth"
    assert found["Near duplicate, crowd: made how, by whom"] == "Three workers per pair."
    assert found["Label error, expert/1: made how, by whom"] == "One expert."
    assert found["Patients, lesions or captures"] == "patient; 1 group recorded for 2 images"
    assert "Nothing: all" in card_parts(image_set)[-1].sentences[0]


def test_what_nobody_stated_is_missing(image_set: ImageSet) -> None:
    bare = ImageSet("set", image_set.ids, image_set.images)
    missing = {each.question for each in answers(bare) if not each.answer}
    assert missing == {
        "Licence",
        "Commercial use",
        "Passing images on",
        "Persistent identifier",
        "What the images show",
        "Source",
        "What to cite",
        "Hospital, scanner or camera",
        "Known blemishes",
        "Patients, lesions or captures",
        "Parts, such as train and test",
        "Truth about faults",
    }
    assert all(each.why for each in answers(bare) if not each.answer)
    unexplained = replace(image_set, card=Card("", "not stated"))
    assert "Near duplicate, crowd: made how, by whom" in {
        each.question for each in answers(unexplained) if not each.answer
    }


def croissant(path: Path, record_set: str) -> list[dict[str, Any]]:
    """Read a record set as others would, with mlcroissant."""
    import mlcroissant

    records = mlcroissant.Dataset(jsonld=str(path)).records(record_set)
    return [
        {key.partition("/")[2]: value.decode() if isinstance(value, bytes) else value for key, value in each.items()}
        for each in records
    ]


# What mlcroissant's own dependencies warn of is not ours to mend.
@pytest.mark.filterwarnings("ignore")
def test_croissant_is_valid_and_gives_back_what_went_in(image_set: ImageSet, tmp_path: Path) -> None:
    path = tmp_path / "a set.json"
    files = export(image_set, path)
    assert all(file.exists() for file in files)
    assert [file.name for file in files[1:]] == [
        "a_set-ee5c97de.images.parquet",
        "a_set-ee5c97de.near_duplicate-crowd.parquet",
        "a_set-ee5c97de.label_error-expert_1-724b3c40.parquet",
    ]
    assert problems(path) == []
    images = croissant(path, "images")
    assert [each["id"] for each in images] == list(image_set.ids)
    assert [each["sha256"] for each in images] == image_set.images.digests()
    assert [each["label"] for each in images] == ["01", None, "0"]
    assert [each["attribute%20label"] for each in images] == ["a", "b", "c"]
    assert [each["skin%20type%20%2F%20x"] for each in images] == ["1.0", None, "3.0"]
    assert croissant(path, "near_duplicate-crowd") == [
        {"id_a": "007", "id_b": "1e5", "label": 1, "probability": 0.75},
        {"id_a": "1e5", "id_b": 'é, "x"', "label": 0, "probability": 0.25},
    ]
    assert croissant(path, "label_error-expert_1-724b3c40") == [{"id": "007", "label": 0}, {"id": 'é, "x"', "label": 1}]


@pytest.mark.filterwarnings("ignore")
def test_names_that_differ_in_accents_only_stay_two(image_set: ImageSet, tmp_path: Path) -> None:
    first, second = (export(image_set, tmp_path / name) for name in ("é.json", "ü.json"))
    assert not set(first) & set(second)


@pytest.mark.parametrize("name", ["folder", "file/a.json"])
def test_croissant_that_cannot_be_written_leaves_nothing(image_set: ImageSet, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"{name} cannot be written"):
        export(image_set, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_croissant_says_what_the_card_says_and_makes_nothing_up(image_set: ImageSet, tmp_path: Path) -> None:
    content = json.loads(export(image_set, tmp_path / "full.json")[0].read_text())
    assert content["license"] == "https://spdx.org/licenses/CC-BY-NC-4.0.html"
    assert content["url"] == content["identifier"] == "https://doi.org/10.1234/5678"
    assert content["citeAs"] == FULL.citation
    assert content["rai:dataLimitations"] == ["Rulers.", "Hairs."]
    assert "Three workers per pair." in content["rai:dataAnnotationProtocol"][0]
    bare = replace(image_set, card=Card("", "not stated"))
    content = json.loads(export(bare, tmp_path / "bare.json")[0].read_text())
    assert set(content) == {"@context", "@type", "name", "conformsTo", "distribution", "recordSet"}


@pytest.mark.filterwarnings("ignore")
def test_defects_of_a_croissant_file_are_found(image_set: ImageSet, tmp_path: Path) -> None:
    path, *_ = export(image_set, tmp_path / "set.json")
    content = json.loads(path.read_text())
    content["recordSet"][0]["field"][0]["source"]["fileObject"]["@id"] = "nowhere.parquet"
    path.write_text(json.dumps(content))
    assert problems(path)


def test_the_demo_card_tells_how_every_truth_was_made() -> None:
    found = {each.question: each.answer for each in answers(zoo.load("demo", "dataset"))}
    assert [found[f"{issue.heading}, planted: made how, by whom"][:9] for issue in Issue] == ["Synthetic"] * 3
    assert found["Passing images on"] == "allowed"


def test_the_command(pictures: Path, tmp_path: Path) -> None:
    words = ["dataset=folder", f"dataset.root={pictures}", "croissant=made/set.json", "page=made/card.html"]
    line = [sys.executable, "-m", "cleanbench.card", *words]
    ended = subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "mlcroissant finds no error in it" in ended.stdout
    assert "Licence                missing" in ended.stdout
    assert "6 of 18 judged images faulty (33.3%), human truth" in ended.stdout
    page = (tmp_path / "made" / "card.html").read_text()
    assert "Questions without an answer" in page
    assert len(list((tmp_path / "made").glob("set.*"))) == 5
