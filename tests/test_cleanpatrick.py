"""``dataset=cleanpatrick`` and ``dataset=fitzpatrick17k``: small images of our own in the published formats."""

import hashlib
import inspect
import io
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import beside
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from cleanbench.core import Issue, UserError
from cleanbench.datasets.cleanpatrick import cleanpatrick
from cleanbench.datasets.cliques import cliques_truth, read_clusters
from cleanbench.datasets.fitzpatrick17k import fitzpatrick17k
from cleanbench.datasets.truth_choice import with_truth
from cleanbench.image_set import ImageSet
from cleanbench.leaderboard.board import boards
from cleanbench.leaderboard.merge import merge
from cleanbench.readable import unreadable_reasons
from cleanbench.store import Store

HEADER = "md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label,three_partition_label,qc,url,"
HEADER += "url_alphanum"
COMBINED = "md5hash,fitzpatrick,granular_partition_label,nd_clique,label_error,off_topic_sample"
IMAGES = 12
MISSING, EXTRA = 5, IMAGES


def picture(number: int) -> bytes:
    """Return the bytes of an image of its own."""
    noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


# As in the published set, the id of an image is the MD5 sum of its file.
IDS = [hashlib.md5(picture(number)).hexdigest() for number in range(IMAGES + 1)]


def write(path: Path, *lines: str, start: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(start + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder of images and their table; one image of the table is missing, one file is not in it."""
    folder = tmp_path / "fitzpatrick17k"
    (folder / "images").mkdir(parents=True)
    for number in range(IMAGES + 1):
        if number != MISSING:
            (folder / "images" / f"{IDS[number]}.jpg").write_bytes(picture(number))
    ratings = ["1 Diagnostic", "3 Wrongly labelled", "4 Other", "5 Potentially", "2 Characteristic"]
    lines = [
        f"{IDS[number]},{[1, 6, -1][number % 3]},{[2, -1][number % 2]},{['psoriasis', 'acne'][number % 2]},"
        f"inflammatory,non-neoplastic,{ratings[number] if number < len(ratings) else ''},"
        f"{'' if number == 7 else f'https://www.atlas{number % 2}.org/{number}.jpg'},x.jpg"
        for number in range(IMAGES)
    ]
    write(folder / "fitzpatrick17k.csv", HEADER, *lines)
    return folder


def tables(folder: Path, wrong: int = 3, start: str = "") -> Path:
    """Write the three tables; the first ``wrong`` labels are wrong."""
    write(
        folder / "off_topic_samples.csv", "md5hash,label", *(f"{IDS[n]},{n % 4 // 3}" for n in range(10)), start=start
    )
    write(folder / "label_errors.csv", "md5hash,label", *(f"{IDS[n]},{int(n < wrong)}" for n in range(9)), start=start)
    groups = [((0, 1, 2), 1), ((3, 4, 6, 7), 0), ((8, 9), 1), ((1, 2), 0), ((10,), 0), ((11, 0), 0)]
    lines = [f'"{", ".join(IDS[n] for n in members)}",{label}' for members, label in groups]
    write(folder / "near_duplicates.csv", "md5hash_list,label", *lines, start=start)
    return folder


def combined(path: Path, wrong: int = 3, start: str = "") -> Path:
    """Write the combined annotations: cliques {0, 1, 2} and {8, 9}, all other images alone."""
    clique = {0: 100, 1: 100, 2: 100, 8: 101, 9: 101}
    lines = [
        f"{IDS[n]},{[1, 6, -1][n % 3]},{['psoriasis', 'acne'][n % 2]},{clique.get(n, n)},{int(n < wrong)},{n % 4 // 3}"
        for n in range(IMAGES)
    ]
    return write(path, COMBINED, *lines, start=start)


def read(root: Path, annotations: Any, **settings: Any) -> ImageSet:
    return cleanpatrick(str(root), annotations if isinstance(annotations, list) else str(annotations), **settings)


def judged(images: ImageSet, issue: Issue, name: str) -> dict[Any, bool]:
    """Return what a truth says, by the numbers of the images."""
    truth = images.truth(issue, name)
    assert truth is not None
    numbers = {images.ids.index(key): number for number, key in enumerate(IDS) if key in images.ids}
    items = [tuple(sorted(numbers[i] for i in np.atleast_1d(item).tolist())) for item in truth.items]
    if not issue.ranks_pairs:
        items = [item[0] for item in items]
    return dict(zip(items, truth.labels.tolist(), strict=True))


def refusal(made: Callable[..., Any], *arguments: Any, **settings: Any) -> str:
    with pytest.raises(UserError) as caught:
        made(*arguments, **settings)
    return str(caught.value)


def test_the_three_tables(root: Path, tmp_path: Path) -> None:
    images = read(root, tables(tmp_path / "annotations"))
    assert images.ids == tuple(sorted(IDS[:IMAGES]))
    assert images.classes == ("acne", "psoriasis")
    assert judged(images, Issue.OFF_TOPIC, "crowd") == {n: n % 4 == 3 for n in range(10)}
    assert judged(images, Issue.LABEL_ERROR, "crowd") == {n: n < 3 for n in range(9)}
    # The group of four is judged 0, so are all six pairs; 1 and 2 contradict; a group of one says nothing.
    pairs = dict.fromkeys(combinations((3, 4, 6, 7), 2), False)
    pairs |= {(0, 1): True, (0, 2): True, (8, 9): True, (0, 11): False}
    assert judged(images, Issue.NEAR_DUPLICATE, "crowd") == pairs
    assert any("1 pair judged both 0 and 1" in told and "not judged then" in told for told in images.warnings)


@pytest.mark.parametrize(("conflict", "says"), [("last", False), ("drop", None)])
def test_contradicting_pairs(root: Path, tmp_path: Path, conflict: str, says: bool | None) -> None:
    images = read(root, tables(tmp_path / "annotations"), conflict=conflict)
    assert judged(images, Issue.NEAR_DUPLICATE, "crowd").get((1, 2)) is says


def test_contradicting_pairs_can_be_an_error(root: Path, tmp_path: Path) -> None:
    assert "truth.conflict=last" in refusal(read, root, tables(tmp_path / "annotations"), conflict="error")


def test_a_byte_order_mark_changes_nothing(root: Path, tmp_path: Path) -> None:
    plain, marked = tables(tmp_path / "plain"), tables(tmp_path / "marked", start="\ufeff")
    combined(plain / "combined_annotations.csv")
    combined(marked / "combined_annotations.csv", start="\ufeff")
    table = root / "fitzpatrick17k.csv"
    first = read(root, plain)
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    second = read(root, marked)
    assert {key: truth.revision for key, truth in first.truths.items()} == {
        key: truth.revision for key, truth in second.truths.items()
    }
    assert first.fingerprint == second.fingerprint


def test_missing_and_extra_images(root: Path, tmp_path: Path) -> None:
    images = read(root, tables(tmp_path / "annotations"))
    told = "\n".join(images.warnings)
    assert f"1 image of fitzpatrick17k.csv missing in {root}: {IDS[MISSING]!r}" in told
    assert f"left out 1 image without a row in fitzpatrick17k.csv: 'images/{IDS[EXTRA]}.jpg'" in told
    reasons = unreadable_reasons(images, Store(tmp_path / "store"))
    assert [key for key, reason in zip(images.ids, reasons, strict=True) if reason] == [IDS[MISSING]]


def test_a_table_without_any_image_can_be_counted(root: Path, tmp_path: Path) -> None:
    annotations = tables(tmp_path / "annotations")
    with_images = read(root, annotations)
    for path in root.rglob("*.jpg"):
        path.unlink()
    images = read(root, annotations)
    assert (images.ids, images.truth_revision) == (with_images.ids, with_images.truth_revision)
    assert all(unreadable_reasons(images, Store(tmp_path / "store")))
    told = " ".join(images.warnings)
    assert "can be counted, and no method can be run" in told
    assert "python -m cleanbench.download" in told


def test_slices(root: Path, tmp_path: Path) -> None:
    images = read(root, tables(tmp_path / "annotations"))
    assert sorted(images.attributes) == [
        "fitzpatrick_centaur",
        "fitzpatrick_type",
        "nine_partition",
        "source",
        "three_partition",
    ]
    assert Counter(images.attributes["fitzpatrick_type"]) == {"1": 4, "6": 4, "unknown": 4}
    assert Counter(images.attributes["source"]) == {"atlas0.org": 6, "atlas1.org": 5, "unknown": 1}
    assert images.attributes["source"][images.ids.index(IDS[7])] == "unknown"


def test_the_combined_file(root: Path, tmp_path: Path) -> None:
    images = read(root, combined(tmp_path / "combined_annotations.csv"))
    assert judged(images, Issue.OFF_TOPIC, "crowd") == {n: n % 4 == 3 for n in range(IMAGES)}
    assert judged(images, Issue.LABEL_ERROR, "crowd") == {n: n < 3 for n in range(IMAGES)}
    pairs = judged(images, Issue.NEAR_DUPLICATE, "cliques")
    assert {pair for pair, faulty in pairs.items() if faulty} == {(0, 1), (0, 2), (1, 2), (8, 9)}
    # There are few pairs here, so all others are negatives.
    assert len(pairs) == IMAGES * (IMAGES - 1) // 2
    truth = images.truth(Issue.NEAR_DUPLICATE)
    assert truth is not None
    assert truth.name == "cliques"
    assert truth.origin == "human positives, presumed negatives"
    assert "nobody looked at" in images.card.truths["near_duplicate"]


def test_the_combined_file_alone_tells_labels_too(root: Path, tmp_path: Path) -> None:
    with_table = read(root, combined(tmp_path / "combined_annotations.csv"))
    (root / "fitzpatrick17k.csv").unlink()
    images = read(root, tmp_path / "combined_annotations.csv")
    assert images.fingerprint == with_table.fingerprint
    assert sorted(images.attributes) == ["fitzpatrick_type"]
    assert (Issue.LABEL_ERROR, "expert") not in images.truths
    assert any("without fitzpatrick17k.csv" in told for told in images.warnings)
    assert images.truth_revision == with_table.truth_revision


def test_both_layouts_in_one_folder(root: Path, tmp_path: Path) -> None:
    folder = tables(tmp_path / "annotations")
    combined(folder / "combined_annotations.csv", wrong=5)
    images = read(root, folder)
    assert list(images.truths) == [
        (Issue.OFF_TOPIC, "crowd"),
        (Issue.NEAR_DUPLICATE, "crowd"),
        (Issue.NEAR_DUPLICATE, "cliques"),
        (Issue.LABEL_ERROR, "crowd"),
        (Issue.LABEL_ERROR, "expert"),
    ]
    assert sum(judged(images, Issue.LABEL_ERROR, "crowd").values()) == 3  # the table counts
    told = "\n".join(images.warnings)
    assert "label_errors.csv differ in 5 images" in told  # two of another label, three that the table does not judge
    assert "off_topic_samples.csv differ in 2 images" in told


def test_a_folder_with_one_table_only(root: Path, tmp_path: Path) -> None:
    folder = tables(tmp_path / "annotations")
    for name in ("off_topic_samples.csv", "near_duplicates.csv"):
        (folder / name).unlink()
    images = read(root, folder)
    assert {issue for issue, _ in images.truths} == {Issue.LABEL_ERROR}
    assert any("no judgements of off_topic, near_duplicate" in told for told in images.warnings)


def test_what_is_not_judged_in_the_combined_file(root: Path, tmp_path: Path) -> None:
    path = combined(tmp_path / "combined_annotations.csv")
    lines = path.read_text().splitlines()
    lines[1] = f"{IDS[0]},1,psoriasis,,,-1"
    lines[2] = f"{IDS[1]},1,acne,100.0,1.0,0.0"
    path.write_text("\n".join(lines))
    images = read(root, path)
    assert 0 not in judged(images, Issue.LABEL_ERROR, "crowd")
    assert 0 not in judged(images, Issue.OFF_TOPIC, "crowd")
    pairs = judged(images, Issue.NEAR_DUPLICATE, "cliques")
    assert {pair for pair, faulty in pairs.items() if faulty} == {(1, 2), (8, 9)}


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (f"{IDS[0]},1,psoriasis,1,2,0", "line 2: label_error is '2', expected 0 or 1"),
        (f"{IDS[0]},1,psoriasis,x,0,0", "line 2: nd_clique is 'x', expected a whole number"),
        (f"{IDS[1]},1,psoriasis,1,0,0", f"line 3: {IDS[1]!r} stands in line 2 already"),
        ("f00,1,psoriasis,1,0,0", "line 2: 1 id of no image of the set: 'f00'"),
    ],
)
def test_wrong_lines_of_the_combined_file(root: Path, tmp_path: Path, line: str, part: str) -> None:
    path = combined(tmp_path / "combined_annotations.csv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], line, *lines[2:]]))
    assert part in refusal(read, root, path)


def test_another_class_than_in_the_table_is_told(root: Path, tmp_path: Path) -> None:
    path = combined(tmp_path / "combined_annotations.csv")
    path.write_text(path.read_text().replace(f"{IDS[0]},1,psoriasis", f"{IDS[0]},1,eczema"))
    assert any("1 image of another class" in told for told in read(root, path).warnings)


def test_the_expert_truth(root: Path, tmp_path: Path) -> None:
    images = read(root, tables(tmp_path / "annotations"))
    assert judged(images, Issue.LABEL_ERROR, "expert") == {0: False, 1: True, 3: False, 4: False}


def test_an_unknown_rating_is_told(root: Path, tmp_path: Path) -> None:
    table = root / "fitzpatrick17k.csv"
    table.write_text(table.read_text().replace("4 Other", "6 Perhaps"))
    assert "'6 Perhaps'" in refusal(read, root, tables(tmp_path / "annotations"))


def clusters(path: Path, *groups: tuple[int, ...]) -> Path:
    names = [[f"ac-ke_f2_{n}_{IDS[n][:8]}" for n in group] for group in groups]
    return write(path, *map(repr, names))


def test_clusters_that_share_an_image_are_one(root: Path, tmp_path: Path) -> None:
    path = clusters(tmp_path / "complete_clusters.txt", (0, 1), (3, 4), (1, 2), (4, 0), (8, 9))
    images = read(root, tables(tmp_path / "annotations"), abhishek=str(tmp_path))
    pairs = judged(images, Issue.NEAR_DUPLICATE, "abhishek")
    alike = {*combinations((0, 1, 2, 3, 4), 2), (8, 9)}
    assert {pair for pair, faulty in pairs.items() if faulty} == alike
    found, remarks = read_clusters(path, images.ids)
    assert sorted(map(len, found)) == [2, 5]
    assert not remarks


def test_clusters_of_other_images_are_passed_over(root: Path, tmp_path: Path) -> None:
    path = clusters(tmp_path / "complete_clusters.txt", (0, 1))
    path.write_text(path.read_text() + "['ps_f1_2_00000000', 'ps_f1_3_00000001']\n")
    images = fitzpatrick17k(str(root), abhishek=str(path))
    assert any("passed over 2 names of no image" in told for told in images.warnings)
    assert list(images.truths) == [(Issue.LABEL_ERROR, "expert"), (Issue.NEAR_DUPLICATE, "abhishek")]


@pytest.mark.parametrize(
    "line", ["ps_f1_2_00000000", "['ps_f1_2']", "[1]", "__import__('os')", "[" * 500, "{'a_00000000'}", "{[]: 1}"]
)
def test_what_is_no_list_of_names_is_told_and_not_run(root: Path, tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "complete_clusters.txt", line)
    assert "line 1: expected a list" in refusal(fitzpatrick17k, str(root), abhishek=str(path))


def test_names_of_two_images_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "complete_clusters.txt", "['a_f1_0_aaaaaaaa', 'a_f1_0_bbbbbbbb', 'a_f1_0_cccccccc']")
    found, remarks = read_clusters(path, ("aaaaaaaa1", "aaaaaaaa2", "bbbbbbbb", "cccccccc"))
    assert found == [[2, 3]]
    assert "passed over 1 name of several images" in remarks[0]


def test_negatives_of_cliques_are_a_sample_that_can_be_weighted_back() -> None:
    images = 400
    ids = [f"{number:04d}" for number in range(images)]
    labels = np.arange(images) % 5
    cliques = [[3 * n, 3 * n + 1, 3 * n + 2] for n in range(20)]
    truth = cliques_truth(ids, cliques, labels, 6000, "cliques", "a file")
    again = cliques_truth(ids, cliques, labels, 6000, "cliques", "a file")
    assert truth is not None
    assert again is not None
    assert truth.revision == again.revision
    assert truth.faulty == 60
    assert truth.inclusion is not None
    drawn, chances = truth.items[~truth.labels], truth.inclusion[~truth.labels]
    assert len(drawn) == 6000
    assert np.count_nonzero(labels[drawn[:, 0]] == labels[drawn[:, 1]]) == 3000
    together = {pair for clique in cliques for pair in combinations(clique, 2)}
    assert not together & set(map(tuple, drawn.tolist()))
    assert (1 / chances).sum() == pytest.approx(images * (images - 1) // 2 - 60)
    only = cliques_truth(ids, cliques, labels, 0, "cliques", "a file")
    assert only is not None
    assert len(only) == only.faulty == 60


def test_two_revisions_have_boards_of_their_own(root: Path, tmp_path: Path) -> None:
    first = read(root, tables(tmp_path / "first", wrong=2))
    second = read(root, tables(tmp_path / "second", wrong=3))
    assert first.fingerprint == second.fingerprint
    assert first.truth_revision != second.truth_revision
    label, pairs = (Issue.LABEL_ERROR, "crowd"), (Issue.NEAR_DUPLICATE, "crowd")
    assert first.truths[label].revision != second.truths[label].revision
    assert first.truths[pairs].revision == second.truths[pairs].revision


def test_a_revision_picks_among_annotations(root: Path, tmp_path: Path) -> None:
    folders = [str(tables(tmp_path / name, wrong=wrong)) for name, wrong in (("first", 2), ("second", 3))]
    wanted = read(root, folders[1])
    for revision in (wanted.truth_revision, wanted.truths[Issue.LABEL_ERROR, "crowd"].revision[:8].upper()):
        picked = read(root, folders, truth_revision=revision)
        assert picked.truth_revision == wanted.truth_revision
        assert picked.card.source == wanted.card.source
    said = refusal(read, root, folders)
    assert "there are several revisions" in said
    assert all(part in said for part in (*folders, wanted.truth_revision[:8]))
    # The expert's truth is the same in both, so that the revision of the annotations goes with its name.
    picked = with_truth(read(root, folders, truth_revision=wanted.truth_revision), "expert", wanted.truth_revision)
    assert [name for _, name in picked.truths] == ["expert"]
    assert "these are with truth.conflict=drop" in said
    shared = wanted.truths[Issue.NEAR_DUPLICATE, "crowd"].revision
    assert "several annotations have the revision" in refusal(read, root, folders, truth_revision=shared)
    said = refusal(read, root, folders, truth_revision="0000000000")
    assert "no annotations have the revision 0000000000" in said
    assert wanted.truth_revision[:8] in said


def test_what_is_missing_is_told(root: Path, tmp_path: Path) -> None:
    annotations = tables(tmp_path / "annotations")
    assert "dataset.root is empty" in refusal(read, "", annotations)
    assert "check dataset.root" in refusal(read, tmp_path / "nowhere", annotations)
    (tmp_path / "empty").mkdir()
    said = refusal(read, root, tmp_path / "empty")
    assert "off_topic_samples.csv" in said
    assert "https://huggingface.co/datasets/Digital-Dermatology/CleanPatrick" in said
    assert "is not there" in refusal(read, root, tmp_path / "nowhere")
    assert "empty" in refusal(read, root, [])
    assert "dataset.revision" in refusal(read, root, annotations, revision="main")
    said = refusal(read, tmp_path / "empty", annotations)
    assert "fitzpatrick17k.csv is not there" in said
    assert "python -m cleanbench.download" in said
    write(tmp_path / "empty" / "fitzpatrick17k.csv", HEADER, f"{IDS[0]},1,1,acne,a,b,,,")
    write(tmp_path / "empty" / "other.jpg", "no image of the table")
    assert "holds none of the images" in refusal(read, tmp_path / "empty", annotations)
    assert "must be 0 or more" in refusal(read, root, annotations, negatives=-1)
    assert "a list or null" in refusal(cleanpatrick, str(root), {"a": 1})
    long = "x" * 5000
    for setting in ("annotations", "metadata", "abhishek"):
        given = {"annotations": str(annotations), setting: long}
        assert f"dataset.{setting}='xxx" in refusal(cleanpatrick, str(root), **given)
    assert "complete_clusters.txt" in refusal(read, root, annotations, abhishek=str(tmp_path / "nowhere"))


def test_the_card_says_what_may_be_done(root: Path, tmp_path: Path) -> None:
    card = read(root, tables(tmp_path / "annotations"), abhishek=str(clusters(tmp_path / "c.txt", (0, 1)))).card
    assert (card.redistributable, card.commercial) == (False, False)
    assert "CC-BY-NC-4.0" in card.licence
    assert [key for key, text in card.truths.items() if "candidate groups" in text] == ["near_duplicate crowd"]
    assert set(card.truths) == {
        "off_topic",
        "near_duplicate crowd",
        "near_duplicate abhishek",
        "label_error crowd",
        "label_error expert",
    }


def hub(folder: Path, commit: str, wrong: int, tables_too: bool = True) -> None:
    """Lay files into a cache as huggingface_hub does."""
    repository = folder / "datasets--Digital-Dermatology--CleanPatrick"
    snapshot = repository / "snapshots" / commit
    combined(snapshot / "combined_annotations.csv", wrong=wrong)
    if tables_too:
        tables(snapshot, wrong=wrong)
    write(repository / "refs" / "main", commit)
    (repository / "refs" / "main").write_text(commit)


def test_annotations_from_the_cache_of_the_hub(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = "1" * 40, "2" * 40
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    hub(tmp_path / "hub", first, wrong=2)
    hub(tmp_path / "hub", second, wrong=3)
    latest, pinned = cleanpatrick(str(root)), cleanpatrick(str(root), revision=first)
    assert latest.truths[Issue.LABEL_ERROR, "crowd"].faulty == 3
    assert pinned.truths[Issue.LABEL_ERROR, "crowd"].faulty == 2
    assert latest.card.identifier.endswith(second)
    assert pinned.card.identifier.endswith(first)
    said = refusal(cleanpatrick, str(root), revision="3" * 40)
    assert f"hf download Digital-Dermatology/CleanPatrick --repo-type dataset --revision {'3' * 40}" in said
    assert "all 40 digits" in refusal(cleanpatrick, str(root), revision="1df1ecc")


def test_without_network_it_is_told_within_seconds_what_to_put_where(root: Path, tmp_path: Path) -> None:
    code = f"from cleanbench.datasets.cleanpatrick import cleanpatrick; cleanpatrick({str(root)!r})"
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "home"), "no_proxy": "*"}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **nowhere}, capture_output=True, text=True, check=False
    )
    assert time.monotonic() - started < 60
    last = done.stderr.strip().splitlines()[-1]
    for part in ("OutOfReach", "--repo-type dataset", "dataset.annotations=PATH", str(tmp_path / "home")):
        assert part in last


def test_the_command_line_scores_against_the_truth_that_is_picked(
    root: Path, tmp_path: Path, rank_with: Callable[..., Any]
) -> None:
    annotations = tables(tmp_path / "annotations")
    combined(annotations / "combined_annotations.csv")
    given = ("method=chance", "encoder=hog", "dataset=cleanpatrick", f"dataset.root={root}")
    given = (*given, f"dataset.annotations={annotations}")
    outcome = rank_with(*given)
    assert {record.truth.name for record in outcome.run.records} == {"crowd"}
    whole = outcome.run.records[0].truth.set_revision
    assert rank_with(*given, f"truth.revision='{whole[:10]}'").reused
    expert = rank_with(*given, "truth.name=expert")
    named = {record.issue: record.truth and record.truth.name for record in expert.run.records}
    assert named[Issue.LABEL_ERROR] == "expert"
    assert named.get(Issue.OFF_TOPIC) is None
    assert any("truth.name=expert: no truth of that name" in told for told in expert.warnings)
    cliques = rank_with(*given, "truth.name=cliques")
    found = {record.issue: record.truth for record in cliques.run.records if record.truth}
    assert {issue: truth.name for issue, truth in found.items()} == {Issue.NEAR_DUPLICATE: "cliques"}
    assert found[Issue.NEAR_DUPLICATE].set_revision != whole


def test_a_run_is_not_found_again_for_a_set_with_other_truths(
    root: Path, tmp_path: Path, rank_with: Callable[..., Any]
) -> None:
    """The label errors are judged alike, but the board is named after all truths of the set."""
    path = combined(tmp_path / "combined_annotations.csv")
    given = ("method=knn_disagreement", "method.k=1", "encoder=pixels", "dataset=cleanpatrick")
    given = (*given, f"dataset.root={root}", f"dataset.annotations={path}")
    everything, crowd = rank_with(*given), rank_with(*given, "truth.name=crowd")
    (one,), (other,) = everything.run.records, crowd.run.records
    assert one.truth.revision == other.truth.revision
    assert one.truth.set_revision != other.truth.set_revision
    assert not crowd.reused


def test_the_real_table() -> None:
    table = beside("packs/text/fitzpatrick17k") / "fitzpatrick17k.csv"
    from cleanbench.datasets.listings import classify
    from cleanbench.datasets.tables import rows

    _, *lines = [fields for _, fields in rows(table)]
    labels, classes, _ = classify([fields[3] for fields in lines])
    assert (len(lines), len(classes)) == (16_577, 114)
    assert labels is not None
    assert (np.bincount(labels).min(), np.bincount(labels).max()) == (53, 653)


def test_the_real_size(tmp_path: Path) -> None:
    """16,577 ids and their classes, half a million judged pairs: under 5 CPU seconds and 500 MB."""
    table = beside("packs/text/fitzpatrick17k") / "fitzpatrick17k.csv"
    root, annotations = tmp_path / "images", tmp_path / "annotations"
    write(root / "fitzpatrick17k.csv", *table.read_text().splitlines())
    lines = [line.split(",") for line in table.read_text().splitlines()[1:]]
    ids = [fields[0] for fields in lines]
    (root / f"{ids[0]}.jpg").write_bytes(picture(0))
    rng = np.random.default_rng(0)
    groups = [rng.choice(len(ids), size, replace=False) for size in rng.choice([2, 3, 5, 8], 40_000)]
    listed = [f'"{",".join(ids[i] for i in group)}",{rng.integers(2)}' for group in groups]
    write(annotations / "near_duplicates.csv", "md5hash_list,label", *listed)
    for name in ("off_topic_samples.csv", "label_errors.csv"):
        write(annotations / name, "md5hash,label", *(f"{key},{rng.integers(2)}" for key in ids))
    cliques = rng.integers(0, 13_000, len(ids))
    rows = (f"{f[0]},{f[1]},{f[3]},{c},{c % 2},{c % 3 // 2}" for f, c in zip(lines, cliques.tolist(), strict=True))
    write(annotations / "combined_annotations.csv", COMBINED, *rows)
    code = "import sys, resource; from cleanbench.datasets.cleanpatrick import cleanpatrick as read\n"
    code += "images = read(sys.argv[1], sys.argv[2])\nused = resource.getrusage(resource.RUSAGE_SELF)\n"
    code += "print(len(images), len(images.classes), len(images.truth('near_duplicate', 'crowd')))\n"
    code += "print(used.ru_utime + used.ru_stime, __import__('cleanbench.processes').processes.peak_mib())"
    code = code.replace("'near_duplicate'", "__import__('cleanbench').Issue.NEAR_DUPLICATE")
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), str(annotations)], capture_output=True, text=True, check=True
    )
    counts, used = done.stdout.splitlines()
    images, classes, pairs = map(int, counts.split())
    assert (images, classes) == (16_577, 114)
    assert pairs > 400_000
    seconds, mebibytes = map(float, used.split())  # not ru_maxrss, which remembers the process that started it
    assert seconds < 5
    assert mebibytes < 500


def test_records_of_two_revisions_share_no_table(root: Path, tmp_path: Path, rank_with: Callable[..., Any]) -> None:
    given = ("method=chance", "dataset=cleanpatrick", f"dataset.root={root}")
    for name, wrong in (("first", 2), ("second", 3)):
        rank_with(*given, f"dataset.annotations={tables(tmp_path / name, wrong)}")
    merged = merge(tmp_path / "runs", tmp_path / "boards")
    assert not merged.refused
    (one, other) = boards(tmp_path / "boards")
    # The near-duplicates are judged alike in both; the board is of the truth as a whole.
    assert one.folder.parent == other.folder.parent
    assert len(one.records()) == len(other.records()) == 3


@pytest.mark.parametrize("made", [cleanpatrick, fitzpatrick17k])
def test_the_configuration_lists_every_argument_with_its_default(made: Callable[..., Any]) -> None:
    settings = OmegaConf.load(files("cleanbench.conf") / "dataset" / f"{made.__name__}.yaml")
    assert isinstance(settings, DictConfig)
    parameters = inspect.signature(made).parameters
    assert [str(key) for key in settings] == ["_target_", *parameters]
    for name, parameter in parameters.items():
        if OmegaConf.is_missing(settings, name):
            assert parameter.default is parameter.empty
        elif not OmegaConf.is_interpolation(settings, name):
            assert settings[name] == parameter.default
