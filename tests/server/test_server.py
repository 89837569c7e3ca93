from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

import hal
from hal.cli.logs import JsonLines, Lines, Redact, clean
from hal.server import Service, Settings, create_app

TOKEN = "sesame-0123456789"


def service(nodes: int = 4) -> Service:
    return Service(
        hal.Cluster(hal.Node(f"n{i}", cpus=8, memory="32GiB", gpus=hal.gpus(2, "T4")) for i in range(nodes))
    )


class Caller:
    """Calls the application without a socket."""

    def __init__(self, of: Service, *, routers: Any = (), **settings: Any) -> None:
        self.app = create_app(of, Settings(**{"token": SecretStr(TOKEN)} | settings), routers=routers)

    async def _ask(self, method: str, path: str, token: str | None, **given: Any) -> httpx.Response:
        headers = given.pop("headers", {}) | ({"authorization": f"Bearer {token}"} if token else {})
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hal") as client:
            return await client.request(method, path, headers=headers, **given)

    def __call__(self, method: str, path: str, *, token: str | None = TOKEN, **given: Any) -> httpx.Response:
        import asyncio

        return asyncio.run(self._ask(method, path, token, **given))


def test_places_books_and_releases() -> None:
    of = service()
    call = Caller(of)
    job = {"name": "a", "cpus": 4, "memory": "8GiB", "gpus": 1}
    told = call("POST", "/v1/place", json={"jobs": [job]}).json()
    assert told["placements"][0]["nodes"] == ["n0"]
    assert of.cluster.jobs() == []
    assert call("POST", "/v1/place", json={"jobs": [job], "apply": True}).status_code == 200
    assert of.cluster.jobs() == ["a"]
    assert call("POST", "/v1/place", json={"jobs": [job], "apply": True}).status_code == 422
    assert call("POST", "/v1/release", json={"jobs": ["a", "nobody"]}).status_code == 422
    assert of.cluster.jobs() == ["a"]
    assert call("POST", "/v1/release", json={"jobs": ["a"]}).json() == {"released": 1}
    assert of.cluster.jobs() == []


def test_explains() -> None:
    told = Caller(service())("POST", "/v1/explain", json={"job": {"name": "a", "gpus": 3}}).json()
    assert told["status"] == "INFEASIBLE"
    assert sum(told["reasons"].values()) == told["nodes"] == 4
    assert told["missing"]


def test_says_how_a_body_is_to_be_sent() -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}  # as curl does unless it is told otherwise
    told = Caller(service())("POST", "/v1/explain", content=b'{"job": {"name": "a"}}', headers=form)
    assert told.status_code == 422
    assert told.json() == {"detail": "body: send it with Content-Type: application/json"}


@pytest.mark.parametrize("token", [None, "wrong", TOKEN + "x", ""])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/place"), ("GET", "/metrics"), ("GET", "/openapi.json")]
)
def test_nothing_is_told_without_the_token(token: str | None, method: str, path: str) -> None:
    answer = Caller(service())(method, path, token=token, json={"jobs": []} if method == "POST" else None)
    assert answer.status_code == 401
    assert "sesame" not in answer.text


def test_probes_need_no_token_and_ready_ends_with_the_service() -> None:
    of = service()
    call = Caller(of)
    assert call("GET", "/live", token=None).json() == {"live": True}
    assert call("GET", "/ready", token=None).status_code == 200
    of.stopping = True
    assert call("GET", "/ready", token=None).status_code == 503


def test_limits() -> None:
    call = Caller(service(), max_body=2000, rate=0.001, burst=3, max_jobs=5)
    small = {"name": "a", "cpus": 1}
    assert call("POST", "/v1/place", json={"jobs": [small] * 6}).status_code == 422
    assert call("POST", "/v1/place", content=b"x" * 2001).status_code == 413

    async def endless():  # type: ignore[no-untyped-def]
        for _ in range(30):
            yield b" " * 100

    assert call("POST", "/v1/place", content=endless()).status_code == 413
    assert [call("GET", "/metrics").status_code for _ in range(2)] == [429, 429]


