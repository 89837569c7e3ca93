from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import _core
from hal.errors import InvalidModel
from tests.preempt.preempt_twin import Running, Scene, cheapest, cost

POLICY = _core.Policy("test", [(_core.Scorer("best_fit"), 1.0)])
SHAPES = [
    _core.Shape(1000, 100),
    _core.Shape(3000, 50),
    _core.Shape(500, 600),
    _core.Shape(500, 50, 1, 1000),
    _core.Shape(500, 50, 1, 500),
    _core.Shape(500, 50, 1, 300),
    _core.Shape(500, 50, 2, 1000),
]


@st.composite
def scenes(draw: st.DrawFn, *, gangs: bool = True) -> Scene:
    nodes = [
        _core.NodeSpec(
            f"n{i}", draw(st.sampled_from([2000, 4000])), 1000, [("T4", 0, 0)] * draw(st.integers(0, 2))
        )
        for i in range(draw(st.integers(1, 3)))
    ]
    scene = Scene(nodes)
    cluster = scene.build()
    for i in range(draw(st.integers(0, 8))):
        job = _core.Job(
            f"j{i}",
            draw(st.sampled_from(SHAPES)),
            draw(st.sampled_from([1, 1, 2, 3] if gangs else [1])),
            draw(st.integers(-1, 3)),
        )
        result = _core.place_one(cluster, job, POLICY, True)
        if result.status[0] == 0:
            where = [f"n{n}" for n in result.node.tolist()]
            scene.running.append(Running(job.name, job.shape, where, job.priority, draw(st.integers(0, 5))))
    return scene


def plan(cluster: Any, scene: Scene, job: Any, **options: Any) -> Any:
    lost = [(running.name, running.lost) for running in scene.running if cluster.has_job(running.name)]
    return _core.preempt(cluster, job, POLICY, lost, **options)


def profile(cluster: Any, priorities: dict[str, int]) -> list[int]:
    """Running tasks of each priority from the highest down: what a plan must increase, as lists compare."""
    return [
        sum(len(cluster.job_tasks(name)) for name in cluster.jobs() if priorities[name] == priority)
        for priority in range(5, -3, -1)
    ]


@settings(max_examples=150, deadline=None)
@given(scenes(), st.sampled_from(SHAPES), st.integers(0, 4), st.integers(0, 3))
def test_one_task_costs_what_trying_every_set_finds(
    scene: Scene, shape: Any, priority: int, allowed: int
) -> None:
    cluster, job = scene.build(), _core.Job("new", shape, 1, priority)
    budgets = [("half", [running.name for running in scene.running[::2]], allowed)]
    before = cluster.digest()
    found = plan(cluster, scene, job, budgets=budgets)
    assert cluster.digest() == before
    assert found.exact
    expected = cheapest(scene, job, POLICY, budgets)
    if expected is None:
        assert found.placement.status[0] != 0
        assert not found.victims
        return
    names = {victim[1] for victim in found.victims}
    assert found.placement.status[0] == 0
    assert cost([running for running in scene.running if running.name in names]) == expected
    assert found.cost == expected
    _core.apply_preemption(cluster, found)
    assert set(cluster.jobs()) == {running.name for running in scene.running} - names | {"new"}


@settings(max_examples=80, deadline=None)
@given(scenes(), st.sampled_from(SHAPES), st.integers(2, 4), st.integers(0, 4))
def test_a_gang_stops_nobody_in_vain(scene: Scene, shape: Any, tasks: int, priority: int) -> None:
    cluster, job = scene.build(), _core.Job("new", shape, tasks, priority)
    found = plan(cluster, scene, job)
    names = {victim[1] for victim in found.victims}
    if found.placement.status[0] != 0:
        assert not names
        lower = {running.name for running in scene.running if running.priority < priority}
        without = scene.build(frozenset(lower))
        assert _core.place_one(without, job, POLICY, False).status[0] != 0
        return
    for name in names:
        spared = scene.build(frozenset(names - {name}))
        assert _core.place_one(spared, job, POLICY, False).status[0] != 0
    _core.apply_preemption(cluster, found)
    assert len(cluster.job_tasks("new")) == tasks


