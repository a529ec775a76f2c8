"""Truth tables: a naive reading in plain Python is the oracle; whatever is wrong is told, and never a crash."""

import json
import re
import resource
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanbench.core import GroundTruth, Issue, UserError
from cleanbench.datasets.tables import canonical
from cleanbench.datasets.truth_tables import CONFLICTS, expand, read_truth

IDS = ("a", "b", "c", "d", "e")
wild = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(
    folder: Path, content: str | bytes, issue: Issue = Issue.LABEL_ERROR, ids: tuple[str, ...] = IDS, **settings
) -> tuple[GroundTruth, list[str]]:
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_truth(path, issue, ids, **settings)


def judged(truth: GroundTruth, ids: tuple[str, ...] = IDS) -> dict[str, bool]:
    names = ["".join(ids[i] for i in np.atleast_1d(item)) for item in truth.items]
    return dict(zip(names, truth.labels.tolist(), strict=True))


def refusal(folder: Path, content: str | bytes, issue: Issue = Issue.LABEL_ERROR, **settings) -> str:
    with pytest.raises(UserError) as caught:
        read(folder, content, issue, **settings)
    return str(caught.value).removeprefix(str(folder / "table.csv"))


def oracle(groups: list[tuple[list[str], int]], conflict: str) -> tuple[dict[str, bool], int]:
    """Return what ``groups`` say about pairs, by the letter of the rules, and how many pairs contradict."""
    said: dict[str, list[int]] = {}
    for members, label in groups:
        for pair in combinations(sorted(members), 2):
            said.setdefault("".join(pair), []).append(label)
    both = {pair for pair, labels in said.items() if len(set(labels)) > 1}
    kept = said.keys() - both if conflict == "drop" else said.keys()
    return {pair: bool(said[pair][-1]) for pair in kept}, len(both)


def test_what_has_no_row_is_not_judged(tmp_path: Path) -> None:
    truth, warnings = read(tmp_path, "id,label\nd,0\nb,1\n")
    assert judged(truth) == {"b": True, "d": False}
    assert (truth.issue, truth.name, truth.kind) == (Issue.LABEL_ERROR, "default", "human")
    assert not warnings


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfid,label\nb,1\nd,0\n",
        b"id,label\r\nd,0\r\n\r\nb,1\r\n,\r\n",
        b'label, id ,note\n 1 , b ,"two\nlines, and a comma"\n0,d,\n',
        b'"id","label"\n"b","1.0"\n"d","0.0"\n',
        b"md5hash,label\nb,1\nd,0",
        b"id,label\nb,1\nd,0\nb,1\n",
    ],
    ids=["byte order mark", "Windows", "further columns", "quotes and floats", "md5hash", "repetition"],
)
def test_dialects_say_the_same(tmp_path: Path, content: bytes) -> None:
    truth, warnings = read(tmp_path, content, conflict="error")
    assert judged(truth) == {"b": True, "d": False}
    assert truth.revision == read(tmp_path, "id,label\nb,1\nd,0\n")[0].revision
    assert not warnings


def test_groups_expand_to_pairs(tmp_path: Path) -> None:
    table = 'id_list,label\n" c , a,b ",0\n"e,d",1\n'
    truth, _ = read(tmp_path, table, Issue.NEAR_DUPLICATE)
    assert judged(truth) == {"ab": False, "ac": False, "bc": False, "de": True}
    renamed = table.replace("id_list", "md5hash_list")
    assert read(tmp_path, renamed, Issue.NEAR_DUPLICATE)[0].revision == truth.revision


def test_contradictions(tmp_path: Path) -> None:
    table = "id,label\na,0\nb,1\na,1\nc,0\nc,0\na,0\n"
    dropped, told = read(tmp_path, table)
    assert judged(dropped) == {"b": True, "c": False}
    assert len(told) == 1
    assert "1 image judged both 0 and 1, the first 'a' (0 in line 2, 1 in line 4); not judged" in told[0]
    last, told = read(tmp_path, table, conflict="last")
    assert judged(last) == {"a": False, "b": True, "c": False}
    assert "the later row counts" in told[0]
    assert "1 image judged both 0 and 1" in refusal(tmp_path, table, conflict="error")
    pairs = 'id_list,label\n"a,b,c",0\n"c,b",1\n'
    assert "1 pair judged both 0 and 1, the first 'b' with 'c' (0 in line 2, 1 in line 3)" in refusal(
        tmp_path, pairs, Issue.NEAR_DUPLICATE, conflict="error"
    )


def test_all_may_contradict(tmp_path: Path) -> None:
    table = 'id_list,label\n"a,b",0\n"b,a",1\n'
    assert "no judgement is left" in refusal(tmp_path, table, Issue.NEAR_DUPLICATE)
    assert judged(read(tmp_path, table, Issue.NEAR_DUPLICATE, conflict="last")[0]) == {"ab": True}


members = st.lists(st.sampled_from(IDS), min_size=2, unique=True)


