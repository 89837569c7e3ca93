"""Gangs as numbers: where a set of tasks goes that runs together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal import _core
from hal.errors import InvalidModel
from hal.topology import Topology

__all__ = ["GangAnswer", "solve"]


class GangAnswer(NamedTuple):
    """Where a gang goes.

    Attributes
    ----------
    feasible : bool
        Everything below is empty or meaningless when False.
    exact : bool
        `distance` is proven the least at this spread.
    spread : str or None
        Level of the lowest common domain, None when one node holds everything.
    distance : int
        Total over all pairs of tasks, running ones included.
    nodes : tuple of (tasks,) int32 arrays
        Per role the node position of each task in rank order: along the tree, slices together.
    """

    feasible: bool
    exact: bool
    spread: str | None
    distance: int
    nodes: tuple[NDArray[np.int32], ...]


def solve(
    topology: Topology,
    tasks: Sequence[int],
    demand: ArrayLike,
    free: ArrayLike,
    *,
    required: str | None = None,
    preferred: str | None = None,
    slices: Sequence[tuple[int, str | None]] | None = None,
    running: ArrayLike | None = None,
    effort: float = 1e6,
) -> GangAnswer:
    r"""Place a gang on nodes that are given as columns of free resources.

    The narrowest spread comes first, then the least total pairwise distance, then the domain with the least
    room to spare, then the lowest node position.

    Parameters
    ----------
    topology : Topology
        n nodes.
    tasks : sequence of int
        Tasks of each of r roles, 1 to 1,000,000; at most 32 roles.
    demand : (r, k) integers, base units
        What one task of each role takes of each of k resources, >= 0.
    free : (n, k) integers, base units
        What each node has left, in the order of `topology.nodes`.
    required : str, optional
        All tasks share a domain of this level or below it.
    preferred : str, optional
        Spreads narrower than this level are no better than it; only distance counts there.
    slices : sequence of (size, level), optional
        Per role: every `size` consecutive tasks share a domain of that level or below, None for one node.
        `size` divides the role's tasks.
    running : (n,) integers, optional
        Tasks of the same gang on each node already; the new ones join them.
    effort : float
        Additions spent on the exact search at most; beyond, a greedy answer is given.

    Returns
    -------
    GangAnswer

    Raises
    ------
    hal.InvalidModel
        Unknown levels, counts or shapes out of range.

    Notes
    -----
    The total pairwise distance is convex in the counts of each subtree, so a max-plus product along the tree
    is exact: O(nodes · tasks) for one role. Above `effort` each domain is filled largest first.

    Examples
    --------
    >>> from hal.topology import from_slurm
    >>> t = from_slurm("SwitchName=a Nodes=n[0-1]\nSwitchName=b Nodes=n[2-3]\nSwitchName=s Switches=a,b")
    >>> answer = solve(t, [4], [[1]], [[1], [3], [2], [2]])
    >>> answer.spread, answer.distance, answer.nodes[0].tolist()
    ('switch0', 6, [0, 1, 1, 1])
    """
    names = [level.name for level in topology.levels]

    def level(name: str | None, default: int) -> int:
        if name is None:
            return default
        if name not in names:
            raise InvalidModel(f"gang: unknown level {name!r}; the topology has {', '.join(names)}")
        return names.index(name)

    lowest = level(required, 0)
    chosen = [(1, None)] * len(tasks) if slices is None else slices
    if len(chosen) != len(tasks):
        raise InvalidModel(f"gang: {len(chosen)} slices for {len(tasks)} roles; give one each")
    roles = [(int(n), int(size), level(at, len(names))) for n, (size, at) in zip(tasks, chosen, strict=True)]
    held = None if running is None else _integers(running, "running", np.int32)
    feasible, exact, spread, distance, shares = _core.solve_gang(
        topology._core,
        roles,
        _integers(demand, "demand", np.int64),
        _integers(free, "free", np.int64),
        lowest,
        level(preferred, len(names)),
        held,
        effort,
    )
    nodes = tuple(
        np.repeat(
            np.array([node for node, _ in shares], np.int32),
            np.array([counts[r] for _, counts in shares], np.int64),
        )
        for r in range(len(roles))
    )
    return GangAnswer(
        feasible,
        exact,
        names[spread] if 0 <= spread < len(names) else None,
        distance,
        nodes if feasible else (),
    )


def _integers(values: ArrayLike, what: str, dtype: type[np.signedinteger]) -> NDArray[np.signedinteger]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise InvalidModel(f"gang: {what} of dtype {array.dtype}; give integers in base units")
    return np.ascontiguousarray(array, dtype)
