"""A real API server behind a proxy that fails when told to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hal.adapters import Adapter
from hal.adapters.kubernetes import KubernetesAdapter

from tests.adapters.faults.proxy import Proxy
from tests.adapters.kubernetes.cluster import ADMIN, KubernetesCluster

CPUS = 4


class KubernetesFaults:
    """See `tests.adapters.faults.suite.Harness`."""

    reading = ("500", "401", "410", "truncated", "nonsense", "odd values", "strangers", "hung up", "slow")
    changing = tuple(
        f"change: {kind}"
        for kind in ("lost request", "lost answer", "hung up", "500", "409", "429", "401", "nonsense", "slow")
    )
    secret = ADMIN

    def __init__(self, cluster: KubernetesCluster, folder: Path) -> None:
        self.cluster = cluster
        self.proxy = Proxy(cluster.client.access)
        self.proxy.fault, self.proxy.answered = self._fault, self._answered
        self.config = folder / "proxied.kubeconfig"
        told = json.loads(cluster.write_config(self.config, ADMIN).read_text())
        told["clusters"][0]["cluster"] = {"server": self.proxy.url}
        self.config.write_text(json.dumps(told))
        cluster.add_nodes([f"c{number}" for number in range(4)], cpu=str(CPUS))
        self._started: Counter[str] = Counter()
        self._kind, self._left, self._pods = "", 0, 0
        self._forgotten: set[str] = set()

    def close(self) -> None:
        self.proxy.close()

    def _fault(self, method: str, path: str) -> str:
        kind = path.partition("?")[0]
        if "watch=1" in path and kind in self._forgotten:
            self._forgotten.discard(kind)
            return "410"
        read = method == "GET" and "/leases/" not in path
        changing = self._kind.startswith("change")
        if not self._left or not (kind.endswith("/binding") if changing else read):
            return ""
        self._left -= 1
        return self._kind.removeprefix("change: ")

    def _answered(self, method: str, path: str, status: int) -> None:
        if path.endswith("/binding") and status == 201:
            space, _, pod, _ = path.split("/")[-4:]
            self._started[f"{space}/{pod}"] += 1

    def adapter(self) -> KubernetesAdapter:
        return KubernetesAdapter(kubeconfig=str(self.config), timeout=0.8)

    def submit(self, count: int) -> list[str]:
        names = [f"p{self._pods + number}" for number in range(count)]
        self._pods += count
        return self.cluster.add_pods(names, cpu="1")

    def withdraw(self, jobs: Sequence[str]) -> None:
        self.cluster.delete_pods(jobs)

    def seize(self, job: str, node: str) -> None:
        space, _, name = job.partition("/")
        body = {"metadata": {"name": name}, "target": {"kind": "Node", "name": node}}
        self.cluster.client.call("POST", f"/api/v1/namespaces/{space}/pods/{name}/binding", body)
        self._started[job] += 1

    def fail(self, kind: str, times: int) -> None:
        self._kind, self._left = kind, times

    def forget(self, adapter: Adapter) -> None:
        self._forgotten.add("/api/v1/pods")
        self.proxy.cut()

    def skew(self, seconds: int) -> None:
        self.proxy.skew = seconds

    def lie(self, node: str) -> None:
        self.cluster.add_pods(["huge"], scheduler="another", spec={"nodeName": node}, cpu="99")

    def starts(self, job: str) -> int:
        return self._started[job]

    def where(self, job: str) -> Sequence[str]:
        space, _, name = job.partition("/")
        node = self.cluster.client.call("GET", f"/api/v1/namespaces/{space}/pods/{name}")["spec"].get(
            "nodeName"
        )
        return [node] if node else []

    def overfull(self) -> Sequence[str]:
        held = Counter(self.cluster.bound().values())  # of one CPU each
        return [node for node, count in held.items() if count > CPUS]
