"""Kubernetes as an adapter: hal as its second scheduler."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from hal.adapters.contract import CONTRACT, Applied, Delta, Outcome, Snapshot, Stale
from hal.adapters.kubernetes.binding import Binder
from hal.adapters.kubernetes.client import ApiError, Client
from hal.adapters.kubernetes.config import in_cluster
from hal.adapters.kubernetes.config import kubeconfig as read_kubeconfig
from hal.adapters.kubernetes.evicting import Evictor
from hal.adapters.kubernetes.kinds import PATHS, QUERIES, RESOURCES
from hal.adapters.kubernetes.lease import LeaseLock
from hal.adapters.kubernetes.reasons import causes, worded
from hal.adapters.kubernetes.state import State
from hal.adapters.kubernetes.telling import Teller
from hal.adapters.kubernetes.watching import Watches

import hal

__all__ = ["KubernetesAdapter"]

log = logging.getLogger("hal.kubernetes")

_SETTLE: Final = 0.05


class KubernetesAdapter(Binder):
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
    preempt : {"yes", "no"}
        Whether pods of lower priority are evicted for those of higher priority that fit nowhere.
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
        workers: int = 16,
        timeout: float = 10.0,
        preempt: str = "yes",
        levels: str = "",
        client: Client | None = None,
    ) -> None:
        _check(workers, timeout, lease_s, lease)
        client = client or Client(_access(kubeconfig, context), timeout=float(timeout))
        lock = LeaseLock(client, lease or f"kube-system/{scheduler}", seconds=float(lease_s))
        super().__init__(client, None if lease == "none" else lock, scheduler, int(workers))
        self.levels = tuple(key for key in levels.split(",") if key)
        self._standby = False
        if preempt not in ("yes", "no"):
            raise hal.AdapterError(f"preempt = {preempt!r}: must be yes or no")
        self.preempts = self.makes and preempt == "yes"
        self._teller = Teller(self.client, scheduler)
        self._evictor = Evictor(self.client, self._teller, self._promises)
        self._state = State(self._claims, self.levels)
        self._promises.adopt(self._state, forget=True)
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
        unread: dict[str, list[str]] = {}
        for kind, (paths, spare) in PATHS.items():
            query, why = QUERIES.get(kind, {}), "forbidden"
            for path in paths:
                try:
                    items, version = self.client.list(path, **query)
                except ApiError as error:
                    if spare and error.status in (403, 404):
                        why = "unknown" if error.status == 404 else why
                        continue
                    raise
                self._starts[kind] = path, version, query
                if kind == RESOURCES:
                    self._allocator.path = path.rpartition("/")[0]
                for thing in items:
                    state.take(kind, "ADDED", self.seen(kind, thing))
                break
            else:
                unread.setdefault(why, []).append(kind)
        if unread:
            log.info("not to be read", extra={why: ", ".join(kinds) for why, kinds in unread.items()})
        self._promises.adopt(state, forget=self._standby)
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
        if self._promises and not self._standby:
            self._promises.settle()
            self._tell()

    def _claims(self, pod: Mapping[str, Any]) -> bool:
        return not self._standby and self.claims(pod)

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
        with self._teller.after():
            answers = self._carry_out(placements)
        self._tell()
        return answers

    def _tell(self) -> None:
        """Say which pods were bound: when all are, for the server has enough to do meanwhile."""
        done, self.done = self.done, []
        for key, node in done:
            if key in self._state.pods:
                self._teller.scheduled(self._state.pods[key], node)

    # ---- stopping others -----------------------------------------------------------------------------

    def bounds(self, job: str) -> list[list[hal.Budget]]:
        """Return the PodDisruptionBudgets and gangs that plans for a job must keep; none for a pod that says Never."""
        pods = [pod for role in self._state.roles.get(job, [[job]]) for pod in role]
        return self._evictor.bounds(self._state, pods) if all(p in self._state.pods for p in pods) else []

    def preempt(self, plan: hal.Preemption) -> Applied:
        """Evict the victims of a plan and nominate its nodes; the pods are bound when all victims are gone."""
        if self.lease is not None and not self.lease.acquire():
            self._standby = True
            return Applied(plan.job.name, Outcome.UNKNOWN, "another instance decides")
        return self._evictor.evict(self._state, self._work(plan.placement), plan)

    def explain(self, reasons: Mapping[str, str]) -> None:
        """Say why jobs wait in an Event and in the condition PodScheduled of their pods."""
        for job, text in reasons.items():
            said = self.worded(job, text)
            for pod in self._pods(job):
                self._teller.waits(pod, said)

    def worded(self, job: str, text: str) -> str:
        """Return a reason that names what asked for a label: a volume, a storage class, a claim of devices."""
        return worded(text, causes(self._pods(job), self._state.world))

    def _pods(self, job: str) -> list[dict[str, Any]]:
        """Return the pods of a job, as far as they are known."""
        keys = (key for role in self._state.roles.get(job, [[job]]) for key in role)
        return [pod for key in keys if (pod := self._state.pods.get(key)) is not None]

    def submitted(self, job: str) -> float | None:
        """When the first pod of a job was created, by the API server's clock."""
        made = [text for pod in self._pods(job) if (text := pod["metadata"].get("creationTimestamp"))]
        return datetime.fromisoformat(min(made)).timestamp() if made else None

    def router(self, service: Any) -> Any:
        """Return what kube-scheduler calls of a ``hal serve`` that follows this adapter: a scheduler extender."""
        from hal.adapters.kubernetes.routes import router

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


def _check(workers: int, timeout: float, lease_s: float, lease: str) -> None:
    for name, value, least in (("workers", workers, 1), ("timeout", timeout, 0.1), ("lease_s", lease_s, 1)):
        if not float(value) >= least:
            raise hal.AdapterError(f"{name} = {value}: must be at least {least}")
    if (lease not in ("", "none") and not all(part for part in lease.partition("/"))) or lease.count("/") > 1:
        raise hal.AdapterError(f"lease = {lease!r}: give namespace/name, or none")


def _access(path: str, context: str) -> Any:
    path = path or os.environ.get("KUBECONFIG", "")
    if path:
        return read_kubeconfig(path, context)
    home = os.path.expanduser("~/.kube/config")
    if "KUBERNETES_SERVICE_HOST" not in os.environ and os.path.exists(home):
        return read_kubeconfig(home, context)
    return in_cluster()
