"""Pickles are read as data: what a stranger's file could run is refused, what is published is not."""

import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanbench.core import UserError
from cleanbench.datasets.pickles import parse_pickle, read_dictionary, read_pickle

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_data_comes_back(data: Any, protocol: int) -> None:
    assert parse_pickle(pickle.dumps(data, protocol), "it", encoding="latin1") == data


@pytest.mark.parametrize("protocol", range(5))  # the fifth hands arrays out of band, which a file has not
def test_arrays_and_their_numbers_come_back(protocol: int) -> None:
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    back = parse_pickle(pickle.dumps({"a": array, "n": np.int64(7)}, protocol), "it")
    np.testing.assert_array_equal(back["a"], array)
    assert back["n"] == 7


def test_files_of_old_numpy_and_python_2_are_read() -> None:
    # What Python 2 wrote of {"labels": [3], "data": numpy.array([1, 2], numpy.uint8)}.
    old = (
        b"(dp0\nS'labels'\np1\n(lp2\nI3\nasS'data'\np3\ncnumpy.core.multiarray\n_reconstruct\np4\n(cnumpy\nndarray\np5\n"
        b"(I0\ntp6\nS'b'\np7\ntp8\nRp9\n(I1\n(I2\ntp10\ncnumpy\ndtype\np11\n(S'u1'\np12\nI0\nI1\ntp13\nRp14\n"
        b"(I3\nS'|'\np15\nNNNI-1\nI-1\nI0\ntp16\nbI00\nS'\\x01\\x02'\np17\ntp18\nbs."
    )
    back = parse_pickle(old, "it", encoding="bytes")
    assert back[b"labels"] == [3]
    assert back[b"data"].tolist() == [1, 2]


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


def test_what_would_run_is_refused(tmp_path: Path) -> None:
    for hidden in (Evil(tmp_path / "ran"), [Evil(tmp_path / "ran")], np.array([Evil(tmp_path / "ran")], dtype=object)):
        (tmp_path / "it.pickle").write_bytes(pickle.dumps(hidden))
        with pytest.raises(UserError, match=r"it\.pickle is not read: it asks for _?io\.open"):
            read_pickle(tmp_path / "it.pickle")
        np.save(tmp_path / "it.npy", np.array({"a": hidden}, dtype=object), allow_pickle=True)
        with pytest.raises(UserError, match=r"it asks for _?io\.open"):
            read_dictionary(tmp_path / "it.npy")
    assert not (tmp_path / "ran").exists()


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for given_bytes in (data, pickle.dumps({"a": np.arange(3)}, 2)[: len(data) * 3] + data):
        with suppress(UserError):  # nothing else is raised
            parse_pickle(given_bytes, "it")


def test_a_dictionary_of_arrays_comes_back(tmp_path: Path) -> None:
    np.save(tmp_path / "it.npy", np.array({"a": np.arange(3)}, dtype=object), allow_pickle=True)
    assert read_dictionary(tmp_path / "it.npy")["a"].tolist() == [0, 1, 2]
    np.save(tmp_path / "it.npy", np.arange(3))
    with pytest.raises(UserError, match=r"array of shape \(3,\) and type int64, not a dictionary"):
        read_dictionary(tmp_path / "it.npy")
    (tmp_path / "it.npy").write_bytes(b"nothing")
    with pytest.raises(UserError, match="no array file of NumPy"):
        read_dictionary(tmp_path / "it.npy")
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_dictionary(tmp_path / "nowhere.npy")
