"""Where a pod's volumes let it go."""

from __future__ import annotations

from typing import Any

import pytest
from hal.adapters.kubernetes.convert import job_of
from hal.adapters.kubernetes.places import NAME, World
from hal.adapters.kubernetes.volumes import SELECTED, unmade
from hypothesis import given
from hypothesis import strategies as st

import hal
from tests.adapters.kubernetes.objects import held, job, pod


def test_volumes_keep_a_pod_near_them() -> None:
    using = pod(
        {
            "volumes": [
                {"name": "data", "persistentVolumeClaim": {"claimName": "c"}},
                {"name": "t", "emptyDir": {}},
            ]
        }
    )
    loose, dropped = job_of(using)
    assert loose is not None
    assert [item.effect for item in dropped] == ["ignored"]
    assert "no volume" in held(using, World())
    assert "no volume" in held(using, World(claims={"lab/c": {"spec": {}}}))
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]}]}
    volume = {"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}}
    world = World(claims={"lab/c": {"spec": {"volumeName": "v"}}}, volumes={"v": volume})
    assert list(job(using, world).selector) == [hal.Selector("kubernetes.io/hostname", "In", ["n1"])]


def test_volumes_that_are_made_late_go_where_their_class_allows() -> None:
    using = pod({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]})
    zone = "topology.kubernetes.io/zone"
    late = {
        "provisioner": "example.com/disks",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": [{"matchLabelExpressions": [{"key": zone, "values": ["a", "b"]}]}],
    }
    claim: dict[str, Any] = {"metadata": {}, "spec": {"storageClassName": "late"}}

    def world(claim: dict[str, Any], **kind: str) -> World:
        return World(claims={"lab/c": claim}, classes={"late": {**late, **kind}})

    assert list(job(using, world(claim)).selector) == [hal.Selector(zone, "In", ["a", "b"])]
    assert unmade(using, world(claim)) == {"lab/c": ""}
    told = {**claim, "metadata": {"annotations": {SELECTED: "n7"}}}
    assert list(job(using, world(told)).selector) == [hal.Selector(NAME, "In", ["n7"])]
    assert unmade(using, world(told)) == {"lab/c": "n7"}
    assert "no volume" in held(using, world(claim, volumeBindingMode="Immediate"))
    assert "no volume" in held(using, world(claim, provisioner="kubernetes.io/no-provisioner"))
    done = {"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}}
    made = World(
        claims={"lab/c": {**done, "spec": {"storageClassName": "late", "volumeName": "v"}}},
        volumes={"v": {"spec": {}}},
        classes={"late": late},
    )
    assert job(using, made).selector == ()
    assert unmade(using, made) == {}


ZONE = "topology.kubernetes.io/zone"
USING = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]}


def stored(*rooms: dict[str, Any], asks: str = "10Gi", tells: bool = True) -> World:
    """Return a world with a claim of a class whose driver tells how much room there is where."""
    kind = {
        "metadata": {"name": "late"},
        "provisioner": "csi.example.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    claim = {
        "metadata": {},
        "spec": {"storageClassName": "late", "resources": {"requests": {"storage": asks}}},
    }
    return World(
        nodes={name: {NAME: name, ZONE: zone} for name, zone in (("n1", "a"), ("n2", "a"), ("n3", "b"))},
        claims={"lab/c": claim},
        classes={"late": kind},
        drivers={"csi.example.com": {"spec": {"storageCapacity": tells}}},
        capacities={f"kube-system/{i}": {"storageClassName": "late", **room} for i, room in enumerate(rooms)},
    )


def zone(name: str, **room: Any) -> dict[str, Any]:
    return {"nodeTopology": {"matchLabels": {ZONE: name}}, **room}


def nodes(world: World) -> list[str]:
    """Return the nodes on which a pod with the claim fits."""
    cluster = hal.Cluster(
        [hal.Node(name, cpus=8, labels=tags, resources={"pods": 9}) for name, tags in world.nodes.items()]
    )
    told = hal.survey(cluster, job(pod(USING), world))
    return [name for name, why in zip(cluster.node_names(), told.reason, strict=True) if why < 0]


@pytest.mark.parametrize(
    ("rooms", "where"),
    [
        ([], []),  # nothing is said of the class yet
        ([zone("a", capacity="10Gi"), zone("b", capacity="9Gi")], ["n1", "n2"]),
        ([zone("a", capacity="20Gi"), zone("b", capacity="20Gi")], ["n1", "n2", "n3"]),
        ([zone("a", capacity="20Gi", maximumVolumeSize="5Gi"), zone("b", capacity="1Ti")], ["n3"]),
        ([zone("a", capacity="20Gi", storageClassName="other")], []),
        ([zone("a")], []),  # how much is not known
        ([{"capacity": "20Gi"}], []),  # no node reaches it
        ([{"capacity": "20Gi", "nodeTopology": {}}], ["n1", "n2", "n3"]),
        (
            [
                {
                    "capacity": "20Gi",
                    "nodeTopology": {
                        "matchExpressions": [{"key": ZONE, "operator": "NotIn", "values": ["a"]}]
                    },
                }
            ],
            ["n3"],
        ),
    ],
)
def test_volumes_are_made_where_their_driver_has_room(rooms: list[dict[str, Any]], where: list[str]) -> None:
    assert nodes(stored(*rooms)) == where


def test_a_driver_that_does_not_say_how_much_room_it_has_is_not_asked() -> None:
    assert nodes(stored(tells=False)) == ["n1", "n2", "n3"]
    assert nodes(stored(zone("b", capacity="1Gi"), tells=False)) == ["n1", "n2", "n3"]


SIZES = st.integers(0, 5)


@given(SIZES, st.lists(st.tuples(st.sampled_from("ab"), SIZES, st.none() | SIZES), max_size=4))
def test_room_is_where_one_object_says_so(size: int, rooms: list[tuple[str, int, int | None]]) -> None:
    told = [
        zone(where, capacity=f"{room}Gi", **({} if most is None else {"maximumVolumeSize": f"{most}Gi"}))
        for where, room, most in rooms
    ]
    world = stored(*told, asks=f"{size}Gi")
    fits = {where for where, room, most in rooms if (room if most is None else most) >= size}
    assert nodes(world) == [name for name, tags in world.nodes.items() if tags[ZONE] in fits]
