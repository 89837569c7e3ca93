"""What follows from what an API server has said: objects in, differences out. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from hal.adapters.contract import (
    Delta,
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
    running_of,
    topology_of,
)
from hal.adapters.kubernetes.gangs import Group, gang_of, natural
from hal.adapters.kubernetes.kinds import (
    CAPACITIES,
    CLAIMS,
    CLASSES,
    DEVICES,
    DRIVERS,
    RESOURCES,
    VOLUMES,
)
from hal.adapters.kubernetes.ledger import News
from hal.adapters.kubernetes.said import Said

import hal
import hal.topology

__all__ = ["State"]


class State(Said):
    """What follows for hal from the objects of one API server, and what was told of it.

    Parameters as of `Said`.
    """

    def __init__(self, claims: Callable[[Mapping[str, Any]], bool], levels: tuple[str, ...] = ()) -> None:
        super().__init__(claims, levels)
        self.roles: dict[str, list[list[str]]] = {}  # pods of each role of a gang that waits
        self.world = World()

    def snapshot(self, version: str) -> Snapshot:
        """Return everything; differences count from here."""
        topology = topology_of({name: node.labels for name, node in self.nodes.items()}, self.levels)
        levels = frozenset(level.name for level in topology.levels) if topology else frozenset()
        others = self.others
        self.world = World(
            nodes=self._nodes.tags,
            claims=others[CLAIMS],
            volumes=others[VOLUMES],
            classes=others[CLASSES],
            drivers=others[DRIVERS],
            capacities=others[CAPACITIES],
            levels=levels,
            avoided=self._nodes.avoided,
            devices=self._nodes.devices,
            resources=others[RESOURCES],
            kinds=others[DEVICES],
        )
        self._nodes.changes()
        self._stale = ""
        self._ledger.begin([*self.pods, *(group.job for group in self._members)])
        waiting, running = [], []
        for key, now in self._news():
            if isinstance(now, Running):
                running.append(now)
            elif now is not None:
                waiting.append((*self._rank(key, now), now))
        waiting.sort(key=lambda item: item[:3])
        jobs = tuple(item[3] for item in waiting)
        return Snapshot(tuple(self._nodes), tuple(running), jobs, version, topology, self._ledger.dropped)

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
        for key, now in self._news():
            if now is None:
                gone.append(JobGone(key))
            elif isinstance(now, Running):
                started.append(JobStarted(now))
            else:
                queued.append(JobQueued(now))
        return [*gone, *queued, *self._nodes.changes(), *started]

    def _news(self) -> list[tuple[str, News]]:
        groups: dict[str, Group] = {}

        def gangs() -> Iterable[str]:
            groups.clear()  # pods that turn out to be of a group, or to have left it, change which there are
            groups.update((group.job, group) for group in self._members)
            return groups

        def look(key: str) -> News:
            return self._gang(groups[key]) if key in groups else self._single(key)

        return self._ledger.news(gangs, look)

    def _single(self, key: str) -> News:
        pod = self.pods.get(key)
        if pod is None or ended(pod):
            self._forget(key)
            return None
        if key in self.assumed:
            return self.assumed[key]
        if bound(pod):
            self._forget(key)
            told = self._ledger.told(key)
            same = isinstance(told, Running) and told.nodes == (pod["spec"]["nodeName"],)
            if same and key not in self._using:
                return told
            running, dropped = running_of(pod, self.world)
            self._ledger.note(key, dropped)
            return running
        if not self.waits(key):
            self._forget(key)
            return None
        job, dropped = job_of(pod, self.world)
        self._ledger.note(key, dropped)
        affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity")) or {}
        if job is None or pod["spec"].get("volumes") or affinity:
            self._loose.add(key)
        if job is None:
            self.jobs.pop(key, None)
        else:
            self.jobs[key] = job
        group = self._members.group(key)
        if group is not None and self.least(group):
            return None  # waits as a part of its gang
        return job

    def _gang(self, group: Group) -> hal.Job | None:
        self.roles.pop(group.job, None)
        least = self.least(group)
        members = sorted(self._members[group], key=natural)
        waiting = [
            (self.pods[key], self.jobs[key]) for key in members if self.waits(key) and key in self.jobs
        ]
        if not waiting or not least:
            return None
        places = [
            self.assumed[key].nodes[0] if key in self.assumed else str(self.pods[key]["spec"]["nodeName"])
            for key in members
            if key in self.assumed or bound(self.pods[key])
        ]
        started = [self.nodes[place].labels if place in self.nodes else {} for place in places]
        job, roles, dropped = gang_of(group, waiting, least=least, started=started, levels=self.world.levels)
        self._ledger.note(group.job, dropped)
        if job is not None:
            self.roles[group.job] = roles
        return job

    def _forget(self, key: str) -> None:
        self.jobs.pop(key, None)
        self._loose.discard(key)
        self._ledger.note(key, ())

    def gangs(self) -> Iterator[tuple[str, list[str], int]]:
        """Yield name, pods that have their node, and the least number of each group that has one."""
        for group in self._members:
            started = sorted(
                key for key in self._members[group] if key in self.assumed or bound(self.pods[key])
            )
            if least := self.least(group):
                yield f"group {group.name}", started, least
