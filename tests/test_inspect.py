"""An inspection counts what is there, finds copies and contradictions, and shows no image that it may not show."""

import hashlib
import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from browser import Browser
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cleanbench.core import GroundTruth, Issue
from cleanbench.datasets.metadata import metadata
from cleanbench.image_set import Card, ImageSet
from cleanbench.images import Encoded, Files, Images
from cleanbench.inspect.copies import contradicting, copies_in, denied, identical_files, pairs_of, shared_by
from cleanbench.inspect.sameness import across_part, copies_part
from cleanbench.inspect.scan import scan
from cleanbench.inspect.showing import without_folders, write_page
from cleanbench.inspect.survey import survey
from cleanbench.report.parts import Part
from cleanbench.store import Store

HOSTILE = '<script>alert("1")</script>'


def encoded(value: int, kind: str = "PNG", size: tuple[int, int] = (8, 6)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, 0, 0)).save(buffer, kind)
    return buffer.getvalue()


def make(files: Sequence[bytes], labels: Sequence[int] | None = None, **others: object) -> ImageSet:
    ids = tuple(f"i{number:02d}" for number in range(len(files)))
    given = None if labels is None else np.array(labels)
    classes = ("naevus", HOSTILE, "wart") if labels is not None else ()
    return ImageSet("set", ids, Images(Encoded(tuple(files))), labels=given, classes=classes, **others)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def messy() -> ImageSet:
    """Return nine images: 0, 1 and 4 are one file, 2 and 3 the same pixels in two files, 5 and 6 cannot be read."""
    files = [encoded(1), encoded(1), encoded(2), encoded(2, "BMP"), encoded(1), b"", b"no image", encoded(3)]
    files.append(encoded(4, size=(30, 40)))
    ids = [f"i{number:02d}" for number in range(9)]
    truth = GroundTruth.of(Issue.NEAR_DUPLICATE, ids, [[0, 1], [2, 3], [0, 7], [5, 6]], [1, 0, 0, 0], name="crowd")
    attributes = {
        "group": np.array(["a", "a", "b", "b", "c", "", "", "d", "e"], dtype=object),
        "split": np.array(["train", "train", "train", "test", "test", "test", "", "test", "test"], dtype=object),
        "skin": np.array([1.0, 1.0, 2.0, np.nan, 2.0, 2.0, 1.0, 1.0, 1.0]),
    }
    return make(
        files, [0, 1, 2, 2, -1, 0, 0, 1, 1], attributes=attributes, truths={(Issue.NEAR_DUPLICATE, "crowd"): truth}
    )


def part(parts: Sequence[Part], title: str) -> Part:
    return next(each for each in parts if each.title == title)


def test_copies_by_file_and_by_pixels(messy: ImageSet, store: Store) -> None:
    found = scan(messy, store)
    groups = copies_in(found)
    assert [(group.members, group.files) for group in groups] == [((0, 1, 4), 1), ((2, 3), 2)]
    assert identical_files(found, groups) == [(0, 1, 4)]
    assert [contradicting(messy, group.members) for group in groups] == [True, False]
    assert pairs_of([3, 2]) == 4


def test_files_that_cannot_be_read_are_no_copies_of_each_other(store: Store) -> None:
    assert copies_in(scan(make([b"", b"", b"no image", b"no image"]), store)) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["PNG", "BMP", "none"])), min_size=1, max_size=9))
def test_copies_are_all_pairs_of_equal_pixels(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, str]]
) -> None:
    image_set = make([b"" if kind == "none" else encoded(value, kind) for value, kind in drawn])
    found = scan(image_set, Store(tmp_path_factory.mktemp("store")))
    pairs = {pair for group in copies_in(found) for pair in combinations(group.members, 2)}
    seen = [None if kind == "none" else value for value, kind in drawn]
    expected = {(a, b) for a, b in combinations(range(len(seen)), 2) if seen[a] == seen[b] is not None}
    assert pairs == expected
    same = {pair for members in identical_files(found, copies_in(found)) for pair in combinations(members, 2)}
    assert same == {(a, b) for a, b in expected if drawn[a] == drawn[b]}


def test_an_image_turned_by_its_metadata_is_a_copy_of_the_turned_one(store: Store) -> None:
    image = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6))
    turned, exif, buffer = io.BytesIO(), Image.Exif(), io.BytesIO()
    exif[0x0112] = 3
    image.save(buffer, "PNG", exif=exif)
    image.transpose(Image.Transpose.ROTATE_180).save(turned, "PNG")
    found = scan(make([buffer.getvalue(), turned.getvalue()]), store)
    assert [group.members for group in copies_in(found)] == [(0, 1)]


