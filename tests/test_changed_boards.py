"""Boards that were changed by hand: a check finds it, a merge builds on none of them and removes no evidence."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from finished_runs import IDS, contents, differences, edit_run, make_run, only
from test_leaderboard_check import command

from cleanbench.core import Issue, UserError
from cleanbench.leaderboard.board import Board
from cleanbench.leaderboard.check import check
from cleanbench.leaderboard.frame import read_leaderboard
from cleanbench.leaderboard.merge import merge, render
from cleanbench.leaderboard.model_index import Options, index_of
from cleanbench.records import write_records


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with runs and the boards that they are merged into."""
    folder = tmp_path_factory.mktemp("built")
    for method, seed in (("phash", 0), ("knn", 0), ("knn", 1), ("chance", 0)):
        make_run(folder / "runs", method, seed=seed)
    assert merge(folder / "runs", folder / "boards").refused == []
    return folder


@pytest.fixture(name="root")
def _root(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built / "boards", tmp_path / "boards"))


def ranking_of(root: Path, method: str = "phash", issue: Issue = Issue.OFF_TOPIC) -> Path:
    board = only(root)
    (path,) = [board.ranking(each) for each in board.records() if (each.method, each.issue) == (method, issue)]
    return path


def rewrite(path: Path, change: Callable[[pyarrow.Table], pyarrow.Table]) -> None:
    pyarrow.parquet.write_table(change(pyarrow.parquet.read_table(path)), path)


def column(name: str, change: Callable[[list[object]], object]) -> Callable[[pyarrow.Table], pyarrow.Table]:
    """Change one column."""

    def changed(table: pyarrow.Table) -> pyarrow.Table:
        values = pyarrow.array(change(table.column(name).to_pylist()))
        return table.set_column(table.column_names.index(name), name, values)

    return changed


def edit_records(root: Path, change: Callable[[str], str]) -> None:
    path = only(root).records_file
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))


def merge_another(root: Path, tmp_path: Path) -> list[str]:
    """Merge another method and another data set; return what was refused."""
    make_run(tmp_path / "more", "another")
    edit_run(make_run(tmp_path / "more", "further", key="9" * 64), dataset="other")
    return merge_runs(tmp_path / "more", root)


def merge_runs(output: Path, root: Path) -> list[str]:
    for run in (output / "demo").glob("further-*"):
        (output / "other").mkdir(exist_ok=True)
        run.rename(output / "other" / run.name)
    if not (output / "other" / "truth").exists():
        (output / "other" / "truth").symlink_to(output / "demo" / "truth")
    return merge(output, root).refused


# What follows from no number: unjudged items, rows, flags


def halved(table: pyarrow.Table) -> pyarrow.Table:
    judged = unjudged_row(table)
    return column("score", lambda values: [x * 0.5 if n == judged else x for n, x in enumerate(values)])(table)  # type: ignore[operator]


def unjudged_row(table: pyarrow.Table) -> int:
    from finished_runs import ITEMS

    judged = {IDS[place] for place in ITEMS[Issue.OFF_TOPIC]}
    return next(n for n, name in enumerate(table.column("id").to_pylist()) if name not in judged)


CHANGED_RANKINGS: dict[str, tuple[Callable[[pyarrow.Table], pyarrow.Table], str]] = {
    "an unjudged score": (halved, "it was changed: its content has the SHA-256"),
    "an unjudged row less": (
        lambda table: table.take([n for n in range(len(table)) if n != unjudged_row(table)]),
        "it was changed: its content has the SHA-256",
    ),
    "an unjudged id": (
        lambda table: column(
            "id", lambda names: [f"<b>{x}" if n == unjudged_row(table) else x for n, x in enumerate(names)]
        )(table),
        "it was changed: its content has the SHA-256",
    ),
    "flags": (
        lambda table: table.append_column("flag", pyarrow.array([False] * len(table))),
        "it was changed: its content has the SHA-256",
    ),
    "another column": (
        lambda table: table.append_column("note", pyarrow.array(["x"] * len(table))),
        "has the columns id, score, note, not id, score",
    ),
    "the score twice": (
        lambda table: pyarrow.Table.from_arrays([*table.columns, table.column("score")], ["id", "score", "score"]),
        "no readable Parquet file|has the columns id, score, score",
    ),
    "notes": (lambda table: table.replace_schema_metadata({"a": "b"}), "it has notes|has notes"),
    "texts for scores": (column("score", lambda values: list(map(str, values))), "does not hold fractions"),
    "a score less": (column("score", lambda values: [None, *values[1:]]), "does not hold fractions in every row"),
}


