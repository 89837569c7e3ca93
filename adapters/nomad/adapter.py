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
from hal.adapters.nomad.client import Client, Refused, job_path
from hal.adapters.nomad.fields import Unsaid, flag, mapping, rows, text, whole
from hal.adapters.nomad.listener import Listener
from hal.adapters.nomad.steer import Pin, pinned, steer
from hal.adapters.nomad.tables import Tables, View

import hal

__all__ = ["NomadAdapter"]

log = logging.getLogger("hal.nomad")

#: Seconds for which a node is left out after a plan of Nomad would not have a task group there.
_REFUSED = 30.0
_PINS: Mapping[str, Pin] = {"constraint": "Constraints", "affinity": "Affinities"}


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
        for name, value in (("patience", patience), ("resync", resync)):
            if not value > 0:
                raise hal.AdapterError(f"{name} = {value}: must be more than 0 seconds")
        self.pin = _PINS[steer]
        self.client = client or Client(
            address=address, token=token, token_file=token_file, ca_cert=ca_cert, client_cert=client_cert,
            client_key=client_key, region=region, timeout=timeout,
        )  # fmt: skip
        self.patience, self.resync = patience, resync
        self.version = ""
        self._tables = Tables(claim)
        self._listener = Listener(self.client, self._tables, events=events)
        self._view = View()
        self._refused: dict[str, dict[str, float]] = {}
        self._since: dict[tuple[str, int], float] = {}
        self._read_at = 0.0

    # ---- reading -------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Read everything."""
        self._listener.read()
        self.version, self._read_at = str(self._listener.seen), time.monotonic()
        self._view = self._now()
        return Snapshot(
            tuple(self._view.nodes.values()),
            tuple(self._view.running.values()),
            tuple(self._view.waiting.values()),
            self.version,
            dropped=self._view.dropped,
        )

    def watch(self, version: str, *, timeout: float) -> Iterator[Delta]:
        """Wait for changes, and tell them as soon as there are any."""
        if version != self.version or not self._listener.follows:
            raise Stale(f"version {version}: only what followed {self.version or 'a snapshot'} is known")
        if time.monotonic() - self._read_at > self.resync:
            raise Stale(f"everything is read again each {self.resync:g} s")
        end = time.monotonic() + timeout
        while True:
            self._listener.hear(max(end - time.monotonic(), 0.0))
            before, self._view = self._view, self._now()
            deltas = list(differences(before, self._view))
            yield from deltas
            self.version = str(self._listener.seen)
            if deltas or time.monotonic() >= end:
                return

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
        job = mapping(self._listener.job(group.job, group.namespace))
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
        self._listener.close()
        self.client.close()


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
