"""Places that pods have, but may not take yet: others must leave them first, or volumes must be made there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hal.adapters.contract import Applied, Outcome, Running
from hal.adapters.kubernetes.client import MERGE, ApiError, Client
from hal.adapters.kubernetes.convert import bound, ended
from hal.adapters.kubernetes.kinds import CLAIMS
from hal.adapters.kubernetes.state import State
from hal.adapters.kubernetes.volumes import SELECTED, unmade

import hal

__all__ = ["Promise", "Promises", "Task", "Work", "path_of"]

log = logging.getLogger("hal.kubernetes")

#: Pod, node and devices.
Task = tuple[str, str, tuple[int, ...]]


@dataclass(frozen=True)
class Work:
    """Pods that are bound together or not at all.

    Attributes
    ----------
    job : str
    tasks : sequence of (str, str, tuple of int)
    jobs : mapping of str to Job
        What each pod will hold.
    """

    job: str
    tasks: Sequence[Task]
    jobs: Mapping[str, hal.Job]

    @property
    def keys(self) -> list[str]:
        """Names of the pods."""
        return [key for key, _, _ in self.tasks]

    @property
    def nodes(self) -> list[str]:
        """Where to, in the same order."""
        return [node for _, node, _ in self.tasks]


@dataclass
class Promise:
    """Work that waits, with the uids of its pods and of those that are to leave first.

    While these are there, their nodes are kept; from then on the pods count as bound. One that another instance gave
    (``known`` is false) keeps the nodes only, and is decided anew: that instance may have died in the middle of it.
    """

    work: Work
    uids: Mapping[str, str]
    victims: dict[str, str] = field(default_factory=dict)
    known: bool = True


class Promises:
    """Keeps promises of one state.

    Parameters
    ----------
    client : Client
    bind : callable
        Binds work for which nothing is missing any more.
    """

    def __init__(self, client: Client, bind: Callable[[Sequence[Work]], list[Applied]]) -> None:
        self.client, self.bind = client, bind
        self._state: State
        self._promises: list[Promise] = []

    def __len__(self) -> int:
        return len(self._promises)

    @property
    def leaving(self) -> set[str]:
        """Pods that were told to leave, as far as they are known to be there."""
        return {key for promise in self._promises for key in promise.victims}

    def adopt(self, state: State, *, forget: bool) -> None:
        """Go on with another state: one that was read anew.

        Parameters
        ----------
        forget : bool
            Another instance decides, or did: what it promised is in the state.
        """
        before, self._state, self._promises = self._promises, state, []
        for promise in [] if forget else before:
            if not self._lost(promise):
                self._begin(promise)
        for key, pod in state.pods.items():
            node = (pod.get("status") or {}).get("nominatedNodeName")
            leaving = _leaving(state, node, pod) if node and state.waits(key) else {}
            if node and leaving:
                work = Work(key, [(key, node, ())], {})
                self._begin(Promise(work, _uids(state, [key]), leaving, known=False))

    def nominate(self, work: Work, victims: Mapping[str, str]) -> None:
        """Promise places that others, given with their uids, were told to leave."""
        self._begin(Promise(work, _uids(self._state, work.keys), dict(victims)))

    def select(self, work: Work) -> Applied:
        """Have the volumes of pods made for the nodes that were chosen; the pods are bound when they are there."""
        promise = Promise(work, _uids(self._state, work.keys))
        answer = self._select(work)
        if answer.outcome.holds:
            self._begin(promise)
        return answer

    def settle(self) -> None:
        """Bind the pods for which nothing is missing any more, and take back promises that cannot be kept.

        Raises
        ------
        AdapterError
            A binding was not answered.
        """
        ready = [promise for promise in list(self._promises) if self._ready(promise)]
        if not ready:
            return
        for promise in ready:
            self._promises.remove(promise)
            for key in promise.work.keys:
                self._state.assumed.pop(key, None)
        answers = self.bind([promise.work for promise in ready])
        for promise, answer in zip(ready, answers, strict=True):
            log.info("a promised place is taken", extra={"job": answer.job, "outcome": answer.outcome.value})
            if not answer.outcome.holds:
                for key in promise.work.keys:
                    self._state.part(key)
        if any(answer.outcome is Outcome.UNKNOWN for answer in answers):
            raise hal.AdapterError("bindings of promised places were not answered")

    # ---- inside --------------------------------------------------------------------------------------

    def _begin(self, promise: Promise) -> None:
        self._promises.append(promise)
        if promise.victims:
            self._state.promise(promise.work.keys, promise.work.nodes)
        else:
            self._assume(promise)

    def _assume(self, promise: Promise) -> None:
        for key, node, gpus in promise.work.tasks:
            self._state.assume(key, Running(promise.work.jobs[key], (node,), (gpus,)))

    def _drop(self, promise: Promise, why: str) -> None:
        log.info("a promise is taken back", extra={"job": promise.work.job, "why": why})
        self._promises.remove(promise)
        if promise.victims:
            self._state.release(promise.work.keys, promise.work.nodes)
        for key in promise.work.keys:
            self._state.part(key)

    def _ready(self, promise: Promise) -> bool:
        state, work = self._state, promise.work
        if why := self._lost(promise):
            self._drop(promise, why)
            return False
        if promise.victims:
            if any(_there(state, key, uid) for key, uid in promise.victims.items()):
                return False
            if not promise.known:
                self._drop(promise, "it was another instance's: decided anew")
                return False
            state.release(work.keys, work.nodes)
            promise.victims = {}
            self._assume(promise)
            waits = self._missing(work)
            if waits and not self._select(work).outcome.holds:
                self._drop(promise, "its volumes are to be made for another node")
                return False
        missing = self._missing(work)
        if missing and "" in missing:
            self._drop(promise, "its volumes could not be made there")
        return not missing

    def _missing(self, work: Work) -> set[str]:
        """Return the nodes selected for volumes that are not made yet; an empty name where none is selected."""
        state = self._state
        return {node for key in work.keys for node in unmade(state.pods[key], state.world).values()}

    def _lost(self, promise: Promise) -> str:
        """Why a promise cannot be kept any more; empty: it can."""
        state = self._state
        for key, node, _ in promise.work.tasks:
            pod = state.pods.get(key)
            if pod is None or not _there(state, key, promise.uids[key]):
                return f"{key} is gone"
            if bound(pod) or pod["metadata"].get("deletionTimestamp"):
                return f"{key} is bound or being deleted"
            if node not in state.nodes:
                return f"{node} is gone"
        return ""

    def _select(self, work: Work) -> Applied:
        state = self._state
        for key, node, _ in work.tasks:
            for claim, selected in unmade(state.pods[key], state.world).items():
                if selected == node:
                    continue
                if selected:
                    return Applied(
                        work.job, Outcome.CONFLICT, f"the volume of {claim} is made for {selected}"
                    )
                space, _, name = claim.partition("/")
                version = state.others[CLAIMS][claim]["metadata"].get("resourceVersion")
                body = {"metadata": {"annotations": {SELECTED: node}, "resourceVersion": version}}
                path = f"/api/v1/namespaces/{space}/persistentvolumeclaims/{name}"
                try:
                    told = self.client.call("PATCH", path, body, kind=MERGE)
                except ApiError as error:
                    gone = error.status == 404
                    outcome = Outcome.CONFLICT if error.status == 409 else Outcome.REFUSED
                    return Applied(work.job, Outcome.GONE if gone else outcome, f"{claim}: {error}")
                except hal.AdapterError as error:
                    return Applied(work.job, Outcome.UNKNOWN, str(error))
                state.take(CLAIMS, "MODIFIED", told)
        return Applied(work.job, Outcome.APPLIED, "volumes are made")


def path_of(key: str) -> str:
    """Return the path of a pod."""
    space, _, name = key.partition("/")
    return f"/api/v1/namespaces/{space}/pods/{name}"


def _uids(state: State, keys: Sequence[str]) -> dict[str, str]:
    return {key: str(state.pods[key]["metadata"].get("uid")) for key in keys}


def _there(state: State, key: str, uid: str) -> bool:
    pod = state.pods.get(key)
    return pod is not None and str(pod["metadata"].get("uid")) == uid and not ended(pod)


def _leaving(state: State, node: str, pod: Mapping[str, Any]) -> dict[str, str]:
    """Return the pods of lower priority that are leaving a node, with their uids."""
    rank = pod["spec"].get("priority") or 0
    return {
        key: str(other["metadata"].get("uid"))
        for key, other in state.pods.items()
        if other["spec"].get("nodeName") == node
        and other["metadata"].get("deletionTimestamp")
        and not ended(other)
        and (other["spec"].get("priority") or 0) < rank
    }
