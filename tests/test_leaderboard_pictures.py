"""Pictures on boards: only where the licence lets a board show them, and only those that a page shows."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from finished_runs import IDS, differences, edit_run, make_run, only
from PIL import Image

from cleanbench.commands import composing
from cleanbench.core import Issue, UserError, digest_of
from cleanbench.image_set import Card
from cleanbench.leaderboard.merge import merge
from cleanbench.leaderboard.pictures import Options, pictures
from cleanbench.records import Terms


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a data set whose images may be passed on, of which there is a board."""
    image_set = SimpleNamespace(
        name="demo",
        ids=IDS,
        fingerprint=digest_of(["data"]),
        images=[Image.new("RGB", (200, 100), (number, 0, 0)) for number in range(len(IDS))],
        card=Card("", "CC0-1.0", redistributable=True),
    )
    monkeypatch.setattr(composing, "image_set_of", lambda given: image_set)
    edit_run(make_run(tmp_path / "runs"), terms=Terms(licence="CC0-1.0", redistributable=True))
    merge(tmp_path / "runs", tmp_path / "boards")
    return image_set


def page_of(root: Path) -> str:
    (page,) = (only(root).folder / "off_topic").glob("*.html")
    return page.read_text()


def test_the_top_of_a_ranking_is_shown_in_its_order(shown: SimpleNamespace, tmp_path: Path) -> None:
    root = tmp_path / "boards"
    assert "<img" not in page_of(root)
    assert '<th scope="row">1</th>' in page_of(root)
    assert pictures(Options(root), {}) == 0
    assert differences(root) == ""
    board, text = only(root), page_of(root)
    assert text.count("<img") == 8
    import pyarrow.parquet

    (record,) = [each for each in board.records() if each.issue is Issue.OFF_TOPIC]
    ranking = pyarrow.parquet.read_table(board.ranking(record)).to_pylist()
    worst = sorted(ranking, key=lambda row: (-row["score"], row["id"]))[:8]
    places = [text.index(board.picture(row["id"]).name) for row in worst]
    assert places == sorted(places)
    for row in worst:
        picture = Image.open(board.picture(row["id"]))
        assert picture.size == (64, 32)
        assert abs(picture.getpixel((5, 5))[0] - IDS.index(row["id"])) < 4


def test_a_picture_that_no_page_shows_is_found_and_removed(shown: SimpleNamespace, tmp_path: Path) -> None:
    root = tmp_path / "boards"
    pictures(Options(root), {})
    odd = only(root).pictures / "0000000000000000.jpg"
    odd.write_bytes(b"")
    assert f"{odd}: no record has this file" in differences(root)
    merge(tmp_path / "runs", root)
    assert differences(root) == ""
    assert not odd.exists()


def change(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9] + b"x" * 9)


def swap(path: Path) -> None:
    other = sorted(path.parent.glob("*.jpg"))[-1]
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)


def link(path: Path) -> None:
    path.rename(path.parents[4] / "elsewhere.jpg")
    path.symlink_to(path.parents[4] / "elsewhere.jpg")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change, "its SHA-256 is not that of SHA256SUMS"),
        (swap, "its SHA-256 is not that of SHA256SUMS"),
        (Path.unlink, "missing, but SHA256SUMS lists it"),
        (link, "a link; boards are plain files"),
        (lambda path: path.with_name("SHA256SUMS").unlink(), "python -m cleanbench.leaderboard.pictures writes it"),
        (lambda path: path.with_name("SHA256SUMS").write_text("x"), "line 1: expected a SHA-256"),
        (lambda path: (path.unlink(), path.mkdir()), ".jpg: no file"),
    ],
)
def test_a_picture_that_was_changed_is_found(
    damage: Callable[[Path], object], message: str, shown: SimpleNamespace, tmp_path: Path
) -> None:
    root = tmp_path / "boards"
    pictures(Options(root), {})
    damage(sorted(only(root).pictures.glob("*.jpg"))[0])
    assert message in differences(root)


def test_the_list_of_sums_follows_the_pictures(shown: SimpleNamespace, tmp_path: Path) -> None:
    root = tmp_path / "boards"
    pictures(Options(root), {})
    board = only(root)
    before = board.picture_sums.read_text().splitlines()
    assert len(before) == len(list(board.pictures.glob("*.jpg")))
    make_run(tmp_path / "later", minute=5, key="f" * 64, scores=np.arange, terms=board.records()[0].terms)
    merge(tmp_path / "later", root)
    after = board.picture_sums.read_text().splitlines()
    assert set(after) < set(before)
    assert differences(root) == ""


def test_a_licence_that_does_not_allow_it_keeps_pictures_off(shown: SimpleNamespace, tmp_path: Path) -> None:
    root = tmp_path / "boards"
    pictures(Options(root), {})
    edit_run(make_run(tmp_path / "later", minute=5, key="f" * 64), terms=Terms(licence="CC-BY-NC-ND-4.0"))
    merge(tmp_path / "later", root)
    assert "<img" not in page_of(root)
    assert list(only(root).pictures.iterdir()) == []
    assert differences(root) == ""
    with pytest.raises(UserError, match="do not state a licence that lets it show images"):
        pictures(Options(root), {})
    shown.card = Card("", "CC-BY-NC-ND-4.0")
    with pytest.raises(UserError, match="must not show images of 'demo'"):
        pictures(Options(root), {})


def test_pictures_of_other_data_are_refused(shown: SimpleNamespace, tmp_path: Path) -> None:
    shown.fingerprint = "0" * 64
    with pytest.raises(UserError, match="about other pixels or labels"):
        pictures(Options(tmp_path / "boards"), {})
    shown.name = "another"
    with pytest.raises(UserError, match="has no board of another"):
        pictures(Options(tmp_path / "boards"), {})
    with pytest.raises(UserError, match="there is no folder"):
        pictures(Options(tmp_path / "nowhere"), {})