def test_the_same_bytes_in_another_shape_are_no_copy(store: Store) -> None:
    found = scan(make([encoded(1, size=(8, 6)), encoded(1, size=(6, 8))]), store)
    assert copies_in(found) == []
    assert found.facts[["width", "height"]].tolist() == [(8, 6), (6, 8)]


def test_a_set_is_looked_at_once(messy: ImageSet, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = scan(messy, store)
    monkeypatch.setattr("cleanbench.inspect.scan.progress", None)
    second = scan(messy, store)
    assert second.reasons == first.reasons
    np.testing.assert_array_equal(second.facts, first.facts)


def test_contradictions_are_told(messy: ImageSet, store: Store) -> None:
    found = scan(messy, store)
    assert [pairs for _, pairs in denied(messy, found)] == [[(2, 3)]]
    told = copies_part(messy, found)
    assert told.listings[0].rows == [
        ("The same file, byte for byte", 1, 3, 3),
        ("The same pixels, whatever the file", 2, 5, 4),
    ]
    assert len(told.warnings) == 4
    for said in (
        "1 group of copies with different labels: of 3 images",
        "1 group of copies in different recorded groups",
        "2 groups of copies in several parts of the split: a leak",
        "the truth 'crowd' calls 1 pair of exact copies no near-duplicates, such as 'i02' and 'i03'",
    ):
        assert any(said in warning for warning in told.warnings), said
    rows = {row[-1]: row[0] for row in told.listings[1].rows}
    assert rows == {
        "i00, i01, i04": "different labels, different groups, different parts",
        "i02, i03": "different parts",
    }


def test_judgements_of_the_same_file_that_contradict_each_other_are_told(store: Store) -> None:
    """Images 0 to 3 are one file; 2 has another label, so that its label may be wrong and that of 0 right."""
    ids = [f"i{number:02d}" for number in range(5)]

    def told(off_topic: list[int], label_errors: list[int]) -> list[str]:
        truths = {
            (issue, "crowd"): GroundTruth.of(issue, ids, np.arange(5), judged, name="crowd")
            for issue, judged in ((Issue.OFF_TOPIC, off_topic), (Issue.LABEL_ERROR, label_errors))
        }
        made = make([encoded(1)] * 4 + [encoded(2)], [0, 0, 1, 0, 0], truths=truths)
        return [text for text in copies_part(made, scan(made, store)).warnings if "both ways" in text]

    assert told([0, 0, 0, 0, 1], [0, 0, 1, 0, 1]) == []
    (said,) = told([0, 0, 1, 0, 0], [0, 0, 1, 0, 0])
    assert (
        "1 group of copies that the off_topic truth 'crowd' judges both ways, such as 'i02' (faulty) and 'i00'" in said
    )
    (said,) = told([0] * 5, [0, 1, 0, 0, 0])
    assert "copies and one label that the label_error truth 'crowd' judges both ways, such as 'i01' (faulty)" in said


def test_a_file_that_is_not_what_its_name_says_is_told(store: Store) -> None:
    files = sorted((encoded(value) for value in (1, 2, 3)), key=lambda data: hashlib.md5(data).hexdigest())
    ids = tuple(hashlib.md5(data).hexdigest() for data in files)
    right = ImageSet("set", ids, Images(Encoded(tuple(files))))
    title = "Names that are MD5 sums"
    assert "All 3 files" in part(survey(right, scan(right, store)), title).sentences[0]
    wrong = replace(right, images=Images(Encoded((files[0], encoded(9), files[2]))))
    found = part(survey(wrong, scan(wrong, store)), title)
    assert "1 file of 3 with another content" in found.warnings[0]
    assert found.listings[0].rows == [(ids[1], hashlib.md5(encoded(9)).hexdigest())]
    named = make(files)
    assert title not in [each.title for each in survey(named, scan(named, store))]


def test_numbers_are_listed_by_value(store: Store) -> None:
    grades = np.array(["10", "2", "10", "-1"], dtype=object)
    made = make([encoded(value) for value in range(4)], attributes={"grade": grades})
    rows = part(survey(made, scan(made, store)), "Attributes").listings[1].rows
    assert [row[0] for row in rows] == ["-1", "2", "10"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("dataset.root=/srv/ann/a", "dataset.root=a"),
        ("~/data/a and C:\\Users\\ann\\b.png", "a and b.png"),
        ("and/or, 1 / 2, /x, a/b/c", "and/or, 1 / 2, /x, a/b/c"),
        ("https://doi.org/10.1/x", "https://doi.org/10.1/x"),
    ],
)
def test_a_page_names_no_folder_of_the_machine(text: str, kept: str) -> None:
    assert without_folders(text) == kept


