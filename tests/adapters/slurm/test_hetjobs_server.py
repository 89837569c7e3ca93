"""Heterogeneous jobs on a real slurmctld: their components start together where hal put each."""

from __future__ import annotations

import threading

import pytest
from hal.adapters import Loop, Outcome
from hal.adapters.slurm import SlurmAdapter

import hal
from tests.adapters.slurm.harness import SlurmHarness
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.server]


def parts_of(first: str, count: int) -> list[str]:
    return [str(int(first) + offset) for offset in range(count)]


@pytest.mark.parametrize("form", ["json", "text"])
def test_components_start_together_where_hal_put_them(harness: SlurmHarness, form: str) -> None:
    slurm = harness.slurm
    job = slurm.heterogeneous(
        ["-p", "all", "-N", "2", "--exclude=c0,c1"],
        ["-p", "cpu", "-n", "3", "--exclude=c2"],
        ["-p", "gpu", "--gres=gpu:a100:3"],
    )
    adapter = SlurmAdapter(conf=str(slurm.conf), form=form, poll=0.1)
    loop = Loop(adapter, policy="first_fit")
    (waiting,) = loop.mirror.waiting.values()
    assert waiting.name == job
    done = loop.step()
    (placement,) = done.placements
    assert placement.roles == tuple(
        role for role, n in zip(parts_of(job, 3), (2, 1, 1), strict=True) for _ in range(n)
    )
    assert len(set(placement.nodes)) == 4  # Slurm shares no node between components
    assert not {"c0", "c1"} & set(placement.nodes[:2])
    assert placement.nodes[2] != "c2"
    assert done.outcomes() == {"applied": 1}
    until(lambda: slurm.job(job)["JobState"] == "RUNNING")
    wide, *single = parts_of(job, 3)
    assert sorted(harness.where(wide)) == sorted(placement.nodes[:2])
    for part, nodes in zip(single, ([node] for node in placement.nodes[2:]), strict=True):
        assert sorted(harness.where(part)) == sorted(nodes), part
    assert slurm.job(str(int(job) + 2))["GRES"].startswith("gpu:a100:3(IDX:")
    (again,) = adapter.apply([placement])
    assert again.outcome is Outcome.ALREADY
    until(lambda: loop.follow(0.1) >= 0 and set(parts_of(job, 3)) <= set(loop.mirror.running))
    fresh = adapter.snapshot()
    assert fresh.cluster.columns.free_cpu.tolist() == loop.mirror.cluster.columns.free_cpu.tolist()
    assert not any(item.effect == "unschedulable" for item in loop.mirror.dropped)


def test_more_components_than_a_gang_has_roles(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    job = slurm.heterogeneous(
        ["-p", "cpu"], *[["-p", "cpu", "-n", "2"]] * 4, *[["-p", "gpu", "--gres=gpu:a100:1"]] * 3,
        ["-p", "cpu", "-N", "2", "-n", "4"], ["-p", "gpu", "-n", "3"],
    )  # fmt: skip
    loop = Loop(harness.adapter())
    (placement,) = loop.step().placements
    assert placement.placed
    names = parts_of(job, 10)
    alike = "+".join([*names[1:5], names[8]])  # one of two nodes, of which each asks for the same
    assert set(placement.roles) == {names[0], alike, "+".join(names[5:8]), names[9]}
    until(lambda: all(slurm.job(name)["JobState"] == "RUNNING" for name in names))
    given = [tuple(harness.where(name)) for name in names]
    assert [len(nodes) for nodes in given] == [1] * 8 + [2, 1]
    assert sorted(node for nodes in given for node in nodes) == sorted(placement.nodes)
    by_role = {
        role: {n for n, r in zip(placement.nodes, placement.roles, strict=True) if r == role}
        for role in placement.roles
    }
    for name, nodes in zip(names, given, strict=True):
        assert set(nodes) <= next(chosen for role, chosen in by_role.items() if name in role.split("+"))
    (again,) = loop.adapter.apply([placement])
    assert again.outcome is Outcome.ALREADY


def test_a_pin_that_leads_nowhere_is_taken_back_with_what_users_excluded(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    job = slurm.heterogeneous(["-p", "cpu", "--exclude=c3"], ["-p", "cpu", "-N", "2", "--exclude=c4,c5"])
    second = str(int(job) + 1)
    adapter = harness.adapter()
    (waiting,) = adapter.snapshot().jobs
    (placement,) = hal.place(adapter.snapshot().cluster, [waiting], "first_fit")
    harness.close_node(placement.nodes[1], True)  # after hal has decided
    (answer,) = adapter.apply([placement])
    assert answer.outcome.holds, answer  # released: Slurm waits for the node
    assert slurm.job(job)["ExcNodeList"] != "c3"
    adapter.snapshot()
    assert slurm.job(job)["ExcNodeList"] != "c3"  # who only looks changes nothing
    assert not adapter.apply([])
    assert slurm.job(job)["ExcNodeList"] == "c3"
    assert slurm.job(second)["ExcNodeList"] == "c[4-5]"
    assert slurm.job(second)["ReqNodeList"] == "(null)"
    stop = threading.Event()
    thread = threading.Thread(target=Loop(adapter).run, args=(stop,), kwargs={"interval": 0.3})
    thread.start()
    try:
        until(lambda: slurm.job(job)["JobState"] == slurm.job(second)["JobState"] == "RUNNING")
    finally:
        stop.set()
        thread.join()
    assert placement.nodes[1] not in (*harness.where(job), *harness.where(second))
    assert "c3" not in harness.where(job)
    assert not {"c4", "c5"} & set(harness.where(second))


def test_what_was_left_half_pinned_starts_after_a_restart(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    job = slurm.heterogeneous(["-p", "cpu", "--exclude=c3"], ["-p", "cpu"])
    rest = ",".join(name for name in slurm.nodes if name != "c6")
    mark = "AdminComment=hal pinned, excluding (c3) ()"
    slurm.run(["scontrol", "update", f"JobId={job}", f"ExcNodeList={rest}", mark])  # and no more
    harness.close_node("c6", True)
    loop = Loop(harness.adapter(), policy="first_fit")
    (placement,) = loop.step().placements
    assert placement.nodes == ("c0", "c1")
    until(lambda: list(harness.where(job)) == ["c0"])


def test_components_that_fit_only_together_on_one_node_wait(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    filler = [slurm.sbatch("-p", "cpu", "-w", name, "--exclusive", held=False) for name in slurm.cpu[1:]]
    until(lambda: all(harness.where(name) for name in filler))
    job = slurm.heterogeneous(["-p", "cpu"], ["-p", "cpu"])
    loop = Loop(harness.adapter())
    done = loop.step()
    assert job in done.reasons
    assert [p.placed for p in done.placements] == [False]
    slurm.run(["scancel", filler[0]])
    until(lambda: loop.follow(0.1) >= 0 and any(p.placed for p in loop.step().placements))
    until(lambda: sorted(map(str, (*harness.where(job), *harness.where(str(int(job) + 1))))) == ["c0", "c1"])
