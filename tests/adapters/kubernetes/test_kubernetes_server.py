"""The adapter on a real API server."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import pytest
from hal.adapters.conformance import CHECKS, Harness
from hal.adapters.contract import Stale, Submitted
from hal.adapters.kubernetes import KubernetesAdapter
from hal.adapters.loop import Loop

from tests.adapters.kubernetes.cluster import KubernetesCluster
from tests.adapters.kubernetes.following import settle
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.server

PATCH = "application/merge-patch+json"


class KubernetesHarness:
    """A user, an operator and a rival, by the API."""

    patience = PATIENCE

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


def test_reasons_reach_the_pod(cluster: KubernetesCluster, loop: Loop) -> None:
    cluster.add_pods(["big"], cpu="64")
    (small,) = cluster.add_pods(["small"])
    settle(loop, lambda: small in cluster.bound())

    ids = {pod["metadata"]["uid"]: name for name, pod in cluster.pods().items()}

    def events(pod: str) -> list[str]:
        """Return what was told of this very pod: the server keeps events of those of its name before it."""
        items, _ = cluster.client.list("/api/v1/namespaces/default/events")
        about = [item for item in items if ids.get(item["involvedObject"]["uid"]) == pod]
        return [f"{item['reason']}: {item['message']}" for item in about]

    def condition() -> dict[str, str]:
        (found,) = [
            item
            for item in cluster.pods()["default/big"]["status"].get("conditions", [{}])
            if item.get("type", "PodScheduled") == "PodScheduled"
        ]
        return found

    settle(loop, lambda: condition().get("status") == "False")
    assert condition()["reason"] == "Unschedulable"
    assert "0/3 nodes fit" in condition()["message"]
    waits, placed = "FailedScheduling: 0/3 nodes fit", "Scheduled: Successfully assigned default/small to n"
    settle(loop, lambda: any(told.startswith(waits) for told in events("default/big")))
    settle(loop, lambda: bool(events(small)))
    assert [told.startswith(placed) for told in events(small)] == [True]


def test_tells_when_jobs_were_submitted(cluster: KubernetesCluster, loop: Loop) -> None:
    assert isinstance(loop.adapter, Submitted)
    (waits,) = cluster.add_pods(["waits"], cpu="64")
    (placed,) = cluster.add_pods(["placed"])
    settle(loop, lambda: placed in cluster.bound())
    for name in (waits, placed):
        made = datetime.fromisoformat(cluster.pods()[name]["metadata"]["creationTimestamp"])
        assert loop.adapter.submitted(name) == made.timestamp()
        assert abs(made.timestamp() - time.time()) < 3600  # the same machine's clock, in seconds since 1970
    assert loop.adapter.submitted("default/nobody") is None


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


def test_a_gang_keeps_to_one_zone_also_when_a_pod_of_it_is_made_again(
    cluster: KubernetesCluster, loop: Loop
) -> None:
    zone = "topology.kubernetes.io/zone"
    for name in ("a", "b"):
        cluster.add_nodes([f"{name}0", f"{name}1"], labels={zone: name})
    marks = {"scheduling.x-k8s.io/min-available": "4", "kueue.x-k8s.io/podset-required-topology": zone}
    group = {"scheduling.x-k8s.io/pod-group": "near"}
    names = cluster.add_pods([f"g{i}" for i in range(4)], labels=group, annotations=marks, cpu="4")
    settle(loop, lambda: len(cluster.bound()) == 4)
    (where,) = {node[0] for node in cluster.bound().values()}
    assert where in "ab"
    free = "a" if where == "b" else "b"  # best fit would take what is fuller there
    (other,) = cluster.add_pods(["other"], spec={"nodeSelector": {zone: free}}, cpu="4", memory="20Gi")
    settle(loop, lambda: other in cluster.bound())
    cluster.delete_pods([names[0]])
    cluster.add_pods(["g0"], labels=group, annotations=marks, cpu="4")
    settle(loop, lambda: names[0] in cluster.bound())
    assert {cluster.bound()[name][0] for name in names} == {where}


def test_rules_are_honoured(cluster: KubernetesCluster, loop: Loop) -> None:
    zone, web = "topology.kubernetes.io/zone", {"matchLabels": {"app": "web"}}
    cluster.add_nodes(["za", "zb"], labels={zone: "a", "disk": "ssd"})
    cluster.add_nodes(["zc"], labels={zone: "c"})
    tainted = {"spec": {"taints": [{"key": "only", "value": "x", "effect": "NoSchedule"}]}}
    cluster.client.call("PATCH", "/api/v1/nodes/zc", tainted, kind=PATCH)
    spread = {"maxSkew": 1, "topologyKey": zone, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": web}
    tolerates = [{"key": "only", "operator": "Equal", "value": "x", "effect": "NoSchedule"}]
    cluster.add_pods(
        [f"web{i}" for i in range(4)],
        labels={"app": "web"},
        spec={
            "topologySpreadConstraints": [spread],
            "tolerations": tolerates,
            "nodeSelector": {"kubernetes.io/os": "linux"},
        },
    )
    for node in ("za", "zb", "zc"):
        labels = {"metadata": {"labels": {"kubernetes.io/os": "linux"}}}
        cluster.client.call("PATCH", f"/api/v1/nodes/{node}", labels, kind=PATCH)
    near = {"labelSelector": web, "topologyKey": "kubernetes.io/hostname"}
    must = "requiredDuringSchedulingIgnoredDuringExecution"
    cluster.add_pods(["beside"], spec={"affinity": {"podAffinity": {must: [near]}}})
    cluster.add_pods(["apart"], spec={"affinity": {"podAntiAffinity": {must: [near]}}})
    either = [
        {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]},
        {"matchExpressions": [{"key": zone, "operator": "In", "values": ["nowhere"]}]},
    ]
    cluster.add_pods(["fast"], spec={"affinity": {"nodeAffinity": {must: {"nodeSelectorTerms": either}}}})
    ports = [{"containerPort": 80, "hostPort": 80}]
    container = {"name": "c", "image": "none", "ports": ports}
    cluster.add_pods(["p1", "p2"], spec={"containers": [container], "nodeSelector": {zone: "a"}})
    cluster.add_pods(["stays"], spec={"nodeSelector": {zone: "c"}})
    settle(loop, lambda: len(cluster.bound()) == 9)
    on = {name.removeprefix("default/"): node for name, node in cluster.bound().items()}
    zones = ["c" if on[f"web{i}"] == "zc" else "a" for i in range(4)]
    assert sorted(zones) == ["a", "a", "c", "c"]
    webs = {on[f"web{i}"] for i in range(4)}
    assert on["beside"] in webs
    assert on["apart"] not in webs
    assert on["fast"] in ("za", "zb")
    assert {on["p1"], on["p2"]} == {"za", "zb"}
    assert "stays" not in on  # it does not tolerate the taint


def test_volumes_decide_where_a_pod_runs(cluster: KubernetesCluster, loop: Loop) -> None:
    host = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]}
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "local": {"path": "/data"},
        "storageClassName": "local",
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [host]}]}},
    }
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "local",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    api = cluster.client
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    (user,) = cluster.add_pods(["user"], spec={"volumes": volumes})
    (other,) = cluster.add_pods(["other"])
    settle(loop, lambda: other in cluster.bound())
    assert user not in cluster.bound()
    path = "/api/v1/namespaces/default/persistentvolumeclaims"
    api.call("POST", "/api/v1/persistentvolumes", {"metadata": {"name": "local-1"}, "spec": spec})
    api.call("POST", path, {"metadata": {"name": "data"}, "spec": {**claim, "volumeName": "local-1"}})
    try:
        settle(loop, lambda: user in cluster.bound())
        assert cluster.bound()[user] == "n1"
    finally:
        api.call("DELETE", f"{path}/data", {"gracePeriodSeconds": 0})
        api.call("DELETE", "/api/v1/persistentvolumes/local-1", {"gracePeriodSeconds": 0})


def test_shares_of_gpus_keep_their_devices(cluster: KubernetesCluster, loop: Loop) -> None:
    cluster.add_nodes(["g0"], labels={"nvidia.com/gpu.product": "T4"}, gpu="2")
    notes = {"alibabacloud.com/gpu-milli": "600", "alibabacloud.com/gpu-count": "1"}
    cluster.add_pods(["s0", "s1", "s2"], annotations=notes)
    settle(loop, lambda: len(cluster.bound()) == 2)
    index = {
        pod["metadata"]["annotations"].get("alibabacloud.com/gpu-index") for pod in cluster.pods().values()
    }
    assert index == {"0", "1", None}
    again = KubernetesAdapter(kubeconfig=str(cluster.config), lease="none")
    free = again.snapshot().cluster.columns.gpu_total_free
    again.close()
    assert int(free.max()) == 800


def test_a_server_that_forgot_is_read_again(cluster: KubernetesCluster, loop: Loop) -> None:
    cluster.add_pods(["before"])
    settle(loop, lambda: len(cluster.bound()) == 1)
    adapter = KubernetesAdapter(kubeconfig=str(cluster.config), lease="none")
    told = adapter.snapshot().version
    cluster.add_pods(["meanwhile"])
    cluster.end("kube-apiserver", signal.SIGKILL)
    cluster.run_api_server()  # it keeps the changes since its start only

    def follow() -> None:
        version = told
        for _ in range(50):
            list(adapter.watch(version, timeout=0.2))
            version = adapter.version

    with pytest.raises(Stale):
        follow()
    adapter.close()
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,), kwargs={"interval": 0.2})
    thread.start()
    try:
        until(lambda: len(cluster.bound()) == 2)
    finally:
        stop.set()
        thread.join()