@pytest.mark.parametrize("what", CHANGED_RANKINGS)
def test_a_changed_ranking_is_found_and_not_built_on(what: str, root: Path, tmp_path: Path) -> None:
    change, message = CHANGED_RANKINGS[what]
    rewrite(ranking_of(root), change)
    assert re.search(message, differences(root))
    assert not re.search("not what its records give", differences(root))
    before = contents(only(root).folder)
    refused = merge_another(root, tmp_path)
    assert re.search(message, refused[0])
    assert contents(root / "demo") == {f"{only_demo(root).folder.name}/{name}": data for name, data in before.items()}


def only_demo(root: Path) -> Board:
    (folder,) = (root / "demo").iterdir()
    return Board(folder)


def test_the_encoding_and_order_of_a_ranking_do_not_matter(root: Path) -> None:
    rewrite(ranking_of(root), lambda table: table.take(list(range(len(table)))[::-1]))
    assert differences(root) == ""


def test_a_queue_is_vouched_for_too(tmp_path: Path) -> None:
    from cleanbench import queues
    from cleanbench.core import Ranking

    path = tmp_path / "ranking.parquet"
    queue = Ranking(Issue.NEAR_DUPLICATE, np.array([[0, 1], [2, 3]]), np.array([2.0, 1.0]))
    queues.write_queue(path, queue, IDS, 2)
    first = queues.digest(path)
    flagged = Ranking(queue.issue, queue.items, queue.scores, np.array([True, False]))
    queues.write_queue(path, flagged, IDS, 2)
    assert queues.digest(path) != first
    queues.write_queue(path, queue, IDS, 3)
    assert queues.digest(path) != first
    queues.write_queue(path, queue, IDS, 2)
    assert queues.digest(path) == first
    rewrite(queues.queue_file(path), column("score", lambda values: [2.5, *values[1:]]))
    assert queues.digest(path) != first
    rewrite(queues.queue_file(path), lambda table: table.append_column("x", pyarrow.array([1, 2])))
    with pytest.raises(UserError, match="has the columns"):
        queues.digest(path)
    for note in ('{"limit": Infinity, "exact": true}', "[" * 100_000, "{}"):
        queues.write_queue(path, queue, IDS, 2)
        rewrite(queues.queue_file(path), lambda table, note=note: table.replace_schema_metadata({"cleanbench": note}))
        with pytest.raises(UserError, match="does not say how it was retrieved"):
            queues.digest(path)


TRUTHS: dict[str, tuple[Callable[[pyarrow.Table], pyarrow.Table], str]] = {
    "another column": (lambda table: table.append_column("who", pyarrow.array(["x"] * len(table))), "has the columns"),
    "another order": (lambda table: table.take(list(range(len(table)))[::-1]), "not in the order of their ids"),
    "another type": (column("label", lambda values: [float(x) for x in values]), "does not hold whole numbers"),  # type: ignore[arg-type]
    "notes": (lambda table: table.replace_schema_metadata({"a": "b"}), "it has notes"),
}


@pytest.mark.parametrize("what", TRUTHS)
def test_a_truth_in_another_form_is_found(what: str, root: Path, tmp_path: Path) -> None:
    change, message = TRUTHS[what]
    rewrite(only(root).truth(Issue.OFF_TOPIC), change)
    assert message in differences(root)
    assert message in merge_another(root, tmp_path)[0]


# Merges


def test_a_merge_removes_no_ranking_of_an_edited_record(root: Path, tmp_path: Path) -> None:
    edit_records(root, lambda text: text.replace('"cpu_seconds": 1.25', '"cpu_seconds": 0.25', 1))
    before = contents(root)
    refused = merge_another(root, tmp_path)
    after = contents(root)
    assert {name: after[name] for name in before} == before, "also the pages over all boards stay"
    assert any(name.startswith("other/") for name in after), "the other board is merged"
    assert "the record was changed after its ranking was filed" in refused[0]
    assert "git checkout -- " in refused[0]
    assert "2 records not merged into it" in refused[0]
    code, said, _ = command(f"output={tmp_path / 'more'}", f"board={root}")
    assert (code, said.count("refused: ")) == (1, 2)


@pytest.mark.parametrize("change", [lambda text: "", lambda text: text[text.index("\n") + 1 :]])
def test_a_merge_removes_no_ranking_without_its_record(
    change: Callable[[str], str], root: Path, tmp_path: Path
) -> None:
    edit_records(root, change)
    before = contents(root)
    assert "no record has this ranking" in merge_another(root, tmp_path)[0]
    assert {name: data for name, data in contents(root).items() if name in before} == before
    assert "no record" in differences(root)


