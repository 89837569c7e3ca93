"""What skips FastAPI's layers answers as through them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import HTTPException

from hal.errors import HalError
from hal.server.direct import Direct, direct_of
from tests.server.test_server import Caller, service

routes = APIRouter(prefix="/x")


@routes.post("/echo")
async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/json")


@routes.post("/misuse")
async def misuse(request: Request) -> Response:
    raise HalError("field: must be whole")


@routes.post("/refused")
async def refused(request: Request) -> Response:
    raise HTTPException(413, "too much")


@routes.get("/checked/{name}")
async def checked(name: str) -> Response:
    return Response(name)


@routes.get("/blocking")
def blocking(request: Request) -> Response:
    return Response("a thread of its own")


def test_takes_only_what_fastapi_has_no_part_in() -> None:
    found = direct_of(routes.routes)
    assert sorted(found) == [("POST", "/x/echo"), ("POST", "/x/misuse"), ("POST", "/x/refused")]


def test_answers_nothing_but_its_routes() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append((scope["type"], scope.get("method"), scope.get("path")))

    passed: list[Any] = []
    direct = Direct(app, routes=direct_of(routes.routes))

    async def nothing(*_: Any) -> Any:
        return {}

    async def ask() -> None:
        await direct({"type": "lifespan"}, nothing, nothing)
        await direct({"type": "http", "method": "GET", "path": "/x/echo"}, nothing, nothing)
        await direct({"type": "http", "method": "POST", "path": "/x/echo/"}, nothing, nothing)

    import asyncio

    asyncio.run(ask())
    assert passed == [("lifespan", None, None), ("http", "GET", "/x/echo"), ("http", "POST", "/x/echo/")]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/x/echo", 200, {"a": "ü"}),
        ("/x/misuse", 422, {"detail": "field: must be whole"}),
        ("/x/refused", 413, {"detail": "too much"}),
    ],
)
def test_tells_what_went_wrong(path: str, status: int, told: object) -> None:
    answer = Caller(service(), routers=[routes])("POST", path, content=json.dumps({"a": "ü"}))
    assert (answer.status_code, answer.json()) == (status, told)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "body",
    [
        {"jobs": [{"name": "ü", "cpus": 4, "gpus": 1}, {"name": "b", "gpus": 9}], "policy": "fgd"},
        {"jobs": [{"name": "a", "cpus": -1}]},
        {"jobs": []},
        {"jobs": [{"name": "a"}], "policy": "os:system"},
        [],
    ],
)
def test_placing_agrees_with_fastapi_s_way(body: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask() -> httpx.Response:
        return Caller(service())("POST", "/v1/place", json=body)

    straight = ask()
    monkeypatch.setattr("hal.server.app.direct_of", lambda _: {})
    around = ask()
    told = [
        answer.json() | ({"seconds": 0} if answer.status_code == 200 else {}) for answer in (straight, around)
    ]
    assert (straight.status_code, told[0]) == (around.status_code, told[1])


def test_what_is_direct_is_described() -> None:
    app = Caller(service(), routers=[routes]).app
    assert isinstance(app, FastAPI)
    described = app.openapi()["paths"]
    assert "post" in described["/v1/place"]
    assert described["/v1/place"]["post"]["requestBody"]["required"]
    assert {path for _, path in direct_of(routes.routes)} <= set(described)
