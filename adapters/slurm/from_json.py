"""Records from Slurm's JSON, in both of its value forms: plain (22.05) and triplets (23.02 and later). Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hal.adapters.slurm.records import (
    JobRecord,
    NodeRecord,
    Reservation,
    Share,
    asked,
    least_nodes,
    memory_of,
    of_gpu,
    threads_of,
    words,
)

__all__ = ["job_from_json", "node_from_json", "number", "reservation_from_json"]


def number(value: Any, otherwise: int = 0) -> int:
    """Return a number that is plain (22.05), ``{set, infinite, number}`` (23.02 and later) or ``Infinity``."""
    if isinstance(value, Mapping):
        if not value.get("set", False) or value.get("infinite", False):
            return otherwise
        value = value.get("number", otherwise)
    if value in (None, "", "Infinity", "-Infinity", "NaN"):  # as parsers with the flag "complex" write them
        return otherwise
    return int(value)


def text(value: Any) -> str:
    """Return text that may be missing, null or ``(null)``."""
    return "" if value in (None, "(null)", "N/A") else str(value)


def node_from_json(value: Mapping[str, Any]) -> NodeRecord:
    """Read a node of ``sinfo --json`` (22.05) or ``scontrol show node --json`` (23.02 and later)."""
    states = words(value["state"]) + words(value.get("state_flags"))
    return NodeRecord(
        str(value["name"]),
        tuple(state.upper().rstrip("*") for state in states),
        number(value.get("effective_cpus")) or number(value["cpus"]),
        number(value["real_memory"]) - number(value.get("specialized_memory")),
        text(value.get("gres")),
        words(value.get("active_features") or value.get("features")),
        words(value.get("partitions")),
        number(value.get("alloc_cpus")),
        number(value.get("alloc_memory")),
        text(value.get("gres_used")),
        threads=threads_of(number(value["cpus"]), number(value.get("sockets")) * number(value.get("cores"))),
    )


def job_from_json(value: Mapping[str, Any]) -> JobRecord:
    """Read a job of ``squeue --json`` of 22.05, or of a parser of 23.02 and later."""
    state = words(value["job_state"])
    array_task = value.get("array_task_id")
    array = text(value.get("array_task_string"))
    if not array and array_task is not None and number(value.get("array_job_id")):
        array = str(number(array_task)) if number(array_task, -1) >= 0 else ""
    shared = words(value.get("shared"))
    return JobRecord(
        id=number(value["job_id"]),
        name=text(value.get("name")),
        user=text(value.get("user_name")),
        partition=text(value.get("partition")),
        state=state[0].upper() if state else "",
        reason=text(value.get("state_reason")),
        priority=number(value.get("priority")),
        nodes=max(number(value.get("node_count")), 1),
        cpus=number(value.get("cpus")),
        tasks=number(value.get("tasks")),
        memory_node=number(value.get("memory_per_node")),
        memory_cpu=number(value.get("memory_per_cpu")),
        memory_all=memory_of(text(value.get("tres_req_str"))),
        least=least_nodes(text(value.get("tres_req_str"))),
        most=number(value.get("max_nodes")),
        tasks_node=number(value.get("tasks_per_node")),
        cores=number(value.get("threads_per_core")) == 1,
        cpus_node=number(value.get("minimum_cpus_per_node")),
        cpus_gpu=of_gpu(text(value.get("cpus_per_tres"))),
        memory_gpu=of_gpu(text(value.get("memory_per_tres")), memory=True),
        tres_node=text(value.get("tres_per_node")),
        tres_job=text(value.get("tres_per_job")),
        tres_task=text(value.get("tres_per_task")),
        features=text(value.get("features")),
        required=text(value.get("required_nodes")),
        excluded=text(value.get("excluded_nodes")),
        dependency=text(value.get("dependency")),
        reservation=text(value.get("resv_name")),
        licenses=text(value.get("licenses")),
        comment=text(value.get("comment")),
        admin_comment=text(value.get("admin_comment")),
        exclusive=bool({"none", "exclusive"} & set(shared)),
        beyond=asked(
            exclusive=next(iter({"user", "mcs", "topo"} & set(shared)), ""),
            contiguous=bool(value.get("contiguous")),
            tmp=_mib(number(value.get("minimum_tmp_disk_per_node"))),
            switches=number(value.get("required_switches")),
            tres_per_socket=text(value.get("tres_per_socket")),
            core_spec=_specialised(value.get("core_spec")),
            thread_spec=_specialised(value.get("thread_spec")),
        ),
        ignored=asked(
            **{
                key: number(value.get(key))
                for key in ("sockets_per_node", "cores_per_socket", "tasks_per_socket", "tasks_per_core")
            },
            threads_per_core=_several(number(value.get("threads_per_core"))),
            prefer=text(value.get("prefer")),
            batch_features=text(value.get("batch_features")),
            burst_buffer=text(value.get("burst_buffer")),
        ),
        limit=number(value.get("time_limit")) * 60,
        eligible=number(value.get("eligible_time")),
        submitted=number(value.get("submit_time")),
        array=array,
        array_job=number(value.get("array_job_id")),
        het=number(value.get("het_job_id")),
        het_offset=number(value.get("het_job_offset")),
        given=text(value.get("nodes")),
        shares=_shares(value),
    )


def _several(threads: int) -> int:
    return threads if threads > 1 else 0


def _mib(amount: int) -> str:
    return f"{amount}M" if amount else ""


def _specialised(value: Any) -> int:
    """Return a number of specialised cores or threads: 32766 and above are none."""
    count = number(value)
    return count if count < 32766 else 0


def _shares(value: Mapping[str, Any]) -> tuple[Share, ...]:
    resources = value.get("job_resources") or {}
    gres = words_of_nodes(value.get("gres_detail"))
    shares: list[Share] = []
    inner = resources.get("nodes")
    if isinstance(inner, Mapping):  # 23.02 and later
        for row in inner.get("allocation") or ():
            shares.append(
                Share(str(row["name"]), number(row["cpus"]["count"]), number(row["memory"]["allocated"]), "")
            )
    else:
        for row in resources.get("allocated_nodes") or ():
            cores = sum(len(socket["cores"]) for socket in (row.get("sockets") or {}).values())
            shares.append(Share(str(row["nodename"]), cores, number(row["memory_allocated"]), ""))
    # Cores of several threads each are counted once here, in the job's CPUs by thread.
    told, cpus = sum(share.cpus for share in shares), number(value.get("cpus"))
    if 0 < told < cpus:
        shares = [dataclasses.replace(share, cpus=-(-share.cpus * cpus // told)) for share in shares]
    if gres and len(gres) == len(shares):
        shares = [Share(s.node, s.cpus, s.memory, g) for s, g in zip(shares, gres, strict=True)]
    return tuple(shares)


def words_of_nodes(value: Any) -> tuple[str, ...]:
    """Return one GRES string a node; a node without any has an empty one."""
    return tuple(text(item) for item in value) if isinstance(value, list) else ()


def reservation_from_json(value: Mapping[str, Any]) -> Reservation:
    """Read a reservation of ``scontrol show reservation --json``."""
    return Reservation(
        str(value["name"]),
        text(value.get("node_list")),
        number(value.get("start_time")),
        number(value.get("end_time")),
        words(value.get("flags")),
        text(value.get("tres")),
    )
