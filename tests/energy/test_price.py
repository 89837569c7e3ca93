"""Offers and the Price scorer."""

from __future__ import annotations

import numpy as np
import pytest

import hal
from hal.energy import Offer
from hal.errors import InvalidModel, PolicyError
from hal.policies import Price


@pytest.fixture
def cluster() -> hal.Cluster:
    return hal.Cluster(
        [
            hal.Node("big", cpus=64),
            hal.Node("spot", cpus=16),
            hal.Node("small", cpus=8),
            hal.Node("own", cpus=4),
        ]
    )


def test_an_interruption_costs_what_it_loses() -> None:
    assert Offer(hourly=10, discount=0.6, interruptions=0.5, lost_hours=0.5).effective == pytest.approx(5.0)


def test_the_cheapest_share_wins(cluster: hal.Cluster) -> None:
    offers = {"big": Offer(hourly=6.4), "spot": Offer(hourly=1.6, discount=0.5), "small": Offer(hourly=1.2)}
    # Per CPU: big 0.1, spot 0.05, small 0.15; "own" has no price.
    jobs = [hal.Job(f"j{i}", cpus=8) for i in range(3)]
    placed = hal.place(cluster, jobs, policy=hal.Policy([Price(offers)]))
    assert [p.nodes[0] for p in placed] == ["spot", "spot", "big"]
    assert placed[0].scores[0] == pytest.approx(1 - 0.4 / 1.2, abs=1e-6)
    risky = {**offers, "spot": Offer(hourly=1.6, discount=0.5, interruptions=1, lost_hours=1.5)}
    assert hal.place(cluster, jobs[0], policy=hal.Policy([Price(risky)]))[0].nodes == ("big",)


def test_prices_by_index(cluster: hal.Cluster) -> None:
    policy = hal.Policy([Price(np.array([6.4, 1.6, 0.1, np.nan]))])
    assert hal.place(cluster, hal.Job("j", cpus=2), policy=policy)[0].nodes == ("small",)
    cluster.remove("small")
    assert hal.place(cluster, hal.Job("j", cpus=2), policy=policy)[0].nodes == ("big",)


@pytest.mark.parametrize(
    "figures", [{"hourly": -1}, {"hourly": 1, "discount": 1.1}, {"hourly": float("nan")}]
)
def test_offers_out_of_range(figures: dict[str, float]) -> None:
    with pytest.raises(InvalidModel, match=r"offer\."):
        Offer(**figures)


@pytest.mark.parametrize("offers", [np.array([1, 2]), np.array([-1.0]), np.zeros((2, 2)), np.zeros(0)])
def test_arrays_that_are_no_prices(offers: np.ndarray) -> None:
    with pytest.raises(PolicyError, match="offers"):
        Price(offers)
