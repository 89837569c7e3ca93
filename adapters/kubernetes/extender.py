"""A scheduler extender: kube-scheduler asks which nodes fit a pod, which are best, whom to evict, and binds by it."""

from __future__ import annotations

import dataclasses
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from fastapi import APIRouter, Request, Response
from hal.adapters.contract import Delta, JobGone, JobQueued, JobStarted, Running
from hal.adapters.follower import Follower
from hal.adapters.kubernetes.client import ApiError
from hal.adapters.kubernetes.convert import INDEX, SHARE, job_of, key_of
from hal.adapters.kubernetes.places import NAME
from hal.adapters.kubernetes.wire import (
    ARGS,
    BINDING,
    BROKEN,
    PREEMPTION,
    Refused,
    answer,
    asked,
    fields,
    filtered,
    lower,
    pod_of,
    read,
    schema,
    text,
)
from starlette.concurrency import run_in_threadpool

import hal
from hal.server.tracing import PodTrace

if TYPE_CHECKING:
    from hal.adapters.kubernetes.client import Client

    from hal.server import Service

__all__ = ["Extender", "Refused", "router"]

log = logging.getLogger("hal.kubernetes")

#: What kube-scheduler takes as the best score of an extender.
_BEST: Final = 10
#: Pods whose last filtering is remembered: the calls for one pod come right after each other.
_PODS: Final = 10_000
_UNKNOWN: Final = "hal does not know this node yet"
#: What eviction cannot mend: the node itself is another one than the pod asks for.
_NEVER: Final = (
    "node selector",
    "untolerated taint",
    "node is unschedulable",
    "no GPU offers",
    "too few GPUs of an allowed model",
    "too few GPUs with the memory",
)


@dataclass
class _Seen:
    """What was found for a pod when it was last looked at."""

    job: hal.Job
    cluster: hal.Cluster
    version: int
    survey: hal.Survey
    index: Mapping[str, int]
    shares: bool  # wants to know which devices it has