def test_what_is_counted(messy: ImageSet, store: Store) -> None:
    parts = survey(messy, scan(messy, store))
    facts = dict(part(parts, "Overview").facts)
    assert facts["Images"] == "9, 2 of them cannot be read"
    assert facts["Labels"] == "8 images in 3 classes"
    assert (facts["Groups"], facts["Parts"]) == ("5", "2")
    classes = part(parts, "Classes")
    assert classes.listings[0].rows == [("naevus", 3, "37.5%"), (HOSTILE, 3, "37.5%"), ("wart", 2, "25.0%")]
    assert "1 image without a label." in classes.sentences
    groups = part(parts, "Groups")
    assert dict(groups.facts)["Pairs of images of one group"] == "2"
    assert groups.sentences == ("1 group whose images carry different labels.",)
    split = part(parts, "Parts")
    assert split.listings[0].rows == [("test", 5, "55.6%"), ("train", 3, "33.3%")]
    assert split.listings[1].rows == [("test and train", 1, "1 + 1")]
    assert any("1 image in no part" in warning for warning in split.warnings)
    attributes = part(parts, "Attributes")
    assert attributes.listings[0].rows == [("skin", 2, 8, 1)]
    assert attributes.listings[1].rows == [("1.0", 5, "55.6%"), ("2.0", 3, "33.3%"), ("(no value)", 1, "11.1%")]
    assert part(parts, "Ground truth").listings[0].rows[0][:6] == ("Near duplicate", "crowd", 4, 1, "25.0%", "human")
    unreadable = part(parts, "Unreadable images")
    assert dict(unreadable.listings[0].rows) == {"the file is empty": 1, "not an image, or of an unknown format": 1}
    assert [row[0] for row in unreadable.listings[1].rows] == ["i05", "i06"]
    assert dict(part(parts, "Sizes").facts) == {
        "Smallest": "8 x 6",
        "Median": "8 x 6",
        "Largest": "30 x 40",
        "Different sizes": "2",
    }


def test_a_set_re_uploaded_inside_another_is_found(messy: ImageSet, store: Store) -> None:
    other = make([encoded(9), encoded(2, "BMP"), encoded(1), encoded(3, size=(16, 12)), b""], [0, 2, 2, 0, 0])
    mine, theirs = scan(messy, store), scan(other, store)
    shared = [(each.here, each.there, each.same_file) for each in shared_by(mine, theirs)]
    assert shared == [((0, 1, 4), (2,), True), ((2, 3), (1,), True)]
    told = across_part(messy, mine, replace(other, name="other"), theirs)
    assert told.listings[0].rows == [("set", 5, 9, "55.6%"), ("other", 2, 5, "40.0%")]
    assert any("1 picture with a label of one name here and of another there" in each for each in told.warnings)
    back = across_part(other, theirs, messy, mine)
    assert back.listings[0].rows == [("set", 2, 5, "40.0%"), ("set", 5, 9, "55.6%")]
    nothing = across_part(messy, mine, other, scan(make([encoded(77)]), store))
    assert not nothing.warnings


def test_a_set_of_listed_images_only_is_counted_without_looking(store: Store, tmp_path: Path) -> None:
    absent = Images(Files(tuple(tmp_path / f"{number}.png" for number in range(3))))
    image_set = ImageSet("set", ("a", "b", "c"), absent)
    found = scan(image_set, store)
    parts = survey(image_set, found)
    assert dict(part(parts, "Overview").facts)["Images"] == "3, none can be read"
    assert [listing.rows for listing in part(parts, "Unreadable images").listings] == [
        [("No such file or directory", 3)]
    ]
    assert copies_part(image_set, found).sentences == ("No image can be read, so copies were not looked for.",)
    assert "since none can be read" in write_page(image_set, found, parts, images=True)
    assert "the card" not in write_page(image_set, found, parts, images=False)


