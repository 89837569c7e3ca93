"""What Nomad has, kept by its lists and events, and what that is in hal's model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hal.adapters.contract import Dropped, Running
from hal.adapters.mirror import Look
from hal.adapters.nomad.allocs import Held, alloc_held, group_running
from hal.adapters.nomad.convert import Group, group_job, node_model
from hal.adapters.nomad.devices import of_nodes
from hal.adapters.nomad.fields import Unsaid, flag, mapping, rows, text, whole
from hal.adapters.nomad.steer import pinned

import hal

__all__ = ["Tables", "View"]

Row = Mapping[str, Any]
Read = Callable[[str, str], Any]


@dataclass
class View(Look):
    """Everything in hal's model, by name.

    Attributes
    ----------
    on_their_way : set of (str, int)
        Task groups with their job's index that were given nodes and are not there yet.
    again : dict of (str, int) to tuple of str
        Those that wait again, because their nodes, by id, are gone or Nomad has not placed them there.
    """

    dropped: tuple[Dropped, ...] = ()
    on_their_way: set[tuple[str, int]] = field(default_factory=set)
    again: dict[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)

    def values_of(self, label: str) -> list[str]:
        """The value that each node has of a label, of those that have it."""
        return [node.labels[label] for node in self.nodes.values() if label in node.labels]


class Tables:
    """Nodes, allocations, and jobs that are hal's, as Nomad told them.

    Attributes
    ----------
    ids : dict of str to str
        Name of a node → its id.
    groups : dict of str to Group
        Name of a job in hal → the task group.
    """

    def __init__(self, claim: str) -> None:
        self.claim = claim
        self.ids: dict[str, str] = {}
        self.groups: dict[str, Group] = {}
        self._nodes: dict[str, Row] = {}
        self._jobs: dict[tuple[str, str], Row] = {}
        self._allocs: dict[str, Row] = {}
        # What a row is in the model, with the row it was made of: rows are replaced, never changed.
        self._models: dict[str, tuple[Row, hal.Node | Dropped, tuple[Dropped, ...]]] = {}
        self._held: dict[str, tuple[Row, Row | None, Held | Dropped | None]] = {}

    # ---- taking in -----------------------------------------------------------------------------------

    def list_nodes(self, stubs: Sequence[Row], read: Callable[[str], Any]) -> None:
        """Take in the list of nodes; those that changed are read one by one, for their attributes."""
        known, self._nodes = self._nodes, {}
        for stub in stubs:
            node = text(stub, "ID")
            old = known.get(node)
            same = old is not None and whole(old, "ModifyIndex") == whole(stub, "ModifyIndex")
            self._nodes[node] = old if same and old is not None else mapping(read(node))

    def list_jobs(self, stubs: Sequence[Row], read: Read) -> None:
        """Take in the list of jobs; of hal's, those that changed are read one by one."""
        known, self._jobs = self._jobs, {}
        for stub in stubs:
            if self.claim not in mapping(stub, "Meta"):
                continue
            key = text(stub, "Namespace", "default"), text(stub, "ID")
            old = known.get(key)
            same = old is not None and whole(old, "ModifyIndex") == whole(stub, "ModifyIndex")
            self._jobs[key] = old if same and old is not None else mapping(read(key[1], key[0]))

    def list_allocs(self, stubs: Sequence[Row]) -> None:
        """Take in the list of allocations."""
        known, self._allocs = self._allocs, {}
        for stub in stubs:
            key, old = text(stub, "ID"), known.get(text(stub, "ID"))
            same = old is not None and whole(old, "ModifyIndex") == whole(stub, "ModifyIndex")
            self._allocs[key] = old if same and old is not None else stub

    def event(self, topic: str, kind: str, payload: Row, read: Read) -> None:
        """Take in one event."""
        if topic == "Node":
            node = mapping(payload, "Node")
            if kind == "NodeDeregistration":
                self._nodes.pop(text(node, "ID"), None)
            elif node:
                self._nodes[text(node, "ID")] = node
        elif topic == "Job":
            job = mapping(payload, "Job")
            key = text(job, "Namespace", "default"), text(job, "ID")
            if (
                kind == "JobDeregistered"
                or flag(payload, "Deleted")
                or self.claim not in mapping(job, "Meta")
            ):
                self._jobs.pop(key, None)
            elif job:
                self._jobs[key] = job
        elif topic == "Allocation":
            alloc = mapping(payload, "Allocation")
            if alloc:
                self._allocs[text(alloc, "ID")] = alloc

    # ---- telling -------------------------------------------------------------------------------------

    def view(self, hopes: Callable[[str, int], bool]) -> View:
        """Return everything in the model.

        Parameters
        ----------
        hopes : callable
            Whether a task group, with its job's index, may still come to be on the nodes that it was given.
        """
        view, dropped = View(), list[Dropped]()
        self._see_nodes(view, dropped)
        where = {node: name for name, node in self.ids.items()}
        ready = {node for name, node in self.ids.items() if view.nodes[name].schedulable}
        held, ended, closed = self._see_allocs(where, dropped)
        for node in closed & set(where):  # what is free there is not known
            view.nodes[where[node]] = dataclasses.replace(view.nodes[where[node]], schedulable=False)
        self.groups = {}
        for (namespace, job_id), job in sorted(self._jobs.items(), key=lambda item: _rank(item[1])):
            try:
                for row in rows(job, "TaskGroups"):
                    group = Group(namespace, job_id, text(row, "Name"))
                    if group.name in self.groups:
                        raise Unsaid("Name", f"{group.name} twice")
                    self.groups[group.name] = group
                    live = held.pop(group, {})
                    if live:
                        found = group_running(list(live.values()), group.name, where)
                        view.running |= {running.job.name: running for running in found}
                    elif not flag(job, "Stop") and text(job, "Status") != "dead":
                        self._see_group(view, group, job, row, ready, where, group in ended, hopes, dropped)
            except Unsaid as error:
                dropped.append(Dropped(f"job {job_id}", error.field, error.value, "held"))
        for live in held.values():  # not hal's
            for key, one in live.items():
                name = f"alloc {key}"
                view.running |= {r.job.name: r for r in group_running([one], name, where)}
        view.dropped = tuple(dropped)
        return view

    def _see_nodes(self, view: View, dropped: list[Dropped]) -> None:
        self.ids = {}
        for key, row in self._nodes.items():
            cached = self._models.get(key)
            if cached is None or cached[0] is not row:
                noted: list[Dropped] = []
                model: hal.Node | Dropped
                try:
                    model = node_model(row, noted)
                except (Unsaid, hal.InvalidModel) as error:
                    model = Dropped(f"node {key}", "description", str(error)[:200], "unschedulable")
                cached = self._models[key] = row, model, tuple(noted)
            dropped += cached[2]
            if isinstance(cached[1], Dropped) or cached[1].name in self.ids:
                dropped.append(
                    cached[1] if isinstance(cached[1], Dropped)
                    else Dropped(f"node {key}", "Name", cached[1].name, "unschedulable")
                )  # fmt: skip
            else:
                view.nodes[cached[1].name] = cached[1]
                self.ids[cached[1].name] = key
        self._models = {key: self._models[key] for key in self._nodes}

    def _see_allocs(
        self, where: Mapping[str, str], dropped: list[Dropped]
    ) -> tuple[dict[Group, dict[str, Held]], set[Group], set[str]]:
        held: dict[Group, dict[str, Held]] = {}
        ended: set[Group] = set()
        closed: set[str] = set()
        for key, row in list(self._allocs.items()):
            node = self._nodes.get(str(row.get("NodeID")))
            cached = self._held.get(key)
            if cached is None or cached[0] is not row or cached[1] is not node:
                what: Held | Dropped | None
                try:
                    what = alloc_held(row, node)
                    if what is not None:
                        what.job(key)  # what is no request is said here
                except (Unsaid, hal.InvalidModel) as error:
                    what = Dropped(
                        f"allocation {key}", "AllocatedResources", str(error)[:200], "unschedulable"
                    )
                cached = self._held[key] = row, node, what
            match cached[2]:
                case Dropped() as item:
                    dropped.append(item)
                    closed.add(str(row.get("NodeID")))
                case None:
                    group = self._ended(row)
                    if group is not None:
                        ended.add(group)
                case one if one.node in where:
                    held.setdefault(one.group, {})[key] = one
        self._held = {key: self._held[key] for key in self._allocs}
        return held, ended, closed

    def _ended(self, alloc: Row) -> Group | None:
        """Return the group of hal's that ran as it is registered now and has ended; None for any other."""
        key = str(alloc.get("Namespace") or "default"), str(alloc.get("JobID"))
        job = self._jobs.get(key)
        if job is None or text(alloc, "ClientStatus") == "lost":
            return None
        since = whole(alloc, "CreateIndex") >= whole(job, "JobModifyIndex")
        return Group(*key, str(alloc.get("TaskGroup"))) if since else None

    def _see_group(
        self, view: View, group: Group, job: Row, row: Row, ready: set[str], where: Mapping[str, str], ended: bool,
        hopes: Callable[[str, int], bool], dropped: list[Dropped],
    ) -> None:  # fmt: skip
        """Say what a task group without allocations is: it waits, is on its way, or is over."""
        name, index = group.name, whole(job, "JobModifyIndex")
        nodes = pinned(job, row)
        if nodes == ():
            dropped.append(Dropped(f"job {name}", "Constraints", "no gate: Nomad places it", "held"))
        if nodes == () or (nodes and ended) or not whole(row, "Count", 1):
            return
        try:
            model = group_job(job, row, name, dropped, view.values_of, lambda: of_nodes(self._nodes.values()))
        except (Unsaid, hal.InvalidModel) as error:
            said = (error.field, error.value) if isinstance(error, Unsaid) else ("request", str(error)[:200])
            dropped.append(Dropped(f"job {name}", *said, "held"))
            return
        if nodes and len(nodes) == model.tasks and ready.issuperset(nodes) and hopes(name, index):
            view.on_their_way.add((name, index))
            view.running[name] = Running(model, tuple(where[node] for node in nodes))
            return
        if nodes:
            view.again[name, index] = nodes
        view.waiting[name] = model


def _rank(job: Row) -> tuple[int, int, str]:
    """The order of Nomad's own queue: by priority, then by age."""

    def number(key: str, default: int) -> int:
        value = job.get(key)
        return value if isinstance(value, int) else default

    return -number("Priority", 50), number("CreateIndex", 0), str(job.get("ID"))
