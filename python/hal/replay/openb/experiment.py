"""The published experiment: tasks arrive one by one and stay; one that does not fit is dropped.

Source: Weng et al., "Beware of Fragmentation", USENIX ATC 2023.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal._doors import must_be, path_of
from hal.errors import InvalidModel
from hal.job_columns import JobColumns
from hal.place import place
from hal.policy import Policy
from hal.replay.openb.metrics import allocation, curve, fragmentation, power
from hal.replay.openb.orders import draw_orders, read_orders
from hal.replay.openb.policies import published_policy
from hal.replay.openb.trace import Nodes, Tasks, read_nodes, read_tasks

__all__ = ["Experiment", "Run", "run", "traces_folder"]

_LIST: Final = "openb_pod_list_"


@dataclass(frozen=True)
class Run:
    """What one replay measured.

    Attributes
    ----------
    trace, policy : str
    seed : int
    allocation, fragmentation : (131,) float64, % of GPU capacity at each percent of arrived demand
    power : (131,) float64, watts of the cluster at each percent of arrived demand
    arrivals, placed : int
    seconds : float
        Wall time of the placements alone.
    """

    trace: str
    policy: str
    seed: int
    allocation: NDArray[np.float64]
    fragmentation: NDArray[np.float64]
    power: NDArray[np.float64]
    arrivals: int
    placed: int
    seconds: float


@dataclass(frozen=True)
class Experiment:
    """One trace on one cluster, with recorded orders when there are some.

    Attributes
    ----------
    trace : str
    nodes : Nodes
    tasks : Tasks
    orders : Path or None
        None: orders are drawn from the seed.
    in_order : bool
        Tasks arrive as listed, once each, and nodes win ties as listed, whatever the seed.
    """

    trace: str
    nodes: Nodes
    tasks: Tasks
    orders: Path | None = None
    in_order: bool = False

    @classmethod
    def load(cls, trace: str, folder: str | PathLike[str] | None = None) -> Experiment:
        """Read a trace.

        Parameters
        ----------
        trace : str
            Name of one of the published traces, or the path of a task list in the same format, whose orders are
            those of ``orders/<name>.npz`` beside it or, without that, drawn.
        folder : path, optional
            Default: ``$HAL_TRACES/openb``.

        Raises
        ------
        InvalidModel
            A file is missing or broken.
        """
        base = traces_folder() / "openb" if folder is None else path_of(folder, "folder")
        own = must_be(trace, str, "trace").endswith(".csv")
        path = path_of(trace, "trace") if own else base / f"{_LIST}{trace}.csv"
        if folder is None and not base.is_dir():
            raise InvalidModel(
                f"HAL_TRACES = {os.environ['HAL_TRACES']!r}: has no folder openb; name the folder of real traces"
            )
        if not own and not path.is_file():
            known = sorted(found.stem.removeprefix(_LIST) for found in base.glob(f"{_LIST}*.csv"))
            raise InvalidModel(
                f"trace = {trace!r}: is unknown; known are {', '.join(known) or 'none'}, or give a .csv file"
            )
        name = path.stem.removeprefix(_LIST)
        recorded = (path.parent if own else base) / "orders" / f"{name}.npz"
        return cls(
            name,
            read_nodes(base / "openb_node_list_gpu_node.csv"),
            read_tasks(path),
            recorded if recorded.is_file() else None,
        )

    def order(self, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Arrivals (rows of the tasks) and tie-break order (rows of the nodes) of a seed."""
        if self.in_order:
            return np.arange(len(self.tasks)), np.arange(len(self.nodes))
        if self.orders is None:
            return draw_orders(self.tasks, self.nodes, seed)
        return read_orders(self.orders, seed, tasks=len(self.tasks), nodes=len(self.nodes))


def traces_folder() -> Path:
    """Return ``$HAL_TRACES``.

    Raises
    ------
    InvalidModel
        It is not set, or no folder.
    """
    folder = Path(os.environ.get("HAL_TRACES") or "")
    if not os.environ.get("HAL_TRACES") or not folder.is_dir():
        raise InvalidModel(
            f"HAL_TRACES = {os.environ.get('HAL_TRACES')!r}: must name the folder of real traces, with openb/ in it"
        )
    return folder


def run(experiment: Experiment, policy: str | Policy, seed: int) -> Run:
    """Replay one trace once.

    Parameters
    ----------
    experiment : Experiment
    policy : str or Policy
        A name gets the published parameters (`published_policy`); a Policy is taken as it is.
    seed : int
        Which orders, and the seed of a policy that draws lots.

    Notes
    -----
    O(arrivals log nodes) for the placements plus O(arrivals × typical tasks) for the fragmentation.
    """
    arrivals, order = experiment.order(seed)
    nodes, tasks = experiment.nodes.take(order), experiment.tasks
    cluster = nodes.cluster()
    decided = policy if isinstance(policy, Policy) else published_policy(policy, tasks, seed=seed)
    jobs = JobColumns.from_tasks(tasks, arrivals)
    start = time.perf_counter()
    placements = place(cluster, jobs, decided, apply=True)
    seconds = time.perf_counter() - start

    demand = tasks.gpu_demand[arrivals]
    placed = placements.status == 0
    capacity = nodes.gpu_capacity
    lost = fragmentation(nodes, tasks, arrivals, placements.node, placements.gpu_mask, tasks.typical())
    watts = power(nodes, tasks, arrivals, placements.node, placements.gpu_mask)
    return Run(
        experiment.trace,
        decided.name,
        seed,
        curve(allocation(demand, placed, capacity), demand, capacity),
        curve(lost, demand, capacity),
        curve(watts, demand, capacity),
        arrivals.size,
        int(placed.sum()),
        seconds,
    )
