"""The Helm chart's rights are those that hal needs, no more."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

import pytest
from hal.adapters.kubernetes import KubernetesAdapter
from hal.adapters.kubernetes.client import ApiError
from hal.adapters.kubernetes.extender import Extender

import hal
from hal.server import Service
from tests.adapters.kubernetes.cluster import KubernetesCluster
from tests.adapters.kubernetes.extra_kinds import define
from tests.adapters.kubernetes.test_extender import pod as wire_pod
from tests.deploy.rights import Rights, Watched, grants, without
from tests.waiting import until

pytestmark = pytest.mark.server

CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"


def listened(adapter: KubernetesAdapter, client: Watched) -> hal.adapters.Snapshot:
    """Look, and listen until every watch is answered, well or not."""
    snapshot = adapter.snapshot()
    watches = {path for path, _, _ in adapter._starts.values()}

    def all_answered() -> bool:
        list(adapter.watch(adapter.version, timeout=0.05))
        return watches <= client.answered

    until(all_answered)
    return snapshot


def schedules(rights: Rights) -> list[str]:
    """Do all that ``hal run`` does; return what was forbidden."""
    cluster, client = rights.cluster, Watched(rights.access)
    adapter = KubernetesAdapter(client=client, scheduler="hal", lease="default/hal", lease_s=2)
    fits, waits = cluster.add_pods([f"fits-{uuid.uuid4().hex[:8]}", f"waits-{uuid.uuid4().hex[:8]}"])
    claim = f"claim-{uuid.uuid4().hex[:8]}"
    wanted = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "late",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    cluster.client.call("POST", CLAIMS, {"metadata": {"name": claim}, "spec": wanted})
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    (stores,) = cluster.add_pods([f"stores-{uuid.uuid4().hex[:8]}"], spec={"volumes": volumes})
    try:
        snapshot = listened(adapter, client)
        jobs = {job.name: job for job in snapshot.jobs}
        # Whoever may not read claims leaves their pods alone.
        placements = hal.place(snapshot.cluster, [jobs[name] for name in (fits, stores) if name in jobs])
        adapter.apply(list(placements))
        adapter._raced(fits, "n0", "")  # somebody else was faster: look at what became of it
        allocates(adapter)
        adapter.explain({waits: "0/1 nodes fit"})
        if adapter.lease is not None:
            adapter.lease._until = 0.0
            adapter.lease.acquire()
        if fits in cluster.bound():  # else it would be gone at once
            adapter._evictor._evict(fits, cluster.pods()[fits]["metadata"]["uid"])
    except hal.AdapterError:
        assert client.forbidden
    finally:
        adapter.close()
        cluster.delete_pods([fits, waits, stores])
        cluster.client.call("DELETE", f"{CLAIMS}/{claim}")
        merge = "application/merge-patch+json"
        with contextlib.suppress(ApiError):  # gone at once
            cluster.client.call("PATCH", f"{CLAIMS}/{claim}", {"metadata": {"finalizers": None}}, kind=merge)
        with contextlib.suppress(ApiError):  # where none was made
            cluster.client.call("DELETE", "/apis/coordination.k8s.io/v1/namespaces/default/leases/hal")
    return client.forbidden


def allocates(adapter: KubernetesAdapter) -> None:
    """Send what allocates devices. This server's release would end if it kept a claim: there is none to be found."""
    path = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/none"
    pod = {"metadata": {"name": "p", "uid": "u"}}
    for finalizers in ([], ["resource.kubernetes.io/delete-protection"]):
        claim = {"metadata": {"finalizers": finalizers, "resourceVersion": "1"}}
        with contextlib.suppress(ApiError):
            adapter.client.call("GET", path)
        with contextlib.suppress(ApiError):
            adapter._allocator._write(path, claim, pod, {})


def extends(rights: Rights) -> list[str]:
    """Do all that ``hal serve`` with the extender does; return what was forbidden."""
    cluster, client = rights.cluster, Watched(rights.access)
    adapter = KubernetesAdapter(client=client, scheduler="hal", lease="none")
    (name,) = cluster.add_pods([f"p-{uuid.uuid4().hex[:8]}"])
    try:
        snapshot = listened(adapter, client)
        uid = cluster.pods()[name]["metadata"]["uid"]
        extender = Extender(Service(snapshot.cluster), client=client)
        asked = wire_pod(name.partition("/")[2])
        asked["metadata"]["uid"] = uid
        assert extender.filter({"Pod": asked, "NodeNames": ["n0"]})["NodeNames"] == ["n0"]
        bind = {"PodName": asked["metadata"]["name"], "PodNamespace": "default", "PodUID": uid, "Node": "n0"}
        first = extender.bind(bind)
        assert (first == {"Error": ""}) == (not any("binding" in path for path in client.forbidden))
        extender._send(
            "default", asked["metadata"]["name"], uid, "n0", ()
        )  # once more: 409, and it is looked at
    except hal.AdapterError:
        assert client.forbidden
    finally:
        adapter.close()
        cluster.delete_pods([name])
    return client.forbidden


@pytest.fixture(scope="module")
def world(kubernetes: KubernetesCluster) -> KubernetesCluster:
    """Return the API server with one node, volumes that are made late, PodGroups, and what devices are claimed by."""
    kubernetes.clear()
    late = {"provisioner": "example.com/late", "volumeBindingMode": "WaitForFirstConsumer"}
    kubernetes.client.call(
        "POST", "/apis/storage.k8s.io/v1/storageclasses", {"metadata": {"name": "late"}, **late}
    )
    kubernetes.add_nodes(["n0"], cpu="64", memory="256Gi")
    # This release has none of them itself.
    paths = [
        define(kubernetes, "scheduling.x-k8s.io", "v1alpha1", "PodGroup", "Namespaced"),
        define(kubernetes, "resource.k8s.io", "v1", "ResourceClaim", "Namespaced"),
        define(kubernetes, "resource.k8s.io", "v1", "ResourceSlice", "Cluster"),
        define(kubernetes, "resource.k8s.io", "v1", "DeviceClass", "Cluster"),
    ]

    def served() -> bool:
        try:
            for path in paths:
                kubernetes.client.list(path)
        except ApiError:
            return False
        return True

    until(served)
    return kubernetes


@pytest.mark.parametrize(
    ("settings", "does", "least"),
    [
        (("serve.enabled=false",), schedules, 36),
        (("scheduler.enabled=false", "extender.enabled=true"), extends, 26),
    ],
    ids=["scheduler", "extender"],
)
def test_rights_are_enough_and_none_is_too_many(
    world: KubernetesCluster, settings: tuple[str, ...], does: Any, least: int
) -> None:
    rights = Rights(world, *settings)
    rights.give(rights.roles)
    assert does(rights) == []
    given = sorted(set(grants(rights.roles)))
    assert len(given) >= least
    for grant in given:
        rights.give(without(rights.roles, grant))
        assert does(rights), f"nothing needs {grant}"
