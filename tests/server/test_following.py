"""What a server says of a cluster that is an orchestrator's."""

from __future__ import annotations

from typing import Any

from hal.adapters import Follower

from hal.control import Static
from hal.energy import PowerModel
from hal.server import Service
from tests.adapters.memory import MemoryAdapter, Orchestrator
from tests.server.test_server import Caller


def followed(**settings: Any) -> tuple[Orchestrator, Follower, Service]:
    """Return an orchestrator, a follower that has read it, and the service."""
    of = Orchestrator()
    of.submit(2, cpus=5)
    of.submit(1, cpus=7)
    of.submit(1, cpus=2)
    of.submit(2, cpus=9)
    follower = Follower(MemoryAdapter(of))
    return of, follower, Service(follower, **settings)


def figures(call: Caller) -> dict[str, float]:
    lines = call("GET", "/metrics").text.splitlines()
    return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines if not x.startswith("#"))}


def test_advises_and_leaves_everything_as_it_is() -> None:
    _, follower, of = followed()
    follower._read()
    call = Caller(of)
    before = of.cluster.digest()
    told = call("POST", "/v1/advise", json={"explained": 1}).json()
    assert told["waiting"] == 6
    assert [answer["status"] for answer in told["placements"]] == ["PLACED"] * 4 + ["INFEASIBLE"] * 2
    assert told["placements"][4]["reasons"] == {"insufficient cpu": 4}
    assert told["placements"][4]["missing"]
    assert told["placements"][5]["reasons"] == {}  # one was to be explained
    assert len(call("POST", "/v1/advise", json={"most": 2}).json()["placements"]) == 2
    assert of.cluster.digest() == before
    assert list(follower.waiting) == [f"job{i}" for i in range(6)]


def test_reasons_are_the_orchestrators_own_where_it_has_better_ones() -> None:
    class Storage(MemoryAdapter):
        def worded(self, job: str, reason: str) -> str:
            return reason.replace("insufficient cpu", f"no disk for {job}")

    of = Orchestrator()
    of.submit(1, cpus=9)
    follower = Follower(Storage(of))
    follower._read()
    told = Caller(Service(follower))("POST", "/v1/advise", json={}).json()
    assert told["placements"][0]["reasons"] == {"no disk for job0": 4}


def test_what_runs_is_for_the_orchestrator_to_say() -> None:
    _, follower, of = followed()
    follower._read()
    call, job = Caller(of), {"name": "x", "cpus": 1}
    assert call("POST", "/v1/place", json={"jobs": [job]}).status_code == 200
    for answer in (
        call("POST", "/v1/place", json={"jobs": [job], "apply": True}),
        call("POST", "/v1/release", json={"jobs": ["x"]}),
    ):
        assert answer.status_code == 422
        assert "memory" in answer.json()["detail"]


def test_is_ready_while_it_follows() -> None:
    _, follower, of = followed()
    call = Caller(of)
    assert call("GET", "/ready", token=None).status_code == 503
    assert figures(call)["hal_source_up"] == 0
    follower._read()
    assert call("GET", "/ready", token=None).status_code == 200
    follower._failed(RuntimeError("gone"))
    assert call("GET", "/ready", token=None).json() == {"detail": "memory: RuntimeError: gone"}
    told = figures(call)
    assert (told["hal_source_up"], told["hal_source_faults_total"], told["hal_nodes"]) == (0, 1, 4)


def test_metrics_of_queue_knob_and_power() -> None:
    _, follower, of = followed(controller=Static(p=0.25), power=PowerModel())
    assert of.default == "pack_spread(0.5)"
    follower._read()
    call = Caller(of)
    told = figures(call)
    assert (told["hal_jobs_waiting"], told["hal_p"]) == (6, 0.5)
    assert told["hal_signal_pending_work"] > 0
    assert told["hal_power_watts"] == 4 * 15
    of.readings.turn()
    assert figures(call)["hal_p"] == 0.25
    answer = call("POST", "/v1/place", json={"jobs": [{"name": "x", "cpus": 1}]}).json()
    assert answer["policy"] == "pack_spread(0.25)"
    follower._read()  # a new cluster object: the queue is not counted twice
    assert figures(call)["hal_signal_pending_work"] == told["hal_signal_pending_work"]
    assert "hal_p" not in figures(Caller(Service(follower)))
