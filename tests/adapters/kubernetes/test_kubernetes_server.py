"""The adapter on a real API server."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from hal.adapters.conformance import CHECKS, Harness
from hal.adapters.kubernetes import KubernetesAdapter
from hal.adapters.loop import Loop

from tests.adapters.kubernetes.cluster import KubernetesCluster

pytestmark = pytest.mark.server

PATCH = "application/merge-patch+json"


@pytest.fixture
def cluster(kubernetes: KubernetesCluster) -> Iterator[KubernetesCluster]:
    """Return the API server with three nodes, and without anything afterwards."""
    kubernetes.clear()
    kubernetes.add_nodes(["n0", "n1", "n2"])
    yield kubernetes
    kubernetes.clear()


class KubernetesHarness:
    """A user, an operator and a rival, by the API."""

    patience = 20.0

    def __init__(self, cluster: KubernetesCluster) -> None:
        self.cluster = cluster
        self.adapters: list[KubernetesAdapter] = []
        self.numbers = itertools.count()

    def adapter(self) -> KubernetesAdapter:
        self.adapters.append(KubernetesAdapter(kubeconfig=str(self.cluster.config), lease="none"))
        return self.adapters[-1]

    def submit(self, count: int) -> list[str]:
        return self.cluster.add_pods([f"job-{next(self.numbers)}" for _ in range(count)])

    def withdraw(self, job: str) -> None:
        self.cluster.delete_pods([job])

    def seize(self, job: str, node: str) -> bool:
        space, _, name = job.partition("/")
        body = {"metadata": {"name": name}, "target": {"kind": "Node", "name": node}}
        self.cluster.client.call("POST", f"/api/v1/namespaces/{space}/pods/{name}/binding", body)
        return True

    def where(self, job: str) -> Sequence[str]:
        return [node for name, node in self.cluster.bound().items() if name == job]

    def close_node(self, node: str, closed: bool) -> None:
        body = {"spec": {"unschedulable": closed}}
        self.cluster.client.call("PATCH", f"/api/v1/nodes/{node}", body, kind=PATCH)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(cluster: KubernetesCluster, check: Callable[[Harness], None]) -> None:
    harness = KubernetesHarness(cluster)
    try:
        check(harness)
    finally:
        for adapter in harness.adapters:
            adapter.close()


def settle(loop: Loop, done: Callable[[], bool], seconds: float = 30.0) -> None:
    """Follow and step until something is so."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "not in time"
        loop.follow(0.2)
        loop.step()


@pytest.fixture
def loop(cluster: KubernetesCluster) -> Iterator[Loop]:
    """Return a loop on the cluster, which holds the lease once it applies."""
    adapter = KubernetesAdapter(kubeconfig=str(cluster.config))
    yield Loop(adapter)
    adapter.close()


def test_reasons_reach_the_pod(cluster: KubernetesCluster, loop: Loop) -> None:
    cluster.add_pods(["big"], cpu="64")
    (small,) = cluster.add_pods(["small"])
    settle(loop, lambda: small in cluster.bound())

    def events() -> dict[str, str]:
        items, _ = cluster.client.list("/api/v1/namespaces/default/events")
        return {item["involvedObject"]["name"]: f"{item['reason']}: {item['message']}" for item in items}

    def condition() -> dict[str, str]:
        (found,) = [
            item
            for item in cluster.pods()["default/big"]["status"].get("conditions", [{}])
            if item.get("type", "PodScheduled") == "PodScheduled"
        ]
        return found

    settle(loop, lambda: condition().get("status") == "False" and "small" in events())
    assert condition()["reason"] == "Unschedulable"
    assert "0/3 nodes fit" in condition()["message"]
    settle(loop, lambda: events().get("big", "").startswith("FailedScheduling: 0/3 nodes fit"))
    assert events()["small"].startswith("Scheduled: Successfully assigned default/small to n")


def test_gangs_start_whole_or_not_at_all(cluster: KubernetesCluster, loop: Loop) -> None:
    group = {"scheduling.x-k8s.io/pod-group": "train"}
    least = {"scheduling.x-k8s.io/min-available": "6"}
    wide = {"scheduling.x-k8s.io/pod-group": "wide"}
    first = cluster.add_pods([f"t{i}" for i in range(5)], labels=group, annotations=least, cpu="4")
    cluster.add_pods([f"w{i}" for i in range(7)], labels=wide, annotations={next(iter(least)): "7"}, cpu="4")
    (single,) = cluster.add_pods(["single"], cpu="1m")
    settle(loop, lambda: single in cluster.bound())
    assert list(cluster.bound()) == [single]  # one of the gang is not there yet; the other does not fit
    last = cluster.add_pods(["t5"], labels=group, annotations=least, cpu="3900m")  # beside the single one
    settle(loop, lambda: set(cluster.bound()) == {single, *first, *last})
    nodes = list(cluster.bound().values())
    assert max(nodes.count(node) for node in nodes) <= 3
