from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.policies import TopologyDistance
from hal.topology import Level, Topology
from tests.topology import topology_twin as twin

POLICY = hal.Policy(scorers={TopologyDistance(): 1})


@given(twin.trees(max_nodes=8), st.data())
def test_each_task_goes_nearest_to_those_before_it(tree, data):
    levels, domains, nodes = tree
    topology = Topology([Level(name, distance=cost) for name, cost in levels], domains, nodes)
    names = [*nodes, "outside"]
    cpus = data.draw(st.lists(st.integers(0, 2), min_size=len(names), max_size=len(names)))
    cluster = hal.Cluster([hal.Node(n, cpus=c) for n, c in zip(names, cpus, strict=True)], topology=topology)
    tasks = data.draw(st.integers(1, 5))
    placement = hal.place(cluster, hal.Job("j", tasks=tasks, cpus=1), policy=POLICY)[0]
    assert placement.placed == (sum(cpus) >= tasks)
    matrix, free, before = topology.distances(), dict(zip(names, cpus, strict=True)), []
    farthest = int(levels[[name for name, _ in levels].index(topology.domains[0].level)][1])

    def score(name):
        if name == "outside":
            return 0.0
        if not before or farthest == 0:
            return 1.0
        away = sum(int(matrix[topology.index(name), topology.index(other)]) for other in before)
        return 1 - away / (len(before) * farthest)

    for name, given_score in zip(placement.nodes, placement.scores, strict=True):
        fits = [n for n in names if free[n] > 0]
        best = max(fits, key=lambda n: (round(score(n) * 2**30), -names.index(n)))
        assert name == best
        assert abs(given_score - score(name)) < 1e-8
        free[name] -= 1
        if name != "outside":
            before.append(name)


def test_without_a_topology_all_nodes_are_alike():
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=2) for i in range(3)])
    placement = hal.place(cluster, hal.Job("j", tasks=4, cpus=1), policy="topology_distance")[0]
    assert placement.nodes == ("n0", "n0", "n1", "n1")
    assert placement.scores == (1, 1, 1, 1)
