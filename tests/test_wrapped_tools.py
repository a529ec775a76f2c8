"""Tools of others: what their answers become, always; and the tools themselves where they are installed."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cleanbench import Issue, UserError, View, zoo
from cleanbench.methods import cleanvision, fastdup, imagededup
from cleanbench.pairs import decode, pair_count

INSTALLED = {
    "cleanvision": find_spec("cleanvision") is not None,
    "imagededup": find_spec("imagededup") is not None,
    "fastdup": not fastdup.FastDup.missing(),
}


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not INSTALLED[tool], reason=f"{tool} is not installed")


def every_pair(images: int) -> np.ndarray:
    return decode(np.arange(pair_count(images)), images)


def pictures() -> View:
    """Return 12 images of noise; 4 repeats 3, and 5 is 3 with one grey level more."""
    images = [np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype=np.uint8) for number in range(12)]
    images[4], images[5] = images[3], images[3] + 1
    return View.from_arrays(images=images)


# -- CleanVision


def test_severity_is_the_worst_ratio_to_a_threshold() -> None:
    scores = {name: np.full(3, 1.0, dtype=np.float32) for name in cleanvision.THRESHOLDS}
    scores["blurry"][1] = 0.29 / 2  # half of its threshold
    scores["odd_size"][2] = 0.0
    severity = cleanvision.severity(scores)
    np.testing.assert_allclose(severity, [1 - 1 / 0.5, 0.5, 1.0])
    assert (severity > 0).tolist() == [False, True, True]  # those that it flags


def test_pairs_are_scored_by_the_sets_that_hold_both() -> None:
    exact = cleanvision.memberships([[1, 4]], 6)
    near = cleanvision.memberships([[0, 2, 5], [1, 4]], 6)
    assert exact.tolist() == [-1, 0, -1, -1, 0, -1]
    scores = dict(
        zip(map(tuple, every_pair(6).tolist()), cleanvision.pair_scores(every_pair(6), exact, near), strict=True)
    )
    assert scores.pop((1, 4)) == 1.0
    assert [scores.pop(pair) for pair in ((0, 2), (0, 5), (2, 5))] == [0.5, 0.5, 0.5]
    assert set(scores.values()) == {-np.inf}


@pytest.mark.parametrize("limit", [1, 3, 4, 100])
def test_pairs_of_sets_are_those_with_a_score(limit: int) -> None:
    groups = cleanvision.memberships([[0, 2, 5], [1, 4]], 6)
    expected = [[0, 2], [0, 5], [2, 5], [1, 4]][:limit]
    assert cleanvision.pairs_of_sets(groups, limit).tolist() == expected
    assert cleanvision.pairs_of_sets(cleanvision.memberships([], 6), limit).shape == (0, 2)


@needs("cleanvision")
def test_cleanvision_finds_copies_and_flags_what_it_flags() -> None:
    view = pictures()
    method = cleanvision.CleanVision()
    method.fit(view)
    ranking = method.retrieve(view, 10)
    assert ranking.items[0].tolist() == [3, 4]
    assert ranking.scores[0] == 1.0
    asked = method.rank(Issue.NEAR_DUPLICATE, view, ranking.items).scores
    np.testing.assert_array_equal(asked, ranking.scores)
    dark = View.from_arrays(images=[*(view.image(row) for row in range(12)), np.zeros((32, 32, 3), dtype=np.uint8)])
    method.fit(dark)
    scores = method.rank(Issue.OFF_TOPIC, dark).scores
    assert scores.argmax() == 12
    assert scores[12] == 1.0


# -- imagededup


def test_other_hashes_are_refused() -> None:
    with pytest.raises(UserError, match="no hash 'cnn'; choose one of ahash, dhash, phash, whash"):
        zoo.load("imagededup", hash="cnn")


def test_hexadecimal_hashes_become_their_bits() -> None:
    bits = np.random.default_rng(0).integers(0, 2, 64)
    digits = "".join(f"{byte:02x}" for byte in np.packbits(bits))
    np.testing.assert_array_equal(np.unpackbits(imagededup.packed(digits)), bits)


@needs("imagededup")
@pytest.mark.parametrize("name", list(imagededup.HASHES))
def test_imagededup_scores_are_its_own_distances(name: str, tmp_path: Path) -> None:
    import imagededup.methods as tool

    view = pictures()
    files = view.export(tmp_path)
    hasher = getattr(tool, imagededup.HASHES[name])(verbose=False)
    hashes = [hasher.encode_image(image_file=file) for file in files]
    pairs = every_pair(12)
    expected = [1 - hasher.hamming_distance(hashes[i], hashes[j]) / 64 for i, j in pairs.tolist()]
    scores = imagededup.ImageDedup(name).rank(Issue.NEAR_DUPLICATE, view, pairs).scores
    np.testing.assert_array_equal(scores, expected)


# -- fastdup


def features_in(folder: Path, rows: list[int], features: np.ndarray) -> None:
    """Write what fastdup leaves about some images."""
    features.astype(np.float32).tofile(folder / "atrain_features.dat")
    lines = [f"{place},images/{row:07d}.png" for place, row in enumerate(rows)]
    (folder / "atrain_features.dat.csv").write_text("\n".join(["index,filename", *lines, ""]))


def test_features_are_joined_by_file_name_and_what_is_missing_is_not_retrieved(tmp_path: Path) -> None:
    written = np.array([[0.0, 2.0], [3.0, 0.0], [1.0, 1.0]])
    features_in(tmp_path, [3, 0, 1], written)
    method = fastdup.FastDup()
    method.features, method.known = fastdup.read_features(tmp_path, 4)
    np.testing.assert_array_equal(method.features, [[3, 0], [1, 1], [0, 0], [0, 2]])
    assert method.known.tolist() == [True, True, False, True]
    view = View.from_arrays(images=np.zeros((4, 2, 2), dtype=np.uint8))
    scores = method.rank(Issue.NEAR_DUPLICATE, view, [[0, 1], [0, 2], [0, 3]]).scores
    np.testing.assert_allclose(scores, [np.sqrt(0.5), -np.inf, 0.0])
    nearest = (1 - np.sqrt(0.5)) / 2
    np.testing.assert_allclose(method.rank(Issue.OFF_TOPIC, view).scores, [nearest, nearest, -np.inf, nearest])
    assert method.retrieve(view, 10).items.tolist() == [[0, 1], [1, 3], [0, 3]]


def test_the_interpreter_of_fastdup_stands_in_for_its_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fastdup.INTERPRETER, "nowhere/python")
    assert fastdup.FastDup.missing() == ()
    with pytest.raises(UserError, match="nowhere/python is no interpreter that can be started"):
        fastdup.FastDup().fit(pictures())


def test_a_fastdup_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text('#!/bin/sh\necho "$SENTRY_OPT_OUT $FASTDUP_PRODUCTION ${PYTHONPATH-none}"\nexit 3\n')
    broken.chmod(0o755)
    monkeypatch.setenv(fastdup.INTERPRETER, str(broken))
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    with pytest.raises(RuntimeError, match="fastdup ended with code 3: 1 1 none"):
        fastdup.FastDup().fit(pictures())


@needs("fastdup")
def test_fastdup_finds_copies_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    view = pictures()
    method = fastdup.FastDup()
    method.fit(view)
    assert method.retrieve(view, 1).items.tolist() == [[3, 4]]
    scores = method.rank(Issue.NEAR_DUPLICATE, view, every_pair(12)).scores
    assert every_pair(12)[scores.argmax()].tolist() == [3, 4]
    assert scores.max() == 1.0
    assert np.isfinite(method.rank(Issue.OFF_TOPIC, view).scores).all()
    assert list(tmp_path.iterdir()) == []
