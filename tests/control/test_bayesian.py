"""Bayesian on a toy plant: finds the cheapest p, stays safe, settles, follows when it moves."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import hal
from hal.control import Bayesian, Cost
from tests.control.toy import Plant


def test_finds_the_cheapest_level_and_settles():
    cost = Cost()
    plant = Plant(load=0.3, turnover=100)
    seen = plant.run(Bayesian(cost=cost, start=0.8), 2000)
    tail = np.array(seen[-600:])
    # The optimum is flat: what counts is the cost, within 2 % of the best level's.
    plant.p = tail.mean()
    for _ in range(200):
        reading = plant.advance()
    best = Plant(load=0.3, turnover=100, p=1 - cost.best_level())
    for _ in range(400):
        wanted = best.advance()
    assert cost.of_signals(reading) < 1.02 * cost.of_signals(wanted)
    assert tail.std() < 0.05


def test_never_steps_farther_than_the_safe_reach():
    plant = Plant(load=0.3, turnover=100)
    controller = Bayesian(start=0.9, reach=0.1, hold=300)
    seen = [0.9, *plant.run(controller, 1500)]
    tried = list(dict.fromkeys(np.round(seen, 6)))
    for index in range(1, len(tried)):
        assert min(abs(tried[index] - p) for p in tried[:index]) <= 0.1 + 1e-6


def test_limits_hold():
    plant = Plant(load=0.3, turnover=100)
    seen = plant.run(Bayesian(start=0.9, limits=(0.5, 0.8), hold=300), 800)
    assert min(seen) >= 0.5
    assert max(seen) <= 0.8


def test_the_seed_decides_the_first_direction():
    first = set()
    for seed in range(8):
        plant = Plant(load=0.3)
        first.add(round(plant.run(Bayesian(seed=seed), 61)[-1], 3))
    assert first == {0.3, 0.7}


def test_without_scikit_learn_it_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.gaussian_process", None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(hal.MissingExtra, match=r"hal-core\[control\]"):
        Bayesian()
