"""Plain JSON of Kubernetes against what hal should make of it."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hal.adapters.kubernetes.convert import job_of, node_of, running_of, topology_of
from hal.adapters.kubernetes.nodes import Nodes
from hal.adapters.kubernetes.places import NAME, World, matches
from hal.adapters.kubernetes.quantities import amount, cpu_milli, mib
from hal.adapters.kubernetes.volumes import SELECTED, unmade
from hypothesis import given, settings
from hypothesis import strategies as st

import hal


def pod(spec: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    """Return a pod of namespace ``lab`` whose only container asks for one CPU."""
    body = {"containers": [asks(cpu="1")], **(spec or {})}
    return {"metadata": {"name": "p", "namespace": "lab", **meta}, "spec": body, "status": {}}


def asks(**requests: str) -> dict[str, Any]:
    """Return a container; underscores in names stand for what Python's names cannot have."""
    return {
        "resources": {
            "requests": {key.replace("__", "/").replace("_", "."): v for key, v in requests.items()}
        }
    }


def node(name: str = "n", labels: dict[str, str] | None = None, **allocatable: str) -> dict[str, Any]:
    """Return a node; 8 CPUs, 32 GiB, 110 pods and what is given."""
    offers = {"cpu": "8", "memory": "32Gi", "pods": "110", **allocatable}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {}, "status": {"allocatable": offers}}


def job(pod: dict[str, Any], world: World | None = None) -> hal.Job:
    made, dropped = job_of(pod, world)
    assert made is not None, dropped
    return made


def held(pod: dict[str, Any], world: World | None = None) -> str:
    made, dropped = job_of(pod, world)
    assert made is None
    assert dropped[-1].effect == "held"
    return str(dropped[-1])


# ---- quantities --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100m", Fraction(1, 10)), ("64Gi", 64 * 2**30), ("1e3", 1000), ("2k", 2000), (".5", Fraction(1, 2)),
        ("1E", 10**18), ("1E2", 100), ("1.5Gi", 3 * 2**29), ("128974848", 128974848), ("1e-3", Fraction(1, 1000)),
        ("123Mi", 123 * 2**20), ("7n", Fraction(7, 10**9)), ("+1", 1), ("3.", 3), (4, 4),
    ],
)  # fmt: skip
def test_quantities_are_exact(text: str | int, value: Fraction) -> None:
    assert amount(text) == value


@pytest.mark.parametrize(
    "text", ["", "x", "1 Gi", "1gi", "-1", "1e", "1Ki2", "0x10", "1_000", "٣", None, True, [], "1e999"]
)
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(hal.AdapterError):
        amount(text)


@given(st.integers(0, 2**40), st.sampled_from(["", "Ki", "Mi", "k", "M", "m"]))
def test_rounding_never_promises_what_is_not_there(number: int, unit: str) -> None:
    exact = number * {"": 1, "Ki": 2**10, "Mi": 2**20, "k": 10**3, "M": 10**6, "m": Fraction(1, 1000)}[unit]
    value = amount(f"{number}{unit}")
    assert mib(value, up=True) == math.ceil(Fraction(exact) / 2**20)
    assert mib(value, up=False) == math.floor(Fraction(exact) / 2**20)
    assert (
        cpu_milli(value, up=True) * Fraction(1, 1000)
        >= exact
        >= cpu_milli(value, up=False) * Fraction(1, 1000)
    )


# ---- nodes -------------------------------------------------------------------------------------------------


def test_a_node_is_what_it_offers() -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.memory": "81920"}
    extra = {
        "nvidia.com/gpu": "4",
        "nvidia.com/mig-1g.10gb": "7",
        "ephemeral-storage": "1048577",
        "cpu": "7910m",
    }
    made, dropped = node_of(node(labels=labels, **extra))
    assert made == hal.Node(
        "n",
        cpus="7910m",
        memory="32GiB",
        gpus=hal.gpus(4, "NVIDIA-A100-SXM4-80GB", memory=81920),
        resources={"pods": 110, "nvidia.com/mig-1g.10gb": 7, "ephemeral-storage": 1},
        labels={**labels, NAME: "n"},
    )
    assert dropped == ()


