"""Training: scikit-learn learns, skl2onnx exports. Nothing here is needed where predictions are made."""

from __future__ import annotations

import json
import warnings
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hal._extras import require
from hal.errors import InvalidModel
from hal.predict.features import ANCHOR, FEATURES, REQUEST, Rows
from hal.predict.model import FORMAT, GRID, QUANTILES

__all__ = ["KINDS", "train"]

KINDS: Final = ("boosting", "forest")
_FARTHEST: Final = 3.0  # ln: a factor of 20 beyond which it no longer matters how wrong a guess is
_OPSETS: Final = {"": 17, "ai.onnx.ml": 3}


def train(rows: Rows, run: NDArray[np.int64], *, kind: str = "boosting", seed: int = 0) -> bytes:
    """Return a model of the runtimes, as an ONNX file.

    The target is ln(run) beyond the anchor. The middle answer seeks the runtime t with the largest expected
    min(t, run) / max(t, run) = exp(-distance of their logarithms): absolute errors weighted by
    exp(-error of the guess before) are its tangent from above (majorise, minimise), so each round can only gain.

    Parameters
    ----------
    rows : ndarray of float32, shape (n_jobs, n_features)
        Features at submission.
    run : ndarray of int64, shape (n_jobs,)
        Seconds.
    kind : {"boosting", "forest"}
        Histogram gradient boosting, a model a quantile; or one random forest whose leaves hold the distribution.
    seed : int
        For the draws of the forest.

    Raises
    ------
    InvalidModel
        Too few jobs (below 50), or an unknown kind.
    MissingExtra
        scikit-learn or skl2onnx is not installed.

    Notes
    -----
    Some 50 µs a job. Source of the weighting: Hunter and Lange, A Tutorial on MM Algorithms (2004).
    """
    if kind not in KINDS:
        raise InvalidModel(f"kind is {kind!r}; use {', '.join(KINDS)}")
    if len(rows) < 50 or len(rows) != len(run):
        raise InvalidModel(f"training: {len(rows)} rows for {len(run)} jobs; give at least 50, one a job")
    run = np.minimum(run, np.exp(rows[:, REQUEST].astype(np.float64)))
    target = np.log(np.maximum(run, 1.0)) - rows[:, ANCHOR].astype(np.float64)
    require("sklearn.ensemble", extra="ml")  # before the limit, which holds for libraries that are loaded
    # One thread: the host schedules meanwhile, and idle OpenMP threads would spin on its cores.
    with require("threadpoolctl", extra="ml").threadpool_limits(1):
        graph = _boosting(rows, target) if kind == "boosting" else _forest(rows, target, seed)
    about = {
        "format": str(FORMAT),
        "features": json.dumps(FEATURES),
        "kind": kind,
        "output": "quantiles" if kind == "boosting" else "shares",
        "quantiles": json.dumps(QUANTILES),
        "jobs": str(len(rows)),
    }
    require("onnx.helper", extra="ml").set_model_props(graph, about)
    content: bytes = graph.SerializeToString()
    return content


def _boosting(rows: Rows, target: NDArray[np.float64]) -> Any:
    ensemble = require("sklearn.ensemble", extra="ml")

    def fit(weight: NDArray[np.float64] | None = None, **loss: Any) -> Any:
        model = ensemble.HistGradientBoostingRegressor(
            max_iter=30,
            learning_rate=0.2,
            max_leaf_nodes=15,
            max_bins=63,
            min_samples_leaf=20,
            early_stopping=False,
            **loss,
        )
        return model.fit(rows, np.clip(target, -_FARTHEST, _FARTHEST), sample_weight=weight)

    low = fit(loss="quantile", quantile=QUANTILES[0])
    middle = fit(np.exp(-np.abs(target)), loss="absolute_error")
    high = fit(loss="quantile", quantile=QUANTILES[2])
    return _side_by_side([_export(model) for model in (low, middle, high)])


def _forest(rows: Rows, target: NDArray[np.float64], seed: int) -> Any:
    """Shares of jobs below each step of a grid, whose means in leaves, unlike quantiles, add up over trees."""
    forest = require("sklearn.ensemble", extra="ml").RandomForestRegressor(
        20, min_samples_leaf=8, max_features=0.4, max_samples=0.7, random_state=seed
    )
    return _export(forest.fit(rows, target[:, None] <= np.array(GRID)[None, :]))


def _export(model: Any) -> Any:
    example = np.zeros((1, len(FEATURES)), dtype=np.float32)
    exporter = require("skl2onnx", extra="ml")
    with warnings.catch_warnings():  # skl2onnx passes booleans for integers, which protobuf dislikes
        warnings.simplefilter("ignore", DeprecationWarning)
        return exporter.to_onnx(model, example, target_opset=_OPSETS)


def _side_by_side(graphs: list[Any]) -> Any:
    """Join models of the same input into one whose output has their outputs as columns."""
    helper = require("onnx.helper", extra="ml")
    shared = graphs[0].graph.input[0]
    nodes, initializers, columns = [], [], []
    for index, part in enumerate(graphs):
        graph = require("onnx.compose", extra="ml").add_prefix_graph(part.graph, f"m{index}_")
        for node in graph.node:
            node.input[:] = [shared.name if n == graph.input[0].name else n for n in node.input]
        nodes += graph.node
        initializers += graph.initializer
        columns.append(graph.output[0].name)
    nodes.append(helper.make_node("Concat", columns, ["quantiles"], axis=1))
    output = helper.make_tensor_value_info("quantiles", 1, [None, len(graphs)])
    graph = helper.make_graph(nodes, "quantiles", [shared], [output], initializers)
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=graphs[0].ir_version)
