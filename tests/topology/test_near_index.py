"""Distance along the tree agrees with a scan of every node, beside other scores and rules."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import hal
from hal.policies import BestFit, TopologyDistance
from hal.topology import Level, Topology

NODES = [f"n{k}" for k in range(9)]
TREE = Topology(
    [Level("site", distance=9), Level("pod", distance=4), Level("rack", distance=1)],
    [
        ("s", "site", None),
        *((f"p{k}", "pod", "s") for k in range(2)),
        *((f"r{k}", "rack", f"p{k % 2}") for k in range(3)),
    ],
    {node: f"r{k % 3}" if k % 4 else "p1" for k, node in enumerate(NODES[:8])},
)
#: Of distance, against 1: no round ones, so that no two nodes are equal by chance with different parts. Such ties are
#: broken by the last bit of a sum, which the tree rounds part by part and the scan as a whole.
WEIGHTS = st.sampled_from([0.7310585, 1.9265321, 2.4142136])


class Everything:
    """Keeps every node; with a filter of one's own the core looks at each node."""

    name = "everything"

    def keep(self, job: object, nodes: object) -> NDArray[np.bool_]:
        return np.ones(len(nodes), dtype=bool)  # type: ignore[arg-type]


@given(st.data())
def test_the_tree_agrees_with_a_scan(data: st.DataObject) -> None:
    scorers = {BestFit(): 1, TopologyDistance(): data.draw(WEIGHTS)}
    seed = data.draw(st.sampled_from([None, 3]))
    fast = hal.Policy(scorers, tie_seed=seed)
    slow = hal.Policy(scorers, filters=[Everything()], tie_seed=seed)
    cpus = data.draw(st.lists(st.integers(1, 6), min_size=9, max_size=9))
    clusters = [
        hal.Cluster([hal.Node(n, cpus=c) for n, c in zip(NODES, cpus, strict=True)], topology=TREE)
        for _ in range(2)
    ]
    rule = st.sampled_from(
        [
            [],
            [],
            [hal.AntiAffinity({"app": "a"})],
            [hal.Affinity({"app": "a"}, level="rack", weight=0.3)],
            [hal.Spread({"app": "a"}, level="pod")],
        ]
    )
    for step in range(data.draw(st.integers(1, 6))):
        job = hal.Job(
            f"j{step}",
            tasks=data.draw(st.integers(1, 5)),
            cpus=data.draw(st.sampled_from([1, 2])),
            labels=data.draw(st.sampled_from([{}, {"app": "a"}])),
            rules=data.draw(rule),
        )
        found = [
            hal.place(cluster, job, policy, apply=True)[0]
            for cluster, policy in zip(clusters, (fast, slow), strict=True)
        ]
        assert found[0].nodes == found[1].nodes
        assert np.allclose(found[0].scores, found[1].scores, atol=1e-8)
        if clusters[0].jobs() and data.draw(st.integers(0, 3)) == 0:
            name = data.draw(st.sampled_from(clusters[0].jobs()))
            for cluster in clusters:
                cluster.release(name)
        if data.draw(st.integers(0, 5)) == 0:
            for cluster in clusters:
                cluster.set_topology(data.draw(st.just(TREE)))
