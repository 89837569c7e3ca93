"""Random workloads, small and crowded enough that jobs wait, tie and outlive their predictions."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from hal.replay import Workload


@st.composite
def workloads(draw, *, max_jobs: int = 25, overruns: bool = False) -> Workload:
    processors = draw(st.integers(1, 12))
    count = draw(st.integers(1, max_jobs))

    def column(low: int, high: int) -> np.ndarray:
        return np.array(
            draw(st.lists(st.integers(low, high), min_size=count, max_size=count)), dtype=np.int64
        )

    submit = np.cumsum(column(0, 40))
    run = column(0, 300)
    requested = column(1, 300) if overruns else run + column(0, 200)
    return Workload.from_columns(
        submit=submit,
        run=run,
        procs=column(1, processors),
        requested=requested,
        user=column(0, 2),
        processors=processors,
        overrun="ignore",
    )
