import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
