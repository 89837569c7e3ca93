"""Groups of pods, by whoever's marks, and where their pods may be."""

from __future__ import annotations

from typing import Any

import pytest
from hal.adapters.kubernetes.convert import topology_of
from hal.adapters.kubernetes.gangs import Group, gang_of, group_of, least_of
from hal.adapters.kubernetes.places import NAME

import hal
from tests.adapters.kubernetes.objects import asks, job, pod

ZONE, RACK = "topology.kubernetes.io/zone", "rack"
KUEUE = "kueue.x-k8s.io/podset-"
GROUP = Group("lab/g", 0)


@pytest.mark.parametrize(
    ("given", "name", "least"),
    [
        (pod(labels={"scheduling.x-k8s.io/pod-group": "g"}), "lab/g", 0),
        (
            pod(
                labels={"scheduling.x-k8s.io/pod-group": "g"},
                annotations={"scheduling.x-k8s.io/min-available": "3"},
            ),
            "lab/g",
            3,
        ),
        (
            pod(
                labels={
                    "pod-group.scheduling.sigs.k8s.io/name": "g",
                    "pod-group.scheduling.sigs.k8s.io/min-available": "2",
                }
            ),
            "lab/g",
            2,
        ),
        (
            pod(
                labels={"kueue.x-k8s.io/pod-group-name": "g"},
                annotations={"kueue.x-k8s.io/pod-group-total-count": "4"},
            ),
            "lab/g",
            4,
        ),
        (pod(annotations={"scheduling.k8s.io/group-name": "g"}), "lab/g", 0),
        (pod({"schedulingGroup": {"podGroupName": "g"}}), "lab/g", 0),
        (pod({"workloadRef": {"name": "w", "podGroup": "g", "podGroupReplicaKey": "1"}}), "lab/w.g.1", 0),
    ],
)
def test_a_pod_says_which_group_it_is_of(given: dict[str, Any], name: str, least: int) -> None:
    group = group_of(given)
    assert group is not None
    assert (group.name, group.least) == (name, least)


def test_a_pod_group_says_how_many_make_a_start() -> None:
    assert group_of(pod()) is None
    assert least_of({"spec": {"minMember": 3}}) == 3
    assert least_of({"spec": {"schedulingPolicy": {"gang": {"minCount": 2}}}}) == 2
    assert least_of({"spec": {"policy": {"gang": {"minCount": 5}}}}) == 5
    assert least_of({}) == 0


# Two racks in zone a, one in zone b, two nodes of 4 CPUs each.
NODES = {
    f"{rack}-{i}": {NAME: f"{rack}-{i}", ZONE: zone, RACK: rack, "kubernetes.io/hostname": f"{rack}-{i}"}
    for rack, zone in (("r0", "a"), ("r1", "a"), ("r2", "b"))
    for i in range(2)
}


def cluster() -> hal.Cluster:
    return hal.Cluster(
        [hal.Node(name, cpus=4, labels=tags, resources={"pods": 9}) for name, tags in NODES.items()],
        topology=topology_of(NODES, (RACK,)),
    )


def made(
    count: int, marks: dict[str, str], started: tuple[str, ...] = (), kinds: int = 1
) -> tuple[hal.Job | None, list[str]]:
    """Return the gang of pods of 2 CPUs (and of 1, where there are two kinds), and what was dropped."""
    waiting = []
    for i in range(count):
        one = pod({"containers": [asks(cpu=str(2 - i % kinds))]}, name=f"p{i}", annotations=marks)
        waiting.append((one, job(one)))
    found, _, dropped = gang_of(
        GROUP,
        waiting,
        least=count + len(started),
        started=[NODES.get(name, {}) for name in started],
        levels=frozenset({ZONE, RACK}),
    )
    return found, [f"{item.field}: {item.value} ({item.effect})" for item in dropped]


