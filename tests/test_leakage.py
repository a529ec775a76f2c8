"""Counts of groups and of what the parts of a split share, against counting one by one."""

from collections import Counter
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanbench.core import UserError
from cleanbench.leakage import Leak, group_counts, leaks

IMAGES = st.lists(
    st.tuples(st.sampled_from(["", *"abcd"]), st.sampled_from(["", "test", "train", "valid"])), max_size=9
)


@given(IMAGES)
def test_leaks_are_what_counting_one_by_one_finds(images: list[tuple[str, str]]) -> None:
    groups, split = [group for group, _ in images], [part for _, part in images]
    parts = sorted(set(split) - {""})
    compared = [*combinations(parts, 2), *([tuple(parts)] if len(parts) > 2 else [])]
    expected = []
    for some in compared:
        members = {part: [group for group, where in images if group and where == part] for part in some}
        shared = set.intersection(*(set(found) for found in members.values()))
        rows = sum(1 for chosen in product(*members.values()) if len(set(chosen)) == 1)
        counted = tuple(sum(group in shared for group in members[part]) for part in some)
        expected.append(Leak(some, len(shared), counted, rows))
    assert leaks(groups, split) == expected


@given(IMAGES)
def test_groups_are_counted(images: list[tuple[str, str]]) -> None:
    groups = [group for group, _ in images]
    counts, members = group_counts(groups), Counter(group for group in groups if group)
    assert (counts.images, counts.unknown, counts.groups) == (members.total(), groups.count(""), len(members))
    assert counts.repeated == sum(size > 1 for size in members.values())
    assert counts.pairs == sum(a == b != "" for a, b in combinations(groups, 2))
    assert dict(counts.sizes) == dict(Counter(members.values()))
    assert list(counts.sizes) == sorted(counts.sizes)


def test_a_column_that_is_no_split_is_refused() -> None:
    with pytest.raises(UserError, match=r"21 parts .* is this another column"):
        leaks(["a"] * 21, [str(number) for number in range(21)])
    with pytest.raises(UserError, match="1 groups do not fit a split of 2 images"):
        leaks(["a"], ["x", "y"])
