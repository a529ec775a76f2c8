"""``python -m cleanbench.score``: a ranking made elsewhere gets the numbers of a run, a broken one all its defects."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cleanbench import ImageSet, Issue, UserError
from cleanbench.datasets.folder import folder
from cleanbench.records import read_run
from cleanbench.score.__main__ import Options, score
from cleanbench.score.questions import Options as Questions
from cleanbench.score.questions import listed, questions

IDS = [f"cat{number:02d}" for number in range(24)]
JUDGED = IDS[:20]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of images with judgements of single images and of pairs."""
    root = tmp_path_factory.mktemp("place") / "cats"
    root.mkdir()
    rng = np.random.default_rng(0)
    for name in IDS:
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(root / f"{name}.png")
    judged = pd.DataFrame({"id": JUDGED, "label": [int(number % 4 == 0) for number in range(20)]})
    judged.to_csv(root / "off_topic_samples.csv", index=False)
    pairs = pd.DataFrame(
        {"id_list": [f"{a},{b}" for a, b in zip(IDS[:12], IDS[12:], strict=True)], "label": [1, 0] * 6}
    )
    pairs.to_csv(root / "near_duplicates.csv", index=False)
    return root


@pytest.fixture(scope="module")
def cats(place: Path) -> ImageSet:
    return folder(str(place))


@pytest.fixture
def run_score(place: Path, tmp_path: Path) -> Callable[..., int]:
    """Return the command, on the folder, writing below ``tmp_path``."""

    def run(ranking: Path, **options: object) -> int:
        given = {"dataset": ["dataset=folder", f"dataset.root={place}"]}
        said = {"name": "mine", "issue": Issue.OFF_TOPIC, "output": tmp_path / "runs", **options}
        return score(Options(ranking=ranking, **said), given)  # type: ignore[arg-type]

    return run


def images(scores: object = None) -> pd.DataFrame:
    return pd.DataFrame({"id": IDS, "score": np.arange(24.0)[::-1] if scores is None else scores})


def pairs() -> pd.DataFrame:
    return pd.DataFrame({"id_a": IDS[:12], "id_b": IDS[12:], "score": np.arange(12.0)[::-1]})


def changed(table: pd.DataFrame, row: int, column: str, value: object) -> pd.DataFrame:
    table = table.astype(object)
    table.loc[row, column] = value
    return table


def csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def parquet(columns: list[pa.Array], names: list[str]) -> bytes:
    stream = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(columns, names=names), stream)
    return bytes(stream.getvalue())


def no_text() -> bytes:
    wrong = pa.array([b"\xff\xfe", b"a"], type=pa.binary())
    return parquet(
        [pa.Array.from_buffers(pa.string(), 2, wrong.buffers()), pa.array([1.0, 2.0])],
        ["id", "score"],
    )


def repeated() -> bytes:
    return parquet([pa.array(["a"]), pa.array(["a"]), pa.array([1.0])], ["id", "id", "score"])


