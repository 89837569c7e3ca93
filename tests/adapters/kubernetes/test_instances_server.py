"""Several instances on a real API server, and what is left when one of them ends at any moment."""

from __future__ import annotations

import signal
import time
from collections import Counter

import pytest

from tests.adapters.kubernetes.cluster import KubernetesCluster
from tests.waiting import until

pytestmark = pytest.mark.server


def groups(cluster: KubernetesCluster) -> dict[str, list[str]]:
    """Return the nodes of each group's pods that are bound."""
    found: dict[str, list[str]] = {}
    for pod in cluster.pods().values():
        group = pod["metadata"].get("labels", {}).get("scheduling.x-k8s.io/pod-group")
        if group:
            found.setdefault(group, [])
            if pod["spec"].get("nodeName"):
                found[group].append(pod["spec"]["nodeName"])
    return found


def overcommitted(cluster: KubernetesCluster) -> dict[str, int]:
    """Return the nodes that hold more milli-CPU than their 8000."""
    held: Counter[str] = Counter()
    for pod in cluster.pods().values():
        asked = pod["spec"]["containers"][0]["resources"]["requests"]["cpu"]
        held[pod["spec"].get("nodeName", "")] += int(asked.removesuffix("m")) * (
            1 if asked[-1] == "m" else 1000
        )
    return {node: milli for node, milli in held.items() if node and milli > 8000}


def fill(cluster: KubernetesCluster, singles: int, gangs: int, *, mark: str = "") -> None:
    """Create pods of one CPU, and gangs of five of 1.5 CPUs, in turn."""
    least = {"scheduling.x-k8s.io/min-available": "5"}
    cluster.add_pods([f"{mark}s{i}" for i in range(singles)], cpu="1")
    for gang in range(gangs):
        group = {"scheduling.x-k8s.io/pod-group": f"{mark}g{gang}"}
        names = [f"{mark}g{gang}-{i}" for i in range(5)]
        cluster.add_pods(names, labels=group, annotations=least, cpu="1500m")


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_lost_or_doubled(cluster: KubernetesCluster) -> None:
    cluster.add_nodes([f"k{i}" for i in range(17)])  # 160 CPUs with the first three
    fill(cluster, 60, 8)
    placed: dict[str, str] = {}
    for target in (1, 30, 75):
        process = cluster.hal("-o", "lease_s=2")
        until(lambda target=target: len(cluster.bound()) >= target)
        process.kill()
        process.wait()
        del cluster.processes["hal"]
        now = cluster.bound()
        assert placed.items() <= now.items()
        placed = now
    cluster.hal("-o", "lease_s=2")
    until(lambda: len(cluster.bound()) == 100)
    fill(cluster, 0, 8, mark="more")  # more than fits: 40 CPUs are left
    until(lambda: sum(map(bool, groups(cluster).values())) >= 11)
    time.sleep(3)
    cluster.end("hal")
    assert placed.items() <= cluster.bound().items()
    assert {len(nodes) for nodes in groups(cluster).values()} == {0, 5}
    assert overcommitted(cluster) == {}


@pytest.mark.slow
def test_two_instances_while_nodes_come_and_go(cluster: KubernetesCluster) -> None:
    cluster.add_nodes([f"k{i}" for i in range(9)])
    first = cluster.hal("-o", "lease_s=2", name="first")
    cluster.hal("-o", "lease_s=2", name="second")
    fill(cluster, 20, 4)
    until(lambda: len(cluster.bound()) == 40)
    for turn in range(3):
        # Whoever holds the lease is held up for longer than it lasts, and goes on later as if nothing had been.
        first.send_signal(signal.SIGSTOP if turn % 2 == 0 else signal.SIGCONT)
        gone = f"k{turn}"
        cluster.client.call("DELETE", f"/api/v1/nodes/{gone}")
        cluster.delete_pods([name for name, node in cluster.bound().items() if node == gone])
        cluster.add_nodes([f"new{turn}"])
        fill(cluster, 6, 1, mark=f"t{turn}")
        until(lambda turn=turn: all(f"default/t{turn}s{i}" in cluster.bound() for i in range(6)))
    first.send_signal(signal.SIGCONT)
    fill(cluster, 60, 6, mark="last")  # more than fits
    time.sleep(8)
    cluster.end("first")
    cluster.end("second")
    assert overcommitted(cluster) == {}
    whole = [len(nodes) for name, nodes in groups(cluster).items() if name.startswith("last")]
    assert set(whole) <= {0, 5}
    nodes, _ = cluster.client.list("/api/v1/nodes")
    assert set(cluster.bound().values()) <= {node["metadata"]["name"] for node in nodes}
