"""Nomad's JSON in hal's model: the captures, what cannot be said, and anything at all."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hal.adapters.nomad import NomadAdapter
from hal.adapters.nomad.allocs import alloc_held
from hal.adapters.nomad.convert import group_job, node_model
from hal.adapters.nomad.fields import Unsaid
from hal.adapters.nomad.steer import own_affinities, pinned, steer
from hypothesis import given
from hypothesis import strategies as st

import hal
from tests.adapters.nomad.objects import GATE, captured, job, node
from tests.adapters.nomad.schema import Schema

NODE = "151be1dc-92e7-a488-f7dc-49faaf5a4c96"
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.just("running"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def test_captures_hold_what_they_say(captures: Path) -> None:
    held = {
        alloc["Name"]: alloc_held(alloc, None) for allocs in captured(captures).values() for alloc in allocs
    }
    assert {name for name, one in held.items() if one is None} == {
        "batch_pause_1/dispatch-1617658691-953e00d9.batch_pause[0]",
        "batch_pause_1/dispatch-1617658692-3bfe3430.batch_pause[0]",
        "batch_pause_1/dispatch-1617658700-630a3836.batch_pause[0]",
    }
    one = held["batch_pause_2.batch_pause[0]"]
    assert one is not None
    assert (one.group.name, one.node) == ("batch_pause_2.batch_pause", NODE)
    assert dict(one.request) == {"cpu": 100, "memory": 256, "disk": 300}


def test_the_jobs_of_captures_are_jobs(captures: Path) -> None:
    schema = Schema(json.loads((captures / "api_fields.json").read_text()))
    seen = 0
    for allocs in captured(captures).values():
        for alloc in allocs:
            raw = alloc["Job"]
            (group,) = raw["TaskGroups"]
            if raw["Type"] == "system":
                with pytest.raises(Unsaid, match="system"):
                    group_job(raw, group, "j", [])
                continue
            asked = {**raw, "ParameterizedJob": None}
            found = group_job(asked, group, "j", [])
            assert (found.cpu_milli, found.tasks) == (100, 1)
            assert found.memory_mib in (256, 1500)
            assert dict(found.resources) == {"disk": 300}
            wanted = {s.key: list(s.values) for s in found.selector if isinstance(s, hal.Selector)}
            assert wanted["node.datacenter"] == ["dc1"]
            assert wanted.get("node.class", ["batch"]) == ["batch"]
            steered = steer(raw, group["Name"], [NODE])
            assert pinned(steered, steered["TaskGroups"][0]) == (NODE,)
            old = set(schema.unknown("Job", raw))  # of a release before the field names
            assert set(schema.unknown("Job", steered)) <= old
            seen += 1
    assert seen >= 3


def test_a_node_has_what_it_says() -> None:
    dropped: list[Any] = []
    raw = node(NODE, "gpu-1", gpus=2)
    raw["NodeResources"]["Devices"][0]["Instances"][0]["Healthy"] = False
    raw["NodeResources"]["Devices"].append(
        {"Vendor": "intel", "Type": "fpga", "Name": "x", "Instances": [{"ID": "f0", "Healthy": True}]}
    )
    found = node_model(raw, dropped)
    assert (found.name, found.cpu_milli, found.memory_mib) == ("gpu-1-151be1dc", 4000, 8192)
    assert [(gpu.model, gpu.memory) for gpu in found.gpus] == [("a100", 40960)]
    assert dict(found.resources) == {"disk": 50_000, "device/intel/fpga/x": 1}
    assert found.labels["attr.kernel.name"] == "linux"
    assert found.labels["meta.rack"] == "r1"
    assert "driver.docker" in found.labels
    assert "driver.exec" not in found.labels
    assert not dropped
    for change in ({"Drain": True}, {"SchedulingEligibility": "ineligible"}, {"Status": "down"}):
        assert not node_model({**raw, **change}, dropped).schedulable


@pytest.mark.parametrize(
    ("constraint", "selector"),
    [
        (("${attr.kernel.name}", "=", "linux"), ("attr.kernel.name", "In", ["linux"])),
        (("${meta.rack}", "!=", "r1"), ("meta.rack", "NotIn", ["r1"])),
        (("${meta.ssd}", "is_set", ""), ("meta.ssd", "Exists", [])),
        (("${node.class}", "", "batch"), ("node.class", "In", ["batch"])),
        (("${attr.os.version}", "version", ">= 2"), ("attr.os.version", "In", ["version >= 2"])),
        (("${attr.cpu.arch}", "regexp", "(a+)+b"), None),
        (("${attr.cpu.arch}", "distinct_property", "2"), ("attr.cpu.arch", "Exists", [])),  # of one task
        (("${meta.rack}", "=", "${meta.other}"), None),
        (("literal", "=", "linux"), None),
    ],
)
def test_constraints(constraint: tuple[str, str, str], selector: tuple[str, str, list[str]] | None) -> None:
    raw = job("j", Constraints=[dict(zip(("LTarget", "Operand", "RTarget"), constraint, strict=True))])
    if selector is None:
        with pytest.raises(Unsaid):
            group_job(raw, raw["TaskGroups"][0], "j", [])
        return
    found = group_job(raw, raw["TaskGroups"][0], "j", []).selector
    assert selector in [(s.key, s.op, list(s.values)) for s in found if isinstance(s, hal.Selector)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"Type": "sysbatch"}, "Type"),
        ({"Periodic": {"Enabled": True}}, "Periodic"),
        ({"Datacenters": [1]}, "Datacenters"),
        ({"TaskGroups": [{"Volumes": {"v": {"Type": "csi", "Source": "x"}}}]}, "Volumes"),
        ({"TaskGroups": [{"Tasks": [{"Resources": {"Cores": 2}}]}]}, "Cores"),
        ({"TaskGroups": [{"Tasks": [{"Resources": {"Devices": [{"Name": "fpga"}]}}]}]}, "Devices"),
        ({"TaskGroups": [{"Tasks": "none"}]}, "Tasks"),
    ],
)
def test_what_cannot_be_said_names_its_field(change: dict[str, Any], field: str) -> None:
    raw = {**job("j"), **change}
    with pytest.raises(Unsaid) as caught:
        group_job(raw, raw["TaskGroups"][0], "j", [])
    assert caught.value.field == field


def test_tasks_of_a_group_share_what_they_do_not_need_at_once() -> None:
    def task(cpu: int, hook: str = "", sidecar: bool = False) -> dict[str, Any]:
        lifecycle = {"Hook": hook, "Sidecar": sidecar} if hook else None
        return {"Name": "t", "Resources": {"CPU": cpu, "MemoryMB": 10}, "Lifecycle": lifecycle}

    tasks = [
        task(1000, "prestart"),
        task(300),
        task(400, "poststart"),
        task(50, "prestart", True),
        task(100, "poststop"),
    ]
    raw = job("j", TaskGroups=[{"Name": "g", "Tasks": tasks}])
    found = group_job(raw, raw["TaskGroups"][0], "j", [])
    assert (found.cpu_milli, found.memory_mib) == (1050, 30)


def test_static_ports_keep_groups_apart() -> None:
    raw = job("j")
    raw["TaskGroups"][0]["Networks"] = [{"ReservedPorts": [{"Label": "http", "Value": 80}]}]
    jobs = [group_job(raw, raw["TaskGroups"][0], name, []) for name in "abc"]
    cluster = hal.Cluster([node_model(node(f"{i}-0000-0", f"n{i}"), []) for i in (1, 2)])
    placements = hal.place(cluster, jobs)
    assert [placement.placed for placement in placements] == [True, True, False]
    assert len({placement.nodes for placement in placements}) == 3


@given(st.lists(st.sampled_from(["id-a", "id-b", "id-c"]), min_size=1, max_size=9))
def test_a_steered_job_says_where_it_was_put(nodes: list[str]) -> None:
    raw = job("j", count=len(nodes), Constraints=[dict(GATE), {"Operand": "distinct_hosts"}])
    before = copy.deepcopy(raw)
    steered = steer(raw, "main", nodes)
    assert raw == before
    (group,) = steered["TaskGroups"]
    assert pinned(raw, raw["TaskGroups"][0]) is None
    assert pinned(steered, group) == tuple(nodes)
    assert steered["Constraints"] == [{"Operand": "distinct_hosts"}]
    assert len(group["Constraints"]) == 1
    again = steer(steered, "main", ["id-d"])
    assert again["TaskGroups"][0]["Constraints"] == [{**GATE, "RTarget": "id-d"}]


@given(st.lists(st.sampled_from(["id-a", "id-b", "id-c"]), min_size=1, max_size=9), st.booleans())
def test_a_wish_for_nodes_leaves_those_of_the_user_as_they_are(nodes: list[str], wishes: bool) -> None:
    own = [{"LTarget": GATE["LTarget"], "RTarget": "id-a", "Operand": "=", "Weight": 30}] * wishes
    raw = job("j", count=len(nodes), Constraints=[dict(GATE)])
    raw["TaskGroups"][0]["Affinities"] = own
    for chosen in (nodes, ["id-d"]):
        raw = steer(raw, "main", chosen, "Affinities")
        (group,) = raw["TaskGroups"]
        assert pinned(raw, group) == tuple(chosen)
        assert not group["Constraints"]
        assert own_affinities(group) == own
        assert [(wish["Weight"], wish["LTarget"]) for wish in group["Affinities"]] == [
            (30, GATE["LTarget"])
        ] * wishes + [(100, GATE["LTarget"])]
        model = group_job(raw, group, "j.main", [], lambda label: ["id-a"], lambda: ())
        assert len([rule for rule in model.rules if isinstance(rule, hal.Prefer)]) == wishes
    hard = steer(raw, "main", ["id-e"])["TaskGroups"][0]
    assert (hard["Affinities"], hard["Constraints"]) == (own, [{**GATE, "RTarget": "id-e"}])


class AnyJson:
    """A client of a server that says anything."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def get(self, path: str, **query: Any) -> tuple[Any, int]:
        kind = next(
            kind for kind in ("nodes", "node", "jobs", "job", "allocations") if path.startswith(f"/v1/{kind}")
        )
        return self.answers[kind], 5

    def close(self) -> None:
        """Nothing is open."""


