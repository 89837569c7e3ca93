"""Claims of devices, allocated before their pods are bound, on a server of the tests' own: no real one is to be had."""

from __future__ import annotations

import copy
from typing import Any

import kubernetes_validate
import pytest
from hal.adapters.contract import Outcome
from hal.adapters.kubernetes.binding import Binder
from hal.adapters.kubernetes.client import ApiError
from hal.adapters.kubernetes.kinds import DEVICES, NODES, PODS, RESOURCES, SLICES

import hal
from tests.adapters.kubernetes.test_devices import claim, kind, machine, pod, published


class Server:
    """Keeps claims and bindings; a patch of an older version than it has is refused."""

    def __init__(self, *claims: dict[str, Any]) -> None:
        self.claims = {one["metadata"]["name"]: copy.deepcopy(one) for one in claims}
        self.bound: dict[str, str] = {}
        self.fails: list[hal.AdapterError] = []  # what the next bindings are answered
        for one in self.claims.values():
            one["metadata"]["resourceVersion"] = "1"

    def post(self, requests: list[tuple[str, Any]]) -> list[int]:
        for path, body in requests:
            self.call("POST", path, body)
        return [201] * len(requests)

    def call(self, method: str, path: str, body: Any = None, *, kind: str = "") -> Any:
        if path.endswith("/binding"):
            if self.fails:
                raise self.fails.pop(0)
            self.bound[path.split("/")[-2]] = body["target"]["name"]
            return {}
        if "/pods/" in path:
            return {"metadata": {}, "spec": {"nodeName": self.bound.get(path.rpartition("/")[2])}}
        assert path.startswith("/apis/resource.k8s.io/v1/namespaces/lab/resourceclaims/")
        _, _, name = path.removesuffix("/status").rpartition("/")
        if name not in self.claims:
            raise ApiError(404, name)
        if method == "GET":
            return copy.deepcopy(self.claims[name])
        now = self.claims[name]
        if body["metadata"]["resourceVersion"] != now["metadata"]["resourceVersion"]:
            raise ApiError(409, f"{name} is another")
        if path.endswith("/status"):
            status = {**now.get("status", {}), **body["status"]}
            now["status"] = {key: value for key, value in status.items() if value is not None}
        else:
            now["metadata"].update(body["metadata"])
        now["metadata"]["resourceVersion"] += "1"
        told = copy.deepcopy(now)
        kubernetes_validate.validate(copy.deepcopy(told), "1.34", strict=True)
        return told

    def held(self) -> list[tuple[str, str]]:
        """Return pool and device of all that is allocated."""
        found = [one.get("status", {}).get("allocation", {}) for one in self.claims.values()]
        return sorted(
            (one["pool"], one["device"]) for told in found if told for one in told["devices"]["results"]
        )


def binder(server: Server, *pods: dict[str, Any]) -> Binder:
    """Return who binds these pods on nodes a and b with two devices each; everything is read."""
    made = Binder(server, None, "hal", 2)
    made._allocator.path = "/apis/resource.k8s.io/v1"
    for node in ("a", "b"):
        made._state.take(NODES, "ADDED", machine(node))
        made._state.take(SLICES, "ADDED", published("v1", node, "A100", "A100"))
    made._state.take(DEVICES, "ADDED", kind())
    for one in server.claims.values():
        made._state.take(RESOURCES, "ADDED", copy.deepcopy(one))
    for one in pods:
        one["spec"]["schedulerName"] = "hal"
        made._state.take(PODS, "ADDED", one)
    return made


def decided(made: Binder) -> tuple[list[hal.Placement], list[Outcome]]:
    """Place what waits, and carry it out."""
    now = made._state.snapshot("1")
    placements = list(hal.place(now.cluster, now.jobs))
    return placements, [answer.outcome for answer in made._carry_out([p for p in placements if p.placed])]


