"""Human quantities: what they mean, and that nothing else gets through."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal import units
from hal.errors import InvalidModel

BAD = [
    math.nan,
    math.inf,
    -1,
    -0.5,
    10**5000,
    2**60,
    "1e999999999",
    "8E888888888888888888888888888",
    "1e-88888888888888888888888888",
    "-1",
    "",
    "x",
    "1 2",
    None,
    True,
    [1],
    "9" * 50,
]


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        (512, 512),
        ("512", 512),
        ("64GiB", 65536),
        ("16Gi", 16384),
        ("1KiB", 1),
        ("40GB", 38147),
        ("1e3", 1000),
        (" 2 TiB ", 2 * 2**20),
        ("1048577B", 2),
        (0, 0),
        (np.int64(7), 7),
        (np.float64(0.5), 1),
    ],
)
def test_memory(text: object, mib: int) -> None:
    assert units.memory_mib(text) == mib


def test_a_request_rounds_up_and_a_capacity_down() -> None:
    assert units.memory_mib("40GB") == units.memory_mib("40GB", capacity=True) + 1
    assert units.cpu_milli(0.0005) == 1
    assert units.cpu_milli(0.0005, capacity=True) == 0


@pytest.mark.parametrize(
    ("text", "milli"), [(0.5, 500), ("500m", 500), (0.1 + 0.2, 300), ("4", 4000), (64, 64000)]
)
def test_cpus(text: object, milli: int) -> None:
    assert units.cpu_milli(text) == milli


@pytest.mark.parametrize(("text", "milli"), [(0.46, 460), ("460m", 460), (1, 1000), (0.001, 1)])
def test_gpu_share(text: object, milli: int) -> None:
    assert units.gpu_milli(text) == milli


@pytest.mark.parametrize("parse", [units.memory_mib, units.cpu_milli, units.gpu_milli, units.count])
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: str(type(bad).__name__))
def test_bad_quantities_name_the_field(parse: object, bad: object) -> None:
    with pytest.raises(InvalidModel, match="this_field"):
        parse(bad, field="this_field")


@pytest.mark.parametrize("share", [0, 1.2, "1001m", "2"])
def test_a_share_lies_between_nothing_and_one_device(share: object) -> None:
    with pytest.raises(InvalidModel, match=r"\(0, 1\]"):
        units.gpu_milli(share)


def test_milli_bytes_are_a_typing_error() -> None:
    with pytest.raises(InvalidModel, match="MiB"):
        units.memory_mib("64m")


@given(
    number=st.decimals(0, 10**6, places=3),
    unit=st.sampled_from(["KiB", "MiB", "GiB", "kB", "MB", "GB"]),
)
def test_memory_agrees_with_exact_arithmetic(number: Decimal, unit: str) -> None:
    base = 1024 if "i" in unit else 1000
    exact = number * base ** (1 + "kmg".index(unit[0].lower())) / 2**20
    got = units.memory_mib(f"{number}{unit}")
    assert exact - Decimal("1e-6") <= got < exact + 1


@given(st.text(max_size=20) | st.floats() | st.integers())
def test_any_input_is_base_units_or_a_typed_error(value: object) -> None:
    for parse in (units.memory_mib, units.cpu_milli, units.count):
        try:
            got = parse(value, field="f")
        except InvalidModel:
            continue
        assert 0 <= got <= units.LIMIT


@pytest.mark.parametrize(
    ("given", "seconds"), [(30, 30.0), ("30s", 30.0), ("5min", 300.0), ("1.5h", 5400.0), ("2d", 172800.0)]
)
def test_spans_of_time(given, seconds):
    assert units.seconds(given, field="step") == seconds


@pytest.mark.parametrize("given", [-1, float("nan"), True, None, "5m", "soon", "1e99d"])
def test_bad_spans_of_time_name_the_field(given):
    with pytest.raises(InvalidModel, match="step"):
        units.seconds(given, field="step")
