"""Loop: within bounds and on the last safe p, whatever comes."""

from __future__ import annotations

import logging
import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.control import Advice, Loop, Static
from tests.control.toy import Reading


class Scripted:
    """Advises what it is told to; an exception is thrown."""

    name, contract = "scripted", (1, 0)

    def __init__(self, script=()):
        self.script, self.heard = list(script), []

    def observe(self, signals, context=None):
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if answer is None else Advice(answer, "script")

    def applied(self, p):
        self.heard.append(p)

    def state(self):
        return {}

    def restore(self, state):
        pass


answers = st.one_of(
    st.floats(0, 1), st.sampled_from([math.nan, math.inf, -0.5, 7.0, None, True, "x", RuntimeError("no")])
)
faults = st.sampled_from(
    [
        {},
        {},
        {},
        {"sigma": math.nan},
        {"sigma": None},
        {"sigma": 1.5},
        {"utilisation": -0.1},
        {"drift": math.inf},
        {"pending_work": 1.0},
        {"pending": -1},
        {"time": math.nan},
    ]
)
gaps = st.sampled_from([10.0, 10.0, 30.0, 0.0, -500.0, 1e6])


@given(
    steps=st.lists(st.tuples(answers, faults, gaps), min_size=1, max_size=40),
    bounds=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    slew=st.floats(0, 2),
    start=st.floats(0, 1),
)
def test_always_in_bounds_and_never_faster_than_the_slew_rate(steps, bounds, slew, start):
    low, high = bounds
    controller = Scripted(answer for answer, _, _ in steps)
    loop = Loop(controller, limits=(low, high), slew=slew, start=start, longest=60)
    time, seen, before = 0.0, None, loop.p  # seen: the time of the last reading that was in order
    for _, wrong, gap in steps:
        time += gap
        p = loop.observe(Reading(**({"time": time} | wrong))).p
        assert low <= p <= high
        if wrong or seen is None or time <= seen:
            assert p == before
        else:
            assert abs(p - before) <= slew / 60 * min(time - seen, 60) + 1e-12
        before, seen = p, seen if wrong else time
    assert controller.heard[-1:] in ([], [before])


@pytest.mark.parametrize(
    "reading",
    [
        None,
        object(),
        Reading(time=20, sigma=math.nan),
        Reading(time=20, sigma=None),
        Reading(time=20, pending=0, pending_work=0.5),
        Reading(time=20, sigma=0.0, utilisation=0.5),
        Reading(time=5),
    ],
    ids=["none", "empty", "nan", "missing", "contradiction", "no evenness", "clock back"],
)
def test_holds_says_so_once_and_recovers(reading, caplog):
    loop = Loop(Static(p=0.7), start=0.5, slew=60)
    caplog.set_level(logging.INFO, "hal.control")
    assert loop.observe(Reading(time=10)).p == 0.5
    for _ in range(3):
        advice = loop.observe(reading)
        assert advice.p == 0.5
        assert advice.rule.startswith("held")
        if reading is not None and getattr(reading, "time", 0) == 5:
            reading = Reading(time=reading.time - 1)
    assert loop.fault
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.WARNING
    loop.observe(Reading(time=40))
    assert loop.observe(Reading(time=50)).p == 0.7
    assert loop.fault is None
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_controller_that_throws_is_asked_again():
    loop = Loop(Scripted([0.4, RuntimeError("broken"), None, 0.6]), slew=math.inf)
    seen = [loop.observe(Reading(time=10.0 * i)) for i in range(1, 5)]
    assert [advice.p for advice in seen] == [0.4, 0.4, 0.4, 0.6]
    assert "RuntimeError: broken" in seen[1].rule


def test_stale_by_the_callers_clock_and_by_repetition():
    loop = Loop(Static(p=0.7), stale=60)
    assert loop.observe(Reading(time=10), SimpleNamespace(now=20)).rule == "static"
    assert "stale" in loop.observe(Reading(time=11), SimpleNamespace(now=80)).rule
    other = Loop(Static(p=0.7))
    rules = [other.observe(Reading(time=10)).rule for _ in range(5)]
    assert rules[:3] == ["static", "held: same reading", "held: same reading"]
    assert "the same reading came" in rules[4]


def test_a_forward_jump_of_the_clock_is_no_leap_of_p():
    loop = Loop(Static(p=1), start=0, slew=0.06, longest=60)
    loop.observe(Reading(time=10))
    assert loop.observe(Reading(time=1e9)).p == pytest.approx(0.06)


def test_limits_name_themselves():
    assert Loop(Static(p=1), limits=(0.2, 0.6)).observe(Reading(time=1)) == (0.6, "static (limit)")


def test_refuses_what_is_no_controller():
    with pytest.raises(hal.InvalidModel, match="controller"):
        Loop(object())
    future = Scripted()
    future.contract = (2, 0)
    with pytest.raises(hal.plugins.WrongContract, match=r"newer contract 2\.0"):
        Loop(future)
