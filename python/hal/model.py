"""What a caller describes: nodes and jobs, in human units, checked when given."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, field, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator

from hal import _core, units
from hal._selectors import Selector, as_tuple, selectors
from hal._show import show
from hal._validate import NAME, TEXT, WHOLE, amounts, model, quantity
from hal.errors import InvalidModel
from hal.gang import Gang
from hal.gpu import GPU, gpu_list
from hal.rules import Rule, traits
from hal.units import Quantity

__all__ = ["Job", "Node", "Selector", "Taint", "Toleration"]

Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


def _cpus(value: Any, *, field: str, capacity: bool = False) -> float:
    milli = units.cpu_milli(value, field=field, capacity=capacity)
    return milli / 1000 if milli % 1000 else milli // 1000


def _share(value: Any, *, field: str) -> Any:
    return value if value is None or value == "memory" else units.gpu_milli(value, field=field) / 1000


@model
class Taint:
    """A mark that keeps away every job that does not tolerate it. Fields as in Kubernetes."""

    key: Annotated[str, NAME]
    value: Annotated[str, TEXT] = ""
    effect: Effect = "NoSchedule"


@model
class Toleration:
    """What a job tolerates: taints of this key (empty: any) and value, for one effect or (empty) all."""

    key: Annotated[str, TEXT] = ""
    op: Literal["Equal", "Exists"] = "Equal"
    value: Annotated[str, TEXT] = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""


@model
class Node:
    """A machine: what it offers, and the marks by which jobs choose it.

    Attributes
    ----------
    name : str
        Unique in its cluster.
    cpus : int, float or str
        CPUs offered: ``64``, ``0.5``, ``"500m"``. Rounded down to milli-CPU.
    memory : int or str
        Memory offered: ``"256GiB"``, or a number of MiB; kept as MiB, rounded down.
    gpus : sequence of GPU
        Devices in index order, of any models, at most 64.
    resources : mapping of str to int or str
        Extended resources by name, whole numbers.
    labels, taints
        As in Kubernetes.
    schedulable : bool
        ``False``: nothing new is placed here (cordoned).

    Raises
    ------
    InvalidModel
        A field is unknown or wrong; the message names it, its value and the fix.
    """

    name: Annotated[str, NAME]
    _: KW_ONLY
    cpus: Annotated[Quantity, quantity(_cpus, "cpus", capacity=True)] = 0
    memory: Annotated[Quantity, quantity(units.memory_mib, "memory", capacity=True)] = 0
    gpus: Annotated[Sequence[GPU], BeforeValidator(gpu_list), Field(max_length=64)] = ()
    resources: Annotated[Mapping[Annotated[str, NAME], Quantity], amounts(units.count, "resources")] = field(
        default_factory=dict
    )
    labels: Mapping[Annotated[str, NAME], Annotated[str, TEXT]] = field(default_factory=dict)
    taints: Annotated[Sequence[Taint], BeforeValidator(as_tuple)] = ()
    schedulable: Annotated[bool, WHOLE] = True

    @property
    def cpu_milli(self) -> int:
        """CPUs offered, in milli-CPU."""
        return round(float(self.cpus) * 1000)

    @property
    def memory_mib(self) -> int:
        """Memory offered, in MiB."""
        return int(self.memory)

    def _spec(self) -> _core.NodeSpec:
        return _core.NodeSpec(
            self.name,
            self.cpu_milli,
            self.memory_mib,
            [(gpu.model, int(gpu.memory), gpu.link) for gpu in self.gpus],
            [(name, int(amount)) for name, amount in self.resources.items()],
            list(self.labels.items()),
            [(taint.key, taint.value, taint.effect) for taint in self.taints],
            self.schedulable,
            [str(gpu.mig) for gpu in self.gpus],
        )


# Jobs come in few shapes: equal ones share the core's object, and with it its hash.
@functools.lru_cache(maxsize=65536)
def _shape(*columns: Any) -> _core.Shape:
    return _core.Shape(*columns)


@model
class Job:
    """``tasks`` identical tasks that are placed together or not at all.

    Attributes
    ----------
    name : str
        Unique among the jobs of a cluster.
    tasks : int
        1 … 2**20; more than one is a gang. Every amount below is for each task.
    cpus : int, float or str
        CPUs: ``16``, ``0.5``, ``"500m"``. Rounded up to milli-CPU.
    memory : int or str
        Memory: ``"64GiB"``, or a number of MiB; kept as MiB, rounded up.
    gpus : float
        Whole idle GPUs, or a share of one: ``gpus=0.46``.
    gpu_share : float, str or "memory"
        Share of each of ``gpus`` devices, in (0, 1]: ``0.46`` or ``"460m"``. ``"memory"``: whatever share of
        a device holds ``gpu_memory``.
    gpu_memory : int or str
        Least memory of each device (MiB). Alone, without ``gpus``: the share of one device that holds it.
    gpu_profile : str
        One GPU instance of this profile (NVIDIA MIG), ``"3g.20gb"``, on a device that may be partitioned; without
        ``gpu_share`` and ``gpu_memory``. More tasks take more instances.
    gpu_models : sequence of str
        Allowed models; empty: any.
    resources : mapping of str to int or str
        Extended resources by name, whole numbers.
    selector : mapping or sequence of Selector
        Labels that a node must have: ``{"zone": "a"}``, ``{"disk": ["ssd", "nvme"]}`` or Selectors. All must hold.
    tolerations : sequence of Toleration
        Taints that do not keep the job away.
    inputs : sequence of str
        Datasets that each task reads, by their names in a `hal.data.ContentMap`; `hal.policies.DataLocality`
        looks at them.
    priority : int
        Higher goes first where an order looks at it.
    gang : Gang, optional
        Levels of the topology, slices, elasticity, further roles. None: the policy places task by task.
    queue : str
        Leaf of a `hal.QueueTree` that it is charged to.
    labels : mapping of str to str
        By which rules of other jobs choose it.
    rules : sequence of Affinity, AntiAffinity, Spread or Prefer
        Towards other jobs, and wishes about nodes; all musts hold.
    exclusive : bool
        Its nodes run nothing of other jobs.

    Raises
    ------
    InvalidModel
        A field is unknown or wrong; the message names it, its value and the fix.
    """

    name: Annotated[str, NAME]
    _: KW_ONLY
    tasks: Annotated[int, WHOLE, Field(ge=1, le=2**20)] = 1
    cpus: Annotated[Quantity, quantity(_cpus, "cpus")] = 0
    memory: Annotated[Quantity, quantity(units.memory_mib, "memory")] = 0
    gpus: Annotated[float, WHOLE, Field(ge=0, le=64, allow_inf_nan=False)] = 0
    gpu_share: Annotated[Quantity | None, quantity(_share, "gpu_share")] = None
    gpu_memory: Annotated[Quantity, quantity(units.memory_mib, "gpu_memory")] = 0
    gpu_profile: Annotated[str, TEXT] = ""
    gpu_models: Annotated[Sequence[Annotated[str, NAME]], BeforeValidator(as_tuple)] = ()
    resources: Annotated[Mapping[Annotated[str, NAME], Quantity], amounts(units.count, "resources")] = field(
        default_factory=dict
    )
    selector: Annotated[
        Sequence[Selector] | Mapping[str, str | Sequence[str]], PlainValidator(selectors)
    ] = ()
    tolerations: Annotated[Sequence[Toleration], BeforeValidator(as_tuple)] = ()
    inputs: Annotated[Sequence[Annotated[str, NAME]], BeforeValidator(as_tuple)] = ()
    priority: Annotated[int, WHOLE, Field(ge=-(2**31), lt=2**31)] = 0
    gang: Gang | None = None
    queue: Annotated[str, TEXT] = ""
    labels: Mapping[Annotated[str, NAME], Annotated[str, TEXT]] = field(default_factory=dict)
    rules: Annotated[
        Sequence[Rule],
        BeforeValidator(lambda v: (v,) if isinstance(v, Rule) else as_tuple(v)),
    ] = ()
    exclusive: Annotated[bool, WHOLE] = False
    if TYPE_CHECKING:
        _handle: _core.Job = field(init=False)  # built once, so that place() has nothing to convert

    def __post_init__(self) -> None:
        put = object.__setattr__  # frozen for the caller; canonical from here on
        for name, value in _canonical_gpus(self).items():
            put(self, name, value)
        shape = self._shape()
        gang = None if self.gang is None else self.gang._spec(self, shape)
        put(self, "_handle", _core.Job(self.name, shape, self.tasks, self.priority, gang, self._traits()))

    @property
    def cpu_milli(self) -> int:
        """CPUs of one task, in milli-CPU."""
        return round(float(self.cpus) * 1000)

    @property
    def memory_mib(self) -> int:
        """Memory of one task, in MiB."""
        return int(self.memory)

    @property
    def gpu_milli(self) -> int:
        """Share of each device of one task, in milli-GPU; 0 without GPUs, or when memory or a profile decides."""
        if self.gpus == 0 or self.gpu_share == "memory" or self.gpu_profile:
            return 0
        return 1000 if self.gpu_share is None else round(float(self.gpu_share) * 1000)

    def _shape(self) -> _core.Shape:
        return _shape(
            self.cpu_milli,
            self.memory_mib,
            int(self.gpus),
            self.gpu_milli,
            int(self.gpu_memory),
            tuple(self.gpu_models),
            tuple(sorted((name, int(amount)) for name, amount in self.resources.items())),
            tuple((s.key, s.op, tuple(s.values)) for s in self.selector if isinstance(s, Selector)),
            tuple((t.key, t.op, t.value, t.effect) for t in self.tolerations),
            tuple(sorted(set(self.inputs))),
            self.gpu_profile,
        )

    def _traits(self) -> _core.Traits | None:
        if not (self.queue or self.labels or self.rules or self.exclusive):
            return None
        rules = tuple(rule._spec() for rule in self.rules)
        return traits(self.queue, tuple(sorted(self.labels.items())), rules, self.exclusive)

    def _least(self) -> dict[str, int]:
        """Role → the tasks of it that the job needs to run; of roles of one name the later ones with their number."""
        least: dict[str, int] = {}
        for number, role in enumerate((self, *(self.gang or Gang()).roles)):
            least[f"{role.name}#{number}" if role.name in least else role.name] = _least(role)
        return least

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_job, ({f.name: getattr(self, f.name) for f in fields(self)},)


def _least(role: Job) -> int:
    return role.tasks if role.gang is None or role.gang.min_tasks is None else role.gang.min_tasks


def _rebuild_job(values: dict[str, Any]) -> Job:
    return Job(**values)


def _canonical_gpus(job: Job) -> dict[str, Any]:
    """Return the GPU fields with one spelling a meaning: a fraction is a share, memory alone a share by memory."""
    count, share = job.gpus, job.gpu_share
    if job.gpu_profile:
        if count not in (0, 1) or share is not None or job.gpu_memory:
            raise InvalidModel(
                f"gpu_profile = {show(job.gpu_profile)}: stands alone, without gpus, gpu_share and gpu_memory; "
                "a task takes one instance, more tasks take more"
            )
        return {"gpus": 1, "gpu_share": None}
    if share is not None and count == 0:
        count = 1
    if count != int(count):
        if count > 1:
            raise InvalidModel(f"gpus = {show(count)}: must be whole GPUs, or a share of one below 1")
        if share is not None:
            raise InvalidModel(f"gpus = {show(count)} with gpu_share = {show(share)}: give the share once")
        count, share = 1, units.gpu_milli(count, field="gpus") / 1000
    if job.gpu_memory and count == 0:
        count, share = 1, "memory"
    if share == "memory" and not job.gpu_memory:
        raise InvalidModel('gpu_share = "memory": needs gpu_memory, the amount that the share must hold')
    if share == 1:
        share = None
    return {"gpus": int(count), "gpu_share": share}
