"""Strict checks for arrays that come from outside: the core reads them as they are."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hal.errors import InvalidModel
from hal.units import LIMIT

__all__ = ["check_column", "zeros"]


def check_column(
    name: str, value: object, dtype: DTypeLike, size: int | None, *, least: int = 0, most: int = LIMIT
) -> NDArray[Any]:
    """Return ``value`` when it is exactly the array that the core reads; never a converted copy.

    Parameters
    ----------
    name : str
        Field name for the error.
    value : object
        What the caller gave.
    dtype : dtype
        Required element type.
    size : int or None
        Required length; None: any.
    least, most : int
        Range of every element.

    Raises
    ------
    InvalidModel
        Not a one-dimensional C-contiguous native array of that dtype and length, or an element out of range.
    """
    wanted = np.dtype(dtype)
    if not isinstance(value, np.ndarray):
        raise InvalidModel(
            f"{name} = {type(value).__name__}: must be a numpy array; use np.asarray(…, dtype=np.{wanted})"
        )
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidModel(
            f"{name}: is a masked array, whose mask the core does not see; use {name}.filled(0)"
        )
    if value.dtype != wanted or not value.dtype.isnative:
        raise InvalidModel(
            f"{name}: dtype is {value.dtype}, must be {wanted}; use {name}.astype(np.{wanted})"
        )
    if value.ndim != 1:
        raise InvalidModel(f"{name}: shape is {value.shape}, must have one dimension; use {name}.ravel()")
    if size is not None and value.size != size:
        raise InvalidModel(f"{name}: shape is ({value.size},), must be ({size},) like the other columns")
    if not value.flags.c_contiguous:
        raise InvalidModel(f"{name}: is not C-contiguous; use np.ascontiguousarray({name})")
    array = cast(NDArray[Any], value)
    if array.size:
        low, high = int(array.min()), int(array.max())
        if low < least:
            row = int(array.argmin())
            raise InvalidModel(f"{name}[{row}] = {low}: must be at least {least}")
        if high > most:
            row = int(array.argmax())
            raise InvalidModel(f"{name}[{row}] = {high}: must be at most {most}")
    return array


def zeros(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return a column of zeros for a field that was not given."""
    return np.zeros(size, dtype=dtype)
