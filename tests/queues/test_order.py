"""Fair order against the plain twin, and by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal import Job, Queue, QueueTree
from hal.queues import History, order
from tests.queues.queue_twin import RESOURCES, plain_order
from tests.queues.strategies import jobs, trees

CAPACITY = {"cpus": 16, "memory": 1024, "gpus": 16, "licence": 4}


@given(st.data())
def test_order_is_that_of_the_twin(data: st.DataObject) -> None:
    queues = data.draw(trees())
    count = data.draw(st.integers(0, 12))
    pending = [data.draw(jobs(queues, st.just(f"j{k}"))) for k in range(count)]
    tree = QueueTree(queues)
    history = History(tree, half_life=64)
    past = [data.draw(jobs(queues, st.just("past"))) for _ in range(data.draw(st.integers(0, 2)))]
    for job in past:
        history.record(job, start=0, end=64)
    average = {queue.name: history.average(queue.name, now=128) for queue in queues}
    found = order(tree, pending, capacity=CAPACITY, history=history, now=128)
    starts, waits = plain_order(queues, pending, CAPACITY, average)
    assert [job.name for job in found.jobs] == starts
    assert [pending[row].name for row in found.waiting.tolist()] == waits
    for name in waits:
        why = found.why(name)
        assert why is not None
        assert why.missing > 0
        assert why.resource in RESOURCES
    assert all(found.why(name) is None for name in starts)


def test_dominant_resource_fairness_of_the_paper() -> None:
    """Ghodsi et al. 2011, section 4.1: 9 CPUs and 18 GB; A asks <1, 4>, B <3, 1>; A gets 3 tasks, B 2."""
    tree = QueueTree([Queue("a"), Queue("b")])
    pending = [Job(f"a{k}", cpus=1, memory="4GiB", queue="a") for k in range(3)]
    pending += [Job(f"b{k}", cpus=3, memory="1GiB", queue="b") for k in range(2)]
    found = order(tree, pending, capacity={"cpus": 9, "memory": "18GiB"})
    assert [job.name for job in found.jobs] == ["a0", "b0", "a1", "b1", "a2"]


def test_guarantees_go_first_then_weights() -> None:
    tree = QueueTree([Queue("heavy", weight=2), Queue("light"), Queue("sure", guarantee={"gpus": 2})])
    pending = [Job(f"{q}{k}", gpus=1, queue=q) for q in ("heavy", "light", "sure") for k in range(4)]
    found = order(tree, pending, capacity={"gpus": 12})
    names = [job.name for job in found.jobs]
    assert names[:2] == ["sure0", "sure1"]
    assert names[2:8] == ["heavy0", "light0", "heavy1", "heavy2", "light1", "heavy3"]
    assert [name for name, borrows in zip(names, found.borrows, strict=True) if not borrows] == names[:2]


def test_past_use_counts_and_fades() -> None:
    tree = QueueTree([Queue("a"), Queue("b")])
    history = History(tree, half_life=100)
    history.record(Job("old", gpus=8, queue="a"), start=-1e6, end=0)
    assert history.average("a", now=0)["gpus"] == 8
    assert history.average("a", now=100)["gpus"] == 4
    pending = [Job("a0", gpus=1, queue="a"), Job("b0", gpus=1, queue="b")]
    found = order(tree, pending, capacity={"gpus": 8}, history=history, now=100)
    assert [job.name for job in found.jobs] == ["b0", "a0"]
    assert history.average("a", now=1e9)["gpus"] == 0


def test_a_wait_names_queue_level_and_what_is_missing() -> None:
    tree = QueueTree(
        [
            Queue("lab", maximum={"gpus": 4}),
            Queue("ann", parent="lab"),
            Queue("kept", parent="lab", guarantee={"gpus": 1}, lend=False),
        ]
    )
    why = order(tree, [Job("big", gpus=4, queue="ann")]).why("big")
    assert why is not None
    assert (why.queue, why.level, why.resource) == ("lab", 1, "gpus")
    assert (why.need, why.used, why.reserved, why.maximum, why.missing) == (4, 0, 1, 4, 1)
    assert "kept for queues that do not lend" in str(why)


def test_bad_input_is_named() -> None:
    tree = QueueTree([Queue("lab"), Queue("ann", parent="lab")])
    with pytest.raises(hal.InvalidModel, match="'nobody' is unknown"):
        order(tree, [Job("j", queue="nobody")])
    with pytest.raises(hal.InvalidModel, match=r"queues below it.*'ann'"):
        order(tree, [Job("j", queue="lab")])
    with pytest.raises(hal.InvalidModel, match="names no queue"):
        order(tree, [Job("j")])
    with pytest.raises(hal.InvalidModel, match="capacity: of gpu is unknown"):
        order(tree, [Job("j", gpus=1, queue="ann")])
    with pytest.raises(hal.InvalidModel, match="now"):
        order(tree, [], history=History(tree))
    with pytest.raises(hal.InvalidModel, match="half_life"):
        History(tree, half_life=-1)
