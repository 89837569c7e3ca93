"""Kubernetes as an adapter: hal as its second scheduler."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from hal.adapters.contract import CONTRACT, Applied, Delta, Outcome, Running, Snapshot, Stale
from hal.adapters.kubernetes.client import ApiError, Client
from hal.adapters.kubernetes.config import in_cluster
from hal.adapters.kubernetes.config import kubeconfig as read_kubeconfig
from hal.adapters.kubernetes.convert import INDEX, SHARE, bound
from hal.adapters.kubernetes.lease import LeaseLock
from hal.adapters.kubernetes.state import CLAIMS, GROUPS, NODES, PODS, VOLUMES, State
from hal.adapters.kubernetes.telling import Teller
from hal.adapters.kubernetes.watching import Watches

import hal

__all__ = ["KubernetesAdapter", "Task", "path_of"]

log = logging.getLogger("hal.kubernetes")

#: Kind → path, what to ask with, and whether we can do without it.
_KINDS: Final[Mapping[str, tuple[str, Mapping[str, str], bool]]] = {
    NODES: ("/api/v1/nodes", {}, False),
    PODS: ("/api/v1/pods", {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}, False),
    CLAIMS: ("/api/v1/persistentvolumeclaims", {}, True),
    VOLUMES: ("/api/v1/persistentvolumes", {}, True),
    GROUPS: ("/apis/scheduling.x-k8s.io/v1alpha1/podgroups", {}, True),
}
#: Pods of gangs that one note in the lease may name: it must stay far below what an object may hold.
_PLAN: Final = 1000
_SETTLE: Final = 0.05
#: Bindings sent without waiting for an answer in between.
_BURST: Final = 16

#: Pod, node and devices.
Task = tuple[str, str, tuple[int, ...]]


class KubernetesAdapter:
    """One Kubernetes cluster, of which hal places the pods that name it as their scheduler.

    Parameters
    ----------
    kubeconfig : str
        Path; empty: ``$KUBECONFIG``, the service account of our own pod, or ``~/.kube/config``.
    context : str
        Of the kubeconfig; empty: its current one.
    scheduler : str
        Pods with this ``spec.schedulerName`` are hal's to place.
    lease : str
        ``namespace/name`` of the Lease that one instance of several holds; ``"none"``: no other one decides.
    lease_s : float
        Seconds after which another may take over from one that died.
    workers : int
        Connections over which bindings are sent at a time.
    timeout : float
        Seconds for one answer.
    levels : str
        Label keys, separated by commas, that are levels of the topology beside the known ones; nearest last.

    Notes
    -----
    The instance that applies first takes the lease; others read, and have nothing to place until it is theirs. Which
    node each pod of a gang goes to is written into the lease before the first of them is bound, so that whoever comes
    after a crash finishes the gang. A binding that was not answered is sent again until it is: it can succeed once
    only.
    """

    contract = CONTRACT
    name = "kubernetes"

    def __init__(
        self,
        *,
        kubeconfig: str = "",
        context: str = "",
        scheduler: str = "hal",
        lease: str = "",
        lease_s: float = 15.0,
        workers: int = 4,
        timeout: float = 10.0,
        levels: str = "",
        client: Client | None = None,
    ) -> None:
        self.client = client or Client(_access(kubeconfig, context), timeout=float(timeout))
        self.scheduler = scheduler
        self.levels = tuple(key for key in levels.split(",") if key)
        self.lease = None
        if lease != "none":
            self.lease = LeaseLock(self.client, lease or f"kube-system/{scheduler}", seconds=float(lease_s))
        self._standby = False
        self._pool = ThreadPoolExecutor(int(workers), thread_name_prefix="hal-bind")
        self._teller = Teller(self.client, scheduler)
        self._state = State(self._claims, self.levels)
        self._starts: dict[str, tuple[str, str, Mapping[str, str]]] = {}
        self._watches: Watches | None = None
        self._look, self._heard = 0, 0

    @property
    def version(self) -> str:
        """Number of the look, and of the changes heard since."""
        return f"{self._look}.{self._heard}"

    # ---- reading -------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Read everything; an instance that does not hold the lease has nothing to place."""
        if self._watches is not None:
            self._watches.stop()
            self._watches = None
        if self.lease is not None and not self.lease.held:
            self.lease.look()
        state = State(self._claims, self.levels)
        self._starts = {}
        for kind, (path, query, spare) in _KINDS.items():
            try:
                items, version = self.client.list(path, **query)
            except ApiError as error:
                if spare and error.status in (403, 404):
                    log.info("not to be read", extra={"kind": kind, "error": str(error)})
                    continue
                raise
            self._starts[kind] = path, version, query
            for thing in items:
                state.take(kind, "ADDED", self.seen(kind, thing))
        self._state, self._look, self._heard = state, self._look + 1, 0
        return state.snapshot(self.version)

    def watch(self, version: str, *, timeout: float) -> Iterator[Delta]:
        """Yield changes as they come; a burst of them ends it early."""
        if version != self.version or not self._starts:
            raise Stale(f"version {version}: changes are known since {self.version}")
        end = time.monotonic() + timeout
        while True:
            self._lead()
            left = end - time.monotonic()
            self._hear(max(0.0, min(left, 1.0)))
            deltas = self._state.deltas()
            if deltas and left > _SETTLE:
                self._hear(_SETTLE)
                yield from deltas
                yield from self._state.deltas()
                return
            yield from deltas
            if left <= 0:
                return

    def _hear(self, timeout: float) -> None:
        """Take in what the watches say; they are begun when first asked."""
        if self._watches is None:
            self._watches = Watches(self.client, self._starts)
        for kind, event, thing in self._watches.get(timeout):
            self._heard += 1
            self._state.take(kind, event, self.seen(kind, thing))

    def _claims(self, pod: Mapping[str, Any]) -> bool:
        return not self._standby and self.claims(pod)

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

    def _lead(self) -> None:
        """Renew the lease, or take it over.

        Raises
        ------
        Stale
            It is ours now, or another's.
        """
        if self.lease is None or not (self._standby or self.lease.holder == self.lease.identity):
            return  # nothing was applied yet: we may be here to look only
        if self.lease.acquire() == self._standby:
            self._standby = not self._standby
            if not self._standby:
                self._finish(self.lease.plan)
            raise Stale("another instance decides" if self._standby else "took over from another instance")

    # ---- changing ------------------------------------------------------------------------------------

    def apply(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        """Bind pods, several at a time; a gang's plan is written down first."""
        if not placements:
            return []
        if self._watches is not None:
            self._hear(0)
        if self.lease is not None and not self.lease.acquire():
            self._standby = True
            return [Applied(p.job, Outcome.UNKNOWN, "another instance decides") for p in placements]
        if self.lease is not None and self.lease.plan:  # of our own, when the lease ran out in the middle
            self._finish(self.lease.plan)
            return [Applied(p.job, Outcome.UNKNOWN, "gangs were to be finished first") for p in placements]
        answers: list[Applied] = []
        for part in _parts(placements):
            answers += self._apply(part)
        for placement, answer in zip(placements, answers, strict=True):
            if answer.outcome is Outcome.APPLIED:
                for key, node, _ in self._tasks(placement):
                    if key in self._state.pods:
                        self._teller.scheduled(self._state.pods[key], node)
        return answers

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

    def explain(self, reasons: Mapping[str, str]) -> None:
        """Say why jobs wait in an Event and in the condition PodScheduled of their pods."""
        for job, text in reasons.items():
            for key in (pod for role in self._state.roles.get(job, [[job]]) for pod in role):
                if key in self._state.pods:
                    self._teller.waits(self._state.pods[key], text)

    def router(self, service: Any) -> Any:
        """Return what kube-scheduler calls of a ``hal serve`` that follows this adapter: a scheduler extender."""
        from hal.adapters.kubernetes.extender import router

        def names() -> dict[str, str]:
            return {str(pod["metadata"].get("uid")): key for key, pod in list(self._state.pods.items())}

        return router(service, self.client, names)

    def close(self) -> None:
        """Tell what is still to be told, give the lease back, and end the connections."""
        if self._watches is not None:
            self._watches.stop()
        self._pool.shutdown()
        self._teller.close()
        if self.lease is not None and self.lease.held:
            try:
                self.lease.release()
            except hal.AdapterError as error:
                log.warning("the lease was not given back", extra={"error": str(error)})
        self.client.close()


def _access(path: str, context: str) -> Any:
    path = path or os.environ.get("KUBECONFIG", "")
    if path:
        return read_kubeconfig(path, context)
    home = os.path.expanduser("~/.kube/config")
    if "KUBERNETES_SERVICE_HOST" not in os.environ and os.path.exists(home):
        return read_kubeconfig(home, context)
    return in_cluster()


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