def broken(row: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Draw a true answer with parts of it replaced by anything."""

    def rewrite(node: Any, path: tuple[int, ...], value: Any) -> Any:
        if not path or not isinstance(node, (dict, list)) or not node:
            return value
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[path[0] % len(keys)]
        changed = copy.copy(node)
        changed[key] = rewrite(node[key], path[1:], value)
        return changed

    paths = st.lists(st.integers(0, 40), min_size=1, max_size=6).map(tuple)
    return st.builds(lambda path, value: rewrite(row, path, value), paths, values)


ALLOC = {
    "ID": "a1", "Namespace": "default", "JobID": "j", "TaskGroup": "main", "NodeID": NODE, "ClientStatus": "running",
    "CreateIndex": 3,
    "AllocatedResources": {
        "Tasks": {"run": {
            "Cpu": {"CpuShares": 5}, "Memory": {"MemoryMB": 5},
            "Devices": [{"Vendor": "nvidia", "Type": "gpu", "Name": "a100", "DeviceIDs": ["GPU-151b-0"]}],
        }},
        "TaskLifecycles": {"run": None}, "Shared": {"DiskMB": 3, "Ports": [{"Value": 80}]},
    },
}  # fmt: skip
JOB = {**job("j"), "JobModifyIndex": 4, "ModifyIndex": 4, "CreateIndex": 2}


@given(
    values | st.lists(broken(node(NODE, "n", gpus=2)), max_size=2),
    values | broken(node(NODE, "n", gpus=2)),
    values | st.lists(broken(JOB), max_size=2),
    values | broken(JOB),
    values | st.lists(broken(ALLOC), max_size=2),
)
def test_any_json_is_a_snapshot_or_a_typed_error(
    nodes: Any, node: Any, jobs: Any, job: Any, allocations: Any
) -> None:
    answers = {"nodes": nodes, "node": node, "jobs": jobs, "job": job, "allocations": allocations}
    adapter = NomadAdapter(events=False, client=AnyJson(answers))  # type: ignore[arg-type]  # it reads nothing else
    try:
        snapshot = adapter.snapshot()
    except hal.AdapterError:
        return
    assert len(snapshot.cluster) == len(snapshot.nodes)


@given(values | broken({"Index": 9, "Events": [{"Topic": "Job", "Type": "x", "Payload": {"Job": JOB}}]}))
def test_any_event_is_taken_in_or_stale(line: Any) -> None:
    answers = {"nodes": [], "jobs": [], "allocations": []}
    adapter = NomadAdapter(events=False, client=AnyJson(answers))  # type: ignore[arg-type]  # it reads nothing else
    adapter.snapshot()
    try:
        adapter._listener.take(line)
        adapter._now()
    except hal.AdapterError:
        return


@pytest.mark.parametrize("option", ["timeout", "patience", "resync"])
def test_seconds_that_cannot_be_are_named(option: str) -> None:
    with pytest.raises(hal.AdapterError, match=f"{option} = 0.0: must be more than 0 seconds"):
        NomadAdapter(**{option: 0.0})  # type: ignore[arg-type]


def test_where_nomad_cannot_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(hal.AdapterError, match=r"address = 'lab:4646': give http://host:port"):
        NomadAdapter(address="lab:4646")
    with pytest.raises(hal.AdapterError, match=r"certificates \(.*none\.pem\): No such file"):
        NomadAdapter(ca_cert=str(tmp_path / "none.pem"))
