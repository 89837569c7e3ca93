"""Ray as an adapter: what waits is what was submitted through it, and starting is submitting to Ray with a node."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hal.adapters.contract import (
    CONTRACT,
    Applied,
    Delta,
    JobQueued,
    Outcome,
    Running,
    Snapshot,
    Stale,
)
from hal.adapters.mirror import Look, differences
from hal.adapters.ray.client import Client
from hal.adapters.ray.convert import Nodes, each, held, node_name, nodes, others, used
from hal.adapters.ray.desk import Desk
from hal.adapters.ray.submissions import ActorSubmission, GangSubmission, Submission

import hal

__all__ = ["RayAdapter"]

log = logging.getLogger("hal.ray")

#: Seconds within which Ray's figures of what is free follow what was started or has ended.
_LAG = 2.0
#: Seconds after which a placement group that Ray has not made is taken back.
_PATIENCE = 15.0


class RayAdapter:
    """One Ray cluster.

    Parameters
    ----------
    address : str
        As in ``ray.init``, unless this process is connected to one: by default the one that $RAY_ADDRESS names or that
        runs on this machine; empty: else a new one.
    poll : float
        Seconds between two looks at the nodes.
    pin_gpus : bool
        Set ``CUDA_VISIBLE_DEVICES`` to the devices that hal chose. For clusters all of whose GPU work goes through one
        hal: Ray deals out devices by itself and says to nobody which.
    desk : Desk, optional
        Submissions that several adapters of one process share.

    Notes
    -----
    Ray fixes where something runs when it is submitted. What waits here has not been given to Ray yet; what was is
    bound to its node (hard node affinity; a label selector a bundle). What others take of a node is told from what
    Ray says is free. A few calls to Ray's control store a look, however many things run.
    """

    contract = CONTRACT
    name = "ray"

    def __init__(
        self,
        *,
        address: str = "auto",
        poll: float = 0.5,
        pin_gpus: bool = False,
        desk: Desk | None = None,
        client: Client | None = None,
    ) -> None:
        if not poll >= 0:
            raise hal.AdapterError(f"poll = {poll}: must be 0 s or more")
        self.client = client or Client(address)
        self.desk = desk or Desk()
        self.poll, self.pin_gpus = poll, pin_gpus
        self.version = ""
        self._nodes: Nodes | None = None
        self._used: dict[str, dict[str, int]] = {}  # by others
        self._others: dict[str, Running] = {}
        self._looked = 0.0
        self._said: tuple[list[Any], set[str]] = [], set()

    # ---- reading -------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Read everything."""
        with self.desk.changed:
            self._look()
            assert self._nodes is not None
            open_ = list(self.desk.open.values())
            running = [one.running for one in open_ if one.state == "running"]
            waiting = [one.job for one in open_ if one.state == "waiting"]
            waiting.sort(key=lambda job: -job.priority)
            self.version = str(self.desk.told)
            return Snapshot(
                self._nodes.models,
                (*running, *self._others.values()),
                tuple(waiting),
                self.version,
                dropped=self._nodes.dropped,
            )

    def watch(self, version: str, *, timeout: float) -> Iterator[Delta]:
        """Wait for changes, and tell them as soon as there are any."""
        end = time.monotonic() + timeout
        while True:
            with self.desk.changed:
                log = self.desk.since(int(version)) if version.isdigit() else None
                if log is None or self._nodes is None:
                    raise Stale(f"version {version}: its changes are not kept")
                deltas: list[Delta] = []
                # Many small changes in a row are not worth a look each.
                if (
                    time.monotonic() - self._looked >= min(self.poll, 0.05 if log else self.poll)
                    or timeout <= 0
                ):
                    deltas = self._look()
                    log = self.desk.since(int(version)) or []  # a look may tell of losses
                version = str(self.desk.told)
            yield from deltas
            yield from log
            self.version = version
            left = end - time.monotonic()
            if deltas or log or left <= 0:
                return
            with self.desk.changed:
                told = int(version)
                wait = max(min(left, self._looked + self.poll - time.monotonic()), 0.001)
                self.desk.changed.wait_for(self.desk.beyond(told), wait)

    def _look(self) -> list[Delta]:
        """Read the nodes and what is free; returns what changed of them since the last look."""
        self._looked = time.monotonic()
        # Before the nodes: Ray marks a node before what it takes with it, so that an actor that is seen dead on a node
        # that is then seen alive has died by itself.
        watched = [one for one in self.desk.open.values() if one.state == "running"]
        actors = [one for one in watched if isinstance(one, ActorSubmission)]
        gangs = [one for one in watched if isinstance(one, GangSubmission)]
        dead = self.client.dead_actors() if actors else {}
        states = self.client.groups() if gangs else {}
        rows, free = self.client.nodes(), self.client.free()
        before, now = self._nodes, self._converted(rows, self.desk.cordoned | self.client.draining())
        totals = {str(row.get("NodeID")): row.get("Resources") for row in rows}
        taken = {name: used(totals[node], free[node]) for name, node in now.ids.items() if node in free}
        self._nodes = now
        _ended(actors, dead, set(now.ids))
        _broken(gangs, states, set(now.ids))
        was = Look.of(before.models if before else (), self._others.values())
        self._others = {running.job.name: running for running in self._foreign(now, taken)}
        return list(differences(was, Look.of(now.models, self._others.values())))

    def _converted(self, rows: Any, cordoned: set[str]) -> Nodes:
        """Translate the nodes, unless they are as they were: looks are many, changes few."""
        alive = [row for row in rows if row["Alive"]]
        if self._nodes is None or (alive, cordoned) != self._said:
            self._said = alive, cordoned
            return nodes(alive, cordoned)
        return self._nodes

    def _foreign(self, now: Nodes, taken: Mapping[str, Mapping[str, int]]) -> Iterator[Running]:
        """Yield what others hold.

        Ray's figures follow with a delay, so of ours the oldest are surely in them, and the newest may be. What others
        held before is believed as long as it lies between the two.
        """
        clock = time.monotonic()
        while self.desk.ended and clock - self.desk.ended[0][0] > _LAG:
            self.desk.ended.popleft()
        surely, perhaps, ours = _sums(), _sums(), _sums()
        devices: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for one in self.desk.open.values():
            if one.state == "running":
                _add(perhaps, one.running)
                _add(ours, one.running)
                for where, device, share in _devices(one):
                    devices[where][device] += share
                if clock - one.since > _LAG:
                    _add(surely, one.running)
        for _, running in self.desk.ended:
            _add(perhaps, running)
        for node in now.models:
            name, has = node.name, {key: int(value) for key, value in node.resources.items()}
            has |= {"CPU": node.cpu_milli, "memory": node.memory_mib, "GPU": 1000 * len(node.gpus)}
            said, known = taken.get(name, {}), self._used.get(name, {})
            held_by_others: dict[str, int] = {}
            for key, most in has.items():
                low, high = said.get(key, 0) - perhaps[name][key], said.get(key, 0) - surely[name][key]
                amount = min(max(known.get(key, 0), low, 0), max(high, 0))
                held_by_others[key] = max(min(amount, most - ours[name][key]), 0)
            self._used[name] = held_by_others
            yield from others(node, held_by_others, devices[name])

    # ---- changing ------------------------------------------------------------------------------------

    def apply(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        """Submit to Ray, each to its nodes."""
        if not placements:
            return []
        ids = {node_name(row): str(row["NodeID"]) for row in self.client.nodes() if row["Alive"]}
        return [self._one(placement, ids) for placement in placements]

    def _one(self, placement: hal.Placement, ids: Mapping[str, str]) -> Applied:
        with self.desk.changed:
            one = self.desk.open.get(placement.job)
            if one is None:
                return Applied(placement.job, Outcome.GONE)
            if one.state == "running":
                same = one.nodes == placement.nodes
                return Applied(
                    placement.job, Outcome.ALREADY if same else Outcome.CONFLICT, f"on {', '.join(one.nodes)}"
                )
            gone = [node for node in placement.nodes if node not in ids]
            if gone or not placement.nodes:
                self.desk.tell(JobQueued(one.job))  # it still waits
                return Applied(placement.job, Outcome.GONE, f"no node {', '.join(gone)}")
            try:
                one.start(placement, [ids[node] for node in placement.nodes], devices=self.pin_gpus)
            except Exception as error:  # arguments that cannot be sent, options that Ray refuses
                one.end(error)
                return Applied(placement.job, Outcome.REFUSED, f"{error!r:.200}")
            return Applied(placement.job, Outcome.APPLIED)

    def submitted(self, job: str) -> float | None:
        """When something was given to hal that has not ended."""
        with self.desk.changed:
            one = self.desk.open.get(job)
            return None if one is None else one.made

    def explain(self, reasons: Mapping[str, str]) -> None:
        """Write why it waits into the submission, and into the log."""
        with self.desk.changed:
            for job, text in reasons.items():
                one = self.desk.open.get(job)
                if one is not None and one.state == "waiting":
                    one.why = text
                    log.info("waits", extra={"job": job, "why": text})

    def close(self) -> None:
        """Disconnect, when it was this that connected."""
        self.client.close()


def _sums() -> dict[str, dict[str, int]]:
    return defaultdict(lambda: defaultdict(int))


def _add(sums: dict[str, dict[str, int]], running: Running) -> None:
    for node, asked in zip(running.nodes, each(running), strict=True):
        for key, amount in held(asked).items():
            sums[node][key] += amount


def _devices(one: Submission) -> Iterator[tuple[str, int, int]]:
    for node, devices, asked in zip(one.nodes, one.gpus, each(one.running), strict=True):
        for device in devices:
            yield node, device, asked.gpu_milli


def _ended(actors: Sequence[ActorSubmission], dead: Mapping[str, bool], alive: set[str]) -> None:
    """Take note of actors that ended, lost their node, or were never begun."""
    for actor in actors:
        if not alive.issuperset(actor.nodes):
            actor.lost(hal.AdapterError(f"{actor.job.name}: its node is gone"), actor.placed)
        elif dead.get(actor.actor_id):
            actor.lost(None, actor.placed, began=False)
        elif actor.actor_id in dead:
            actor.end(hal.AdapterError(f"{actor.job.name}: the actor has died"))


def _broken(gangs: Sequence[GangSubmission], states: Mapping[str, str], alive: set[str]) -> None:
    """Take note of placement groups that were removed, lost a node, or never came to be."""
    for gang in gangs:
        state = states.get(gang.group_id, "PENDING")
        if state == "REMOVED":
            gang.end(hal.AdapterError(f"{gang.job.name}: the placement group was removed"))
        elif not alive.issuperset(gang.nodes):
            gang.lost(None, gang.placed)
        elif state != "CREATED" and time.monotonic() - gang.since > _PATIENCE:
            log.warning("a placement group was not made", extra={"job": gang.job.name, "state": state})
            gang.lost(None, gang.placed)
