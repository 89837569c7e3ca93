"""Putting pods on nodes: bindings, several at a time, each with an answer of its own; gangs whole or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from hal.adapters.contract import Applied, Outcome, Running
from hal.adapters.kubernetes.client import ApiError, Client
from hal.adapters.kubernetes.convert import INDEX, SHARE, bound
from hal.adapters.kubernetes.lease import LeaseLock
from hal.adapters.kubernetes.state import PODS, State

import hal

__all__ = ["Binder", "Task", "path_of"]

log = logging.getLogger("hal.kubernetes")

#: Pods of gangs that one note in the lease may name: it must stay far below what an object may hold.
_PLAN: Final = 1000
#: Bindings sent without waiting for an answer in between.
_BURST: Final = 16

#: Pod, node and devices.
Task = tuple[str, str, tuple[int, ...]]


class Binder:
    """Carries out placements of what a state knows.

    Parameters
    ----------
    client : Client
    lease : LeaseLock or None
        Without which nothing is sent once it has run out.
    scheduler : str
        Pods with this ``spec.schedulerName`` are hal's to place.
    workers : int
        Connections over which bindings are sent at a time.
    """

    def __init__(self, client: Client, lease: LeaseLock | None, scheduler: str, workers: int) -> None:
        self.client, self.lease, self.scheduler = client, lease, scheduler
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="hal-bind")
        self._state = State(self.claims)

    # ---- what another way in does otherwise ----------------------------------------------------------

    def claims(self, pod: Mapping[str, Any]) -> bool:
        """Whether a pod that waits is hal's to place."""
        return bool(pod["spec"].get("schedulerName") == self.scheduler)

    def seen(self, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Return an object as it is to be understood."""
        return thing

    def send(self, key: str, node: str, gpus: tuple[int, ...], pod: Mapping[str, Any]) -> None:
        """Put a pod on a node."""
        self.client.call("POST", *_binding(key, node, gpus, pod))

    def send_many(self, tasks: Sequence[Task]) -> list[bool]:
        """Put pods on nodes, quickly; whether each was certainly put there now."""
        pods = self._state.pods
        statuses = self.client.post([_binding(key, node, gpus, pods[key]) for key, node, gpus in tasks])
        return [status == 201 for status in statuses]

    # ---- many ----------------------------------------------------------------------------------------

    def _carry_out(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        """Bind everything, in parts after each of which the lease is renewed."""
        return [answer for part in _parts(placements) for answer in self._apply(part)]

    def _apply(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        tasks = [self._whole(self._tasks(placement)) for placement in placements]
        plan = {
            key: [self._uid(key), node, list(gpus)]
            for gang in tasks
            if len(gang) > 1
            for key, node, gpus in gang
        }
        if self.lease is not None and not self.lease.acquire(plan or None):
            return [Applied(p.job, Outcome.UNKNOWN, "another instance decides") for p in placements]
        flat = [task for gang in tasks for task in gang]
        some = [flat[begin : begin + _BURST] for begin in range(0, len(flat), _BURST)]
        became = (answer for answers in list(self._pool.map(self._bind_many, some)) for answer in answers)
        answers = []
        for placement, gang in zip(placements, tasks, strict=True):
            parts = [next(became) for _ in gang]
            for (key, node, gpus), part in zip(gang, parts, strict=True):
                job = self._state.jobs.get(key)
                if part.outcome.holds and job is not None:
                    self._state.assume(key, Running(job, (node,), (gpus,)))
            answers.append(_together(placement, parts))
        if plan and self.lease is not None and all(a.outcome is not Outcome.UNKNOWN for a in answers):
            self.lease.acquire({})
        return answers

    def _finish(self, plan: Mapping[str, Any]) -> None:
        """Carry out what the last holder of the lease was about to do with gangs."""

        def finish(key: str) -> Outcome:
            uid, node, gpus = plan[key]
            try:
                pod = self.seen(PODS, self.client.call("GET", path_of(key)))
            except ApiError as error:
                if error.status == 404:
                    return Outcome.GONE
                raise
            if pod["metadata"].get("uid") != uid or bound(pod):
                return Outcome.ALREADY
            return self._bind(key, node, tuple(gpus), pod).outcome

        if plan and self.lease is not None:
            outcomes = list(self._pool.map(finish, plan))
            log.warning("finished the gangs of another instance", extra={"pods": len(plan)})
            if Outcome.UNKNOWN not in outcomes:
                self.lease.acquire({})

    def _bind_many(self, tasks: Sequence[Task]) -> list[Applied]:
        """Bind several pods at once, and those again, one by one, for which that was no plain success."""
        state, done = self._state, set()
        fast = [(key, node, gpus) for key, node, gpus in tasks if node in state.nodes and state.waits(key)]
        if fast and (self.lease is None or self.lease.held):
            sent = self.send_many(fast)
            done = {task[0] for task, certain in zip(fast, sent, strict=True) if certain}
        return [
            Applied(task[0], Outcome.APPLIED, task[1]) if task[0] in done else self._bind(*task)
            for task in tasks
        ]

    # ---- one -----------------------------------------------------------------------------------------

    def _bind(
        self, key: str, node: str, gpus: tuple[int, ...], pod: Mapping[str, Any] | None = None
    ) -> Applied:
        state = self._state
        pod = pod or state.pods.get(key)
        if node not in state.nodes:
            return Applied(key, Outcome.GONE, f"no node {node}")
        if (pod is not None and bound(pod)) or key in state.assumed:
            on = pod["spec"].get("nodeName") if pod and bound(pod) else state.assumed[key].nodes[0]
            return Applied(key, Outcome.ALREADY if on == node else Outcome.CONFLICT, f"on {on}")
        error: hal.AdapterError | None = None
        for _ in range(3):
            if self.lease is not None and not self.lease.held:
                return Applied(key, Outcome.UNKNOWN, "the lease ran out")
            try:
                self.send(key, node, gpus, pod or {})
                return Applied(key, Outcome.APPLIED, node)
            except ApiError as refused:
                error = refused
                if refused.status == 404:
                    return Applied(key, Outcome.GONE, str(refused))
                if refused.status == 409:
                    return self._raced(key, node, str(refused))
                if refused.status in (400, 403, 422):
                    return Applied(key, Outcome.REFUSED, str(refused))
                time.sleep(0.2)  # too many requests, or a server that is just coming up
            except hal.AdapterError as silent:
                error = silent
        return Applied(key, Outcome.UNKNOWN, str(error))

    def _raced(self, key: str, node: str, said: str) -> Applied:
        try:
            on = self.seen(PODS, self.client.call("GET", path_of(key)))["spec"].get("nodeName")
        except hal.AdapterError as error:
            gone = isinstance(error, ApiError) and error.status == 404
            return Applied(key, Outcome.GONE if gone else Outcome.UNKNOWN, str(error))
        return Applied(key, Outcome.ALREADY if on == node else Outcome.CONFLICT, f"on {on}: {said}")

    # ---- jobs and their pods -------------------------------------------------------------------------

    def _tasks(self, placement: hal.Placement) -> list[Task]:
        """Return pod, node and devices of each task."""
        roles = self._state.roles.get(placement.job)
        if roles is None:
            return [(placement.job, placement.nodes[0], placement.gpus[0])] if placement.nodes else []
        names = list(dict.fromkeys(placement.roles))
        ranks = [iter(pods) for pods in roles]
        keys = [next(ranks[names.index(role)]) for role in placement.roles]
        return list(zip(keys, placement.nodes, placement.gpus, strict=True))

    def _whole(self, tasks: list[Task]) -> list[Task]:
        """Return the tasks of a gang, or none where one of its nodes or pods is gone since it was decided."""
        state = self._state
        lost = len(tasks) > 1 and any(
            node not in state.nodes or key not in state.pods for key, node, _ in tasks
        )
        return [] if lost else tasks

    def _uid(self, key: str) -> str:
        return str(self._state.pods.get(key, {}).get("metadata", {}).get("uid"))


def _binding(
    key: str, node: str, gpus: tuple[int, ...], pod: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return the path and the body of a binding."""
    meta = pod.get("metadata") or {}
    body: dict[str, Any] = {
        "metadata": {"name": key.partition("/")[2], "uid": meta.get("uid")},
        "target": {"kind": "Node", "name": node},
    }
    if gpus and SHARE in (meta.get("annotations") or {}):
        body["metadata"]["annotations"] = {INDEX: "-".join(map(str, gpus))}
    return f"{path_of(key)}/binding", body


def path_of(key: str) -> str:
    space, _, name = key.partition("/")
    return f"/api/v1/namespaces/{space}/pods/{name}"


def _parts(placements: Sequence[hal.Placement]) -> Iterator[list[hal.Placement]]:
    """Cut the placements so that the plan of each part's gangs stays small, and the lease is renewed between."""
    part: list[hal.Placement] = []
    pods = 0
    for placement in placements:
        if part and pods + len(placement.nodes) > _PLAN:
            yield part
            part, pods = [], 0
        part.append(placement)
        pods += len(placement.nodes)
    if part:
        yield part


def _together(placement: hal.Placement, parts: Sequence[Applied]) -> Applied:
    """Return the answer for a placement from those for its pods: as good as the worst."""
    worst = (
        Outcome.UNKNOWN,
        Outcome.CONFLICT,
        Outcome.REFUSED,
        Outcome.GONE,
        Outcome.APPLIED,
        Outcome.ALREADY,
    )
    if not parts:
        return Applied(placement.job, Outcome.GONE, "a pod or a node of it is gone")
    first = min(parts, key=lambda part: worst.index(part.outcome))
    return Applied(placement.job, first.outcome, first.detail)
