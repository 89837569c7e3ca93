"""The live state: what every node has, what is free, what runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._building import Building, node_of, strings
from hal._columns import check_column
from hal._show import show
from hal.columns import Columns
from hal.errors import HalError, InvalidModel
from hal.model import Job, Node

if TYPE_CHECKING:
    from hal.placements import Placements
    from hal.policy import Policy
    from hal.preempt import Preemption
    from hal.queues import QueueTree
    from hal.rebalance import Rebalance
    from hal.topology import Topology

__all__ = ["Cluster"]


class Cluster(Building):
    """Nodes, and the jobs that run on them.

    State changes only through its methods; ``hal.place`` leaves it as it was unless told otherwise. One caller at
    a time may use a cluster; different clusters may be used from different threads.

    Parameters
    ----------
    nodes : iterable of Node
        In index order: ties between nodes go to the lower index.
    topology : Topology, optional
        See `set_topology`.

    Raises
    ------
    InvalidModel
        Two nodes share a name.

    Examples
    --------
    >>> import hal
    >>> cluster = hal.Cluster([hal.Node("n1", cpus=8, memory="32GiB", gpus=hal.gpus(2, "T4"))])
    >>> len(cluster)
    1
    """

    __slots__ = ("__weakref__",)

    def __init__(self, nodes: Iterable[Node] = (), *, topology: Topology | None = None) -> None:
        self._core = _core.Cluster()
        self.add(nodes)
        if topology is not None:
            self.set_topology(topology)

    # ---- reading -------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return int(self._core.n_nodes)

    def __contains__(self, name: object) -> bool:
        try:
            self._core.index_of(name)
        except (InvalidModel, TypeError):
            return False
        return True

    def __repr__(self) -> str:
        return f"Cluster({len(self)} nodes, {self._core.n_jobs} jobs)"

    @property
    def columns(self) -> Columns:
        """Read-only numpy views of the live columns; index = node index."""
        return Columns(self._core)

    def node_names(self) -> list[str]:
        """Names of the present nodes, in index order."""
        return list(self._core.node_names())

    def node(self, name: str) -> Node:
        """Return a node as it was described, with its present capacity.

        Raises
        ------
        InvalidModel
            There is no such node.
        """
        return node_of(self._core.node(name).state())

    def nodes(self) -> Iterator[Node]:
        """Every node, in index order."""
        return (self.node(name) for name in self.node_names())

    def jobs(self) -> list[str]:
        """Names of the jobs that run, oldest id first; jobs that came as columns have only ids."""
        return list(self._core.jobs())

    def runs(self, job: str) -> bool:
        """Whether a job of that name runs here; O(1)."""
        return bool(self._core.has_job(job))

    @property
    def version(self) -> int:
        """A number that changes with every change of state."""
        return int(self._core.version)

    def digest(self) -> int:
        """Hash of everything that decisions depend on; O(nodes)."""
        return int(self._core.digest())

    # ---- changing ------------------------------------------------------------------------------------

    def apply(self, placements: Placements | Preemption | Rebalance) -> NDArray[np.int64]:
        """Book what ``hal.place`` decided, or carry out the plan of ``hal.preempt`` or ``hal.rebalance``.

        Returns
        -------
        (jobs,) int64
            Id of each job in the books, for `release`; -1 where it was not placed. Empty for moves.

        Raises
        ------
        InvalidModel
            The state has changed since so that something no longer fits, a name runs already, or the placements
            are of another cluster. Nothing was booked.
        """
        return placements._apply(self)

    def bind(
        self, job: Job, nodes: Sequence[str], *, gpus: Sequence[Sequence[int] | None] | None = None
    ) -> None:
        """Enter a job that runs already, where it runs, with its queue, labels and rules.

        Quotas and rules are not asked: what runs, runs. From then on they count it.

        Parameters
        ----------
        job : Job
        nodes : sequence of str
            Node of each task.
        gpus : sequence of (sequence of int or None), optional
            Device indices of each task; None: the tightest that fit.

        Raises
        ------
        InvalidModel
            The name runs already, a node is not there, or what it holds is not free. Nothing was changed.
        """
        masks: list[int | None] = [None] * len(nodes)
        if gpus is not None:
            if len(gpus) != len(nodes):
                raise InvalidModel(
                    f"gpus: {len(gpus)} entries for {len(nodes)} tasks; give one a task, or None"
                )
            masks = [None if task is None else _mask(task) for task in gpus]
        self._core.bind(
            job.name, job._handle.shape, list(zip(nodes, masks, strict=True)), job.priority, job._traits()
        )

    def cordon(self, name: str, *, cordoned: bool = True) -> None:
        """Place nothing new on a node, or lift that; what runs there stays.

        Raises
        ------
        InvalidModel
            There is no such node.
        """
        node = self.node(name)
        if node.schedulable is cordoned:
            self.update(dataclasses.replace(node, schedulable=not cordoned))

    def release(self, jobs: str | Iterable[str] | NDArray[np.int64]) -> None:
        """Give back all that jobs hold, all or none.

        Parameters
        ----------
        jobs : str, iterable of str, or int64 array
            Names, or ids from `apply`.

        Raises
        ------
        InvalidModel
            One of them does not run here.
        """
        if isinstance(jobs, np.ndarray):
            self._core.release_ids(check_column("jobs", jobs, np.int64, None))
            return
        if isinstance(jobs, str):
            self._core.release(jobs)
            return
        names = strings("jobs", list(jobs))
        mark = self._core.mark()
        try:
            for name in names:
                self._core.release(name)
        except HalError:
            self._core.rollback(mark)
            raise
        self._core.keep(mark)

    def add(self, nodes: Node | Iterable[Node]) -> None:
        """Let nodes join, all or none.

        Raises
        ------
        InvalidModel
            A name is taken.
        """
        self._core.add_nodes(
            [_checked(node)._spec() for node in ([nodes] if isinstance(nodes, Node) else nodes)]
        )

    def update(self, node: Node) -> None:
        """Replace the description of the node of that name: capacity, labels, taints, cordon.

        Raises
        ------
        InvalidModel
            No such node, or the new capacity is below what is used.
        """
        self._core.update_node(_checked(node)._spec())

    def remove(self, name: str, *, evict: bool = False) -> list[str]:
        """Let a node leave.

        Parameters
        ----------
        name : str
        evict : bool
            Drop what runs there instead of refusing. A job with a ``gang`` that is left below ``min_tasks`` of a
            role, or with part of a slice, ends whole: what is left of it could not go on. Other jobs keep their
            tasks on other nodes.

        Returns
        -------
        list of str
            Jobs that lost tasks (``#<id>`` for column jobs); those that ended are no longer among `jobs`.

        Raises
        ------
        InvalidModel
            No such node, or it is busy and ``evict`` is not set.
        """
        return list(self._core.remove_node(name, evict))

    def set_topology(self, topology: Topology | None) -> None:
        """Hang the nodes, present and to come, into a tree by their names; None takes it away.

        Nodes that the topology does not name stay outside: jobs with a ``gang`` do not use them.
        """
        if topology is None:
            self._core.set_topology(None, [])
        else:
            self._core.set_topology(topology._core, topology.nodes)

    def resize(
        self,
        job: str,
        tasks: int | Sequence[int],
        *,
        policy: Policy | str = "best_fit",
        queues: QueueTree | None = None,
    ) -> bool:
        """Shrink or grow a job that runs, all of the change or none.

        Tasks are given up so that the rest is nearest together, and taken as near to it as there is room; on a
        cluster with a topology ranks are then given anew along the tree.

        Parameters
        ----------
        job : str
        tasks : int or sequence of int
            New count of tasks, of each role when there are several; from ``min_tasks`` to ``tasks`` of a gang.
        policy : Policy or str
            Its filters hold for new tasks; without a topology its scores choose their nodes.
        queues : QueueTree, optional
            Growing takes no queue over a maximum.

        Returns
        -------
        bool
            False when there is no room on the nodes, within the rules or in the queue; nothing was changed then.

        Raises
        ------
        InvalidModel
            The job does not run here, or a count is not one its gang allows.
        """
        from hal.place import resolve

        counts = [tasks] if isinstance(tasks, int) else list(tasks)
        if not all(type(count) is int and 0 < count <= 2**20 for count in counts):
            raise InvalidModel(f"tasks = {show(tasks)}: must be whole numbers from 1 to 2**20")
        tree = None if queues is None else queues._core
        return bool(_core.resize(self._core, job, counts, resolve(policy, None)._core, tree))

    # ---- trying out ----------------------------------------------------------------------------------

    def fork(self) -> Self:
        """Return an independent copy; O(nodes + jobs)."""
        return self._of(self._core.fork())

    @contextmanager
    def what_if(self) -> Iterator[Self]:
        """Try things out and throw them away; costs only what the trial changes.

        Inside the block use the yielded cluster; the original refuses until the block ends. Trials nest.

        Examples
        --------
        >>> import hal
        >>> cluster = hal.Cluster([hal.Node("n1", cpus=8)])
        >>> with cluster.what_if() as trial:
        ...     _ = trial.remove("n1")
        >>> len(cluster)
        1
        """
        core = self._core
        trial = self._of(core)
        self._core = cast(
            Any, _Refuses("the cluster is inside what_if(): use the trial, or leave the block first")
        )
        mark = core.mark()
        try:
            yield trial
        finally:
            trial._core = cast(Any, _Refuses("this trial is over: its what_if() block has ended"))
            core.rollback(mark)
            self._core = core


class _Refuses:
    """Stands where a cluster's core was, so that the hot path needs no test."""

    def __init__(self, why: str) -> None:
        self._why = why

    def __getattr__(self, name: str) -> Any:
        raise HalError(self._why)


def _checked(node: object) -> Node:
    if not isinstance(node, Node):
        raise InvalidModel(f"nodes: {show(node)} must be a hal.Node")
    return node


def _mask(devices: Sequence[int]) -> int:
    mask = 0
    for device in devices:
        if type(device) is not int or not 0 <= device < 64 or mask >> device & 1:
            raise InvalidModel(f"gpus = {show(list(devices))}: must be different device indices from 0 to 63")
        mask |= 1 << device
    return mask
