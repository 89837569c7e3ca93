"""No must is ever broken, and no task waits for a rule that a node would keep."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal import Affinity, AntiAffinity, Job, Node, Spread, Status
from hal.topology import Topology
from tests.rules.rule_twin import PlainRules

NODES = [f"n{k}" for k in range(6)]
TREE = Topology(
    ["site", "rack"],
    [("s", "site", None), *((f"r{k}", "rack", "s") for k in range(3))],
    {node: f"r{k // 2}" for k, node in enumerate(NODES)},
)


def cluster_of(slots: int = 3) -> hal.Cluster:
    cluster = hal.Cluster([Node(name, cpus=slots) for name in NODES])
    cluster.set_topology(TREE)
    return cluster


apps = st.sampled_from([{"app": "a"}, {"app": "b"}])
levels = st.sampled_from(["node", "rack", "site"])
weights = st.sampled_from([None, None, 0.5])
a_rule = st.one_of(
    st.builds(Affinity, apps, level=levels, weight=weights),
    st.builds(AntiAffinity, apps, level=levels, weight=weights),
    st.builds(Spread, apps, level=levels, max_skew=st.integers(1, 2), weight=weights),
)


@st.composite
def a_job(draw: st.DrawFn, name: str) -> Job:
    while True:
        with contextlib.suppress(hal.InvalidModel):  # contradictions
            return Job(
                name,
                cpus=1,
                tasks=draw(st.integers(1, 3)),
                labels=draw(st.sampled_from([{}, {"app": "a"}, {"app": "b"}])),
                rules=draw(st.lists(a_rule, max_size=2)),
                exclusive=draw(st.sampled_from([False, False, False, True])),
            )


@given(st.data())
def test_no_must_is_broken_and_none_is_invented(data: st.DataObject) -> None:
    cluster, plain = cluster_of(), PlainRules(NODES, TREE)
    running: dict[str, tuple[Job, list[str]]] = {}
    policy = data.draw(st.sampled_from(["best_fit", "worst_fit"]))
    for step in range(data.draw(st.integers(1, 8))):
        if running and data.draw(st.booleans()) and data.draw(st.booleans()):
            cluster.release(running.pop(data.draw(st.sampled_from(sorted(running))))[0].name)
            continue
        job = data.draw(a_job(f"j{step}"))
        if data.draw(st.booleans()):
            hal.place(cluster, job, policy)  # a trial must leave no trace
        answer = hal.place(cluster, job, policy, apply=True)[0]
        placed = [(other, node) for other, nodes in running.values() for node in nodes]
        for node in answer.nodes:
            assert not list(plain.broken(job, node, placed))
            placed.append((job, node))
        if answer.placed:
            running[job.name] = (job, list(answer.nodes))
        elif job.tasks == 1:
            full = [node for node in NODES if sum(where == node for _, where in placed) == 3]
            assert all(node in full or list(plain.broken(job, node, placed)) for node in NODES)


def test_a_rejection_names_rule_level_and_domain() -> None:
    cluster = cluster_of()
    hal.place(cluster, Job("web", cpus=1, labels={"app": "a"}), apply=True)
    found = hal.explain(cluster, Job("db", cpus=1, rules=[AntiAffinity({"app": "a"}, level="rack")]))
    assert dict(found.reasons) == {"anti-affinity to jobs with app=a, by rack 'r0'": 2}
    near = hal.place(cluster, Job("cache", cpus=1, rules=[Affinity({"app": "a"}, level="rack")]))
    assert near[0].nodes[0] in ("n0", "n1")


def test_applying_later_asks_the_rules_again() -> None:
    cluster = cluster_of()
    jobs = [
        Job(f"j{k}", cpus=1, labels={"app": "a"}, rules=[AntiAffinity({"app": "a"}, level="site")])
        for k in "12"
    ]
    first, second = (hal.place(cluster, job) for job in jobs)
    cluster.apply(first)
    with pytest.raises(hal.InvalidModel, match="may no longer go to node"):
        cluster.apply(second)


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(hal.InvalidModel, match="contradict"):
        Job("j", rules=[Affinity({"app": "a"}), AntiAffinity({"app": "a"})])
    cluster = cluster_of()
    with pytest.raises(hal.InvalidModel, match="'row' is no level"):
        hal.place(cluster, Job("j", rules=[Spread({"app": "a"}, level="row")]))
    assert hal.place(cluster, Job("k", cpus=1))[0].status is Status.PLACED
