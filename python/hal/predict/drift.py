"""Whether a model still earns its keep: a paired test against the guess it is to improve."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Drift", "drift", "likeness"]

#: Standard errors by which a model must be worse: a false alarm in about 30,000 tests.
LIMIT: Final = 4.0


class Drift(NamedTuple):
    """The outcome of a test.

    Attributes
    ----------
    gain : float
        Mean gain in min/max ratio over the anchor, -1 to 1.
    z : float
        The gain in standard errors.
    drifted : bool
        The model is worse than the anchor beyond chance.
    """

    gain: float
    z: float
    drifted: bool


def likeness(guess: NDArray[np.floating], run: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return min(guess, run) / max(guess, run) of ln seconds, 0 to 1."""
    ratio: NDArray[np.float64] = np.exp(-np.abs(np.asarray(guess, dtype=np.float64) - run))
    return ratio


def drift(model: NDArray[np.floating], anchor: NDArray[np.floating], run: NDArray[np.floating]) -> Drift:
    """Compare a model's guesses with the anchor's on jobs that ended since it was trained, all in ln seconds.

    Assumes that gains of different jobs are independent; those of one user's burst are not, which is why the
    limit is four standard errors and not two.
    """
    gain = likeness(model, run) - likeness(anchor, run)
    if len(gain) < 2:
        return Drift(0.0, 0.0, False)
    error = float(gain.std(ddof=1)) / len(gain) ** 0.5
    z = float(gain.mean()) / error if error > 0 else 0.0
    return Drift(float(gain.mean()), z, z < -LIMIT)
