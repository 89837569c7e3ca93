"""What is given to hal to place on Ray: tasks, actors, gangs; each knows how to start on its nodes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from hal.adapters.contract import JobGone, JobQueued, JobStarted, Running
from hal.adapters.ray.bundles import in_rank_order
from hal.adapters.ray.client import ray_module
from hal.adapters.ray.desk import Desk

import hal

__all__ = ["ActorSubmission", "GangSubmission", "Submission", "TaskSubmission"]


class Submission:
    """Something that hal places.

    Attributes
    ----------
    job : Job
        As hal sees it; its name is unique.
    state : {"waiting", "running", "ended"}
    nodes : tuple of str
        Where it was put, a name for each task; empty while it waits.
    gpus : tuple of tuple of int
        Devices that hal chose for each task.
    roles : tuple of str
        Of a gang of unequal tasks, the name of each task's role.
    why : str
        Why it waits, where it has been looked at.
    placed : int
        How often it was put somewhere.
    made : float
        When it was submitted, seconds since 1970.
    """

    def __init__(self, desk: Desk, job: hal.Job, retries: int) -> None:
        self.job, self.state, self.why, self.placed = job, "waiting", "", 0
        self.nodes: tuple[str, ...] = ()
        self.gpus: tuple[tuple[int, ...], ...] = ()
        self.roles: tuple[str, ...] = ()
        self.since, self.made = 0.0, time.time()
        self.fault: BaseException | None = None
        self._desk, self._retries = desk, retries
        with desk.changed:
            desk.open[job.name] = self
            desk.tell(JobQueued(job))

    @property
    def running(self) -> Running:
        """What it holds."""
        return Running(self.job, self.nodes, self.gpus, self.roles)

    def start(self, placement: hal.Placement, ids: Sequence[str], *, devices: bool) -> None:
        """Start where hal put it; ``devices``: on the devices that hal chose, too."""
        with self._desk.changed:
            self._start(ids, placement.gpus if devices else ((),) * len(ids))
            self.nodes, self.gpus, self.state = placement.nodes, placement.gpus, "running"
            self.roles = placement.roles
            self.since, self.why, self.placed = time.monotonic(), "", self.placed + 1
            self._desk.tell(JobStarted(self.running))

    def lost(self, error: BaseException | None, attempt: int, *, began: bool = True) -> None:
        """Its node is gone: it waits again, or ends where it has begun and may not be started again."""
        with self._desk.changed:
            if self.state != "running" or self.placed != attempt:
                return
            if began and 0 <= self._retries < self.placed:
                self.end(error)
                return
            self._stop()
            self._leave("waiting")
            self._desk.tell(JobGone(self.job.name), JobQueued(self.job))

    def end(self, fault: BaseException | None = None) -> None:
        """Take it off the desk."""
        with self._desk.changed:
            if self.state != "ended":
                self._leave("ended")
                self.fault = fault
                self._desk.open.pop(self.job.name, None)
                self._desk.tell(JobGone(self.job.name))

    def cancel(self) -> None:
        """Withdraw it, or end what runs."""
        with self._desk.changed:
            if self.state == "running":
                self._stop()
            if self.state != "ended":
                self.end(hal.AdapterError(f"{self.job.name}: was cancelled"))

    def until(self, state: str, timeout: float | None) -> None:
        """Wait until it is in that state.

        Raises
        ------
        TimeoutError
            With the reason why it waits.
        AdapterError
            It ended without ever being there.
        """
        with self._desk.changed:
            if not self._desk.changed.wait_for(lambda: self.state in (state, "ended"), timeout):
                raise TimeoutError(
                    f"{self.job.name}: {self.state} after {timeout:g} s; {self.why or 'not looked at'}"
                )
            if self.state != state and (self.placed == 0 or self.fault is not None):
                raise self.fault or hal.AdapterError(f"{self.job.name}: has ended")

    def _leave(self, state: str) -> None:
        if self.state == "running":
            self._desk.ended.append((time.monotonic(), self.running))
        self.state = state
        self.nodes, self.gpus, self.roles = (), (), ()

    def _start(self, ids: Sequence[str], devices: Sequence[Sequence[int]]) -> None:
        raise NotImplementedError

    def _stop(self) -> None:
        raise NotImplementedError


class TaskSubmission(Submission):
    """A call of a remote function.

    Attributes
    ----------
    ran_on : (str, list of int) or None
        Node id and GPU ids that the task itself saw, once it has ended.
    """

    def __init__(
        self, desk: Desk, job: hal.Job, remote: Any, call: tuple[Any, Any], options: Mapping[str, Any]
    ) -> None:
        self.remote, self.call, self.options = remote, call, dict(options)
        self.ran_on: tuple[str, list[int]] | None = None
        self._refs: list[Any] = []
        retries = self.options.get("max_retries")
        super().__init__(desk, job, 3 if retries is None else int(retries))

    def ref(self, timeout: float | None = None) -> Any:
        """Return the `ObjectRef` of its result, a list where it has several, once it has a place."""
        self.until("running", timeout)
        return self._refs[0] if len(self._refs) == 1 else self._refs

    def result(self, timeout: float | None = None) -> Any:
        """Wait for its end, and return what it returned or raise what it raised."""
        self.until("ended", timeout)
        if not self._refs:
            raise self.fault or hal.AdapterError(f"{self.job.name}: never had a place")
        return ray_module().get(self._refs[0] if len(self._refs) == 1 else self._refs, timeout=timeout)

    def _start(self, ids: Sequence[str], devices: Sequence[Sequence[int]]) -> None:
        args, named = self.call
        count = int(self.options.get("num_returns") or 1)
        remote = self.remote.options(num_returns=count + 1, **_on(ids[0]))
        *self._refs, receipt = remote.remote(tuple(devices[0]), count, *args, **named)
        attempt = self.placed + 1
        later = self._desk.later
        receipt.future().add_done_callback(lambda future: later(lambda: self._receipt(future, attempt)))

    def _receipt(self, future: Any, attempt: int) -> None:
        """Take note of its end."""
        errors = ray_module("ray.exceptions")
        fault = future.exception()
        away = (errors.TaskUnschedulableError, errors.NodeDiedError, errors.LocalRayletDiedError)
        with self._desk.changed:
            if isinstance(fault, away):
                self.lost(fault, attempt)
            elif self.state == "running" and self.placed == attempt:
                self.ran_on = None if fault is not None else future.result()
                self.call = (), {}  # what it was given may be large
                self.end()

    def _stop(self) -> None:
        with contextlib.suppress(Exception):  # it may be gone already, and its node with it
            ray_module().cancel(self._refs[0], force=True)


class ActorSubmission(Submission):
    """An actor; it ends by `cancel`, by itself, or with its node unless its ``max_restarts`` allow another place."""

    def __init__(
        self, desk: Desk, job: hal.Job, remote: Any, call: tuple[Any, Any], options: Mapping[str, Any]
    ) -> None:
        self.remote, self.call, self.options = remote, call, dict(options)
        self._handle: Any = None
        super().__init__(desk, job, int(self.options.get("max_restarts") or 0))

    def handle(self, timeout: float | None = None) -> Any:
        """Return the actor's present handle, once it has a place."""
        self.until("running", timeout)
        return self._handle

    @property
    def actor_id(self) -> str:
        """Ray's id of it."""
        return "" if self._handle is None else str(self._handle._actor_id.hex())

    def _start(self, ids: Sequence[str], devices: Sequence[Sequence[int]]) -> None:
        args, named = self.call
        remote = self.remote.options(**_on(ids[0]))
        self._handle = remote.remote(tuple(devices[0]), *args, **named)

    def _stop(self) -> None:
        with contextlib.suppress(Exception):
            ray_module().kill(self._handle)