def test_nodes_that_take_nothing_are_closed() -> None:
    cordoned, leaving, dead = node(), node(), node()
    cordoned["spec"]["unschedulable"] = True
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    dead["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    assert [node_of(one)[0].schedulable for one in (node(), cordoned, leaving, dead)] == [
        True,
        False,
        False,
        False,
    ]
    broken, dropped = node_of({"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "many"}}})
    assert (broken.name, broken.schedulable, dropped[0].effect) == ("n", False, "unschedulable")


def test_a_node_of_the_traces_has_its_devices() -> None:
    given = {"alibabacloud.com/gpu-count": "2", "alibabacloud.com/gpu-milli": "2000"}
    made, _ = node_of(node(labels={"alibabacloud.com/gpu-card-model": "T4"}, **given))
    assert made.gpus == hal.gpus(2, "T4")
    assert made.resources == {"pods": 110}


# ---- requests ----------------------------------------------------------------------------------------------


def test_a_pod_asks_for_its_worst_moment() -> None:
    spec = {
        "initContainers": [
            asks(cpu="2", memory="1Gi"),
            {**asks(cpu="500m"), "restartPolicy": "Always"},
            asks(cpu="3"),  # beside the sidecar
        ],
        "containers": [
            asks(cpu="1", memory="1"),
            {"resources": {"limits": {"cpu": "1", "nvidia.com/gpu": "2"}}},
        ],
        "overhead": {"cpu": "250m", "memory": "1Mi"},
    }
    made = job(pod(spec))
    assert (made.name, made.cpu_milli, made.memory_mib, made.gpus) == ("lab/p", 3750, 1025, 2)
    assert made.resources == {"pods": 1}
    sidecar_last = job(pod({"initContainers": [asks(cpu="1"), {**asks(cpu="2"), "restartPolicy": "Always"}]}))
    assert sidecar_last.cpu_milli == 3000


def test_pod_level_requests_override_the_sum() -> None:
    assert job(pod({"resources": {"requests": {"cpu": "5"}}})).cpu_milli == 5000


def test_shares_and_instances_of_gpus() -> None:
    notes = {
        "alibabacloud.com/gpu-milli": "460",
        "alibabacloud.com/gpu-count": "1",
        "alibabacloud.com/gpu-card-model": "T4|P100",
    }
    share = job(pod(annotations=notes))
    assert (share.gpus, share.gpu_milli, tuple(share.gpu_models)) == (1, 460, ("T4", "P100"))
    none = job(pod(annotations={"alibabacloud.com/gpu-milli": "0", "alibabacloud.com/gpu-count": "0"}))
    assert none.gpus == 0
    mig = job(pod({"containers": [{"resources": {"limits": {"nvidia.com/mig-3g.20gb": "1"}}}]}))
    assert mig.resources == {"pods": 1, "nvidia.com/mig-3g.20gb": 1}


# ---- nodes that a pod may use ------------------------------------------------------------------------------


def test_selector_affinity_and_tolerations() -> None:
    term = {
        "matchExpressions": [
            {"key": "disk", "operator": "In", "values": ["ssd"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
        "matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n7"]}],
    }
    must = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    spec = {
        "nodeSelector": {"zone": "a"},
        "affinity": {"nodeAffinity": must},
        "tolerations": [{"operator": "Exists"}, {"key": "gpu", "value": "y", "effect": "NoSchedule"}],
        "priority": 7,
    }
    made = job(pod(spec))
    assert list(made.selector) == [
        hal.Selector("zone", "In", ["a"]),
        hal.Selector("disk", "In", ["ssd"]),
        hal.Selector("old", "DoesNotExist"),
        hal.Selector(NAME, "NotIn", ["n7"]),
    ]
    assert list(made.tolerations) == [
        hal.Toleration("", "Exists"),
        hal.Toleration("gpu", value="y", effect="NoSchedule"),
    ]
    assert made.priority == 7


def _either(*terms: dict[str, Any]) -> dict[str, Any]:
    must = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"affinity": {"nodeAffinity": must}}


def test_alternatives_become_nodes() -> None:
    def has(key: str, *values: str) -> dict[str, Any]:
        return {"matchExpressions": [{"key": key, "operator": "In", "values": list(values)}]}

    same = job(pod(_either(has("zone", "a"), has("zone", "b", "c"))))
    assert list(same.selector) == [hal.Selector("zone", "In", ["a", "b", "c"])]
    mixed = pod(_either(has("zone", "a"), has("disk", "ssd")))
    assert "2 alternatives" in held(mixed)
    world = World(nodes={"x": {"zone": "a"}, "y": {"disk": "hdd"}, "z": {"disk": "ssd"}})
    assert list(job(mixed, world).selector) == [hal.Selector(NAME, "In", ["x", "z"])]
    nowhere = job(mixed, World(nodes={"y": {}}))
    made, _ = node_of(node())
    assert not hal.place(hal.Cluster([made]), [nowhere])[0].placed


TAGS = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2", "3", "x"]))
KEYS = st.sampled_from("ab")
ONES = st.one_of(
    st.builds(hal.Selector, KEYS, st.sampled_from(["In", "NotIn"]), st.lists(st.sampled_from("12x"), min_size=1)),
    st.builds(hal.Selector, KEYS, st.sampled_from(["Exists", "DoesNotExist"])),
    st.builds(hal.Selector, KEYS, st.sampled_from(["Gt", "Lt"]), st.sampled_from([["1"], ["2"]])),
)  # fmt: skip


@given(TAGS, ONES)
def test_requirements_hold_here_as_in_the_core(tags: dict[str, str], one: hal.Selector) -> None:
    placed = hal.place(hal.Cluster([hal.Node("n", cpus=1, labels=tags)]), [hal.Job("j", selector=[one])])
    assert placed[0].placed == matches(one, tags)


def test_volumes_keep_a_pod_near_them() -> None:
    using = pod(
        {
            "volumes": [
                {"name": "data", "persistentVolumeClaim": {"claimName": "c"}},
                {"name": "t", "emptyDir": {}},
            ]
        }
    )
    loose, dropped = job_of(using)
    assert loose is not None
    assert [item.effect for item in dropped] == ["ignored"]
    assert "no volume" in held(using, World())
    assert "no volume" in held(using, World(claims={"lab/c": {"spec": {}}}))
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]}]}
    volume = {"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}}
    world = World(claims={"lab/c": {"spec": {"volumeName": "v"}}}, volumes={"v": volume})
    assert list(job(using, world).selector) == [hal.Selector("kubernetes.io/hostname", "In", ["n1"])]


def test_wishes_about_nodes_are_wishes() -> None:
    first = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    second = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
    items = [{"weight": 80, "preference": first}, {"weight": 5, "preference": second}]
    wishes = {"preferredDuringSchedulingIgnoredDuringExecution": [*items, {"weight": 1, "preference": {}}]}
    made, dropped = job_of(pod({"affinity": {"nodeAffinity": wishes}}))
    assert made is not None
    assert dropped == ()
    assert list(made.rules) == [
        hal.Prefer({"disk": "ssd"}, weight=0.8),
        hal.Prefer({NAME: "n1"}, weight=0.05),
    ]


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "busy", "value": "x"}, True),
        ({"key": "busy", "operator": "Exists", "effect": "PreferNoSchedule"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "busy", "value": "y"}, False),
        ({"key": "busy", "operator": "Exists", "effect": "NoSchedule"}, False),
    ],
)
def test_nodes_that_would_rather_not_are_avoided(toleration: dict[str, str], tolerated: bool) -> None:
    calm, busy = node("calm"), node("busy")
    busy["spec"]["taints"] = [{"key": "busy", "value": "x", "effect": "PreferNoSchedule"}]
    nodes = Nodes(())
    for thing in (busy, calm):
        nodes.take(thing, False)
    world = World(nodes=nodes.tags, avoided=nodes.avoided)
    where = [
        hal.place(hal.Cluster(nodes), job(pod({"tolerations": given}), world))[0].nodes
        for given in ([], [toleration])
    ]
    assert where == [("calm",), ("busy",) if tolerated else ("calm",)]
    assert nodes.take(calm, True).taints is False
    assert nodes.take(busy, True).taints is True
    assert job(pod(), World(avoided=nodes.avoided)).rules == ()


