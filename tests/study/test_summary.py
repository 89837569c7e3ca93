"""Means and intervals against the standard library and published quantiles."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.study import estimate


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60))
def test_mean_and_interval(values):
    got = estimate(values)
    assert got.mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    error = statistics.stdev(values) / math.sqrt(len(values))
    assert 1.95 * error <= got.half + 1e-6 <= 12.8 * error + 2e-6


def test_ten_seeds():
    got = estimate([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert got.half == pytest.approx(2.262 * statistics.stdev(range(1, 11)) / math.sqrt(10))
    assert str(got) == "5.500 ± 2.166"


def test_few_values():
    assert math.isnan(estimate([math.nan]).mean)
    assert estimate([3.0, math.nan]).mean == 3.0
    assert math.isnan(estimate([3.0]).half)
    assert str(estimate([])) == "–"
