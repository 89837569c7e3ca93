"""In which order tasks arrive and nodes win ties: the recorded orders, and new ones for any trace."""

from __future__ import annotations

from os import PathLike
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from hal._doors import path_of
from hal.errors import InvalidModel
from hal.replay.openb.trace import Nodes, Tasks

__all__ = ["draw_orders", "read_orders"]

Order = NDArray[np.int64]


def read_orders(path: str | PathLike[str], seed: int, *, tasks: int, nodes: int) -> tuple[Order, Order]:
    """Read the recorded orders of one published run.

    Parameters
    ----------
    path : path
        ``orders/<trace>.npz`` with ``arrivals_<seed>`` and ``nodes_<seed>``.
    seed : int
        The run.
    tasks, nodes : int
        Rows of the task and node lists, against which the orders are checked.

    Returns
    -------
    arrivals : (a,) int64, rows of the task list, copies included
    order : (nodes,) int64, a permutation of the rows of the node list

    Raises
    ------
    InvalidModel
        No such file or seed, or rows that the lists do not have.
    """
    where = path_of(path)
    try:
        with where.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrivals, order = (stored[f"{kind}_{seed}"] for kind in ("arrivals", "nodes"))
    except OSError as error:
        raise InvalidModel(
            f"{where}: cannot be read ({error.strerror or error}); give recorded orders"
        ) from None
    except KeyError:
        raise InvalidModel(
            f"{where}: seed = {seed}: has no recorded order; the published seeds are 42 … 51"
        ) from None
    except (ValueError, BadZipFile, EOFError) as error:
        raise InvalidModel(f"{where}: is not a readable .npz file ({error})") from None
    for name, rows, limit in (("arrivals", arrivals, tasks), ("nodes", order, nodes)):
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or (rows.size and int(rows.max()) >= limit):
            raise InvalidModel(f"{where}: {name}_{seed}: names rows that the list of {limit} does not have")
        if rows.dtype.kind == "i" and rows.size and int(rows.min()) < 0:
            raise InvalidModel(f"{where}: {name}_{seed}: has a negative row")
    if order.size != nodes or np.unique(order).size != nodes:
        raise InvalidModel(f"{where}: nodes_{seed}: must name each of the {nodes} nodes once")
    return arrivals.astype(np.int64), order.astype(np.int64)


def draw_orders(tasks: Tasks, nodes: Nodes, seed: int, *, load: float = 1.3) -> tuple[Order, Order]:
    """Orders for a trace without recorded ones: shuffled, inflated by copies to ``load`` × GPU capacity.

    Every task comes before any copy of one; copies are drawn evenly. The same seed gives the same orders.

    Parameters
    ----------
    tasks, nodes : Tasks, Nodes
    seed : int
        0 or more.
    load : float
        Arrived GPU demand over GPU capacity, above 0.

    Raises
    ------
    InvalidModel
        No task asks for a GPU, no node has one, or ``load`` or ``seed`` is out of range.
    """
    if not 0 < load <= 100:
        raise InvalidModel(f"load = {load!r}: must lie in (0, 100]")
    if seed < 0:
        raise InvalidModel(f"seed = {seed!r}: must be 0 or more")
    demand = tasks.gpu_demand
    if not demand.any() or not nodes.gpu_capacity:
        raise InvalidModel(
            "tasks: without GPU demand or GPUs there is no load to inflate to; check both lists"
        )
    goal = load * nodes.gpu_capacity
    random = np.random.Generator(np.random.PCG64(seed))
    rows = random.permutation(len(tasks))
    total = int(demand.sum())
    if total < goal:
        need = goal - total
        size = int(2 * need / demand.mean()) + 1000
        copies = random.integers(0, len(tasks), size)
        rows = np.concatenate([rows, copies])
    enough = int(np.searchsorted(np.cumsum(demand[rows]), goal)) + 1
    rows = rows[:enough]
    return random.permutation(rows), random.permutation(len(nodes))
