"""``hal bench place``: the matrix, its file, comparing two runs, and a stranger's policy."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_benchmark.stats import Stats

import hal
from hal.cli import bench_against, bench_place
from hal.cli.app import run
from hal.cli.bench_rows import workload

TINY = ["--nodes", "12", "--shapes", "3", "--decisions", "4", "--rounds", "5"]
TIMES = st.lists(st.floats(1e-6, 1e6), min_size=5, max_size=9)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = bench_place.matrix(["best_fit", "fgd"], [12], [3])
    for _ in range(5):
        for row in made:
            row.measure(4)
    out = tmp_path_factory.mktemp("bench_place") / "run.json"
    out.write_text(json.dumps(bench_place.document(made)))
    return out


def changed(source: Path, target: Path, factor: float) -> dict[str, Any]:
    """Write ``source`` again with every time of every round ``factor`` times as long, the yardstick's aside."""
    document = json.loads(source.read_text())
    for made in document["benchmarks"]:
        rounds = made["extra_info"]["rounds"]
        rounds["yardstick_us"] = [100.0] * 5
        made["stats"]["data"] = [factor * (1 + k / 100) for k in range(5)]
        rounds["p50_us"] = [5 * factor * (1 + k / 100) for k in range(5)]
        rounds["p99_us"] = [9 * factor * (1 + k / 100) for k in range(5)]
    target.write_text(json.dumps(document))
    return document


def test_options_without_a_command_are_those_of_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--json", "--policies", "best_fit", *TINY]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [made["params"]["nodes"] for made in told["benchmarks"]] == [12]
    assert run(["bench", "--help"]) == 0
    assert "gangs" in capsys.readouterr().out


def test_every_field_of_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--policies", "best_fit,fgd", "--nodes", "12,20", "--shapes", "3,60", *TINY[4:], "--json"]
    assert run(["bench", "place", *arguments]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"machine_info", "commit_info", "benchmarks", "datetime", "version"} == set(told)
    cells = [
        tuple(made["params"][key] for key in ("policy", "nodes", "shapes")) for made in told["benchmarks"]
    ]
    assert sorted(cells) == [(p, n, s) for p in ("best_fit", "fgd") for n in (12, 20) for s in (3, 60)]
    for made in told["benchmarks"]:
        info, stats = made["extra_info"], made["stats"]
        assert len(stats["data"]) == stats["rounds"] == 5
        assert info["placements_per_second"] == pytest.approx(info["jobs"] / stats["median"])
        assert 0 < info["p50_us"] <= info["p99_us"]
        assert info["p50_us"] < info["applied_p50_us"]
        assert 0 < info["placed"] <= info["jobs"]
        assert info["bytes_per_node"] > 0
        assert 0 < info["allocation_percent"] <= min(100, info["demand_percent"])


def test_quality_is_that_of_the_placements() -> None:
    load = workload(30, 7)
    (row,) = bench_place.matrix(["best_fit"], [30], [7])
    row.measure(1)
    cluster = load.cluster()
    placements = hal.place(cluster, load.jobs, "best_fit", apply=True)
    taken = load.capacity - int(cluster.columns.gpu_total_free.sum())
    assert row.allocation_percent == pytest.approx(100 * taken / load.capacity)
    assert row.placed == placements.counts()[hal.Status.PLACED]


@pytest.mark.parametrize("shapes", [1, 16, 151, 1000])
def test_as_many_different_shapes_as_asked(shapes: int) -> None:
    load = workload(5, shapes, 100)
    requests = {(j.cpus, j.memory, j.gpus, j.gpu_share) for j in load.prototypes}
    assert len(requests) == len(load.prototypes) == shapes
    assert len(load.jobs) == 100
    assert np.array_equal(load.jobs.shape, workload(5, shapes, 100).jobs.shape)
    demand = [round(1000 * job.gpus * (job.gpu_share or 1)) for job in load.prototypes]
    assert np.array_equal(load.demand, np.array(demand)[load.jobs.shape])


def test_file_is_read_by_pytest_benchmark(measured: Path) -> None:
    tool = "import sys; from pytest_benchmark.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", tool, "compare", str(measured)], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("12 nodes, 3 shapes") == 2
    for made in json.loads(measured.read_text())["benchmarks"]:
        twin = Stats()
        for seconds in made["stats"]["data"]:
            twin.update(seconds)
        assert {key: made["stats"][key] for key in Stats.fields} == twin.as_dict()


