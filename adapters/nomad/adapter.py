"""Nomad as an adapter: jobs wait at a gate that no node passes; hal puts a node's id in its place."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hal.adapters.contract import (
    CONTRACT,
    Applied,
    Delta,
    Outcome,
    Snapshot,
    Stale,
)
from hal.adapters.mirror import differences
from hal.adapters.nomad.client import Client, Refused, Stream, job_path
from hal.adapters.nomad.fields import Unsaid, flag, mapping, rows, text, whole
from hal.adapters.nomad.steer import Pin, pinned, steer
from hal.adapters.nomad.tables import Tables, View

import hal

__all__ = ["NomadAdapter"]

log = logging.getLogger("hal.nomad")

#: Seconds for which a node is left out after a plan of Nomad would not have a task group there.
_REFUSED = 30.0
#: Events that are taken in before what they changed is told.
_AT_ONCE = 10_000
_PINS: Mapping[str, Pin] = {"constraint": "Constraints", "affinity": "Affinities"}
#: Lists, each with its topic in the event stream and what to ask it for.
_LISTS = (
    ("Node", "/v1/nodes", {"resources": "true"}),
    ("Job", "/v1/jobs", {"namespace": "*", "meta": "true"}),
    ("Allocation", "/v1/allocations", {"namespace": "*", "resources": "true"}),
)


class NomadAdapter:
    """One Nomad region.

    Parameters
    ----------
    address, token, token_file, ca_cert, client_cert, client_key, region : str
        See `Client`; empty: from Nomad's own variables of the environment.
    claim : str
        Jobs with this key in their meta are hal's.
    steer : {"constraint", "affinity"}
        How nodes are written: Nomad keeps to a constraint; with an affinity (of the highest weight) it goes elsewhere
        rather than nowhere, and by itself when a node is lost.
    events : bool
        Follow the event stream; else blocking queries.
    timeout, patience, resync : float
        Seconds for one call; after which a task group that Nomad has not placed on its node is taken back; and after
        which everything is read again, in case an event was missed.

    Notes
    -----
    A claimed task group waits at the gate, the constraint ``${node.unique.id} = hal``, and Nomad keeps it pending.
    Placing it is a plan and a registration with the index that was read, so that a job which changed meanwhile is a
    conflict and nothing is lost. Reading costs three calls, and one for each node and each job of hal's that changed.
    """

    contract = CONTRACT
    name = "nomad"

    def __init__(
        self, *, address: str = "", token: str = "", token_file: str = "", ca_cert: str = "", client_cert: str = "",
        client_key: str = "", region: str = "", claim: str = "hal", steer: str = "constraint", events: bool = True,
        timeout: float = 20.0, patience: float = 15.0, resync: float = 600.0, client: Client | None = None,
    ) -> None:  # fmt: skip
        if steer not in _PINS:
            raise hal.AdapterError(f"steer = {steer!r}: must be constraint or affinity")
        for name, value in (("timeout", timeout), ("patience", patience), ("resync", resync)):
            if not value > 0:
                raise hal.AdapterError(f"{name} = {value}: must be more than 0 seconds")
        self.pin = _PINS[steer]
        self.client = client or Client(
            address=address, token=token, token_file=token_file, ca_cert=ca_cert, client_cert=client_cert,
            client_key=client_key, region=region, timeout=timeout,
        )  # fmt: skip
        self.events, self.patience, self.resync = events, patience, resync
        self.version = ""
        self._tables = Tables(claim)
        self._view = View()
        self._stream: Stream | None = None
        self._seen = self._expected = 0
        self._indices: dict[str, int] = {}
        self._refused: dict[str, dict[str, float]] = {}
        self._since: dict[tuple[str, int], float] = {}
        self._read_at = 0.0

    # ---- reading -------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Read everything."""
        self._let_go()
        if self.events:
            # From before the lists are read: what happens meanwhile is heard, and known by its index to be old or new.
            _, index = self.client.get("/v1/nodes", per_page=1)
            self._stream, self._expected = self.client.stream(max(index, 1)), 0
        self._list()
        self._seen = max(self._indices.values())
        self.version, self._read_at = str(self._seen), time.monotonic()
        self._view = self._now()
        return Snapshot(
            tuple(self._view.nodes.values()),
            tuple(self._view.running.values()),
            tuple(self._view.waiting.values()),
            self.version,
            dropped=self._view.dropped,
        )

    def _list(self) -> None:
        tables = self._tables
        for topic, path, query in _LISTS:
            found, self._indices[topic] = self.client.get(path, **query)
            if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
                raise hal.AdapterError(f"{path}: answered no list")
            try:
                if topic == "Node":
                    tables.list_nodes(found, lambda node: self.client.get(f"/v1/node/{node}")[0])
                elif topic == "Job":
                    tables.list_jobs(found, self._job)
                else:
                    tables.list_allocs(found)
            except Unsaid as error:
                raise hal.AdapterError(f"{path}: {error.field} = {error.value}") from error

    def _job(self, job: str, namespace: str) -> Any:
        return self.client.get(job_path(job), namespace=namespace)[0]

    def watch(self, version: str, *, timeout: float) -> Iterator[Delta]:
        """Wait for changes, and tell them as soon as there are any."""
        if version != self.version or not self._indices or (self.events and self._stream is None):
            raise Stale(f"version {version}: only what followed {self.version or 'a snapshot'} is known")
        if time.monotonic() - self._read_at > self.resync:
            raise Stale(f"everything is read again each {self.resync:g} s")
        end = time.monotonic() + timeout
        while True:
            left = max(end - time.monotonic(), 0.0)
            if self.events:
                self._hear(min(left, 0.5))
            else:
                wait = f"{min(left, 5.0):.3f}s"
                self.client.get(_LISTS[2][1], namespace="*", index=self._indices["Allocation"], wait=wait)
                self._list()
            before, self._view = self._view, self._now()
            deltas = list(differences(before, self._view))
            yield from deltas
            self._seen = max(self._seen, *self._indices.values()) if not self.events else self._seen
            self.version = str(self._seen)
            if deltas or time.monotonic() >= end:
                return

    def _hear(self, timeout: float) -> None:
        """Take in what the stream has told, waiting for the first of it."""
        assert self._stream is not None
        try:
            line = self._stream.next(timeout)
            taken = 0
            while line is not None:
                self._take(line)
                taken += 1
                line = self._stream.next(0) if taken < _AT_ONCE else None
        except (Stale, Refused):
            self._let_go()
            raise
        except hal.AdapterError as error:
            # It broke off. The last event is asked for again: when it comes, nothing was missed.
            log.warning("the event stream broke off", extra={"error": str(error)})
            self._stream.close()
            if self._expected:  # for the second time in a row
                self._let_go()
                raise
            self._stream, self._expected = self.client.stream(self._seen), self._seen

    def _take(self, line: Any) -> None:
        try:
            index, events = whole(line, "Index"), rows(line, "Events")
            if self._expected and index != self._expected:
                raise Stale(f"/v1/event/stream: event {self._expected} is not kept any more")
            if line and index < self._seen and not self._expected and index < min(self._indices.values()):
                raise Stale(f"/v1/event/stream: went back from {self._seen} to {index}")
            self._expected = 0
            for event in events:
                topic = text(event, "Topic")
                if index > self._indices.get(topic, 0):  # else the lists knew it
                    self._tables.event(topic, text(event, "Type"), mapping(event, "Payload"), self._job)
            self._seen = max(self._seen, index)
        except Unsaid as error:
            raise Stale(f"/v1/event/stream: {error.field} = {error.value}") from error

    def _now(self) -> View:
        """Return what the tables say at this moment."""
        clock = time.monotonic()
        for name, nodes in list(self._refused.items()):
            self._refused[name] = {node: end for node, end in nodes.items() if end > clock}

        def hopes(name: str, index: int) -> bool:
            return clock - self._since.setdefault((name, index), clock) < self.patience

        view = self._tables.view(hopes)
        self._since = {
            key: since for key, since in self._since.items() if key in view.on_their_way or key in view.again
        }
        for key in view.again.keys() - self._view.again.keys():
            self._refuse(key[0], view.again[key])
        for name, nodes in self._refused.items():
            if nodes and name in view.waiting:
                job = view.waiting[name]
                away = hal.Selector("node.unique.id", "NotIn", sorted(nodes))
                view.waiting[name] = dataclasses.replace(job, selector=[*job.selector, away])
        return view

    # ---- changing ------------------------------------------------------------------------------------

    def apply(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        """Plan and register, each by itself."""
        answers = []
        for placement in placements:
            try:
                outcome, detail = self._one(placement)
            except Unsaid as error:
                outcome, detail = Outcome.REFUSED, f"{error.field} = {error.value}"
            except Refused as error:
                outcome, detail = _meaning(error), str(error)
            except hal.AdapterError as error:
                outcome, detail = Outcome.UNKNOWN, str(error)
            if outcome is Outcome.GONE:
                self._view.waiting.pop(placement.job, None)  # told again, should it still wait
            answers.append(Applied(placement.job, outcome, detail))
        return answers

    def _one(self, placement: hal.Placement) -> tuple[Outcome, str]:
        group = self._tables.groups.get(placement.job)
        if group is None:
            return Outcome.GONE, "no such task group"
        gone = [node for node in placement.nodes if node not in self._tables.ids]
        if gone or not placement.nodes:
            return Outcome.GONE, f"no node {', '.join(gone)}"
        nodes = [self._tables.ids[node] for node in placement.nodes]
        job = mapping(self._job(group.job, group.namespace))
        row = next((row for row in rows(job, "TaskGroups") if text(row, "Name") == group.group), None)
        if row is None or flag(job, "Stop") or text(job, "Status") == "dead":
            return Outcome.GONE, "was stopped"
        index, put = whole(job, "JobModifyIndex"), pinned(job, row)
        if put is not None and (placement.job, index) not in self._view.again:
            same = sorted(put) == sorted(nodes)
            return Outcome.ALREADY if same else Outcome.CONFLICT, f"on {', '.join(put) or 'any node'}"
        changed = steer(job, group.group, nodes, self.pin)
        plan = mapping(
            self.client.post(
                job_path(group.job, "plan"), {"Job": changed, "Diff": False}, namespace=group.namespace
            )
        )
        if whole(plan, "JobModifyIndex") != index:
            return Outcome.CONFLICT, "was changed meanwhile"
        failed = mapping(plan, "FailedTGAllocs").get(group.group)
        if failed is not None:
            self._refuse(placement.job, nodes)
            return Outcome.REFUSED, _why(mapping(failed))
        body = {"Job": changed, "EnforceIndex": True, "JobModifyIndex": index}
        self.client.post("/v1/jobs", body, namespace=group.namespace)
        self._since.pop((placement.job, index), None)  # the same nodes again are a new hope
        return Outcome.APPLIED, ""

    def _refuse(self, name: str, nodes: Sequence[str]) -> None:
        end = time.monotonic() + _REFUSED
        self._refused.setdefault(name, {}).update(dict.fromkeys(nodes, end))

    def explain(self, reasons: Mapping[str, str]) -> None:
        """Write why jobs wait into the log: Nomad has no field for it that would not make a new version of the job."""
        for job, why in reasons.items():
            log.info("waits", extra={"job": job, "why": why})

    def close(self) -> None:
        """Close all connections."""
        self._let_go()
        self.client.close()

    def _let_go(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _meaning(error: Refused) -> Outcome:
    """Return what became of a registration that was answered with an error."""
    said = str(error)
    if error.status == 404 or "does not exist" in said:
        return Outcome.GONE
    if "job modify index" in said:
        return Outcome.CONFLICT
    return Outcome.UNKNOWN if error.status >= 500 else Outcome.REFUSED


def _why(failed: Mapping[str, Any]) -> str:
    """Return why a plan found no place, in Nomad's own words."""
    said = [f"{count} {what}" for key in ("ConstraintFiltered", "DimensionExhausted")
            for what, count in mapping(failed, key).items()]  # fmt: skip
    return f"Nomad's plan: {'; '.join(said) or 'no place'}"
