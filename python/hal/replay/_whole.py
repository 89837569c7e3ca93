"""Whole numbers from whatever holds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal.errors import InvalidModel

__all__ = ["whole"]


def whole(name: str, values: ArrayLike, count: int | None) -> NDArray[np.int64]:
    """Return a column of int64 of ``count`` entries, or say what is wrong with it."""
    array = np.asarray(values)
    if array.ndim != 1 or (count is not None and len(array) != count):
        expected = "one dimension" if count is None else f"{count} entries"
        raise InvalidModel(f"{name} has shape {array.shape}; give {expected}")
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and (array == np.floor(array)).all()):
            raise InvalidModel(f"{name} has fractions or is not finite; give whole numbers")
    elif array.dtype.kind not in "iub" and len(array):
        raise InvalidModel(f"{name} has dtype {array.dtype}; give whole numbers")
    return array.astype(np.int64)
