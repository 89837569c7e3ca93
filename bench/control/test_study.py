"""What controllers win at 60 % load: a part of ``hal simulate study``, ten seeds, means with 95 % intervals."""

from __future__ import annotations

import os

import pytest

from hal.study.engines import run_cells
from hal.study.protocol import CONTROLLERS, PACK, SPREAD, STATICS, Study
from hal.study.store import Store


@pytest.mark.parametrize("workload", ["poisson", "bursty", "diurnal", "openb"])
def test_at_60_percent(benchmark, tmp_path, workload):
    if workload == "openb" and not os.environ.get("HAL_TRACES"):
        pytest.skip("HAL_TRACES names no folder of traces")
    study = Study(workloads=(workload,), machines={"half_idle": (0.6,)})
    group = ("half_idle", workload, 0.6)
    cells = [
        study.cell(*group, controller, seed)
        for seed in range(study.seeds)
        for controller in (*STATICS, *CONTROLLERS)
    ]
    store = Store(tmp_path / "study.jsonl")
    workers = min(os.cpu_count() or 1, 2)
    benchmark.pedantic(run_cells, (cells, store), {"workers": workers}, rounds=1)
    (waiting,) = study.rows(store, "p95_pending_work")
    (energy,) = study.rows(store, "energy_per_job")
    for name in (PACK, SPREAD, waiting.best, *CONTROLLERS):
        line = f"waiting work {waiting.values[name]}, energy a job {energy.values[name]} J"
        benchmark.extra_info[name] = line
        print(f"{workload} 60 % {name}: {line}")