@pytest.mark.parametrize(
    ("redistributable", "asked", "pictures", "said"),
    [
        (True, False, True, ""),
        (False, False, False, "No images are shown, since the card"),
        (False, True, True, "not for sharing"),
        (True, True, True, ""),
    ],
)
def test_a_page_shows_images_only_as_the_licence_allows_or_says_that_it_is_not_for_sharing(
    messy: ImageSet, store: Store, redistributable: bool, asked: bool, pictures: bool, said: str
) -> None:
    image_set = replace(messy, card=Card("", "CC-BY-NC-4.0", redistributable=redistributable, commercial=False))
    found = scan(image_set, store)
    parts = [*survey(image_set, found), copies_part(image_set, found)]
    written = write_page(image_set, found, parts, images=asked)
    assert ("<img" in written) == pictures
    assert ("data:image/jpeg" in written) == pictures
    assert said in written
    assert ("not for sharing" in written) == (said == "not for sharing")
    assert "Non-commercial use only." in written
    assert HOSTILE not in written
    assert "&lt;script&gt;" in written
    assert write_page(image_set, found, parts, images=asked) == written


def test_the_page_in_a_browser(messy: ImageSet, store: Store, tmp_path: Path, browser: Browser) -> None:
    found = scan(messy, store)
    path = tmp_path / "inspect.html"
    parts = [*survey(messy, found), copies_part(messy, found)]
    path.write_text(write_page(messy, found, parts, images=True))
    for width in (360, 1200):
        browser.open(path, width=width, dark=width < 600)
        assert browser.overflow() == 0
    assert browser.ask("return document.querySelectorAll('h2').length") == len(parts) + 1, "and the samples"
    assert browser.ask("return [...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert browser.ask("return document.querySelectorAll('.marked').length") == 1
    assert browser.ask("return document.querySelector('figure svg text') !== null"), "the sizes are drawn"
    assert browser.requests() == []
    assert browser.complaints() == []


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        line = [sys.executable, "-m", "cleanbench.inspect", f"output={tmp_path / 'runs'}", *words]
        return subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path)

    return run


def test_the_command_prints_and_writes_a_page(
    pictures: Path, tmp_path: Path, command: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(pictures / "i00.png", other / "mine.png")
    ended = command("dataset=folder", f"dataset.root={pictures}", "against=folder", f"against.root={other}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "2 of 24 images cannot be read" in ended.stdout
    assert "1 images of 'pictures' are in 'other', too" not in ended.stdout
    assert "1 image of 'pictures' is in 'other', too" in ended.stdout
    (page,) = (tmp_path / "runs" / "pictures").glob("inspect-*.html")
    assert f"Truth revision  {page.stem[-8:]}" in " ".join(ended.stdout.split(" "))
    written = page.read_text()
    assert "Copies in other" in written
    assert "python -m cleanbench.inspect dataset=folder dataset.root=pictures" in written
    assert str(tmp_path) not in written
    assert "<img" not in written
    asked = command("dataset=folder", f"dataset.root={pictures}", "--images", f"page={tmp_path / 'a page.html'}")
    assert asked.returncode == 0
    assert "<img" in (tmp_path / "a page.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dataset=folders"], "there is no dataset called 'folders'. Did you mean 'folder'?"),
        (["dataset=folder"], "dataset.root has no value"),
        (["dataset.sed=1"], "'sed'. Did you mean 'seed'?"),
        (["against=folder", "against.rot=a"], "'rot'. Did you mean 'root'?"),
        (["pag=a"], "Did you mean 'page='?"),
        (["dataset=folder", "dataset.root=/nowhere"], "/nowhere cannot be read"),
    ],
)
def test_mistakes_are_explained(
    command: Callable[..., "subprocess.CompletedProcess[str]"], words: list[str], said: str
) -> None:
    ended = command(*words)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_ham10000_is_counted_as_published(store: Store) -> None:
    table = SHARED / "packs/text/ham10000/HAM10000_metadata.csv"
    if not table.exists():
        pytest.skip(f"{table} is not beside this checkout")
    image_set = metadata(str(table), "image_id", label="dx", group="lesion_id")
    parts = survey(image_set, scan(image_set, store))
    classes = [row[:2] for row in part(parts, "Classes").listings[0].rows]
    assert classes == [
        ("nv", 6705), ("mel", 1113), ("bkl", 1099), ("bcc", 514), ("akiec", 327), ("vasc", 142), ("df", 115)
    ]  # fmt: skip
    groups = part(parts, "Groups")
    assert [value for _, value in groups.facts] == ["7,470", "1,956", "3,207", "0"]
    assert [row[:2] for row in groups.listings[0].rows] == [(1, 5514), (2, 1423), (3, 490), (4, 34), (5, 5), (6, 4)]
