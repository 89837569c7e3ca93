"""The scheduler extender's answers, byte for byte as kube-scheduler wants them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from hal.adapters import Follower, Snapshot
from hal.adapters.kubernetes.convert import job_of
from hal.adapters.kubernetes.extender import Extender
from hal.adapters.kubernetes.routes import router
from hal.adapters.kubernetes.wire import Refused
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.server import Service
from tests.adapters.memory import MemoryAdapter, Orchestrator
from tests.server.test_server import Caller


def pod(name: str = "p", **requests: str) -> dict[str, Any]:
    """Return a pod as kube-scheduler sends it."""
    asked = {"nvidia.com/gpu" if key == "gpu" else key: value for key, value in requests.items()}
    resources: dict[str, Any] = {"requests": asked}
    if "gpu" in requests:
        resources["limits"] = {"nvidia.com/gpu": requests["gpu"]}
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "schedulerName": "default-scheduler",
            "containers": [{"name": "c", "image": "i", "resources": resources}],
        },
        "status": {"phase": "Pending"},
    }


def cluster() -> hal.Cluster:
    """Return three nodes: CPUs only, GPUs half used, GPUs free; a fourth is closed."""
    made = hal.Cluster(
        [
            hal.Node("cpu", cpus=8, memory="32GiB", resources={"pods": 110}),
            hal.Node("half", cpus=8, memory="32GiB", gpus=hal.gpus(4, "T4"), resources={"pods": 110}),
            hal.Node("free", cpus=8, memory="32GiB", gpus=hal.gpus(4, "T4"), resources={"pods": 110}),
            hal.Node("shut", cpus=8, memory="32GiB", schedulable=False, resources={"pods": 110}),
        ]
    )
    made.bind(hal.Job("default/old", cpus=2, gpus=2), ["half"])
    return made


NAMES = ["cpu", "half", "free", "shut", "new"]


def scores(of: Extender, asked: dict[str, Any], names: list[str]) -> dict[str, int]:
    return dict(zip(*of.prioritize({"Pod": asked, "NodeNames": names}), strict=True))


def test_filters_by_name() -> None:
    told = Extender(Service(cluster())).filter({"Pod": pod(gpu="3"), "Nodes": None, "NodeNames": NAMES})
    assert told == {
        "Nodes": None,
        "NodeNames": ["free"],
        "FailedNodes": {"half": "too few idle GPUs", "new": "hal does not know this node yet"},
        "FailedAndUnresolvableNodes": {
            "cpu": "too few GPUs",
            "shut": "node is unschedulable",
        },
        "Error": "",
    }


@pytest.mark.parametrize("case", [str.lower, str.upper, lambda key: key[0].lower() + key[1:]])
def test_any_casing_is_understood(case: Any) -> None:
    asked = {case(key): value for key, value in {"Pod": pod(gpu="3"), "NodeNames": NAMES}.items()}
    assert Extender(Service(cluster())).filter(asked)["NodeNames"] == ["free"]


def test_whole_nodes_come_back_whole() -> None:
    items = [{"metadata": {"name": name}, "extra": 1} for name in NAMES]
    told = Extender(Service(cluster())).filter(
        {"Pod": pod(gpu="1"), "Nodes": {"kind": "NodeList", "items": items}, "NodeNames": None}
    )
    assert told["Nodes"] == {"kind": "NodeList", "items": [items[1], items[2]]}
    assert told["NodeNames"] is None


def test_scores_from_0_to_10_in_the_policy_s_order() -> None:
    of = Extender(Service(cluster(), policy="best_fit"))
    assert scores(of, pod(gpu="1"), NAMES) == {"cpu": 0, "half": 10, "free": 0, "shut": 0, "new": 0}
    spread = Extender(Service(cluster(), policy="spread"))
    assert scores(spread, pod(gpu="1"), NAMES)["free"] == 10
    assert scores(of, pod(gpu="1"), ["free"]) == {"free": 10}


def test_is_written_as_kube_scheduler_reads_it() -> None:
    follower = Follower(MemoryAdapter(Orchestrator(0)))
    source = cluster()
    follower.adapter.snapshot = lambda: Snapshot(tuple(source.nodes()), (), (), "0")  # type: ignore[method-assign]
    follower._read()
    service = Service(follower)
    call = Caller(service, routers=[router(service, Api(), dict)])  # type: ignore[arg-type]
    asked = {"Pod": pod(gpu="1"), "Nodes": None, "NodeNames": ["free", 'odd"name\n']}
    told = call("POST", "/extender/prioritize", json=asked).json()
    assert told == [{"Host": "free", "Score": 10}, {"Host": 'odd"name\n', "Score": 0}]
    assert call("POST", "/extender/filter", json=asked).json()["NodeNames"] == ["free"]
    assert call("POST", "/extender/filter", content=b"{").status_code == 422
    assert call("POST", "/extender/filter", json=asked, token=None).status_code == 401
    local = Caller(service, routers=[], trust_loopback=True)
    assert local("GET", "/metrics", token=None).status_code == 200


def test_a_pod_that_the_model_cannot_say_is_kube_scheduler_s() -> None:
    strange = pod()
    strange["spec"]["resourceClaims"] = [{"name": "x"}]
    of = Extender(Service(cluster()))
    assert of.filter({"Pod": strange, "NodeNames": NAMES})["NodeNames"] == NAMES
    assert scores(of, strange, NAMES) == dict.fromkeys(NAMES, 0)


def test_keeps_nodes_on_which_eviction_helps() -> None:
    of = Extender(Service(cluster()), names=lambda: {"u-old": "default/old"})
    meta = {
        "half": {"Pods": [{"UID": "u-old"}], "NumPDBViolations": 1},
        "cpu": {"Pods": [{"UID": "u-other"}], "NumPDBViolations": 0},
    }
    asked = {"Pod": pod(gpu="3"), "NodeNameToVictims": None, "NodeNameToMetaVictims": meta}
    assert of.preempt(asked) == {"NodeNameToMetaVictims": {"half": meta["half"]}}
    old = {"metadata": {"name": "old", "namespace": "default", "uid": "u-old"}}
    whole = {"half": {"Pods": [old], "NumPDBViolations": 1}, "cpu": {"Pods": [], "NumPDBViolations": 0}}
    assert of.preempt(asked | {"NodeNameToVictims": whole, "NodeNameToMetaVictims": None}) == {
        "NodeNameToMetaVictims": {"half": meta["half"]}
    }
    assert of.service.cluster.runs("default/old")


class Api:
    """Answers bindings as told."""

    def __init__(self, *answers: Exception | dict[str, Any]) -> None:
        self.answers, self.asked = list(answers), []  # type: ignore[var-annotated]

    def call(self, method: str, path: str, body: Any = None, **_: Any) -> dict[str, Any]:
        self.asked.append((method, path, body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Pod", "NodeNames", "Nodes", "items", "metadata", "name", "spec", "Pods", "UID"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["Pod", "NodeNames", "Nodes", "NodeNameToMetaVictims", "Node"]), json_like
    )
)
def test_anything_is_an_answer_or_refused(arguments: Mapping[str, Any]) -> None:
    of = Extender(Service(cluster()))
    sent = arguments.get("NodeNames")
    for verb in (of.filter, of.prioritize, of.preempt, of.bind):
        try:
            told = json.loads(json.dumps(verb(arguments)))
        except (Refused, hal.HalError):
            continue
        if verb == of.filter and isinstance(sent, list):
            assert set(told["NodeNames"] or ()) <= set(sent)


KNOWN = {"cpu", "half", "free", "shut"}


def lone(name: str) -> hal.Cluster:
    """Return the cluster without its other nodes; nothing for a node that it has not."""
    alone = hal.Cluster([cluster().node(name)] if name in KNOWN else [])
    if name == "half":
        alone.bind(hal.Job("default/old", cpus=2, gpus=2), ["half"])
    return alone


def fits(alone: hal.Cluster, job: hal.Job) -> bool:
    return hal.place(alone, job)[0].placed


@given(
    st.lists(st.sampled_from([*NAMES, "x", "y"]), unique=True, max_size=7),
    st.integers(0, 5),
    st.integers(1, 12),
)
def test_agrees_with_placing_on_each_node_alone(names: list[str], gpus: int, cpus: int) -> None:
    of, job = Extender(Service(cluster())), hal.Job("j", cpus=cpus, memory=0, gpus=gpus)
    asked = pod(cpu=str(cpus), **({"gpu": str(gpus)} if gpus else {}))
    told = of.filter({"Pod": asked, "NodeNames": names})
    assert not set(told["NodeNames"]) - set(names)
    assert set(told["NodeNames"]) | set(told["FailedNodes"]) | set(told["FailedAndUnresolvableNodes"]) == set(
        names
    )
    found = scores(of, asked, names)
    told_job, _ = job_of(asked)
    assert told_job is not None
    by_name = {name: score for name, score, _ in hal.explain(cluster(), told_job, top=9).top if name in names}
    low, high = min(by_name.values(), default=0), max(by_name.values(), default=0)
    for name in names:
        alone = lone(name)
        assert (name in told["NodeNames"]) == fits(alone, job)
        share = (by_name[name] - low) / (high - low) if high > low and name in by_name else 1
        assert found[name] == (int(10 * share) if name in by_name else 0)
        if name in told["FailedNodes"] or name in told["FailedAndUnresolvableNodes"]:
            alone.release([old for old in ["default/old"] if alone.runs(old)])
            mended = name not in KNOWN or fits(alone, job)
            assert (name in told["FailedNodes"]) == mended
            assert name in KNOWN or told["FailedNodes"][name] == "hal does not know this node yet"