def test_who_guesses_tokens_is_limited_too() -> None:
    call = Caller(service(), rate=0.001, burst=3)
    assert [call("GET", "/metrics", token=f"guess {i}").status_code for i in range(5)] == [401] * 3 + [
        429
    ] * 2
    assert call("GET", "/metrics").status_code == 429  # or the answer would tell which guess was right
    assert call("GET", "/live", token=None).status_code == 200


def test_a_request_loads_no_code() -> None:
    call = Caller(service())
    for policy in ("os:system", "tests.server:Evil", "x" * 501, "no_such"):
        answer = call("POST", "/v1/place", json={"jobs": [{"name": "a", "cpus": 1}], "policy": policy})
        assert answer.status_code == 422


def test_metrics_follow_what_happens() -> None:
    call = Caller(service())
    jobs = [{"name": f"j{i}", "gpus": 1} for i in range(10)]
    call("POST", "/v1/place", json={"jobs": jobs, "apply": True, "policy": "fgd"})
    call("POST", "/v1/explain", json={"job": {"name": "x", "gpus": 1}})
    lines = dict(
        line.rsplit(" ", 1) for line in call("GET", "/metrics").text.splitlines() if not line.startswith("#")
    )
    assert lines['hal_placements_total{policy="fgd",status="PLACED"}'] == "8.0"
    assert lines['hal_placements_total{policy="fgd",status="UNSCHEDULABLE"}'] == "2.0"
    assert lines["hal_jobs_running"] == "8.0"
    assert lines["hal_gpu_free"] == "0.0"
    assert float(lines["hal_signal_sigma"]) == 1.0
    assert any(key.startswith("hal_rejected_nodes_total{") for key in lines)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "cpus", "gpus", "jobs", "rules", "selector", "x"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_any_job_is_an_answer_or_a_refusal(job: Any) -> None:
    of = service(2)
    before = of.cluster.digest()
    body = json.dumps({"jobs": [job], "apply": False})
    answer = Caller(of)("POST", "/v1/place", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 422)
    assert of.cluster.digest() == before


def test_request_ids_are_kept_or_made() -> None:
    call = Caller(service())
    assert call("GET", "/live", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert len(call("GET", "/live", headers={"x-request-id": "a b"}).headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {TOKEN}",
        f'{{"token": "{TOKEN}"}}',
        f"https://x/?token={TOKEN}&b=1",
        f"password={TOKEN}",
        "eyJhbGciOiJIUzI1NiJ9.c2VzYW1lLTAxMjM0NTY3ODk.c2lnbmF0dXJl",
    ],
)
def test_no_secret_reaches_a_log(text: str) -> None:
    assert TOKEN not in clean(text)
    record = logging.makeLogRecord({"name": "hal", "msg": "failed: %s", "args": (text,), "detail": text})
    assert Redact().filter(record)
    line = JsonLines().format(record)
    assert TOKEN not in line
    assert "c2VzYW1l" not in line
    assert json.loads(line)["detail"]


def test_lines_of_text_tell_as_much_as_those_of_json() -> None:
    given = {
        "name": "hal.run",
        "msg": "decided",
        "levelno": 20,
        "levelname": "INFO",
        "jobs": 3,
        "why": "too few",
    }
    line = Lines().format(logging.makeLogRecord(given))
    assert line.endswith('INFO hal.run: decided jobs=3 why="too few"')
    assert 'detail="Bearer ***"' in _redacted(Lines(), f"Bearer {TOKEN}")


def _redacted(by: logging.Formatter, text: str) -> str:
    record = logging.makeLogRecord({"name": "hal", "msg": "failed", "detail": text})
    Redact().filter(record)
    return by.format(record)


def test_work_is_traced() -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    Caller(service())("POST", "/v1/place", json={"jobs": [{"name": "a", "cpus": 1}]})
    (span,) = [span for span in exporter.get_finished_spans() if span.name.startswith("hal.")]
    assert (span.name, dict(span.attributes or {})) == ("hal.place", {"jobs": 1})
