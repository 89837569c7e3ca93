"""Columns at the door: the right dtype, one dimension, contiguous; copied only when they must be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal.errors import InvalidModel


def as_column(
    field: str, values: ArrayLike, dtype: type[np.generic], length: int | None = None
) -> NDArray[Any]:
    """Return `values` as a contiguous column of an integer `dtype`; floats and overflows are refused."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise InvalidModel(f"{field}: rows of unequal length; give one flat column") from None
    if array.ndim != 1:
        raise InvalidModel(f"{field}: has {array.ndim} dimensions, must be one flat column")
    if length is not None and len(array) != length:
        raise InvalidModel(f"{field}: has {len(array)} rows, must be {length}")
    if array.dtype == dtype:
        return np.ascontiguousarray(array)
    if array.size and array.dtype.kind not in "iu":
        raise InvalidModel(f"{field}: is of {array.dtype}, must be {np.dtype(dtype).name}")
    limits = np.iinfo(dtype)  # type: ignore[type-var]  # only integer dtypes are asked for
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        bad = int(array.min() if array.min() < limits.min else array.max())
        raise InvalidModel(f"{field}: {bad} does not fit {np.dtype(dtype).name}")
    return array.astype(dtype)


def names_or_column(
    field: str, values: Iterable[str] | ArrayLike
) -> tuple[list[str] | None, NDArray[np.int32]]:
    """Return the names, when names are what was given, or else the column of indices."""
    given: Any = values
    if isinstance(given, str):
        return [given], np.zeros(0, np.int32)
    if not isinstance(given, np.ndarray):
        try:
            given = list(given)
        except TypeError:
            raise InvalidModel(f"{field} is {values!r}: give names or a column of indices") from None
        if all(isinstance(name, str) for name in given):
            return given, np.zeros(0, np.int32)
    return None, as_column(field, given, np.int32)
