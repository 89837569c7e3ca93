"""The shipped job_submit.lua in a real slurmctld: asks a real ``hal serve``, and costs nothing when that fails."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hal.adapters.slurm import JOB_SUBMIT, SlurmAdapter

import hal
from hal.files import write_nodes
from tests.adapters.slurm.cluster import SlurmCluster, free_ports
from tests.adapters.slurm.conftest import need
from tests.adapters.slurm.impostor import body, drip, impostor, mute, saying
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.server]

#: Milliseconds that one submission may wait for hal.
LIMIT = 5.0
_TOOK = re.compile(r"hal: (placed on \S+ in|left to Slurm \(.*\) after) ([\d.]+) ms")


@pytest.fixture(scope="module")
def submit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """Return a Slurm with the plugin, whose settings name a port that nobody listens to yet."""
    need()
    folder = tmp_path_factory.mktemp("submit")
    (port,) = free_ports(1)
    (folder / "token").write_text("a-token-of-the-tests\n")
    settings = folder / "hal_submit.lua"
    settings.write_text(patient(port, folder))
    cluster = SlurmCluster(folder / "slurm", gpu_nodes=2, cpu_nodes=4, lua=JOB_SUBMIT.read_text())
    cluster.environment |= {"HAL_SUBMIT_CONF": str(settings), "HAL_PORT": str(port)}
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def patient(port: int | str, folder: Path) -> str:
    """Settings with which a slow machine answers in time."""
    return f'return {{ port = {port}, token_file = "{folder}/token", pause = 0.2, limit = 10.0 }}\n'


@pytest.fixture
def strict(submit: SlurmCluster) -> Iterator[SlurmCluster]:
    """Return the same with the limit that is shipped."""
    settings, script = Path(submit.environment["HAL_SUBMIT_CONF"]), submit.folder / "job_submit.lua"
    before = settings.read_text()

    def take(text: str) -> None:
        settings.write_text(text)
        newer = (
            int(script.stat().st_mtime) + 1
        )  # Slurm reads again what is newer by a whole second than what it read
        os.utime(script, times=(newer, newer))

    try:
        take(before.replace("limit = 10.0", ""))
        yield submit
    finally:
        take(before)


@pytest.fixture(autouse=True)
def empty(submit: SlurmCluster) -> None:
    submit.run(["scancel", "--user=root"], check=False)
    until(lambda: not submit.run(["squeue", "-h"]).strip())
    time.sleep(0.3)  # hal is asked again


@contextlib.contextmanager
def serving(slurm: SlurmCluster, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``hal serve``."""
    port = slurm.environment["HAL_PORT"]
    command = [str(Path(sys.executable).with_name("hal")), "serve", "--port", port,
               "--token-file", str(slurm.folder.parent / "token"), *options]  # fmt: skip
    with (slurm.folder / "log" / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log, env=dict(os.environ))
    try:
        until(lambda: _listens(int(port)))
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def reversed_nodes(slurm: SlurmCluster) -> list[str]:
    """Options of a server with Slurm's nodes in the opposite order: Slurm alone begins with c0 and g0."""
    path = slurm.folder / "nodes.json"
    write_nodes(path, reversed(SlurmAdapter(conf=str(slurm.conf)).snapshot().nodes), "json")
    return ["--cluster", str(path), "--policy", "first_fit"]


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def took(slurm: SlurmCluster, since: int) -> list[float]:
    """Milliseconds that hal was waited for, by slurmctld's log."""
    return [float(found[2]) for found in _TOOK.finditer(whole_log(slurm)[since:])]


def whole_log(slurm: SlurmCluster) -> str:
    return (slurm.folder / "log" / "ctld.log").read_text(errors="replace")


def test_jobs_land_where_hal_says(submit: SlurmCluster) -> None:
    with serving(submit, *reversed_nodes(submit)):
        since = len(whole_log(submit))
        plain = submit.sbatch("-n", "2", "-p", "cpu", held=False)
        wide = submit.sbatch("-N", "2", "-p", "cpu", "-n", "4", "--mem=1G", held=False)
        whole = submit.sbatch("-p", "cpu", "--exclusive", held=False)
        gpu = submit.sbatch(
            "-p", "gpu", "--gres=gpu:a100:3", "-C", "a100&ib", "--mem-per-cpu=300", held=False
        )
        other = submit.sbatch("-p", "gpu", "--gres=gpu:a100:3", held=False)
        jobs = (plain, wide, whole, gpu, other)
        until(lambda: all(submit.job(job)["JobState"] == "RUNNING" for job in jobs))
        where = {job: hal.topology.expand_hosts(submit.job(job)["NodeList"]) for job in jobs}
    assert [sorted(where[job]) for job in jobs] == [["c3"], ["c2", "c3"], ["c1"], ["g1"], ["g0"]]
    assert all(submit.job(job)["ReqNodeList"] != "(null)" for job in jobs)
    assert len(took(submit, since)) == len(jobs)
    assert "a-token-of-the-tests" not in whole_log(submit)


def test_what_hal_cannot_answer_for_is_left_to_slurm(submit: SlurmCluster) -> None:
    with serving(submit, *reversed_nodes(submit)):
        options = [
            ["--nodelist=c1"], ["--exclude=c3"], ["--array=1-2"], ["--begin=now+1hour"], ["-C", "[ib|a100]"],
            ["--hold"], ["-p", "cpu,all"], ["--contiguous"], ["--switches=1"], ["--exclusive=user"],
            ["--threads-per-core=1"],
            ["-p", "gpu", "--gpus-per-node=2", "--cpus-per-gpu=4"], ["-n", "17"],
        ]  # fmt: skip
        jobs = [submit.sbatch(*option, held=False) for option in options]
        asked = {job: submit.job(job)["ReqNodeList"] for job in jobs}
    assert asked[jobs[0]] == "c1"
    assert {asked[job] for job in jobs[1:]} == {"(null)"}
    assert "UNSCHEDULABLE" in whole_log(submit) or "INFEASIBLE" in whole_log(submit)  # 17 CPUs on one node


