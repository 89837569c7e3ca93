"""Gated pods: the patch by itself, and what a real server and a real scheduler make of the pod that it leaves."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hal.adapters.contract import Outcome
from hal.adapters.kubernetes.client import ApiError, Client
from hal.adapters.kubernetes.config import kubeconfig
from hal.adapters.kubernetes.gates import GATE, GateAdviser, lifted

import hal
from tests.adapters.kubernetes.cluster import KubernetesCluster
from tests.waiting import until

SSD = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
MUST = "requiredDuringSchedulingIgnoredDuringExecution"


def gated(
    name: str, *gates: str, terms: list[dict[str, Any]] | None = None, version: str = "7"
) -> dict[str, Any]:
    """Return a pod of one CPU that is held."""
    spec: dict[str, Any] = {
        "schedulingGates": [{"name": gate} for gate in (GATE, *gates)],
        "containers": [{"name": "c", "image": "none", "resources": {"requests": {"cpu": "1"}}}],
    }
    if terms:
        spec["affinity"] = {"nodeAffinity": {MUST: {"nodeSelectorTerms": terms}}}
    meta = {"name": name, "namespace": "default", "uid": name, "resourceVersion": version, "annotations": {}}
    return {"metadata": meta, "spec": spec, "status": {}}


def merged(thing: Any, patch: Any) -> Any:
    """Return what RFC 7386 makes of a thing and a patch."""
    if not isinstance(patch, dict):
        return patch
    result = dict(thing) if isinstance(thing, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def test_every_alternative_is_narrowed_and_none_is_lost() -> None:
    fast = {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["x"]}]}
    pod = gated("p", "other", terms=[SSD, fast])
    before = copy.deepcopy(pod)
    patch = lifted(pod, "n1")
    assert pod == before
    name = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
    after = merged(pod, patch)
    assert after["spec"]["affinity"]["nodeAffinity"][MUST]["nodeSelectorTerms"] == [
        {**SSD, "matchFields": [name]},
        {"matchFields": [*fast["matchFields"], name]},
    ]
    assert after["spec"]["schedulingGates"] == [{"name": "other"}]
    assert after["metadata"]["annotations"] == {"hal-core/node": "n1"}
    assert patch["metadata"]["resourceVersion"] == "7"


class Gates(Client):
    """An API server as far as the adviser sees one, with the rules for gated pods of 1.27."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = {pod["metadata"]["name"]: pod for pod in pods}
        offers = {"cpu": "4", "memory": "8Gi", "pods": "10"}
        self.nodes = [
            {"metadata": {"name": f"n{i}"}, "spec": {}, "status": {"allocatable": offers}} for i in range(2)
        ]

    def call(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: str
    ) -> dict[str, Any]:
        name = path.rpartition("/")[2]
        if method == "GET" and name in ("nodes", "pods"):
            items = self.nodes if name == "nodes" else list(self.pods.values())
            return {"items": copy.deepcopy(items), "metadata": {"resourceVersion": "1"}}
        if name not in self.pods:
            raise ApiError(404, f"{method} {path}")
        pod = self.pods[name]
        if method == "PATCH":
            meta = pod["metadata"]
            if body["metadata"]["resourceVersion"] != meta["resourceVersion"]:
                raise ApiError(409, "changed meanwhile")
            if not pod["spec"]["schedulingGates"]:
                raise ApiError(422, "affinity cannot be changed")
            version = str(int(meta["resourceVersion"]) + 1)
            self.pods[name] = merged(pod, merged(body, {"metadata": {"resourceVersion": version}}))
        return copy.deepcopy(self.pods[name])

    def close(self) -> None:
        """Nothing is open."""


def advise(client: Client, **options: Any) -> GateAdviser:
    return GateAdviser(client=client, lease="none", **options)


def test_gated_pods_are_told_their_node_and_hold_it() -> None:
    server = Gates(gated("a"), gated("b"), gated("held", "other"))
    adviser = advise(server)
    snapshot = adviser.snapshot()
    assert [job.name for job in snapshot.jobs] == ["default/a", "default/b"]
    placed = list(hal.place(snapshot.cluster, snapshot.jobs, "worst_fit"))
    assert [answer.outcome for answer in adviser.apply(placed)] == [Outcome.APPLIED] * 2
    assert [answer.outcome for answer in adviser.apply(placed)] == [Outcome.ALREADY] * 2
    for placement in placed:
        name = placement.job.partition("/")[2]
        assert server.pods[name]["spec"]["schedulingGates"] == []
        assert server.pods[name]["metadata"]["annotations"]["hal-core/node"] == placement.nodes[0]
    again = adviser.snapshot()
    assert again.jobs == ()
    assert {running.job.name: running.nodes for running in again.running} == {p.job: p.nodes for p in placed}
    assert sorted(again.cluster.columns.free_cpu.tolist()) == [3000, 3000]
    adviser.close()


def test_a_pod_that_changed_meanwhile_is_looked_at_again() -> None:
    server = Gates(gated("a"))
    adviser = advise(server)
    snapshot = adviser.snapshot()
    placed = list(hal.place(snapshot.cluster, snapshot.jobs))
    server.pods["a"]["metadata"]["resourceVersion"] = "8"
    (answer,) = adviser.apply(placed)
    assert answer.outcome is Outcome.CONFLICT
    assert server.pods["a"]["spec"]["schedulingGates"]
    assert [job.name for job in adviser.snapshot().jobs] == ["default/a"]
    adviser.close()


@pytest.mark.server
def test_a_real_scheduler_binds_what_the_patch_leaves(kubernetes: KubernetesCluster) -> None:
    """Without gates, which this release has not: the pod is created as the patch would leave it."""
    kubernetes.clear()
    kubernetes.add_nodes(["n0", "n1", "n2"], labels={"disk": "ssd"})
    kubernetes.add_nodes(["slow"])
    scheduler = kubernetes.scheduler()
    client = Client(kubeconfig(kubernetes.config))
    try:
        targets: Mapping[str, str] = {"p0": "n1", "p1": "n2", "p2": "slow"}
        for name, node in targets.items():
            left = merged(gated(name, terms=[SSD]), lifted(gated(name, terms=[SSD]), node))
            meta = {"name": name, "annotations": left["metadata"]["annotations"]}
            client.call("POST", "/api/v1/namespaces/default/pods", {"metadata": meta, "spec": left["spec"]})
        until(lambda: len(kubernetes.bound()) >= 2)
        time.sleep(1)
        assert kubernetes.bound() == {
            "default/p0": "n1",
            "default/p1": "n2",
        }  # what the pod asked for still holds
    finally:
        client.close()
        kubernetes.end("kube-scheduler")
        assert scheduler.poll() is not None
        kubernetes.clear()