def test_volumes_that_are_made_late_go_where_their_class_allows() -> None:
    using = pod({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]})
    zone = "topology.kubernetes.io/zone"
    late = {
        "provisioner": "example.com/disks",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": [{"matchLabelExpressions": [{"key": zone, "values": ["a", "b"]}]}],
    }
    claim: dict[str, Any] = {"metadata": {}, "spec": {"storageClassName": "late"}}

    def world(claim: dict[str, Any], **kind: str) -> World:
        return World(claims={"lab/c": claim}, classes={"late": {**late, **kind}})

    assert list(job(using, world(claim)).selector) == [hal.Selector(zone, "In", ["a", "b"])]
    assert unmade(using, world(claim)) == {"lab/c": ""}
    told = {**claim, "metadata": {"annotations": {SELECTED: "n7"}}}
    assert list(job(using, world(told)).selector) == [hal.Selector(NAME, "In", ["n7"])]
    assert unmade(using, world(told)) == {"lab/c": "n7"}
    assert "no volume" in held(using, world(claim, volumeBindingMode="Immediate"))
    assert "no volume" in held(using, world(claim, provisioner="kubernetes.io/no-provisioner"))
    done = {"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}}
    made = World(
        claims={"lab/c": {**done, "spec": {"storageClassName": "late", "volumeName": "v"}}},
        volumes={"v": {"spec": {}}},
        classes={"late": late},
    )
    assert job(using, made).selector == ()
    assert unmade(using, made) == {}


# ---- other pods --------------------------------------------------------------------------------------------


def test_rules_towards_other_pods() -> None:
    selector = {"matchLabels": {"app": "web"}}
    here, zone = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
    spec = {
        "affinity": {
            "podAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"labelSelector": selector, "topologyKey": zone, "namespaces": ["other", "lab"]}
                ]
            },
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 50, "podAffinityTerm": {"labelSelector": selector, "topologyKey": here}},
                    {"weight": 1, "podAffinityTerm": {"labelSelector": selector, "topologyKey": "rack"}},
                ]
            },
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 2,
                "topologyKey": zone,
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": selector,
            }
        ],
        "containers": [{"ports": [{"hostPort": 80}, {"containerPort": 1}]}],
    }
    made, dropped = job_of(pod(spec, labels={"app": "web"}), World(levels=frozenset({zone})))
    assert made is not None
    own = [hal.Selector("app", "In", ["web"]), hal.Selector("field:metadata.namespace", "In", ["lab"])]
    both = [own[0], hal.Selector("field:metadata.namespace", "In", ["other", "lab"])]
    assert list(made.rules) == [
        hal.Affinity(both, level=zone),
        hal.AntiAffinity(own, weight=0.5),
        hal.Spread(own, level=zone, max_skew=2),
        hal.AntiAffinity([hal.Selector("port:TCP/80", "Exists")]),
    ]
    assert [item.field for item in dropped] == ["preferred topologyKey"]
    assert "rack" in dropped[0].value
    assert "topologyKey" in held(pod(spec), World())


