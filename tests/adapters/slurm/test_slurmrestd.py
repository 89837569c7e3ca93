"""Against a real slurmrestd, which refuses to run as root: over its Unix socket, and over TCP with a token."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hal.adapters import Loop
from hal.adapters.conformance import books
from hal.adapters.slurm import SlurmAdapter
from hal.adapters.slurm.rest import RestClient

import hal
from tests.adapters.slurm.cluster import SlurmCluster, free_ports
from tests.adapters.slurm.conftest import need
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.server]

NOBODY = 65534


@pytest.fixture(scope="module")
def rest() -> Iterator[SlurmCluster]:
    """Return a Slurm with two slurmrestd; their user must reach the folder, which pytest's own forbid."""
    need("slurmrestd", "setpriv")
    folder = Path(tempfile.mkdtemp(prefix="hal-slurmrestd-"))
    folder.chmod(0o755)
    key = folder / "jwt.key"
    key.write_bytes(secrets.token_bytes(32))
    key.chmod(0o600)
    cluster = SlurmCluster(
        folder / "slurm",
        gpu_nodes=2,
        cpu_nodes=4,
        AuthAltTypes="auth/jwt",
        AuthAltParameters=f"jwt_key={key}",
    )
    try:
        cluster.start()
        sockets = folder / "sockets"
        sockets.mkdir()
        shutil.chown(sockets, NOBODY, NOBODY)
        (port,) = free_ports(1)
        cluster.environment |= {"REST_SOCKET": f"{sockets}/rest", "REST_PORT": str(port)}
        demote = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        start = [*demote, "slurmrestd", "-f", str(cluster.conf), "-s", "openapi/v0.0.38"]
        cluster.spawn("rest-unix", [*start, "-a", "rest_auth/local", f"unix:{sockets}/rest"])
        cluster.spawn("rest-tcp", [*start, "-a", "rest_auth/jwt", f"127.0.0.1:{port}"], SLURM_JWT="daemon")
        until(lambda: _answers(cluster, token(cluster, folder)))
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def token(slurm: SlurmCluster, folder: Path, seconds: int = 600) -> Path:
    path = folder / f"token-{seconds}"
    path.write_text(slurm.run(["scontrol", "token", f"lifespan={seconds}"]))
    return path


def over_tcp(slurm: SlurmCluster, secret: Path) -> dict[str, str]:
    return {
        "url": f"http://127.0.0.1:{slurm.environment['REST_PORT']}", "token_file": str(secret), "user": "root",
        "conf": str(slurm.conf),
    }  # fmt: skip


def _answers(slurm: SlurmCluster, secret: Path) -> bool:
    try:
        RestClient(**over_tcp(slurm, secret))
        RestClient(url=f"unix:{slurm.environment['REST_SOCKET']}", conf=str(slurm.conf))
    except hal.AdapterError:
        return False
    return True


@pytest.mark.parametrize("way", ["unix", "tcp"])
def test_all_ways_of_reading_agree_and_jobs_run_where_they_are_put(
    rest: SlurmCluster, tmp_path: Path, way: str
) -> None:
    slurm = rest
    options = (
        {"url": f"unix:{slurm.environment['REST_SOCKET']}", "conf": str(slurm.conf)}
        if way == "unix"
        else over_tcp(slurm, token(slurm, tmp_path))
    )
    gpu = slurm.sbatch("-p", "gpu", "--gres=gpu:a100:2")
    wide = slurm.sbatch("-p", "cpu", "-N", "2", "-n", "6", "-L", "fluent:2")
    array = slurm.sbatch("-p", "cpu", "--array=1-3")
    booking = ["ReservationName=r", "Users=root", "Nodes=c3", "StartTime=now+1hour", "Duration=60"]
    slurm.run(["scontrol", "create", "reservation", *booking])
    adapter = SlurmAdapter(form="rest", **options)
    other = SlurmAdapter(conf=str(slurm.conf), form="json")
    mine, theirs = adapter.snapshot(), other.snapshot()
    assert adapter.client.licences() == other.client.licences() == {"fluent": 4}
    assert [r.name for r in adapter.client.reservations()] == ["r"]
    slurm.run(["scontrol", "delete", "ReservationName=r"])
    assert mine.nodes == theirs.nodes
    assert sorted(mine.jobs, key=_name) == sorted(theirs.jobs, key=_name)
    loop = Loop(adapter)
    assert loop.step().outcomes() == {"applied": 5}
    jobs = (gpu, wide, *(f"{array}_{task}" for task in (1, 2, 3)))
    until(lambda: all(slurm.job(job).get("JobState") == "RUNNING" for job in jobs))
    mine, theirs = adapter.snapshot(), other.snapshot()
    assert books(mine.cluster) == books(theirs.cluster)
    slurm.run(["scancel", "--user=root"])
    until(lambda: not slurm.run(["squeue", "-h"]).strip())


def _name(job: hal.Job) -> str:
    return job.name


def test_an_expired_token_is_an_error_without_the_token_and_a_new_one_is_taken(
    rest: SlurmCluster, tmp_path: Path
) -> None:
    lasting, short = token(rest, tmp_path), token(rest, tmp_path, seconds=1)
    given = tmp_path / "token"
    given.write_text(lasting.read_text())
    client = RestClient(**over_tcp(rest, given))
    assert len(client.nodes()) == 6
    given.write_text(short.read_text())
    told = ""

    def refused() -> bool:
        nonlocal told
        try:
            client.nodes()
        except hal.AdapterError as error:
            told = str(error)
        return told != ""

    until(refused)  # once its second is over
    assert "slurmrestd" in told
    assert short.read_text().strip().removeprefix("SLURM_JWT=") not in told
    with pytest.raises(hal.AdapterError, match="slurmrestd"):
        RestClient(**over_tcp(rest, given))
    given.write_text(lasting.read_text())
    assert len(client.nodes()) == 6


def test_it_refuses_to_run_as_root(rest: SlurmCluster) -> None:
    """The reason for the other user above; if this changes, so may the tests."""
    done = subprocess.run(
        ["slurmrestd", "-f", str(rest.conf), "127.0.0.1:1"], capture_output=True, text=True, timeout=30,
        env=rest.environment, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "root" in done.stderr
