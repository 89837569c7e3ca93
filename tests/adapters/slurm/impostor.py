"""Servers that listen where hal should, and fail whoever asks."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator

__all__ = ["body", "drip", "impostor", "mute", "saying"]


def mute(connection: socket.socket) -> None:
    while connection.recv(65536):  # until whoever asks goes away
        pass


def drip(connection: socket.socket) -> None:
    for letter in itertools.cycle(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"):
        connection.sendall(bytes([letter]))
        time.sleep(0.001)


def saying(text: bytes) -> Callable[[socket.socket], None]:
    def say(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(text)

    return say


def body(text: bytes) -> Callable[[socket.socket], None]:
    return saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))


@contextlib.contextmanager
def impostor(port: int, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """Listen where hal should, and do something else with each connection."""
    stop = threading.Event()

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # who asked did not wait
            behave(connection)

    def accept(server: socket.socket) -> None:
        while not stop.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            threading.Thread(target=one, args=(connection,)).start()

    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(0.05)
        thread = threading.Thread(target=accept, args=(server,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
