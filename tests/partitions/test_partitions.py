from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel
from tests.partitions.partition_twin import TABLES, Device, best_device

MODELS = {"a100-40gb": ("A100", "40GiB"), "a100-80gb": ("A100", "80GiB"), "h100-80gb": ("H100", "80GiB")}


def device(table: str) -> hal.GPU:
    model, memory = MODELS[table]
    return hal.GPU(model, memory=memory, mig=True)


def free(cluster: hal.Cluster) -> list[int]:
    return cluster._core.column("gpu_free").tolist()  # type: ignore[no-any-return]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(TABLES)), st.integers(1, 3), st.data())
def test_instances_go_where_the_plain_twin_puts_them(table: str, count: int, data: st.DataObject) -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=64, gpus=[device(table)] * count)])
    devices = [Device(table) for _ in range(count)]
    profiles = sorted(TABLES[table])
    for step in range(data.draw(st.integers(1, 14))):
        running = cluster.jobs()
        if running and data.draw(st.booleans()):
            name = data.draw(st.sampled_from(running))
            cluster.release(name)
            for held in devices:
                held.instances.pop(name, None)
        else:
            profile, name = data.draw(st.sampled_from(profiles)), f"j{step}"
            answer = hal.place(cluster, hal.Job(name, cpus=1, gpu_profile=profile), apply=True)[0]
            expected = best_device(devices, profile)
            assert answer.placed == (expected is not None)
            if expected is not None:
                start = devices[expected].best_start(profile)
                assert answer.gpus == ((expected,),)
                assert answer.slices == (start,)
                assert start is not None
                devices[expected].instances[name] = (profile, start)
        assert free(cluster) == [1000 - 125 * len(held.taken) for held in devices]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(TABLES)), st.lists(st.integers(0, 5), max_size=8))
def test_release_restores_the_state(table: str, choices: list[int]) -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=64, gpus=[device(table)] * 2)])
    profiles = sorted(TABLES[table])
    empty = cluster.digest()
    jobs = [hal.Job(f"j{i}", cpus=1, gpu_profile=profiles[choice]) for i, choice in enumerate(choices)]
    placements = hal.place(cluster, jobs)
    assert cluster.digest() == empty
    cluster.apply(placements)
    cluster.release(cluster.jobs())
    assert cluster.digest() == empty
    assert hal.place(cluster, hal.Job("whole", cpus=1, gpus=2))[0].placed


def test_the_tables_are_those_of_the_guide() -> None:
    assert hal.PARTITION_TABLES == TABLES


def test_a_partitioned_device_is_neither_idle_nor_shared() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=64, gpus=[device("a100-40gb")])])
    assert not hal.place(cluster, hal.Job("share", cpus=1, gpus=0.1))[0].placed
    hal.place(cluster, hal.Job("slice", cpus=1, gpu_profile="1g.5gb"), apply=True)
    whole = hal.place(cluster, hal.Job("whole", cpus=1, gpus=1))
    assert whole[0].status is hal.Status.UNSCHEDULABLE
    assert whole.explain("whole").reasons == {"too few idle GPUs": 1}
    cluster.release("slice")
    hal.place(cluster, hal.Job("whole", cpus=1, gpus=1), apply=True)
    full = hal.place(cluster, hal.Job("slice", cpus=1, gpu_profile="1g.5gb"))
    assert full.explain("slice").reasons == {"no GPU has room for the profile '1g.5gb'": 1}


def test_a_profile_that_no_device_offers_is_infeasible() -> None:
    cluster = hal.Cluster(
        [hal.Node("n", cpus=64, gpus=[hal.GPU("A100", memory="80GiB"), device("a100-80gb")])]
    )
    told = hal.place(cluster, hal.Job("slice", cpus=1, gpu_profile="3g.20gb"))
    assert told[0].status is hal.Status.INFEASIBLE
    assert told.explain("slice").reasons == {"no GPU offers the profile '3g.20gb'": 1}
    seven = hal.place(cluster, hal.Job("seven", tasks=7, cpus=1, gpu_profile="1g.10gb"))[0]
    assert seven.gpus == ((1,),) * 7
    assert sorted(seven.slices) == list(range(7))
    assert (
        hal.place(cluster, hal.Job("eight", tasks=8, cpus=1, gpu_profile="1g.10gb"))[0].status
        is hal.Status.INFEASIBLE
    )


def test_the_best_node_is_the_one_that_keeps_the_most_room() -> None:
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=64, gpus=[device("h100-80gb")]) for i in range(3)])
    policy = hal.Policy(scorers={hal.policies.ProfileFit(): 1})
    for name, profile in (("a", "4g.40gb"), ("b", "2g.20gb"), ("c", "1g.10gb"), ("d", "3g.40gb")):
        hal.place(cluster, hal.Job(name, cpus=1, gpu_profile=profile), policy, apply=True)
    assert [int(cluster._core.job_tasks(name)[0][0]) for name in "abcd"] == [0, 0, 0, 1]


def test_nodes_and_jobs_survive_files_and_forks(tmp_path: Any) -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=64, gpus=[device("a100-40gb")])])
    assert cluster.node("n").gpus[0].mig == "a100-40gb"
    cluster.to_json(tmp_path / "nodes.json")
    assert hal.Cluster.from_json(tmp_path / "nodes.json").node("n") == cluster.node("n")
    hal.place(cluster, hal.Job("a", cpus=1, gpu_profile="2g.10gb"), apply=True)
    assert cluster.fork().digest() == cluster.digest()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: hal.GPU("T4", memory="16GiB", mig=True), "mig = True.*T4"),
        (lambda: hal.GPU("A100", memory="40GiB", mig="b300"), "mig = 'b300'.*a100-40gb"),
        (lambda: hal.Job("j", gpu_profile="9g.1gb"), "gpu_profile.*9g.1gb.*1g.5gb"),
        (lambda: hal.Job("j", gpus=2, gpu_profile="1g.5gb"), "gpu_profile"),
        (lambda: hal.Job("j", gpu_share=0.5, gpu_profile="1g.5gb"), "gpu_profile"),
    ],
)
def test_bad_input_names_the_culprit(build: Any, message: str) -> None:
    with pytest.raises(InvalidModel, match=message):
        build()
