"""Heuristic: hysteresis against a plain twin, precedence of rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.control import Heuristic, Rule
from tests.control.toy import Reading


@given(st.lists(st.floats(0, 1), max_size=60))
def test_hysteresis_agrees_with_a_plain_schmitt_trigger(values):
    above = Heuristic(rules=[Rule("busy", "utilisation", on=0.7, off=0.4, p=0.9)], rest=0.1)
    below = Heuristic(rules=[Rule("idle", "utilisation", on=0.3, off=0.6, p=0.0)], rest=0.5)
    busy = idle = False
    for value in values:
        busy = value >= 0.7 or (busy and value >= 0.4)
        idle = value <= 0.3 or (idle and value <= 0.6)
        reading = Reading(utilisation=value)
        assert above.observe(reading) == ((0.9, "busy") if busy else (0.1, "rest"))
        assert below.observe(reading) == ((0.0, "idle") if idle else (0.5, "rest"))


def test_the_first_rule_wins_and_the_others_keep_their_memory():
    controller = Heuristic()
    blocked = Reading(utilisation=0.96, pending=3, pending_work=0.5, blocking=0.03)
    assert controller.observe(blocked) == (0.0, "blocked")
    assert controller.observe(Reading(utilisation=0.96, pending=3, pending_work=0.5, blocking=0.005)).p == 0.0
    assert controller.observe(Reading(utilisation=0.96, pending=3, pending_work=0.5)).rule == "backlog"
    assert controller.observe(Reading(time=1, utilisation=0.85)).rule == "filling"
    assert controller.observe(Reading(time=9000, utilisation=0.6)).rule == "rest"


def test_a_rule_without_hysteresis_is_refused():
    with pytest.raises(hal.InvalidModel, match="flicker"):
        Rule("r", "sigma", on=0.5, off=0.5, p=1)