@settings(max_examples=60, deadline=None)
@given(
    scenes(), st.lists(st.tuples(st.sampled_from(SHAPES), st.integers(1, 3), st.integers(0, 4)), max_size=6)
)
def test_every_plan_improves_the_order_so_none_runs_in_a_circle(
    scene: Scene, arrivals: list[tuple[Any, int, int]]
) -> None:
    cluster = scene.build()
    priorities = {running.name: running.priority for running in scene.running}
    shapes = {running.name: running.shape for running in scene.running}
    waiting = [(f"a{i}", *arrival) for i, arrival in enumerate(arrivals)]
    plans = 0
    while waiting:
        name, shape, tasks, priority = waiting.pop(0)
        priorities[name], shapes[name] = priority, shape
        before = profile(cluster, priorities)
        found = plan(cluster, scene, _core.Job(name, shape, tasks, priority))
        assert all(victim[2] < priority for victim in found.victims)
        if found.placement.status[0] != 0:
            continue
        _core.apply_preemption(cluster, found)
        assert profile(cluster, priorities) > before
        # The victims come back and may preempt in turn: were there a circle, this would not end.
        waiting += [(v[1], shapes[v[1]], len(v[3]), v[2]) for v in found.victims if v[5] == 0]
        plans += 1
        assert plans <= 200


@settings(max_examples=80, deadline=None)
@given(scenes(), st.sampled_from(SHAPES), st.integers(1, 3), st.data())
def test_a_gang_keeps_its_least_tasks_or_goes_whole(
    scene: Scene, shape: Any, tasks: int, data: st.DataObject
) -> None:
    cluster, job = scene.build(), _core.Job("new", shape, tasks, 5)
    least = {running.name: data.draw(st.integers(1, len(running.nodes))) for running in scene.running}
    found = plan(cluster, scene, job, min_tasks=list(least.items()))
    whole = plan(cluster, scene, job)
    assert (found.placement.status[0] == 0) == (whole.placement.status[0] == 0)
    for _, name, _, stopped, places, left, _ in found.victims:
        assert left == 0 or left >= least[name]
        assert len(stopped) == len(places) >= 1
    if found.placement.status[0] == 0:
        _core.apply_preemption(cluster, found)
        for _, name, _, _, _, left, _ in found.victims:
            assert (len(cluster.job_tasks(name)) if cluster.has_job(name) else 0) == left


def _two_jobs() -> Any:
    cluster = _core.Cluster()
    cluster.add_nodes([_core.NodeSpec("n0", 2000, 100), _core.NodeSpec("n1", 2000, 100)])
    cluster.bind("gang", _core.Shape(1000, 1), [("n0", None), ("n0", None), ("n1", None)], 1)
    cluster.bind("one", _core.Shape(1000, 1), [("n1", None)], 2)
    return cluster


def test_an_elastic_gang_gives_its_highest_ranks() -> None:
    cluster = _two_jobs()
    found = _core.preempt(
        cluster, _core.Job("new", _core.Shape(1000, 1), 1, 9), POLICY, min_tasks=[("gang", 2)]
    )
    assert [(victim[1], victim[3], victim[5]) for victim in found.victims] == [("gang", [1], 2)]


def test_a_plan_is_refused_once_a_victim_has_changed() -> None:
    cluster = _two_jobs()
    found = _core.preempt(cluster, _core.Job("new", _core.Shape(2000, 1), 1, 9), POLICY)
    assert [victim[1] for victim in found.victims] == ["gang"]
    cluster.release("gang")
    cluster.bind("gang", _core.Shape(1000, 1), [("n0", None)], 1)
    before = cluster.digest()
    with pytest.raises(InvalidModel, match="'gang' no longer runs as it did"):
        _core.apply_preemption(cluster, found)
    assert cluster.digest() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lost_work": [("nobody", 1)]}, "lost_work: 'nobody' is no running job"),
        ({"lost_work": [(7, 1)]}, "lost_work: #7 is no running job"),
        ({"lost_work": [("gang", -1)]}, "lost_work: -1"),
        ({"min_tasks": [("gang", 0)]}, "min_tasks: 0"),
        ({"budgets": [("web", ["gang"], -1)]}, "budget 'web': tasks: -1"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidModel, match=message):
        _core.preempt(_two_jobs(), _core.Job("new", _core.Shape(2000, 1), 1, 9), POLICY, **options)
