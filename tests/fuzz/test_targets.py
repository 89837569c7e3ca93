"""The same doors as ``make fuzz``, knocked at by Hypothesis: garbage, and valid inputs with a part replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, accepts

PIECES = st.binary(max_size=6) | st.sampled_from(
    [
        b"-1",
        b"nan",
        b"9" * 30,
        b"1e400",
        b"\x00",
        b"\xff",
        b"[",
        b"{",
        b"]",
        b",",
        b"\n",
        b"|",
        b"''",
        b"n[1-",
        b"*",
    ]
)


@pytest.mark.parametrize("name", TARGETS)
def test_seed_loads(name: str) -> None:
    assert accepts(name, TARGETS[name][1])


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=200))
def test_garbage_is_refused_or_loads(name: str, data: bytes) -> None:
    accepts(name, data)


@pytest.mark.parametrize("name", TARGETS)
@given(draw=st.data())
def test_damaged_input_is_refused_or_loads(name: str, draw: st.DataObject) -> None:
    text = TARGETS[name][1]
    for _ in range(draw.draw(st.integers(1, 3))):
        start = draw.draw(st.integers(0, len(text)))
        stop = draw.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + draw.draw(PIECES) + text[stop:]
    accepts(name, text)
