"""Talking to Nomad's HTTP API: every fault is an `AdapterError`, and the token is in no message."""

from __future__ import annotations

import importlib
import json
import os
import queue
import ssl
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from hal.adapters.contract import Stale

import hal

__all__ = ["Client", "Refused", "Stream"]

#: Most bytes of one answer, and lines of the event stream that may wait to be looked at.
_MOST, _LINES = 1 << 29, 100_000
#: Topics of the event stream, each with the list that holds the same.
TOPICS: Final = ("Node", "Job", "Allocation")


class Refused(hal.AdapterError):
    """Nomad answered, and will not: ``status`` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Nomad's HTTP API.

    Parameters
    ----------
    address, token, ca_cert, client_cert, client_key : str
        Empty: from ``NOMAD_ADDR``, ``NOMAD_TOKEN``, ``NOMAD_CACERT``, ``NOMAD_CLIENT_CERT``, ``NOMAD_CLIENT_KEY``.
    token_file : str
        A file that holds the token; read for each connection, so that it may be renewed.
    timeout : float
        Seconds for one call.

    Raises
    ------
    MissingExtra
    AdapterError
        A certificate cannot be read.
    """

    def __init__(
        self, *, address: str = "", token: str = "", token_file: str = "", ca_cert: str = "", client_cert: str = "",
        client_key: str = "", region: str = "", timeout: float = 20.0,
    ) -> None:  # fmt: skip
        self._httpx = _httpx()
        if not timeout > 0:
            raise hal.AdapterError(f"timeout = {timeout}: must be more than 0 seconds")
        given = os.environ.get
        base = (address or given("NOMAD_ADDR") or "http://127.0.0.1:4646").rstrip("/")
        if not base.startswith(("http://", "https://")):
            raise hal.AdapterError(f"address = {base!r}: give http://host:port or https://host:port")
        self._token = token or ("" if token_file else given("NOMAD_TOKEN", ""))
        self._token_file = token_file
        self._region = {"region": region} if region else {}
        authority, certificate = (
            ca_cert or given("NOMAD_CACERT", ""),
            client_cert or given("NOMAD_CLIENT_CERT", ""),
        )
        key = client_key or given("NOMAD_CLIENT_KEY", "")
        try:
            context = ssl.create_default_context(cafile=authority or None)
            if certificate:
                context.load_cert_chain(certificate, key or None)
        except OSError as error:  # OpenSSL's name no file
            files = ", ".join(name for name in (authority, certificate, key) if name)
            raise hal.AdapterError(f"certificates ({files}): {error.strerror or error}") from error
        # Proxies and .netrc of the environment are none of Nomad's business, and would be sent the token.
        self.http = self._httpx.Client(base_url=base, verify=context, timeout=timeout, trust_env=False)
        self._where = self.http.base_url.netloc.decode()  # without what stands before an @
        self.timeout = timeout

    def get(self, path: str, **query: Any) -> tuple[Any, int]:
        """Return an answer and its index, ``X-Nomad-Index``; with ``index`` and ``wait`` a blocking query."""
        wait = float(str(query.get("wait", "0s")).removesuffix("s"))
        answer = self._call("GET", path, query, timeout=self.timeout + wait * 1.1)
        index = answer.headers.get("X-Nomad-Index", "0")
        return self._body(answer), int(index) if index.isdigit() else 0

    def post(self, path: str, body: Mapping[str, Any], **query: Any) -> Any:
        """Return the answer to a change."""
        return self._body(self._call("POST", path, query, content=json.dumps(body)))

    def stream(self, index: int) -> Stream:
        """Follow what changes; ``index`` 0: from now on."""
        return Stream(self, index)

    def request(self, path: str, query: Mapping[str, Any], timeout: float) -> Any:
        """Open an answer that is read line by line."""
        return self.http.stream(
            "GET", path, params={**self._region, **query}, headers=self._headers(), timeout=timeout
        )

    def close(self) -> None:
        """Close all connections."""
        self.http.close()

    def hide(self, message: str) -> str:
        """Return a message without the token, and short."""
        for secret in (self._token, *self._headers().values()):
            message = message.replace(secret, "…") if secret else message
        return message.strip()[:300]

    def _headers(self) -> dict[str, str]:
        token = self._token
        if self._token_file:
            try:
                with open(self._token_file, encoding="utf-8") as file:
                    token = file.read(4096).strip()
            except (OSError, ValueError) as error:
                raise hal.AdapterError(f"token_file = {self._token_file!r}: {error}") from None
        return {"X-Nomad-Token": token} if token else {}

    def _call(
        self, method: str, path: str, query: Mapping[str, Any], *, timeout: float = 0, **more: Any
    ) -> Any:
        try:
            answer = self.http.request(
                method, path, params={**self._region, **query}, headers=self._headers(),
                timeout=timeout or self.timeout, **more,
            )  # fmt: skip
        except self._httpx.TimeoutException as error:
            raise hal.AdapterError(
                f"{self._where}: {method} {path}: no answer within {timeout or self.timeout:g} s"
            ) from error
        except (self._httpx.HTTPError, self._httpx.InvalidURL, ValueError) as error:
            raise hal.AdapterError(
                f"{self._where}: {method} {path}: {self.hide(str(error)) or type(error).__name__}"
            ) from error
        self.check(answer, f"{method} {path}")
        return answer

    def check(self, answer: Any, what: str) -> None:
        """Raise what an answer's status means."""
        if 400 <= answer.status_code < 600:
            raise Refused(f"{what}: {answer.status_code} {self.hide(answer.text)}", answer.status_code)
        if answer.status_code != 200:
            raise hal.AdapterError(f"{what}: answered {answer.status_code}")

    def _body(self, answer: Any) -> Any:
        if len(answer.content) > _MOST:
            raise hal.AdapterError(f"{answer.url.path}: answered {len(answer.content)} bytes")
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise hal.AdapterError(f"{answer.url.path}: no JSON ({str(error)[:100]})") from error