def test_against_says_what_changed_and_fails_on_it(
    measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slow, fast = tmp_path / "slow.json", tmp_path / "fast.json"
    changed(measured, slow, 2)
    now = changed(measured, fast, 1)
    monkeypatch.setattr(bench_place, "document", lambda made: json.loads(json.dumps(now)))
    assert run(["bench", "place", *TINY, "--against", str(slow), "--fail-under", "0.8", "--json"]) == 0
    for row in json.loads(capsys.readouterr().out)["comparison"]:
        assert row["machine"] == 1
        assert row["allocation_points"] == 0
        for metric in bench_against.METRICS:
            assert row[metric]["ratio"] == pytest.approx(2)
            assert row[metric]["low"] < 2 < row[metric]["high"]
            assert row[metric]["changed"]
    now = changed(measured, slow, 2)
    changed(measured, fast, 1)
    assert run(["bench", "place", *TINY, "--against", str(fast), "--fail-under", "0.8"]) == 1
    shown = capsys.readouterr()
    assert "SLOWER" in shown.out
    assert "best_fit, 12 nodes, 3 shapes" in shown.out
    assert "throughput is 0.50 of what it was" in shown.err
    assert run(["bench", "place", *TINY, "--against", str(fast), "--fail-under", "0.4"]) == 0
    capsys.readouterr()
    assert run(["bench", "place", *TINY, "--against", str(slow), "--fail-under", "1"]) == 0  # the same run
    assert "SLOWER" not in capsys.readouterr().out


@settings(max_examples=100, deadline=None)
@given(TIMES, TIMES)
def test_band_agrees_with_its_definition(now: list[float], then: list[float]) -> None:
    found = bench_against.band(now, then)
    mine, theirs = list(now), list(then)
    mine.remove(max(mine))
    theirs.remove(max(theirs))
    ratios = [b / a for a in mine for b in theirs]
    assert found["ratio"] == statistics.median(then) / statistics.median(now)
    assert (found["low"], found["high"]) == (min(ratios), max(ratios))
    assert found["changed"] == (all(r > 1 for r in ratios) or all(r < 1 for r in ratios))
    assert not bench_against.band(now, now)["changed"]


def test_a_slower_machine_is_no_slower_hal(measured: Path, tmp_path: Path) -> None:
    then = changed(measured, tmp_path / "then.json", 1)
    now = changed(measured, tmp_path / "now.json", 3)
    for made in now["benchmarks"]:
        rounds = made["extra_info"]["rounds"]
        rounds["yardstick_us"] = [3 * value for value in rounds["yardstick_us"]]
    for row in bench_against.compare(bench_against.rows(now), bench_against.rows(then)):
        assert row["machine"] == pytest.approx(1 / 3)
        assert row["throughput"]["ratio"] == pytest.approx(1)
        assert not row["throughput"]["changed"]


STRANGER = """
import numpy as np

class MyPolicy:
    name = "mine"
    own_state = True
    def score(self, job, nodes):
        return 1 / (1 + nodes.tasks.astype(np.float64))

class NeedsArguments(MyPolicy):
    def __init__(self, weight):
        self.weight = weight
"""


def test_a_strangers_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bench_stranger.py").write_text(STRANGER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    out = tmp_path / "out.json"
    arguments = ["--policies", "best_fit,bench_stranger:MyPolicy", *TINY, "--jobs", "20", "--out", str(out)]
    assert run(["bench", "place", *arguments]) == 0
    assert "bench_stranger:MyPolicy" in capsys.readouterr().out
    names = [made["name"] for made in json.loads(out.read_text())["benchmarks"]]
    assert names == [f"{p}, 12 nodes, 3 shapes, 20 jobs" for p in ("best_fit", "bench_stranger:MyPolicy")]
    assert run(["bench", "place", "--policies", "bench_stranger:NeedsArguments", *TINY]) == 2
    assert "cannot be made without arguments" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policies", "nonesuch"], "nonesuch"),
        (["--policies", "best_fit,best_fit"], "--policies best_fit,best_fit"),
        (["--policies", "no_such_module:Thing"], "cannot be imported"),
        (["--nodes", "0"], "--nodes 0: must be whole numbers"),
        (["--nodes", "10,x"], "--nodes 10,x"),
        (["--nodes", "10,010"], "must be different"),
        (["--shapes", "1001"], "1 … 1,000"),
        (["--shapes", ","], "--shapes ,"),
        (["--fail-under", "0.8"], "needs --against"),
        (["--against", "absent.json"], "cannot be read"),
        (["--out", "absent/run.json"], "cannot be written"),
        (["--rounds", "4"], "5"),
    ],
)
def test_bad_options_are_refused_in_words(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "place", *TINY, *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "must be what hal bench place --out writes"),
        ('{"benchmarks": [{"name": "x", "stats": {}}]}', "extra_info"),
        ('{"benchmarks": []}', "has none of these rows"),
    ],
)
def test_bad_files_are_refused_in_words(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    other.write_text(text)
    assert run(["bench", "place", *TINY, "--against", str(other)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "times", [[1.0] * 4, [1.0] * 4 + [0.0], [1.0] * 6, [1.0, 1.0, 1.0, 1.0, float("nan")]]
)
def test_too_few_or_wrong_times_are_refused(times: list[float], measured: Path, tmp_path: Path) -> None:
    document = json.loads(measured.read_text())
    document["benchmarks"][0]["stats"]["data"] = times
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document))
    with pytest.raises(hal.errors.InvalidModel, match=r"other\.json"):
        bench_against.read(other)
