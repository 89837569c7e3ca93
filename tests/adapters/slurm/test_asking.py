"""On how many nodes jobs run: what Slurm settles only when it starts them."""

from __future__ import annotations

from collections import Counter

import pytest
from hal.adapters.slurm.asking import Capacity, Part, Shape, dealt, shape_of, share
from hal.adapters.slurm.convert import convert
from hal.adapters.slurm.pins import hopes
from hal.adapters.slurm.records import JobRecord, NodeRecord, asked, least_nodes, of_gpu
from hal.adapters.slurm.waits import Unsaid
from hypothesis import given
from hypothesis import strategies as st

import hal

FOUR = {Capacity(16, 64000, (("gpu", "a100", 4),)): 4}
MIXED = {Capacity(16, 64000, (("gpu", "a", 8),)): 1, Capacity(16, 64000, (("gpu", "a", 4),)): 1}


def job(**more: object) -> JobRecord:
    base = {"id": 7, "name": "j", "user": "u", "partition": "p", "state": "PENDING", "reason": "JobHeldUser"}
    base |= {"priority": 0, "nodes": 1, "cpus": 1, "tasks": 1, "least": 1, "cpus_node": 1, "memory_cpu": 100}
    return JobRecord(**base | more)  # type: ignore[arg-type]


def node(name: str, *, cpus: int = 16, gpus: int = 4, used: int = 0, used_cpus: int = 0) -> NodeRecord:
    gres, taken = (f"gpu:a100:{gpus}", f"gpu:a100:{used}") if gpus else ("", "")
    return NodeRecord(name, ("IDLE",), cpus, 64000, gres, (), ("p",), used_cpus, 0, taken)


@pytest.mark.parametrize(
    ("fields", "count", "cpus", "gpus", "apart"),
    [
        ({"tres_job": "gpu:4"}, 1, 1, 4, True),  # one node holds it
        ({"tres_job": "gpu:8"}, 8, 1, 1, False),  # the one task cannot be divided, its GPUs can
        ({"tres_job": "gpu:5"}, 5, 1, 1, False),
        ({"tres_job": "gpu:8", "cpus": 8, "tasks": 8}, 8, 1, 1, False),
        ({"tres_job": "gpu:8", "cpus": 40, "tasks": 40, "nodes": 3}, 8, 5, 1, False),
        ({"tres_job": "gpu:8", "cpus": 16, "tasks": 4}, 4, 4, 2, False),
        ({"tres_task": "gpu:1", "cpus": 32, "tasks": 8, "nodes": 2, "cpus_node": 4}, 8, 4, 1, False),
        ({"cpus": 40, "tasks": 40, "nodes": 3}, 40, 1, 0, False),
        ({"tres_job": "gpu:8", "cpus_gpu": 2}, 8, 2, 1, False),
        # What a job says of each node makes their number matter.
        ({"tres_job": "gpu:8", "memory_node": 1000, "memory_cpu": 0}, 2, 1, 4, True),
        ({"tres_node": "gpu:4", "cpus": 40, "tasks": 40, "nodes": 3}, 3, 14, 4, True),
        ({"tres_job": "gpu:8", "nodes": 2, "least": 2, "most": 3, "tasks": 2}, 2, 1, 4, True),
        ({"tres_job": "gpu:10", "nodes": 2, "least": 2, "most": 3, "tasks": 2}, 3, 1, 4, True),
        ({"tres_job": "gpu:8", "tres_node": "gpu:4", "nodes": 2, "least": 2, "most": 2, "tasks": 2}, 2, 1, 4, True),
        ({"tres_job": "gpu:4", "tasks": 4, "cpus": 4, "nodes": 4, "tasks_node": 1}, 4, 1, 1, True),
        ({"cpus": 40, "tasks": 40, "exclusive": True}, 3, 14, 0, True),
        ({"cpus_node": 8}, 1, 8, 0, True),
        # No node and no number of nodes can do these.
        ({"tres_job": "gpu:8", "most": 1}, 1, 1, 8, True),
        ({"cpus": 40, "tasks": 2, "nodes": 2}, 1, 40, 0, True),
        ({"tres_job": "gpu:8", "least": 1, "most": 1, "memory_node": 10}, 1, 1, 8, True),
    ],
)  # fmt: skip
def test_shapes(fields: dict[str, object], count: int, cpus: int, gpus: int, apart: bool) -> None:
    shape = shape_of(job(**fields), FOUR)
    assert (shape.count, shape.part.cpus, shape.part.gpus, shape.apart) == (count, cpus, gpus, apart)


