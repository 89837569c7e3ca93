"""Hypothesis strategies for everything a policy meets: small, colliding, bounded, and simple when they shrink.

Values are few and capacities tight, so that jobs compete after a handful of draws; everything shrinks towards one
bare node and one job that asks for one CPU.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

from hypothesis import strategies as st

from hal.cluster import Cluster
from hal.data import Cache, CacheTree
from hal.errors import InvalidModel
from hal.gang import Gang
from hal.gpu import GPU, gpus
from hal.model import Job, Node, Selector, Taint, Toleration
from hal.replay import Workload
from hal.topology import Topology

__all__ = [
    "Limits",
    "caches",
    "cases",
    "clusters",
    "devices",
    "gangs",
    "job_lists",
    "jobs",
    "node_lists",
    "nodes",
    "topologies",
    "traces",
]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Most of everything that is drawn.

    Attributes
    ----------
    nodes, jobs : int
        Length of lists, 1 or more.
    tasks : int
        Tasks of a job, 1 or more.
    cpus, memory : int
        CPUs and MiB of a node.
    gpus : int
        Devices of a node, 0 … 64; 0 keeps GPUs out of nodes and jobs.
    marks : bool
        Labels, taints, selectors, tolerations, cordons and extended resources.
    topology : bool
        Racks, and jobs that ask for one.

    Raises
    ------
    InvalidModel
        A limit is out of range.
    """

    nodes: int = 5
    jobs: int = 5
    tasks: int = 3
    cpus: int = 8
    memory: int = 8
    gpus: int = 4
    marks: bool = True
    topology: bool = True

    def __post_init__(self) -> None:
        for name, least in (("nodes", 1), ("jobs", 1), ("tasks", 1), ("cpus", 1), ("memory", 0), ("gpus", 0)):
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= 1000:
                raise InvalidModel(f"{name} = {value!r}: must be a whole number from {least} to 1000")
        if self.gpus > 64:
            raise InvalidModel(f"gpus = {self.gpus}: must be at most 64, the most one node has")


#: What is drawn when nothing else is asked for.
DEFAULT = Limits()
MODELS = ("A", "B")
_T = TypeVar("_T", Node, Job)


