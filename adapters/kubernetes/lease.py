"""One decider at a time in one cluster: a Lease, which also remembers what its holder was about to do."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from hal.adapters.kubernetes.client import ApiError, Client

__all__ = ["LeaseLock"]

PLAN: Final = "hal-core/plan"


class LeaseLock:
    """A ``coordination.k8s.io/v1`` Lease, held by one process among several.

    Others' clocks are not trusted: a lease has run out when it was not renewed for its duration by our own clock.

    Parameters
    ----------
    client : Client
    name : str
        ``namespace/name``.
    seconds : float
        Its duration; its holder stops acting after two thirds of it without having renewed it.
    clock : callable
        Seconds that never go back.

    Attributes
    ----------
    plan : mapping
        What the holder was about to do, when it last said so; whoever takes over finishes that first.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        *,
        seconds: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        space, _, lease = name.partition("/")
        self.client, self.name, self.space, self.seconds, self.clock = client, lease, space, seconds, clock
        self.identity = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{space}/leases"
        self._last: dict[str, Any] | None = None
        self._seen = ("", 0.0)  # version of another's lease, and since when
        self._until = 0.0

    @property
    def held(self) -> bool:
        """Whether we may still act."""
        return self.clock() < self._until

    @property
    def holder(self) -> str:
        """Who held it when last looked at."""
        return str(((self._last or {}).get("spec") or {}).get("holderIdentity") or "")

    @property
    def plan(self) -> Mapping[str, Any]:
        """What its last holder was about to do."""
        notes = ((self._last or {}).get("metadata") or {}).get("annotations") or {}
        try:
            told = json.loads(notes.get(PLAN) or "{}")
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}

    def look(self) -> None:
        """Read it: an `acquire` that follows fails when anybody took it in between."""
        try:
            self._last = self.client.call("GET", f"{self._path}/{self.name}")
        except ApiError as error:
            if error.status != 404:
                raise
            self._last = None
            return
        version = self._last["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = version, self.clock()

    def acquire(self, plan: Mapping[str, Any] | None = None) -> bool:
        """Take or renew it; False while another holds it, or when another had it since the last `look`.

        Parameters
        ----------
        plan : mapping, optional
            Written with it; None: what is written stays.
        """
        begin = self.clock()
        mine = self.holder == self.identity
        if plan is None and mine and begin < self._until - self.seconds / 3:
            return True  # renewed a moment ago
        if not mine and self.holder and begin - self._seen[1] < self._duration:
            self.look()
            return False
        notes = {PLAN: json.dumps(self.plan if plan is None else plan, separators=(",", ":"))}
        if not self._write(self.identity, notes):
            self._until = 0.0
            self.look()
            return False
        self._until = begin + self.seconds * 2 / 3
        return True

    def release(self) -> None:
        """Let another have it at once."""
        if self.held and self.holder == self.identity:
            self._write("", {PLAN: "{}"})
        self._until = 0.0

    @property
    def _duration(self) -> float:
        told = ((self._last or {}).get("spec") or {}).get("leaseDurationSeconds")
        return float(told) if isinstance(told, int) else self.seconds

    def _write(self, holder: str, notes: Mapping[str, str]) -> bool:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        before = (self._last or {}).get("spec") or {}
        changed = before.get("holderIdentity") != holder
        body: dict[str, Any] = {
            "metadata": {"name": self.name, "namespace": self.space, "annotations": dict(notes)},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": max(1, round(self.seconds)),
                "acquireTime": now if changed else before.get("acquireTime"),
                "renewTime": now,
                "leaseTransitions": (before.get("leaseTransitions") or 0) + changed,
            },
        }
        try:
            if self._last is None:
                self._last = self.client.call("POST", self._path, body)
            else:
                body["metadata"]["resourceVersion"] = self._last["metadata"]["resourceVersion"]
                self._last = self.client.call("PUT", f"{self._path}/{self.name}", body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            return False
        return True
