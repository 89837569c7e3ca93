"""One situation that a policy is put into."""

from __future__ import annotations

from dataclasses import dataclass

from hal.cluster import Cluster
from hal.model import Job, Node
from hal.place import place
from hal.testing.code import code
from hal.topology import Topology

__all__ = ["Case"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Nodes, what runs on them, and the jobs that are asked about.

    Attributes
    ----------
    nodes : tuple of Node
    jobs : tuple of Job
    running : tuple of Job
        Placed by first fit before the policy is asked; those that do not fit are left out.
    topology : Topology, optional
    """

    nodes: tuple[Node, ...]
    jobs: tuple[Job, ...]
    running: tuple[Job, ...] = ()
    topology: Topology | None = None

    def cluster(self) -> Cluster:
        """Return a new cluster in this situation."""
        made = self.empty()
        if self.running:
            place(made, self.running, "first_fit", apply=True)
        return made

    def empty(self) -> Cluster:
        """Return a new cluster of the nodes on which nothing runs."""
        return Cluster(self.nodes, topology=self.topology)

    def code(self) -> str:
        """Return the code that makes ``cluster`` and ``jobs``."""
        lines = ["import hal", *(["import hal.topology"] if self.topology is not None else []), ""]
        lines += ["nodes = [", *(f"    {code(node)}," for node in self.nodes), "]"]
        if self.topology is not None:
            lines += [f"topology = {code(self.topology)}"]
            lines += ["cluster = hal.Cluster(nodes, topology=topology)"]
        else:
            lines += ["cluster = hal.Cluster(nodes)"]
        if self.running:
            lines += ["running = [", *(f"    {code(job)}," for job in self.running), "]"]
            lines += ['hal.place(cluster, running, "first_fit", apply=True)']
        lines += ["jobs = [", *(f"    {code(job)}," for job in self.jobs), "]"]
        return "\n".join(lines)
