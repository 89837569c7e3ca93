"""Pods that start together or not at all: which group a pod says that it is of, and the job that a group makes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hal.adapters.contract import Dropped
from hal.adapters.kubernetes.places import NAME

import hal

__all__ = ["Group", "gang_of", "group_of", "least_of", "natural"]

#: Marks that name a group, by who defined them: scheduler-plugins, its lighter form, Kueue, Volcano.
_NAMES: Final = (
    ("labels", "scheduling.x-k8s.io/pod-group"),
    ("labels", "pod-group.scheduling.sigs.k8s.io/name"),
    ("labels", "kueue.x-k8s.io/pod-group-name"),
    ("annotations", "scheduling.k8s.io/group-name"),
)
#: Labels or annotations that say how many make a start.
_LEAST: Final = (
    "scheduling.x-k8s.io/min-available",
    "pod-group.scheduling.sigs.k8s.io/min-available",
    "kueue.x-k8s.io/pod-group-total-count",
)
_REQUIRED: Final = "kueue.x-k8s.io/podset-required-topology"
_PREFERRED: Final = "kueue.x-k8s.io/podset-preferred-topology"
_SLICE_LEVEL: Final = "kueue.x-k8s.io/podset-slice-required-topology"
_SLICE_SIZE: Final = "kueue.x-k8s.io/podset-slice-size"
_HOST: Final = "kubernetes.io/hostname"
#: Further roles of one gang.
_ROLES: Final = 7


@dataclass(frozen=True)
class Group:
    """A group of pods: ``namespace/name``, and how many of them make a start (0: somebody else says)."""

    name: str
    least: int = field(compare=False)

    @property
    def job(self) -> str:
        """Name of the job that its waiting pods make; no pod has two slashes."""
        return f"{self.name}/*"


def group_of(pod: Mapping[str, Any]) -> Group | None:
    """Return the group of a pod, by labels and annotations or, where the release has it, by its spec."""
    meta, spec = pod["metadata"], pod["spec"]
    marks = {**(meta.get("annotations") or {}), **(meta.get("labels") or {})}
    name = next((found for part, key in _NAMES if (found := (meta.get(part) or {}).get(key))), None)
    name = (spec.get("schedulingGroup") or {}).get("podGroupName") or name
    if workload := spec.get("workloadRef"):
        name = f"{workload.get('name')}.{workload.get('podGroup')}.{workload.get('podGroupReplicaKey') or ''}"
    if not name:
        return None
    said = next((marks[key] for key in _LEAST if key in marks), "0")
    return Group(f"{meta.get('namespace') or 'default'}/{name}", int(said) if str(said).isdecimal() else 0)


def least_of(thing: Mapping[str, Any]) -> int:
    """Return how many a PodGroup says make a start; 0 when it does not."""
    spec = thing.get("spec") or {}
    policy = (spec.get("schedulingPolicy") or spec.get("policy") or {}).get("gang") or {}
    least = spec.get("minMember") or policy.get("minCount")
    return least if isinstance(least, int) else 0


def gang_of(
    group: Group,
    waiting: Sequence[tuple[Mapping[str, Any], hal.Job]],
    *,
    least: int,
    started: Sequence[Mapping[str, str]],
    levels: frozenset[str],
) -> tuple[hal.Job | None, list[list[str]], list[Dropped]]:
    """Return the job that the waiting pods of a group make.

    Parameters
    ----------
    group : Group
    waiting : sequence of (mapping, Job)
        Its pods that wait, with the job of each, in order of rank.
    least : int
        How many make a start.
    started : sequence of mapping of str to str
        For each that has its node the labels of that.
    levels : frozenset of str
        Of the cluster's topology.

    Returns
    -------
    job : Job or None
        None while there are too few, or where a gang cannot say it.
    roles : list of list of str
        Names of the pods of each role, in rank order: ``placement.roles`` names the roles.
    dropped : list of Dropped
    """
    shapes: list[tuple[hal.Job, list[str]]] = []
    for _, job in waiting:
        alike = dataclasses.replace(job, name=group.job)
        for shape, names in shapes:
            if shape == alike:
                names.append(job.name)
                break
        else:
            shapes.append((alike, [job.name]))
    roles = [names for _, names in shapes]
    marks = waiting[0][0]["metadata"].get("annotations") or {}
    try:
        return _gang(group, shapes, marks, least=least, started=started, levels=levels)
    except (hal.HalError, ArithmeticError, AttributeError, TypeError, ValueError) as error:
        what = Dropped(f"group {group.name}", "object", f"{type(error).__name__}: {error}"[:200], "held")
        return None, roles, [what]


def _gang(
    group: Group,
    shapes: Sequence[tuple[hal.Job, list[str]]],
    marks: Mapping[str, str],
    *,
    least: int,
    started: Sequence[Mapping[str, str]],
    levels: frozenset[str],
) -> tuple[hal.Job | None, list[list[str]], list[Dropped]]:
    where = f"group {group.name}"
    dropped: list[Dropped] = []
    near: list[hal.Selector] = []
    roles = [names for _, names in shapes]
    waiting = sum(map(len, roles))
    missing = least - len(started) - waiting
    if missing > 0:
        return None, roles, [Dropped(where, "minMember", f"{least}, {missing} not there yet", "held")]
    if len(shapes) > 1 + _ROLES:
        return None, roles, [Dropped(where, "pods", f"of {len(shapes)} kinds", "held")]
    gang: dict[str, Any] = {}
    if len(shapes) == 1:
        gang["min_tasks"] = max(1, least - len(started))
    for key, name in ((_REQUIRED, "required"), (_PREFERRED, "preferred")):
        level = marks.get(key)
        if level in levels:
            gang[name] = level
            near += _beside(started, level) if name == "required" else []
        elif level == _HOST and name == "required" and len(shapes) == 1:
            gang |= {"slice": waiting, "min_tasks": None}  # all on one node
            near += _beside(started, NAME)
        elif level and name == "required":
            return None, roles, [Dropped(where, key, f"{level}, which no node has", "held")]
        elif level:
            dropped.append(Dropped(where, key, level))
    if size := marks.get(_SLICE_SIZE):
        level = marks.get(_SLICE_LEVEL, _HOST)
        if level not in levels and level != _HOST:
            return None, roles, [Dropped(where, _SLICE_LEVEL, f"{level}, which no node has", "held")]
        if len(shapes) > 1:
            return None, roles, [Dropped(where, _SLICE_SIZE, f"{size}, and pods of several kinds", "held")]
        if waiting % int(size) == 0:
            gang |= {"slice": int(size), "slice_level": level if level in levels else None, "min_tasks": None}
        elif started:  # some are made again: which slice they are of nobody says
            dropped.append(Dropped(where, _SLICE_SIZE, f"{size}, and {waiting} wait"))
        else:
            what = f"{size}, and {waiting} pods are no whole slices"
            return None, roles, [Dropped(where, _SLICE_SIZE, what, "held")]
    if near:
        shapes = [
            (dataclasses.replace(shape, selector=[*shape.selector, *near]), names) for shape, names in shapes
        ]
    (first, names), *others = shapes
    further = [
        dataclasses.replace(shape, name=f"{group.job}{number}", tasks=len(more))
        for number, (shape, more) in enumerate(others, 1)
    ]
    job = dataclasses.replace(first, tasks=len(names), gang=hal.Gang(**gang, roles=further))
    return job, roles, dropped


def _beside(started: Sequence[Mapping[str, str]], level: str) -> list[hal.Selector]:
    """Return what keeps the rest of a gang in the domain of those that have their node; of several domains, nothing."""
    domains = {tags[level] for tags in started if level in tags}
    return [hal.Selector(level, "In", sorted(domains))] if len(domains) == 1 else []


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts ``worker-2`` before ``worker-10``: pods of a group are ranked by their names."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name))
