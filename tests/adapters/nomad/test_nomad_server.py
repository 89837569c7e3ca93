"""Against the tests' own Nomad: the contract, steering, the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hal.adapters import JobQueued, Loop, Mirror, Outcome
from hal.adapters.conformance import CHECKS, Harness, books
from hal.adapters.nomad import NomadAdapter

import hal
from tests.adapters.nomad.harness import NomadHarness, ids, where
from tests.adapters.nomad.objects import GATE, job, node
from tests.adapters.nomad.server import TOKEN, Nomad
from tests.waiting import until

GPU_NODE = "gpu-1-cafe0000"


@pytest.mark.parametrize("events", [True, False], ids=["events", "blocking queries"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_nomad_keeps_the_contract(
    check: Callable[[Harness], None], harness: NomadHarness, events: bool
) -> None:
    harness.options = {"events": events}
    check(harness)


def test_groups_go_where_hal_puts_them(harness: NomadHarness) -> None:
    nomad = harness.nomad
    nomad.register(job("wide", count=3, Constraints=[{"Operand": "distinct_hosts", "RTarget": "true"}]))
    nomad.register(job("dense", count=5, cpu=1500))
    nomad.register(job("train", gpus=2, Priority=80))
    nomad.register(job("huge", cpu=9000))
    adapter = harness.adapter()
    loop = Loop(adapter, policy="worst_fit")
    done = loop.step()
    assert done.outcomes() == {"applied": 3}
    placed = {placement.job: placement for placement in done.placements if placement.placed}
    assert next(iter(placed)) == "train.main"  # the priority of the job is the order of the queue
    for name, placement in placed.items():
        assert sorted(where(nomad, name)) == sorted(placement.nodes)
    assert placed["train.main"].nodes == (GPU_NODE,)
    assert len(set(placed["wide.main"].nodes)) == 3
    assert (
        max(Counter(placed["dense.main"].nodes).values()) == 2
    )  # several on one node: constraint and spread
    assert set(done.reasons) == {"huge.main"}
    loop.follow(1)
    fresh = harness.adapter().snapshot()
    assert books(loop.mirror.cluster) == books(fresh.cluster)
    (train,) = [running for running in fresh.running if running.job.name == "train.main"]
    assert train.gpus == ((2, 3),)  # the devices are Nomad's choice; the books follow it


def test_groups_of_one_job_are_placed_one_by_one(harness: NomadHarness) -> None:
    nomad = harness.nomad
    made = job("pair", Constraints=[dict(GATE)])
    first = {**made["TaskGroups"][0], "Constraints": None}
    made["TaskGroups"] = [first, {**first, "Name": "other"}]
    nomad.register(made)
    adapter = harness.adapter()
    snapshot = adapter.snapshot()
    assert [waits.name for waits in snapshot.jobs] == ["pair.main", "pair.other"]
    one, two = hal.place(snapshot.cluster, snapshot.jobs, "worst_fit")
    (answer,) = adapter.apply([one])
    assert answer.outcome is Outcome.APPLIED
    assert where(nomad, "pair.other") == []  # the gate of the job is now its own
    (answer,) = adapter.apply([two])
    assert answer.outcome is Outcome.APPLIED
    assert where(nomad, "pair.main") == list(one.nodes)
    assert where(nomad, "pair.other") == list(two.nodes)


def test_what_is_not_for_hal_is_left_alone(harness: NomadHarness) -> None:
    nomad = harness.nomad
    nomad.register(job("theirs", Meta=None))
    nomad.register(job("ungated", gated=False))
    nomad.register(job("service", Type="system"))
    nomad.register(
        job(
            "odd",
            count=3,
            Constraints=[{"LTarget": "${meta.rack}", "Operand": "distinct_property", "RTarget": "2"}],
        )
    )
    snapshot = harness.adapter().snapshot()
    assert not snapshot.jobs
    held = {item.where: item.field for item in snapshot.dropped if item.effect == "held"}
    assert held == {"job service.main": "Type", "job odd.main": "Constraints"}
    assert {running.job.name for running in snapshot.running} >= {"ungated.main"}


def test_wishes_and_asks_of_devices_decide(harness: NomadHarness) -> None:
    nomad = harness.nomad
    small = node("d0000000-0000-4000-8000-000000000003", "small", gpus=4)
    small["NodeResources"]["Devices"][0]["Attributes"]["memory"] = {"Int": 16, "Unit": "GiB"}
    nomad.add_node(small)
    asked = job("large", gpus=1)
    (device,) = asked["TaskGroups"][0]["Tasks"][0]["Resources"]["Devices"]
    device["Constraints"] = [{"LTarget": "${device.attr.memory}", "Operand": ">=", "RTarget": "20 GiB"}]
    nomad.register(asked)
    rack = {"LTarget": "${meta.rack}", "Operand": "=", "RTarget": "r1"}
    nomad.register(job("near", Affinities=[{**rack, "Weight": 80}]))
    nomad.register(job("far", count=3, Affinities=[{**rack, "Weight": -80}]))
    racks = {name: nomad.nodes[key]["Meta"]["rack"] for name, key in ids(nomad).items()}
    loop = Loop(harness.adapter(), policy="first_fit")
    done = loop.step()
    assert done.outcomes() == {"applied": 3}
    assert not [item for item in loop.mirror.dropped if item.where.startswith("job")]
    assert where(nomad, "large.main") == [GPU_NODE]
    assert {racks[name] for name in where(nomad, "near.main")} == {"r1"}
    assert "r1" not in {racks[name] for name in where(nomad, "far.main")}


def test_a_lost_node_sends_its_groups_back(harness: NomadHarness) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    loop = Loop(harness.adapter())
    (placement,) = loop.step().placements
    (lost,) = placement.nodes
    nomad.set_node(ids(nomad)[lost], Status="down")
    until(lambda: loop.follow(0.2) >= 0 and name in loop.mirror.waiting)
    (again,) = loop.step().placements
    assert again.placed
    assert where(nomad, name) == list(again.nodes) != [lost]
    nomad.set_node(ids(nomad)[lost], Status="ready")
    assert loop.follow(0.5) >= 0
    assert len(where(nomad, name)) == 1


def test_a_plan_that_fails_is_a_refusal_and_another_node_is_tried(harness: NomadHarness) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    adapter = harness.adapter()
    snapshot = adapter.snapshot()
    (placement,) = hal.place(snapshot.cluster, snapshot.jobs)
    refused = ids(nomad)[placement.nodes[0]]
    nomad.nodes[refused]["NodeResources"] = {
        **nomad.nodes[refused]["NodeResources"],
        "Cpu": {"CpuShares": 300},
    }
    (answer,) = adapter.apply([placement])  # it has said more than it has
    assert answer.outcome is Outcome.REFUSED
    assert "1 cpu" in answer.detail
    deltas = list(adapter.watch(adapter.version, timeout=1))
    (queued,) = [delta.job for delta in deltas if isinstance(delta, JobQueued)]
    (other,) = hal.place(adapter.snapshot().cluster, [queued])
    assert other.nodes != placement.nodes
    (answer,) = adapter.apply([other])
    assert answer.outcome is Outcome.APPLIED
    assert where(nomad, name) == list(other.nodes)


def test_a_pin_that_leads_nowhere_is_taken_back(harness: NomadHarness) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    harness.options = {"patience": 0.5}
    loop = Loop(harness.adapter())
    assert loop.mirror.waiting
    schedule, nomad.schedule = nomad.schedule, lambda: None  # type: ignore[method-assign]  # Nomad has stopped placing
    (placement,) = loop.step().placements
    loop.follow(0.3)
    assert name in loop.mirror.running
    until(lambda: loop.follow(0.2) >= 0 and name in loop.mirror.waiting)
    nomad.schedule = schedule  # type: ignore[method-assign]
    done = loop.step()
    assert done.outcomes() == {"applied": 1}
    assert done.placements[0].nodes != placement.nodes
    assert where(nomad, name) == list(done.placements[0].nodes)


def test_with_affinities_nomad_may_go_elsewhere_and_the_books_follow(harness: NomadHarness) -> None:
    nomad = harness.nomad
    harness.options = {"steer": "affinity"}
    (name,) = harness.submit(1)
    nomad.register(job("wide", count=2, Constraints=[{"Operand": "distinct_hosts", "RTarget": "true"}]))
    loop = Loop(harness.adapter(), policy="worst_fit")
    done = loop.step()
    assert done.outcomes() == {"applied": 2}
    for placement in done.placements:
        assert sorted(where(nomad, placement.job)) == sorted(placement.nodes)
    (lost,) = where(nomad, name)
    nomad.set_node(ids(nomad)[lost], Status="down")
    for key, alloc in list(nomad.allocs.items()):
        if alloc["NodeID"] == ids(nomad)[lost]:
            nomad.set_alloc(key, ClientStatus="lost", DesiredStatus="stop")
    nomad.schedule()  # by itself
    (now,) = where(nomad, name)
    assert now != lost
    until(lambda: loop.follow(0.2) >= 0 and loop.mirror.running[name].nodes == (now,))
    assert books(loop.mirror.cluster) == books(harness.adapter().snapshot().cluster)
    assert not loop.step().placements


def test_nodes_come_and_go(harness: NomadHarness) -> None:
    nomad = harness.nomad
    adapter = harness.adapter()
    mirror = Mirror(adapter.snapshot())
    nomad.add_node(node("beef0000-0000-4000-8000-000000000002", "late", gpus=1))
    until(
        lambda: (
            mirror.follow(adapter.watch(adapter.version, timeout=0.2)) >= 0
            and "late-beef0000" in mirror.cluster
        )
    )
    nomad.remove_node("beef0000-0000-4000-8000-000000000002")
    until(
        lambda: mirror.follow(adapter.watch(adapter.version, timeout=0.2)) >= 0 and len(mirror.cluster) == 4
    )


def test_a_token_from_a_file_is_read_anew(nomad: Nomad, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    adapter = NomadAdapter(address=nomad.address, token_file=str(tmp_path / "token"))
    assert len(adapter.snapshot().nodes) == 4
    nomad.token = "renewed"
    (tmp_path / "token").write_text("renewed")
    assert len(adapter.snapshot().nodes) == 4
    adapter.close()
    nowhere = NomadAdapter(address=nomad.address, token_file=str(tmp_path / "none"))
    with pytest.raises(hal.AdapterError, match="token_file"):
        nowhere.snapshot()
    nowhere.close()


@pytest.mark.slow
def test_the_command_line_advises_then_does(harness: NomadHarness) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    nomad.register(job("huge", cpu=9000))
    command = [str(Path(sys.executable).with_name("hal"))]
    source = ["--adapter", "nomad", "-o", f"address={nomad.address}", "--policy", "best_fit"]
    environment = {**os.environ, "NOMAD_TOKEN": TOKEN}
    told = subprocess.run(
        [*command, "advise", *source, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment,
    )
    rows = {row["job"]: row for row in json.loads(told.stdout)["placements"]}
    assert rows[name]["status"] == "PLACED"
    assert rows["huge.main"]["status"] == "INFEASIBLE"
    assert not where(nomad, name)
    done = subprocess.run(
        [*command, "run", *source, "--rounds", "2", "--interval", "0.2"],
        capture_output=True, text=True, timeout=60, check=True, env=environment,
    )  # fmt: skip
    assert where(nomad, name) == rows[name]["nodes"]
    assert {"applied": 1} in [json.loads(line).get("outcomes") for line in done.stderr.splitlines()]
    assert TOKEN not in done.stderr + done.stdout
