"""What a scheduler extender found for the pods that it was asked about: its calls for one pod come after each other."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hal.adapters.kubernetes.convert import job_of
from hal.adapters.kubernetes.requests import SHARE

import hal
from hal.server.tracing import PodTrace

if TYPE_CHECKING:
    from hal.server import Service

__all__ = ["Look", "Looks", "Rows"]

log = logging.getLogger("hal.kubernetes")

#: Pods that are remembered.
_PODS: Final = 10_000


class Rows(dict[str, int]):
    """Node → its row in a survey; -1, which is one past the end, for what is no node."""

    def __missing__(self, name: str) -> int:
        return -1


@dataclass(frozen=True)
class Look:
    """What every node is to a pod.

    Attributes
    ----------
    job : Job
    edition : str
        Version of the pod that was converted into it.
    shares : bool
        Whether the pod wants to know which devices it has.
    cluster, version : Cluster, int
        What was looked at, and as of when.
    survey : Survey
    rows : Rows
    """

    job: hal.Job
    edition: str
    shares: bool
    cluster: hal.Cluster
    version: int
    survey: hal.Survey
    rows: Rows


class Looks:
    """Looks at a live cluster for pods, once for each pod and version of the cluster.

    Parameters
    ----------
    service : Service
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._found: OrderedDict[str, Look] = OrderedDict()
        self._rows: tuple[hal.Cluster | None, int, list[str], Rows] = (None, -1, [], Rows())

    def of(self, uid: str) -> Look | None:
        """Return the last look for a pod."""
        return self._found.get(uid)

    def at(self, pod: Mapping[str, Any], step: str) -> Look | None:
        """Return what every node is to a pod now; None for a pod that hal leaves alone."""
        meta = pod.get("metadata") or {}
        uid, edition = str(meta.get("uid") or ""), str(meta.get("resourceVersion") or "")
        live, policy = self.service.live, self.service.policy(None)
        before = self._found.get(uid) if uid else None
        if before is not None and before.edition == edition:
            job, shares = before.job, before.shares
        else:
            before = None
            told, dropped = job_of(pod)
            if told is None:
                log.info("left to kube-scheduler", extra={"dropped": "; ".join(map(str, dropped))})
                return None
            job, shares = told, SHARE in (meta.get("annotations") or {})
        with PodTrace(uid).step(step), live.lock:
            cluster = live.cluster
            if before is not None and before.cluster is cluster and before.version == cluster.version:
                return before
            look = Look(
                job, edition, shares, cluster, cluster.version, hal.survey(cluster, job, policy), self.rows()
            )
        PodTrace.submitted(uid, pod)
        self._found[uid] = look
        self._found.move_to_end(uid)
        while len(self._found) > _PODS:
            self._found.popitem(last=False)
        return look

    def rows(self) -> Rows:
        """Return where each node is in a survey of the cluster as it is. Hold the lock."""
        cluster = self.service.cluster
        known, version, names, rows = self._rows
        if known is not cluster or version != cluster.version:
            now = cluster.node_names()
            if now != names:
                rows = Rows(zip(now, range(len(now)), strict=True))
            self._rows = cluster, cluster.version, now, rows
        return self._rows[3]
