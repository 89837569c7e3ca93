"""Cost and measures against plain arithmetic over nodes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.control import Cost, crowding
from tests.control.toy import Reading

loads = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(np.array)


def reading_of(load, work=0.0):
    sigma = load.sum() ** 2 / (load.size * (load**2).sum()) if (load**2).sum() > 0 else 1.0
    return Reading(sigma=sigma, utilisation=load.mean(), pending_work=work)


@given(loads)
def test_crowding_is_the_load_weighted_mean_load(load):
    load = np.round(load, 6)
    total = load.sum()
    expected = (load**2).sum() / total if total else 0.0
    assert crowding(reading_of(load)) == pytest.approx(expected, abs=1e-9)


@given(
    busy=st.integers(1, 20),
    idle=st.integers(0, 20),
    level=st.floats(0.01, 1),
    work=st.floats(0, 2),
    strength=st.floats(0, 3),
    idle_watts=st.floats(0, 1),
)
def test_signals_and_loads_agree_where_busy_nodes_are_alike(busy, idle, level, work, strength, idle_watts):
    cost = Cost(idle=idle_watts, strength=strength)
    load = np.array([level] * busy + [0.0] * idle)
    plain_work = sum(u / (1 + strength * u**2) for u in load.tolist())
    watts = sum(idle_watts + (1 - idle_watts) * u if u else cost.asleep for u in load.tolist())
    plain = watts / plain_work + cost.slowness * (load.sum() / plain_work - 1) + cost.queueing * work
    assert cost.of_loads(load, pending_work=work) == pytest.approx(plain)
    assert cost.of_signals(reading_of(load, work)) == pytest.approx(plain)


@pytest.mark.parametrize(("idle", "strength"), [(0.5, 0.5), (0.125, 0.5), (0.5, 0.0), (0.9, 3.0)])
def test_best_level_is_the_cheapest_way_to_carry_a_small_load(idle, strength):
    cost = Cost(idle=idle, strength=strength, asleep=0.05)
    # 0.1 of a large cluster's work, done at each level by as many nodes as that takes.
    costs = []
    for level in range(1, 101):
        u = level / 100
        nodes = 100.0 / (u / (1 + strength * u**2))
        watts = nodes * (idle + (1 - idle) * u) + (20_000 - nodes) * cost.asleep
        costs.append(watts / 100 + cost.slowness * (strength * u**2))
    assert cost.best_level() == pytest.approx((1 + int(np.argmin(costs))) / 100, abs=0.011)
