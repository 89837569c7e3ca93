"""Small nodes and jobs that collide often: few values, tight capacities."""

from __future__ import annotations

from hypothesis import strategies as st

import hal

MODELS = ("A", "B")


@st.composite
def nodes(draw: st.DrawFn, name: str) -> hal.Node:
    return hal.Node(
        name,
        cpus=draw(st.sampled_from([8, 4, 1])),
        memory=draw(st.sampled_from([8, 5, 0])),
        gpus=draw(
            st.one_of(
                st.builds(
                    hal.gpus, st.integers(1, 4), st.sampled_from(MODELS), memory=st.sampled_from([0, 16])
                ),
                st.just(()),
                st.just(hal.gpus(1, "A", memory=8) + hal.gpus(2, "B", memory=16)),
            )
        ),
        resources=draw(st.sampled_from([{}, {"fpga": 3}, {"fpga": 1}])),
        labels=draw(st.dictionaries(st.just("zone"), st.sampled_from(["a", "b"]), max_size=1)),
        taints=draw(st.sampled_from([(), (), (), (hal.Taint("team", "x"),), (hal.Taint("team", "y"),)])),
        schedulable=draw(st.integers(0, 9)) > 0,
    )


@st.composite
def jobs(draw: st.DrawFn, name: str) -> hal.Job:
    gpu = draw(
        st.sampled_from(
            [
                {},
                {},
                {"gpus": 1},
                {"gpus": 2},
                {"gpus": 0.3},
                {"gpus": 0.5},
                {"gpus": 2, "gpu_share": 0.4},
                {"gpu_memory": 5},
                {"gpus": 1, "gpu_memory": 16},
                {"gpus": 0.7, "gpu_memory": 8},
            ]
        )
    )
    return hal.Job(
        name,
        tasks=draw(st.sampled_from([1, 1, 1, 2, 3])),
        cpus=draw(st.sampled_from([0, 0.5, 1, 3])),
        memory=draw(st.integers(0, 3)),
        gpu_models=draw(st.sampled_from([(), (), (), ("A",), ("A", "B")])) if gpu else (),
        resources=draw(st.sampled_from([{}, {}, {"fpga": 1}, {"fpga": 0}])),
        selector=draw(
            st.sampled_from(
                [
                    (),
                    (),
                    (),
                    {"zone": "a"},
                    [hal.Selector("zone", "NotIn", ["a"])],
                    [hal.Selector("zone", "DoesNotExist")],
                ]
            )
        ),
        tolerations=draw(
            st.sampled_from([(), (hal.Toleration("team", "Exists"),), (hal.Toleration("team", value="x"),)])
        ),
        priority=draw(st.integers(-1, 1)),
        **gpu,
    )


LABELS = ({"app": "a"}, {"app": "b"})


@st.composite
def rules(draw: st.DrawFn, levels: tuple[str, ...]) -> hal.Affinity | hal.AntiAffinity | hal.Spread:
    jobs, level = draw(st.sampled_from(LABELS)), draw(st.sampled_from(levels))
    weight = draw(st.sampled_from([None, None, None, 0.5]))
    match draw(st.integers(0, 3)):
        case 0:
            return hal.Affinity(jobs, level=level, weight=weight)
        case 1:
            return hal.Spread(jobs, level=level, weight=weight, max_skew=draw(st.integers(1, 2)))
    return hal.AntiAffinity(jobs, level=level, weight=weight)


@st.composite
def gangs(draw: st.DrawFn, tasks: int, tree: bool) -> hal.Gang:
    level = st.sampled_from([None, None, "rack", "site"]) if tree else st.none()
    size = 2 if tree and tasks % 2 == 0 and draw(st.booleans()) else 1
    least = draw(st.sampled_from([None, size]))
    roles = []
    if draw(st.integers(0, 2)) == 0:
        more = draw(st.integers(1, 2))
        own = hal.Gang(min_tasks=1) if draw(st.booleans()) else None
        roles = [hal.Job("role", tasks=more, cpus=draw(st.sampled_from([0.5, 1])), gang=own)]
    return hal.Gang(
        required=draw(level),
        slice=size,
        slice_level="rack" if size > 1 and draw(st.booleans()) else None,
        min_tasks=least,
        roles=roles,
    )


@st.composite
def constrained_jobs(draw: st.DrawFn, name: str, tree: bool, priority: int) -> hal.Job:
    """Jobs of a queue, some of them gangs, some with rules."""
    levels = ("node", "node", "rack", "site") if tree else ("node",)
    tasks = draw(st.integers(1, 4))
    gang = draw(gangs(tasks, tree)) if draw(st.integers(0, 2)) else None
    leveled = gang is not None and (gang.required or gang.slice > 1)
    for _ in range(20):
        wishes = draw(st.lists(rules(levels), max_size=2)) if draw(st.booleans()) else []
        labels = draw(st.sampled_from([{}, *LABELS]))
        # What counts the gang's own tasks cannot be kept together with levels: a typed error, tested elsewhere.
        own = any(
            wish.weight is None
            and wish.jobs[0].values[0] == labels.get("app")
            and (
                isinstance(wish, hal.Spread) or (isinstance(wish, hal.AntiAffinity) and wish.level != "node")
            )
            for wish in wishes
        )
        if leveled and own:
            continue
        try:
            return hal.Job(
                name,
                tasks=tasks,
                cpus=draw(st.sampled_from([0.5, 1])),
                gpus=draw(st.sampled_from([0, 0, 1, 0.5])),
                queue=draw(st.sampled_from(["ann", "bob"])),
                labels=labels,
                rules=wishes,
                exclusive=draw(st.integers(0, 5)) == 0,
                priority=priority,
                gang=gang,
            )
        except hal.InvalidModel:  # rules that contradict each other
            continue
    return hal.Job(name, tasks=tasks, cpus=1, queue="ann", priority=priority, gang=gang)