def test_a_running_pod_keeps_its_port_and_its_distance() -> None:
    spec = {"nodeName": "n", "containers": [{"ports": [{"hostPort": 80}]}]}
    running, dropped = running_of(pod(spec))
    assert running is not None
    assert (running.nodes, running.gpus, dropped) == (("n",), ((),), ())
    made, _ = node_of(node())
    cluster = hal.Cluster([made])
    cluster.bind(running.job, running.nodes)
    same, other = job(pod({"containers": spec["containers"]}, name="q")), job(pod(name="r"))
    assert [placed.placed for placed in hal.place(cluster, [same, other])] == [False, True]


def test_what_holds_nothing_does_not_run() -> None:
    done = pod({"nodeName": "n"})
    done["status"]["phase"] = "Succeeded"
    assert running_of(done) == (None, ())
    assert running_of(pod()) == (None, ())
    notes = {
        "alibabacloud.com/gpu-milli": "500",
        "alibabacloud.com/gpu-count": "2",
        "alibabacloud.com/gpu-index": "1-3",
    }
    running, _ = running_of(pod({"nodeName": "n"}, annotations=notes))
    assert running is not None
    assert running.gpus == ((1, 3),)


def test_pods_for_others_are_left_to_them() -> None:
    assert "gate" in held(pod({"schedulingGates": [{"name": "gate"}]}))
    assert "resourceClaims" in held(pod({"resourceClaims": [{"name": "gpu"}]}))
    term = {"labelSelector": {}, "topologyKey": "zone", "namespaceSelector": {"matchLabels": {"a": "b"}}}
    must = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    assert "namespaceSelector" in held(pod({"affinity": {"podAntiAffinity": must}}))


def test_levels_come_from_the_labels() -> None:
    zones = {
        "a": {"topology.kubernetes.io/zone": "1", "rack": "x"},
        "b": {"topology.kubernetes.io/zone": "2"},
    }
    tree = topology_of(zones, ("rack",))
    assert tree is not None
    assert [level.name for level in tree.levels] == ["cluster", "topology.kubernetes.io/zone", "rack"]
    assert topology_of({"a": {}}) is None


# ---- nonsense ----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = [
    "containers",
    "initContainers",
    "nodeName",
    "affinity",
    "tolerations",
    "volumes",
    "overhead",
    "priority",
    "nodeSelector",
    "taints",
    "topologySpreadConstraints",
    "schedulingGates",
    "unschedulable",
    "resources",
]
_SPEC = st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, JSON))
NONSENSE = JSON | st.fixed_dictionaries(
    {
        "metadata": JSON
        | st.fixed_dictionaries({"name": st.just("p")}, optional={"labels": JSON, "annotations": JSON}),
        "spec": JSON | _SPEC,
        "status": JSON | st.fixed_dictionaries({"allocatable": JSON}),
    }
)


@settings(max_examples=150)
@given(NONSENSE)
def test_nonsense_is_listed_never_raised(thing: Any) -> None:
    made, dropped = job_of(thing, World())
    assert made is not None or dropped[-1].effect == "held"
    made, dropped = node_of(thing)
    assert made.schedulable or not dropped or dropped[-1].effect in ("unschedulable", "ignored")
    running, dropped = running_of(thing)
    assert running is None or running.nodes
