"""A scheduler extender: kube-scheduler asks which nodes fit a pod, which are best, whom to evict, and binds by it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import compress
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from hal.adapters.contract import Delta, JobGone, JobQueued, JobStarted, Running
from hal.adapters.kubernetes.client import ApiError
from hal.adapters.kubernetes.convert import job_of, key_of
from hal.adapters.kubernetes.looking import Look, Looks
from hal.adapters.kubernetes.places import NAME
from hal.adapters.kubernetes.requests import INDEX
from hal.adapters.kubernetes.wire import (
    BROKEN,
    Refused,
    asked,
    fields,
    filtered,
    lower,
    pod_of,
    text,
)

import hal
from hal.server.tracing import PodTrace

if TYPE_CHECKING:
    from hal.adapters.kubernetes.client import Client

    from hal.server import Service

__all__ = ["Extender"]

#: What kube-scheduler takes as the best score of an extender.
_BEST: Final = 10
_UNKNOWN: Final = "hal does not know this node yet"


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
        self._looks = Looks(service)

    # ---- verbs ---------------------------------------------------------------------------------------

    def filter(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the nodes on which a pod fits, and why not of the others; apart those that eviction cannot mend."""
        pod, names, nodes = asked(arguments)
        look = self._looks.at(pod, "hal.filter")
        if look is None:
            return filtered(names, nodes, {}, {})
        told, row = look.survey, look.rows.__getitem__
        fit = [*(told.reason < 0).tolist(), False]
        # Thousands of names: what is done for each of them is done without a line of Python for each.
        fits = list(compress(names, map(fit.__getitem__, map(row, names))))
        failed: dict[str, str] = {}
        never: dict[str, str] = {}
        if len(fits) < len(names):
            why, lasts = told.reason.tolist(), told.lasts.tolist()
            for name in names:
                at = row(name)
                if at < 0:
                    failed[name] = _UNKNOWN
                elif not fit[at]:
                    (never if lasts[at] else failed)[name] = told.reasons[why[at]]
        return filtered(fits, nodes, failed, never)

    def prioritize(self, arguments: Mapping[str, Any]) -> tuple[list[str], list[int]]:
        """Return the nodes asked about, and a score for each: the best alone has 10, the worst 0."""
        pod, names, _ = asked(arguments)
        look = self._looks.at(pod, "hal.prioritize")
        if look is None:
            return names, [0] * len(names)
        at = np.fromiter(map(look.rows.__getitem__, names), np.int64, len(names))
        found = np.append(look.survey.score, np.nan)[at]  # -1: the NaN at the end
        known = ~np.isnan(found)
        if not known.any():
            return names, [0] * len(names)
        low, high = found[known].min(), found[known].max()
        scaled = _BEST * (found - low) / (high - low) if high > low else np.full(len(at), float(_BEST))
        return names, np.where(known, scaled, 0).astype(np.int64).tolist()

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
            look = self._looks.of(uid)
            undo: Delta | None = None
            gpus: tuple[int, ...] | None = None
            with live.lock:
                if look is not None and not live.cluster.runs(key):
                    at = self._looks.rows().get(node)
                    now = hal.survey(live.cluster, look.job, self.service.policy(None))
                    if at is None or now.reason[at] >= 0:
                        why = _UNKNOWN if at is None else now.reasons[now.reason[at]]
                        return {"Error": f"{node}: {why}"}
                    undo = JobQueued(look.job) if key in live.waiting else JobGone(key)
                    gpus = self._devices(look, node)
                    self._follow(JobStarted(Running(look.job, (node,), (gpus,))))
            error = self._send(space, name, uid, node, gpus or ())
            if error and undo is not None:
                with live.lock:
                    self._follow(undo)
            if not error:
                trace.bound()
            return {"Error": error}

    # ---- inside --------------------------------------------------------------------------------------

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
            at = self._looks.rows().get(node)
            if at is None:
                return False
            with cluster.what_if() as trial:
                trial.release([name for name in gone if trial.runs(name)])
                return bool(hal.survey(trial, job, self.service.policy(None)).reason[at] < 0)

    def _devices(self, look: Look, node: str) -> tuple[int, ...] | None:
        """Return the devices that the policy takes on a node, for a pod that is told; None: any that fit."""
        if not look.shares or not look.job.gpus:
            return None
        here = hal.Selector(NAME, "In", [node])
        alone = dataclasses.replace(look.job, selector=[*look.job.selector, here])
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
