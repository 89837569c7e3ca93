"""A scorer of your own in Python, weighed against a built-in one."""

import numpy as np

import hal


class FewestTasks:
    """Prefer nodes on which little runs: 1 / (1 + tasks)."""

    name = "fewest_tasks"
    own_state = True  # a node's score depends on that node and the job alone, so it may be kept until the node changes

    def score(self, job, nodes):
        """Score k candidates: (k,) float64 in [0, 1], higher is better."""
        return 1 / (1 + nodes.tasks.astype(np.float64))


class KeepSomeMemory:
    """Refuse nodes that would be left with less than a reserve of memory."""

    name = "keep_some_memory"

    def __init__(self, reserve: int) -> None:
        self.reserve = reserve  # MiB

    def keep(self, job, nodes):
        """Return (k,) bool: which candidates may take the task."""
        return nodes.free_memory - job.memory >= self.reserve


cluster = hal.Cluster(hal.Node(f"n{i}", cpus=32, memory="64GiB") for i in range(4))
policy = hal.Policy({FewestTasks(): 2, hal.policies.BestFit(): 1}, filters=[KeepSomeMemory(8 * 1024)])

placements = hal.place(cluster, [hal.Job(f"job-{i}", cpus=4, memory="30GiB") for i in range(5)], policy)
for placement in placements:
    print(placement.job, placement.status.name, *placement.nodes)
print(placements.explain("job-4"))
assert [placement.placed for placement in placements] == [True, True, True, True, False]
