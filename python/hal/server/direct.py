"""Routes that schedulers call for every job, answered before FastAPI's layers: those cost more than a decision."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Route

from hal.errors import HalError
from hal.server.messages import problem

__all__ = ["Direct", "direct_of"]

Endpoint = Callable[[Request], Awaitable[Response]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def direct_of(routes: Iterable[BaseRoute]) -> dict[tuple[str, str], Route]:
    """Return those of the routes that leave nothing for FastAPI to do but to describe them, by method and path.

    They take the request and return the answer: ``async def (request: Request) -> Response``.
    """
    found: dict[tuple[str, str], Route] = {}
    for route in routes:
        if not isinstance(route, Route) or not inspect.iscoroutinefunction(route.endpoint):
            continue
        try:
            signature = inspect.signature(route.endpoint, eval_str=True)
        except NameError:  # annotated by names that only its own function knows
            continue
        takes = [parameter.annotation for parameter in signature.parameters.values()]
        if takes == [Request] and signature.return_annotation is Response:
            found.update({(method, route.path): route for method in route.methods or ()})
    return found


class Direct:
    """ASGI middleware: calls such routes itself, and leaves every other request to the application.

    Parameters
    ----------
    app : ASGI application
    routes : dict of (method, path) to Route
    """

    def __init__(self, app: App, *, routes: dict[tuple[str, str], Route]) -> None:
        self.app, self.routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        route = self.routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = route
        try:
            answer = await route.endpoint(Request(scope, receive, send))
        except HalError as error:
            answer = problem(422, str(error))
        except HTTPException as error:
            answer = problem(error.status_code, str(error.detail))
        except ClientDisconnect:
            return
        await answer(scope, receive, send)
