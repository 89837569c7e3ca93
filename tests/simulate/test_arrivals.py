"""Generated and recorded workloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel
from hal.replay import Arrivals, arrivals, simulate


@pytest.fixture(scope="module")
def cluster() -> hal.Cluster:
    return hal.Cluster(
        [hal.Node(f"n{i}", cpus=64, memory="256GiB", gpus=hal.gpus(8, "A100")) for i in range(40)]
    )


MAKERS = {"poisson": arrivals.poisson, "bursty": arrivals.bursty, "diurnal": arrivals.diurnal}


@pytest.mark.parametrize("name", MAKERS)
def test_the_load_is_offered_in_the_mean(cluster: hal.Cluster, name: str) -> None:
    make: Any = MAKERS[name]
    loads = [
        make(load=0.6, seconds="24h", cluster=cluster, seed=seed).load(cluster, seconds=86400)
        for seed in range(5)
    ]
    assert np.mean(loads) == pytest.approx(0.6, rel=0.05)


@given(st.integers(0, 2**32), st.sampled_from(sorted(MAKERS)), st.floats(0.05, 2), st.floats(60, 7200))
@settings(max_examples=30, deadline=None)
def test_any_seed_gives_arrivals_in_order_and_again(seed: int, name: str, load: float, span: float) -> None:
    small = hal.Cluster([hal.Node(f"n{i}", cpus=16, memory="64GiB") for i in range(3)])
    make: Any = MAKERS[name]
    first, again = (make(load=load, seconds=span, cluster=small, seed=seed) for _ in range(2))
    assert (np.diff(first.time) >= 0).all()
    assert (first.duration > 0).all()
    assert first.span < span
    assert np.array_equal(first.time, again.time)
    assert np.array_equal(first.duration, again.duration)
    assert np.array_equal(first.shape, again.shape)


def test_bursts_are_burstier_and_days_have_nights(cluster: hal.Cluster) -> None:
    def dispersion(work: Arrivals) -> float:
        counts = np.histogram(work.time, bins=np.arange(0, 86401, 300))[0]
        return float(counts.var() / counts.mean())

    kept = {"load": 0.5, "seconds": "24h", "cluster": cluster, "seed": 1}
    assert dispersion(arrivals.poisson(**kept)) < 1.5
    assert dispersion(arrivals.bursty(**kept)) > 5
    day = arrivals.diurnal(**kept, amplitude=0.8)
    assert (day.time < 43200).sum() > 2 * (day.time >= 43200).sum()


def test_recorded_logs_are_mapped_to_the_load(cluster: hal.Cluster, traces: Path) -> None:
    for work in (
        arrivals.openb(traces / "openb/openb_pod_list_default.csv", cluster=cluster, load=0.6, seconds="2h"),
        arrivals.swf(traces / "swf/lublin_256.swf.gz", cluster=cluster, load=0.6, seconds="2h"),
        arrivals.philly(traces / "gpu-jobs/philly.csv.gz", cluster=cluster, load=0.6, seconds="2h"),
    ):
        assert len(work) > 1000
        assert work.load(cluster, seconds=7200) == pytest.approx(0.6)
        assert work.span == pytest.approx(7200)
        assert (np.diff(work.time) >= 0).all()


def test_openb_runs_at_its_recorded_times(cluster: hal.Cluster, traces: Path) -> None:
    work = arrivals.openb(traces / "openb/openb_pod_list_default.csv", cluster=cluster)
    first = work.jobs.take(np.array([0])).shapes[int(work.shape[0])].state()
    assert first[:4] == (12000, 16384, 1, 1000)
    assert (work.time[0], work.duration[0], work.time[1], work.duration[1]) == (
        0,
        12537496,
        427061,
        12902960 - 427061,
    )


def test_a_real_workload_runs_through(cluster: hal.Cluster, traces: Path) -> None:
    work = arrivals.philly(traces / "gpu-jobs/philly.csv.gz", cluster=cluster, load=0.5, seconds="1h")
    run = simulate(cluster, work, p=0.3, until="1h")
    assert run.summary["infeasible"] == 0
    assert run.summary["finished"] > 0


@pytest.mark.parametrize(
    ("field", "value"),
    [("load", 0), ("seconds", "0s"), ("duration", 0), ("spread", 9), ("users", 0), ("seconds", "later")],
)
def test_bad_figures_are_refused(cluster: hal.Cluster, field: str, value: Any) -> None:
    with pytest.raises(InvalidModel, match=field):
        arrivals.poisson(**({"load": 0.5, "seconds": "1h", "cluster": cluster} | {field: value}))


def test_columns_are_checked(cluster: hal.Cluster) -> None:
    jobs = hal.JobColumns(cpu_milli=np.array([1, 1]), memory_mib=np.array([1, 1]))
    with pytest.raises(InvalidModel, match=r"time\[1\]"):
        Arrivals(np.array([2.0, 1.0]), np.ones(2), jobs)
    with pytest.raises(InvalidModel, match=r"duration\[0\]"):
        Arrivals(np.array([1.0, 2.0]), np.array([np.nan, 1]), jobs)
    with pytest.raises(InvalidModel, match="time"):
        Arrivals(np.array([1, 2]), np.ones(2), jobs)
