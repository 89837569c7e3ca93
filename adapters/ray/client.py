"""Ray's state, read from its control store: every fault of Ray is an `AdapterError`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import hal

__all__ = ["Client", "ray_module"]

T = TypeVar("T")


def ray_module(name: str = "ray") -> Any:
    """Import Ray when it is first needed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise hal.MissingExtra("ray is not installed: pip install 'hal-core[ray]'") from error


class Client:
    """One Ray cluster, through the driver of this process.

    Parameters
    ----------
    address : str
        As in ``ray.init``; empty: the cluster that this process is connected to, else a new one on this machine.

    Raises
    ------
    AdapterError
        There is no cluster at that address.
    MissingExtra
    """

    def __init__(self, address: str = "") -> None:
        self.ray = ray_module()
        self._state = ray_module("ray._private.state")  # Ray offers what is free on each node nowhere else
        self.connected = not self.ray.is_initialized()
        if self.connected:
            _said(
                "ray.init",
                lambda: self.ray.init(address=address or None, log_to_driver=False, include_dashboard=False),
            )

    def nodes(self) -> Any:
        """Every node, also those that have died; by id, for Ray tells them in any order."""
        return _said("ray.nodes", lambda: sorted(self.ray.nodes(), key=lambda row: str(row["NodeID"])))

    def free(self) -> Mapping[str, Any]:
        """Node id → what is free there; at most a second old."""
        answer = _said("available resources", self._state.available_resources_per_node)
        return answer if isinstance(answer, Mapping) else {}

    def draining(self) -> set[str]:
        """Ids of nodes that are to leave, on which Ray starts nothing any more."""
        return {str(node) for node in _said("draining nodes", self._state.state.get_draining_nodes)}

    def dead_actors(self) -> Mapping[str, bool]:
        """Ids of actors that will not come back, and whether each died because its node would not have it."""
        actors = _said("actors", self._state.actors)
        return {
            str(key): "actor_unschedulable_context" in str(actor["DeathCause"])
            for key, actor in actors.items()
            if actor["State"] == "DEAD"
        }

    def groups(self) -> Mapping[str, str]:
        """Placement group's id → state."""
        table = _said("placement groups", ray_module("ray.util").placement_group_table)
        return {str(key): str(row["state"]) for key, row in table.items()}

    def close(self) -> None:
        """Disconnect, when it was this that connected."""
        if self.connected and self.ray.is_initialized():
            self.ray.shutdown()


def _said(what: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except Exception as error:  # Ray raises errors of its own, gRPC's, and plain ones of many kinds
        raise hal.AdapterError(f"{what}: {error!r:.300}") from error
