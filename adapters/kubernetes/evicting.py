"""Stopping pods for more important ones: within which limits, and by the eviction API."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hal.adapters.contract import Applied, Outcome
from hal.adapters.kubernetes.client import MERGE, ApiError, Client
from hal.adapters.kubernetes.convert import bound, ended
from hal.adapters.kubernetes.kinds import BUDGETS
from hal.adapters.kubernetes.places import expression, matches
from hal.adapters.kubernetes.promises import Promises, Work, path_of
from hal.adapters.kubernetes.state import State
from hal.adapters.kubernetes.telling import Teller

import hal

__all__ = ["Evictor"]

log = logging.getLogger("hal.kubernetes")


class Evictor:
    """Carries out plans that stop pods.

    Parameters
    ----------
    client : Client
    teller : Teller
    promises : Promises
        What is freed is promised to the pods of the plan.
    """

    def __init__(self, client: Client, teller: Teller, promises: Promises) -> None:
        self.client, self.teller, self.promises = client, teller, promises
        self._version = "policy/v1"

    def bounds(self, state: State, pods: Sequence[str]) -> list[list[hal.Budget]]:
        """Return the budgets for victims of these pods: first those that leave every gang its least number.

        Where that does not do, a gang may be stopped whole.
        """
        if any(state.pods[key]["spec"].get("preemptionPolicy") == "Never" for key in pods):
            return []
        promised = [hal.Budget("promised", [key for key in state.assumed if not bound(state.pods[key])])]
        kept = [hal.Budget(*budget) for budget in self._budgets(state)] + promised
        gangs = [
            hal.Budget(name, started, max(0, len(started) - least))
            for name, started, least in state.gangs()
            if started
        ]
        return [[*kept, *gangs], kept] if gangs else [kept]

    def evict(self, state: State, work: Work, plan: hal.Preemption) -> Applied:
        """Nominate the nodes, and evict the victims; when one may not be evicted, the rest stays."""
        victims = {victim.job for victim in plan.victims}
        for _, started, least in state.gangs():
            if victims & set(started) and len(set(started) - victims) < least:
                victims |= set(started)  # what is left could not go on
        if unknown := [key for key in victims if key not in state.pods]:
            return Applied(work.job, Outcome.CONFLICT, f"{unknown[0]} is gone already")
        if why := self._forbidden(state, victims, plan.job.priority):
            return Applied(work.job, Outcome.REFUSED, why)
        uids = {key: str(state.pods[key]["metadata"].get("uid")) for key in sorted(victims)}
        # Those that may be refused come first, so that nobody is stopped for nothing.
        guarded = {key for _, pods, _ in self._budgets(state) for key in pods}
        self._nominate(work)
        for key in sorted(uids, key=lambda key: key not in guarded):
            if state.pods[key]["metadata"].get("deletionTimestamp"):
                continue  # leaves anyway
            try:
                self._evict(key, uids[key])
            except hal.AdapterError as error:
                refused = isinstance(error, ApiError)
                self._nominate(work, withdrawn=True)
                return Applied(work.job, Outcome.REFUSED if refused else Outcome.UNKNOWN, f"{key}: {error}")
        for key in uids:
            self.teller.preempted(state.pods[key], work.job)
        log.warning("evicted", extra={"job": work.job, "pods": ", ".join(uids)})
        self.promises.nominate(work, uids)
        return Applied(work.job, Outcome.APPLIED, f"after {len(uids)} others have left")

    def _nominate(self, work: Work, *, withdrawn: bool = False) -> None:
        """Say on which node a pod will be, so that its room is nobody else's; not saying so does no harm."""
        for key, node, _ in work.tasks:
            body = {"status": {"nominatedNodeName": None if withdrawn else node}}
            try:
                self.client.call("PATCH", f"{path_of(key)}/status", body, kind=MERGE)
            except hal.AdapterError as error:
                log.warning("not nominated", extra={"pod": key, "error": str(error)})

    def _evict(self, key: str, uid: str) -> None:
        """Have a pod end, in the time that it was given to; of nobody else who has its name by now."""
        space, _, name = key.partition("/")
        meta = {"name": name, "namespace": space}
        options = {"preconditions": {"uid": uid}}
        while True:
            body = {
                "apiVersion": self._version,
                "kind": "Eviction",
                "metadata": meta,
                "deleteOptions": options,
            }
            try:
                self.client.call("POST", f"{path_of(key)}/eviction", body)
                return
            except ApiError as error:
                if error.status == 404 or (error.status == 409 and "UID" in str(error)):
                    return  # gone
                if error.status != 400:
                    raise
                if self._version == "policy/v1beta1":
                    self._version = "policy/v1"  # it was something else that the server did not like
                    raise
                self._version = "policy/v1beta1"  # before 1.22

    def _budgets(self, state: State) -> Iterator[tuple[str, list[str], int]]:
        """Yield name, pods and how many of them may be stopped, of each PodDisruptionBudget.

        Whom we told to leave counts until it has: the server may not have counted it yet.
        """
        leaving = self.promises.leaving
        for name, budget in state.others[BUDGETS].items():
            selector = budget["spec"].get("selector")
            if selector is None:
                continue
            chosen = [
                hal.Selector(key, "In", [value]) for key, value in (selector.get("matchLabels") or {}).items()
            ]
            chosen += [expression(item) for item in selector.get("matchExpressions") or ()]
            pods = [
                key
                for key, pod in state.pods.items()
                if key.partition("/")[0] == name.partition("/")[0]
                and bound(pod)
                and not ended(pod)
                and all(matches(one, pod["metadata"].get("labels") or {}) for one in chosen)
            ]
            status = budget.get("status") or {}
            counted = {f"{name.partition('/')[0]}/{pod}" for pod in status.get("disruptedPods") or ()}
            ours = len(leaving.intersection(pods) - counted)
            yield f"budget {name}", pods, max(0, (status.get("disruptionsAllowed") or 0) - ours)

    def _forbidden(self, state: State, victims: Collection[str], priority: int) -> str:
        """Why these may not be stopped together for a pod of that priority; empty: they may."""
        for key in victims:
            rank = _priority(state.pods[key])
            if rank >= priority:
                return f"{key}, of a gang that would break, has priority {rank}"
        for name, pods, allowed in self._budgets(state):
            if len(set(pods) & set(victims)) > allowed:
                return f"{name} allows {allowed}"
        return ""


def _priority(pod: Mapping[str, Any]) -> int:
    return int(pod["spec"].get("priority") or 0)
