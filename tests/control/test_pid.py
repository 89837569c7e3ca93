"""Pid on a toy plant: settles, does not wind up, hands over without a bump, tunes itself."""

from __future__ import annotations

import pytest

from hal.control import Loop, Pid, Relay
from tests.control.toy import Plant, Reading


def test_holds_the_crowding_at_the_setpoint_and_settles():
    plant = Plant(load=0.5)
    tail = plant.run(Pid(setpoint=0.8, rest=0.5), 600)[-200:]
    assert plant.level == pytest.approx(0.8, abs=0.01)
    assert max(tail) - min(tail) < 0.05


def test_the_integral_does_not_wind_up():
    pid = Pid(setpoint=0.7, smoothing=0, kp=2, ki=0.006, ahead=0)
    for i in range(2000):  # the load cannot be spread any thinner
        advice = pid.observe(Reading(time=10.0 * i, sigma=1.0, utilisation=1.0))
        pid.applied(advice.p)
    assert advice == (1.0, "pid at limit")
    # Only as much as it took to get there: one step of growth more at most.
    assert pid.state()["integral"] <= 1 - (0.3 + 2.0 * 0.3) + 0.006 * 0.3 * 10 + 1e-9
    advice = pid.observe(Reading(time=20_000.0, sigma=1.0, utilisation=0.5))
    assert advice.p < 0.75


def test_no_windup_while_the_slew_rate_holds_it_back():
    pid = Pid(setpoint=0.5, rest=0.0, kp=0.0, ki=0.01, smoothing=0)
    loop = Loop(pid, slew=0.01, start=0)
    for i in range(100):
        loop.observe(Reading(time=10.0 * i, sigma=1.0, utilisation=0.9))
    assert pid.state()["integral"] < 0.25


def test_hand_over_is_without_a_bump():
    pid = Pid(setpoint=0.7, rest=0.3)
    pid.applied(0.85)
    reading = Reading(time=0, sigma=1.0, utilisation=0.6)
    assert pid.observe(reading).p == pytest.approx(0.85)


def test_recovering_from_a_fault_goes_on_from_the_p_that_was_held():
    loop = Loop(Pid(setpoint=0.5, kp=1, ki=0, smoothing=0, rest=0.3), slew=60, start=0.3)
    loop.observe(Reading(time=10, utilisation=0.5))
    held = loop.observe(Reading(time=20, utilisation=0.7)).p
    loop.observe(None)
    loop.observe(None)
    assert loop.observe(Reading(time=50, utilisation=0.9)).p == pytest.approx(held)


def test_the_relay_finds_gains_that_settle():
    plant = Plant(load=0.4, turnover=200)
    pid = Pid(
        setpoint=0.7, rest=0.3, kp=1, smoothing=60, tune=Relay(centre=0.3, amplitude=0.2, hysteresis=0.02)
    )
    swing = plant.run(pid, 400)
    assert {round(p, 3) for p in swing[:5]} <= {0.1, 0.5}
    assert pid.gains.kp > 0
    assert pid.gains.ki > 0
    assert pid.gains.kp != 1
    tail = plant.run(pid, 600)[-200:]
    assert plant.level == pytest.approx(0.7, abs=0.02)
    assert max(tail) - min(tail) < 0.05


def test_the_relay_gives_up_where_nothing_swings():
    relay = Relay(centre=0.5, patience=100)
    pid = Pid(kp=0.2, tune=relay)
    for i in range(30):
        pid.observe(Reading(time=10.0 * i, sigma=1.0, utilisation=1.0))
    assert relay.failed
    assert pid.gains.kp == 0.2
    assert relay.gains() is None


def test_ultimate_gain_of_a_known_swing():
    relay = Relay(centre=0.5, amplitude=0.1, hysteresis=0.0, cycles=3)
    for i in range(200):  # a triangle of amplitude 0.2 and period 80 s
        if relay.done:
            break
        phase = (10 * i) % 80 / 80
        relay.step(10.0 * i, 0.2 * (1 - abs(4 * phase - 2)) + 1e-9)
    gains = relay.gains()
    ultimate = 4 * 0.1 / (3.14159265 * 0.2)
    assert gains.kp == pytest.approx(ultimate / 3.2, rel=1e-3)
    assert gains.ki == pytest.approx(gains.kp / (2.2 * 80), rel=1e-3)
    assert gains.kd == pytest.approx(gains.kp * 80 / 6.3, rel=1e-3)
