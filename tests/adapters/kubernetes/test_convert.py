"""Plain JSON of Kubernetes against what hal should make of it."""

from __future__ import annotations

from typing import Any

from hal.adapters.kubernetes.convert import job_of, node_of, running_of, topology_of
from hal.adapters.kubernetes.places import NAME, World
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from tests.adapters.kubernetes.objects import asks, held, job, node, pod

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