@wild
@given(groups=st.lists(st.tuples(members, st.integers(0, 1)), min_size=1, max_size=12))
@pytest.mark.parametrize("conflict", CONFLICTS)
def test_groups_equal_the_oracle(tmp_path: Path, groups: list[tuple[list[str], int]], conflict: str) -> None:
    table = "id_list,label\n" + "".join(f'"{", ".join(ids)}",{label}\n' for ids, label in groups)
    expected, contradictions = oracle(groups, conflict)
    if contradictions and (conflict == "error" or not expected):
        assert f"{contradictions} pair" in refusal(tmp_path, table, Issue.NEAR_DUPLICATE, conflict=conflict)
        return
    truth, warnings = read(tmp_path, table, Issue.NEAR_DUPLICATE, conflict=conflict)
    assert judged(truth) == expected
    assert len(warnings) == bool(contradictions)
    assert not contradictions or f"{contradictions} pair" in warnings[0]


@wild
@given(groups=st.lists(st.lists(st.integers(0, 50), max_size=7), max_size=10))
def test_expand(groups: list[list[int]]) -> None:
    pairs, origins = expand(
        np.array([one for group in groups for one in group], dtype=np.int64),
        np.array([len(group) for group in groups], dtype=np.int64),
    )
    found = sorted(zip(origins.tolist(), map(tuple, pairs.tolist()), strict=True))
    assert found == sorted((i, pair) for i, group in enumerate(groups) for pair in combinations(group, 2))


def test_the_reference_annotation_matrix(tmp_path: Path, goldens: Path) -> None:
    recorded = json.loads((goldens / "annotation_groups.json").read_text())
    with np.load(goldens / "annotation_matrix.npz") as arrays:
        orders = {key: arrays[f"{key}_order"].tolist() for key in ("default", "given")}
        matrices = {key: arrays[f"{key}_matrix"] for key in orders}
    rows = list(zip(recorded["groups"], recorded["labels"], strict=True))
    lines = [f'"{",".join(group)}",{label}\n' for group, label in rows]
    truth, warnings = read(
        tmp_path,
        "md5hash_list,label\n" + "".join(lines),
        Issue.NEAR_DUPLICATE,
        tuple("abcdefgh"),
        conflict="last",
    )
    assert "2 pairs" in warnings[0]
    for key, order in orders.items():
        matrix = np.full((8, 8), np.nan)
        for (i, j), label in zip(truth.items.tolist(), truth.labels.tolist(), strict=True):
            first, second = order.index("abcdefgh"[i]), order.index("abcdefgh"[j])
            matrix[first, second] = matrix[second, first] = label
        np.testing.assert_array_equal(matrix, matrices[key])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", " is empty; give it a header and rows, or remove it"),
        (b"\xef\xbb\xbf\r\n", " is empty; give it a header and rows, or remove it"),
        ("id,label\n", " has a header but no rows; add judgements, or remove it"),
        ("id;label\na;1\n", " has no column id or md5hash; its columns are 'id;label' (names are in lower"),
        ("id,Label\na,1\n", " has no column label; its columns are 'id', 'Label' (names are in lower case"),
        ("id,label,label\na,1,0\n", " has more than one column called 'label'; rename one of them"),
        ("id,label\na,1\nb,2\n", ", line 3: the label is '2', expected 0 or 1; leave out what is not judged"),
        ("id,label\na,\n", ", line 2: the label is '', expected 0 or 1; leave out what is not judged"),
        ("id,label\na,0_1\n", ", line 2: the label is '0_1', expected 0 or 1"),
        ("id,label\na,nan\n", ", line 2: the label is 'nan', expected 0 or 1"),
        ("id,label\nz,1\na,1\ny,0\nz,0\n", ", line 2: 2 unknown values of id: 'z', 'y'; expected is one of 5"),
        ("id,label\n,1\n", ", line 2: 1 unknown value of id: ''"),
        ("id,label\na\n", ", line 2: 1 field found, 2 expected as in the header"),
        ('id,label\nb,0\n"a,1\n', ", line 3: no proper CSV (unexpected end of data); check the quotes"),
        (b"id,label\na,1\n\xe9,1\n", ", line 3: not UTF-8 text; save it as UTF-8"),
        ("id,label\na,1\n".encode("utf-16"), ", line 1: not UTF-8 text; save it as UTF-8"),
        ("id,label\na\0,1\n", ", line 2: holds a NUL character; save it as plain UTF-8 text"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, content: str | bytes, told: str) -> None:
    assert refusal(tmp_path, content).startswith(told)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("id_list,label\na,b,1\n", ", line 2: 3 fields found, 2 expected as in the header; a field that conta"),
        ('id_list,label\na,1\n"c,c",1\n', ": no group lists two different images, so it judges no pair"),
        ('id_list,label\n"a,,b",1\n', ", line 2: 1 unknown value of id: ''"),
        ('id,label\n"a,b",1\n', " has no column id_list or md5hash_list; its columns are 'id', 'label'"),
    ],
)
def test_mistakes_in_groups_are_told(tmp_path: Path, content: str, told: str) -> None:
    assert refusal(tmp_path, content, Issue.NEAR_DUPLICATE).startswith(told)