class GangSubmission(Submission):
    """A placement group; it holds its bundles until `cancel`, and is made anew as a whole when it loses a node."""

    def __init__(self, desk: Desk, job: hal.Job, bundles: Sequence[Mapping[str, float]]) -> None:
        self.bundles = [dict(bundle) for bundle in bundles]
        self._group: Any = None
        super().__init__(desk, job, -1)

    def placement_group(self, timeout: float | None = None) -> Any:
        """Return the present placement group, once it has a place."""
        self.until("running", timeout)
        return self._group

    def options(self, rank: int, timeout: float | None = None) -> dict[str, Any]:
        """Return what puts a task or an actor into a bundle: ``fn.options(**gang.options(0)).remote()``."""
        strategies = ray_module("ray.util.scheduling_strategies")
        group = self.placement_group(timeout)
        return {
            "scheduling_strategy": strategies.PlacementGroupSchedulingStrategy(
                placement_group=group, placement_group_bundle_index=rank
            )
        }

    @property
    def bundle_nodes(self) -> tuple[str, ...]:
        """Node of each bundle, in the order in which they were given; empty while it waits."""
        return tuple(self._by_bundle(self.nodes)) if self.nodes else ()

    def _by_bundle(self, tasks: Sequence[str]) -> list[str]:
        if len(tasks) == 1:  # all bundles are one task with STRICT_PACK
            return [tasks[0]] * len(self.bundles)
        nodes = dict(zip(in_rank_order(self.bundles), tasks, strict=True))
        return [nodes[bundle] for bundle in range(len(self.bundles))]

    @property
    def group_id(self) -> str:
        """Ray's id of it."""
        return "" if self._group is None else str(self._group.id.hex())

    def _start(self, ids: Sequence[str], devices: Sequence[Sequence[int]]) -> None:
        where = [{"ray.io/node-id": node} for node in self._by_bundle(ids)]
        make = ray_module("ray.util").placement_group
        self._group = make(self.bundles, name=self.job.name, bundle_label_selector=where)

    def _stop(self) -> None:
        with contextlib.suppress(Exception):
            ray_module("ray.util").remove_placement_group(self._group)


def _on(node: str) -> dict[str, Any]:
    strategies = ray_module("ray.util.scheduling_strategies")
    return {"scheduling_strategy": strategies.NodeAffinitySchedulingStrategy(node, soft=False)}
