from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.errors import InvalidModel
from hal.replay import openb

SHARES = st.lists(st.sampled_from([160, 190, 220, 470, 600, 810, 1000]), max_size=3)


def least_idle(placed: list[int], waiting: list[int], devices: int) -> int:
    """By trying every assignment: all placed tasks stay somewhere, waiting ones are optional."""
    best = 1000 * devices
    for where in product(range(devices), repeat=len(placed)):
        for late in product(range(-1, devices), repeat=len(waiting)):
            free = [1000] * devices
            for share, device in zip([*placed, *waiting], [*where, *late], strict=True):
                if device >= 0:
                    free[device] -= share
            if min(free) >= 0:
                best = min(best, sum(free))
    return best


@settings(max_examples=40, deadline=None)
@given(SHARES.filter(len), SHARES)
def test_no_assignment_leaves_less_than_the_floor(placed: list[int], waiting: list[int]) -> None:
    floor = openb.idle_floor(np.array(placed, dtype=np.int64), np.array(waiting, dtype=np.int64))
    assert least_idle(placed, waiting, len(placed)) >= floor


@pytest.mark.slow
def test_moves_after_fgd_use_some_of_what_can_be_used_at_all(traces: Path) -> None:
    done = openb.run_rebalanced(openb.Experiment.load("default", traces / "openb"), "fgd", 42, 0.02)
    assert 0 < done.moves <= done.allowed == int(0.02 * done.placed)
    assert done.possible / 3 < done.used <= done.possible
    assert done.possible < done.idle / 2  # half of what is idle is out of reach, however many tasks move


def test_a_share_out_of_range_is_refused(traces: Path) -> None:
    experiment = openb.Experiment.load("default", traces / "openb")
    with pytest.raises(InvalidModel, match=r"rebalance = 1.5"):
        openb.run_rebalanced(experiment, "fgd", 42, 1.5)
