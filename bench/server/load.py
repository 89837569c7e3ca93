"""An open-loop client: sends at given times, whatever has been answered, and counts from when it should have sent.

A closed loop (send, wait, send) would send less while the server is slow, and so hide what its callers would feel.
What the client itself was late by, with a connection free, is told apart (``client_p99_ms``) and not counted: a caller
of the server does not wait for that.
Run as a process of its own: ``python bench/server/load.py http://127.0.0.1:8420 --rate 200 --seconds 10``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import selectors
import time
from collections import deque
from urllib.parse import urlsplit


class Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    async def open(self) -> None:
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send, and return status and body."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        return int(head[9:12]), await self.reader.readexactly(length)


def requests(path: str, bodies: list[bytes], host: str, token: str) -> list[bytes]:
    """Return the bytes of a request for each body; an empty one is asked for, not sent."""
    return [
        (
            f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        + body
        for body in bodies
    ]


async def load(
    host: str, port: int, asked: list[bytes], *, rate: float, seconds: float, connections: int, seed: int = 0
) -> dict[str, float]:
    """Send at exponential gaps for some seconds; returns milliseconds from the moment each could have been sent."""
    free: deque[Connection] = deque()
    for _ in range(connections):
        connection = Connection(host, port)
        await connection.open()
        free.append(connection)
    for request in asked:  # what is made once is not what is measured
        status, body = await free[0].ask(request)
        assert status == 200, body
    draw, failed = random.Random(seed), 0
    times: list[float] = []
    late: list[float] = []
    waiting: deque[tuple[float, bytes]] = deque()
    running: set[asyncio.Task[None]] = set()

    async def one(connection: Connection, due: float, request: bytes) -> None:
        nonlocal failed
        while True:
            status, _ = await connection.ask(request)
            times.append(1000 * (time.perf_counter() - due))
            failed += status != 200
            if not waiting:
                break
            due, request = waiting.popleft()
        free.append(connection)

    begin = time.perf_counter()
    due = begin
    while due - begin < seconds:
        due += draw.expovariate(rate)
        pause = due - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        request = asked[draw.randrange(len(asked))]
        if free:
            now = time.perf_counter()
            late.append(1000 * (now - due))
            task = asyncio.create_task(one(free.popleft(), now, request))
            running.add(task)
            task.add_done_callback(running.discard)
        else:
            waiting.append((due, request))
    while running:
        await asyncio.gather(*running)
    took = time.perf_counter() - begin
    for connection in free:
        connection.writer.close()
        await connection.writer.wait_closed()

    def at(share: float, of: list[float] = times) -> float:
        return round(sorted(of)[min(len(of) - 1, int(share * len(of)))], 3)

    return {
        "requests": len(times),
        "per_second": round(len(times) / took, 1),
        "failed": failed,
        "p50_ms": at(0.5),
        "p90_ms": at(0.9),
        "p99_ms": at(0.99),
        "max_ms": at(1.0),
        "client_p99_ms": at(0.99, late),
    }


def jobs(count: int) -> list[bytes]:
    """Return bodies for ``/v1/place`` that ask for one job each, of a few shapes."""
    shapes = [{"gpus": 1, "cpus": 8}, {"gpus": 4, "cpus": 16}, {"gpus": 8}, {"cpus": 2, "memory": "4GiB"}]
    return [
        json.dumps({"jobs": [{"name": f"job-{i}", **shapes[i % len(shapes)]}]}).encode() for i in range(count)
    ]


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("address")
    parser.add_argument("--path", default="/v1/place")
    parser.add_argument("--bodies", help="file with one body a line; default: jobs for /v1/place")
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    where = urlsplit(given.address)
    bodies = jobs(64) if given.path == "/v1/place" else [b""]
    if given.bodies:
        with open(given.bodies, "rb") as file:
            bodies = [line.rstrip(b"\n") for line in file]
    asked = requests(given.path, bodies, where.netloc, os.environ.get("HAL_TOKEN", ""))
    # select() waits to the microsecond, epoll to the millisecond.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        figures = runner.run(
            load(
                where.hostname or "",
                where.port or 80,
                asked,
                rate=given.rate,
                seconds=given.seconds,
                connections=given.connections,
            )
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
