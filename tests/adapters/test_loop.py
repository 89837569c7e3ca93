from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hal.adapters import (
    Dropped,
    JobGone,
    JobQueued,
    JobStarted,
    Loop,
    Outcome,
    Running,
)
from hal.adapters.conformance import books
from hal.adapters.reasons import Reasons

import hal
from tests.adapters.memory import MemoryAdapter, Orchestrator


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def loop_of(orchestrator: Orchestrator) -> tuple[Loop, MemoryAdapter, Clock]:
    adapter, clock = MemoryAdapter(orchestrator), Clock()
    return Loop(adapter, clock=clock), adapter, clock


def agree(loop: Loop, orchestrator: Orchestrator) -> None:
    """The mirror has what the orchestrator has."""
    loop.follow(0)
    fresh = MemoryAdapter(orchestrator).snapshot()
    assert books(loop.mirror.cluster) == books(fresh.cluster)
    assert list(loop.mirror.waiting) == [job.name for job in fresh.jobs]


def test_places_and_says_why_the_rest_waits() -> None:
    of = Orchestrator(nodes=2)
    names = of.submit(5, cpus=4)
    loop, _, _ = loop_of(of)
    done = loop.step()
    assert done.outcomes() == {"applied": 4}
    assert sorted(of.running) == sorted(names[:4])
    assert set(of.told) == {names[4]}
    assert of.told[names[4]].startswith("0/2 nodes fit: 2 ")
    agree(loop, of)
    assert loop.step().outcomes() == {}


def test_a_job_that_makes_no_sense_keeps_nobody_waiting() -> None:
    of = Orchestrator(nodes=2)
    before = of.submit(1)
    # No node of this cluster is in a rack, and no adapter can know what every policy will ask of a job.
    of.tell(JobQueued(hal.Job("odd", cpus=1, tasks=2, gang=hal.Gang(required="rack"))))
    after = of.submit(1)
    loop, _, clock = loop_of(of)
    assert loop.step().outcomes() == {"applied": 2}
    assert sorted(of.running) == sorted([*before, *after])
    assert "rack" in of.told["odd"]
    agree(loop, of)
    late = of.submit(1)
    loop.follow(0)
    assert loop.step().outcomes() == {"applied": 1}  # put off, it is not looked at again
    assert set(late) < set(of.running)
    clock.now = 1000
    assert loop.step().placements == ()


@pytest.mark.parametrize("seen", [False, True])
def test_what_others_did_first_is_no_loss(seen: bool) -> None:
    of = Orchestrator(nodes=2)
    a, b = of.submit(2)
    loop, _, clock = loop_of(of)
    assert loop.mirror.waiting
    of.tell(JobStarted(Running(of.waiting[a], ("m1",))))
    if seen:
        loop.follow(0)
    done = loop.step()
    assert done.outcomes() == ({"applied": 1} if seen else {"applied": 1, "conflict": 1})
    assert of.running[a].nodes == ("m1",)
    agree(loop, of)
    clock.now = 100
    assert loop.step().outcomes() == {}
    assert set(of.running) == {a, b}


def test_a_refused_job_is_tried_again_later() -> None:
    of = Orchestrator(nodes=1)
    loop, _, clock = loop_of(of)
    assert not loop.mirror.waiting
    foreign = hal.Job("foreign", cpus=8)
    (name,) = of.submit(1)
    of.running["foreign"] = Running(foreign, ("m0",))  # holds the node and was told to nobody
    loop.follow(0)
    assert loop.step().outcomes() == {"refused": 1}
    assert loop.step().outcomes() == {}
    of.tell(JobGone("foreign"))
    loop.follow(0)
    clock.now = 10
    assert loop.step().outcomes() == {"applied": 1}
    assert name in of.running


def test_what_is_put_off_is_counted_and_forgotten_in_time() -> None:
    of = Orchestrator(nodes=1)
    loop, adapter, clock = loop_of(of)
    (name,) = of.submit(1)

    def fail(call: str) -> None:
        if call.startswith("apply"):
            raise TimeoutError

    adapter.fault = fail
    loop.step()
    assert loop.counts == {"snapshots": 1, "changes": 0, "faults": 0, "retries": 1}
    assert loop.put_off == 1
    of.tell(JobGone(name))
    loop.follow(0)
    loop.step()
    assert loop.put_off == 1
    clock.now = 1000
    loop.step()
    assert not len(loop._retries)


def test_no_answer_is_looked_up_and_not_done_twice() -> None:
    of = Orchestrator()
    (name,) = of.submit(1)
    loop, adapter, clock = loop_of(of)

    def lose(call: str) -> None:
        if call == f"apply {name}":
            of.tell(JobStarted(Running(of.waiting[name], ("m2",))))  # it happened, and the answer was lost
            raise TimeoutError("no answer")

    adapter.fault = lose
    assert loop.step().outcomes() == {Outcome.UNKNOWN.value: 1}
    adapter.fault = lambda call: None
    clock.now = 100
    assert not loop.step().placements
    assert of.running[name].nodes == ("m2",)


