"""HTTP to an API server: requests over connections that are kept, lists, watches. No objects but plain JSON."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from hal.adapters.contract import Stale
from hal.adapters.kubernetes.config import Access

import hal

__all__ = ["ApiError", "Client"]

MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
_PROTOBUF: Final = "application/vnd.kubernetes.protobuf, application/json"

#: Seconds after which the server ends a watch; one that hears nothing for longer is dead.
_WATCH: Final = 60


class ApiError(hal.AdapterError):
    """The API server said no.

    Attributes
    ----------
    status : int
        Of HTTP: 404, 409, ….
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Client:
    """One API server. Any thread may call; each has a connection of its own, which is kept.

    Parameters
    ----------
    access : Access
    timeout : float
        Seconds for one answer.
    """

    def __init__(self, access: Access, *, timeout: float = 10.0) -> None:
        self.access, self.timeout = access, timeout
        self._mine = threading.local()
        self._open: dict[http.client.HTTPConnection, threading.Event | None] = {}
        self._closed = False

    def call(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: str
    ) -> dict[str, Any]:
        """Send a request; its JSON answer.

        Raises
        ------
        ApiError
            The server answered with an error.
        AdapterError
            It did not answer, or not in JSON. The request may have been carried out.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        for last in (False, True):
            fresh = getattr(self._mine, "connection", None) is None
            try:
                connection = self._connection()
                connection.request(method, self._url(path, query), data, self._headers(kind, anew=last))
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                # A connection that was kept may have been closed meanwhile; every request here may be sent again.
                if fresh or last or isinstance(error, TimeoutError):
                    where = f"{self.access.host}:{self.access.port}"
                    raise hal.AdapterError(
                        f"{where}: {method} {path}: {type(error).__name__}: {error}"
                    ) from error
                continue
            if answer.status == 401 and not last:
                continue
            return _decoded(answer.status, text, f"{method} {path}")
        raise AssertionError("one of two tries returns or raises")

    def post(self, requests: Sequence[tuple[str, Any]]) -> list[int]:
        """Send several POSTs one after the other without waiting for answers in between; their statuses.

        Parameters
        ----------
        requests : sequence of (str, object)
            Path and body. Few enough that the answers fit into the buffers of the connection.

        Returns
        -------
        list of int
            0 where there was no answer, and for those after it: they may have been carried out.
        """
        statuses: list[int] = []
        try:
            connection = self._connection()
            if connection.sock is None:
                connection.connect()
            # Only the statuses of these are read: the server writes protobuf for less than JSON.
            headers = {**self._headers("application/json", anew=False), "Accept": _PROTOBUF}
            head = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
            sent = []
            for path, body in requests:
                data = json.dumps(body, separators=(",", ":")).encode()
                first = (
                    f"POST {self._url(path, {})} HTTP/1.1\r\nHost: {self.access.host}:{self.access.port}\r\n"
                )
                sent.append(f"{first}{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
            connection.sock.sendall(b"".join(sent))
            with connection.sock.makefile("rb") as answers:
                for _ in requests:
                    statuses.append(_status(answers))
        except (OSError, ValueError, IndexError):
            self._drop()
        except hal.AdapterError:
            pass  # not connected: nothing was sent
        return statuses + [0] * (len(requests) - len(statuses))

    def list(self, path: str, **query: str) -> tuple[list[dict[str, Any]], str]:
        """Return all objects of a collection as they are now, and the version from which to watch."""
        told = self.call("GET", path, **query)
        items, version = told.get("items"), (told.get("metadata") or {}).get("resourceVersion")
        if not isinstance(items, list | None) or not isinstance(version, str):
            raise hal.AdapterError(f"GET {path}: is no list")
        return items or [], version

    def watch(
        self, path: str, version: str, stop: threading.Event, query: Mapping[str, str]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield ``(type, object)`` of what happens after a version, until the server ends it or `stop` is set.

        ``BOOKMARK`` objects have a version and nothing else.

        Raises
        ------
        Stale
            410: the changes are not kept any more.
        AdapterError
            The connection broke, or what came was no JSON.
        """
        asked = {
            **query,
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH),
        }
        connection = self._new(_WATCH + self.timeout, stop)
        try:
            connection.request("GET", self._url(path, asked), None, self._headers("", anew=False))
            answer = connection.getresponse()
            if answer.status != 200:
                text = answer.read()
                if answer.status == 410:
                    raise Stale(f"{path}: version {version} is not kept any more")
                self.access.token(anew=answer.status == 401)
                _decoded(answer.status, text, f"WATCH {path}")
            while not stop.is_set() and (line := answer.readline()):
                yield _event(line, path)
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
            if not (stop.is_set() or self._closed):
                raise hal.AdapterError(f"WATCH {path}: {type(error).__name__}: {error}") from error
        finally:
            self._open.pop(connection, None)
            connection.close()

    def close(self) -> None:
        """Close every connection; threads that wait on one are woken."""
        self._closed = True
        for connection, watch in list(self._open.items()):
            _wake(connection)
            if watch is None:  # the thread that watches closes its own
                connection.close()
                self._open.pop(connection, None)

    def interrupt(self, stop: threading.Event) -> None:
        """End the watches that were given this event."""
        for connection, theirs in list(self._open.items()):
            if theirs is stop:
                _wake(connection)

    # ---- inside --------------------------------------------------------------------------------------

    def _new(self, timeout: float, stop: threading.Event | None = None) -> http.client.HTTPConnection:
        if self._closed:
            raise hal.AdapterError("the connection is closed")
        access = self.access
        connection: http.client.HTTPConnection
        if access.secure:
            connection = http.client.HTTPSConnection(
                access.host, access.port, timeout=timeout, context=access.context
            )
        else:
            connection = http.client.HTTPConnection(access.host, access.port, timeout=timeout)
        self._open[connection] = stop
        return connection

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is None or self._closed:
            connection = self._mine.connection = self._new(self.timeout)
        return connection

    def _drop(self) -> None:
        connection, self._mine.connection = self._mine.connection, None
        self._open.pop(connection, None)
        connection.close()

    def _url(self, path: str, query: dict[str, str]) -> str:
        return self.access.prefix + path + ("?" + urllib.parse.urlencode(query) if query else "")

    def _headers(self, kind: str, *, anew: bool) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "hal"}
        if kind:
            headers["Content-Type"] = kind
        if token := self.access.token(anew=anew):
            headers["Authorization"] = f"Bearer {token}"
        return headers


