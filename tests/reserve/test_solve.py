"""Plans against a plain CP-SAT model, and what every plan must keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel
from hal.reserve import EnergyPrice, Maintenance, PlanStatus, Request, _search, solve
from hal.topology import Topology
from tests.reserve.plain_model import check_by_seconds, optimum

HORIZON = 60


def node(name: str, gpus: int = 4, model: str = "A") -> hal.Node:
    return hal.Node(name, cpus=8, memory="8GiB", gpus=hal.gpus(gpus, model))


def instance(seed: int):
    """Make a few requests on two or three nodes, about half of the instances tight."""
    rng = np.random.default_rng(seed)
    nodes = [node(f"n{i}", 4, str(rng.choice(["A", "A", "B"]))) for i in range(int(rng.integers(2, 4)))]
    rack_of = {n.name: f"r{i % 2}" for i, n in enumerate(nodes)}
    caches = {"fast": 10}
    requests: list[Request | Maintenance] = []
    for i in range(int(rng.integers(2, 6))):
        length = int(rng.integers(1, 8))
        kw: dict[str, object] = {}
        kind = rng.random()
        if kind < 0.15:
            kw["start"] = int(rng.integers(0, 10))
        elif kind < 0.6:
            begin = int(rng.integers(0, 12))
            kw["window"] = (begin, begin + length + int(rng.integers(0, 12)) if rng.random() < 0.5 else None)
        if rng.random() < 0.2:
            kw["deadline"] = int(rng.integers(length, 30))
        if rng.random() < 0.15:
            picked = rng.choice(len(nodes), int(rng.integers(1, 3)), replace=False)
            requests.append(Maintenance(f"m{i}", nodes=[f"n{k}" for k in picked], duration=length, **kw))
            continue
        if rng.random() < 0.6:
            kw["due"] = int(rng.integers(0, 20))
        if rng.random() < 0.2:
            kw["level"] = "rack"
        if rng.random() < 0.2:
            kw["gpu_models"] = ["A"]
        if rng.random() < 0.3:
            kw["caches"] = {"fast": int(rng.integers(1, 10))}
        requests.append(
            Request(
                f"q{i}",
                duration=length,
                tasks=int(rng.integers(1, 4)),
                gpus=int(rng.integers(1, 5)),
                cpus=int(rng.integers(0, 6)),
                exclusive=bool(rng.random() < 0.1),
                weight=int(rng.integers(0, 5)),
                power=float(rng.integers(0, 2000)),
                **kw,
            )
        )
    objective = ("tardiness", "makespan", EnergyPrice([(0, 0.3), (9, 0.05), (14, 0.5), (25, 0.1)]))[seed % 3]
    return nodes, rack_of, caches, requests, objective


def topology(rack_of: dict[str, str]) -> Topology:
    domains = [("site", "site", None), *((rack, "rack", "site") for rack in sorted(set(rack_of.values())))]
    return Topology(["site", "rack"], domains, rack_of)


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_same_objective_as_the_plain_model(seed):
    nodes, rack_of, caches, requests, objective = instance(seed)
    plan = solve(
        requests,
        hal.Cluster(nodes),
        objective=objective,
        caches=caches,
        topology=topology(rack_of),
        now=0,
        time_limit=60,
    )
    best = optimum(requests, nodes, objective, horizon=HORIZON, caches=caches, rack_of=rack_of)
    if best is None:
        assert plan.status is PlanStatus.INFEASIBLE
        assert plan.conflict
        assert plan.reasons
        return
    assert plan.status is PlanStatus.OPTIMAL
    check_by_seconds(plan, nodes, caches)
    assert plan.objective == pytest.approx(best / 3.6e10 if isinstance(objective, EnergyPrice) else best)
    assert plan.gap == 0
    assert plan.list_objective is None or plan.objective <= plan.list_objective


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_a_conflict_is_minimal(seed):
    nodes, rack_of, caches, requests, _ = instance(seed)
    requests.append(Maintenance("all", nodes=[n.name for n in nodes], duration=20, start=0))
    requests.append(Maintenance("one", nodes=["n0"], duration=5, window=(10, 24 + seed % 3)))
    site = {"caches": caches, "topology": topology(rack_of), "now": 0}
    plan = solve(requests, hal.Cluster(nodes), time_limit=60, **site)
    if plan.status is not PlanStatus.INFEASIBLE:
        assert plan.status is PlanStatus.OPTIMAL
        return
    by_name = {request.name: request for request in requests}
    for left_out in plan.conflict:
        rest = [by_name[name] for name in plan.conflict if name != left_out]
        assert solve(rest, hal.Cluster(nodes), time_limit=60, **site).status is PlanStatus.OPTIMAL


@pytest.mark.parametrize(("left", "written"), [(0.5, True), (0.1, False)])
def test_the_exact_model_is_not_written_when_that_takes_the_time_there_is(monkeypatch, left, written):
    """960 decisions take 0.08 s to write; the clock is held still, and no bound ends the run before."""
    exact = []

    class Spy(_search.Model):
        def __init__(self, *args, bins=False, **rest):
            exact.append(bins)
            super().__init__(*args, bins=bins, **rest)

    monkeypatch.setattr(_search, "Model", Spy)
    monkeypatch.setattr(_search.Search, "_remaining", lambda self: left)
    monkeypatch.setattr(_search.Search, "_proven", lambda self: False)
    nodes = [node(f"n{i}") for i in range(60)]
    requests = [Request(f"r{i}", tasks=15, gpus=3, duration=10 + i % 3, due=10 + i % 3) for i in range(16)]
    plan = solve(requests, hal.Cluster(nodes), time_limit=0.05, now=0)
    assert exact == ([False, True] if written else [False])
    assert plan.objective == 249
    assert written or not plan.deterministic


def test_same_inputs_same_plan():
    nodes, rack_of, caches, requests, objective = instance(7)
    site = {"caches": caches, "topology": topology(rack_of)}
    plans = [solve(requests, hal.Cluster(nodes), objective=objective, **site) for _ in range(2)]
    assert plans[0] == plans[1]
    assert plans[0].deterministic


CLUSTER = hal.Cluster([node("a"), node("b"), node("c")])


@pytest.mark.parametrize(
    ("requests", "conflict", "words"),
    [
        ([Request("x", duration="3h", gpus=1, window=(0, 3600))], ["x"], "takes 3 h but its window"),
        ([Request("x", duration=9, tasks=4, gpus=3)], ["x"], "of its 4 tasks (3 GPUs each) at most 3 fit"),
        ([Request("x", duration=9, gpus=5)], ["x"], "wider than any node"),
        ([Request("x", duration=9, gpus=1, gpu_models=["B"])], ["x"], "wider than any node"),
        ([Request("x", duration=9, tasks=0, caches={"c": "2GiB"})], ["x"], "cache 'c', which has 1,024 MiB"),
        (
            [
                Maintenance("m1", nodes=["a", "b"], duration="2h", start=0),
                Request("fine", duration="1h", gpus=1),
                Maintenance("m2", nodes=["b"], duration="2h", start="1h"),
            ],
            ["m1", "m2"],
            "both need all of node 'b'",
        ),
        (
            [Request(f"r{i}", duration="1h", tasks=3, gpus=4, window=(0, 7200)) for i in range(5)],
            ["r0", "r1", "r2"],
            "these 3 cannot all be kept, though any 2",
        ),
    ],
)
def test_infeasible_with_reasons(requests, conflict, words):
    plan = solve(requests, CLUSTER, caches={"c": "1GiB"})
    assert plan.status is PlanStatus.INFEASIBLE
    assert words in plan.reasons[0]
    assert len(plan.conflict) == len(conflict)
    if len(conflict) < 3:
        assert list(plan.conflict) == conflict
    assert str(plan).startswith("INFEASIBLE")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Request("x", duration="2 weeks", gpus=1), "duration = '2 weeks': give seconds or a text"),
        (lambda: Request("x", duration=-1, gpus=1), "duration = -1: must be from 1 s"),
        (lambda: Request("x", duration=5, gpus=1, window=(9, 3)), "is empty; give an end after the begin"),
        (lambda: Request("x", duration=5), "^Request('x'): asks for nothing"),
        (lambda: Request("x", duration=5, gpu=1), "see help(hal.reserve.Request)"),
        (lambda: Request("x", duration=5, gpus=1, start=0, window=(0, 9)), "start and window: give one"),
        (lambda: Request("x", duration=5, gpus=1, times=3), "needs every"),
        (lambda: Request("x", duration=5, gpus=1, start="soon"), "start = 'soon': give seconds"),
        (lambda: Maintenance("m", nodes=[], duration=5), "nodes"),
        (lambda: solve([Maintenance("m", nodes=["z"], duration=5)], CLUSTER), "'z' is no node"),
        (lambda: solve([Request("x", duration=5, gpus=1)] * 2, CLUSTER), "'x' is there twice"),
        (lambda: solve([], CLUSTER, time_limit=0), "time_limit = 0"),
        (lambda: solve([], CLUSTER, objective="speed"), "objective = 'speed'"),
        (lambda: solve([Request("x", duration=5, gpus=1, level="rack")], CLUSTER), "needs a topology"),
        (lambda: solve([Request("x", duration=5, gpus=1, caches={"q": 1})], CLUSTER), "'q' is unknown"),
        (lambda: EnergyPrice([(5, 0.1), (5, 0.2)]), "give times that increase"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(InvalidModel, match=message.replace("(", r"\(").replace(")", r"\)")):
        make()


def test_recurring_requests_move_along():
    plan = solve([Request("r", duration="1h", gpus=1, start="2h", every="1d", times=3)], CLUSTER)
    assert [(b.name, b.start) for b in plan] == [(f"r#{i + 1}", 7200 + i * 86400) for i in range(3)]


def test_replanning_keeps_promises():
    first = solve([Request("old", duration=100, tasks=3, gpus=4, window=(50, None))], CLUSTER, now=0)
    with pytest.raises(InvalidModel, match="'old' is promised already; leave it out"):
        solve([Request("old", duration=100, gpus=1)], CLUSTER, promises=first)
    urgent = Request("new", duration=60, tasks=3, gpus=4, weight=100)
    kept = solve([urgent], CLUSTER, promises=first, now=0)
    assert kept["old"] == first["old"]
    assert kept["new"].start == 150
    freed = solve([urgent, first["old"].request], CLUSTER, now=0)
    assert (freed["new"].start, freed["old"].start) == (0, 60)


def test_promises_that_contradict_each_other_are_refused():
    one = solve([Request("one", duration=100, tasks=3, gpus=4)], CLUSTER, now=0)
    two = solve([Request("two", duration=100, tasks=3, gpus=4)], CLUSTER, now=0)
    with pytest.raises(InvalidModel, match="holds more than is there"):
        solve([], CLUSTER, promises=[*one, *two])


def test_nothing_to_do():
    plan = solve([], CLUSTER)
    assert (plan.status, len(plan), plan.gap) == (PlanStatus.OPTIMAL, 0, 0)
