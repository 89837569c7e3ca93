"""Putting pods on nodes: bindings, several at a time, each with an answer of its own; gangs whole or not at all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hal.adapters.contract import Applied, Outcome, Running
from hal.adapters.kubernetes.allocating import Allocator
from hal.adapters.kubernetes.client import ApiError, Client
from hal.adapters.kubernetes.convert import bound
from hal.adapters.kubernetes.devices import held_by
from hal.adapters.kubernetes.kinds import PODS, RESOURCES
from hal.adapters.kubernetes.lease import LeaseLock
from hal.adapters.kubernetes.places import Unsaid
from hal.adapters.kubernetes.portions import bursts, parts, together
from hal.adapters.kubernetes.promises import Promises, Task, Work, path_of
from hal.adapters.kubernetes.requests import INDEX, SHARE
from hal.adapters.kubernetes.state import State
from hal.adapters.kubernetes.volumes import unmade

import hal

__all__ = ["Binder"]

log = logging.getLogger("hal.kubernetes")


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
        self.client, self.lease, self.scheduler, self.workers = client, lease, scheduler, workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="hal-bind")
        self._renewing = threading.Lock()
        self._state = State(self.claims)
        self._promises = Promises(client, self._put)
        self._allocator = Allocator(client)
        self.done: list[tuple[str, str]] = []  # pods bound now, and where to: to be told

    # ---- what another way in does otherwise ----------------------------------------------------------

    #: Whether volumes are made for the nodes that hal chooses; else by who binds.
    makes = True

    def claims(self, pod: Mapping[str, Any]) -> bool:
        """Whether a pod that waits is hal's to place."""
        return bool(pod["spec"].get("schedulerName") == self.scheduler)

    def seen(self, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Return an object as it is to be understood."""
        return thing

    def send(self, key: str, node: str, gpus: tuple[int, ...], pod: Mapping[str, Any]) -> None:
        """Put a pod on a node, and allocate there what it claims."""
        if _claims(pod):
            self._allocator.allocate(pod, node, gpus, self._state.world)
        self.client.call("POST", *_binding(key, node, gpus, pod))

    def send_many(self, tasks: Sequence[Task]) -> list[bool]:
        """Put pods on nodes, quickly; whether each was certainly put there now."""
        pods = self._state.pods
        plain = [task for task in tasks if not _claims(pods[task[0]])]  # what is claimed is allocated first
        statuses = self.client.post([_binding(key, node, gpus, pods[key]) for key, node, gpus in plain])
        done = {task[0] for task, status in zip(plain, statuses, strict=True) if status == 201}
        return [task[0] in done for task in tasks]

    # ---- many ----------------------------------------------------------------------------------------

    def _carry_out(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        """Bind everything; what must wait for volumes is promised its place."""
        works = [self._work(placement) for placement in placements]
        later = [self.makes and self._waits(work) for work in works]
        became = iter(self._put([work for work, waits in zip(works, later, strict=True) if not waits]))
        return [
            self._promises.select(work) if waits else next(became)
            for work, waits in zip(works, later, strict=True)
        ]

    def _put(self, works: Sequence[Work]) -> list[Applied]:
        """Bind in parts, after each of which the lease is renewed."""
        return [answer for part in parts(works) for answer in self._apply(part)]

    def _apply(self, works: Sequence[Work]) -> list[Applied]:
        tasks = [self._whole(work.tasks) for work in works]
        plan = {
            key: [self._uid(key), node, list(gpus)]
            for gang in tasks
            if len(gang) > 1
            for key, node, gpus in gang
        }
        if self.lease is not None and not self.lease.acquire(plan or None):
            return [Applied(work.job, Outcome.UNKNOWN, "another instance decides") for work in works]
        flat = [task for gang in tasks for task in gang]
        some = list(bursts(flat, self.workers))
        became = (answer for answers in list(self._pool.map(self._bind_many, some)) for answer in answers)
        self._take_claims()
        answers = []
        for work, gang in zip(works, tasks, strict=True):
            became_parts = [next(became) for _ in gang]
            for (key, node, gpus), part in zip(gang, became_parts, strict=True):
                if part.outcome.holds and key in work.jobs:
                    held = self._held(key, node) or gpus
                    self._state.assume(key, Running(work.jobs[key], (node,), (held,)))
                if part.outcome is Outcome.APPLIED:
                    self.done.append((key, node))
            answers.append(together(work.job, became_parts))
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
            self._take_claims()
            log.warning("finished the gangs of another instance", extra={"pods": len(plan)})
            if Outcome.UNKNOWN not in outcomes:
                self.lease.acquire({})

    def _bind_many(self, tasks: Sequence[Task]) -> list[Applied]:
        """Bind several pods at once, and those again, one by one, for which that was no plain success."""
        state, done = self._state, set()
        fast = [(key, node, gpus) for key, node, gpus in tasks if node in state.nodes and state.waits(key)]
        if fast and self._leads():
            sent = self.send_many(fast)
            done = {task[0] for task, certain in zip(fast, sent, strict=True) if certain}
        return [
            Applied(task[0], Outcome.APPLIED, task[1]) if task[0] in done else self._bind(*task)
            for task in tasks
        ]

    def _leads(self) -> bool:
        """Whether the lease is still ours; renewed when it is time, for a slow server takes long over a part."""
        if self.lease is None:
            return True
        with self._renewing:
            if self.lease.holder != self.lease.identity:
                return False
            try:
                return self.lease.acquire()
            except hal.AdapterError:
                return self.lease.held

    # ---- one -----------------------------------------------------------------------------------------

    def _bind(
        self, key: str, node: str, gpus: tuple[int, ...], pod: Mapping[str, Any] | None = None
    ) -> Applied:
        pod = pod or self._state.pods.get(key)
        answer = self._send(key, node, gpus, pod)
        if self.makes and pod and _claims(pod) and answer.outcome in (Outcome.CONFLICT, Outcome.REFUSED):
            try:
                self._allocator.give_back(pod, node, self._state.world)
            except (hal.AdapterError, Unsaid) as error:
                log.warning("devices were not given back", extra={"pod": key, "error": str(error)})
        return answer

    def _send(self, key: str, node: str, gpus: tuple[int, ...], pod: Mapping[str, Any] | None) -> Applied:
        state = self._state
        if node not in state.nodes:
            return Applied(key, Outcome.GONE, f"no node {node}")
        if (pod is not None and bound(pod)) or key in state.assumed:
            on = pod["spec"].get("nodeName") if pod and bound(pod) else state.assumed[key].nodes[0]
            return Applied(key, Outcome.ALREADY if on == node else Outcome.CONFLICT, f"on {on}")
        error: hal.AdapterError | None = None
        for _ in range(3):
            if not self._leads():
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
            except Unsaid as gone:  # a claim that was there when it was decided
                return Applied(key, Outcome.CONFLICT, str(gone))
        return Applied(key, Outcome.UNKNOWN, str(error))

    def _raced(self, key: str, node: str, said: str) -> Applied:
        try:
            on = self.seen(PODS, self.client.call("GET", path_of(key)))["spec"].get("nodeName")
        except hal.AdapterError as error:
            gone = isinstance(error, ApiError) and error.status == 404
            return Applied(key, Outcome.GONE if gone else Outcome.UNKNOWN, str(error))
        return Applied(key, Outcome.ALREADY if on == node else Outcome.CONFLICT, f"on {on}: {said}")

    # ---- jobs and their pods -------------------------------------------------------------------------

    def _work(self, placement: hal.Placement) -> Work:
        """Return what a placement comes to."""
        tasks, jobs = self._tasks(placement), self._state.jobs
        return Work(placement.job, tasks, {key: jobs[key] for key, _, _ in tasks if key in jobs})

    def _waits(self, work: Work) -> bool:
        """Whether volumes of these pods are to be made once their nodes are known."""
        pods, world = self._state.pods, self._state.world
        return any(unmade(pods[key], world) for key in work.keys if key in pods)

    def _tasks(self, placement: hal.Placement) -> list[Task]:
        """Return pod, node and devices of each task."""
        roles = self._state.roles.get(placement.job)
        if roles is None:
            return [(placement.job, placement.nodes[0], placement.gpus[0])] if placement.nodes else []
        names = list(dict.fromkeys(placement.roles))
        ranks = [iter(pods) for pods in roles]
        keys = [next(ranks[names.index(role)]) for role in placement.roles]
        return list(zip(keys, placement.nodes, placement.gpus, strict=True))

    def _whole(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """Return the tasks of a gang, or none where one of its nodes or pods is gone since it was decided."""
        state = self._state
        lost = len(tasks) > 1 and any(
            node not in state.nodes or key not in state.pods for key, node, _ in tasks
        )
        return [] if lost else tasks

    def _held(self, key: str, node: str) -> tuple[int, ...]:
        """Return the devices that a pod was allocated on a node by its claims."""
        pod = self._state.pods.get(key)
        if pod is None or not _claims(pod):
            return ()
        return held_by({**pod, "spec": {**pod["spec"], "nodeName": node}}, self._state.world)

    def _take_claims(self) -> None:
        """Take in what became of claims, before a watch tells."""
        told, self._allocator.told = self._allocator.told, []
        for claim in told:
            self._state.take(RESOURCES, "MODIFIED", claim)

    def _uid(self, key: str) -> str:
        return str(self._state.pods.get(key, {}).get("metadata", {}).get("uid"))


def _claims(pod: Mapping[str, Any]) -> bool:
    return bool((pod.get("spec") or {}).get("resourceClaims"))


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