def test_a_burst_on_a_live_cluster(submit: SlurmCluster) -> None:
    source = ["--adapter", "slurm", "--option", f"conf={submit.conf}", "--policy", "best_fit"]
    with serving(submit, *source):
        until(lambda: _first_answer(submit) is not None)
        jobs = [submit.sbatch("-n", "9", "-p", "cpu", held=False) for _ in range(5)]
        pins = [submit.job(job)["ReqNodeList"] for job in jobs]
        assert sorted(pins) == ["(null)", "c0", "c1", "c2", "c3"]  # one on a node, and no room for the fifth
        submit.run(["scancel", jobs[pins.index("c2")]])
        submit.run(["scancel", jobs[pins.index("(null)")]])

        def again() -> bool:
            """Whether one more goes where there is room now, by hal's word; it has to see that first."""
            job = submit.sbatch("-n", "9", "-p", "cpu", held=False)
            if submit.job(job)["ReqNodeList"] == "(null)":
                submit.run(["scancel", job])
                return False
            until(lambda: submit.job(job)["JobState"] == "RUNNING")
            assert submit.job(job)["ReqNodeList"] == "c2"
            return True

        until(again)


def _first_answer(slurm: SlurmCluster) -> str | None:
    """Node on which a probe was placed, once the server follows; nothing of it is left after."""
    probe = slurm.sbatch("-p", "gpu", "-n", "1", held=False)
    pin = slurm.job(probe)["ReqNodeList"]
    slurm.run(["scancel", probe])
    return pin if pin != "(null)" else None


def least(ask: Callable[[], list[float]], count: int, most: float) -> list[float]:
    """Ask so often, and on until one was waited for less than `most` ms: what else runs only ever adds to a time."""
    waited: list[float] = []
    for turn in range(40):
        if turn >= count and min(waited) < most:
            return waited
        waited = ask()
    raise AssertionError(f"always more than {most} ms: {waited}")


@pytest.mark.parametrize(
    "behave",
    [
        mute,
        drip,
        saying(b""),
        saying(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}"),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n{}"),
        body(b'{"placements":[{"status":"PLA'),
        body(b'{"placements":[{"status":"PLACED","nodes":["c1","c2"]}]}'),
        body(b'{"placements":[{"status":"PLACED","nodes":["c1;rm -rf /"]}]}'),
        body(b'{"placements":[{"status":"PLACED","nodes":[]}]}'),
    ],
    ids=["mute", "drip", "closed", "500", "long", "cut", "two nodes", "bad name", "no nodes"],
)
def test_a_server_that_fails_leaves_it_to_slurm(
    strict: SlurmCluster, behave: Callable[[socket.socket], None]
) -> None:
    since, jobs = len(whole_log(strict)), []

    def asked() -> list[float]:
        jobs.append(strict.sbatch("-p", "cpu", held=False))
        time.sleep(0.25)  # past the pause
        return took(strict, since)

    with impostor(int(strict.environment["HAL_PORT"]), behave):
        waited = least(asked, 5, LIMIT)
        until(lambda: all(strict.job(job)["JobState"] == "RUNNING" for job in jobs))
    assert {strict.job(job)["ReqNodeList"] for job in jobs} == {"(null)"}
    assert len(waited) == len(jobs)


def test_a_pause_after_a_fault(strict: SlurmCluster) -> None:
    since = len(whole_log(strict))
    with impostor(int(strict.environment["HAL_PORT"]), mute):
        begin = time.monotonic()
        jobs = [strict.sbatch("-p", "cpu", held=False) for _ in range(10)]
        seconds = time.monotonic() - begin
    assert len(took(strict, since)) <= 1 + seconds / 0.2  # not asked for each
    assert jobs


def test_submissions_without_a_server_take_no_longer(strict: SlurmCluster) -> None:
    """Medians of sbatch: hal answers, hal is not there, hal is mute and asked each time."""

    def one() -> float:
        begin = time.perf_counter()
        strict.sbatch("-p", "cpu", "-n", "1", held=False)
        return (time.perf_counter() - begin) * 1000

    with serving(strict, "--adapter", "slurm", "--option", f"conf={strict.conf}"):
        time.sleep(1)  # until it follows
        for _ in range(3):  # the first decisions of a process take longer
            one()
            time.sleep(0.3)
        since = len(whole_log(strict))
        up = [one() for _ in range(20)]
        asked = took(strict, since)
    time.sleep(0.3)
    since = len(whole_log(strict))
    down, slow = [], []

    def none() -> list[float]:
        time.sleep(0.25)  # past the pause
        down.append(one())
        return took(strict, since)

    def silent() -> list[float]:
        time.sleep(0.25)
        slow.append(one())
        return took(strict, since)[len(down) :]

    # The whole of sbatch is printed and not held to anything: it starts a process, and is ten times as long as what is
    # looked for.
    refused = least(none, 10, 1.0)
    with impostor(int(strict.environment["HAL_PORT"]), mute):
        mutes = least(silent, 10, LIMIT)
    assert len(refused) == len(down)
    assert len(mutes) == len(slow)
    print(
        f"sbatch, median of {len(down)}: {statistics.median(down):.1f} ms without a server (asked for "
        f"{statistics.median(refused):.2f} ms), {statistics.median(slow):.1f} ms with a mute one (asked for "
        f"{statistics.median(mutes):.2f} ms), {statistics.median(up):.1f} ms with hal serve (asked for "
        f"{statistics.median(asked):.2f} ms)"
    )
