"""Hearing what changes in a region: the event stream, resumed by its index, or blocking queries."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from hal.adapters.contract import Stale
from hal.adapters.nomad.client import Client, Refused, Stream, job_path
from hal.adapters.nomad.fields import Unsaid, mapping, rows, text, whole
from hal.adapters.nomad.tables import Tables

import hal

__all__ = ["Listener"]

log = logging.getLogger("hal.nomad")

#: Events that are taken in before what they changed is told.
_AT_ONCE = 10_000
#: Lists, each with its topic in the event stream and what to ask it for.
_LISTS = (
    ("Node", "/v1/nodes", {"resources": "true"}),
    ("Job", "/v1/jobs", {"namespace": "*", "meta": "true"}),
    ("Allocation", "/v1/allocations", {"namespace": "*", "resources": "true"}),
)


class Listener:
    """Keeps tables as a region has them.

    Parameters
    ----------
    client : Client
    tables : Tables
    events : bool
        Follow the event stream; else blocking queries.

    Attributes
    ----------
    seen : int
        Index up to which all is known; 0: nothing has been read.
    """

    def __init__(self, client: Client, tables: Tables, *, events: bool) -> None:
        self.client, self.tables, self.events = client, tables, events
        self.seen = self._expected = 0
        self._stream: Stream | None = None
        self._indices: dict[str, int] = {}

    @property
    def follows(self) -> bool:
        """Whether what changes is heard."""
        return bool(self._indices) and (self._stream is not None or not self.events)

    def read(self) -> None:
        """Read everything."""
        self.close()
        if self.events:
            # From before the lists are read: what happens meanwhile is heard, and known by its index to be old or new.
            _, index = self.client.get("/v1/nodes", per_page=1)
            self._stream, self._expected = self.client.stream(max(index, 1)), 0
        self._list()
        self.seen = max(self._indices.values())

    def hear(self, timeout: float) -> None:
        """Take in what changed, waiting for the first of it.

        Raises
        ------
        Stale
            What changed is not kept any more.
        AdapterError
        """
        if self.events:
            self._hear(min(timeout, 0.5))
            return
        wait = f"{min(timeout, 5.0):.3f}s"
        self.client.get(_LISTS[2][1], namespace="*", index=self._indices["Allocation"], wait=wait)
        self._list()
        self.seen = max(self.seen, *self._indices.values())

    def take(self, line: Any) -> None:
        """Take in a line of the stream."""
        try:
            index, events = whole(line, "Index"), rows(line, "Events")
            if self._expected and index != self._expected:
                raise Stale(f"/v1/event/stream: event {self._expected} is not kept any more")
            if line and index < self.seen and not self._expected and index < min(self._indices.values()):
                raise Stale(f"/v1/event/stream: went back from {self.seen} to {index}")
            self._expected = 0
            for event in events:
                topic = text(event, "Topic")
                if index > self._indices.get(topic, 0):  # else the lists knew it
                    self.tables.event(topic, text(event, "Type"), mapping(event, "Payload"), self.job)
            self.seen = max(self.seen, index)
        except Unsaid as error:
            raise Stale(f"/v1/event/stream: {error.field} = {error.value}") from error

    def job(self, job: str, namespace: str) -> Any:
        """Return a job as it is now."""
        return self.client.get(job_path(job), namespace=namespace)[0]

    def close(self) -> None:
        """Let go of the stream."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    # ---- inside --------------------------------------------------------------------------------------

    def _list(self) -> None:
        tables = self.tables
        for topic, path, query in _LISTS:
            found, self._indices[topic] = self.client.get(path, **query)
            if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
                raise hal.AdapterError(f"{path}: answered no list")
            try:
                if topic == "Node":
                    tables.list_nodes(found, lambda node: self.client.get(f"/v1/node/{node}")[0])
                elif topic == "Job":
                    tables.list_jobs(found, self.job)
                else:
                    tables.list_allocs(found)
            except Unsaid as error:
                raise hal.AdapterError(f"{path}: {error.field} = {error.value}") from error

    def _hear(self, timeout: float) -> None:
        """Take in what the stream has told, waiting for the first of it."""
        assert self._stream is not None
        try:
            line = self._stream.next(timeout)
            taken = 0
            while line is not None:
                self.take(line)
                taken += 1
                line = self._stream.next(0) if taken < _AT_ONCE else None
        except (Stale, Refused):
            self.close()
            raise
        except hal.AdapterError as error:
            # It broke off. The last event is asked for again: when it comes, nothing was missed.
            log.warning("the event stream broke off", extra={"error": str(error)})
            self._stream.close()
            if self._expected:  # for the second time in a row
                self.close()
                raise
            self._stream, self._expected = self.client.stream(self.seen), self.seen
