"""The columns of a row of features, as the core writes them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal import _core

__all__ = ["ANCHOR", "FEATURES", "REQUEST", "Rows", "column"]

#: Names, in the order of the columns. Runtimes are ln(max(run, 1)); those of classes are differences to the anchor.
FEATURES: Final[tuple[str, ...]] = tuple(_core.JobHistory.names)

#: float32, shape (n_jobs, n_features).
Rows = NDArray[np.float32]


def column(name: str) -> int:
    """Return where a feature is in a row."""
    return FEATURES.index(name)


REQUEST: Final = column("request")
ANCHOR: Final = column("anchor")
