"""Binding by the scheduler extender: the place is taken first, and given back if nothing came of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hal.adapters import Follower, Snapshot
from hal.adapters.kubernetes.client import ApiError
from hal.adapters.kubernetes.extender import Extender
from hal.adapters.kubernetes.places import NAME
from hal.adapters.kubernetes.requests import SHARE
from hal.adapters.kubernetes.wire import Refused

import hal
from hal.server import Service
from tests.adapters.kubernetes.test_extender import NAMES, Api, cluster, pod
from tests.adapters.memory import MemoryAdapter, Orchestrator


def binding(**other: str) -> dict[str, str]:
    """Return ExtenderBindingArgs for the pod above."""
    meta = pod()["metadata"]
    return {"PodName": "p", "PodNamespace": "default", "PodUID": meta["uid"], "Node": "free"} | other


def following(*answers: Any) -> tuple[Extender, Follower, Api]:
    """Return an extender on a followed cluster, its follower and the API server."""
    follower = Follower(MemoryAdapter(Orchestrator(0)))
    source = cluster()
    follower.adapter.snapshot = lambda: Snapshot(tuple(source.nodes()), (), (), "0")  # type: ignore[method-assign]  # what it is to read
    follower._read()
    api = Api(*answers)
    return Extender(Service(follower), client=api, follow=follower.follow), follower, api  # type: ignore[arg-type]  # it answers like a Client


def test_binds_and_books_at_once() -> None:
    of, follower, api = following({})
    of.filter({"Pod": pod(gpu="3"), "NodeNames": NAMES})
    assert of.bind(binding()) == {"Error": ""}
    ((method, path, body),) = api.asked
    assert (method, path) == ("POST", "/api/v1/namespaces/default/pods/p/binding")
    assert body["target"] == {"kind": "Node", "name": "free"}
    assert body["metadata"]["uid"] == pod()["metadata"]["uid"]
    assert follower.cluster.runs("default/p")
    told = of.filter({"Pod": pod("q", gpu="3"), "NodeNames": ["free"]})
    assert told["FailedNodes"] == {"free": "too few idle GPUs"}  # before the watch says anything
    assert of.bind(binding(PodName="q", PodUID=pod("q")["metadata"]["uid"]))["Error"].startswith("free: ")
    assert len(api.asked) == 1


def test_a_pod_that_shares_devices_is_told_which() -> None:
    of, follower, api = following({}, {})
    for node in list(follower.cluster.nodes()):  # as the adapter reads them
        follower.cluster.update(dataclasses.replace(node, labels={NAME: node.name}))
    follower.cluster.bind(hal.Job("default/first", gpu_share=0.5, gpus=1), ["free"], gpus=[(2,)])
    asked = pod(cpu="1")
    asked["metadata"]["annotations"] = {SHARE: "400", "alibabacloud.com/gpu-count": "1"}
    of.filter({"Pod": asked, "NodeNames": NAMES})
    assert of.bind(binding()) == {"Error": ""}
    ((_, _, body),) = api.asked
    assert body["metadata"]["annotations"] == {
        "alibabacloud.com/gpu-index": "2"
    }  # best fit: beside the other
    with follower.lock, follower.cluster.what_if() as trial:
        trial.release("default/first")
        told = hal.survey(trial, hal.Job("whole", gpus=4))
        assert told.reason[trial.node_names().index("free")] >= 0  # and it is booked there


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([ApiError(403, "no")], "403: no"),
        ([ApiError(409, "bound"), {"metadata": {"uid": "u"}, "spec": {"nodeName": "cpu"}}], "409: bound"),
        ([hal.AdapterError("timed out"), hal.AdapterError("still")], "timed out"),
    ],
)
def test_what_was_not_bound_is_not_booked(answers: list[Any], error: str) -> None:
    of, follower, _ = following(*answers)
    before = follower.cluster.digest()
    of.filter({"Pod": pod(gpu="3"), "NodeNames": NAMES})
    assert of.bind(binding()) == {"Error": error}
    assert follower.cluster.digest() == before


@pytest.mark.parametrize("name", ["é", "../secrets/x", "a?b=c", "a b", "a\r\nX: y", "%2e%2e", ""])
def test_a_name_leads_nowhere_else(name: str) -> None:
    of, _, api = following({})
    for field in ("PodName", "PodNamespace", "Node"):
        with pytest.raises(Refused, match="must be a name"):
            of.bind(binding(**{field: name}))
    assert not api.asked


def test_a_lost_answer_is_looked_for() -> None:
    mine = {"metadata": {"uid": pod()["metadata"]["uid"]}, "spec": {"nodeName": "free"}}
    of, follower, _ = following(hal.AdapterError("timed out"), mine)
    of.filter({"Pod": pod(gpu="3"), "NodeNames": NAMES})
    assert of.bind(binding()) == {"Error": ""}
    assert follower.cluster.runs("default/p")
