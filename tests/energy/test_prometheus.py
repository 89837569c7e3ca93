"""What nodes really do, read from Prometheus: a real one, and servers that lie, stall or send elsewhere."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hal
from hal.cli.measuring import Measuring, beside
from hal.energy import Readings, read_prometheus
from tests.conftest import CI

#: As the exporters write it: node_exporter on n1 and n2 (n2 by address), RAPL beside Kepler, DCGM with its Hostname.
#: Counters are stamped with the millisecond that they are of, so that a late answer is still a true one.
EXPOSED = """
node_cpu_seconds_total{{node="n1",cpu="0",mode="idle"}} {idle1} {at}
node_cpu_seconds_total{{node="n1",cpu="0",mode="user"}} {user1} {at}
node_cpu_seconds_total{{instance="10.0.0.2:9100",cpu="0",mode="idle"}} {idle2} {at}
node_rapl_package_joules_total{{node="n1",index="0"}} {joules} {at}
node_rapl_package_joules_total{{node="n2",index="0"}} {joules} {at}
kepler_node_cpu_watts{{node_name="n1",zone="package"}} 80
kepler_node_cpu_watts{{node_name="n1",zone="dram"}} 20
kepler_node_cpu_watts{{node_name="n1",zone="core"}} 60
kepler_node_cpu_watts{{node_name="elsewhere",zone="package"}} 500
DCGM_FI_DEV_GPU_UTIL{{Hostname="n2",gpu="0"}} 90
DCGM_FI_DEV_GPU_UTIL{{Hostname="n2",gpu="1"}} 50
DCGM_FI_DEV_POWER_USAGE{{Hostname="n2",gpu="0"}} 300
DCGM_FI_DEV_POWER_USAGE{{Hostname="n2",gpu="1"}} 100
"""
CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: nodes
    honor_labels: true
    static_configs: [{{targets: ["{target}"]}}]
"""


class Page(http.server.ThreadingHTTPServer):
    """Answers everything by one function of the path."""

    def __init__(self, answer: Any) -> None:
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, self.headers.get("Authorization")))
                status, headers, body = answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

                self.close_connection = True

            def log_message(self, *_: Any) -> None: ...

        super().__init__(("127.0.0.1", 0), Handler)
        self.handle_error = lambda *_: None  # who asked did not wait
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def page() -> Iterator[Any]:
    pages: list[Page] = []

    def make(answer: Any) -> Page:
        pages.append(Page(answer))
        return pages[-1]

    yield make
    for each in pages:
        each.shutdown()
        each.server_close()


@pytest.mark.server
def test_exporters_are_read_through_a_real_prometheus(page: Any, tmp_path: Path) -> None:
    from tests.server.live import prometheus
    from tests.waiting import until

    if shutil.which("prometheus") is None:
        if CI:
            pytest.fail("no prometheus: run tools/servers.sh")
        pytest.skip("no prometheus")
    begin = time.time()

    def exposed(_: str) -> tuple[int, dict[str, str], bytes]:
        now = time.time()
        passed = now - begin
        text = EXPOSED.format(
            idle1=99 + 0.25 * passed,
            user1=99 + 0.75 * passed,
            idle2=99 + 0.9 * passed,
            joules=9e4 + 150 * passed,
            at=round(now * 1000),
        )
        return 200, {"Content-Type": "text/plain"}, text.encode()

    nodes = page(exposed)
    with prometheus(tmp_path / "p", CONFIG.format(target=nodes.address.removeprefix("http://"))) as server:

        def read() -> Readings:
            return read_prometheus(server, ["n1", "n2", "n3"], window="5s", addresses={"10.0.0.2": "n2"})

        # Rates are whole once there are samples of a whole window.
        load = {"n1": pytest.approx(0.75, abs=0.1), "n2": pytest.approx(0.7)}
        # n1: Kepler's package and memory, not RAPL beside them; n2: RAPL, and its GPUs.
        watts = {"n1": pytest.approx(100), "n2": pytest.approx(550, rel=0.1)}
        until(lambda: read() == Readings(load, watts), "whole rates")


def vector(*series: tuple[dict[str, str], str]) -> bytes:
    result = [{"metric": labels, "value": [1.0, value]} for labels, value in series]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


