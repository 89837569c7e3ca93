"""What every controller promises: bounds, determinism, and a future that a restored state shares."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.control import CONTRACT, Controller, Loop, Relay, make, names
from tests.control.toy import Reading

CLUSTER = hal.Cluster([hal.Node(f"n{i}", cpus=16, memory="64GiB") for i in range(4)])
CONTEXT = SimpleNamespace(cluster=CLUSTER)
BUILD = {
    "static": lambda: make("static", p=0.3),
    "heuristic": lambda: make("heuristic"),
    "pid": lambda: make("pid", kd=3.0),
    "pid tuning": lambda: make("pid", tune=Relay(centre=0.5, cycles=1)),
    "bayesian": lambda: make("bayesian", hold=60, seed=3),
    "mpc": lambda: make("mpc", every=30, most=4),
    "loop": lambda: Loop(make("pid"), slew=0.2, limits=(0.1, 0.9), start=0.5),
}

unit = st.floats(0, 1)
readings = st.lists(
    st.tuples(
        st.sampled_from([5.0, 10.0, 40.0]), st.floats(0.05, 1), unit, st.floats(0, 5), st.floats(-1, 1)
    ),
    min_size=2,
    max_size=40,
)


def series(rows):
    time = 0.0
    for gap, sigma, used, work, drift in rows:
        time += gap
        yield Reading(time, sigma=sigma, utilisation=used, pending=1, pending_work=work, drift=drift)


def play(controller, given_readings):
    out = []
    for reading in given_readings:
        advice = controller.observe(reading, CONTEXT)
        controller.applied(advice.p)
        out.append(advice)
    return out


def test_built_in_names_are_all_covered():
    assert {name.split()[0] for name in BUILD} == {*names(), "loop"}


@pytest.mark.parametrize("kind", BUILD)
def test_is_a_controller_of_this_contract(kind):
    controller = BUILD[kind]()
    assert isinstance(controller, Controller)
    assert controller.contract == CONTRACT
    assert controller.name == kind.split()[0]


@pytest.mark.parametrize("kind", [kind for kind in BUILD if kind != "bayesian"])
@given(rows=readings, at=st.integers(0, 39))
def test_restored_state_has_the_same_future(kind, rows, at):
    same_future(kind, list(series(rows)), at)


def test_restored_bayesian_has_the_same_future():
    rows = [(10.0, 0.5 + (i % 7) / 14, 0.3 + (i % 5) / 10, 0.1 * (i % 3), 0.0) for i in range(60)]
    same_future("bayesian", list(series(rows)), 33)


def same_future(kind, rows, at):
    at = min(at, len(rows))
    whole = BUILD[kind]()
    first = BUILD[kind]()
    expected = play(whole, rows)
    assert play(first, rows[:at]) == expected[:at]
    second = BUILD[kind]()
    second.restore(json.loads(json.dumps(first.state(), allow_nan=False)))
    assert play(second, rows[at:]) == expected[at:]
    assert all(0 <= advice.p <= 1 for advice in expected)


@pytest.mark.parametrize("kind", BUILD)
def test_refuses_the_state_of_another(kind):
    controller = BUILD[kind]()
    before = json.dumps(controller.state())
    with pytest.raises(hal.InvalidModel, match="state"):
        controller.restore({"controller": "another"})
    with pytest.raises(hal.InvalidModel, match="state"):
        controller.restore("text")
    assert json.dumps(controller.state()) == before


@pytest.mark.parametrize(
    ("name", "settings", "word"),
    [
        ("static", {"p": 1.5}, "p = 1.5"),
        ("static", {"q": 1}, "static"),
        ("pid", {"signal": "mood"}, "signal"),
        ("pid", {"limits": (1, 0)}, "limits"),
        ("pid", {"kp": float("nan")}, "kp"),
        ("heuristic", {"rules": ["x"]}, "Rule"),
        ("bayesian", {"hold": 0}, "hold"),
        ("mpc", {"turnover": 0}, "turnover"),
        ("nobody", {}, "nobody"),
    ],
)
def test_wrong_settings_name_the_field(name, settings, word):
    with pytest.raises(hal.InvalidModel, match=word):
        make(name, **settings)