def test_a_board_is_not_rendered_without_its_ranking(root: Path) -> None:
    path = ranking_of(root)
    path.unlink()
    before = contents(root)
    (first, second) = render(root)
    assert f"{path}: missing, the ranking of a record" in first
    assert "the pages over all boards stay" in second
    assert contents(root) == before


def test_the_digest_cannot_be_taken_from_a_record(root: Path) -> None:
    edit_records(root, lambda text: re.sub('"ranking": "[0-9a-f]{64}", ', "", text))
    assert differences(root).count("the record was changed after its ranking was filed") == 8


def test_a_record_that_tells_another_digest_is_refused(root: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "more", "another")
    edit_run(run, ranking="0" * 64)
    assert "the SHA-256 of its ranking is 000000000000 in the record" in merge(tmp_path / "more", root).refused[0]


def test_boards_of_before_the_digests_are_checked_and_merged_into(root: Path, built: Path, tmp_path: Path) -> None:
    board = only(root)
    old = [record.model_copy(update={"ranking": ""}) for record in board.records()]
    for record, bare in zip(board.records(), old, strict=True):
        board.ranking(record).rename(board.ranking(bare))
    write_records(board.records_file, old)
    for path in board.folder.rglob("*.json"):
        path.unlink()  # it names the files
    assert render(root) == []
    assert differences(root) == ""
    make_run(tmp_path / "more", "another")
    assert merge(tmp_path / "more", root).refused == []
    assert differences(root) == ""
    assert sum(bool(record.ranking) for record in board.records()) == 2
    merge(built / "runs", root)  # the same runs let the records tell the digests
    assert all(record.ranking for record in board.records())
    assert differences(root) == ""


# What was replaced


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda path: path.write_text(path.read_text().replace('"value": 0.', '"value": 0.9', 1)),
            "its SHA-256 is not",
        ),
        (lambda path: path.write_text(path.read_text().partition("\n")[2]), "its SHA-256 is not"),
        (lambda path: path.write_text(path.read_text() + path.read_text()), "its SHA-256 is not"),
        (Path.unlink, "missing, but superseded.jsonl.sha256 lists it"),
        (lambda path: path.with_name(f"{path.name}.sha256").unlink(), "take it back from version control"),
    ],
)
def test_a_changed_list_of_what_was_replaced_is_found(
    change: Callable[[Path], object], message: str, root: Path, tmp_path: Path
) -> None:
    make_run(tmp_path / "later", "phash", key="f" * 64, minute=5)
    merge(tmp_path / "later", root)
    assert differences(root) == ""
    change(only(root).superseded_file)
    assert message in differences(root)
    assert message in merge_another(root, tmp_path)[0]


def test_an_invented_replaced_record_stands_for_none(root: Path, tmp_path: Path) -> None:
    from cleanbench.leaderboard import journal

    board = only(root)
    invented = board.records()[0].model_copy(update={"method": "invented"})
    write_records(board.superseded_file, [invented])
    journal.seal(board.superseded_file)
    assert "line 1: no record stands in its place" in differences(root)


# What a glance does not show


def in_hidden_folder(folder: Path) -> None:
    (folder / ".git-not" / "deep").mkdir(parents=True)
    (folder / ".git-not" / "deep" / "page.html").write_text("x")


HIDDEN: dict[str, Callable[[Path], object]] = {
    "a hidden file": lambda folder: (folder / ".page.html").write_text("x"),
    "a hidden folder": in_hidden_folder,
    "a folder elsewhere": lambda folder: (folder / "linked").symlink_to("/etc"),
    "a file elsewhere": lambda folder: (folder / "linked.html").symlink_to("/nowhere"),
    "a lock that says something": lambda folder: (folder / ".lock").write_text("x"),
    **({} if sys.platform == "win32" else {"a pipe": lambda folder: os.mkfifo(folder / "page.html")}),
}


@pytest.mark.parametrize("where", ["", "demo", "board"])
@pytest.mark.parametrize("what", HIDDEN)
def test_whatever_lies_among_boards_is_seen(what: str, where: str, root: Path) -> None:
    folder = only(root).folder if where == "board" else root / where
    (folder / ".gitattributes").write_text("*.parquet binary\n")
    (root / "incoming" / "a").mkdir(parents=True)
    (root / "incoming" / "a" / "manifest.yaml").write_text("name: a\n")
    assert differences(root) == ""
    HIDDEN[what](folder)
    (difference,) = check(root).differences
    assert difference.startswith(f"{folder}/")