class Extender:
    """Answers kube-scheduler from a live cluster, without asking the API server but to bind.

    Parameters
    ----------
    service : Service
    client : Client, optional
        To bind with; None: binding is refused.
    follow : callable
        Takes in a change that the orchestrator has not told yet; called with the lock held.
    names : callable
        uid → ``namespace/name`` of the pods that run.

    Notes
    -----
    A pod that the model cannot express is none of hal's business: every node passes, and none is better.
    """

    def __init__(
        self,
        service: Service,
        *,
        client: Client | None = None,
        follow: Callable[[Delta], None] = lambda delta: None,
        names: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.service, self.client, self.names = service, client, names
        self._follow = follow
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._order: tuple[hal.Cluster | None, int, dict[str, int]] = (None, -1, {})

    # ---- verbs ---------------------------------------------------------------------------------------

    def filter(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the nodes on which a pod fits, and why not of the others."""
        pod, names, nodes = asked(arguments)
        seen = self._look(pod, "hal.filter")
        if seen is None:
            return filtered(names, nodes, {}, {})
        why, reasons = seen.survey.reason.tolist(), seen.survey.reasons
        fits: list[str] = []
        failed: dict[str, str] = {}
        never: dict[str, str] = {}
        for name in names:
            at = seen.index.get(name)
            if at is None:
                failed[name] = _UNKNOWN
            elif why[at] < 0:
                fits.append(name)
            else:
                reason = reasons[why[at]]
                lasting = reason.startswith(_NEVER) or reason == "too few GPUs"
                (never if lasting else failed)[name] = reason
        return filtered(fits, nodes, failed, never)

    def prioritize(self, arguments: Mapping[str, Any]) -> list[tuple[str, int]]:
        """Return a score for each node: the best alone has 10, the worst 0."""
        pod, names, _ = asked(arguments)
        seen = self._look(pod, "hal.prioritize")
        if seen is None:
            return [(name, 0) for name in names]
        at = np.fromiter(map(seen.index.get, names, repeat(-1)), np.int64, len(names))
        found = np.append(seen.survey.score, np.nan)[at]  # -1: the NaN at the end
        low, high = (np.nanmin(found), np.nanmax(found)) if np.isfinite(found).any() else (0.0, 0.0)
        scaled = np.floor(_BEST * (found - low) / (high - low)) if high > low else np.full(len(at), _BEST)
        scores = np.where(np.isnan(found), 0, scaled).astype(int).tolist()
        return list(zip(names, scores, strict=True))

    def preempt(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the nodes on which the pod would fit once those victims are gone."""
        given = lower(arguments)
        pod = pod_of(given)
        job, _ = job_of(pod)
        kept: dict[str, Any] = {}
        for node, gone, told in self._victims(given):
            if job is None or self._fits_without(job, node, gone):
                kept[node] = told
        return {"NodeNameToMetaVictims": kept}

    def bind(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Bind a pod; the place is taken before the API server hears of it, and given back if it refuses."""
        given = lower(arguments)
        space, name, uid, node = (text(given, key) for key in ("podnamespace", "podname", "poduid", "node"))
        key, live = f"{space}/{name}", self.service.live
        if self.client is None:
            return {"Error": "hal has no way to bind here: leave bindVerb out"}
        with PodTrace(uid).step("hal.bind", pod=key, node=node) as trace:
            seen = self._seen.get(uid)
            undo: Delta | None = None
            gpus: tuple[int, ...] | None = None
            with live.lock:
                if seen is not None and not live.cluster.runs(key):
                    at = self._index().get(node)
                    now = hal.survey(live.cluster, seen.job, self.service.policy(None))
                    if at is None or now.reason[at] >= 0:
                        why = _UNKNOWN if at is None else now.reasons[now.reason[at]]
                        return {"Error": f"{node}: {why}"}
                    undo = JobQueued(seen.job) if key in live.waiting else JobGone(key)
                    gpus = self._devices(seen, node)
                    self._follow(JobStarted(Running(seen.job, (node,), (gpus,))))
            error = self._send(space, name, uid, node, gpus or ())
            if error and undo is not None:
                with live.lock:
                    self._follow(undo)
            if not error:
                trace.bound()
            return {"Error": error}

    # ---- inside --------------------------------------------------------------------------------------

    def _look(self, pod: Mapping[str, Any], step: str) -> _Seen | None:
        """What every node is to a pod now; None for a pod that hal leaves alone."""
        uid = str((pod.get("metadata") or {}).get("uid") or "")
        live, policy = self.service.live, self.service.policy(None)
        with PodTrace(uid).step(step), live.lock:
            cluster = live.cluster
            seen = self._seen.get(uid)
            if uid and seen and seen.cluster is cluster and seen.version == cluster.version:
                return seen
            job, dropped = job_of(pod)
            if job is None:
                log.info("left to kube-scheduler", extra={"dropped": "; ".join(map(str, dropped))})
                return None
            survey = hal.survey(cluster, job, policy)
            shares = SHARE in (pod["metadata"].get("annotations") or {})
            seen = _Seen(job, cluster, cluster.version, survey, self._index(), shares)
        PodTrace.submitted(uid, pod)
        self._seen[uid] = seen
        self._seen.move_to_end(uid)
        while len(self._seen) > _PODS:
            self._seen.popitem(last=False)
        return seen

    def _index(self) -> dict[str, int]:
        """Node → its row in a survey."""
        cluster = self.service.cluster
        if self._order[0] is not cluster or self._order[1] != cluster.version:
            names = cluster.node_names()
            old = self._order[2]
            fresh = old if list(old) == names else {name: row for row, name in enumerate(names)}
            self._order = cluster, cluster.version, fresh
        return self._order[2]

    def _victims(self, given: Mapping[str, Any]) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
        """Yield node, names of the pods to be evicted, and the same as kube-scheduler wants it back."""
        meta, whole = given.get("nodenametometavictims"), given.get("nodenametovictims")
        names = self.names() if meta else {}
        for node, victims in fields(meta or whole or {}).items():
            told = lower(victims)
            try:
                pods = list(told.get("pods") or ())
                if meta:
                    uids = [str(lower(pod).get("uid")) for pod in pods]
                    gone = [names[uid] for uid in uids if uid in names]
                else:
                    uids = [str(pod["metadata"].get("uid")) for pod in pods]
                    gone = [key_of(pod) for pod in pods]
                violations = int(told.get("numpdbviolations") or 0)
            except BROKEN:
                raise Refused(f"victims on {node}: make no sense") from None
            yield (
                node,
                gone,
                {"Pods": [{"UID": uid} for uid in uids], "NumPDBViolations": violations},
            )

    def _fits_without(self, job: hal.Job, node: str, gone: Iterable[str]) -> bool:
        with self.service.live.lock:
            cluster = self.service.cluster
            at = self._index().get(node)
            if at is None:
                return False
            with cluster.what_if() as trial:
                trial.release([name for name in gone if trial.runs(name)])
                return bool(hal.survey(trial, job, self.service.policy(None)).reason[at] < 0)

    def _devices(self, seen: _Seen, node: str) -> tuple[int, ...] | None:
        """Return the devices that the policy takes on a node, for a pod that is told; None: any that fit."""
        if not seen.shares or not seen.job.gpus:
            return None
        here = hal.Selector(NAME, "In", [node])
        alone = dataclasses.replace(seen.job, selector=[*seen.job.selector, here])
        placement = hal.place(self.service.cluster, alone, self.service.policy(None))[0]
        return placement.gpus[0] if placement.placed else None

    def _send(self, space: str, name: str, uid: str, node: str, gpus: tuple[int, ...]) -> str:
        """Bind; returns what went wrong, or nothing."""
        assert self.client is not None
        meta: dict[str, Any] = {"name": name, "namespace": space, "uid": uid}
        if gpus:
            meta["annotations"] = {INDEX: "-".join(map(str, gpus))}
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": meta,
            "target": {"kind": "Node", "name": node},
        }
        path = f"/api/v1/namespaces/{space}/pods/{name}"
        try:
            self.client.call("POST", f"{path}/binding", body)
            return ""
        except ApiError as error:
            if error.status != 409:
                return str(error)
            said = str(error)
        except hal.AdapterError as error:
            said = str(error)
        try:  # it may have happened all the same
            pod = self.client.call("GET", path)
        except hal.AdapterError:
            return said
        same = pod["metadata"].get("uid") == uid and pod["spec"].get("nodeName") == node
        return "" if same else said


def router(service: Service, client: Client, names: Callable[[], Mapping[str, str]]) -> APIRouter:
    """Return the routes ``/extender/{filter,prioritize,preempt,bind}`` of a service that follows an adapter."""
    follower = service.live
    assert isinstance(follower, Follower)
    extender = Extender(service, client=client, follow=follower.follow, names=names)
    routes = APIRouter(prefix="/extender", tags=["extender"])

    @routes.post("/filter", openapi_extra=schema(ARGS))
    async def filter(request: Request) -> Response:
        """Which nodes fit (ExtenderArgs → ExtenderFilterResult)."""
        return answer(extender.filter(read(await request.body())))

    @routes.post("/prioritize", openapi_extra=schema(ARGS))
    async def prioritize(request: Request) -> Response:
        """How good they are (ExtenderArgs → HostPriorityList)."""
        # Thousands of small objects: written as text, which takes a third of the time.
        parts = [
            f'{{"Host":{quoted(name)},"Score":{score}}}'
            for name, score in extender.prioritize(read(await request.body()))
        ]
        return Response(f"[{','.join(parts)}]", media_type="application/json")

    @routes.post("/preempt", openapi_extra=schema(PREEMPTION))
    async def preempt(request: Request) -> Response:
        """Whom to evict (ExtenderPreemptionArgs → ExtenderPreemptionResult)."""
        return answer(await run_in_threadpool(extender.preempt, read(await request.body())))

    @routes.post("/bind", openapi_extra=schema(BINDING))
    async def bind(request: Request) -> Response:
        """Bind a pod (ExtenderBindingArgs → ExtenderBindingResult)."""
        return answer(await run_in_threadpool(extender.bind, read(await request.body())))

    return routes
