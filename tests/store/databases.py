"""Databases for the tests: an SQLite file, or a PostgreSQL server of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import CI


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs; without one CI fails and anyone else skips."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and (program := shutil.which("initdb")):
        found = [Path(program)]
    if found:
        return found[-1].parent
    if CI:
        pytest.fail("PostgreSQL is not installed")
    pytest.skip("PostgreSQL is not installed")


class Server:
    """A PostgreSQL server in a folder, on a port of its own; root runs it as the user postgres."""

    def __init__(self, folder: Path) -> None:
        self.data, self.programs = folder / "data", binaries()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._as = []
        if os.geteuid() == 0:
            self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-A", "trust", "-U", "hal", "-E", "UTF8", "--locale=C", "-D", str(self.data))
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self.programs / program), *arguments]
        subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        log = str(self.data.parent / "log")
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "300", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` is a crash."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def url(self, database: str) -> str:
        """URL of a database."""
        return f"postgresql://hal@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """Empty the one database and return its URL: a new one for each test would cost seconds."""
        host = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "hal", "-d", "postgres", "-q")
        self._run("psql", *host, "-c", "DROP SCHEMA public CASCADE", "-c", "CREATE SCHEMA public")
        return self.url("postgres")


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Run a server for as long as the block lasts."""
    running = Server(folder)
    try:
        yield running
    finally:
        running.stop()


#: Makes an empty database and returns its URL.
Fresh = Callable[[], str]
