"""Random small trees and jobs. Amounts are powers of two and their sums, so that floats compare exactly."""

from __future__ import annotations

from hypothesis import strategies as st

import hal


@st.composite
def trees(draw: st.DrawFn) -> list[hal.Queue]:
    """Two or three levels whose quotas add up."""
    queues: list[hal.Queue] = []
    for top in range(draw(st.integers(1, 3))):
        below = draw(st.integers(0, 3))
        guarantees = [draw(st.integers(0, 2)) for _ in range(below)]
        own = sum(guarantees) + draw(st.integers(0, 2))
        most = own + draw(st.integers(0, 4))
        queues.append(
            hal.Queue(
                f"q{top}",
                guarantee={"gpus": own} if draw(st.booleans()) else {},
                maximum={"gpus": most, "cpus": draw(st.integers(2, 16))} if draw(st.booleans()) else {},
                weight=draw(st.sampled_from([1, 2, 4])),
            )
        )
        for child, guarantee in enumerate(guarantees):
            queues.append(
                hal.Queue(
                    f"q{top}c{child}",
                    parent=f"q{top}",
                    guarantee={"gpus": guarantee},
                    maximum={"gpus": guarantee + draw(st.integers(0, 2))} if draw(st.booleans()) else {},
                    weight=draw(st.sampled_from([1, 2, 4])),
                    lend=draw(st.booleans()),
                )
            )
    return draw(st.permutations(queues))


def leaves(queues: list[hal.Queue]) -> list[str]:
    parents = {queue.parent for queue in queues}
    return [queue.name for queue in queues if queue.name not in parents]


def jobs(queues: list[hal.Queue], name: st.SearchStrategy[str]) -> st.SearchStrategy[hal.Job]:
    return st.builds(
        hal.Job,
        name,
        tasks=st.integers(1, 2),
        cpus=st.sampled_from([0, 1, 2]),
        gpus=st.sampled_from([0, 0.5, 1, 2]),
        priority=st.integers(0, 2),
        queue=st.sampled_from(leaves(queues)),
    )
