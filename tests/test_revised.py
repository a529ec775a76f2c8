"""The revised benchmarks: indices are placed only where the published lists leave no doubt."""

import json
import pickle
from itertools import permutations
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from conftest import beside, table
from hypothesis import given
from hypothesis import strategies as st

from cleanbench.core import Issue, UserError
from cleanbench.datasets.elimination import eliminate, place
from cleanbench.datasets.revised import revised
from cleanbench.datasets.revised_benchmarks import BENCHMARKS, Benchmark
from cleanbench.image_set import ImageSet

# Ten images in two folders, in an order of their own.
ORDER = ["b/7.png", "b/1.png", "b/4.png", "b/0.png", "a/3.png", "a/9.png", "a/2.png", "a/8.png", "a/5.png", "a/6.png"]


@pytest.fixture(name="small")
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(BENCHMARKS, "SMALL", Benchmark(10, "Ten", "Nobody", depth=2))  # type: ignore[arg-type]
    for name in ORDER:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def lists(root: Path, off_topic: list[int], labels: list[int], duplicates: list[Any], *, order: Any = ORDER) -> None:
    """Write the lists of a benchmark as they are published."""
    removed = {*off_topic, *(one for one, _ in duplicates)}
    issues = {"IrrelevantSamples": off_topic, "NearDuplicates": duplicates, "LabelErrors": labels}
    (root / "detailed_issue_lists").mkdir(exist_ok=True)
    (root / "revised_filelists").mkdir(exist_ok=True)
    (root / "detailed_issue_lists" / "SMALL_data_quality_issues.pickle").write_bytes(pickle.dumps(issues))
    kept = [f"SMALL/{name}" for index, name in enumerate(order) if index not in removed]
    table(root / "revised_filelists" / "SMALL_cleaned_file_list.csv", "file_name", kept)


def read(root: Path, **settings: Any) -> ImageSet:
    return revised("SMALL", str(root / "images"), str(root), **settings)


def faulty(images: ImageSet, issue: Issue) -> list[Any]:
    truth = images.truth(issue, "experts")
    assert truth is not None
    named = np.array(images.ids)[truth.items[truth.labels]]
    return [tuple(row) if issue.ranks_pairs else str(row) for row in named.tolist()]


def test_gaps_and_folders_place_what_was_removed(small: Path) -> None:
    lists(small, [5], [6, 2], [(2, (2, 3))])
    images = read(small)
    assert images.ids == tuple(sorted(PurePosixPath(name).with_suffix("").as_posix() for name in ORDER))
    assert images.classes == ("a", "b")
    assert faulty(images, Issue.OFF_TOPIC) == ["a/9"]
    assert faulty(images, Issue.LABEL_ERROR) == ["a/2", "b/4"]
    assert faulty(images, Issue.NEAR_DUPLICATE) == [("b/0", "b/4")]
    truth = images.truth(Issue.NEAR_DUPLICATE)
    assert truth is not None
    assert len(truth) == 45
    assert set(images.card.truths) == {"off_topic", "label_error", "near_duplicate"}
    assert not images.warnings


def test_what_may_be_either_is_not_judged(small: Path) -> None:
    lists(small, [5], [7], [(6, (6, 8))])  # two were removed from folder a
    images = read(small)
    assert faulty(images, Issue.OFF_TOPIC) == []
    assert faulty(images, Issue.LABEL_ERROR) == ["a/8"]
    truth = images.truth(Issue.OFF_TOPIC)
    assert truth is not None
    assert {images.ids[item] for item in truth.items} == set(images.ids) - {"a/9", "a/2"}
    pairs = images.truth(Issue.NEAR_DUPLICATE)
    assert pairs is not None
    assert pairs.faulty == 0
    assert {images.ids[item] for item in pairs.items.ravel()} == set(images.ids) - {"a/9", "a/2"}
    assert images.warnings == (
        "1 of 1 images in the off_topic list cannot be told from others: not judged",
        "1 of 1 near-duplicate cannot be told from other images that were removed: not judged",
    )


def test_what_makes_no_difference_is_judged(small: Path) -> None:
    lists(small, [5, 6, 9], [], [])
    assert faulty(read(small), Issue.OFF_TOPIC) == ["a/2", "a/6", "a/9"]


def test_connected_duplicates_are_no_negatives(small: Path) -> None:
    lists(small, [], [], [(1, (1, 2)), (3, (2, 3))], order=sorted(ORDER))
    images = read(small)  # sorted names are the order, so that all is placed
    assert faulty(images, Issue.NEAR_DUPLICATE) == [("a/3", "a/5"), ("a/5", "a/6")]
    truth = images.truth(Issue.NEAR_DUPLICATE)
    assert truth is not None
    assert len(truth) == 44  # a/3 with a/6 is left open


