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
