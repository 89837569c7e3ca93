"""Volumes that are made for the node that hal chooses, on a real API server.

No provisioner runs there: the tests stand in for one that makes no mistakes but those that they name.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hal.adapters.kubernetes.client import ApiError
from hal.adapters.kubernetes.volumes import SELECTED
from hal.adapters.loop import Loop

from tests.adapters.kubernetes.cluster import KubernetesCluster
from tests.adapters.kubernetes.following import settle

pytestmark = pytest.mark.server

PATCH = "application/merge-patch+json"
ZONE = "topology.kubernetes.io/zone"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
DRIVERS = "/apis/storage.k8s.io/v1/csidrivers"
ROOM = "/apis/storage.k8s.io/v1alpha1/namespaces/default/csistoragecapacities"
VOLUMES = "/api/v1/persistentvolumes"


class Disks:
    """A storage class of zone b, its claims, and who makes its volumes."""

    def __init__(self, cluster: KubernetesCluster) -> None:
        self.cluster, self.name = cluster, f"disks-{uuid.uuid4().hex[:6]}"
        where = [{"matchLabelExpressions": [{"key": ZONE, "values": ["b"]}]}]
        kind = {
            "metadata": {"name": self.name},
            "provisioner": self.name,
            "volumeBindingMode": "WaitForFirstConsumer",
            "allowedTopologies": where,
        }
        cluster.client.call("POST", CLASSES, kind)
        self.data = f"data-{uuid.uuid4().hex[:6]}"  # a claim of an earlier test may still be going
        self.made: list[str] = []
        self.claims: list[str] = []
        self.told: list[str] = []

    def claim(self, name: str) -> dict[str, object]:
        """Create a claim; what a pod says to use it."""
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": self.name,
            "resources": {"requests": {"storage": "1Gi"}},
        }
        self.cluster.client.call("POST", CLAIMS, {"metadata": {"name": name}, "spec": spec})
        self.claims.append(name)
        return {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]}

    def selected(self, claim: str) -> str:
        """Return the node that hal selected."""
        told = self.cluster.client.call("GET", f"{CLAIMS}/{claim}")
        return str((told["metadata"].get("annotations") or {}).get(SELECTED) or "")

    def make(self, claim: str) -> None:
        """Make the volume for the node that was selected, and bind it, as provisioner and controller do."""
        node = self.selected(claim)
        host = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
        name = f"{self.name}-{claim}"
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": self.name,
            "csi": {"driver": "example.com", "volumeHandle": name},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [host]}]}},
        }
        self.cluster.client.call("POST", VOLUMES, {"metadata": {"name": name}, "spec": spec})
        self.made.append(name)
        done = {
            "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
            "spec": {"volumeName": name},
        }
        self.cluster.client.call("PATCH", f"{CLAIMS}/{claim}", done, kind=PATCH)

    def room(self, node: str, size: str) -> None:
        """Say how much room the driver has for a node, and that it is a driver that says so."""
        api = self.cluster.client
        if not self.told:
            api.call("POST", DRIVERS, {"metadata": {"name": self.name}, "spec": {"storageCapacity": True}})
            self.told.append(f"{DRIVERS}/{self.name}")
        body = {
            "metadata": {"name": f"{self.name}-{node}"},
            "storageClassName": self.name,
            "capacity": size,
            "nodeTopology": {"matchLabels": {"kubernetes.io/hostname": node}},
        }
        api.call("POST", ROOM, body)
        self.told.append(f"{ROOM}/{self.name}-{node}")

    def fail(self, claim: str) -> None:
        """Have another node chosen, as a provisioner does that has no room there."""
        body = {"metadata": {"annotations": {SELECTED: None}}}
        self.cluster.client.call("PATCH", f"{CLAIMS}/{claim}", body, kind=PATCH)

    def remove(self) -> None:
        """Leave nothing behind; nobody is there to see to finalizers."""
        api = self.cluster.client
        paths = [f"{CLAIMS}/{name}" for name in self.claims] + [f"{VOLUMES}/{name}" for name in self.made]
        for path in paths:
            api.call("DELETE", path)
            with contextlib.suppress(ApiError):  # gone already
                api.call("PATCH", path, {"metadata": {"finalizers": None}}, kind=PATCH)
        for path in self.told:
            api.call("DELETE", path)
        api.call("DELETE", f"{CLASSES}/{self.name}")


@pytest.fixture
def disks(cluster: KubernetesCluster) -> Iterator[Disks]:
    """Return disks of zone b, in which are two nodes more; n0 to n2 have no zone."""
    cluster.add_nodes(["b0", "b1"], labels={ZONE: "b"})
    made = Disks(cluster)
    yield made
    made.remove()


def test_a_volume_is_made_where_the_pod_will_run(
    cluster: KubernetesCluster, loop: Loop, disks: Disks
) -> None:
    (user,) = cluster.add_pods(["user"], spec=disks.claim(disks.data), cpu="6")
    settle(loop, lambda: disks.selected(disks.data) != "")
    node = disks.selected(disks.data)
    assert node in ("b0", "b1")
    beside = cluster.add_pods(["s0", "s1", "s2", "s3"], cpu="6")
    settle(loop, lambda: set(beside) <= set(cluster.bound()))
    assert node not in cluster.bound().values()  # its place is held
    assert user not in cluster.bound()  # not before it has its volume
    disks.make(disks.data)
    settle(loop, lambda: user in cluster.bound())
    assert cluster.bound()[user] == node


def test_a_volume_that_cannot_be_made_is_made_elsewhere(
    cluster: KubernetesCluster, loop: Loop, disks: Disks
) -> None:
    (user,) = cluster.add_pods(["user"], spec=disks.claim(disks.data))
    settle(loop, lambda: disks.selected(disks.data) != "")
    first = disks.selected(disks.data)
    closed = {"spec": {"unschedulable": True}}
    cluster.client.call("PATCH", f"/api/v1/nodes/{first}", closed, kind=PATCH)

    def elsewhere() -> bool:
        if disks.selected(disks.data) == first:
            disks.fail(disks.data)
        return disks.selected(disks.data) not in ("", first)

    settle(loop, elsewhere)
    disks.make(disks.data)
    settle(loop, lambda: user in cluster.bound())
    assert cluster.bound()[user] == disks.selected(disks.data) != first


def test_a_volume_is_made_where_there_is_room(cluster: KubernetesCluster, loop: Loop, disks: Disks) -> None:
    disks.room("b0", "512Mi")
    (user,) = cluster.add_pods(["user"], spec=disks.claim(disks.data))

    def explained() -> bool:
        conditions = cluster.pods()[user]["status"].get("conditions") or []
        told = [
            one["message"] for one in conditions if one["type"] == "PodScheduled" and one["status"] == "False"
        ]
        return any(f"not enough free storage: StorageClass {disks.name}" in text for text in told)

    settle(loop, explained)
    assert disks.selected(disks.data) == ""
    hal = str(Path(sys.executable).with_name("hal"))
    command = [hal, "advise", "--adapter", "kubernetes", "-o", f"kubeconfig={cluster.config}", "--json"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    (advice,) = told["placements"]
    assert (
        f"not enough free storage: StorageClass {disks.name} of claim default/{disks.data}"
        in advice["reason"]
    )
    disks.room("b1", "2Gi")
    settle(loop, lambda: disks.selected(disks.data) != "")
    assert disks.selected(disks.data) == "b1"
    disks.make(disks.data)
    settle(loop, lambda: user in cluster.bound())
    assert cluster.bound()[user] == "b1"


def test_whoever_takes_over_goes_on(cluster: KubernetesCluster, loop: Loop, disks: Disks) -> None:
    (user,) = cluster.add_pods(["user"], spec=disks.claim(disks.data))
    settle(loop, lambda: disks.selected(disks.data) != "")
    node = disks.selected(disks.data)
    loop._mirror = None  # everything is read again, as after a fault
    loop.follow(0.1)
    loop.step()
    assert disks.selected(disks.data) == node
    disks.make(disks.data)
    settle(loop, lambda: user in cluster.bound())
    assert cluster.bound()[user] == node