def test_a_table_tells_the_order(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = Benchmark(10, "Ten", "N", depth=2, table="t.csv", files=("one", "two"), label="dx", group="case")
    monkeypatch.setitem(BENCHMARKS, "SMALL", described)  # type: ignore[arg-type]
    rows = [f"{number},{number % 2},{ORDER[number + 5]},{ORDER[number]}" for number in range(5)]
    table(small / "images" / "t.csv", "case,dx,one,two", rows)
    lists(small, [5], [7], [(6, (6, 8))])
    images = read(small)
    assert faulty(images, Issue.OFF_TOPIC) == ["a/9"]
    assert faulty(images, Issue.NEAR_DUPLICATE) == [("a/2", "a/5")]
    assert dict(zip(images.ids, images.attributes["group"], strict=True))["a/9"] == "0"
    cases = images.truth(Issue.NEAR_DUPLICATE, "case")
    assert cases is not None
    assert set(images.card.truths) == {"off_topic", "label_error", "near_duplicate experts", "near_duplicate case"}
    assert (cases.kind, cases.faulty, len(cases)) == ("metadata", 5, 45)
    with pytest.raises(UserError, match=r"t\.csv has no column 'dy', which dataset\.label names\. Available: case, dx"):
        read(small, label="dy")


def test_what_does_not_fit_is_told(small: Path) -> None:
    for duplicates, message in (
        ([(2, (3, 4))], "(3, 4) does not fit"),
        ([(10, (10, 4))], "10 does not fit"),
        ([(2, (3, "x"))], "as published"),
    ):
        lists(small, [], [], duplicates)
        with pytest.raises(UserError) as caught:
            read(small)
        assert message in str(caught.value)
    pickled = small / "detailed_issue_lists" / "SMALL_data_quality_issues.pickle"
    pickled.unlink()
    for listed in ("1e400", "1.5", '"12"', "9" * 5000, "[" * 100_000):
        pickled.with_name("SMALL_issues.json").write_text(f'{{"IrrelevantSamples": [{listed}]}}')
        with pytest.raises(UserError, match=r"SMALL_issues\.json"):
            read(small)
    lists(small, [5], [], [])
    with pytest.raises(UserError, match=r"dataset\.negatives must be 0 or more, not -1"):
        read(small, negatives=-1)
    (small / "images" / ORDER[5]).unlink()
    with pytest.raises(
        UserError, match="holds 0 images that the file list lacks, expected are the 1 that were removed"
    ):
        read(small)
    (small / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds 0 images of SMALL, which has 10; give the folder of all its images"):
        revised("SMALL", str(small / "empty"), str(small))
    lists(small, [5], [], [], order=ORDER[:8])
    with pytest.raises(UserError, match="lists 7 images; with the 1 that were removed they should be 10"):
        read(small)
    with pytest.raises(UserError, match="give a checkout of https"):
        revised("SMALL", str(small / "images"), str(small / "nowhere"))
    with pytest.raises(UserError, match=r"holds no DDI_data_quality_issues\.pickle or DDI_issues\.json"):
        revised("DDI", str(small / "images"), str(small))
    with pytest.raises(UserError, match=r"no revised benchmark 'DDDI'\. Did you mean 'DDI'"):
        revised("DDDI", str(small / "images"), str(small))


@given(st.permutations(ORDER), st.booleans(), st.sets(st.integers(0, 9), max_size=4))
def test_elimination_agrees_with_every_order_that_is_possible(
    order: list[str], in_one_go: bool, removed: set[int]
) -> None:
    if in_one_go:
        order = sorted(order, key=lambda name: name[0])
    kept = [name for index, name in enumerate(order) if index not in removed]
    places = eliminate(10, kept, removed, [order[index] for index in removed])
    for index, name in enumerate(places.names):
        assert name in ("", order[index]) or not in_one_go
    if in_one_go:
        for indices, names in places.sets:
            assert {order[index] for index in indices} == names
    assert sorted([name for name in places.names if name] + [name for _, names in places.sets for name in names]) == (
        sorted(order)
    )
    assert place(10, kept, removed, [order[::-1], order]) is not None
    for other in permutations(order[:3]):
        whole = [*other, *order[3:]]
        found = place(10, kept, removed, [whole])
        assert (found is None) == ([n for i, n in enumerate(whole) if i not in removed] != kept)


@pytest.mark.parametrize(
    ("of", "found"),
    [("MED-NODE", (3, 2, 1)), ("PH2", (0, None, 0)), ("DDI", (3, 8, 6)), ("PAD-UFES-20", (2, 3, 56))],
)
def test_the_published_lists_count_as_published(of: str, found: tuple[Any, ...], tmp_path: Path) -> None:
    published, benchmark = beside("packs/text/selfclean_revised"), BENCHMARKS[of]
    issues = json.loads((published / f"{of}_issues.json").read_text())
    removed = {*issues["IrrelevantSamples"], *(one for one, _ in issues["NearDuplicates"])}
    filelist = published / f"{of}_cleaned_file_list.csv"
    kept = iter(filelist.read_text().split()[1:]) if removed else iter(())
    order: list[str] = []
    for index in range(benchmark.size):
        if removed and index not in removed:
            order.append(next(kept))
        elif removed:
            order.append(f"{PurePosixPath(order[-1]).parent}/{index + 1:06d}.png")
        else:
            order.append(f"IMD{index:03d}/IMD{index:03d}_Dermoscopic_Image/IMD{index:03d}.bmp")
    for name in order:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    if benchmark.table:
        header = f"{benchmark.files[0]},{benchmark.label}"
        table(tmp_path / benchmark.table, header, [f"{PurePosixPath(name).name},x" for name in order])
    images = revised(of, str(tmp_path), str(published))
    truths = [images.truth(issue) for issue in (Issue.OFF_TOPIC, Issue.LABEL_ERROR, Issue.NEAR_DUPLICATE)]
    assert tuple(None if truth is None else truth.faulty for truth in truths) == found
    assert len(images) == benchmark.size
    assert not [warning for warning in images.warnings if "not judged" in warning]
