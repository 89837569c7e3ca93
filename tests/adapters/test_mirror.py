from __future__ import annotations

import dataclasses

import pytest
from hal.adapters import (
    JobGone,
    JobQueued,
    JobStarted,
    Mirror,
    NodeChanged,
    NodeGone,
    Outcome,
    Running,
    Snapshot,
)
from hal.adapters.conformance import books
from hal.adapters.mirror import Look, differences
from hypothesis import given
from hypothesis import strategies as st

import hal
from tests.adapters.memory import MemoryAdapter, Orchestrator


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(1, 9)), max_size=40))
def test_a_mirror_equals_a_snapshot_after_any_changes(changes: list[tuple[int, int, int]]) -> None:
    of = Orchestrator(nodes=3)
    adapter = MemoryAdapter(of)
    mirror = Mirror(adapter.snapshot())
    version = "0"
    for kind, which, amount in changes:
        name, node = f"j{which}", f"m{which % 4}"
        if kind == 0:
            of.tell(JobQueued(hal.Job(name, cpus=amount / 2)))
        elif kind == 1 and name in of.waiting and node in of.nodes:
            free = of.nodes[node].cpu_milli - of.held()[node]
            if of.waiting[name].cpu_milli <= free:
                of.tell(JobStarted(Running(of.waiting[name], (node,))))
        elif kind == 2 and (name in of.waiting or name in of.running):
            of.tell(JobGone(name))
        elif kind == 3 and node in of.nodes and len(of.nodes) > 1:
            of.tell(NodeGone(node))
        elif kind == 4 and node not in of.nodes:
            of.tell(NodeChanged(hal.Node(node, cpus=8, memory="16GiB")))
        elif kind == 5 and node in of.nodes:
            of.tell(NodeChanged(dataclasses.replace(of.nodes[node], cpus=8 + amount)))
        elif kind == 6:
            mirror.follow(adapter.watch(version, timeout=0))
            version = adapter.version
    mirror.follow(adapter.watch(version, timeout=0))
    mirror.follow(of.log[-3:])  # hearing the last ones again does no harm
    fresh = adapter.snapshot()
    assert books(mirror.cluster) == books(fresh.cluster)
    assert mirror.waiting == {job.name: job for job in fresh.jobs}
    assert set(mirror.running) == {running.job.name for running in fresh.running}


LOOKS = st.fixed_dictionaries(
    {name: st.sampled_from(["gone", "waits", "runs on m0", "runs on m1"]) for name in "abcd"}
)


@given(
    LOOKS, LOOKS, st.sets(st.sampled_from(["m0", "m1", "m2"])), st.sets(st.sampled_from(["m0", "m1", "m2"]))
)
def test_differences_lead_from_one_look_to_the_next(
    before: dict[str, str], after: dict[str, str], had: set[str], has: set[str]
) -> None:
    def look(states: dict[str, str], nodes: set[str], cpus: int) -> Look:
        there = {"m0", "m1"} | nodes
        return Look.of(
            [hal.Node(name, cpus=cpus if name == "m0" else 8) for name in sorted(there)],
            [
                Running(hal.Job(name, cpus=1), (state[-2:],))
                for name, state in states.items()
                if state.startswith("runs")
            ],
            [hal.Job(name, cpus=1) for name, state in states.items() if state == "waits"],
        )

    def mirror(of: Look) -> Mirror:
        return Mirror(
            Snapshot(tuple(of.nodes.values()), tuple(of.running.values()), tuple(of.waiting.values()), "0")
        )

    old, new = look(before, had, 8), look(after, has, 6)
    following, fresh = mirror(old), mirror(new)
    following.follow(differences(old, new))
    assert books(following.cluster) == books(fresh.cluster)
    assert (following.running, set(following.waiting)) == (fresh.running, set(fresh.waiting))
    assert list(differences(new, new)) == []


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_was_answered_is_what_the_next_look_is_held_against(outcome: Outcome) -> None:
    """An orchestrator that takes a job back at once looks as it did before: without a word the job would be lost."""
    node, job = hal.Node("n", cpus=8), hal.Job("j", cpus=1)
    placed = hal.Placement("j", hal.Status.PLACED, ("n",), ((),), (1.0,))
    for running, waiting in (((), (job,)), ((Running(job, ("n",)),), ()), ((), ())):
        now = Look.of([node], running, waiting)
        before = Look.of([node], [], [job])
        mirror = Mirror(Snapshot((node,), (), (job,), "0"))
        before.answered(placed, outcome)
        if outcome.holds:
            mirror.started(Running(job, ("n",)))
        elif outcome is Outcome.GONE:
            mirror.waiting.pop("j")
        mirror.follow(differences(before, now))
        assert (mirror.cluster.runs("j"), "j" in mirror.waiting) == (bool(running), bool(waiting))