class Stream:
    """The event stream, read in a thread of its own so that a silent one keeps nobody waiting."""

    def __init__(self, client: Client, index: int) -> None:
        self._client, self._index = client, index
        self._lines: queue.Queue[Any] = queue.Queue(_LINES)
        self._closed = threading.Event()
        self._open = threading.Event()
        self._thread = threading.Thread(target=self._read, name="hal-nomad-events", daemon=True)
        self._thread.start()

    def opened(self, timeout: float) -> None:
        """Wait until Nomad has answered.

        Raises
        ------
        AdapterError
        """
        if not self._open.wait(timeout):
            raise hal.AdapterError(f"/v1/event/stream: no answer within {timeout:g} s")
        if not self._lines.empty() and isinstance(self._lines.queue[0], hal.HalError):
            raise self._lines.get()

    def next(self, timeout: float) -> Any:
        """Return the next object of it, None when there is none within that time.

        Raises
        ------
        AdapterError
            The stream has ended; Stale, when more has happened than can be kept.
        """
        try:
            line = self._lines.get(timeout=max(timeout, 0.001)) if timeout > 0 else self._lines.get_nowait()
        except queue.Empty:
            return None
        if isinstance(line, hal.HalError):
            raise line
        return line

    def close(self) -> None:
        """Let go of it: the thread ends with the next line, a heartbeat at the latest."""
        self._closed.set()

    def _read(self) -> None:
        end: hal.HalError = hal.AdapterError("/v1/event/stream: has ended")
        query = {"topic": [f"{topic}:*" for topic in TOPICS], "namespace": "*", "index": self._index}
        try:
            with self._client.request("/v1/event/stream", query, max(self._client.timeout, 15.0)) as answer:
                if answer.status_code != 200:
                    answer.read()
                    self._client.check(answer, "/v1/event/stream")
                self._open.set()
                for line in answer.iter_lines():
                    if self._closed.is_set():
                        return
                    if line.strip():
                        self._lines.put_nowait(json.loads(line))
        except hal.HalError as error:
            end = error
        except queue.Full:
            end = Stale(f"/v1/event/stream: more than {_LINES} changes wait to be looked at")
        except Exception as error:  # of the connection, or no JSON: all end it
            end = hal.AdapterError(
                f"/v1/event/stream: {self._client.hide(str(error)) or type(error).__name__}"
            )
        if isinstance(end, Stale):
            while not self._lines.empty():  # they are of no use without what is missing
                self._lines.get_nowait()
        self._lines.put(end)
        self._open.set()


def job_path(job: str, *rest: str) -> str:
    """Return the path of a job: its id may hold anything."""
    return "/".join(["/v1/job", quote(job, safe=""), *rest])


def _httpx() -> Any:
    try:
        return importlib.import_module("httpx")
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        raise hal.MissingExtra("httpx is not installed: pip install 'hal-core[nomad]'") from error
