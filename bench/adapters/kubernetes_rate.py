"""Pods bound a second by hal and by the real kube-scheduler, on one API server, one after the other.

    python -m bench.adapters.kubernetes_rate [nodes] [pods]

Both read the cluster from nothing, decide, bind, and write a Scheduled event for each pod. ``first_s`` and ``all_s``
run from the start of the process until a watch says that the first and the last pod are bound; ``per_s`` is the rate
between the two. CPU seconds are those of the scheduler's own process, and of the API server with etcd meanwhile.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.adapters.kubernetes.cluster import KubernetesCluster

NAME = re.compile(rb'"metadata":\{"name":"([^"]+)"')
BOUND = re.compile(rb'"nodeName":"')


def binding(cluster: KubernetesCluster, pods: set[str], start: Callable[[], Popen[bytes]]) -> dict[str, Any]:
    """Start a scheduler and watch until these pods are bound; when the first was, and how fast."""
    _, version = cluster.client.list("/api/v1/pods", limit="1")
    servers = [cluster.processes[name].pid for name in ("kube-apiserver", "etcd")]
    before = sum(map(cpu_s, servers))
    begin = time.monotonic()
    process = start()
    first, left = 0.0, {name.partition("/")[2].encode() for name in pods}
    for name in bindings(cluster, version):
        left.discard(name)
        first = first or time.monotonic() - begin
        if not left:
            break
    last = time.monotonic() - begin
    return {
        "pods": len(pods),
        "first_s": round(first, 2),
        "all_s": round(last, 2),
        "per_s": round(len(pods) / (last - first), 1),
        "cpu_s": cpu_s(process.pid),
        "servers_cpu_s": round(sum(map(cpu_s, servers)) - before, 2),
    }


def bindings(cluster: KubernetesCluster, version: str) -> Iterator[bytes]:
    """Yield the names of pods that are bound, as a watch says. No object is decoded: the cores are the schedulers'."""
    access = cluster.client.access
    connection = http.client.HTTPSConnection(access.host, access.port, timeout=120, context=access.context)
    path = f"/api/v1/pods?watch=1&resourceVersion={version}&timeoutSeconds=300"
    connection.request("GET", path, headers={"Authorization": f"Bearer {access.token()}"})
    for line in connection.getresponse():
        if BOUND.search(line) and (name := NAME.search(line)):
            yield name[1]
    raise AssertionError("not bound within 300 s")


def cpu_s(pid: int) -> float:
    """Return what a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def overcommitted(cluster: KubernetesCluster, pods: set[str], cpus: int, each_milli: int) -> int:
    """Return how many nodes hold more CPU than they have."""
    held = Counter(node for name, node in cluster.bound().items() if name in pods)
    return sum(count * each_milli > cpus * 1000 for count in held.values())


def main(nodes: int = 1000, pods: int = 3000) -> None:
    """Run both and print their rates."""
    with tempfile.TemporaryDirectory(prefix="hal-kubernetes-") as folder:
        cluster = KubernetesCluster(Path(folder))
        try:
            cluster.start()
            cluster.add_nodes([f"n{i}" for i in range(nodes)])
            result: dict[str, Any] = {"nodes": nodes}
            mine = set(cluster.add_pods([f"h{i}" for i in range(pods)], cpu="1", memory="1Gi"))
            result["hal"] = binding(cluster, mine, cluster.hal)
            cluster.end("hal")
            print((Path(folder) / "hal.log").read_text()[-1500:], file=sys.stderr)
            result["hal"]["overcommitted"] = overcommitted(cluster, mine, 8, 1000)
            cluster.delete_pods(mine)
            theirs = set(
                cluster.add_pods(
                    [f"k{i}" for i in range(pods)], scheduler="default-scheduler", cpu="1", memory="1Gi"
                )
            )
            result["kube-scheduler"] = binding(cluster, theirs, cluster.scheduler)
            result["kube-scheduler"]["overcommitted"] = overcommitted(cluster, theirs, 8, 1000)
            result["ratio"] = round(result["hal"]["per_s"] / result["kube-scheduler"]["per_s"], 2)
        finally:
            cluster.stop()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