def test_what_is_claimed_is_allocated_then_bound() -> None:
    server = Server(claim("v1", "c", count=2), claim("v1", "d"), claim("v1", "e"), claim("v1", "f"))
    made = binder(server, pod("p", "c"), pod("q", "d"), pod("r", "e"), pod("s", "f"))
    placements, outcomes = decided(made)
    assert outcomes == [Outcome.APPLIED] * 3
    assert [placement.placed for placement in placements].count(False) == 1
    for placement in placements:
        if not placement.placed:
            continue
        name = placement.job.partition("/")[2]
        (node,), (gpus,) = placement.nodes, placement.gpus
        told = server.claims[{"p": "c", "q": "d", "r": "e", "s": "f"}[name]]
        results = told["status"]["allocation"]["devices"]["results"]
        assert [(one["pool"], one["device"]) for one in results] == [(node, f"gpu-{row}") for row in gpus]
        assert [user["uid"] for user in told["status"]["reservedFor"]] == [name]
        assert told["metadata"]["finalizers"] == ["resource.kubernetes.io/delete-protection"]
        assert server.bound[name] == node
        assert made._state.assumed[placement.job].gpus == (gpus,)
    assert len(set(server.held())) == len(server.held())


def test_what_drivers_are_to_be_told_is_passed_on() -> None:
    wanted = claim("v1", "c")
    wanted["spec"]["devices"]["config"] = [{"opaque": {"driver": "d", "parameters": {"a": 1}}}]
    server = Server(wanted)
    made = binder(server, pod("p", "c"))
    asked = {**kind(), "spec": {"config": [{"opaque": {"driver": "d", "parameters": {"b": 2}}}]}}
    made._state.take(DEVICES, "MODIFIED", asked)
    assert decided(made)[1] == [Outcome.APPLIED]
    config = server.claims["c"]["status"]["allocation"]["devices"]["config"]
    assert [(one["source"], one.get("requests")) for one in config] == [
        ("FromClass", ["r"]),
        ("FromClaim", None),
    ]


def test_who_comes_after_a_crash_goes_on_with_what_is_allocated() -> None:
    server = Server(claim("v1", "c"), claim("v1", "d"))
    made = binder(server, pod("p", "c"))
    made._state.snapshot("1")
    made._allocator.allocate(made._state.pods["lab/p"], "b", (1,), made._state.world)  # and dies
    again = binder(server, pod("p", "c"), pod("q", "d"))
    for _ in range(2):  # whoever was given the same device is told that it is taken, and has another then
        decided(again)
    assert server.bound == {"p": "b", "q": server.bound["q"]}
    assert ("b", "gpu-1") in server.held()
    assert len(set(server.held())) == 2


@pytest.mark.parametrize(
    ("error", "outcome", "held"),
    [
        (ApiError(409, "bound"), Outcome.CONFLICT, []),
        (ApiError(403, "no"), Outcome.REFUSED, []),
        (hal.AdapterError("timed out"), Outcome.UNKNOWN, [("a", "gpu-0")]),  # it may be bound all the same
    ],
)
def test_devices_of_pods_that_were_not_bound_are_given_back(
    error: hal.AdapterError, outcome: Outcome, held: list[tuple[str, str]]
) -> None:
    server = Server(claim("v1", "c"))
    made = binder(server, pod("p", "c"))
    made._state.snapshot("1")
    server.fails = [error] * 3
    assert made._bind("lab/p", "a", (0,)).outcome is outcome
    assert server.held() == held


def test_a_claim_or_a_device_of_somebody_else_is_a_conflict() -> None:
    server = Server(claim("v1", "c"), claim("v1", "d"))
    made = binder(server, pod("p", "c"), pod("q", "d"))
    made._state.snapshot("1")
    assert made._bind("lab/p", "a", (0,)).outcome is Outcome.APPLIED
    made._take_claims()
    assert made._bind("lab/q", "a", (0,)).outcome is Outcome.CONFLICT  # the device
    server.claims["d"]["status"] = server.claims["c"]["status"]
    assert made._bind("lab/q", "a", (1,)).outcome is Outcome.CONFLICT  # the claim
    assert server.bound == {"p": "a"}
    assert server.held() == [("a", "gpu-0"), ("a", "gpu-0")]  # nothing of others is given back