@pytest.mark.parametrize("name", ["off_topic.html", "records.jsonl", "truth/off_topic.parquet", "off_topic.md"])
def test_no_link_stands_for_a_file(name: str, root: Path, tmp_path: Path) -> None:
    path = only(root).folder / name
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert f"{path}: a link; boards are plain files" in differences(root)
    assert f"{path}: no plain file" in merge_another(root, tmp_path)[0]


@pytest.mark.parametrize("name", ["records.jsonl", "truth/off_topic.parquet", "off_topic.html", "not_run.jsonl"])
@pytest.mark.parametrize("put", [Path.mkdir, *([] if sys.platform == "win32" else [os.mkfifo])])
def test_what_is_no_file_is_told(name: str, put: Callable[[Path], object], root: Path, tmp_path: Path) -> None:
    path = only(root).folder / name
    path.unlink(missing_ok=True)
    put(path)
    assert f"{path}" in differences(root)
    if name != "off_topic.html" or put is not Path.mkdir:
        assert str(path) in merge_another(root, tmp_path)[0]


# Damaged records


DAMAGES: dict[str, tuple[Callable[[str], str], str]] = {
    "no metrics": (lambda text: re.sub(r'"metrics": \{.*?\}\}', '"metrics": {}', text, count=1), "metrics: AP, AUROC"),
    "an unknown metric": (lambda text: text.replace('"AUPRG": {', '"x_low": {', 1), "metrics: 'x_low' is none"),
    "a huge value": (
        lambda text: re.sub(r'"AP": \{"value": [0-9.]+', '"AP": {"value": 1e149', text, count=1),
        "metrics.AP: 1e",
    ),
    "a value beyond": (
        lambda text: re.sub(r'"AP": \{"value": [0-9.]+', '"AP": {"value": 1e308', text, count=1),
        "metrics.AP",
    ),
    "no truth": (lambda text: re.sub(r'"truth": \{[^}]*\}', '"truth": null', text, count=1), "has no truth"),
    "more faulty than there are": (lambda text: re.sub(r'"faulty": \d+', '"faulty": 5000', text, count=1), "5000 of"),
    "no items": (lambda text: re.sub(r'"items": \d+', '"items": -1', text, count=1), "items: Input should be greater"),
    "images": (lambda text: text.replace('"images": 60', '"images": -5', 1), "images: Input should be greater"),
    "a huge count": (lambda text: text.replace('"images": 60', '"images": 9' + "9" * 30, 1), "images: Input should be"),
    "coverage": (lambda text: text.replace('"coverage": 1.0', '"coverage": 1.5', 1), "coverage: Input should be"),
    "a seed": (lambda text: text.replace('"method": 0}', '"method": -1}', 1), "seeds.method: Input should be"),
    "a huge seed": (lambda text: text.replace('"dataset": 0', '"dataset": 9' + "9" * 30, 1), "seeds.dataset: Input"),
    "a cost": (lambda text: text.replace('"cpu_seconds": 1.25', '"cpu_seconds": 1e308', 1), "cost.cpu_seconds: Input"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_record_is_told_by_file_and_line(what: str, root: Path, tmp_path: Path) -> None:
    change, message = DAMAGES[what]
    edit_records(root, change)
    where = f"{only(root).records_file}, line "
    (told, *_) = [each for each in check(root).differences if where in each]
    assert message in told
    assert "nothing else of this board could be checked" in told
    for read in (lambda: read_leaderboard(root), lambda: index_of(Options("phash", board=root))):
        with pytest.raises(UserError, match=re.escape(message)):
            read()
    before = contents(root)
    assert message in merge_another(root, tmp_path)[0]
    assert {name: data for name, data in contents(root).items() if name in before} == before


# Messages


def test_differences_are_short_and_those_of_pages_come_last(root: Path) -> None:
    edit_records(root, lambda text: text.replace('"cpu_seconds": 1.25', '"cpu_seconds": 0.25', 1))
    (root / "index.html").write_text("x" * 5000)
    (root / "odd.html").write_text("")
    found = check(root).differences
    assert "the record was changed after its ranking was filed: off_topic of " in found[0]
    assert [each.endswith(": not compared, for what is said above") for each in found] == [False, False, True, True]
    assert "pages on off_topic of demo/" in found[2]
    assert found[3].startswith("5 pages over all boards")
    assert all(len(each) <= 300 + len(str(root)) for each in found)


def test_numbers_and_nouns_agree(root: Path) -> None:
    (root / "README.md").unlink()
    _, said, _ = command(f"board={root}", "--check")
    assert said.splitlines()[-1] == f"{root}: 1 board with 8 records: 1 difference"
    content = json.loads(only(root).records_file.read_text().splitlines()[0])
    assert re.fullmatch("[0-9a-f]{64}", content["ranking"])
