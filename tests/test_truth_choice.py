"""Which of several truths counts: by name and by revision."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleanbench.core import GroundTruth, Issue, UserError
from cleanbench.datasets.calibration import with_calibration
from cleanbench.datasets.truth_choice import revisions, with_truth
from cleanbench.image_set import ImageSet
from cleanbench.images import Encoded, Images

IDS = tuple("abcdef")
OFF_TOPIC, LABELS = (Issue.OFF_TOPIC, "crowd"), (Issue.LABEL_ERROR, "crowd")
EXPERT = (Issue.LABEL_ERROR, "expert")


@pytest.fixture(name="images")
def _images() -> ImageSet:
    def truth(key: tuple[Issue, str], faulty: int) -> GroundTruth:
        return GroundTruth.of(key[0], IDS, np.arange(6), np.arange(6) < faulty, name=key[1])

    truths = {key: truth(key, faulty) for key, faulty in ((OFF_TOPIC, 1), (LABELS, 2), (EXPERT, 3))}
    labels = np.array([0, 1] * 3)
    return ImageSet("set", IDS, Images(Encoded((b"",) * 6)), labels=labels, classes=("x", "y"), truths=truths)


def counted(images: ImageSet) -> dict[Issue, str]:
    """Return the name of the truth that counts, by issue."""
    found = {issue: images.truth(issue) for issue in Issue}
    return {issue: truth.name for issue, truth in found.items() if truth is not None}


def refusal(images: ImageSet, name: str | None, revision: str | None) -> str:
    with pytest.raises(UserError) as caught:
        with_truth(images, name, revision)
    return str(caught.value)


def test_without_a_choice_nothing_changes(images: ImageSet) -> None:
    assert with_truth(images, None, None) is images


def test_a_name_leaves_issues_without_truth(images: ImageSet) -> None:
    picked = with_truth(images, "expert", None)
    assert counted(picked) == {Issue.LABEL_ERROR: "expert"}
    assert picked.warnings == ("truth.name=expert: no truth of that name, and so none at all, for off_topic",)
    assert picked.truth_revision != images.truth_revision
    crowd = with_truth(images, "crowd", None)
    assert counted(crowd) == {Issue.OFF_TOPIC: "crowd", Issue.LABEL_ERROR: "crowd"}
    assert crowd.truth_revision == images.truth_revision
    assert not crowd.warnings


def test_an_unknown_name_is_told(images: ImageSet) -> None:
    assert "no truth called 'expertt'. Did you mean 'expert'? Available: crowd, expert" in refusal(
        images, "expertt", None
    )
    assert "no truth at all" in refusal(replace(images, truths={}), "crowd", None)


def test_the_revision_of_the_set_changes_nothing(images: ImageSet) -> None:
    assert with_truth(images, None, images.truth_revision[:8]) is images
    expert = with_truth(images, "expert", None)
    found = revisions(images)
    assert found["the set with truth.name=expert"] == expert.truth_revision
    assert counted(with_truth(images, "expert", expert.truth_revision.upper())) == {Issue.LABEL_ERROR: "expert"}


def test_the_revision_of_a_truth_makes_it_count(images: ImageSet) -> None:
    picked = with_truth(images, None, images.truths[EXPERT].revision[:6])
    assert counted(picked) == {Issue.OFF_TOPIC: "crowd", Issue.LABEL_ERROR: "expert"}
    assert set(picked.truths) == set(images.truths)


@pytest.mark.parametrize("revision", ["abc", "xyz12345", "1e5.0", "", "0" * 65])
def test_what_is_no_revision_is_told(images: ImageSet, revision: str) -> None:
    assert "is no revision" in refusal(images, None, revision)


def test_another_revision_is_refused_with_those_there_are(images: ImageSet) -> None:
    said = refusal(images, None, "0000000000")
    assert f"{images.truth_revision[:8]} (the set)" in said
    for (issue, name), truth in images.truths.items():
        assert f"{truth.revision[:8]} ({issue} {name})" in said
    # With a name, only what can then be chosen.
    said = refusal(images, "expert", "0000000000")
    assert f"{images.truth_revision[:8]} (all truths of the set)" in said
    assert images.truths[EXPERT].revision[:8] in said
    assert images.truths[LABELS].revision[:8] not in said
    assert "it has no truth" in refusal(replace(images, truths={}), None, "12345678")


def test_the_revision_of_all_truths_goes_with_a_name(images: ImageSet) -> None:
    """Annotations are told apart by it, also where the truth that is named is the same in all of them."""
    assert counted(with_truth(images, "expert", images.truth_revision[:10])) == {Issue.LABEL_ERROR: "expert"}
    # That of another truth is none of the named ones; that of a name is told with it.
    assert "no truth of 'set'" in refusal(images, "expert", images.truths[OFF_TOPIC].revision)
    expert = with_truth(images, "expert", None).truth_revision
    assert "it is that of the set with truth.name=expert" in refusal(images, None, expert)


def test_a_refusal_names_the_policy_that_revisions_depend_on(images: ImageSet) -> None:
    with pytest.raises(UserError, match=r"with truth\.conflict=last: the revision depends on"):
        with_truth(images, None, "0000000000", "last")


def test_calibration_asks_the_truth_that_is_picked(images: ImageSet) -> None:
    """Images 2 and up are right for the crowd, 3 and up for the expert."""
    crowd = with_calibration(with_truth(images, None, None), 1.0)
    expert = with_calibration(with_truth(images, "expert", None), 1.0)
    assert crowd.calibration.tolist() == [2, 3, 4, 5]
    assert expert.calibration.tolist() == [3, 4, 5]


def test_a_contamination_starts_from_the_truth_that_is_picked(pictures: Path, rank_with: Callable[..., Any]) -> None:
    given = ("method=chance", "dataset=folder", f"dataset.root={pictures}")
    revision = rank_with(*given).run.records[0].truth.set_revision
    outcome = rank_with(*given, "contamination=lbl", f"truth.revision='{revision[:12]}'")
    assert {record.truth.name for record in outcome.run.records if record.truth} == {"planted"}
    with pytest.raises(UserError, match="no truth of 'pictures' has this revision"):
        rank_with(*given, "contamination=lbl", "truth.revision=abcdef0123")
    with pytest.raises(UserError, match="no truth called 'expert'"):
        rank_with(*given, "truth.name=expert")
