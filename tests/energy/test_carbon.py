"""Carbon intensity against sums over small steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.energy import CarbonIntensity
from hal.errors import InvalidModel


@st.composite
def grids(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    times = sorted(draw(st.sets(st.integers(-20, 40), min_size=1, max_size=6)))
    return times, [draw(st.integers(0, 500)) for _ in times]


def value(times: list[int], grams: list[int], t: float) -> int:
    before = [g for at, g in zip(times, grams, strict=True) if at <= t]
    return before[-1] if before else grams[0]


@given(grids(), st.integers(-30, 50), st.integers(0, 30))
def test_emissions_are_the_sum_over_seconds(
    grid: tuple[list[int], list[int]], start: int, seconds: int
) -> None:
    by_second = sum(value(*grid, t) for t in range(start, start + seconds))
    assert CarbonIntensity(*grid).emissions(3.6e6, start, start + seconds) == pytest.approx(by_second)


@given(grids(), st.integers(-30, 50), st.integers(0, 20), st.integers(0, 30))
def test_the_best_start_is_the_best_second(
    grid: tuple[list[int], list[int]], earliest: int, span: int, seconds: int
) -> None:
    series = CarbonIntensity(*grid)
    start = series.best_start(seconds, earliest, earliest + span)
    emitted = [series.emissions(3.6e6, s, s + seconds) for s in range(earliest, earliest + span + 1)]
    assert earliest <= start <= earliest + span
    assert series.emissions(3.6e6, start, start + seconds) == pytest.approx(min(emitted), abs=1e-6)


def test_values_hold_until_the_next() -> None:
    grid = CarbonIntensity([0, 10], [400, 100])
    assert grid.at([-5, 0, 9.9, 10, 99]).tolist() == [400, 400, 400, 100, 100]
    assert grid.emissions(np.array([3.6e6, 7.2e6]), 9, 11) == pytest.approx(1500)
    assert grid.best_start(5, 0, 100) == 10.0


@pytest.mark.parametrize(
    ("times", "grams", "words"),
    [
        ([], [], "one value a time"),
        ([0], [1, 2], "one value a time"),
        ([0, 0], [1, 2], "must be finite and rise; see row 1"),
        ([0, 1], [1, -2], r"grams\[1\] = -2.0"),
        ([0, 1], [1, float("nan")], r"grams\[1\] = nan"),
        ([0, float("inf")], [1, 2], "finite"),
        (["x"], [1], "columns of numbers"),
    ],
)
def test_refusals(times: list[float], grams: list[float], words: str) -> None:
    with pytest.raises(InvalidModel, match=words):
        CarbonIntensity(times, grams)


def test_windows_that_are_none() -> None:
    grid = CarbonIntensity([0], [1])
    with pytest.raises(InvalidModel, match="no such window"):
        grid.best_start(-1, 0, 1)
    with pytest.raises(InvalidModel, match="no such window"):
        grid.best_start(1, 2, 1)
    with pytest.raises(InvalidModel, match="before start"):
        grid.emissions(1, 2, 1)
