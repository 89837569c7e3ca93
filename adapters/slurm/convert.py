"""Records of Slurm in hal's model. Pure and total: what the model cannot say is listed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hal.adapters.contract import Dropped, Running
from hal.adapters.mirror import Look
from hal.adapters.slurm.arrays import ARRAY, begun, tasks_of
from hal.adapters.slurm.hetjobs import components, gang
from hal.adapters.slurm.holdings import given, holdings
from hal.adapters.slurm.nodes import node_model
from hal.adapters.slurm.outcomes import limited
from hal.adapters.slurm.records import HOLDS, JobRecord, NodeRecord, Reservation, job_name
from hal.adapters.slurm.requests import component_of, model_of, on_its_way
from hal.adapters.slurm.reserved import held_parts
from hal.adapters.slurm.room import Room
from hal.adapters.slurm.waits import Later, Licences, Others, Unsaid

import hal

__all__ = ["Converted", "convert"]


@dataclass(frozen=True)
class Converted:
    """What `convert` found: as `hal.adapters.Snapshot` has it."""

    nodes: tuple[hal.Node, ...]
    running: tuple[Running, ...]
    jobs: tuple[hal.Job, ...]
    dropped: tuple[Dropped, ...]

    @functools.cached_property
    def look(self) -> Look:
        """The same by name."""
        return Look.of(self.nodes, self.running, self.jobs, self.dropped)


def convert(
    nodes: Sequence[NodeRecord],
    jobs: Sequence[JobRecord],
    *,
    now: int,
    claims: Callable[[JobRecord], bool],
    reservations: Sequence[Reservation] = (),
    refused: Mapping[str, frozenset[str]] | None = None,
    licences: Mapping[str, int] | None = None,
    released: bool = False,
) -> Converted:
    """Translate everything.

    Parameters
    ----------
    nodes, jobs, reservations
        Records of one moment.
    now : int
        That moment, seconds since 1970.
    claims : callable
        Whether a job is hal's to place.
    refused : mapping of str to frozenset of str, optional
        Job → nodes on which Slurm will not have it.
    licences : mapping of str to int, optional
        How many of each are free.
    released : bool
        What waits is what Slurm may start by itself, to be ranked, instead of what is held, to be placed.
    """
    dropped: list[Dropped] = []
    models = _nodes(nodes, dropped)
    parts_held = held_parts(reservations, nodes, jobs, now)
    room = Room(nodes, reservations, now, frozenset(parts_held))
    others, free = Others(jobs), Licences(licences or {})
    tasks_begun = begun(jobs)
    parts = components([job for job in jobs if job.state == "PENDING"])
    running: list[Running] = [held for each in parts_held.values() for held in each]
    waiting: list[hal.Job] = []
    closed: set[str] = set()
    for job in sorted(
        jobs, key=lambda job: job.held
    ):  # what is on its way has its licences before what waits
        if job.state in HOLDS:
            try:
                running += holdings(job, dropped)
            except hal.HalError as error:  # what it holds is not known: its nodes take no more
                dropped.append(Dropped(f"job {job_name(job)}", "job_resources", str(error), "unschedulable"))
                closed |= set(given(job))
        elif job.state == "PENDING" and claims(job):
            try:
                if (
                    not job.held and job.required and not released
                ):  # ours, on its way: its nodes are spoken for
                    if limited(job):
                        continue
                    running.append(on_its_way(job, job_name(job), room))
                    free.take(job.licenses)
                elif job.het and released:
                    raise Unsaid(
                        "het_job_id", f"component {job.het_offset} of {job.het}: is placed, not ordered"
                    )
                elif job.held != released:
                    together = parts.get(job.het, [])
                    if together and job is together[0]:
                        _may_start(together, now, others)
                        waiting += _together(together, claims, room, free, refused or {})
                        dropped += _ignored(together)
                    elif not together:
                        _may_start([job], now, others)
                        waiting += _pending(
                            job, room, free, refused or {}, dropped, tasks_begun[job.array_job]
                        )
                        dropped += _ignored([job])
                    elif not claims(together[0]):
                        raise Unsaid("het_job_id", f"not all components of {job.het} are for hal")
            except Later as wait:
                if not released:  # else Slurm says so itself
                    dropped.append(Dropped(f"job {job_name(job)}", wait.field, wait.value, "waits"))
            except (Unsaid, hal.HalError) as error:
                field, value = (
                    (error.field, error.value) if isinstance(error, Unsaid) else ("request", str(error))
                )
                dropped.append(Dropped(f"job {job_name(job)}", field, value, "held"))
    models = tuple(dataclasses.replace(m, schedulable=False) if m.name in closed else m for m in models)
    return Converted(models, tuple(running), tuple(waiting), tuple(dropped))


def _nodes(nodes: Sequence[NodeRecord], dropped: list[Dropped]) -> tuple[hal.Node, ...]:
    models: dict[str, hal.Node] = {}
    for node in nodes:
        try:
            models.setdefault(node.name, node_model(node, dropped))
        except hal.HalError as error:
            dropped.append(Dropped(f"node {node.name}", "node", str(error), "unschedulable"))
    return tuple(models.values())


# ---- jobs --------------------------------------------------------------------------------------------------


def _ignored(parts: Sequence[JobRecord]) -> list[Dropped]:
    return [Dropped(f"job {job_name(part)}", "request", part.ignored) for part in parts if part.ignored]


def _may_start(parts: Sequence[JobRecord], now: int, others: Others) -> None:
    """Raise `Later` while a job waits for a time or for other jobs."""
    for part in parts:
        if part.eligible > now:
            raise Later("begin", datetime.fromtimestamp(min(part.eligible, 2**32)).isoformat())
        if not others.let(part.dependency):
            raise Later("dependency", part.dependency)


def _pending(
    job: JobRecord,
    room: Room,
    free: Licences,
    refused: Mapping[str, frozenset[str]],
    dropped: list[Dropped],
    begun: int,
) -> list[hal.Job]:
    """Return the jobs that a held one makes: of an array as many tasks as may run beside those that have begun."""
    if job.beyond:
        raise Unsaid("request", job.beyond)
    names = [job_name(job)]
    if job.array_job and not job.array.isdigit():
        tasks, count = tasks_of(job.array, begun)
        if count > ARRAY:
            dropped.append(Dropped(f"job {job.id}", "array", f"{count} tasks, the first {ARRAY} looked at"))
        names = [f"{job.array_job}_{task}" for task in tasks]
    models = [model_of(job, name, room, refused.get(name, frozenset())) for name in names]
    found = [model for model in models if free.take(job.licenses)]
    if models and not found:
        raise Later("licenses", job.licenses)
    return found


def _together(
    parts: Sequence[JobRecord],
    claims: Callable[[JobRecord], bool],
    room: Room,
    free: Licences,
    refused: Mapping[str, frozenset[str]],
) -> list[hal.Job]:
    """Return the job that the components of a heterogeneous one make."""
    name = job_name(parts[0])
    if parts[0].het_offset or not all(claims(part) for part in parts):
        raise Unsaid("het_job_id", f"not all components of {parts[0].het} are for hal")
    for part in parts:
        if part.required or part.beyond:
            raise Unsaid("required_nodes" if part.required else "request", part.required or part.beyond)
    models = [
        component_of(part, job_name(part), room, refused.get(job_name(part), frozenset())) for part in parts
    ]
    whole = gang(models, name)
    licences = ",".join(part.licenses for part in parts if part.licenses)
    if not free.take(licences):
        raise Later("licenses", licences)
    return [whole]
