"""A scorer that prefers nodes with the most CPUs free."""

import numpy as np


class Emptiest:
    """Score: the free share of a node's CPUs."""

    name = "emptiest"
    contract = (1, 0)  # the version of hal's contract for policies that this was written for
    own_state = True  # a node's score depends on that node and the job alone
    monotone = {"free_cpu": "rising"}  # checked, like everything that is declared

    def score(self, job, nodes):
        """Score k candidates: (k,) float64 in [0, 1], higher is better."""
        return nodes.free_cpu / np.maximum(nodes.capacity_cpu, 1)
