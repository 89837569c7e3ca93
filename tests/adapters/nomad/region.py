"""The state of a region of Nomad, and the part of its scheduler that steering stands on.

Jobs register with an index, a group goes where its constraints and the room allow, and all of it is told by events.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from typing import Any

from tests.adapters.nomad.schema import Schema


class Region:
    """One region: nodes, jobs, allocations, an index that grows, and the last ``keep`` events."""

    def __init__(self, structs: dict[str, dict[str, str]], *, keep: int = 100) -> None:
        self.schema, self.keep = Schema(structs), keep
        self.changed = threading.Condition(threading.RLock())
        self.index = 100
        self.touched = {"nodes": 100, "jobs": 100, "allocations": 100}
        self.nodes: dict[str, dict[str, Any]] = {}
        self.jobs: dict[tuple[str, str], dict[str, Any]] = {}
        self.allocs: dict[str, dict[str, Any]] = {}
        self.events: list[tuple[int, list[dict[str, Any]]]] = []
        self.wrong: list[str] = []

    def tell(self, table: str, topic: str, kind: str, payload: dict[str, Any], key: str) -> int:
        """Count up, and keep an event."""
        with self.changed:
            self.index += 1
            self.touched[table] = self.index
            row = next(iter(payload.values()))
            row["ModifyIndex"] = self.index
            row.setdefault("CreateIndex", self.index)
            told = json.loads(json.dumps(payload))
            event = {"Topic": topic, "Type": kind, "Key": key, "Index": self.index, "Payload": told}
            self.events.append((self.index, [event]))
            del self.events[: -self.keep]
            self.changed.notify_all()
            return self.index

    # ---- as an operator or a user ------------------------------------------------------------------------

    def add_node(self, node: dict[str, Any]) -> None:
        """Let a node register, or change."""
        with self.changed:
            self.nodes[node["ID"]] = node
            self.tell("nodes", "Node", "NodeRegistration", {"Node": node}, node["ID"])
            self.schedule()

    def set_node(self, node: str, **fields: Any) -> None:
        """Change a node's state; allocations of one that is down are lost."""
        with self.changed:
            self.nodes[node] = {**self.nodes[node], **fields}
            self.tell("nodes", "Node", "NodeEvent", {"Node": self.nodes[node]}, node)
            if fields.get("Status") == "down":
                for alloc in list(self.allocs.values()):
                    if alloc["NodeID"] == node and alloc["ClientStatus"] in ("running", "pending"):
                        self.set_alloc(alloc["ID"], ClientStatus="lost", DesiredStatus="stop")
            self.schedule()

    def remove_node(self, node: str) -> None:
        """Purge a node."""
        with self.changed:
            self.tell("nodes", "Node", "NodeDeregistration", {"Node": self.nodes.pop(node)}, node)

    def set_alloc(self, alloc: str, **fields: Any) -> None:
        """Let a client tell of an allocation."""
        with self.changed:
            self.allocs[alloc] = {**self.allocs[alloc], **fields}
            self.tell(
                "allocations", "Allocation", "AllocationUpdated", {"Allocation": self.allocs[alloc]}, alloc
            )

    def purge(self, job: str, namespace: str = "default") -> None:
        """Stop and purge a job."""
        with self.changed:
            gone = self.jobs.pop((namespace, job))
            self.tell("jobs", "Job", "JobDeregistered", {"Job": gone}, job)
            for alloc in list(self.allocs.values()):
                if (alloc["Namespace"], alloc["JobID"]) == (namespace, job):
                    self.set_alloc(alloc["ID"], ClientStatus="complete", DesiredStatus="stop")

    def register(self, job: dict[str, Any]) -> int:
        """Register a job as it is, whatever its index was."""
        with self.changed:
            key = job.get("Namespace") or "default", job["ID"]
            old = self.jobs.get(key)
            job = {
                **job,
                "Namespace": key[0],
                "Status": "pending",
                "Stop": False,
                "Version": old["Version"] + 1 if old else 0,
            }
            if old is not None:
                job |= {"CreateIndex": old["CreateIndex"], "Version": old["Version"] + 1}
            self.jobs[key] = job
            job["JobModifyIndex"] = self.index + 1
            index = self.tell("jobs", "Job", "JobRegistered", {"Job": job}, job["ID"])
            self.schedule()
            return index

    # ---- what Nomad's scheduler does ---------------------------------------------------------------------

    def schedule(self) -> None:
        """Place what can be placed."""
        for (namespace, name), job in list(self.jobs.items()):
            for group in job["TaskGroups"]:
                for node in self.would(job, group):
                    alloc = {
                        "ID": str(uuid.uuid4()), "Namespace": namespace, "JobID": name, "TaskGroup": group["Name"],
                        "Name": f"{name}.{group['Name']}[0]", "NodeID": node, "NodeName": self.nodes[node]["Name"],
                        "DesiredStatus": "run", "ClientStatus": "running", "CreateIndex": self.index + 1,
                        "AllocatedResources": _given(group, self, node),
                    }  # fmt: skip
                    self.allocs[alloc["ID"]] = alloc
                    self.tell("allocations", "Allocation", "PlanResult", {"Allocation": alloc}, alloc["ID"])

    def would(self, job: dict[str, Any], group: dict[str, Any]) -> list[str]:
        """Return the nodes that the missing allocations of a group would be given."""
        own = job["Namespace"], job["ID"], group["Name"]
        have = [
            a for a in self.allocs.values()
            if (a["Namespace"], a["JobID"], a["TaskGroup"]) == own
            and (_live(a) or (a["ClientStatus"], a["DesiredStatus"]) == ("complete", "run"))
        ]  # fmt: skip
        chosen: list[str] = []
        shares = {
            target["Value"]: target["Percent"]
            for spread in group.get("Spreads") or ()
            for target in spread["SpreadTarget"]
        }
        count = group.get("Count", 1)
        for _ in range(count - len(have)):
            fits = [n for n, node in self.nodes.items() if self._fits(job, group, node, chosen)]
            if not fits:
                return chosen if len(chosen) == count else []
            # Nearest to what the affinities and the share of the spread ask for.
            wishes = [w for w in group.get("Affinities") or () if w["LTarget"] == "${node.unique.id}"]
            fits.sort(
                key=lambda n: (
                    sum(w["Weight"] for w in wishes if _is(w, n)),
                    shares.get(n, 0) * count / 100 - chosen.count(n),
                ),
                reverse=True,
            )
            chosen.append(fits[0])
        return chosen

    def _fits(
        self, job: dict[str, Any], group: dict[str, Any], node: dict[str, Any], chosen: list[str]
    ) -> bool:
        if node["Status"] != "ready" or node["SchedulingEligibility"] != "eligible" or node.get("Drain"):
            return False
        constraints = [*(job.get("Constraints") or ()), *(group.get("Constraints") or ())]
        for c in constraints:
            known = {"${node.unique.id}": node["ID"], "${node.class}": node["NodeClass"]}
            known |= {f"${{meta.{key}}}": value for key, value in node["Meta"].items()}
            value = known.get(c.get("LTarget", ""), "")
            if c["Operand"] == "=" and value != c["RTarget"]:
                return False
            if c["Operand"] == "regexp" and not re.search(c["RTarget"], value):
                return False
            if c["Operand"] == "distinct_hosts" and node["ID"] in chosen:
                return False
        asked = group["Tasks"][0]["Resources"]
        cpu = asked.get("CPU", 100) * (1 + chosen.count(node["ID"]))
        gpus = sum(d.get("Count", 1) for d in asked.get("Devices") or ())
        for alloc in self.allocs.values():
            if alloc["NodeID"] == node["ID"] and alloc["ClientStatus"] in ("running", "pending"):
                cpu += sum(t["Cpu"]["CpuShares"] for t in alloc["AllocatedResources"]["Tasks"].values())
        free = [key for key in _gpu_ids(node) if key not in self.taken()]
        has = node["NodeResources"]["Cpu"]["CpuShares"] - node["ReservedResources"]["Cpu"]["CpuShares"]
        return cpu <= has and gpus * (1 + chosen.count(node["ID"])) <= len(free)

    def taken(self) -> set[str]:
        """Ids of devices in use."""
        return {
            key
            for alloc in self.allocs.values() if alloc["ClientStatus"] in ("running", "pending")
            for task in alloc["AllocatedResources"]["Tasks"].values()
            for device in task.get("Devices") or () for key in device["DeviceIDs"]
        }  # fmt: skip

    # ---- the API -----------------------------------------------------------------------------------------

    def check(self, struct: str, value: Any, where: str) -> Any:
        """Hold something to the API."""
        self.wrong += [f"{where}: {bad}" for bad in self.schema.unknown(struct, value)]
        return value

    def stub(self, struct: str, row: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a row that a list shows."""
        return {key: row[key] for key in self.schema.fields(struct) if key in row}

    def plan(self, job: dict[str, Any]) -> dict[str, Any]:
        """Try a job out."""
        current = self.jobs.get((job.get("Namespace") or "default", job["ID"]))
        failed = {}
        for group in job["TaskGroups"]:
            missing = group.get("Count", 1) - sum(
                a["JobID"] == job["ID"] and a["TaskGroup"] == group["Name"] and a["ClientStatus"] == "running"
                for a in self.allocs.values()
            )
            if missing and not self.would(job, group):
                failed[group["Name"]] = {"NodesEvaluated": len(self.nodes), "DimensionExhausted": {"cpu": 1}}
        return {
            "JobModifyIndex": current["JobModifyIndex"] if current else 0,
            "FailedTGAllocs": failed or None,
        }


def _is(wish: dict[str, Any], node: str) -> bool:
    return bool(re.search(wish["RTarget"], node)) if wish["Operand"] == "regexp" else wish["RTarget"] == node


def _live(alloc: dict[str, Any]) -> bool:
    return alloc["ClientStatus"] in ("running", "pending")


def _gpu_ids(node: dict[str, Any]) -> list[str]:
    devices = node["NodeResources"].get("Devices") or ()
    return [row["ID"] for device in devices for row in device["Instances"] if row["Healthy"]]


def _given(group: dict[str, Any], nomad: Region, node: str) -> dict[str, Any]:
    tasks = {}
    for task in group["Tasks"]:
        asked = task["Resources"]
        count = sum(d.get("Count", 1) for d in asked.get("Devices") or ())
        free = [key for key in _gpu_ids(nomad.nodes[node]) if key not in nomad.taken()]
        devices = (
            [{"Vendor": "nvidia", "Type": "gpu", "Name": "a100", "DeviceIDs": free[-count:]}]
            if count
            else None
        )
        tasks[task["Name"]] = {
            "Cpu": {"CpuShares": asked.get("CPU", 100)},
            "Memory": {"MemoryMB": asked.get("MemoryMB", 300), "MemoryMaxMB": 0},
            "Devices": devices,
        }
    return {"Tasks": tasks, "TaskLifecycles": {}, "Shared": {"DiskMB": 300, "Networks": None, "Ports": None}}
