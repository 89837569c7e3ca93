"""Outlook: what is to come, against the solution of its two filters, and that controllers heed it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.control import Heuristic, Outlook, Pid
from tests.control.toy import Reading


def plain(readings, ahead, smoothing):
    """Return the outlook after readings of (elapsed, utilisation), each filter one line."""
    level, slope = readings[0][1], 0.0
    for elapsed, used in readings[1:]:
        kept = math.exp(-elapsed / smoothing)
        before, level = level, kept * level + (1 - kept) * used
        slope = kept * slope + (1 - kept) * (level - before) / elapsed
    return min(max(level + slope * ahead, 0.0), 1.0)


@given(
    st.lists(st.tuples(st.floats(0.1, 300), st.floats(0, 1)), min_size=1, max_size=30),
    st.floats(0, 1000),
    st.floats(0.1, 500),
)
def test_agrees_with_its_two_filters(readings, ahead, smoothing):
    outlook, now = Outlook(ahead=ahead, smoothing=smoothing), 0.0
    for elapsed, used in readings:
        now += elapsed
        seen = outlook.of(Reading(time=now, utilisation=used))
    assert seen == pytest.approx(plain(readings, ahead, smoothing), abs=1e-6)


def test_foresees_where_a_ramp_will_be():
    outlook = Outlook(ahead=200, smoothing=20)
    for i in range(40):
        seen = outlook.of(Reading(time=10.0 * i, utilisation=0.1 + 0.0005 * 10 * i))
    assert seen == pytest.approx(0.1 + 0.0005 * (390 + 200), abs=0.015)  # later by its own smoothing


def test_a_clock_that_stands_or_goes_back_moves_nothing():
    outlook = Outlook()
    first = outlook.of(Reading(time=100, utilisation=0.4))
    assert outlook.of(Reading(time=100, utilisation=0.9)) == first
    assert outlook.of(Reading(time=50, utilisation=0.9)) == first


@pytest.mark.parametrize("make", [lambda: Pid(setpoint=0.7, rest=0.3), lambda: Heuristic(rest=0.3)])
def test_controllers_spread_before_the_nodes_are_full(make):
    """Load that steps from 45 to 100 %, and the nodes' load follows as jobs of five minutes come and go."""
    controller, advised = make(), []
    for i in range(60):
        since = max(10.0 * (i - 30), 0.0)
        used = 0.45 + 0.55 * -math.expm1(-since / 300)
        advised.append(
            (used, controller.observe(Reading(time=10.0 * i, utilisation=used, sigma=min(used / 0.7, 1))).p)
        )
    assert advised[29][1] == pytest.approx(0.3, abs=0.05)
    first = next(used for used, p in advised if p >= 0.9)
    assert first < 0.85
