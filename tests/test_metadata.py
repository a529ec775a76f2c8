"""``dataset=metadata``: a table is a set, and a column of groups a truth for near-duplicates."""

import pickle
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import beside, draw, table
from hypothesis import given
from hypothesis import strategies as st

from cleanbench import zoo
from cleanbench.core import Issue, UserError
from cleanbench.datasets.group_pairs import between_groups, same_group
from cleanbench.datasets.metadata import metadata
from cleanbench.image_set import ImageSet
from cleanbench.images import UnreadableImage
from cleanbench.leakage import group_counts

HAM10000 = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
GROUPS = st.lists(st.integers(-1, 4), min_size=1, max_size=12).map(np.array)


@pytest.fixture(name="listing")
def _listing(tmp_path: Path) -> Path:
    rows = ["i02,L1,mel,train", "i00,L1,nv,test", "i01,L2,nv,train", "i03,,nv,", "i04,L1,mel,train"]
    table(tmp_path / "list.csv", "image,lesion,dx,part", rows)
    return tmp_path / "list.csv"


def read(path: Path, **settings: Any) -> ImageSet:
    return metadata(str(path), "image", label="dx", group="lesion", split="part", **settings)


def test_a_table_is_a_set(listing: Path) -> None:
    images = read(listing, negatives=2, card={"licence": "CC0-1.0", "blemishes": ["made up"]})
    assert (images.name, images.ids, images.classes) == ("list", ("i00", "i01", "i02", "i03", "i04"), ("mel", "nv"))
    assert images.labels is not None
    assert images.labels.tolist() == [1, 1, 0, 1, 0]
    assert images.attributes["group"].tolist() == ["L1", "L2", "L1", "", "L1"]
    assert images.attributes["split"].tolist() == images.attributes["part"].tolist()
    truth = images.truth(Issue.NEAR_DUPLICATE, "lesion")
    assert truth is not None
    assert truth.kind == "metadata"
    assert truth.items[truth.labels].tolist() == [[0, 2], [0, 4], [2, 4]]
    assert truth.inclusion is not None
    assert set(truth.inclusion[~truth.labels].tolist()) == {2 / 3}
    assert (images.card.licence, images.card.blemishes) == ("CC0-1.0", ("made up",))
    assert "3 pairs of one lesion, and 2 pairs of two" in images.card.truths[Issue.NEAR_DUPLICATE]
    assert images.card.grouping == "lesion: 2 groups of 4 images"


def test_without_images_the_set_says_what_is_missing(listing: Path) -> None:
    images = pickle.loads(pickle.dumps(read(listing).images))
    with pytest.raises(UnreadableImage, match=r"no folder of images was given; set dataset\.root=PATH"):
        images[0]


def test_images_are_found_by_name(listing: Path) -> None:
    draw(listing.parent / "images" / "part_1", 5)
    images = read(listing, root=str(listing.parent / "images"))
    assert not any(images.images.problem(position) for position in range(5))
    assert not images.warnings
    with pytest.raises(UserError, match=r"holds none of the images of list\.csv"):
        metadata(str(listing), "image", file="dx", root=str(listing.parent))


def test_what_is_wrong_is_told(listing: Path) -> None:
    for settings, message in (
        ({"group": "lesions"}, "no column 'lesions', which dataset.group names. Did you mean 'lesion'?"),
        ({"card": {"licence": 5}}, "dataset.card: licence must be a text, not 5"),
        ({"card": {"source": 5}}, "dataset.card: source must be a text, not 5"),
        ({"card": {"commercial": "abc"}}, "dataset.card: commercial must be true or false, not 'abc'"),
        ({"card": {"blemishes": 5}}, "dataset.card: blemishes must be a list of sentences, not 5"),
        ({"card": {"blemishes": ["a", 5]}}, "dataset.card: blemishes must be a list of sentences"),
        ({"card": "free"}, "dataset.card='free' must be names with values or null"),
        ({"negatives": -1, "group": "lesion"}, "dataset.negatives must be 0 or more, not -1"),
        ({"seed": -1, "group": "lesion"}, "dataset.seed must be 0 or more, not -1"),
        ({"card": {"license": "?"}}, "dataset.card has no field 'license'. Did you mean 'licence'?"),
        ({"root": "nowhere"}, "check dataset.root"),
    ):
        with pytest.raises(UserError) as caught:
            metadata(str(listing), "image", **settings)  # type: ignore[arg-type]
        assert message in str(caught.value)
    with pytest.raises(UserError, match="the dx 'nv' stands in line 3 already"):
        metadata(str(listing), "dx")
    with pytest.raises(UserError, match="is not a file"):
        metadata("nowhere.csv", "image")
    with pytest.raises(UserError, match=r"cannot be looked at \(File name too long\)"):
        metadata("x" * 5000, "image")


def test_groups_of_one_are_no_truth(tmp_path: Path) -> None:
    table(tmp_path / "list.csv", "image,lesion", ["a,1", "b,2", "c,"])
    images = metadata(str(tmp_path / "list.csv"), "image", group="lesion")
    assert not images.truths
    assert images.warnings == ("no two images share a lesion, so it is no truth for near-duplicates",)


@given(GROUPS, st.integers(0, 70), st.integers(0, 5))
def test_pairs_of_a_group_and_a_sample_of_the_others(groups: Any, negatives: int, seed: int) -> None:
    ids = [f"{number:02d}" for number in range(len(groups))]
    truth = same_group(ids, groups, negatives, seed, name="g")
    judged = [pair for pair in combinations(range(len(groups)), 2) if min(groups[list(pair)]) >= 0]
    within = {pair for pair in judged if groups[pair[0]] == groups[pair[1]]}
    drawn = set(map(tuple, truth.items[~truth.labels].tolist()))
    assert set(map(tuple, truth.items[truth.labels].tolist())) == within
    assert drawn <= set(judged) - within
    assert len(drawn) == min(negatives, len(judged) - len(within))
    assert truth.revision == same_group(ids, groups, negatives, seed, name="g").revision


def test_every_other_pair_is_as_likely() -> None:
    groups = np.array([0, 0, 0, 0, 0, 0, 1, 2, -1])
    found = np.zeros((9, 9))
    for seed in range(4000):
        pairs, inclusion = between_groups(groups, 3, seed)
        found[pairs[:, 0], pairs[:, 1]] += 1
    asked = found[found > 0] / 4000
    assert len(asked) == 13
    assert inclusion[0] == pytest.approx(3 / 13)
    np.testing.assert_allclose(asked, 3 / 13, atol=5 * (3 / 13 * 10 / 13 / 4000) ** 0.5)


def test_the_table_of_ham10000_counts_as_published() -> None:
    path = beside("packs/text/ham10000") / "HAM10000_metadata.csv"
    images = zoo.load("ham10000", "dataset", path=str(path))
    assert images.labels is not None
    assert dict(zip(images.classes, np.bincount(images.labels).tolist(), strict=True)) == HAM10000
    counts = group_counts(images.attributes["group"])
    assert (counts.images, counts.groups, counts.repeated, counts.pairs) == (10_015, 7_470, 1_956, 3_207)
    assert counts.sizes == {1: 5_514, 2: 1_423, 3: 490, 4: 34, 5: 5, 6: 4}
    truth = images.truth(Issue.NEAR_DUPLICATE)
    assert (truth.faulty, len(truth)) == (3_207, 13_207)
