"""The availability profile against a plain list of amounts, one a second."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal._core import AvailabilityProfile
from hal.errors import InvalidModel

HORIZON = 60


class SecondBySecond:
    """The twin: free amounts of each second up to a horizon, and the amount of all the time after it."""

    def __init__(self, capacity: int) -> None:
        self.free = [capacity] * (HORIZON + 1)

    def add(self, begin: int, end: int, change: int) -> None:
        for second in range(max(0, begin), min(end, HORIZON)):
            self.free[second] += change

    def at(self, second: int) -> int:
        return self.free[min(second, HORIZON)]

    def earliest(self, start: int, duration: int, amount: int) -> int | None:
        for begin in range(start, HORIZON + start + 1):
            if all(self.at(s) >= amount for s in range(begin, begin + max(1, duration))):
                return begin
        return None

    def steps(self) -> list[tuple[int, int]]:
        return [(s, f) for s, f in enumerate(self.free) if s == 0 or f != self.free[s - 1]]


windows = st.tuples(st.integers(-3, HORIZON - 1), st.integers(1, HORIZON)).map(
    lambda w: (w[0], min(w[0] + w[1], HORIZON))
)
changes = st.lists(st.tuples(windows, st.integers(-4, 4)), max_size=40)
queries = st.lists(st.tuples(st.integers(0, 70), st.integers(0, 40), st.integers(0, 12)), max_size=12)


@settings(max_examples=200)
@given(changes, queries, windows)
def test_agrees_with_twin(changes, queries, window):
    profile, twin = AvailabilityProfile(8), SecondBySecond(8)
    for (begin, end), change in changes:
        profile.add(begin, end, change)
        twin.add(begin, end, change)
    assert profile.to_list() == twin.steps()
    assert len(profile) == len(twin.steps())
    for start, duration, amount in queries:
        assert profile.earliest(start, duration, amount) == twin.earliest(start, duration, amount)
        assert profile.free_at(start) == twin.at(start)
    begin, end = max(0, window[0]), window[1]
    if begin < end:
        assert profile.min_free(begin, end) == min(twin.free[begin:end])


def crowded(steps: int, seed: int = 1) -> tuple[AvailabilityProfile, np.ndarray, np.ndarray]:
    """Return a profile of about ``steps`` steps, and the same as arrays."""
    random = np.random.default_rng(seed)
    begin = random.integers(0, 40 * steps, steps // 2)
    end = begin + random.integers(1, 4000, steps // 2)
    amount = random.integers(1, 9, steps // 2)
    profile = AvailabilityProfile(400)
    for b, e, a in zip(begin.tolist(), end.tolist(), amount.tolist(), strict=True):
        profile.add(b, e, -a)
    times = np.unique(np.concatenate([[0], begin, end]))
    change = np.zeros(len(times), dtype=np.int64)
    np.add.at(change, np.searchsorted(times, begin), -amount)
    np.add.at(change, np.searchsorted(times, end), amount)
    free = 400 + np.cumsum(change)
    keep = np.concatenate([[True], np.diff(free) != 0])
    return profile, times[keep], free[keep]


def earliest_by_arrays(
    times: np.ndarray, free: np.ndarray, start: int, duration: int, amount: int
) -> int | None:
    below = np.flatnonzero(free < amount)
    candidates = np.unique(np.concatenate([[start], times[times > start]]))
    ends = np.append(times[1:], np.iinfo(np.int64).max)
    for begin in candidates:
        bad = below[(times[below] < begin + max(1, duration)) & (ends[below] > begin)]
        if not len(bad):
            return int(begin)
    return None


def test_many_blocks_agree_with_arrays():
    profile, times, free = crowded(3000)
    assert profile.to_list() == list(zip(times.tolist(), free.tolist(), strict=True))
    random = np.random.default_rng(2)
    for _ in range(60):
        start, duration = int(random.integers(0, times[-1])), int(random.integers(0, 3000))
        amount = int(random.integers(free.min(), 400))
        assert profile.earliest(start, duration, amount) == earliest_by_arrays(
            times, free, start, duration, amount
        )


def test_releasing_everything_leaves_one_step():
    random = np.random.default_rng(3)
    profile = AvailabilityProfile(10)
    spans = [
        (int(b), int(b + d))
        for b, d in zip(random.integers(0, 9999, 2000), random.integers(1, 99, 2000), strict=True)
    ]
    for begin, end in spans:
        profile.add(begin, end, -1)
    for begin, end in random.permutation(spans).tolist():
        profile.add(begin, end, 1)
    assert profile.to_list() == [(0, 10)]


def test_forgetting_the_past_changes_nothing_ahead():
    profile, times, _ = crowded(3000)
    middle = int(times[len(times) // 2])
    ahead = [step for step in profile.to_list() if step[0] > middle]
    before = profile.free_at(middle)
    profile.forget_before(middle)
    assert len(profile) < len(times)
    assert [step for step in profile.to_list() if step[0] > middle] == ahead
    assert profile.free_at(middle) == before


def test_amount_above_capacity_never_fits():
    assert AvailabilityProfile(4).earliest(0, 1, 5) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: p.add(5, 5, 1), "is empty"),
        (lambda p: p.add(0, 2**61, 1), "end is"),
        (lambda p: p.earliest(0, -1, 1), "duration is -1"),
        (lambda p: p.min_free(3, 2), "is empty"),
        (lambda p: AvailabilityProfile(-1), "capacity is -1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InvalidModel, match=message):
        call(AvailabilityProfile(4))


def least_seconds(do: Callable[[], object]) -> float:
    """Return the CPU seconds of the fastest of several rounds: what else runs only ever adds."""
    rounds = []
    for _ in range(7):
        begin = time.process_time()
        do()
        rounds.append(time.process_time() - begin)
    return min(rounds)


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_a_search_costs_less_than_one_look_at_every_step(level):
    """Counted against a vectorised pass over the steps in the same run; the microseconds are the benchmark's to say."""
    profile, times, free = crowded(100_000)
    assert len(profile) > 90_000
    random, amount = np.random.default_rng(4), int(np.quantile(free, level))
    starts = random.integers(0, times[-1] // 2, 200).tolist()
    durations = random.integers(60, 86_400, 200).tolist()
    asked = list(zip(starts, durations, strict=True))
    search = least_seconds(lambda: [profile.earliest(*one, amount) for one in asked])
    assert search < least_seconds(lambda: [np.flatnonzero(free >= amount) for _ in asked])
