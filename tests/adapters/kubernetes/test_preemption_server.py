"""Pods that are evicted for more important ones, on a real API server; the tests stand in for the kubelets."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hal.adapters.kubernetes import KubernetesAdapter
from hal.adapters.kubernetes.client import ApiError
from hal.adapters.loop import Loop

from tests.adapters.kubernetes.cluster import KubernetesCluster
from tests.adapters.kubernetes.following import hurried, settle, terminating
from tests.waiting import until

pytestmark = pytest.mark.server

STATUS = "application/merge-patch+json"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
GROUP = "scheduling.x-k8s.io/pod-group"
LEAST = "scheduling.x-k8s.io/min-available"


@pytest.fixture(scope="module")
def high(kubernetes: KubernetesCluster) -> Iterator[str]:
    """Return a priority class; with ``-shy`` after its name another, whose pods stop nobody."""
    name = f"high-{uuid.uuid4().hex[:6]}"
    shy = {"metadata": {"name": f"{name}-shy"}, "value": 1000, "preemptionPolicy": "Never"}
    for body in ({"metadata": {"name": name}, "value": 1000}, shy):
        kubernetes.client.call("POST", CLASSES, body)

    def known() -> bool:
        """Whether the server's admission has heard of both; until then it forbids their pods."""
        try:
            for each in (name, f"{name}-shy"):
                spec = {"priorityClassName": each, "containers": [{"name": "c", "image": "none"}]}
                pod = {"metadata": {"name": "probe"}, "spec": spec}
                kubernetes.client.call("POST", "/api/v1/namespaces/default/pods", pod, dryRun="All")
        except ApiError as error:
            if error.status != 403:
                raise
            return False
        return True

    until(known)
    yield name
    for made in (name, f"{name}-shy"):
        kubernetes.client.call("DELETE", f"{CLASSES}/{made}")


def nominated(cluster: KubernetesCluster, name: str) -> str:
    return str(cluster.pods()[name]["status"].get("nominatedNodeName") or "")


def ended(cluster: KubernetesCluster) -> list[str]:
    """What was told to end ends, as kubelets do it."""
    names = terminating(cluster)
    cluster.delete_pods(names)
    return names


def steps(loop: Loop, count: int = 5) -> None:
    for _ in range(count):
        loop.follow(0.1)
        loop.step()


def test_makes_room_once(cluster: KubernetesCluster, loop: Loop, high: str) -> None:
    low = cluster.add_pods(["low0", "low1", "low2"], cpu="8")
    settle(loop, lambda: len(cluster.bound()) == 3)
    (never,) = cluster.add_pods(["never"], cpu="8", spec={"priorityClassName": f"{high}-shy"})
    steps(loop)
    assert terminating(cluster) == []
    cluster.delete_pods([never])
    (urgent,) = cluster.add_pods(["urgent"], cpu="6", spec={"priorityClassName": high})
    settle(loop, lambda: nominated(cluster, urgent) != "")
    (late,) = cluster.add_pods(["late"], cpu="1")  # would fit beside it, once there is room
    steps(loop)
    (victim,) = terminating(cluster)
    node = cluster.bound()[victim]
    assert victim in low
    assert nominated(cluster, urgent) == node
    assert not {urgent, late} & set(cluster.bound())  # not before the victim has left
    ended(cluster)
    settle(loop, lambda: {urgent, late} <= set(cluster.bound()))
    assert cluster.bound()[urgent] == cluster.bound()[late] == node
    cluster.add_pods(["low3", "low4"], cpu="8")  # whoever was stopped comes back
    steps(loop)
    assert terminating(cluster) == []
    assert len(cluster.bound()) == 4


