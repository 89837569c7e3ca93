from __future__ import annotations

import itertools

from hal.adapters.slurm.rank import exchanged, site_factors, to_rank
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.integers(1, 60), max_size=30))
def test_priorities_are_exchanged_and_fall(priorities: list[int]) -> None:
    after = exchanged(priorities)
    assert all(above > below for above, below in itertools.pairwise(after))
    assert all(priority >= 1 for priority in after)
    assert exchanged(after) == after  # said twice, nothing changes
    if len(set(priorities)) == len(priorities):
        assert sorted(after) == sorted(priorities)


def test_only_what_changes_is_written() -> None:
    assert to_rank(["b", "a", "c"], {"a": 30, "b": 20, "c": 5}) == {"b": (20, 30), "a": (30, 20)}
    assert to_rank(["a", "b"], {"a": 2, "b": 1}) == {}
    assert to_rank([], {}) == {}


def test_site_factors_make_up_the_difference() -> None:
    changes = {"7": (35, 1035), "8": (1035, 35)}
    assert site_factors(changes, "7 -10\n8   500\n9 x\n") == {"7": 990, "8": -500}
