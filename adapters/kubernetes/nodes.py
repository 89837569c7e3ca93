"""The nodes of one API server, in hal's model: what changed about them, and which of them are kept for somebody."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hal.adapters.contract import Delta, Dropped, NodeChanged, NodeGone
from hal.adapters.kubernetes.convert import node_of
from hal.adapters.kubernetes.devices import Device, devices_of
from hal.adapters.kubernetes.places import AVOID

import hal
import hal.topology

__all__ = ["News", "Nodes"]

_TREE: Final = frozenset(key for keys in hal.topology.PRESETS.values() for key in keys)


@dataclass(frozen=True)
class News:
    """What is new of a node.

    Attributes
    ----------
    gone, labels : bool
        It left; it has other labels.
    taints : bool
        There are other ``PreferNoSchedule`` taints than before, on any node.
    place : bool
        It has another place in the topology.
    dropped : tuple of Dropped
    """

    gone: bool = False
    labels: bool = False
    taints: bool = False
    place: bool = False
    dropped: tuple[Dropped, ...] = ()


class Nodes:
    """Nodes by name.

    Parameters
    ----------
    levels : tuple of str
        Label keys that are levels of the topology beside the known ones.

    Attributes
    ----------
    known : dict of str to Node
        As the API server has them.
    tags : dict of str to mapping
        Their labels.
    avoided : Counter of (str, str)
        ``PreferNoSchedule`` taints, and on how many nodes.
    devices : dict of str to list of Device
        What their ResourceSlices publish.
    """

    def __init__(self, levels: tuple[str, ...]) -> None:
        self.known: dict[str, hal.Node] = {}
        self.tags: dict[str, Mapping[str, str]] = {}
        self.avoided: Counter[tuple[str, str]] = Counter()
        self.devices: dict[str, list[Device]] = {}
        self._things: dict[str, Mapping[str, Any]] = {}
        self._slices: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._keys = (*_TREE, *levels)
        self._shut: Counter[str] = Counter()
        self._changes: list[Delta] = []

    def __iter__(self) -> Iterator[hal.Node]:
        """Yield the nodes as others than those that they are kept for may use them."""
        return map(self._open, self.known.values())

    def take(self, thing: Mapping[str, Any], gone: bool) -> News:
        """Take in a node."""
        name = thing["metadata"]["name"]
        if gone:
            self._things.pop(name, None)
            taints = self._taints(self.tags.pop(name, {}), {})
            if self.known.pop(name, None) is None:
                return News()
            self._changes.append(NodeGone(name))
            return News(gone=True, taints=taints)
        self._things[name] = thing
        node, dropped = node_of(thing, self.devices.get(name, ()))
        before = self.known.get(name)
        if node == before:
            return News(dropped=dropped)
        tags = before.labels if before else {}
        self.known[name], self.tags[name] = node, node.labels
        self._changes.append(NodeChanged(self._open(node)))
        return News(
            labels=node.labels != tags,
            taints=self._taints(tags, node.labels),
            place=any(node.labels.get(key) != tags.get(key) for key in self._keys),
            dropped=dropped,
        )

    def publish(self, thing: Mapping[str, Any], gone: bool) -> tuple[Dropped, ...]:
        """Take in a ResourceSlice; what of its node's devices is left out."""
        name, node = thing["metadata"]["name"], thing["spec"].get("nodeName")
        if node is None:
            return () if gone else (Dropped(f"slice {name}", "nodeName", "devices of no one node"),)
        slices = self._slices.setdefault(node, {})
        if gone:
            slices.pop(name, None)
        else:
            slices[name] = thing
        self.devices[node], dropped = devices_of(slices.values())
        if node in self._things:
            self.take(self._things[node], False)
        return tuple(dropped)

    def keep(self, names: Iterable[str], by: int) -> None:
        """Keep nodes for somebody (1), or no longer (-1): nothing else is placed there meanwhile."""
        for name in set(names):
            self._shut[name] += by
            if name in self.known:
                self._changes.append(NodeChanged(self._open(self.known[name])))
        self._shut = +self._shut

    def changes(self) -> list[Delta]:
        """Return what changed since the last time."""
        changes, self._changes = self._changes, []
        return changes

    def _open(self, node: hal.Node) -> hal.Node:
        kept = self._shut[node.name] and node.schedulable
        return dataclasses.replace(node, schedulable=False) if kept else node

    def _taints(self, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
        known = set(self.avoided)
        for tags, by in ((before, -1), (after, 1)):
            for key, value in tags.items():
                if key.startswith(AVOID):
                    self.avoided[key.removeprefix(AVOID), value] += by
        for taint in known:
            if not self.avoided[taint]:
                del self.avoided[taint]
        return known != set(self.avoided)