def test_forgotten_changes_lead_to_a_new_snapshot() -> None:
    of = Orchestrator(keep=2)
    loop, _, _ = loop_of(of)
    assert not loop.mirror.waiting
    of.submit(10)
    loop.follow(0)
    assert len(loop.mirror.waiting) == 10


def test_a_burst_of_events_is_followed_whole() -> None:
    of = Orchestrator(nodes=50, keep=100_000)
    loop, _, _ = loop_of(of)
    assert not loop.mirror.running
    for name in of.submit(5_000, cpus=0.01, memory=1):
        of.tell(JobStarted(Running(of.waiting[name], (f"m{len(name) % 50}",))))
    assert loop.follow(0) == 10_000
    agree(loop, of)


def test_an_orchestrator_that_lies_about_capacity_gets_no_more() -> None:
    of = Orchestrator(nodes=2)
    of.running["huge"] = Running(hal.Job("huge", cpus=64), ("m0",))
    (name,) = of.submit(1)
    loop, _, _ = loop_of(of)
    assert [item.effect for item in loop.mirror.dropped] == ["unschedulable"]
    loop.step()
    assert of.running[name].nodes == ("m1",)


def test_users_are_told_once_of_a_job_that_cannot_be_placed() -> None:
    of = Orchestrator()
    loop, _, _ = loop_of(of)
    loop.step()
    of.tell(Dropped("job strange", "shape", "round", "held"), Dropped("job early", "begin", "noon", "waits"))
    for _ in range(2):
        loop.follow(0)
        loop.step()
    assert of.told == {
        "strange": "left alone by hal: shape: round",
        "early": "hal waits for begin: noon",
    }
    assert [item.job for item in loop.mirror.dropped] == ["strange", "early"]
    of.tell(JobQueued(hal.Job("early", cpus=1)))
    loop.follow(0)
    assert list(loop.mirror.held) == ["strange"]


def test_not_all_reasons_are_told_at_once() -> None:
    said = Reasons(most=2)
    why = {f"j{i}": "full" for i in range(5)}
    assert [list(said.news(why)) for _ in range(4)] == [["j0", "j1"], ["j2", "j3"], ["j4"], []]


def test_what_contradicted_itself_is_booked_once_it_adds_up() -> None:
    of = Orchestrator(nodes=1)
    loop, _, _ = loop_of(of)
    big, small = of.submit(1, cpus=6)[0], of.submit(1, cpus=4)[0]
    loop.follow(0)
    both = [Running(of.waiting[big], ("m0",)), Running(of.waiting[small], ("m0",))]
    of.tell(*(JobStarted(running) for running in both))  # 10 CPUs on a node of 8, until the first has gone
    loop.follow(0)
    assert not loop.mirror.cluster.node("m0").schedulable
    assert loop.mirror.cluster.jobs() == [big]
    of.tell(JobGone(big))
    loop.follow(0)
    assert loop.mirror.cluster.jobs() == [small]
    agree(loop, of)
    assert loop.mirror.cluster.node("m0").schedulable


class Ranking(MemoryAdapter):
    """Places by itself, in the order that it is told."""

    ranks = True

    def __init__(self, orchestrator: Orchestrator) -> None:
        super().__init__(orchestrator)
        self.ranked: list[list[str]] = []

    def rank(self, jobs: Sequence[str]) -> None:
        self.ranked.append(list(jobs))


def test_an_adapter_that_ranks_is_told_the_order_and_nothing_else() -> None:
    of = Orchestrator(nodes=1)
    small, large, middle = (of.submit(1, cpus=cpus)[0] for cpus in (1, 8, 4))
    adapter = Ranking(of)
    loop = Loop(adapter, order="largest_first")
    assert loop.step().outcomes() == {}
    assert adapter.ranked == [[large, middle, small]]
    assert not of.running
    adapter.ranks = False
    assert loop.step().outcomes() == {"applied": 1}
    assert list(of.running) == [large]


def test_faults_are_waited_out_and_the_loop_ends_when_told() -> None:
    of = Orchestrator()
    names = of.submit(3)
    adapter = MemoryAdapter(of)
    stop, calls = threading.Event(), []

    def fail_twice(call: str) -> None:
        calls.append(call)
        if len(calls) <= 2:
            raise hal.AdapterError("connection refused")

    adapter.fault = fail_twice
    loop = Loop(adapter)
    loop.run(stop, interval=0, report=lambda done: stop.set())
    assert sorted(of.running) == sorted(names)
    assert calls[:3] == ["snapshot", "snapshot", "snapshot"]
