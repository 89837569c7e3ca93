"""A trained model as the scheduler uses it: ONNX in, seconds out, no scikit-learn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hal._extras import require
from hal.errors import InvalidModel
from hal.predict.features import ANCHOR, FEATURES, REQUEST, Rows

__all__ = ["FORMAT", "GRID", "QUANTILES", "Model"]

#: Version of what the file's metadata and outputs mean.
FORMAT: Final = 1
#: Shares of jobs that end within the low, the middle and the high answer. (The middle of boosting, which seeks the
#: likeliest runtime rather than a share, is near its own.)
QUANTILES: Final = (0.25, 0.5, 0.8)
_STEPS: Final = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
#: ln beyond the anchor at which a forest says what share of jobs ends by then.
GRID: Final = (*(-step for step in reversed(_STEPS)), 0.0, *_STEPS)
_GRID: Final = np.array(GRID, dtype=np.float32)


class Model:
    """Quantiles of runtimes from rows of features.

    Parameters
    ----------
    content : bytes
        An ONNX file that `hal.predict.train.train` has made.

    Attributes
    ----------
    about : mapping of str to str
        What the file says of itself: kind, quantiles, how many jobs it was trained on.

    Raises
    ------
    InvalidModel
        The content is no such file, or was made for other features.
    MissingExtra
        onnxruntime is not installed.

    Notes
    -----
    One thread, so that answers do not depend on the machine. Some 10 µs for one row; batches take a few µs a row.
    """

    def __init__(self, content: bytes) -> None:
        runtime = require("onnxruntime", extra="ml")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own types, one a kind of damage
            raise InvalidModel(f"model: not a readable ONNX file: {str(error)[:200]}") from None
        self.content = content
        self.about: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
        if self.about.get("format") != str(FORMAT) or self.about.get("features") != json.dumps(FEATURES):
            raise InvalidModel("model: made for other features or another version; train it anew")
        self._run: Any = session.run
        self._names = [session.get_outputs()[0].name]
        self._input = session.get_inputs()[0].name
        self._shares = self.about.get("output") == "shares"

    def predict(self, rows: Rows) -> NDArray[np.float32]:
        """Return low, middle and high quantiles in ln seconds, float32, shape (n_jobs, 3), at most the request.

        Parameters
        ----------
        rows : ndarray of float32, shape (n_jobs, n_features)
            As `hal.predict.FEATURES` names them.
        """
        if rows.ndim != 2 or rows.shape[1] != len(FEATURES):
            raise InvalidModel(f"rows have shape {rows.shape}; give {len(FEATURES)} columns")
        found: NDArray[np.float32] = self._run(self._names, {self._input: rows})[0]
        if self._shares:
            found = _quantiles(found)
        found += rows[:, ANCHOR : ANCHOR + 1]
        found.sort(axis=1)
        return np.minimum(found, rows[:, REQUEST : REQUEST + 1], out=found)

    def predict_one(self, row: Rows) -> tuple[float, float, float]:
        """Return low, middle and high of one row, float32 of shape (1, n_features), in ln seconds; unchecked."""
        found = self._run(self._names, {self._input: row})[0]
        low, middle, high = (_quantiles(found) if self._shares else found)[0].tolist()
        anchor, most = row.item(ANCHOR), row.item(REQUEST)
        if low > middle:
            low, middle = middle, low
        if middle > high:
            middle, high = high, middle
            if low > middle:
                low, middle = middle, low
        return min(low + anchor, most), min(middle + anchor, most), min(high + anchor, most)


def _quantiles(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn shares at the grid, shape (n_jobs, n_grid), into quantiles, shape (n_jobs, 3), by lines in between."""
    answers = np.empty((len(shares), len(QUANTILES)), dtype=np.float32)
    every = np.arange(len(shares))
    for at, wanted in enumerate(QUANTILES):
        right = np.clip((shares < wanted).sum(axis=1), 1, len(GRID) - 1)
        below, above = shares[every, right - 1], shares[every, right]
        part = np.clip((wanted - below) / np.maximum(above - below, 1e-6), 0.0, 1.0)
        answers[:, at] = _GRID[right - 1] + part * (_GRID[right] - _GRID[right - 1])
    return answers
