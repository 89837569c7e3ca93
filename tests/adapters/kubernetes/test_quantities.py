"""Quantities of Kubernetes are exact."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hal.adapters.kubernetes.quantities import amount, cpu_milli, mib
from hypothesis import given
from hypothesis import strategies as st

import hal


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100m", Fraction(1, 10)), ("64Gi", 64 * 2**30), ("1e3", 1000), ("2k", 2000), (".5", Fraction(1, 2)),
        ("1E", 10**18), ("1E2", 100), ("1.5Gi", 3 * 2**29), ("128974848", 128974848), ("1e-3", Fraction(1, 1000)),
        ("123Mi", 123 * 2**20), ("7n", Fraction(7, 10**9)), ("+1", 1), ("3.", 3), (4, 4),
    ],
)  # fmt: skip
def test_quantities_are_exact(text: str | int, value: Fraction) -> None:
    assert amount(text) == value


@pytest.mark.parametrize(
    "text", ["", "x", "1 Gi", "1gi", "-1", "1e", "1Ki2", "0x10", "1_000", "٣", None, True, [], "1e999"]
)
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(hal.AdapterError):
        amount(text)


@given(st.integers(0, 2**40), st.sampled_from(["", "Ki", "Mi", "k", "M", "m"]))
def test_rounding_never_promises_what_is_not_there(number: int, unit: str) -> None:
    exact = number * {"": 1, "Ki": 2**10, "Mi": 2**20, "k": 10**3, "M": 10**6, "m": Fraction(1, 1000)}[unit]
    value = amount(f"{number}{unit}")
    assert mib(value, up=True) == math.ceil(Fraction(exact) / 2**20)
    assert mib(value, up=False) == math.floor(Fraction(exact) / 2**20)
    assert (
        cpu_milli(value, up=True) * Fraction(1, 1000)
        >= exact
        >= cpu_milli(value, up=False) * Fraction(1, 1000)
    )
