"""Nodes and jobs as Nomad's API has them, and answers that were recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GATE = {"LTarget": "${node.unique.id}", "RTarget": "hal", "Operand": "="}


def captured(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Node id → its allocations, as a real server answered."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*-*.json"))}


def node(node_id: str, name: str, *, gpus: int = 0) -> dict[str, Any]:
    """Return a node of 4,000 MHz and 8 GiB."""
    instances = [
        {"ID": f"GPU-{node_id[:4]}-{i}", "Healthy": True, "HealthDescription": ""} for i in range(gpus)
    ]
    memory = {"memory": {"Int": 40960, "Unit": "MiB"}}
    device = {"Vendor": "nvidia", "Type": "gpu", "Name": "a100", "Instances": instances, "Attributes": memory}
    return {
        "ID": node_id, "Name": name, "Datacenter": "dc1", "NodeClass": "batch", "NodePool": "default", "Drain": False,
        "Status": "ready", "SchedulingEligibility": "eligible",
        "Attributes": {"kernel.name": "linux", "cpu.arch": "amd64", "unique.hostname": name},
        "Meta": {"rack": f"r{node_id[0]}"},
        "Drivers": {"docker": {"Detected": True, "Healthy": True}, "exec": {"Detected": True, "Healthy": False}},
        "NodeResources": {
            "Cpu": {"CpuShares": 4200, "TotalCpuCores": 2}, "Memory": {"MemoryMB": 8192}, "Disk": {"DiskMB": 50_000},
            "Devices": [device] if gpus else None,
        },
        "ReservedResources": {"Cpu": {"CpuShares": 200}, "Memory": {"MemoryMB": 0}, "Disk": {"DiskMB": 0}},
    }  # fmt: skip


def job(
    name: str, *, count: int = 1, cpu: int = 500, gpus: int = 0, gated: bool = True, **more: Any
) -> dict[str, Any]:
    """Return a job of hal's with one group."""
    resources: dict[str, Any] = {"CPU": cpu, "MemoryMB": 256}
    if gpus:
        resources["Devices"] = [{"Name": "nvidia/gpu", "Count": gpus}]
    group = {
        "Name": "main", "Count": count, "Constraints": [dict(GATE)] if gated else None,
        "Tasks": [{"Name": "run", "Driver": "docker", "Config": {"image": "busybox"}, "Resources": resources}],
    }  # fmt: skip
    plain = {
        "ID": name, "Name": name, "Namespace": "default", "Type": "batch", "Priority": 50, "Datacenters": ["dc1"],
        "Meta": {"hal": "yes"}, "TaskGroups": [group],
    }  # fmt: skip
    return {**plain, **more}
