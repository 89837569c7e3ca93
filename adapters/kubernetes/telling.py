"""Telling users what became of their pods, beside the work: Events, and the condition PodScheduled."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from hal.adapters.kubernetes.client import STRATEGIC, ApiError, Client

import hal

__all__ = ["Teller"]

log = logging.getLogger("hal.kubernetes")

#: What is not told yet; beyond it news are left out rather than decisions held up.
_MOST: Final = 20_000
#: Seconds that closing waits for it, and that news wait for decisions being written.
_PATIENCE: Final = 5.0


class Teller:
    """Sends from a thread of its own, in order.

    Parameters
    ----------
    client : Client
    scheduler : str
        Who speaks.
    """

    def __init__(self, client: Client, scheduler: str) -> None:
        self.client, self.scheduler = client, scheduler
        self._news: queue.Queue[tuple[float, str, str, Any, str] | None] = queue.Queue(_MOST)
        self._free = threading.Event()
        self._free.set()
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextlib.contextmanager
    def after(self) -> Iterator[None]:
        """Keep news back while decisions are written: the API server has its CPUs for one or the other."""
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def scheduled(self, pod: Mapping[str, Any], node: str) -> None:
        """Say where a pod was put; its condition is the API server's to set."""
        meta = pod["metadata"]
        name = f"{meta.get('namespace')}/{meta['name']}"
        self._event(pod, "Normal", "Scheduled", f"Successfully assigned {name} to {node}")

    def preempted(self, pod: Mapping[str, Any], job: str) -> None:
        """Say for whom a pod was stopped."""
        self._event(pod, "Normal", "Preempted", f"Preempted by {job}"[:1000])

    def waits(self, pod: Mapping[str, Any], why: str) -> None:
        """Say why a pod waits."""
        meta = pod["metadata"]
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": why[:1000],
            "lastTransitionTime": _now(),
        }
        # Only of the pod as we know it: one that was bound meanwhile must not be said to wait.
        body = {
            "metadata": {"resourceVersion": meta.get("resourceVersion")},
            "status": {"conditions": [condition]},
        }
        path = f"/api/v1/namespaces/{meta.get('namespace')}/pods/{meta['name']}/status"
        self._put("PATCH", path, body, STRATEGIC)
        self._event(pod, "Warning", "FailedScheduling", why[:1000])

    def close(self) -> None:
        """Tell what is left, as far as that goes quickly."""
        if self._thread is not None:
            self._free.set()
            self._queue(None)
            self._thread.join(_PATIENCE)
            self._closed = True
            if left := self._news.qsize():
                log.warning("closed before everything was told", extra={"left": left})
            self._thread = None

    def _event(self, pod: Mapping[str, Any], kind: str, reason: str, message: str) -> None:
        meta, now = pod["metadata"], _now()
        space = meta.get("namespace")
        body = {
            "metadata": {"name": f"{meta['name'][:230]}.{uuid.uuid4().hex[:16]}", "namespace": space},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": meta["name"],
                "namespace": space,
                "uid": meta.get("uid"),
                "resourceVersion": meta.get("resourceVersion"),
            },
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {"component": self.scheduler},
            "reportingComponent": self.scheduler,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        self._put("POST", f"/api/v1/namespaces/{space}/events", body, "application/json")

    def _put(self, method: str, path: str, body: Any, kind: str) -> None:
        self._queue((time.monotonic(), method, path, body, kind))

    def _queue(self, news: tuple[float, str, str, Any, str] | None) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="hal-tell", daemon=True)
            self._thread.start()
        try:
            self._news.put_nowait(news)
        except queue.Full:
            log.warning("too much to tell")

    def _run(self) -> None:
        while (news := self._news.get()) is not None and not self._closed:
            since, method, path, body, kind = news
            self._free.wait(max(0.0, since + _PATIENCE - time.monotonic()))
            try:
                self.client.call(method, path, body, kind=kind)
            except ApiError as error:
                if error.status not in (404, 409):  # gone, or changed: nothing to say any more
                    log.warning("not told", extra={"error": str(error)})
            except hal.AdapterError as error:
                if not self._closed:
                    log.warning("not told", extra={"error": str(error)})


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
