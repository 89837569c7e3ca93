"""Reading from slurmrestd: over a Unix socket as one's own user, or over TCP with a token."""

from __future__ import annotations

import getpass
import http.client
import os
import socket
import time
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from hal.adapters.slurm.client import Client, environment, rows_of
from hal.adapters.slurm.from_json import job_from_json, node_from_json, number, reservation_from_json
from hal.adapters.slurm.records import JobRecord, NodeRecord, Reservation

import hal

__all__ = ["RestClient"]

T = TypeVar("T")

#: Versions of the interface that are understood, the newest first.
_VERSIONS: Final = ("v0.0.42", "v0.0.41", "v0.0.40", "v0.0.39", "v0.0.38")
_MOST: Final = 2**30


class RestClient(Client):
    """slurmrestd for reading; what is changed, and the topology, which it does not tell, go through ``scontrol``.

    Parameters
    ----------
    url : str
        ``unix:/run/slurmrestd.socket`` or ``http://127.0.0.1:6820``.
    token_file : str
        File with a token (``scontrol token``), read anew each time so that it may be replaced before it expires; empty:
        ``$SLURM_JWT``, or none, for a Unix socket.
    user : str
        Whose token it is; empty: who runs this.
    conf, timeout
        As of `Client`.

    Raises
    ------
    AdapterError
        Nobody answers, the token is not accepted, or no version of the interface is known.
    """

    def __init__(
        self, *, url: str, token_file: str = "", user: str = "", conf: str = "", timeout: float = 20.0
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if not (parts.scheme == "unix" and parts.path) and not (parts.scheme == "http" and parts.hostname):
            raise hal.AdapterError(f"url = {url!r}: give unix:/path/of.socket or http://host:port")
        if parts.username or parts.password:
            raise hal.AdapterError("url: holds a password; give token_file")
        self._parts, self._token_file, self._user = parts, token_file, user or getpass.getuser()
        self.timeout, self.calls = float(timeout), 0
        self._environment = environment(conf)
        self.api = self._known()

    # ---- reading -------------------------------------------------------------------------------------

    def nodes(self) -> list[NodeRecord]:
        """Every node."""
        return self._read("nodes", "nodes", node_from_json)

    def jobs(self) -> list[JobRecord]:
        """Every job that Slurm still knows."""
        return self._read("jobs", "jobs", job_from_json)

    def reservations(self) -> list[Reservation]:
        """Every reservation that has not ended."""
        return self._read("reservations", "reservations", reservation_from_json)

    def licences(self) -> dict[str, int]:
        """How many of each licence are free."""
        rows = self._read("licenses", "licenses", dict)
        return {str(row["LicenseName"]): number(row.get("Free")) for row in rows}

    # ---- inside --------------------------------------------------------------------------------------

    def _known(self) -> str:
        for version in _VERSIONS:
            status, _ = self._get(f"/slurm/{version}/ping")
            if status == 200:
                return version
            if status in (401, 403):
                raise hal.AdapterError(
                    f"slurmrestd: status {status}: the token of {self._user} is not accepted"
                )
        raise hal.AdapterError(f"slurmrestd: speaks none of {', '.join(_VERSIONS)}")

    def _read(self, what: str, key: str, read: Callable[[Mapping[str, Any]], T]) -> list[T]:
        status, body = self._get(f"/slurm/{self.api}/{what}")
        if status != 200:
            raise hal.AdapterError(f"slurmrestd: {what}: status {status}")
        return rows_of(body, f"slurmrestd: {what}", key, read)

    def _get(self, path: str) -> tuple[int, bytes]:
        self.calls += 1
        end = time.monotonic() + self.timeout
        connection = (
            _UnixConnection(self._parts.path, self.timeout)
            if self._parts.scheme == "unix"
            else http.client.HTTPConnection(
                str(self._parts.hostname), self._parts.port or 6820, timeout=self.timeout
            )
        )
        try:
            connection.request("GET", path, headers={"Accept": "application/json", **self._credentials()})
            answer = connection.getresponse()
            body = bytearray()
            # A server that says a byte now and then would never run into the limit of a single read.
            while len(body) <= _MOST and (part := answer.read1(2**20)):
                body += part
                if time.monotonic() > end:
                    raise TimeoutError(f"not within {self.timeout:g} s")
        except (OSError, http.client.HTTPException) as error:
            raise hal.AdapterError(f"slurmrestd: {path}: {error!r:.100}") from error
        finally:
            connection.close()
        if len(body) > _MOST:
            raise hal.AdapterError(f"slurmrestd: {path}: answers more than {_MOST} bytes")
        return answer.status, bytes(body)

    def _credentials(self) -> dict[str, str]:
        try:
            token = (
                Path(self._token_file).read_text().strip()
                if self._token_file
                else os.environ.get("SLURM_JWT", "")
            )
        except OSError as error:
            raise hal.AdapterError(f"token_file: cannot be read ({error.strerror})") from error
        token = token.removeprefix("SLURM_JWT=")  # as scontrol token prints it
        if not token or not token.isascii() or not token.isprintable():
            return {}
        return {"X-SLURM-USER-NAME": self._user, "X-SLURM-USER-TOKEN": token}


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
