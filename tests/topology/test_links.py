import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import hal
from hal import _core
from tests.topology import topology_twin as twin


def chosen(free, domain, count):
    return _core.choose_devices(free, np.array(domain, np.int32), count)


@given(st.lists(st.integers(-1, 3), max_size=10), st.integers(0, 2**12 - 1), st.integers(-1, 11))
@example([0, 0, 1, 1, 2, 2, 2], 0b1111111, 5)
def test_choice_equals_the_twin(domain, free, count):
    assert chosen(free, domain, count) == twin.choose_devices(free, domain, count)


@pytest.mark.parametrize("count", [1, 63, 64])
def test_64_devices(count):
    everything = 2**64 - 1
    assert chosen(everything, list(range(64)), count) == 2**count - 1
    assert chosen(everything, [0] * 32 + [1] * 32, count) == 2**count - 1


def test_best_fit_over_two_sockets():
    # Socket 1 has two free devices, socket 0 three: a pair goes where it leaves nothing behind.
    assert chosen(0b0110_0111, [0] * 4 + [1] * 4, 2) == 0b0110_0000


def test_a_job_of_several_gpus_takes_one_link_domain():
    gpus = [hal.GPU("A100", link=k // 2) for k in range(6)]
    cluster = hal.Cluster([hal.Node("n", cpus=8, gpus=gpus)])
    for policy in ("best_fit", "fgd"):
        with cluster.what_if() as trial:
            hal.place(trial, hal.Job("one", gpus=1), policy, apply=True)
            assert hal.place(trial, hal.Job("pair", gpus=2), policy)[0].gpus == ((2, 3),)
            assert hal.place(trial, hal.Job("three", gpus=3), policy)[0].gpus == ((1, 2, 3),)
