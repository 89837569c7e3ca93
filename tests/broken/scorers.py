"""Broken scorers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np


class ByIndex:
    """Prefers nodes by where they stand in the list."""

    name = "by_index"

    def score(self, job, nodes):
        return nodes.index / (nodes.index + 1)


class DrawsLots:
    """Draws from a generator that nobody seeds."""

    name = "draws_lots"

    def score(self, job, nodes):
        return np.random.default_rng().random(len(nodes))


class StaleScale:
    """Divides by the largest node of the first cluster it ever saw."""

    name = "stale_scale"

    def __init__(self) -> None:
        self.scale = 0

    def score(self, job, nodes):
        self.scale = self.scale or max(int(nodes.capacity_cpu.max()), 1)
        return np.minimum(nodes.free_cpu / self.scale, 1)


class FalseOwnState:
    """Compares nodes with each other and says that each is scored by itself."""

    name = "false_own_state"
    own_state = True

    def score(self, job, nodes):
        return nodes.capacity_cpu / max(int(nodes.capacity_cpu.max()), 1)


class FalseOneOrder:
    """Prefers what it fills, and says that every job ranks the nodes alike."""

    name = "false_one_order"
    own_state = True
    one_order = True

    def score(self, job, nodes):
        return np.minimum(job.cpu / np.maximum(nodes.free_cpu, 1), 1)


class WrongWay:
    """Says that fuller nodes score higher, and prefers the emptier."""

    name = "wrong_way"
    own_state = True
    monotone: ClassVar = {"free_cpu": "falling"}

    def score(self, job, nodes):
        return nodes.free_cpu / np.maximum(nodes.capacity_cpu, 1)


class NotANumber:
    """Divides nothing by nothing on nodes without memory."""

    name = "not_a_number"

    def score(self, job, nodes):
        with np.errstate(invalid="ignore"):
            return np.where(nodes.capacity_memory == 0, np.nan, 0.5)


class Infinite:
    """Divides by what is left."""

    name = "infinite"

    def score(self, job, nodes):
        return np.where(nodes.free_memory > job.memory, 0.5, np.inf)


class Negative:
    """A cost where a score belongs."""

    name = "negative"

    def score(self, job, nodes):
        return -nodes.free_cpu / 1000


class OverOne:
    """CPUs, not a share of them."""

    name = "over_one"

    def score(self, job, nodes):
        return 1 + nodes.free_cpu / 1000


class OneScore:
    """One score for all candidates."""

    name = "one_score"

    def score(self, job, nodes):
        return np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])


class Raises:
    """Knows two kinds of nodes."""

    name = "raises"

    def score(self, job, nodes):
        known = {1: 0.5, 2: 1.0}
        return np.array([known[int(cpu) // 1000] for cpu in nodes.capacity_cpu])


class Quadratic:
    """Compares every node with every other."""

    name = "quadratic"

    def score(self, job, nodes):
        free = nodes.free_cpu.tolist()
        out = np.zeros(len(free))
        for at, mine in enumerate(free):
            better = 0
            for other in free:
                if other > mine:
                    better += 1
                elif other < mine:
                    better -= 0
                else:
                    better += 0
            out[at] = better / len(free)
        return out


class HoldsLambda:
    """Keeps its formula where pickle cannot follow."""

    name = "holds_lambda"

    def __init__(self) -> None:
        self.formula = lambda free: 1 / (1 + free)

    def score(self, job, nodes):
        return self.formula(nodes.free_cpu.astype(float))


class WritesRequest:
    """Rounds the request up in place."""

    name = "writes_request"

    def score(self, job, nodes):
        job.cpu = -(-job.cpu // 1000) * 1000 + 1
        return np.ones(len(nodes))