def test_what_is_no_number_or_no_node_is_left_out(page: Any) -> None:
    strange = vector(
        ({"node": "a"}, "0.5"), ({"node": "b"}, "NaN"), ({"node": "c"}, "-1"), ({"node": "d"}, "+Inf"),
        ({"instance": "[fe80::1]:9100"}, "7"), ({}, "1"), ({"node": "x"}, "1"), ({"node": "b"}, "word"),
    )  # fmt: skip
    server = page(lambda _: (200, {}, strange))
    readings = read_prometheus(
        server.address, ["a", "b", "c", "d", "e"], addresses={"fe80::1": "e"}, token="secret"
    )
    assert readings.load == {"a": 0.5, "e": 1.0}  # a share is at most 1
    assert readings.watts == {"a": 1.0, "e": 14.0}  # CPUs, then GPUs
    assert {token for _, token in server.asked} == {"Bearer secret"}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, b"", "answered 500"),
        (401, b"{}", "answered 401"),
        (200, b'{"status": "succ', "JSONDecodeError"),
        (200, b"[]", "no vector"),
        (200, b'{"data": {"result": 3}}', "no vector"),
        (200, b"\xff\xfe", "DecodeError"),
    ],
)
def test_faults_are_told_without_the_token(page: Any, status: int, body: bytes, words: str) -> None:
    with pytest.raises(hal.AdapterError, match=words) as told:
        read_prometheus(page(lambda _: (status, {}, body)).address, ["a"], token="secret")
    assert "secret" not in str(told.value)


def test_the_token_goes_nowhere_else(page: Any) -> None:
    other = page(lambda _: (200, {}, vector()))
    first = page(lambda path: (302, {"Location": other.address + path}, b""))
    with pytest.raises(hal.AdapterError, match="302"):
        read_prometheus(first.address, ["a"], token="secret")
    assert other.asked == []


def test_bad_addresses_and_silence(page: Any) -> None:
    for url, window, words in (("file:///etc/passwd", "2m", "url"), ("http://h:1", "2 months", "window")):
        with pytest.raises(hal.InvalidModel, match=words):
            read_prometheus(url, ["a"], window=window)
    slow = page(lambda _: time.sleep(1) or (200, {}, b""))
    with pytest.raises(hal.AdapterError, match=r"[Tt]imeout|timed out"):
        read_prometheus(slow.address, ["a"], timeout=0.1)


def test_readings_decide_beside_the_policy() -> None:
    cluster = hal.Cluster([hal.Node(name, cpus=64) for name in ("hot", "calm", "unknown")])
    job, first = hal.Job("j", cpus=8), hal.policies.get("first_fit")
    assert hal.place(cluster, job, first)[0].nodes == ("hot",)
    readings = Readings({"hot": 0.9, "calm": 0.1}, {"hot": 100.0, "calm": 900.0})
    assert hal.place(cluster, job, beside(first, readings, {"load": 10.0}))[0].nodes == ("calm",)
    assert hal.place(cluster, job, beside(first, readings, {"watts": 10.0}))[0].nodes == ("hot",)
    assert beside(first, Readings({}, {}), {"load": 1.0}).scorers == first.scorers


def test_old_readings_are_dropped_and_new_ones_taken() -> None:
    now, told = [0.0], [Readings({"n": 0.5}, {}), None, None, Readings({"n": 0.1}, {})]
    policy, taken = hal.policies.get("best_fit"), []

    def read() -> Readings:
        answer = told.pop(0)
        if answer is None:
            raise hal.AdapterError("silent")
        return answer

    measuring = Measuring(policy, {"load": 1.0}, read, taken.append, every=30.0, clock=lambda: now[0])
    for time_ in (0.0, 60.0, 200.0, 210.0):
        now[0] = time_
        measuring.once()
    measuring.close()
    # Read; believed a while longer; not believed any more; read again.
    assert [len(each.scorers) for each in taken] == [2, 1, 2]
    assert taken[1] is policy


@pytest.mark.parametrize("values", [{}, {"n": -1.0}, {"n": float("nan")}, {"n": 1e13}, {"n": True}])
def test_bad_figures_are_refused(values: Any) -> None:
    with pytest.raises(hal.PolicyError, match="values"):
        hal.policies.Measured(values)