def test_unequal_shares_are_left_to_slurm() -> None:
    with pytest.raises(Unsaid):
        shape_of(job(tres_job="gpu:12", memory_node=10), MIXED)
    assert shape_of(job(tres_job="gpu:12"), MIXED).count == 12
    assert (
        shape_of(job(tres_job="gpu:13", most=2), MIXED).count == 1
    )  # more than there is: told as infeasible
    assert shape_of(job(nodes=9, least=9, most=9, tasks=9, cpus=9), FOUR).count == 9


@given(
    gpus=st.integers(0, 20), tasks=st.integers(1, 40), each=st.integers(1, 20), of_task=st.booleans(),
    memory=st.sampled_from([0, 100, 30000]), whole=st.booleans(),
)  # fmt: skip
def test_a_shape_has_all_that_was_asked_for(
    gpus: int, tasks: int, each: int, of_task: bool, memory: int, whole: bool
) -> None:
    field = {"tres_task" if of_task else "tres_job": f"gpu:{gpus}"} if gpus else {}
    one = job(tasks=tasks, cpus=tasks * each, cpus_node=each, memory_node=memory if whole else 0,
              memory_cpu=0 if whole else memory, **field)  # fmt: skip
    try:
        shape = shape_of(one, FOUR)
    except Unsaid:
        fits = [all(kind.times(share(one, count), 1) for kind in FOUR) for count in range(1, 5)]
        assert not any(fits)
        return
    assert shape.count * shape.part.cpus >= one.cpus
    assert shape.count * shape.part.gpus >= gpus * (tasks if of_task else 1)
    assert shape.apart or shape.count > 1
    if shape.count > 1:  # on more nodes than one only where one does not do, and where these do
        assert not any(kind.times(share(one, 1), 1) for kind in FOUR)
        assert any(kind.times(shape.part, 1) for kind in FOUR)


def test_jobs_go_where_there_is_room_for_their_gpus() -> None:
    nodes = [node("a", used=3), node("b", used=2), node("c", used=1), node("d")]
    now = convert(nodes, [job(tres_job="gpu:10"), job(id=8, tres_job="gpu:17")], now=0, claims=lambda _: True)
    busy = [hal.Job(name, gpus=used) for name, used in (("a", 3), ("b", 2), ("c", 1))]
    cluster = hal.Cluster(now.nodes)
    for each in busy:
        cluster.bind(each, [each.name])
    placed = hal.place(cluster, now.jobs)
    assert Counter(placed[0].nodes) == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert placed[1].status is hal.Status.INFEASIBLE


def test_a_pinned_job_is_booked_where_it_fits() -> None:
    shape = Shape(8, Part(1, 100, {("gpu", ""): 1}), apart=False)
    idle = {
        name: Capacity(16, 64000, (("gpu", "a", count),)) for name, count in (("x", 1), ("y", 4), ("z", 3))
    }
    assert Counter(dealt(shape, ("x", "y", "z"), idle)) == {"x": 1, "y": 4, "z": 3}
    assert set(dealt(shape, ("x", "new"), idle)) == {"x", "new"}  # also where it does not: Slurm will say
    nodes = [node("a", used=3), node("b", used=2), node("c")]
    pinned = job(tres_job="gpu:6", reason="None", priority=5, required="a,b,c")
    (running,) = convert(nodes, [pinned], now=0, claims=lambda _: True).running
    assert Counter(running.nodes) == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize(
    ("fields", "used", "hope"),
    [
        ({"tres_job": "gpu:2"}, 2, True),
        ({"tres_job": "gpu:2"}, 3, False),
        ({"tres_job": "gpu:6"}, 1, True),
        ({"tres_job": "gpu:6"}, 3, False),
    ],
)
def test_pins_on_filled_gpus_lead_nowhere(fields: dict[str, object], used: int, hope: bool) -> None:
    where = "a,b" if fields["tres_job"] == "gpu:6" else "a"
    nodes = {name: node(name, used=used) for name in where.split(",")}
    waiting = job(**fields, required=where, reason="Resources", priority=5)
    assert hopes(waiting, nodes) is hope


def test_what_strings_say() -> None:
    assert (least_nodes("cpu=8,node=2,billing=8"), least_nodes("cpu=8")) == (2, 0)
    assert (of_gpu("gres:gpu:2"), of_gpu("gres/gpu=2"), of_gpu("gres:gpu:a100:3"), of_gpu("")) == (2, 2, 3, 0)
    assert (of_gpu("gres:gpu:1000", memory=True), of_gpu("gres/gpu:2G", memory=True)) == (1000, 2048)
    assert asked(contiguous=True, switches=0, tmp="5M", prefer="") == "contiguous, tmp=5M"
    told = job(tres_task="cpu=4,gres/gpu:1", tasks=2, cpus=8)  # as releases since 23.11 write it
    assert share(told, 1) == Part(8, 800, {("gpu", ""): 2})
    with pytest.raises(Unsaid):
        share(job(tres_task="license/fluent:1"), 1)
