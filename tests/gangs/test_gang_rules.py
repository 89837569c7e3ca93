"""Gangs among other jobs' rules, with rules of their own, within quotas, and when a node leaves."""

from __future__ import annotations

import pytest

import hal
from hal import Affinity, AntiAffinity, Gang, InvalidModel, Job, Node, Queue, QueueTree, Spread
from hal.topology import Topology

RACKS = {f"n{k}": f"r{k // 3}" for k in range(6)}
TREE = Topology(["site", "rack"], [("s", "site", None), ("r0", "rack", "s"), ("r1", "rack", "s")], RACKS)
A = {"app": "a"}


@pytest.fixture(params=[True, False], ids=["tree", "no tree"])
def cluster(request: pytest.FixtureRequest) -> hal.Cluster:
    nodes = [Node(f"n{k}", cpus=4, gpus=hal.gpus(2, "T4", memory="16GiB")) for k in range(6)]
    return hal.Cluster(nodes, topology=TREE if request.param else None)


def test_a_gang_stays_off_nodes_that_others_keep(cluster: hal.Cluster) -> None:
    alone = Job("alone", cpus=1, exclusive=True)
    shy = Job("shy", cpus=1, rules=[AntiAffinity(A)])
    hal.place(cluster, [alone, shy], "first_fit", apply=True)
    gang = Job("gang", tasks=20, cpus=1, labels=A, gang=Gang(min_tasks=1))
    found = hal.place(cluster, gang, apply=True)[0]
    kept = set(cluster.node_names()) - set(found.nodes)
    assert kept == {"n0", "n1"}
    assert len(found.nodes) == 16
    assert not cluster.resize("gang", 17)


def test_an_exclusive_gang_takes_empty_nodes_and_shares_them_with_itself(cluster: hal.Cluster) -> None:
    hal.place(cluster, Job("one", cpus=1), "first_fit", apply=True)
    found = hal.place(cluster, Job("gang", tasks=8, cpus=1, exclusive=True, gang=Gang()), apply=True)[0]
    assert len(set(found.nodes)) == 2
    assert "n0" not in found.nodes
    later = hal.place(cluster, Job("later", tasks=13, cpus=1, gang=Gang(min_tasks=1)))[0]
    assert not set(later.nodes) & set(found.nodes)


def test_a_gang_may_keep_its_own_tasks_apart_or_together(cluster: hal.Cluster) -> None:
    apart = Job("apart", tasks=3, cpus=1, labels=A, rules=[AntiAffinity(A)], gang=Gang())
    assert len(set(hal.place(cluster, apart)[0].nodes)) == 3
    together = Job("together", tasks=4, cpus=1, labels=A, rules=[Affinity(A)], gang=Gang())
    assert len(set(hal.place(cluster, together)[0].nodes)) == 1
    large = Job("large", tasks=5, cpus=1, labels=A, rules=[Affinity(A)], gang=Gang())
    assert not hal.place(cluster, large)[0].placed
    spread = Job("spread", tasks=6, cpus=1, labels=A, rules=[Spread(A)], gang=Gang())
    assert len(set(hal.place(cluster, spread)[0].nodes)) == 6


def test_rules_by_level() -> None:
    cluster = hal.Cluster([Node(name, cpus=4) for name in RACKS], topology=TREE)
    hal.place(cluster, Job("web", cpus=1, labels=A), "first_fit", apply=True)
    far = Job("far", tasks=8, cpus=1, rules=[AntiAffinity(A, level="rack")], gang=Gang())
    assert {RACKS[node] for node in hal.place(cluster, far)[0].nodes} == {"r1"}
    near = Job("near", tasks=8, cpus=1, rules=[Affinity(A, level="rack")], gang=Gang())
    assert {RACKS[node] for node in hal.place(cluster, near)[0].nodes} == {"r0"}
    own = {"app": "own"}
    even = Job("even", tasks=8, cpus=1, labels=own, rules=[Spread(own, level="rack")], gang=Gang())
    nodes = hal.place(cluster, even)[0].nodes
    assert [sum(RACKS[node] == rack for node in nodes) for rack in ("r0", "r1")] == [4, 4]


def test_levels_against_a_rule_that_counts_the_gang_itself_are_refused_by_name() -> None:
    cluster = hal.Cluster([Node(name, cpus=4) for name in RACKS], topology=TREE)
    gang = Job("g", tasks=4, cpus=1, labels=A, rules=[Spread(A, level="rack")], gang=Gang(required="site"))
    with pytest.raises(
        InvalidModel, match=r"job 'g': gang: levels and slices .* 'even spread of jobs with app=a"
    ):
        hal.place(cluster, gang)


@pytest.mark.parametrize("share", [{"gpus": 1}, {"gpu_memory": "16GiB"}])
def test_an_elastic_gang_shrinks_to_its_quota(cluster: hal.Cluster, share: dict[str, object]) -> None:
    tree = QueueTree([Queue("ann", maximum={"gpus": 5})])
    job = Job("e", tasks=10, queue="ann", gang=Gang(min_tasks=2), **share)  # type: ignore[arg-type]
    assert len(hal.place(cluster, job, queues=tree, apply=True)[0].nodes) == 5
    assert not cluster.resize("e", 6, queues=tree)
    assert cluster.resize("e", 4, queues=tree)
    more = Job("more", tasks=3, queue="ann", gang=Gang(min_tasks=2), **share)  # type: ignore[arg-type]
    waits = hal.place(cluster, more, queues=tree)
    assert waits[0].status is hal.Status.UNSCHEDULABLE
    told = waits.explain("more")
    assert told.change is not None
    if "gpus" in share:
        assert (told.change.queue, dict(told.change.quota)) == ("ann", {"gpu": 1000})


def test_slices_shrink_to_the_quota_whole() -> None:
    cluster = hal.Cluster([Node(name, cpus=4) for name in RACKS], topology=TREE)
    tree = QueueTree([Queue("ann", maximum={"cpus": 7})])
    job = Job("s", tasks=10, cpus=1, queue="ann", gang=Gang(slice=2, min_tasks=2))
    assert len(hal.place(cluster, job, queues=tree)[0].nodes) == 6


def test_a_gang_below_its_least_ends_with_the_node(cluster: hal.Cluster) -> None:
    stiff = Job("stiff", tasks=8, cpus=1, gang=Gang())
    loose = Job("loose", tasks=8, cpus=1, gang=Gang(min_tasks=4))
    plain = Job("plain", tasks=8, cpus=1)
    for job in (stiff, loose, plain):
        with cluster.what_if() as trial:
            nodes = hal.place(trial, job, "first_fit", apply=True)[0].nodes
            before = trial.digest()
            with trial.what_if() as inner:
                assert inner.remove(nodes[0], evict=True) == [job.name]
                assert inner.jobs() == ([] if job is stiff else [job.name])
                if job is stiff:
                    assert inner.columns.free_cpu[1:].tolist() == [4000] * 5
            assert trial.digest() == before


def test_placements_name_the_role_of_each_task(cluster: hal.Cluster) -> None:
    job = Job("driver", cpus=1, gang=Gang(roles=[Job("worker", tasks=2, cpus=1)]))
    assert hal.place(cluster, job)[0].roles == ("driver", "worker", "worker")
    assert hal.place(cluster, Job("plain", tasks=2, cpus=1))[0].roles == ()