def _status(answers: BinaryIO) -> int:
    """Read one answer; its status."""
    status, length = int(answers.readline().split()[1]), 0
    while line := answers.readline().strip():
        key, _, value = line.partition(b":")
        if key.lower() == b"content-length":
            length = int(value)
        elif key.lower() == b"transfer-encoding":
            length = -1
    while length < 0:  # in chunks, the last of which is empty
        size = int(answers.readline().strip(), 16)
        answers.read(size + 2)
        length = min(0, -size)
    answers.read(length)
    return status


def _wake(connection: http.client.HTTPConnection) -> None:
    """Let the thread that reads from a connection see its end, and close it."""
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _decoded(status: int, text: bytes, what: str) -> dict[str, Any]:
    try:
        told = json.loads(text) if text else {}
    except ValueError:
        told = None
    if status >= 300:
        said = told.get("message") if isinstance(told, dict) else None
        raise ApiError(status, str(said or what)[:300])
    if not isinstance(told, dict):
        raise hal.AdapterError(f"{what}: the answer is no JSON object")
    return told


def _event(line: bytes, path: str) -> tuple[str, dict[str, Any]]:
    told = json.loads(line)
    kind, thing = told["type"], told["object"]
    if kind == "ERROR":
        if thing.get("code") == 410:
            raise Stale(f"{path}: {str(thing.get('message'))[:200]}")
        raise ApiError(int(thing.get("code") or 500), str(thing.get("message"))[:300])
    return str(kind), thing
