"""Against a real Ray of five nodes: tasks, actors and gangs run where hal puts them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hal.adapters.conformance import CHECKS, Harness, books
from hal.adapters.ray import RayAdapter, Scheduler, TaskSubmission
from hal.adapters.ray import scheduler as scheduled

import hal
from tests.adapters.ray.conftest import add_node
from tests.adapters.ray.harness import RayHarness, idle, names
from tests.waiting import PATIENCE, until

pytestmark = [pytest.mark.slow, pytest.mark.server]


@pytest.fixture
def harness(ray_cluster: Any) -> Iterator[RayHarness]:
    made = RayHarness()
    yield made
    for one in made.made.values():
        one.cancel()
    until(idle)


@pytest.fixture
def hal_ray(ray_cluster: Any) -> Iterator[Scheduler]:
    with scheduled(policy="best_fit", poll=0.2) as made:
        yield made
        for one in list(made.adapter.desk.open.values()):
            one.cancel()
    until(idle)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_ray_keeps_the_contract(check: Callable[[Harness], None], harness: RayHarness) -> None:
    check(harness)


def test_tasks_run_where_hal_put_them(hal_ray: Scheduler, tmp_path: Path) -> None:
    gate = tmp_path / "gate"  # of what runs at once none may end before all have begun

    @hal_ray.place(num_cpus=1, num_gpus=0.5, label_selector={"zone": "b"}, max_retries=0)
    def square(x: int) -> int:
        while not gate.exists():
            time.sleep(0.02)
        return x * x

    calls = [square.remote(x) for x in range(8)]
    chosen = []
    for call in calls:
        call.until("running", PATIENCE)
        chosen.append(call.nodes)
    gate.touch()
    assert [call.result(PATIENCE) for call in calls] == [x * x for x in range(8)]
    ids = names()
    assert [(ids[call.ran_on[0]],) for call in calls if call.ran_on] == chosen
    assert Counter(Counter(node for (node,) in chosen).values()) == {
        4: 2
    }  # two halves of two GPUs, on two nodes


def test_gpus_are_those_that_hal_chose(ray_cluster: Any, tmp_path: Path) -> None:
    import ray

    gate = tmp_path / "gate"
    with scheduled(policy="fgd", pin_gpus=True, poll=0.2) as hal_ray:

        @hal_ray.place(num_cpus=0, num_gpus=0.5, max_retries=0)
        def devices() -> str:
            while not gate.exists():
                time.sleep(0.02)
            return os.environ["CUDA_VISIBLE_DEVICES"]

        @ray.remote(num_cpus=0, num_gpus=1)
        class Trainer:
            def devices(self) -> str:
                return os.environ["CUDA_VISIBLE_DEVICES"]

        calls = [devices.remote() for _ in range(4)]
        trainer = hal_ray.submit(Trainer)
        told = []
        for call in calls:
            call.until("running", PATIENCE)
            told.append((call.nodes, call.gpus[0]))
        gate.touch()
        assert [",".join(map(str, gpus)) for _, gpus in told] == [call.result(PATIENCE) for call in calls]
        assert all(
            call.ran_on[1] == list(gpus) for call, (_, gpus) in zip(calls, told, strict=True) if call.ran_on
        )
        assert ray.get(trainer.handle().devices.remote()) == ",".join(map(str, trainer.gpus[0]))
        assert max(Counter((node, gpu) for node, (gpu,) in told).values()) == 2
        trainer.cancel()
    until(idle)


def test_actors_and_gangs_live_where_hal_put_them(hal_ray: Scheduler) -> None:
    import ray

    @hal_ray.place(num_cpus=2, resources={"disk": 1})
    class Sum:
        def __init__(self, first: int) -> None:
            self.value = first

        def add(self, more: int) -> tuple[int, str]:
            self.value += more
            return self.value, ray.get_runtime_context().get_node_id()

    counter = Sum.remote(10)
    value, node = ray.get(counter.handle(PATIENCE).add.remote(5))
    assert value == 15
    assert (names()[node],) == counter.nodes
    gang = hal_ray.gang([{"CPU": 1, "GPU": 1}] * 4, strategy="SPREAD", name="train")

    @ray.remote(num_cpus=1)
    def where() -> str:
        return ray.get_runtime_context().get_node_id()

    ranks = [where.options(**gang.options(rank, PATIENCE)).remote() for rank in range(4)]
    assert tuple(names()[node] for node in ray.get(ranks, timeout=PATIENCE)) == gang.nodes
    strict = hal_ray.gang([{"CPU": 0.5}] * 4, strategy="STRICT_SPREAD")
    strict.placement_group(PATIENCE)
    assert len(set(strict.nodes)) == 4
    whole = hal_ray.gang([{"CPU": 1}] * 2, strategy="STRICT_PACK")
    whole.placement_group(PATIENCE)
    assert len(set(whole.nodes)) == 1
    wide = hal_ray.gang([{"GPU": 2}] * 3)  # two nodes have two GPUs left at most
    with pytest.raises(TimeoutError, match="nodes fit"):
        wide.placement_group(5)
    counter.cancel()
    gang.cancel()
    wide.placement_group(PATIENCE)
    assert len(set(wide.nodes)) == 3


def test_bundles_that_differ_live_where_hal_put_each(hal_ray: Scheduler) -> None:
    import ray

    bundles = [{"CPU": 1}, {"CPU": 2, "GPU": 2}, {"CPU": 1}, {"CPU": 3, "GPU": 1}]
    gang = hal_ray.gang(bundles, strategy="STRICT_SPREAD", name="uneven")

    @ray.remote
    def where() -> str:
        return ray.get_runtime_context().get_node_id()

    ranks = [
        where.options(
            num_cpus=bundle["CPU"], num_gpus=bundle.get("GPU", 0), **gang.options(rank, PATIENCE)
        ).remote()
        for rank, bundle in enumerate(bundles)
    ]
    assert tuple(names()[node] for node in ray.get(ranks, timeout=PATIENCE)) == gang.bundle_nodes
    assert len(set(gang.bundle_nodes)) == 4
    # Once Ray's figures have followed, nothing of it is taken for others': used is just what its bundles hold.
    seen = RayAdapter(desk=hal_ray.adapter.desk)

    def used() -> list[int]:
        cluster = seen.snapshot().cluster
        taken = (cluster.columns.capacity_cpu - cluster.columns.free_cpu).tolist()
        by_name = dict(zip(cluster.node_names(), taken, strict=True))
        return [by_name[node] for node in gang.bundle_nodes]

    until(lambda: used() == [1000 * bundle["CPU"] for bundle in bundles])
    packed = hal_ray.gang([{"CPU": 1}, {"CPU": 0.5}], strategy="STRICT_PACK")
    packed.placement_group(PATIENCE)
    assert len(set(packed.bundle_nodes)) == 1


def test_what_others_run_is_seen(ray_cluster: Any) -> None:
    import ray

    @ray.remote(num_cpus=3, num_gpus=1, resources={"disk": 2})
    class Foreign:
        def here(self) -> str:
            return ray.get_runtime_context().get_node_id()

    foreign = Foreign.remote()
    node = names()[ray.get(foreign.here.remote())]
    adapter = RayAdapter(poll=0.1)
    until(lambda: len(adapter.snapshot().running) == 2)  # CPU and the rest, and a GPU
    free = books(adapter.snapshot().cluster)[node]
    assert (free[0], free[2]) == (1000, 1000)
    ray.kill(foreign)
    until(lambda: not adapter.snapshot().running)
    until(idle)


def test_what_lost_its_node_is_placed_again(ray_cluster: Any, tmp_path: Path) -> None:
    import ray

    gate = tmp_path / "gate"
    extra = [add_node(ray_cluster, "c") for _ in range(3)]
    ray_cluster.wait_for_nodes()
    with scheduled(poll=0.2) as hal_ray:
        options: dict[str, Any] = {"num_cpus": 1, "label_selector": {"zone": "c"}}

        @hal_ray.place(**options)
        def slow() -> str:
            while not gate.exists():
                time.sleep(0.02)
            return ray.get_runtime_context().get_node_id()

        @hal_ray.place(max_restarts=-1, **options)
        class Lives:
            def here(self) -> str:
                return ray.get_runtime_context().get_node_id()

        @hal_ray.place(**options)
        class Dies(Lives._target):  # type: ignore[misc, name-defined]
            pass

        actor, mortal = Lives.remote(), Dies.remote()
        gang = hal_ray.gang([{"CPU": 0.5}] * 2, label_selector={"zone": "c"}, strategy="STRICT_SPREAD")
        first = ray.get(actor.handle(PATIENCE).here.remote(), timeout=PATIENCE)
        # Two: with a third, what is left of the zone may hold all but the gang, which then waits for room.
        calls = [slow.remote() for _ in range(2)]
        for call in calls:
            call.until("running", PATIENCE)
        ray.get(gang.placement_group(PATIENCE).ready(), timeout=PATIENCE)
        mortal.until("running", PATIENCE)
        before = gang.placement_group()
        lost = names()[first]
        assert mortal.nodes == (lost,)  # best fit: both on one node
        assert lost in gang.nodes
        time.sleep(2)
        ray_cluster.remove_node(next(node for node in extra if node.node_id == first), allow_graceful=False)
        until(lambda: lost not in names().values())
        until(lambda: actor.placed >= 2 and gang.placed >= 2)
        assert ray.get(actor.handle(PATIENCE).here.remote(), timeout=PATIENCE) != first
        assert names()[ray.get(actor.handle().here.remote())] in actor.nodes
        assert gang.placement_group(PATIENCE).id != before.id
        ray.get(gang.placement_group().ready(), timeout=PATIENCE)
        assert lost not in gang.nodes
        until(lambda: mortal.state == "ended")
        with pytest.raises(hal.AdapterError, match="node is gone"):
            mortal.handle()
        gate.touch()
        ran = [call.result(PATIENCE) for call in calls]
        assert first not in ran
        assert [call.placed for call in calls if call.placed >= 2]
        ray_cluster.remove_node(
            next(node for node in extra if node.node_id != first and names()[node.node_id] not in actor.nodes)
        )
        actor.cancel()
        gang.cancel()
    for node in extra:
        if node.node_id in names():
            ray_cluster.remove_node(node)
    until(idle)


def seen(adapter: RayAdapter) -> dict[str, hal.Node]:
    """Nodes as an adapter saw them last; whoever follows it hears of them before anything that is submitted now."""
    assert adapter._nodes is not None
    return {node.name: node for node in adapter._nodes.models}


def test_a_node_that_is_to_leave_gets_nothing_new(ray_cluster: Any) -> None:
    import ray
    from ray._raylet import GcsClient

    extra = [add_node(ray_cluster, "d") for _ in range(2)]
    ray_cluster.wait_for_nodes()
    with scheduled(poll=0.2) as hal_ray:

        @hal_ray.place(num_cpus=1, label_selector={"zone": "d"})
        class Stays:
            def here(self) -> str:
                return ray.get_runtime_context().get_node_id()

        first = Stays.remote()
        leaves = ray.get(first.handle(PATIENCE).here.remote(), timeout=PATIENCE)
        deadline = int((time.time() + 600) * 1000)
        gcs, preempted = GcsClient(address=ray_cluster.address), 2
        accepted, said = gcs.drain_node(leaves, preempted, "test", deadline)
        assert accepted, said
        leaving = names()[leaves]
        until(lambda: not seen(hal_ray.adapter)[leaving].schedulable)
        second = Stays.remote()  # best fit would put it beside the first
        assert ray.get(second.handle(PATIENCE).here.remote(), timeout=PATIENCE) != leaves
        assert ray.get(first.handle().here.remote(), timeout=PATIENCE) == leaves
        harness = RayHarness()
        (name,) = harness.submit(1)
        unaware = harness.adapter()
        unaware.snapshot()
        lost = hal.Placement(name, hal.Status.PLACED, (names()[leaves],), ((),), (1.0,))
        (answer,) = unaware.apply([lost])  # Ray refuses it later, and it is not lost
        assert answer.outcome.holds
        until(lambda: name in [job.name for job in unaware.snapshot().jobs])
        harness.withdraw(name)
        first.cancel()  # the last of what ran there: the node leaves
        second.cancel()
    for node in extra:
        if node.node_id != leaves:
            ray_cluster.remove_node(node)
    until(lambda: leaves not in names())
    until(idle)


def test_errors_are_raised_where_they_belong(hal_ray: Scheduler) -> None:
    @hal_ray.place(max_retries=0)
    def fails() -> None:
        raise ZeroDivisionError("as it should")

    with pytest.raises(ZeroDivisionError):
        fails.remote().result(PATIENCE)
    with pytest.raises(hal.InvalidModel, match="hal chooses the node"):
        hal_ray.place(scheduling_strategy="SPREAD")(fails._target)
    waits = hal_ray.place(num_gpus=3)(fails._target).remote()
    with pytest.raises(TimeoutError, match="0/5 nodes fit"):
        waits.ref(3)
    waits.cancel()
    with pytest.raises(hal.AdapterError, match="cancelled"):
        waits.result(5)
    assert isinstance(waits, TaskSubmission)


def test_the_program_of_the_manual_runs(ray_cluster: Any) -> None:
    program = Path(__file__).resolve().parents[3] / "docs" / "examples" / "ray" / "train.py"
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "RAY_ADDRESS": ray_cluster.address},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    trainer, gang, calls, wide = done.stdout.splitlines()
    assert trainer.startswith("step at 0.1, GPU [")
    assert len(set(gang.split()[2:])) == 2
    assert calls.startswith("[0, 1, 4, 9] ran on [")
    assert "nodes fit" in wide
