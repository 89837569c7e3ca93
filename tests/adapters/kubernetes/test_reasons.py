"""Why a pod waits, in words of what its user wrote."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hal.adapters.kubernetes.places import NAME, World
from hal.adapters.kubernetes.reasons import causes, worded
from hal.adapters.kubernetes.volumes import SELECTED
from hal.adapters.loop import why

import hal
from tests.adapters.kubernetes.objects import job, pod

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
USING = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]}
NODES = {name: {NAME: name, ZONE: zone, HOST: name} for name, zone in (("n1", "a"), ("n2", "a"), ("n3", "b"))}


def told(asking: dict[str, Any], world: World) -> str:
    """Return what is said of a pod that fits nowhere, or not everywhere."""
    cluster = hal.Cluster(
        [hal.Node(name, cpus=8, labels=tags, resources={"pods": 9}) for name, tags in world.nodes.items()]
    )
    text = why(hal.place(cluster, job(asking, world)).explain(0))
    return worded(text, causes([asking], world))


def near(key: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": "In", "values": list(values)}]}


def kept(*terms: dict[str, Any]) -> World:
    """Return a world where the claim has a volume that is reached from there alone."""
    volume = {"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": list(terms)}}}}
    return World(nodes=NODES, claims={"lab/c": {"spec": {"volumeName": "pv-1"}}}, volumes={"pv-1": volume})


def late(*, free: bool = True, tells: bool = True, **meta: Any) -> World:
    """Return a world where the claim's volume is made late, in zone b, where its driver has room or has none."""
    kind = {
        "metadata": {"name": "fast"},
        "provisioner": "csi",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": [{"matchLabelExpressions": [{"key": ZONE, "values": ["b"]}]}],
    }
    asked = {"storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}}
    room = {"storageClassName": "fast", "capacity": "20Gi", "nodeTopology": {"matchLabels": {HOST: "n3"}}}
    return World(
        nodes=NODES,
        claims={"lab/c": {"metadata": meta, "spec": asked}},
        classes={"fast": kind},
        drivers={"csi": {"spec": {"storageCapacity": tells}}},
        capacities={"kube-system/r": room} if free else {},
    )


def test_a_volume_that_is_elsewhere_is_named() -> None:
    text = told(pod(USING), kept(near(HOST, "n9")))
    assert f"3 volume node affinity conflict: PersistentVolume pv-1 of claim lab/c (label '{HOST}')" in text
    # Alternatives are names of nodes inside: nobody wrote such a label.
    text = told(pod(USING), kept(near(HOST, "n8"), near(ZONE, "c")))
    assert "3 volume node affinity conflict: PersistentVolume pv-1 of claim lab/c" in text
    assert "label" not in text


def test_a_class_that_allows_no_volume_there_is_named() -> None:
    text = told(pod(USING), late(tells=False))
    assert (
        text == f"1/3 nodes fit: 2 StorageClass fast of claim lab/c allows no volume there (label '{ZONE}')"
    )


def test_storage_without_room_is_named() -> None:
    text = told(pod(USING), late(free=False))
    assert "3 not enough free storage: StorageClass fast of claim lab/c" in text
    assert "label" not in text


def test_a_volume_being_made_elsewhere_is_named() -> None:
    text = told(pod(USING), late(annotations={SELECTED: "n9"}))
    assert "3 the volume of claim lab/c is made for node n9" in text


def test_what_the_pod_asked_itself_stays_as_it_was() -> None:
    plain = pod({"nodeSelector": {"disk": "ssd"}, **USING})
    text = told(plain, kept(near(ZONE, "a", "b")))
    assert "3 node selector: label 'disk' does not match" in text


def test_where_two_may_be_the_cause_both_are_named() -> None:
    both = pod({"nodeSelector": {ZONE: "a"}, **USING})
    text = told(both, kept(near(ZONE, "b")))
    volume = "volume node affinity conflict: PersistentVolume pv-1 of claim lab/c"
    assert f"3 node selector or affinity or {volume} (label '{ZONE}')" in text


def test_alternatives_of_the_pod_are_no_label() -> None:
    terms = [near(HOST, "n8"), near(ZONE, "c")]
    affinity = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    }
    assert "3 node selector or affinity" in told(pod({"affinity": affinity}), World(nodes=NODES))


def test_the_volumes_of_a_gang_are_named_up_to_three() -> None:
    claims = {f"lab/c{i}": {"spec": {"volumeName": f"pv-{i}"}} for i in range(5)}
    affinity = {"required": {"nodeSelectorTerms": [near(HOST, "n1")]}}
    world = World(
        nodes=NODES,
        claims=claims,
        volumes={f"pv-{i}": {"spec": {"nodeAffinity": affinity}} for i in range(5)},
    )
    pods = [
        pod({"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": f"c{i}"}}]}) for i in range(5)
    ]
    text = worded(f"2 node selector: label '{HOST}' does not match", causes(pods, world))
    assert text.count("PersistentVolume") == 3
    assert text.endswith(f"or 2 more (label '{HOST}')")


@pytest.mark.parametrize(
    "broken", [World(), World(claims={"lab/c": {"spec": None}}), World(claims={"lab/c": {}})]
)  # type: ignore[dict-item]
def test_what_is_gone_meanwhile_changes_nothing(broken: World) -> None:
    text = f"3 node selector: label '{ZONE}' does not match"
    assert worded(text, causes([pod(USING)], broken)) == text


def test_what_changes_right_now_changes_nothing() -> None:
    class Changing(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError("dictionary changed size during iteration")

    world = kept(near(HOST, "n8"), near(ZONE, "c"))
    text = f"3 node selector: label '{NAME}' does not match"
    assert worded(text, causes([pod(USING)], dataclasses.replace(world, nodes=Changing()))) == text
