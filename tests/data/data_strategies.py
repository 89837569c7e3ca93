"""Hypothesis strategies for cache trees and content events. Few distinct figures, so that ties happen."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from hal.data import CacheTree
from tests.data.plain_content import PlainTree

DATASETS = 6


@st.composite
def trees(draw: st.DrawFn, max_size: int = 12) -> PlainTree:
    n = draw(st.integers(1, max_size))
    order = draw(st.permutations(range(n)))  # so that a parent's index may be above its child's
    parent = [-1] * n
    for i in range(1, n):
        parent[order[i]] = order[draw(st.integers(0, i - 1))]

    def figures(choices: list[int]) -> list[int]:
        return draw(st.lists(st.sampled_from(choices), min_size=n, max_size=n))

    return PlainTree(
        parent,
        figures([0, 40, 100, 2**50]),
        figures([1000, 1001, 3000, 10**9]),
        figures([0, 0, 5, 700]),
        figures([0, 0, 30, 999_983]),
    )


def built(plain: PlainTree) -> CacheTree:
    def column(values: list[int]) -> np.ndarray:
        return np.array(values, np.int64)

    return CacheTree.from_arrays(
        np.array(plain.parent, np.int32),
        column(plain.capacity),
        column(plain.bandwidth),
        latency=column(plain.latency),
        egress=column(plain.egress),
    )


def events(n_caches: int) -> st.SearchStrategy[list[tuple[int, int, int, int]]]:
    """Rows of change, dataset, cache, size; most of a dataset's rows agree on its size."""
    size = st.sampled_from([0, 7, 30])
    row = st.tuples(st.integers(0, 1), st.integers(0, DATASETS - 1), st.integers(0, n_caches - 1), size)
    return st.lists(
        row.map(lambda r: (r[0], r[1], r[2], r[3] if r[3] == 30 else 7 * (r[1] % 3))), max_size=20
    )
