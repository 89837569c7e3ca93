"""What every request passes before it is looked at: who, how much, how often; and what is written of it."""

from __future__ import annotations

import hmac
import json
import logging
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from starlette.exceptions import HTTPException

from hal.server.metrics import Metrics
from hal.server.settings import Settings

__all__ = ["Guard"]

log = logging.getLogger("hal.serve")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Paths without a token: probes tell nothing but that the process lives.
_OPEN: Final = frozenset({"/live", "/ready"})
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_CALLERS: Final = 10_000
_REQUEST_ID: Final = re.compile(rb"^[\w.-]{1,64}$", re.ASCII)


class Guard:
    """ASGI middleware: request id, token, rate, size, log line and metrics."""

    def __init__(self, app: App, *, settings: Settings, metrics: Metrics) -> None:
        self.app, self.settings, self.metrics = app, settings, metrics
        secret = settings.token
        self._expected = None if secret is None else b"Bearer " + secret.get_secret_value().encode()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        number = given.decode() if _REQUEST_ID.match(given) else uuid.uuid4().hex
        status = 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", number.encode())]
            await send(message)

        try:
            refusal = self._refusal(scope, headers)
            if refusal is not None:
                await _answer(told, *refusal)
            else:
                await self.app(scope, self._measured(receive), told)
        finally:
            seconds = time.perf_counter() - begin
            route = scope.get("route")
            path = getattr(route, "path", "other")
            self.metrics.request(scope["method"], path, status, seconds)
            if path not in ("/live", "/ready", "/metrics"):
                log.info(
                    "request",
                    extra={
                        "request_id": number,
                        "method": scope["method"],
                        "route": path,
                        "status": status,
                        "seconds": round(seconds, 6),
                    },
                )

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        if scope["path"] not in _OPEN:
            client = scope.get("client") or ("", 0)
            if not self._may(
                str(client[0])
            ):  # before the token is looked at: who guesses is limited like anybody
                return 429, f"more than {self.settings.rate:g} requests a second"
            trusted = self.settings.trust_loopback and client[0] in _LOOPBACK
            if (
                self._expected is not None
                and not trusted
                and not hmac.compare_digest(headers.get(b"authorization", b""), self._expected)
            ):
                return 401, "give the server's token as Authorization: Bearer …"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.settings.max_body:
            return 413, f"the body is over {self.settings.max_body} bytes"
        return None

    def _may(self, caller: str) -> bool:
        now = time.monotonic()
        tokens, then = self._buckets.pop(caller, (float(self.settings.burst), now))
        tokens = min(self.settings.burst, tokens + (now - then) * self.settings.rate)
        allowed = tokens >= 1
        self._buckets[caller] = (tokens - 1 if allowed else tokens), now
        if len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
        return allowed

    def _measured(self, receive: Receive) -> Receive:
        size = 0

        async def measured() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.settings.max_body:
                raise HTTPException(413, f"the body is over {self.settings.max_body} bytes")
            return message

        return measured


async def _answer(send: Send, status: int, detail: str) -> None:
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
