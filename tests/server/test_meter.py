from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.energy import PowerModel
from hal.server.live import Own
from hal.server.meter import Meter
from hal.server.readings import Readings


def test_adds_up_from_the_first_look() -> None:
    meter = Meter()
    meter.read(100, 5.0)
    assert meter.joules == 0
    meter.read(200, 15.0)
    assert meter.joules == 1500
    meter.read(200, 15.0)
    meter.read(0, 17.0)
    assert meter.joules == 1700


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e4)), min_size=2, max_size=20))
def test_is_the_area_under_the_line_however_often_one_looks(looks: list[tuple[float, float]]) -> None:
    coarse, fine, now = Meter(), Meter(), 0.0
    before = None
    for watts, gap in looks:
        if before is not None:
            fine.read((before + watts) / 2, now + gap / 2)
        now += gap
        coarse.read(watts, now)
        fine.read(watts, now)
        before = watts
    assert fine.joules == pytest.approx(coarse.joules, rel=1e-9, abs=1e-6)
    assert coarse.joules >= 0


def test_counts_between_scrapes() -> None:
    now = 0.0
    cluster = hal.Cluster([hal.Node("n", cpus=16)])
    readings = Readings(Own(cluster), power=PowerModel(), clock=lambda: now)
    assert readings.meter is not None
    readings.turn()
    idle = readings.gauges()["power_watts"][1]
    now = 10.0
    readings.turn()
    assert readings.meter.joules == 10 * idle
    hal.place(cluster, [hal.Job("a", cpus=16)], apply=True)
    now = 20.0
    busy = readings.gauges()["power_watts"][1]
    assert busy > idle
    assert readings.meter.joules == 10 * idle + 5 * (idle + busy)


def test_without_a_power_model_nothing_is_told() -> None:
    readings = Readings(Own(hal.Cluster([hal.Node("n", cpus=1)])))
    readings.turn()
    assert readings.meter is None
    assert "power_watts" not in readings.gauges()