def racks(gang: hal.Job | None, of: hal.Cluster | None = None) -> list[str]:
    """Return the rack of each task; none when the gang waits."""
    assert gang is not None
    (placement,) = hal.place(of or cluster(), [gang])
    return [node[:2] for node in placement.nodes]


def test_a_required_level_keeps_a_gang_together() -> None:
    near = {f"{KUEUE}required-topology": RACK}
    assert len(set(racks(made(4, near)[0]))) == 1
    assert racks(made(5, near)[0]) == []  # more than a rack holds
    zone = racks(made(8, {f"{KUEUE}required-topology": ZONE})[0])
    assert set(zone) == {"r0", "r1"}


def test_a_preferred_level_may_be_left() -> None:
    near = {f"{KUEUE}preferred-topology": RACK}
    assert len(set(racks(made(4, near)[0]))) == 1
    assert len(set(racks(made(6, near)[0]))) > 1


def test_a_level_that_no_node_has() -> None:
    gang, dropped = made(2, {f"{KUEUE}required-topology": "block"})
    assert gang is None
    assert dropped == [f"{KUEUE}required-topology: block, which no node has (held)"]
    gang, dropped = made(2, {f"{KUEUE}preferred-topology": "block"})
    assert gang is not None
    assert dropped == [f"{KUEUE}preferred-topology: block (ignored)"]


def test_a_gang_on_one_host() -> None:
    near = {f"{KUEUE}required-topology": "kubernetes.io/hostname"}
    (placement,) = hal.place(cluster(), [made(2, near)[0]])  # type: ignore[list-item]
    assert len(set(placement.nodes)) == 1
    assert racks(made(3, near)[0]) == []  # more than a node holds


def test_slices_are_kept_together_each() -> None:
    by_rack = {f"{KUEUE}slice-required-topology": RACK, f"{KUEUE}slice-size": "3"}
    found = racks(made(6, by_rack)[0])
    assert sorted(found.count(rack) for rack in set(found)) in ([3, 3], [6])
    by_node = {f"{KUEUE}slice-size": "2"}
    (placement,) = hal.place(cluster(), [made(6, by_node)[0]])  # type: ignore[list-item]
    assert {placement.nodes.count(node) for node in placement.nodes} == {2}


@pytest.mark.parametrize(
    ("count", "kinds", "marks", "why"),
    [
        (4, 1, {"slice-required-topology": "block", "slice-size": "2"}, "block, which no node has"),
        (4, 2, {"slice-size": "2"}, "2, and pods of several kinds"),
        (5, 1, {"slice-size": "2"}, "2, and 5 pods are no whole slices"),
        (4, 1, {"slice-size": "two"}, "ValueError"),
        (4, 1, {"slice-size": "0"}, "ZeroDivisionError"),
    ],
)
def test_slices_that_cannot_be_are_listed(count: int, kinds: int, marks: dict[str, str], why: str) -> None:
    gang, (dropped,) = made(count, {KUEUE + key: value for key, value in marks.items()}, kinds=kinds)
    assert gang is None
    assert why in dropped
    assert "held" in dropped


def test_what_is_made_again_goes_where_the_others_are() -> None:
    rack = {f"{KUEUE}required-topology": RACK}
    assert racks(made(2, rack, ("r2-0", "r2-0"))[0]) == ["r2", "r2"]
    assert racks(made(5, rack, ("r2-0",))[0]) == []  # they would fit nowhere together
    assert len(set(racks(made(2, rack, ("r1-0", "r2-0"))[0]))) == 1  # torn apart already: together at least
    assert racks(made(2, rack, ("gone",))[0]) != []
    host = {f"{KUEUE}required-topology": "kubernetes.io/hostname"}
    (placement,) = hal.place(cluster(), [made(1, host, ("r1-1",))[0]])  # type: ignore[list-item]
    assert placement.nodes == ("r1-1",)
    gang, dropped = made(1, {f"{KUEUE}slice-size": "2"}, ("r1-0",))
    assert gang is not None
    assert dropped == [f"{KUEUE}slice-size: 2, and 1 wait (ignored)"]