def test_budgets_are_kept(cluster: KubernetesCluster, loop: Loop, high: str) -> None:
    web = {"app": "web"}
    names = cluster.add_pods(["web0", "web1", "web2"], labels=web, cpu="8")
    settle(loop, lambda: len(cluster.bound()) == 3)
    for name in names:  # the API server itself looks at budgets for pods that run
        path = f"/api/v1/namespaces/default/pods/{name.partition('/')[2]}/status"
        cluster.client.call("PATCH", path, {"status": {"phase": "Running"}}, kind=STATUS)
    budgets = "/apis/policy/v1beta1/namespaces/default/poddisruptionbudgets"
    spec = {"minAvailable": 2, "selector": {"matchLabels": web}}
    cluster.client.call("POST", budgets, {"metadata": {"name": "web"}, "spec": spec})

    def allow(count: int) -> None:
        """As the disruption controller counts."""
        status = {
            "disruptionsAllowed": count,
            "currentHealthy": 3,
            "desiredHealthy": 3 - count,
            "expectedPods": 3,
            "observedGeneration": 1,
        }
        cluster.client.call("PATCH", f"{budgets}/web/status", {"status": status}, kind=STATUS)

    try:
        allow(0)
        (urgent, second) = cluster.add_pods(["u0", "u1"], cpu="8", spec={"priorityClassName": high})
        steps(loop)
        assert terminating(cluster) == []
        allow(1)
        settle(loop, lambda: len(terminating(cluster)) == 1)
        steps(loop)
        allow(0)
        assert len(ended(cluster)) == 1  # the other has to wait
        settle(loop, lambda: len({urgent, second} & set(cluster.bound())) == 1)
    finally:
        cluster.client.call("DELETE", f"{budgets}/web")


def test_gangs_keep_their_least_number_or_go_whole(cluster: KubernetesCluster, loop: Loop, high: str) -> None:
    gang = cluster.add_pods(["g0", "g1"], labels={GROUP: "train"}, annotations={LEAST: "2"}, cpu="8")
    (single,) = cluster.add_pods(["single"], cpu="8")
    settle(loop, lambda: len(cluster.bound()) == 3)
    (first,) = cluster.add_pods(["first"], cpu="8", spec={"priorityClassName": high})
    settle(loop, lambda: terminating(cluster) != [])
    assert ended(cluster) == [single]
    settle(loop, lambda: first in cluster.bound())
    second, third = cluster.add_pods(
        ["u0", "u1"],
        cpu="8",
        labels={GROUP: "urgent"},
        annotations={LEAST: "2"},
        spec={"priorityClassName": high},
    )
    settle(loop, lambda: terminating(cluster) != [])
    steps(loop)
    assert terminating(cluster) == sorted(gang)
    cluster.delete_pods(gang[:1])
    steps(loop)
    assert not {second, third} & set(cluster.bound())  # they start together
    ended(cluster)
    settle(loop, lambda: {second, third} <= set(cluster.bound()))


def test_whoever_takes_over_evicts_nobody_else(cluster: KubernetesCluster, loop: Loop, high: str) -> None:
    cluster.add_pods(["low0", "low1", "low2"], cpu="8")
    settle(loop, lambda: len(cluster.bound()) == 3)
    (urgent,) = cluster.add_pods(["urgent"], cpu="8", spec={"priorityClassName": high})
    settle(loop, lambda: terminating(cluster) != [])
    loop.adapter.close()  # gives the lease back; what it promised is on the API server
    after = KubernetesAdapter(kubeconfig=str(cluster.config))
    try:
        other = Loop(after, clock=hurried)
        steps(other)
        assert len(terminating(cluster)) == 1
        assert urgent not in cluster.bound()
        ended(cluster)
        settle(other, lambda: urgent in cluster.bound())
        assert terminating(cluster) == []
    finally:
        after.close()


def test_nobody_is_evicted_where_it_is_switched_off(cluster: KubernetesCluster, high: str) -> None:
    adapter = KubernetesAdapter(kubeconfig=str(cluster.config), preempt="no")
    options: dict[str, Any] = {"cpu": "8"}
    try:
        loop = Loop(adapter, clock=hurried)
        cluster.add_pods(["low0", "low1", "low2"], **options)
        settle(loop, lambda: len(cluster.bound()) == 3)
        cluster.add_pods(["urgent"], spec={"priorityClassName": high}, **options)
        steps(loop)
        assert terminating(cluster) == []
    finally:
        adapter.close()
