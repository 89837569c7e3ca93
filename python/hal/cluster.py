"""The live state: what every node has, what is free, what runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._booking import Booking
from hal._building import node_of
from hal._doors import flag, listed, must_be
from hal._show import counted, show
from hal.columns import Columns
from hal.errors import HalError, InvalidModel
from hal.model import Node

if TYPE_CHECKING:
    from hal.placements import Placements
    from hal.preempt import Preemption
    from hal.rebalance import Rebalance
    from hal.topology import Topology

__all__ = ["Cluster", "core_of"]


class Cluster(Booking):
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
        return f"Cluster({counted(len(self), 'node')}, {counted(self._core.n_jobs, 'job')})"

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
        return node_of(self._core.node(must_be(name, str, "name")).state())

    def nodes(self) -> Iterator[Node]:
        """Every node, in index order."""
        return (self.node(name) for name in self.node_names())

    def jobs(self) -> list[str]:
        """Names of the jobs that run, oldest id first; jobs that came as columns have only ids."""
        return list(self._core.jobs())

    def runs(self, job: str) -> bool:
        """Whether a job of that name runs here; O(1)."""
        return bool(self._core.has_job(must_be(job, str, "job")))

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
        if not hasattr(placements, "_apply"):
            raise InvalidModel(
                f"placements = {show(placements)}: must be what hal.place, hal.preempt or hal.rebalance returned"
            )
        return placements._apply(self)

    def cordon(self, name: str, *, cordoned: bool = True) -> None:
        """Place nothing new on a node, or lift that; what runs there stays.

        Raises
        ------
        InvalidModel
            There is no such node.
        """
        node, cordoned = self.node(name), flag(cordoned, "cordoned")
        if node.schedulable is cordoned:
            self.update(dataclasses.replace(node, schedulable=not cordoned))

    def add(self, nodes: Node | Iterable[Node]) -> None:
        """Let nodes join, all or none.

        Raises
        ------
        InvalidModel
            A name is taken.
        """
        self._core.add_nodes([node._spec() for node in listed(nodes, Node, "nodes")])

    def update(self, node: Node) -> None:
        """Replace the description of the node of that name: capacity, labels, taints, cordon.

        Raises
        ------
        InvalidModel
            No such node, the new capacity is below what is used, or a GPU in use would go or become another.
        """
        self._core.update_node(must_be(node, Node, "node")._spec())

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
        return list(self._core.remove_node(must_be(name, str, "name"), flag(evict, "evict")))

    def set_topology(self, topology: Topology | None) -> None:
        """Hang the nodes, present and to come, into a tree by their names; None takes it away.

        Nodes that the topology does not name stay outside: jobs with a ``gang`` do not use them.
        """
        if topology is None:
            self._core.set_topology(None, [])
        elif not hasattr(topology, "_core"):
            raise InvalidModel(f"topology = {show(topology)}: must be a hal.topology.Topology")
        else:
            self._core.set_topology(topology._core, topology.nodes)

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


def core_of(cluster: Cluster) -> Any:
    """Return the core's part of a cluster.

    Raises
    ------
    InvalidModel
        It is no cluster.
    HalError
        A `what_if` block is around it, or has ended.
    """
    core = must_be(cluster, Cluster, "cluster")._core
    if type(core) is _Refuses:
        raise HalError(core._why)
    return core


class _Refuses:
    """Stands where a cluster's core was, so that the hot path needs no test."""

    def __init__(self, why: str) -> None:
        self._why = why

    def __getattr__(self, name: str) -> Any:
        raise HalError(self._why)