OFF, PAIRS = {"issue": Issue.OFF_TOPIC}, {"issue": Issue.NEAR_DUPLICATE}
# name of the file, content, options, manifest, what the message must say
BROKEN: dict[str, tuple[str, bytes, dict[str, object], str, str]] = {
    "absent": ("r.csv", b"", {"ranking": "elsewhere.csv"}, "", "elsewhere.csv does not exist; give the file"),
    "folder": ("r.csv", csv(images()), {"ranking": "."}, "", "is a folder; name the file in it"),
    "ending": ("r.txt", csv(images()), OFF, "", "neither .csv nor .parquet"),
    "empty": ("r.csv", b"", OFF, "", "is empty; it should hold ids and scores"),
    "encoding": ("r.csv", "id,score\ncät,1\n".encode("latin-1"), OFF, "", "no UTF-8 text; save it as UTF-8"),
    "quotes": ("r.csv", b'id,score\n"cat00,1\n', OFF, "", "no proper CSV"),
    "parquet": ("r.parquet", b"PAR1 but no more", OFF, "", "no readable Parquet file"),
    "header": ("r.csv", b"cat00,1\ncat01,0\n", OFF, "", "has no header: its first line is 'cat00,1'"),
    "columns": ("r.csv", b"id,score,score\ncat00,1,1\n", OFF, "", "more than one column called 'score'"),
    "no rows": ("r.csv", b"id,score\n", OFF, "", "has no rows; it should have one for each ranked image"),
    "ragged": (
        "r.csv",
        csv(images()) + b"cat00\n",
        OFF,
        "",
        "1 row with more or fewer fields than the header (line 26)",
    ),
    "images for pairs": ("r.csv", csv(images()), PAIRS, "", "has no column id_a and no column id_b"),
    "pairs for images": ("r.csv", csv(pairs()), OFF, "", "has no column id; off_topic ranks images"),
    "unknown ids": (
        "r.csv",
        csv(changed(images(), 3, "id", "dog")),
        OFF,
        "",
        "1 id unknown to 'cats' ('dog')",
    ),
    "endings": (
        "r.csv",
        csv(images().assign(id=[f"{i}.png" for i in IDS])),
        OFF,
        "",
        "leave the endings of file names",
    ),
    "paths": ("r.csv", csv(images().assign(id=[f"a/{i}" for i in IDS])), OFF, "", "leave the folders away"),
    "capitals": ("r.csv", csv(images().assign(id=[i.upper() for i in IDS])), OFF, "", "write them in lower case"),
    "no id": ("r.csv", csv(changed(images(), 2, "id", "")), OFF, "", "1 row without an id (line 4)"),
    "twice": (
        "r.csv",
        csv(changed(images(), 2, "id", "cat00")),
        OFF,
        "",
        "1 row with an image of an earlier row (line 4)",
    ),
    "pair twice": (
        *("r.csv", csv(changed(changed(pairs(), 1, "id_a", "cat12"), 1, "id_b", "cat00")), PAIRS, ""),
        "1 row with a pair of an earlier row, also with its ids exchanged (line 3)",
    ),
    "itself": (
        "r.csv",
        csv(changed(pairs(), 1, "id_b", "cat01")),
        PAIRS,
        "",
        "1 pair of an image with itself (line 3)",
    ),
    "NaN": ("r.csv", csv(changed(images(), 5, "score", "nan")), OFF, "", "1 score NaN or missing (line 7)"),
    "no score": ("r.csv", csv(changed(images(), 5, "score", "")), OFF, "", "1 score NaN or missing (line 7)"),
    "infinite": ("r.csv", csv(changed(images(), 5, "score", "inf")), OFF, "", "1 score of +inf (line 7)"),
    "words": ("r.csv", csv(changed(images(), 5, "score", "high")), OFF, "", "1 score not a number (line 7)"),
    "comma": ("r.csv", b'id,score\ncat00,"0,5"\n', OFF, "", "write numbers with a decimal point"),
    "all lost": ("r.csv", csv(images("-inf")), OFF, "", "no score is finite, so nothing is ranked"),
    "flags": ("r.csv", csv(images().assign(flag="maybe")), OFF, "", "24 flags neither 0 nor 1"),
    "upwards": ("r.csv", csv(images(np.arange(24.0))), OFF, "", "sorted from the lowest score to the highest"),
    "direction": (
        "r.csv",
        csv(images()),
        {"direction": "lower"},
        "direction: higher",
        "direction=lower on the command",
    ),
    "order": (
        "r.csv",
        csv(images()[["id"]]),
        {"direction": "lower"},
        "",
        "direction=lower makes no sense without scores",
    ),
    "nothing judged": ("r.csv", csv(images()[20:]), OFF, "", "none of the 20 judged images has a score"),
    "no truth": ("r.csv", csv(images()), {"issue": Issue.LABEL_ERROR}, "", "'cats' has no label_error truth"),
    "no issue": ("r.csv", csv(images()), {"issue": None}, "", "the submission names no issue"),
    "no name": ("r.csv", csv(images()), {"name": None}, "", "the submission has no name"),
    "name": ("r.csv", csv(images()), {"name": "../mine"}, "", "name='../mine' cannot stand in tables and file names"),
    "taken": ("r.csv", csv(images()), {"name": "phash"}, "", "name='phash' is a method that cleanbench runs itself"),
    "manifest": ("r.csv", csv(images()), {"manifest": "none.yaml"}, "", "none.yaml does not exist; give the manifest"),
    "YAML": ("r.csv", csv(images()), OFF, "a: [", "cannot be read as YAML or JSON"),
    "list": ("r.csv", csv(images()), OFF, "- a", "must hold keys and values such as 'name: mine', not a list"),
    "key": ("r.csv", csv(images()), OFF, "encodre: hog", "has an unknown key 'encodre'. Did you mean 'encoder'?"),
    "type": ("r.csv", csv(images()), OFF, "seed: first", "seed: 'first' cannot be used"),
    "no date": ("r.csv", csv(images()), OFF, "seed: 2020-13-45", "month must be in 1..12"),
    "deep": ("r.csv", csv(images()), OFF, f"name: {'[' * 5000}{']' * 5000}", "nested more than 8 times"),
    "digits": ("r.csv", csv(images()), OFF, f"seed: {'9' * 5000}", "cannot be read as YAML or JSON (Exceeds the limit"),
    "hexadecimal": ("r.csv", csv(images()), OFF, f"seed: 0x{'f' * 5000}", "a number of more than 64 bits"),
    "tag": ("r.csv", csv(images()), OFF, 'name: !!int "abc"', "it has anchors, aliases or tags"),
    "bomb": ("r.csv", csv(images()), OFF, "a: &a [x, x]\nb: &b [*a, *a]\nwho: *b", "it has anchors, aliases or tags"),
    "large": ("r.csv", csv(images()), OFF, f"who: {'x' * 70_000}", "larger than 64 KiB"),
    "surrogate": ("r.csv", csv(images()), OFF, 'who: "\\ud800"', "'who' holds half a character"),
    "surrogate key": ("r.csv", csv(images()), OFF, 'settings: {"\\ud800": 1}', "a key holds half a character"),
    "long value": ("r.csv", csv(images()), OFF, f"seed: {'x' * 500}", f"seed: '{'x' * 78}… cannot be used"),
    "long name": ("r.csv", csv(images()), {"ranking": "x" * 5000}, "", "cannot be looked at (File name too long)"),
    "Parquet texts": ("r.parquet", no_text(), OFF, "", "holds texts that are not UTF-8"),
    "Parquet twice": ("r.parquet", repeated(), OFF, "", "more than one column called 'id'"),
    "data set": ("r.csv", csv(images()), OFF, "dataset: dogs", "is of the data set 'dogs', this one is 'cats'"),
    "fingerprint": ("r.csv", csv(images()), OFF, "fingerprint: '00000000'", "is of data with fingerprint 00000000"),
    "revision": ("r.csv", csv(images()), OFF, "truth_revision: '00000000'", "was made for truth revision 00000000"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_submission_is_told_why(kind: str, run_score: Callable[..., int], tmp_path: Path) -> None:
    name, content, options, manifest, message = BROKEN[kind]
    path = tmp_path / name
    path.write_bytes(content)
    if manifest:
        (tmp_path / "manifest.yaml").write_text(manifest)
    given = dict(options)
    ranking = tmp_path / str(given.pop("ranking", name))
    if "manifest" in given:
        given["manifest"] = tmp_path / str(given["manifest"])
    with pytest.raises(UserError) as told:
        run_score(ranking, **given)
    assert message in str(told.value)
    assert not (tmp_path / "runs").exists()


def test_broken_submissions_differ_in_what_they_are_told() -> None:
    assert len({message for *_, message in BROKEN.values()}) >= 40


def test_every_defect_is_told_at_once(run_score: Callable[..., int], tmp_path: Path) -> None:
    table = changed(changed(images(), 0, "id", "dog"), 5, "score", "nan")
    table = changed(table, 2, "id", "cat01")
    (tmp_path / "r.csv").write_bytes(csv(table))
    (tmp_path / "manifest.yaml").write_text("fingerprint: '00000000'\nwhoo: me\n")
    with pytest.raises(UserError, match="has 6 defects") as told:
        run_score(tmp_path / "r.csv", name="knn")
    lines = str(told.value).splitlines()[1:]
    assert len(lines) == 6
    for part in ("whoo", "name='knn'", "NaN", "earlier row", "with fingerprint", "'dog'"):
        assert sum(part in line for line in lines) == 1


def test_a_ranking_of_a_run_scored_again_has_the_same_numbers(place: Path, tmp_path: Path) -> None:
    def ran(*words: str) -> None:
        command = [
            sys.executable,
            "-m",
            *words,
            "dataset=folder",
            f"dataset.root={place}",
            f"output={tmp_path / 'runs'}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    ran("cleanbench", "method=phash")
    ran("cleanbench", "method=luminance")
    for method, issue in (("phash", "near_duplicate"), ("luminance", "off_topic")):
        (own,) = (tmp_path / "runs" / "cats").glob(f"{method}-*")
        exported = tmp_path / f"{issue}.csv"
        pd.read_parquet(own / "rankings" / f"{issue}.parquet").sample(frac=1, random_state=0).to_csv(
            exported, index=False
        )
        ran("cleanbench.score", f"ranking={exported}", f"issue={issue}", f"name=again-{issue}")
        (again,) = (tmp_path / "runs" / "cats").glob(f"again-{issue}-*")
        first, second = (read_run(folder / "record.json").records[0] for folder in (own, again))
        assert first.metrics == second.metrics
        alike = ("truth", "fingerprint", "items", "faulty", "coverage", "images", "unreadable", "seeds", "terms")
        for name in alike:
            assert getattr(first, name) == getattr(second, name)
        kept = (again / "rankings" / f"{issue}.parquet").read_bytes()
        assert kept == (own / "rankings" / f"{issue}.parquet").read_bytes()


def test_ids_in_order_need_no_scores(run_score: Callable[..., int], tmp_path: Path) -> None:
    worst = sorted(IDS, key=lambda name: (int(name[3:]) % 4 != 0, name))
    (tmp_path / "order.csv").write_text("md5hash\n" + "\n".join(worst) + "\n")
    assert run_score(tmp_path / "order.csv") == 0
    (path,) = (tmp_path / "runs" / "cats").glob("mine-*/record.json")
    (record,) = read_run(path).records
    assert record.metrics["AUROC"].value == 1
    assert record.cost is None


def test_low_scores_may_be_the_suspicious_ones(run_score: Callable[..., int], tmp_path: Path) -> None:
    quality = images(np.where(np.arange(24) % 4 == 0, 0.1, 0.9))
    quality.to_parquet(tmp_path / "quality.parquet")
    (tmp_path / "manifest.json").write_text(json.dumps({"direction": "lower", "encoder": "mine", "who": "me"}))
    assert run_score(tmp_path / "quality.parquet") == 0
    (path,) = (tmp_path / "runs" / "cats").glob("mine-mine-*/record.json")
    (record,) = read_run(path).records
    assert record.metrics["AUROC"].value == 1
    assert record.provenance is not None
    assert (record.encoder, record.who) == ("mine", "me")


def test_what_is_not_ranked_ranks_last_and_is_told(
    run_score: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.csv").write_bytes(csv(images()[:15].assign(comment="x")))
    assert run_score(tmp_path / "r.csv") == 0
    told = capsys.readouterr().err
    assert "5 of 20 judged images have no score and rank last: 'cat15', 'cat16', 'cat17' and 2 more" in told
    assert "columns that mean nothing here are passed over: comment" in told
    (path,) = (tmp_path / "runs" / "cats").glob("mine-*/record.json")
    assert read_run(path).records[0].coverage == 0.75


def test_the_questions_hide_the_judged_pairs(cats: ImageSet) -> None:
    asked = listed(cats)
    truth = cats.truth(Issue.NEAR_DUPLICATE)
    assert truth is not None
    judged = {(cats.ids[a], cats.ids[b]) for a, b in truth.items.tolist()}
    assert judged < set(asked)
    assert len(asked) == len(set(asked)) == 2 * len(judged)
    assert asked != sorted(asked)
    assert {pair in judged for pair in asked[: len(judged)]} == {True, False}


def test_pairs_that_cannot_be_written_leave_nothing(place: Path, tmp_path: Path) -> None:
    given = {"dataset": ["dataset=folder", f"dataset.root={place}"]}
    (tmp_path / "file").touch()
    for file in (tmp_path, tmp_path / "file" / "q.csv"):
        with pytest.raises(UserError, match=f"{file} cannot be written"):
            questions(Questions(file), given)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert not list(tmp_path.parent.glob(f".{tmp_path.name}.*"))
