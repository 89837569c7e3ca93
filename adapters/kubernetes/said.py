"""The objects of an API server as it has said so far, and which jobs they may have changed. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hal.adapters.contract import Running
from hal.adapters.kubernetes.convert import bound, ended, key_of
from hal.adapters.kubernetes.gangs import Group, group_of, least_of
from hal.adapters.kubernetes.kinds import (
    BUDGETS,
    DEVICES,
    GLOBAL,
    GROUPS,
    NODES,
    PODS,
    RESOURCES,
    SLICES,
    SPARE,
)
from hal.adapters.kubernetes.ledger import Ledger, sensible
from hal.adapters.kubernetes.members import Members
from hal.adapters.kubernetes.nodes import Nodes

import hal

__all__ = ["Said"]


class Said:
    """The objects of one API server, and what we know of them before it says so.

    Parameters
    ----------
    claims : callable
        Whether a pod that waits is hal's to place.
    levels : tuple of str
        Label keys that are levels of the topology beside the known ones, nearest last.
    """

    def __init__(
        self,
        claims: Callable[[Mapping[str, Any]], bool],
        levels: tuple[str, ...] = (),
    ) -> None:
        self.claims, self.levels = claims, levels
        self._nodes = Nodes(levels)
        self.nodes = self._nodes.known
        self.pods: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, hal.Job] = {}  # of single pods that wait
        self.assumed: dict[str, Running] = {}  # bound by us; the watch may not have said so yet
        self.promised: set[str] = set()  # pods that have their node as soon as others have left it
        self.others: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in SPARE}
        self._members = Members()
        self._using: set[str] = set()  # pods with claims of devices
        self._loose: set[str] = set()  # what nodes and volumes decide, beside the pod itself
        self._ledger = Ledger()
        self._stale = ""

    def take(self, kind: str, event: str, thing: dict[str, Any]) -> None:
        """Take in an object: ``ADDED``, ``MODIFIED`` or ``DELETED``.

        Raises
        ------
        AdapterError
            It is none.
        """
        gone = event == "DELETED"
        with sensible(kind):
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
            self._ledger.note(f"slice {key}", self._nodes.publish(thing, gone))
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
                self._ledger.forget(key)
            self._join(key, group)
        self._mark(key)

    def _join(self, key: str, group: Group | None) -> None:
        if (left := self._members.put(key, group)) is not None:
            self._ledger.mark(left.job)

    def _mark(self, *keys: str) -> None:
        for key in keys:
            self._ledger.mark(key)
            if group := self._members.group(key):
                self._ledger.mark(group.job)

    def _node(self, thing: dict[str, Any], gone: bool) -> None:
        name = thing["metadata"]["name"]
        news = self._nodes.take(thing, gone)
        self._ledger.note(f"node {name}", news.dropped)
        if news.gone:
            # Its pods are still bound to it: told again, for the case that it comes back.
            lost = self._ledger.told_on(name)
            self._ledger.forget(*lost)
            self._mark(*lost)
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
        self._ledger.forget(key)
        if group := self._members.group(key):
            self._ledger.forget(group.job)
        self._mark(key)

    def assume(self, key: str, running: Running) -> None:
        """Take a pod as bound where it was sent, until the server says otherwise."""
        self.assumed[key] = running
        self._mark(key)

    def waits(self, key: str) -> bool:
        """Whether a pod waits and is hal's."""
        pod = self.pods.get(key)
        return (
            pod is not None
            and not (bound(pod) or key in self.assumed or key in self.promised or ended(pod))
            and not pod["metadata"].get("deletionTimestamp")
            and self.claims(pod)
        )

    def least(self, group: Group) -> int:
        return least_of(self.others[GROUPS].get(group.name) or {}) or group.least
