"""The Carbon scorer against emissions worked out plainly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.energy import CarbonIntensity
from hal.errors import PolicyError
from hal.policies import Carbon

GRID = st.lists(st.integers(0, 900), min_size=3, max_size=3).map(
    lambda g: CarbonIntensity([0, 3600, 7200], g)
)


@given(
    st.lists(st.tuples(st.integers(2, 16), GRID, st.integers(1, 900)), min_size=1, max_size=6),
    st.integers(-1000, 9000),
    st.sampled_from([0, 1, 1800, 5400]),
)
def test_scores_are_the_emissions_of_a_plain_sum(nodes, at, seconds):
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=cpus) for i, (cpus, _, _) in enumerate(nodes)])
    grids = {f"n{i}": grid for i, (_, grid, _) in enumerate(nodes)}
    watts = {f"n{i}": power for i, (_, _, power) in enumerate(nodes)}
    policy = hal.Policy({Carbon(grids, at=at, seconds=seconds, watts=watts): 1})
    placed = hal.place(cluster, hal.Job("j", cpus=2), policy)[0]
    moments = range(at, at + max(1, seconds))  # whole seconds, as are the breakpoints
    grams = [
        2 / cpus * power * sum(grid.at(list(moments)).tolist()) / len(moments) for cpus, grid, power in nodes
    ]
    chosen = int(placed.nodes[0][1:])
    assert grams[chosen] <= min(grams) * (1 + 1e-6) + 1e-6
    if max(grams) > 0:
        assert placed.scores[0] == pytest.approx(1 - grams[chosen] / max(grams), abs=1e-5)


def test_it_follows_the_clock_and_the_length_of_the_run():
    grids = {"solar": CarbonIntensity([0, 3600], [50.0, 500.0]), "hydro": CarbonIntensity([0], [100.0])}
    cluster = hal.Cluster([hal.Node("hydro", cpus=8), hal.Node("solar", cpus=8), hal.Node("none", cpus=8)])

    def best(**when) -> str:
        return hal.place(cluster, hal.Job("j", cpus=1), hal.Policy({Carbon(grids, **when): 1}))[0].nodes[0]

    assert best(at=0) == "solar"
    assert best(at=3600) == "hydro"
    assert best(at=3000, seconds=600) == "solar"
    assert best(at=3000, seconds=1200) == "hydro"
    assert best(at=0, watts={"solar": 300, "hydro": 100}) == "hydro"


@pytest.mark.parametrize(
    ("grids", "options", "message"),
    [
        ({}, {"at": 0}, "empty"),
        ({"a": CarbonIntensity([0], [1])}, {"at": float("nan")}, "finite"),
        ({"a": CarbonIntensity([0], [1])}, {"at": 0, "seconds": -1}, "0 or more"),
        ({"a": CarbonIntensity([0], [1])}, {"at": 0, "watts": 0}, "'a' = 0"),
        ({"a": CarbonIntensity([0], [1])}, {"at": 0, "watts": {"b": 1}}, "'a' = None"),
        ({"a": CarbonIntensity([0], [1e13])}, {"at": 0}, "at most 1e12"),
    ],
)
def test_bad_input(grids, options, message):
    with pytest.raises(PolicyError, match=message):
        Carbon(grids, **options)