def test_a_group_of_one_image_judges_nothing(tmp_path: Path) -> None:
    truth, warnings = read(tmp_path, 'id_list,label\nc,1\n"a,b,a",1\n"c,c",0\n', Issue.NEAR_DUPLICATE)
    assert judged(truth, IDS) == {"ab": True}
    assert not warnings


def test_commas_in_ids_are_told(tmp_path: Path) -> None:
    told = refusal(tmp_path, 'id_list,label\n"b,c,a",1\n', Issue.NEAR_DUPLICATE, ids=("a", "b,c"))
    assert "ids that contain a comma cannot stand in a list: rename 'b,c'" in told
    assert judged(read(tmp_path, 'id,label\n"b,c",1\n', ids=("a", "b,c"))[0], ("a", "b,c")) == {"b,c": True}


def test_a_missing_or_odd_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a file"):
        read_truth(tmp_path, Issue.LABEL_ERROR, IDS)
    with pytest.raises(UserError, match="is not a file"):
        read_truth(tmp_path / "none.csv", Issue.LABEL_ERROR, IDS)


def test_an_unknown_conflict_rule_lists_the_known_ones(tmp_path: Path) -> None:
    assert "drop, last, error" in refusal(tmp_path, "id,label\na,1\n", conflict="first")


def test_keys_join_by_another_column(tmp_path: Path) -> None:
    keys = {"id": {"a": 0, "b": 1}, "md5hash": {"f00": 1, "ba5": -1}}
    path = tmp_path / "table.csv"
    path.write_text("md5hash,label\nf00,1\n")
    truth, _ = read_truth(path, Issue.OFF_TOPIC, ("a", "b"), keys=keys)
    assert judged(truth, ("a", "b")) == {"b": True}
    path.write_text("md5hash,id,label\nf00,a,1\n")
    truth, _ = read_truth(path, Issue.OFF_TOPIC, ("a", "b"), keys=keys)
    assert judged(truth, ("a", "b")) == {"a": True}, "id goes first"
    path.write_text("md5hash,label\nba5,1\n")
    with pytest.raises(UserError, match=r"several images share 1 value of md5hash.*'ba5'; name the images by id"):
        read_truth(path, Issue.OFF_TOPIC, ("a", "b"), keys=keys)


def test_accents_match_however_they_are_composed(tmp_path: Path) -> None:
    ids = tuple(sorted(map(canonical, ("cafe\u0301", "naïve <script>"))))
    truth, _ = read(tmp_path, "id,label\ncafé,1\nnai\u0308ve <script>,0\n", ids=ids)
    assert judged(truth, ids) == {"café": True, "naïve <script>": False}


cells = st.sampled_from(["a", "b", "c", "a,b", "a, c", "z", "0", "1", "2", "", " ", '"', "\0", "\n", "é", "id"])
tables = st.lists(st.lists(cells, max_size=4), max_size=6).map(
    lambda rows: "\n".join(",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows)
)
headers = st.sampled_from(["id,label\n", "id_list,label\n", "\ufeffmd5hash_list,label\r\n", "label,id,x\n", ""])


@wild
@given(
    content=st.one_of(st.binary(), st.tuples(headers, tables).map(lambda parts: "".join(parts).encode())),
    issue=st.sampled_from(Issue),
    conflict=st.sampled_from(CONFLICTS),
)
def test_any_bytes_give_a_truth_or_a_clear_refusal(tmp_path: Path, content: bytes, issue: Issue, conflict: str) -> None:
    try:
        truth, _ = read(tmp_path, content, issue, conflict=conflict)
    except UserError:
        told = refusal(tmp_path, content, issue, conflict=conflict)
        assert ";" in told, "the cure is missing"
        return
    assert re.fullmatch("[0-9a-f]{64}", truth.revision)
    assert truth.items.shape == ((len(truth), 2) if issue.ranks_pairs else (len(truth),))


def test_a_group_beyond_all_measure_is_told(tmp_path: Path) -> None:
    ids = tuple(f"{number:032d}" for number in range(7000))
    table = f'id_list,label\n"{",".join(ids)}",1\n'
    told = refusal(tmp_path, table, Issue.NEAR_DUPLICATE, ids=ids)
    assert "its groups hold 24,496,500 pairs, at most 20,000,000 are read" in told


def test_it_scales(tmp_path: Path) -> None:
    """A hundred thousand rows of the real width, in groups of two to five, among 16,577 images."""
    rng = np.random.default_rng(0)
    ids = tuple(f"{number:032x}" for number in range(16_577))
    lines = [
        f'"{", ".join(ids[i] for i in rng.choice(len(ids), size=size, replace=False))}",{label}\n'
        for size, label in zip(rng.integers(2, 4, 2000), rng.integers(0, 2, 2000), strict=True)
    ]
    draws = rng.integers(len(ids), size=(100_000, 2))
    lines += [f'"{ids[i]},{ids[j]}",0\n' for i, j in draws.tolist() if i != j]
    path = tmp_path / "near_duplicates.csv"
    path.write_text("md5hash_list,label\n" + "".join(lines))
    memory, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    truth, _ = read_truth(path, Issue.NEAR_DUPLICATE, ids)
    assert len(truth) > 100_000
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 500 * 1024