def devices(limits: Limits = DEFAULT) -> st.SearchStrategy[tuple[GPU, ...]]:
    """Devices of one node: none, some equal ones, or of two models."""
    if not limits.gpus:
        return st.just(())
    some = st.builds(
        gpus, st.integers(1, limits.gpus), st.sampled_from(MODELS), memory=st.sampled_from([0, 16])
    )
    mixed = st.builds(
        lambda a, b: gpus(a, "A", memory=8) + gpus(b, "B", memory=16),
        st.integers(1, max(limits.gpus // 2, 1)),
        st.integers(0, limits.gpus // 2),
    )
    return st.one_of(st.just(()), some, mixed)


@st.composite
def nodes(draw: st.DrawFn, name: str = "n", limits: Limits = DEFAULT) -> Node:
    """One node of that name."""
    marks: dict[str, Any] = {}
    if limits.marks and draw(st.booleans()):
        marks = {
            "resources": draw(st.sampled_from([{}, {"fpga": 1}, {"fpga": 3}])),
            "labels": draw(st.dictionaries(st.just("zone"), st.sampled_from(["a", "b"]), max_size=1)),
            "taints": draw(st.sampled_from([(), (), (), (Taint("team", "x"),), (Taint("team", "y"),)])),
            "schedulable": draw(st.integers(0, 5)) < 5,
        }
    return Node(
        name,
        cpus=draw(st.integers(1, limits.cpus)),
        memory=draw(st.integers(0, limits.memory)),
        gpus=draw(devices(limits)),
        **marks,
    )


@st.composite
def node_lists(draw: st.DrawFn, limits: Limits = DEFAULT, *, least: int = 1) -> tuple[Node, ...]:
    """Nodes ``n0``, ``n1``, …; often several equal ones, as clusters have."""
    count = draw(st.integers(least, max(limits.nodes, least)))
    out: list[Node] = []
    for index in range(count):
        again = draw(st.booleans())
        if out and again:
            out.append(renamed(out[-1], f"n{index}"))
        else:
            out.append(draw(nodes(f"n{index}", limits)))
    return tuple(out)


def clusters(limits: Limits = DEFAULT) -> st.SearchStrategy[Cluster]:
    """Empty clusters, half of them in racks where the limits allow."""
    return node_lists(limits).flatmap(
        lambda drawn: st.builds(
            lambda topology: Cluster(drawn, topology=topology),
            st.none() | topologies([node.name for node in drawn]) if limits.topology else st.none(),
        )
    )


@st.composite
def topologies(draw: st.DrawFn, names: list[str]) -> Topology:
    """A site with one to three racks, and the nodes of these names in them."""
    racks = draw(st.integers(1, 3))
    domains = [("site", "site", None), *((f"r{index}", "rack", "site") for index in range(racks))]
    return Topology(
        ["site", "rack"], domains, {name: f"r{draw(st.integers(0, racks - 1))}" for name in names}
    )


def _gpu_requests(limits: Limits) -> list[dict[str, Any]]:
    if not limits.gpus:
        return [{}]
    shares: list[dict[str, Any]] = [
        {"gpus": 0.5},
        {"gpus": 0.3},
        {"gpus": 1, "gpu_memory": 16},
        {"gpu_memory": 5},
    ]
    return [{}, {}, {}, {}, {"gpus": 1}, *([{"gpus": 2}] * (limits.gpus > 1)), *shares]


@st.composite
def jobs(draw: st.DrawFn, name: str = "j", limits: Limits = DEFAULT) -> Job:
    """One job of that name, without a gang's levels."""
    request = draw(st.sampled_from(_gpu_requests(limits)))
    marks: dict[str, Any] = {}
    if limits.marks and draw(st.booleans()):
        marks = {
            "resources": draw(st.sampled_from([{}, {}, {"fpga": 1}])),
            "selector": draw(st.sampled_from([(), (), {"zone": "a"}, [Selector("zone", "NotIn", ["a"])]])),
            "tolerations": draw(
                st.sampled_from([(), (Toleration("team", "Exists"),), (Toleration("team", value="x"),)])
            ),
            "priority": draw(st.integers(-1, 1)),
        }
        if request:
            marks["gpu_models"] = draw(st.sampled_from([(), ("A",), ("A", "B")]))
    return Job(
        name,
        tasks=draw(st.integers(1, limits.tasks)),
        cpus=draw(st.integers(1, limits.cpus)) / 2,
        memory=draw(st.integers(0, limits.memory // 4)),
        **request,
        **marks,
    )


@st.composite
def gangs(draw: st.DrawFn, name: str = "g", limits: Limits = DEFAULT) -> Job:
    """A job of two tasks or more that must, or would like to, share a rack; for clusters with a topology."""
    levels = [Gang(), Gang(preferred="rack"), Gang(required="rack")]
    return Job(
        name,
        tasks=draw(st.integers(2, max(limits.tasks, 2))),
        cpus=draw(st.integers(1, limits.cpus)),
        gpus=draw(st.sampled_from([0, 1])) if limits.gpus else 0,
        gang=draw(st.sampled_from(levels)),
    )


@st.composite
def job_lists(
    draw: st.DrawFn, limits: Limits = DEFAULT, *, prefix: str = "j", least: int = 1
) -> tuple[Job, ...]:
    """Jobs ``j0``, ``j1``, …; often several of one shape, as queues have."""
    out: list[Job] = []
    for index in range(draw(st.integers(least, max(limits.jobs, least)))):
        name = f"{prefix}{index}"
        again = draw(st.booleans())
        if out and again:
            out.append(renamed(out[-1], name))
        else:
            out.append(draw(jobs(name, limits)))
    return tuple(out)


@st.composite
def caches(draw: st.DrawFn, names: list[str] | None = None) -> CacheTree:
    """A store, one to three sites below it, and one of them near each of the named nodes."""
    sites = draw(st.integers(1, 3))
    near: list[list[str]] = [[] for _ in range(sites)]
    for name in names or []:
        near[draw(st.integers(0, sites - 1))].append(name)
    rows = [Cache(name="store", capacity="1TiB")]
    for index in range(sites):
        rows.append(
            Cache(
                name=f"site{index}",
                capacity=draw(st.sampled_from(["1GiB", "10GiB"])),
                parent="store",
                bandwidth=draw(st.sampled_from(["1GB/s", "10GB/s"])),
                nodes=near[index],
            )
        )
    return CacheTree(rows)


@st.composite
def traces(draw: st.DrawFn, limits: Limits = DEFAULT) -> Workload:
    """Jobs over time, as `hal.replay` replays them: at most ``limits.jobs`` on ``limits.cpus`` processors."""
    count = draw(st.integers(1, limits.jobs))

    def column(least: int, most: int) -> list[int]:
        return draw(st.lists(st.integers(least, most), min_size=count, max_size=count))

    run = column(1, 20)
    return Workload.from_columns(
        submit=sorted(column(0, 30)),
        run=run,
        procs=column(1, limits.cpus),
        requested=[least + more for least, more in zip(run, column(0, 20), strict=True)],
        processors=limits.cpus,
    )


@st.composite
def cases(draw: st.DrawFn, limits: Limits = DEFAULT) -> Any:
    """A `Case`: nodes, perhaps in racks, what runs on them, and the jobs that are asked about."""
    from hal.testing.case import Case

    drawn = draw(node_lists(limits))
    asked = draw(job_lists(limits))
    running = draw(job_lists(limits, prefix="r", least=0)) if draw(st.booleans()) else ()
    topology = None
    if limits.topology and draw(st.integers(0, 3)) == 3:
        topology = draw(topologies([node.name for node in drawn]))
        asked = (*asked, draw(gangs("g", limits)))
    return Case(nodes=drawn, jobs=asked, running=running, topology=topology)


def renamed(thing: _T, name: str, **changes: Any) -> _T:
    """Return the same node or job under another name, and with other changes."""
    kept: dict[str, Any] = {f.name: getattr(thing, f.name) for f in fields(thing)}
    return type(thing)(**{**kept, "name": name, **changes})
