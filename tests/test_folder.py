"""``dataset=folder``: real files in real folders; what a user may get wrong is told."""

import csv
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cleanbench.core import Issue, UserError
from cleanbench.datasets.folder import find, folder
from cleanbench.datasets.listings import classify
from cleanbench.image_set import ImageSet


def fill(root: Path, *names: str) -> Path:
    """Write an image of its own colour for each of the paths in ``root``."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2), (number, 0, 0)).save(path, "PNG")
    return root


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def reds(images: ImageSet) -> list[int]:
    return [image.getpixel((0, 0))[0] for image in images.images]


def labels(images: ImageSet) -> dict[str, str | None]:
    assert images.labels is not None
    named = [images.classes[label] if label >= 0 else None for label in images.labels.tolist()]
    return dict(zip(images.ids, named, strict=True))


def refusal(root: Path | str, **settings: Any) -> str:
    with pytest.raises(UserError) as caught:
        folder(str(root), **settings)
    return str(caught.value)


def counts(images: ImageSet) -> dict[str, tuple[int, int]]:
    return {str(issue): (truth.faulty, len(truth)) for (issue, _), truth in images.truths.items()}


def test_a_flat_folder(tmp_path: Path) -> None:
    images = folder(str(fill(tmp_path / "holiday", "b.png", "a.PNG", "c.jpg")))
    assert (images.name, images.ids) == ("holiday", ("a", "b", "c"))
    assert reds(images) == [1, 0, 2]
    assert images.labels is None
    assert not images.truths
    assert not images.warnings
    assert images.card.licence == "not stated"


def test_a_folder_per_class(tmp_path: Path) -> None:
    images = folder(str(fill(tmp_path, "dog/3.png", "cat/old/2.png", "cat/1.png", "dog/4.png")))
    assert labels(images) == {"1": "cat", "2": "cat", "3": "dog", "4": "dog"}
    assert not images.truths
    assert images.warnings == ("labels are the names of 2 folders: 'cat', 'dog'",)


def test_repeated_names_become_paths(tmp_path: Path) -> None:
    images = folder(str(fill(tmp_path, "dog/1.png", "cat/1.png", "cat/2.png")))
    assert images.ids == ("cat/1", "cat/2", "dog/1")
    assert labels(images) == {"cat/1": "cat", "cat/2": "cat", "dog/1": "dog"}
    assert "the ids are paths in the folder, such as 'cat/1'" in images.warnings[0]
    assert "1 label given to one image only: 'dog'" in images.warnings[-1]
    fill(tmp_path, "cat/1.jpg")
    assert folder(str(tmp_path)).ids == ("cat/1.jpg", "cat/1.png", "cat/2.png", "dog/1.png")


def test_images_beside_the_class_folders_have_no_label(tmp_path: Path) -> None:
    images = folder(str(fill(tmp_path, "x.png", "cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png")))
    assert labels(images) == {"1": "cat", "2": "cat", "3": "dog", "4": "dog", "x": None}
    assert "1 of 5 images have no label" in images.warnings


def test_one_folder_is_no_class(tmp_path: Path) -> None:
    assert folder(str(fill(tmp_path, "images/a.png", "images/b.png"))).labels is None


def test_truth_without_metadata_joins_by_name(tmp_path: Path) -> None:
    fill(tmp_path, "images/a.png", "images/b.png", "images/c.png")
    write(tmp_path / "near_duplicates.csv", "id_list,label", '"c,a",1', '"b,a",0')
    write(tmp_path / "off_topic_samples.csv", "id,label", "b,1")
    images = folder(str(tmp_path))
    assert counts(images) == {"off_topic": (1, 1), "near_duplicate": (1, 2)}
    assert images.truths[Issue.NEAR_DUPLICATE, "default"].items.tolist() == [[0, 1], [0, 2]]
    assert images.card.truths == {
        "off_topic": "off_topic_samples.csv in the folder, conflict=drop",
        "near_duplicate": "near_duplicates.csv in the folder, conflict=drop",
    }
    write(tmp_path / "label_errors.csv", "id,label", "z,1")
    assert "label_errors.csv, line 2: 1 unknown value of id: 'z'" in refusal(tmp_path)


def test_truth_may_use_the_ids_that_are_paths(tmp_path: Path) -> None:
    fill(tmp_path, "dog/1.png", "cat/1.png")
    write(tmp_path / "label_errors.csv", "id,label", "cat/1,1")
    assert counts(folder(str(tmp_path))) == {"label_error": (1, 1)}
    write(tmp_path / "label_errors.csv", "id,label", "1,1")
    assert "such as 'cat/1'" in refusal(tmp_path)


def test_metadata(tmp_path: Path) -> None:
    fill(tmp_path, "one/b.png", "two/z.png", "a.png")
    write(
        tmp_path / "metadata.csv",
        "file,id,label,group,split,skin type,",
        "two/z.png,c,10,g1,train,III,7",
        "./one/b.png,b,9,g1,test,,8",
        ',a,,"g,2",test,I,9',
    )
    images = folder(str(tmp_path))
    assert images.ids == ("a", "b", "c")
    assert reds(images) == [2, 0, 1]
    assert images.classes == ("9", "10")
    assert labels(images) == {"a": None, "b": "9", "c": "10"}
    assert {key: column.tolist() for key, column in images.attributes.items()} == {
        "group": ["g,2", "g1", "g1"],
        "split": ["test", "test", "train"],
        "skin type": ["I", "", "III"],
    }
    assert "1 of 3 images have no label" in images.warnings
    assert "2 labels given to one image only: '9', '10'" in images.warnings


def test_metadata_without_files_finds_images_by_name(tmp_path: Path) -> None:
    fill(tmp_path, "x/b.png", "y/deep/a.png", "c.png")
    write(tmp_path / "metadata.csv", "md5hash", "b", "a")
    images = folder(str(tmp_path))
    assert (images.ids, reds(images), images.labels) == (("a", "b"), [1, 0], None)
    assert images.warnings == ("left out 1 image without a row in metadata.csv: 'c.png'",)


def test_two_images_for_one_row(tmp_path: Path) -> None:
    fill(tmp_path, "x/b.png", "y/b.jpg", "a.png", "y/a2.png", "x/c.png", "y/c.png")
    write(tmp_path / "metadata.csv", "id", "a")
    assert folder(str(tmp_path)).ids == ("a",), "what no row mentions does not matter"
    write(tmp_path / "metadata.csv", "id", "a", "b")
    told = refusal(tmp_path)
    assert "holds 2 images called 'b': 'x/b.png', 'y/b.jpg'" in told
    assert "add a column file" in told


def test_missing_images_keep_their_ids(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    (tmp_path / "e").write_bytes((tmp_path / "a.png").read_bytes())
    (tmp_path / "d.png").mkdir()
    write(tmp_path / "metadata.csv", "id,file", "a,a.png", "b,no/b.png", "c,", "d,d.png", f"e,{'x' * 300}")
    write(tmp_path / "off_topic_samples.csv", "id,label", "b,1", "a,0")
    images = folder(str(tmp_path))
    assert images.ids == ("a", "b", "c", "d", "e")
    assert [bool(images.images.problem(index)) for index in range(5)] == [False, True, True, True, True]
    assert f"4 images of metadata.csv missing in {tmp_path}: 'b', 'c', 'd' and 1 more" in images.warnings
    assert counts(images) == {"off_topic": (1, 2)}
    assert images.pixels_digest
    write(tmp_path / "metadata.csv", "id,file", "a,images/a.png")
    assert "holds none of the images of metadata.csv: 'a'; file is a path in that folder" in refusal(tmp_path)


def test_rows_that_share_a_file_are_told(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    write(tmp_path / "metadata.csv", "id,file", "a,a.png", "b,./a.png")
    assert "several rows of metadata.csv name one file, 1 time" in folder(str(tmp_path)).warnings[0]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["name,label", "a,1"], "has no column id or md5hash; its columns are 'name', 'label'"),
        (["id,label", "a,1", "b,1", "a,2"], "line 4: the id 'a' stands in line 2 already"),
        (["id,label", " a ,1", "a,2"], "line 3: the id 'a' stands in line 2 already"),
        (["id,label", "a,1", ",1"], "line 3: the id is empty"),
        (["id,label"], "has a header but no rows"),
        (["id,label,label", "a,1,1"], "has more than one column called 'label'"),
        (["id,label", "a,1,1"], "line 2: 3 fields found, 2 expected"),
    ],
)
def test_mistakes_in_metadata_are_told(tmp_path: Path, lines: list[str], told: str) -> None:
    fill(tmp_path, "a.png", "b.png")
    write(tmp_path / "metadata.csv", *lines)
    assert told in refusal(tmp_path)


def test_truth_joins_by_md5_through_metadata(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png", "c.png")
    write(tmp_path / "metadata.csv", "id,md5hash", "a,f1", "b,f0", "c,f0")
    write(tmp_path / "label_errors.csv", "md5hash,label", "f1,1")
    images = folder(str(tmp_path))
    assert images.truths[Issue.LABEL_ERROR, "default"].items.tolist() == [0]
    assert not images.attributes
    write(tmp_path / "label_errors.csv", "md5hash,label", "f0,1")
    assert "several images share 1 value of md5hash" in refusal(tmp_path)
    write(tmp_path / "label_errors.csv", "md5hash,label", "a,1")
    assert "1 unknown value of md5hash: 'a'" in refusal(tmp_path)


def test_conflicts(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png")
    write(tmp_path / "label_errors.csv", "id,label", "a,1", "b,0", "a,0")
    assert counts(folder(str(tmp_path))) == {"label_error": (0, 1)}
    assert "1 image judged both 0 and 1" in folder(str(tmp_path)).warnings[0]
    assert counts(folder(str(tmp_path), conflict="last")) == {"label_error": (0, 2)}
    assert "choose truth.conflict=drop" in refusal(tmp_path, conflict="error")
    assert "choose one of drop, last, error" in refusal(tmp_path, conflict="first")


def test_classes_sort_as_numbers_only_if_all_are() -> None:
    assert classify(["10", "9", "", "-1.5", "10"])[1] == ("-1.5", "9", "10")
    assert classify(["10", "9", "nan"])[1] == ("10", "9", "nan")
    assert classify(["b ", "a", "b"])[0].tolist() == [1, 0, 1]
    assert classify(["", " "]) == (None, (), ["no image has a label"])


def test_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No such file or directory; check dataset.root" in refusal(tmp_path / "nowhere")
    assert "dataset.root is empty" in refusal("")
    assert "holds no images" in refusal(tmp_path)
    write(tmp_path / "off_topic_samples.csv", "id,label", "a,1")
    assert "holds no images" in refusal(tmp_path)
    assert "is not a folder" in refusal(tmp_path / "off_topic_samples.csv")
    fill(tmp_path / "home" / "pets", "a.png")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert folder("~/pets").name == "pets"
    monkeypatch.chdir(tmp_path / "home" / "pets")
    assert folder(".").name == "pets"
    write(tmp_path / "home" / "pets" / "metadata.csv", "id,file", "a,a.png")
    assert not folder("../pets").warnings, "however the folder is called, its files are the same"
    (tmp_path / "alias").symlink_to(tmp_path / "home" / "pets")
    assert folder(str(tmp_path / "alias")).name == "alias"


def test_the_name(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    assert folder(str(tmp_path), name="mine").name == "mine"
    for name in ("", "..", "a/b", "a\\b"):
        assert "without slashes" in refusal(tmp_path, name=name)


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", ".b.png", ".thumbnails/c.png", "__MACOSX/._a.png")
    write(tmp_path / ".hidden.csv", "id")
    images = folder(str(tmp_path))
    assert images.ids == ("a",)
    assert not images.warnings


def test_other_tables_are_ignored_and_listed(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    write(tmp_path / "Label_errors.csv", "id,label", "a,1")
    (tmp_path / "old").mkdir()
    write(tmp_path / "old" / "metadata.csv", "id", "z")
    images = folder(str(tmp_path))
    assert images.warnings == (f"ignored 2 other CSV files in {tmp_path}: 'Label_errors.csv', 'old/metadata.csv'",)
    assert not images.truths


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    fill(tmp_path / "set", "real/a.png", "real/b.png")
    fill(tmp_path / "far", "c.png", "deeper/d.png")
    (tmp_path / "set" / "again").symlink_to(tmp_path / "set" / "real")
    (tmp_path / "set" / "real" / "round").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "up").symlink_to(tmp_path)
    (tmp_path / "set" / "far").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "deeper" / "back").symlink_to(tmp_path / "far")
    (tmp_path / "set" / "knot.png").symlink_to(tmp_path / "set" / "knot.png")
    (tmp_path / "set" / "lost.csv").symlink_to(tmp_path / "lost.csv")
    found = find(tmp_path / "set")
    names = [path.relative_to(tmp_path / "set").as_posix() for path in found.images]
    assert names == ["far/c.png", "far/deeper/d.png", "knot.png", "real/a.png", "real/b.png"]
    assert folder(str(tmp_path / "set")).ids == ("a", "b", "c", "d", "knot")


def test_a_truth_table_that_is_a_broken_link_is_told(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    (tmp_path / "label_errors.csv").symlink_to(tmp_path / "lost.csv")
    assert "label_errors.csv is not a file" in refusal(tmp_path)


def test_odd_names(tmp_path: Path) -> None:
    names = ["<script>alert(1)<", "a b", "cafe\u0301", "日本", "x,y", "${a}", "line\nbreak", "emoji 🐈", "..."]
    fill(tmp_path, *(f"{name}.png" for name in names))
    write(tmp_path / "label_errors.csv", "id,label", "café,1", "日本,0", '"x,y",0', '"line\nbreak",0', "${a},1")
    images = folder(str(tmp_path))
    assert set(images.ids) == {"café", *names} - {"cafe\u0301", "..."}
    assert counts(images) == {"label_error": (2, 5)}
    assert not any(map(images.images.problem, range(len(images))))


@pytest.mark.skipif(os.name != "posix", reason="file names are text on this system")
def test_names_that_are_not_text_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", " .png")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xe9.png")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes only text")
    images = folder(str(tmp_path))
    assert images.ids == ("a",)
    (told,) = images.warnings
    assert "left out 2 images whose name is blank or not UTF-8" in told
    assert told.encode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=60), st.text('abid,"\n label0123é', max_size=60).map(str.encode)))
def test_any_metadata_gives_a_set_or_a_clear_refusal(tmp_path: Path, content: bytes) -> None:
    fill(tmp_path, "a.png", "b.png")
    for start in (b"", b"id,label\n", b"\xef\xbb\xbfid,file,label\n"):
        (tmp_path / "metadata.csv").write_bytes(start + content)
        try:
            images = folder(str(tmp_path))
        except UserError:
            continue
        assert images.labels is None or images.labels.max() < len(images.classes)


def test_the_development_pack(dev_pack: Path) -> None:
    images = folder(str(dev_pack))
    assert len(images) == 2668
    assert images.name == "dev"
    assert counts(images) == {"off_topic": (100, 2668), "near_duplicate": (167, 195), "label_error": (391, 2568)}
    assert images.classes == tuple("0123456789")
    assert set(images.attributes) == {"label_name", "split", "source", "source_id", "label_source"}
    (told,) = images.warnings
    for name in ("label_errors_detail", "near_duplicates_detail", "near_duplicates_presumed_negatives"):
        assert f"'{name}.csv'" in told
    sizes = {image.size for image in images.images.take(range(0, 2668, 100))}
    assert sizes == {(32, 32)}


def test_the_development_pack_by_md5(dev_pack: Path, tmp_path: Path) -> None:
    """The same judgements under MD5 sums, joined by ids and sums in ``metadata.csv``, and by sums alone."""
    by_id = folder(str(dev_pack))
    (tmp_path / "images").symlink_to(dev_pack / "images")
    for table in (dev_pack / "cleanpatrick_layout").iterdir():
        shutil.copyfile(table, tmp_path / table.name)
    shutil.copyfile(dev_pack / "metadata.csv", tmp_path / "metadata.csv")
    joined = folder(str(tmp_path))
    assert joined.ids == by_id.ids
    assert joined.truth_revision == by_id.truth_revision
    assert joined.fingerprint == by_id.fingerprint
    with (dev_pack / "metadata.csv").open(encoding="utf-8") as stream:
        sums = {row["id"]: row["md5hash"] for row in csv.DictReader(stream)}
    lines = [f"{sums[name]},{label},images/{name}.png" for name, label in labels(by_id).items()]
    write(tmp_path / "metadata.csv", "md5hash,label,file", *lines)
    alone = folder(str(tmp_path))
    assert alone.ids == tuple(sorted(sums.values()))
    assert counts(alone) == counts(by_id)
    order = np.argsort([sums[name] for name in by_id.ids])
    assert by_id.labels is not None
    np.testing.assert_array_equal(alone.labels, by_id.labels[order])


def test_the_configuration_reaches_every_setting() -> None:
    from inspect import signature

    from omegaconf import OmegaConf

    path = Path(__file__).parents[1] / "conf" / "dataset" / "folder.yaml"
    written = OmegaConf.to_container(OmegaConf.load(path))
    assert written.pop("_target_") == f"{folder.__module__}.{folder.__name__}"
    assert list(written) == list(signature(folder).parameters)
    defaults = {name: each.default for name, each in signature(folder).parameters.items()}
    assert written == defaults | {"root": "???", "conflict": "${truth.conflict}"}


def test_how_judgements_came_about_is_what_the_user_says(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png")
    write(tmp_path / "off_topic_samples.csv", "id,label", "a,1", "b,0")
    write(tmp_path / "label_errors.csv", "id,label", "a,0", "b,1")

    def kinds(**settings: Any) -> list[str]:
        return [truth.kind for truth in folder(str(tmp_path), **settings).truths.values()]

    assert kinds() == ["human", "human"]
    assert kinds(kind="synthetic") == ["synthetic", "synthetic"]
    assert kinds(kind={"label_error": "metadata"}) == ["human", "metadata"]
    assert "'robots' is none of human, metadata, synthetic" in refusal(tmp_path, kind="robots")
    assert "'labels' is none" in refusal(tmp_path, kind={"labels": "human"})


def test_a_card_beside_the_images(tmp_path: Path) -> None:
    root = fill(tmp_path / "scans", "a.png", "b.png")
    write(root / "off_topic_samples.csv", "id,label", "a,1", "b,0")
    assert folder(str(root)).card.source == "the folder scans"
    card = root / "card.yaml"
    write(card, "licence: CC-BY-4.0", "commercial: true", "blemishes: Rulers.", "truths: {off_topic: Two nurses}")
    said = folder(str(root)).card
    assert (said.licence, said.commercial, said.redistributable, said.blemishes) == (
        "CC-BY-4.0",
        True,
        False,
        ("Rulers.",),
    )
    assert said.truths == {"off_topic": "Two nurses. off_topic_samples.csv in the folder, conflict=drop"}
    write(tmp_path / "other.yaml", "licence: CC0-1.0")
    assert folder(str(root), card=str(tmp_path / "other.yaml")).card.licence == "CC0-1.0"
    assert "none.yaml cannot be read" in refusal(root, card=str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("license: x", "has no field 'license'. Did you mean 'licence'?"),
        ("licence: 4", "licence must be a text, not 4"),
        ("commercial: perhaps", "commercial must be true or false, not 'perhaps'"),
        ("blemishes: [1]", "blemishes must be a list of sentences"),
        ("truths: {labels: x}", "'labels' is none"),
        ("truths: x", "truths must be a text per issue"),
        ("- a", "must hold fields and values"),
        ("a: [", "is no YAML file"),
    ],
)
def test_a_wrong_card_is_told(tmp_path: Path, line: str, said: str) -> None:
    fill(tmp_path, "a.png")
    write(tmp_path / "card.yaml", line)
    assert said in refusal(tmp_path)
