"""Whatever is handed in by mistake: a typed error that names the argument, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import hal
import hal.data
import hal.replay
import hal.reserve
import hal.topology

STRANGERS = (None, 5, -1, "x", b"x", [], {}, [None], [5], float("nan"), object())
RULERS = hal.QueueTree([hal.Queue("lab")])
JOB = hal.Job("new", cpus=1)
LOG = hal.replay.Workload.from_columns(submit=[0], run=[1], procs=[1])

#: What each door is called with, and the argument that its errors name. What is refused does not depend on the state.
DOORS: dict[str, tuple[str, Callable[[hal.Cluster, object], object]]] = {
    "place": ("cluster", lambda c, x: hal.place(x, JOB)),
    "place.jobs": ("jobs", lambda c, x: hal.place(c, x)),
    "place.policy": ("policy", lambda c, x: hal.place(c, JOB, x)),
    "place.order": ("order", lambda c, x: hal.place(c, [JOB], order=x)),
    "place.seed": ("seed", lambda c, x: hal.place(c, JOB, "random", seed=x)),
    "place.queues": ("queues", lambda c, x: hal.place(c, JOB, queues=x)),
    "explain": ("cluster", lambda c, x: hal.explain(x, JOB)),
    "Placements.explain": ("job", lambda c, x: hal.place(c, JOB).explain(x)),
    "survey": ("job", lambda c, x: hal.survey(c, x)),
    "preempt": ("job", lambda c, x: hal.preempt(c, x)),
    "preempt.cluster": ("cluster", lambda c, x: hal.preempt(x, JOB)),
    "rebalance": ("cluster", lambda c, x: hal.rebalance(x, max_moves=1)),
    "rebalance.want": ("want", lambda c, x: hal.rebalance(c, max_moves=1, want=x)),
    "order": ("jobs", lambda c, x: hal.queues.order(RULERS, x)),
    "order.tree": ("tree", lambda c, x: hal.queues.order(x, [JOB])),
    "reclaim": ("job", lambda c, x: hal.queues.reclaim(RULERS, c, x)),
    "History": ("tree", lambda c, x: hal.queues.History(x)),
    "replay_queue": ("workload", lambda c, x: hal.replay.replay_queue(x)),
    "replay_on_cluster": ("workload", lambda c, x: hal.replay.replay_on_cluster(x, c)),
    "replay_on_cluster.cluster": ("cluster", lambda c, x: hal.replay.replay_on_cluster(LOG, x)),
    "reserve.solve": ("cluster", lambda c, x: hal.reserve.solve(x, [])),
    "topology.to_yaml": ("topology", lambda c, x: hal.topology.to_yaml(x)),
    "CacheTree": ("caches", lambda c, x: hal.data.CacheTree(x)),
    "ContentMap": ("tree", lambda c, x: hal.data.ContentMap(x)),
    "nearest": ("content", lambda c, x: hal.data.nearest(x, "d", "c")),
    "plan_staging": ("content", lambda c, x: hal.data.plan_staging(x, [])),
    "Cluster": ("nodes", lambda c, x: hal.Cluster(x)),
    "QueueTree": ("queues", lambda c, x: hal.QueueTree(x)),
    "apply": ("placements", lambda c, x: c.apply(x)),
    "release": ("job", lambda c, x: c.release(x)),
    "resize": ("job", lambda c, x: c.resize(x, 1)),
    "resize.tasks": ("tasks|old", lambda c, x: c.resize("old", x)),
    "bind": ("job", lambda c, x: c.bind(x, ["n"])),
    "bind.nodes": ("node|task", lambda c, x: c.bind(JOB, x)),
    "add": ("nodes", lambda c, x: c.add(x)),
    "update": ("node", lambda c, x: c.update(x)),
    "remove": ("n", lambda c, x: c.remove(x)),
    "node": ("n", lambda c, x: c.node(x)),
    "cordon": ("n", lambda c, x: c.cordon(x)),
    "runs": ("job", lambda c, x: c.runs(x)),
    "set_topology": ("topology", lambda c, x: c.set_topology(x)),
}
#: What a door takes as it is: nothing asked for, a name that is only unknown, or a number that a seed may be.
TAKEN: dict[str, tuple[object, ...]] = {
    "place.jobs": ([], {}),
    "place.order": (None,),
    "place.seed": (None, 5, -1),
    "place.queues": (None,),
    "Placements.explain": (-1,),
    "rebalance.want": (None, [], {}),
    "order": ([], {}),
    "Cluster": ([], {}),
    "QueueTree": ([], {}),
    "release": ([], {}),
    "resize.tasks": (5, [5]),
    "add": ([], {}),
    "runs": ("x",),
    "set_topology": (None,),
}


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("door", DOORS)
def test_strangers_are_told_what_is_wanted(door: str, stranger: object) -> None:
    if any(type(stranger) is type(taken) and stranger == taken for taken in TAKEN.get(door, ())):
        return
    field, call = DOORS[door]
    cluster = hal.Cluster([hal.Node("n", cpus=8)])
    cluster.apply(hal.place(cluster, hal.Job("old", cpus=1)))
    before = cluster.digest()
    with pytest.raises((hal.InvalidModel, hal.PolicyError), match=field):
        call(cluster, stranger)
    assert cluster.digest() == before
    assert cluster.jobs() == ["old"]


def test_numbers_of_numpy_are_numbers() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=8)])
    assert hal.place(cluster, JOB, "random", seed=np.int64(3)).explain(np.int64(0)).feasible == 1
    assert hal.replay.Queue(np.int64(8)).free == 8


def test_numpy_numbers_are_numbers() -> None:
    job = hal.Job("j", tasks=np.int16(3), cpus=np.float32(0.1), gpus=np.int32(2), priority=np.int8(-1))
    assert job == hal.Job("j", tasks=3, cpus=0.1, gpus=2, priority=-1)
    node = hal.Node("n", cpus=np.int64(4), memory=np.float32(1024), gpus=hal.gpus(np.int8(2), "T4"))
    assert node == hal.Node("n", cpus=4, memory=1024, gpus=hal.gpus(2, "T4"))
    with pytest.raises(hal.InvalidModel, match="tasks = True"):
        hal.Job("j", tasks=np.True_)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: hal.place(c, JOB),
        lambda c: hal.explain(c, JOB),
        lambda c: hal.survey(c, JOB),
        lambda c: hal.preempt(c, JOB),
        lambda c: hal.rebalance(c, max_moves=1),
        len,
    ],
    ids=["place", "explain", "survey", "preempt", "rebalance", "len"],
)
def test_a_cluster_out_of_use_says_why(call: Callable[[hal.Cluster], object]) -> None:
    cluster = hal.Cluster([hal.Node("n1", cpus=8)])
    with cluster.what_if() as trial, pytest.raises(hal.HalError, match=r"inside what_if\(\): use the trial"):
        call(cluster)
    with pytest.raises(hal.HalError, match="this trial is over"):
        call(trial)
