"""Giving pods the devices that they claim: who binds a pod allocates (``resource.k8s.io``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hal.adapters.kubernetes.client import MERGE, ApiError, Client
from hal.adapters.kubernetes.devices import claims_of, node_of, reserved_for
from hal.adapters.kubernetes.places import World, key_of

__all__ = ["Allocator"]

#: Keeps a claim from being deleted while somebody uses its devices.
_FINALIZER: Final = "resource.kubernetes.io/delete-protection"


class Allocator:
    """Writes into claims which devices a pod has, before the pod is bound. Any thread may call.

    Parameters
    ----------
    client : Client

    Attributes
    ----------
    path : str
        Of the release of ``resource.k8s.io`` that the server has.
    told : list of dict
        Claims as they are after what was written: for whoever follows them.
    """

    def __init__(self, client: Client) -> None:
        self.client, self.path = client, ""
        self.told: list[dict[str, Any]] = []

    def allocate(self, pod: Mapping[str, Any], node: str, gpus: Sequence[int], world: World) -> None:
        """Allocate what a pod claims on a node. Doing it twice changes nothing.

        A claim that is allocated to this pod on this node already stays as it is: a kubelet may have begun with it.

        Parameters
        ----------
        gpus : sequence of int
            Of the node's devices, one for each that is claimed.

        Raises
        ------
        AdapterError
            A claim is somebody else's now, or a device is (409); or what the server says.
        """
        there, taken = world.devices.get(node) or (), _taken(world)
        left = iter(gpus)
        for key, claim in claims_of(pod, world):
            results = []
            for request in _requests(claim):
                for _ in range((request.get("exactly") or request).get("count", 1)):
                    row = next(left, len(there))
                    if row >= len(there):
                        raise ApiError(409, f"{node} publishes no device {row}")
                    driver, pool, device = there[row].key
                    if taken.get(there[row].key, key) != key:
                        raise ApiError(409, f"{device} of {node} is allocated to {taken[there[row].key]}")
                    results.append(
                        {"request": request["name"], "driver": driver, "pool": pool, "device": device}
                    )
            url = self._url(key)
            now = self.client.call("GET", url)
            if not (now.get("status") or {}).get("allocation"):
                now = self._write(url, now, pod, _allocation(claim, results, node, world))
            elif not (reserved_for(now, pod) and node_of(now) == node):
                raise ApiError(409, f"{key} is allocated")
            self.told.append(now)

    def give_back(self, pod: Mapping[str, Any], node: str, world: World) -> None:
        """Take back what was allocated to a pod that was not bound there after all."""
        for key, _ in claims_of(pod, world):
            url = self._url(key)
            now = self.client.call("GET", url)
            if reserved_for(now, pod) and node_of(now) == node:
                nothing = {
                    "metadata": {"resourceVersion": now["metadata"].get("resourceVersion")},
                    "status": {"allocation": None, "reservedFor": None},
                }
                self.told.append(self.client.call("PATCH", f"{url}/status", nothing, kind=MERGE))

    def _url(self, key: str) -> str:
        space, _, name = key.partition("/")
        return f"{self.path}/namespaces/{space}/resourceclaims/{name}"

    def _write(
        self, url: str, claim: Mapping[str, Any], pod: Mapping[str, Any], allocation: Mapping[str, Any]
    ) -> dict[str, Any]:
        meta = claim["metadata"]
        if _FINALIZER not in (kept := list(meta.get("finalizers") or ())):
            body = {"resourceVersion": meta.get("resourceVersion"), "finalizers": [*kept, _FINALIZER]}
            meta = self.client.call("PATCH", url, {"metadata": body}, kind=MERGE)["metadata"]
        user = {"resource": "pods", "name": pod["metadata"]["name"], "uid": pod["metadata"].get("uid")}
        told = {
            "metadata": {"resourceVersion": meta.get("resourceVersion")},
            "status": {"allocation": allocation, "reservedFor": [user]},
        }
        return self.client.call("PATCH", f"{url}/status", told, kind=MERGE)


def _requests(claim: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (claim["spec"].get("devices") or {}).get("requests") or ()


def _taken(world: World) -> dict[tuple[str, str, str], str]:
    """Return which devices are allocated, and to which claims."""
    return {
        (one["driver"], one["pool"], one["device"]): key_of(claim)
        for claim in world.resources.values()
        for one in (((claim.get("status") or {}).get("allocation") or {}).get("devices") or {}).get("results")
        or ()
        if not one.get("adminAccess")
    }


def _allocation(
    claim: Mapping[str, Any], results: list[dict[str, str]], node: str, world: World
) -> dict[str, Any]:
    """Return an allocation of one node's devices, with what drivers are to be told of them."""
    here = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    devices: dict[str, Any] = {"results": results}
    if config := list(_config(claim, world)):
        devices["config"] = config
    return {"devices": devices, "nodeSelector": {"nodeSelectorTerms": [here]}}


def _config(claim: Mapping[str, Any], world: World) -> Iterator[dict[str, Any]]:
    for request in _requests(claim):
        kind = world.kinds[(request.get("exactly") or request)["deviceClassName"]]
        for one in kind["spec"].get("config") or ():
            yield {**one, "source": "FromClass", "requests": [request["name"]]}
    for one in (claim["spec"].get("devices") or {}).get("config") or ():
        yield {**one, "source": "FromClaim"}
