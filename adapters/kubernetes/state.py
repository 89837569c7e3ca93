"""What an API server has said so far, in hal's model: objects in, differences out. No I/O."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from hal.adapters.contract import (
    Delta,
    Dropped,
    JobGone,
    JobQueued,
    JobStarted,
    Running,
    Snapshot,
    Stale,
)
from hal.adapters.kubernetes.convert import (
    World,
    bound,
    ended,
    job_of,
    key_of,
    running_of,
    topology_of,
)
from hal.adapters.kubernetes.gangs import Group, gang_of, group_of, least_of, natural
from hal.adapters.kubernetes.kinds import (
    BUDGETS,
    CLAIMS,
    CLASSES,
    DEVICES,
    GLOBAL,
    GROUPS,
    NODES,
    PODS,
    RESOURCES,
    SLICES,
    VOLUMES,
)
from hal.adapters.kubernetes.members import Members
from hal.adapters.kubernetes.nodes import Nodes

import hal
import hal.topology

__all__ = ["State"]

log = logging.getLogger("hal.kubernetes")

_BROKEN: Final = (AttributeError, KeyError, TypeError, ValueError)


@contextlib.contextmanager
def _sensible(what: str) -> Iterator[None]:
    """Make a fault of the server of what reading its objects stumbles over."""
    try:
        yield
    except _BROKEN as error:
        if isinstance(error, hal.HalError):
            raise
        raise hal.AdapterError(f"{what}: makes no sense ({type(error).__name__}: {error})") from error


class State:
    """The objects of one API server, and what was told of them.

    Parameters
    ----------
    claims : callable
        Whether a pod that waits is hal's to place.
    levels : tuple of str
        Label keys that are levels of the topology beside the known ones, nearest last.
    advises : bool
        Whether somebody else binds, and allocates the devices that pods claim.
    """

    def __init__(
        self,
        claims: Callable[[Mapping[str, Any]], bool],
        levels: tuple[str, ...] = (),
        *,
        advises: bool = False,
    ) -> None:
        self.claims, self.levels, self.advises = claims, levels, advises
        self._nodes = Nodes(levels)
        self.nodes = self._nodes.known
        self.pods: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, hal.Job] = {}  # of single pods that wait
        self.roles: dict[str, list[list[str]]] = {}  # pods of each role of a gang that waits
        self.assumed: dict[str, Running] = {}  # bound by us; the watch may not have said so yet
        self.promised: set[str] = set()  # pods that have their node as soon as others have left it
        self.others: dict[str, dict[str, dict[str, Any]]] = {
            kind: {} for kind in (CLAIMS, VOLUMES, CLASSES, GROUPS, BUDGETS, RESOURCES, DEVICES)
        }
        self._members = Members()
        self._using: set[str] = set()  # pods with claims of devices
        self._loose: set[str] = set()  # what nodes and volumes decide, beside the pod itself
        self._dirty: dict[str, None] = {}
        self._told: dict[str, hal.Job | Running] = {}
        self._stale = ""
        self._dropped: dict[str, tuple[Dropped, ...]] = {}
        self.world = World()

    # ---- in ------------------------------------------------------------------------------------------

    def take(self, kind: str, event: str, thing: dict[str, Any]) -> None:
        """Take in an object: ``ADDED``, ``MODIFIED`` or ``DELETED``.

        Raises
        ------
        AdapterError
            It is none.
        """
        gone = event == "DELETED"
        with _sensible(kind):
            name = thing["metadata"]["name"]
            if not isinstance(name, str):
                raise TypeError(f"name = {name!r:.60}")
            if kind == PODS:
                self._pod(thing, gone)
            elif kind == NODES:
                self._node(thing, gone)
            else:
                self._other(kind, name if kind in GLOBAL else key_of(thing), thing, gone)

    def _other(self, kind: str, key: str, thing: dict[str, Any], gone: bool) -> None:
        if kind == SLICES:
            self._note(f"slice {key}", self._nodes.publish(thing, gone))
        elif gone:
            self.others[kind].pop(key, None)
        else:
            self.others[kind][key] = thing
        if kind in (SLICES, RESOURCES, DEVICES):
            for pod in self._using:
                if bound(self.pods[pod]):
                    self.assumed.pop(pod, None)  # which devices it has may be known only now
            self._mark(*self._using)
        elif kind != BUDGETS:
            self._mark(*self._loose)
        if kind == GROUPS:
            self._mark(*(pod for group in self._members if group.name == key for pod in self._members[group]))

    def _pod(self, pod: dict[str, Any], gone: bool) -> None:
        key = key_of(pod)
        before = self.pods.get(key)
        if gone or (before and before["metadata"].get("uid") != pod["metadata"].get("uid")):
            self.assumed.pop(key, None)  # another of the same name knows nothing of it
        pod["metadata"].pop("managedFields", None)
        self._using.discard(key)
        if gone:
            self.pods.pop(key, None)
            self._join(key, None)
        else:
            group = group_of(pod)
            self.pods[key] = pod
            if pod["spec"].get("resourceClaims"):
                self._using.add(key)
            assumed = self.assumed.get(key)
            if assumed and bound(pod) and assumed.nodes != (pod["spec"]["nodeName"],):
                del self.assumed[key]  # somebody else was first
            if before and before["spec"].get("containers") != pod["spec"].get("containers"):
                self.assumed.pop(key, None)  # resized
                self._told.pop(key, None)
            self._join(key, group)
        self._mark(key)

    def _join(self, key: str, group: Group | None) -> None:
        if (left := self._members.put(key, group)) is not None:
            self._dirty[left.job] = None

    def _mark(self, *keys: str) -> None:
        for key in keys:
            self._dirty[key] = None
            if group := self._members.group(key):
                self._dirty[group.job] = None

    def _node(self, thing: dict[str, Any], gone: bool) -> None:
        name = thing["metadata"]["name"]
        news = self._nodes.take(thing, gone)
        self._note(f"node {name}", news.dropped)
        if news.gone:
            # Its pods are still bound to it: told again, for the case that it comes back.
            for key, told in list(self._told.items()):
                if isinstance(told, Running) and name in told.nodes:
                    del self._told[key]
                    self._mark(key)
        if news.place:
            self._stale = f"node {name} has another place in the topology"
        if news.gone or news.labels:
            self._mark(*self._loose)
        if news.taints:
            self._mark(*self.jobs)

    def promise(self, keys: Iterable[str], nodes: Iterable[str]) -> None:
        """Keep these nodes for these pods, which wait for others to leave: no job is placed on them meanwhile."""
        keys = tuple(keys)
        self.promised.update(keys)
        self._nodes.keep(nodes, 1)
        self._mark(*keys)

    def release(self, keys: Iterable[str], nodes: Iterable[str]) -> None:
        """Take a promise back."""
        keys = tuple(keys)
        self.promised.difference_update(keys)
        self._nodes.keep(nodes, -1)
        self._mark(*keys)

    def part(self, key: str) -> None:
        """Take a pod as not bound after all."""
        self.assumed.pop(key, None)
        # Whoever listens may have been told already that it is, as the answer to what was applied.
        self._told.pop(key, None)
        if group := self._members.group(key):
            self._told.pop(group.job, None)
        self._mark(key)

    def assume(self, key: str, running: Running) -> None:
        """Take a pod as bound where it was sent, until the server says otherwise."""
        self.assumed[key] = running
        self._mark(key)

    def gangs(self) -> Iterator[tuple[str, list[str], int]]:
        """Yield name, pods that have their node, and the least number of each group that has one."""
        for group in self._members:
            started = sorted(
                key for key in self._members[group] if key in self.assumed or bound(self.pods[key])
            )
            if least := self._least(group):
                yield f"group {group.name}", started, least

    def waits(self, key: str) -> bool:
        """Whether a pod waits and is hal's."""
        pod = self.pods.get(key)
        return (
            pod is not None
            and not (bound(pod) or key in self.assumed or key in self.promised or ended(pod))
            and not pod["metadata"].get("deletionTimestamp")
            and self.claims(pod)
        )

    # ---- out -----------------------------------------------------------------------------------------

    def snapshot(self, version: str) -> Snapshot:
        """Return everything; differences count from here."""
        topology = topology_of({name: node.labels for name, node in self.nodes.items()}, self.levels)
        levels = frozenset(level.name for level in topology.levels) if topology else frozenset()
        claims, volumes, classes = (self.others[kind] for kind in (CLAIMS, VOLUMES, CLASSES))
        self.world = World(
            self._nodes.tags, claims, volumes, classes, levels, self._nodes.avoided,
            self._nodes.devices, self.others[RESOURCES], self.others[DEVICES], self.advises,
        )  # fmt: skip
        self._told.clear()
        self._nodes.changes()
        self._stale = ""
        self._dirty = dict.fromkeys([*self.pods, *(group.job for group in self._members)])
        waiting, running = [], []
        for key, now in self._differences():
            if isinstance(now, Running):
                running.append(now)
            elif now is not None:
                waiting.append((*self._rank(key, now), now))
        waiting.sort(key=lambda item: item[:3])
        jobs = tuple(item[3] for item in waiting)
        dropped = tuple(item for found in self._dropped.values() for item in found)
        return Snapshot(tuple(self._nodes), tuple(running), jobs, version, topology, dropped)

    def _rank(self, key: str, job: hal.Job) -> tuple[int, str, str]:
        first = self.roles[key][0][0] if key in self.roles else key
        return -job.priority, str(self.pods[first]["metadata"].get("creationTimestamp")), key

    def deltas(self) -> list[Delta]:
        """Return what changed since the last time: ends first, so that what they held is free for the rest.

        Raises
        ------
        Stale
            The topology is another one.
        """
        if self._stale:
            raise Stale(self._stale)
        gone: list[Delta] = []
        queued: list[Delta] = []
        started: list[Delta] = []
        for key, now in self._differences():
            if now is None:
                gone.append(JobGone(key))
            elif isinstance(now, Running):
                started.append(JobStarted(now))
            else:
                queued.append(JobQueued(now))
        return [*gone, *queued, *self._nodes.changes(), *started]

    def _differences(self) -> Iterable[tuple[str, hal.Job | Running | None]]:
        found: list[tuple[str, hal.Job | Running | None]] = []
        while self._dirty:  # pods that turn out to be of a group mark it
            dirty, self._dirty = self._dirty, {}
            groups = {group.job: group for group in self._members}
            for key in sorted(dirty, key=lambda key: key in groups):
                with _sensible(key):
                    now = self._gang(groups[key]) if key in groups else self._single(key)
                before = self._told.get(key)
                if now is None:
                    self._told.pop(key, None)
                    if before is not None:
                        found.append((key, now))
                elif now != before:
                    self._told[key] = now
                    found.append((key, now))
        return found

    def _single(self, key: str) -> hal.Job | Running | None:
        pod = self.pods.get(key)
        if pod is None or ended(pod):
            self._forget(key)
            return None
        if key in self.assumed:
            return self.assumed[key]
        if bound(pod):
            self._forget(key)
            told = self._told.get(key)
            same = isinstance(told, Running) and told.nodes == (pod["spec"]["nodeName"],)
            if same and key not in self._using:
                return told
            running, dropped = running_of(pod, self.world)
            self._note(key, dropped)
            return running
        if not self.waits(key):
            self._forget(key)
            return None
        job, dropped = job_of(pod, self.world)
        self._note(key, dropped)
        affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity")) or {}
        if job is None or pod["spec"].get("volumes") or affinity:
            self._loose.add(key)
        if job is None:
            self.jobs.pop(key, None)
        else:
            self.jobs[key] = job
        group = self._members.group(key)
        if group is not None and self._least(group):
            return None  # waits as a part of its gang
        return job

    def _gang(self, group: Group) -> hal.Job | None:
        self.roles.pop(group.job, None)
        least = self._least(group)
        members = sorted(self._members[group], key=natural)
        waiting = [
            (self.pods[key], self.jobs[key]) for key in members if self.waits(key) and key in self.jobs
        ]
        if not waiting or not least:
            return None
        started = sum(bound(self.pods[key]) or key in self.assumed for key in members)
        job, roles, dropped = gang_of(group, waiting, least=least, started=started, levels=self.world.levels)
        self._note(group.job, dropped)
        if job is not None:
            self.roles[group.job] = roles
        return job

    def _least(self, group: Group) -> int:
        return least_of(self.others[GROUPS].get(group.name) or {}) or group.least

    def _forget(self, key: str) -> None:
        self.jobs.pop(key, None)
        self._loose.discard(key)
        self._dropped.pop(key, None)

    def _note(self, key: str, dropped: Iterable[Dropped]) -> None:
        found = tuple(dropped)
        if found and self._dropped.get(key) != found:
            for item in found:
                log.info("cannot be expressed", extra={"dropped": str(item)})
        if found:
            self._dropped[key] = found
        else:
            self._dropped.pop(key, None)
