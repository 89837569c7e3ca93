"""Records from ``scontrol -o`` where there is no JSON. Pure.

Names and comments are written by users and may hold anything, also what looks like another field. A job's name is
therefore taken up to the last place where the fields that always follow it stand, and of a field that comes twice the
first counts: those that users write come last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

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

import hal
import hal.topology

__all__ = ["fields", "job_from_text", "licences_from_text", "node_from_text", "reservation_from_text"]

_KEY = re.compile(r"(?:^|\s)([A-Z][A-Za-z]*(?:[:/&_][A-Za-z]+)*)=")
_JOB = re.compile(
    r"\sJobName=(?P<name>.*)(?P<rest>\s(?:HetJobIdSet=\S+\s)?UserId=\S+\sGroupId=.*)$", re.DOTALL
)
_DETAIL = re.compile(r"\sNodes=(?P<nodes>\S+) CPU_IDs=(?P<cpus>\S+) Mem=(?P<memory>\d+) GRES=(?P<gres>\S*)")
_DURATION = re.compile(r"^(?:(?P<d>\d+)-)?(?:(?P<h>\d+):)?(?P<m>\d+):(?P<s>\d+)$")


def fields(line: str) -> dict[str, str]:
    """Return the fields of one line; the first of two of the same name."""
    found = list(_KEY.finditer(line))
    values: dict[str, str] = {}
    for index, key in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(line)
        values.setdefault(key[1], line[key.end() : end].strip())
    return values


def node_from_text(line: str) -> NodeRecord:
    """Read a line of ``scontrol -o show nodes``.

    Raises
    ------
    AdapterError
        A field that every node has is not there.
    """
    value = fields(line)
    _need(value, ("NodeName", "State", "CPUTot", "RealMemory"), line)
    states = tuple(part.rstrip("*~#!%$@^-") for part in value["State"].split("+"))
    unanswered = ("NOT_RESPONDING",) if "*" in value["State"] else ()
    return NodeRecord(
        value["NodeName"],
        states + unanswered,
        _whole(value.get("CPUEfctv") or value["CPUTot"]),
        _whole(value["RealMemory"]) - _whole(value.get("MemSpecLimit", "0")),
        _text(value.get("Gres")),
        words(_text(value.get("ActiveFeatures"))),
        words(_text(value.get("Partitions"))),
        _whole(value.get("CPUAlloc", "0")),
        _whole(value.get("AllocMem", "0")),
        _text(value.get("GresUsed")),
        threads=threads_of(
            _whole(value["CPUTot"]),
            _whole(value.get("Sockets", "0")) * _whole(value.get("CoresPerSocket", "0")),
        ),
    )


def job_from_text(line: str) -> JobRecord:
    """Read a line of ``scontrol -o -d show jobs``.

    Raises
    ------
    AdapterError
        A field that every job has is not there.
    """
    parts = _JOB.search(line)
    if parts is None:
        raise hal.AdapterError(f"job: {line[:80]!r} has no name and user")
    value = fields(line[: parts.start()]) | fields(parts["rest"])
    _need(value, ("JobId", "JobState", "NumNodes", "NumCPUs"), line)
    nodes, _, most = value["NumNodes"].partition("-")
    _, sockets, cores, threads = _four(value.get("ReqB:S:C:T", ""))
    by_node, _, by_socket, by_core = _four(value.get("NtasksPerN:B:S:C", ""))
    tres = _text(value.get("TRES") or value.get("ReqTRES"))
    per_node, per_cpu = value.get("MinMemoryNode", ""), value.get("MinMemoryCPU", "")
    return JobRecord(
        id=_whole(value["JobId"]),
        name=parts["name"],
        user=value["UserId"].split("(")[0],
        partition=_text(value.get("Partition")),
        state=value["JobState"],
        reason=_text(value.get("Reason")),
        priority=_whole(value.get("Priority", "0")),
        nodes=max(_whole(nodes), 1),
        cpus=_whole(value["NumCPUs"].split("-")[0]),
        tasks=_whole(value.get("NumTasks", "0")),
        memory_node=memory_of(f"mem={per_node}"),
        memory_cpu=memory_of(f"mem={per_cpu}"),
        memory_all=memory_of(tres),
        least=least_nodes(tres),
        most=_whole(most or "0"),
        tasks_node=_starred(by_node),
        cores=threads == "1",
        cpus_node=_whole(value.get("MinCPUsNode", "0")),
        cpus_gpu=of_gpu(_text(value.get("CpusPerTres"))),
        memory_gpu=of_gpu(_text(value.get("MemPerTres")), memory=True),
        tres_node=_text(value.get("TresPerNode")),
        tres_job=_text(value.get("TresPerJob")),
        tres_task=_text(value.get("TresPerTask")),
        features=_text(value.get("Features")),
        required=_text(value.get("ReqNodeList")),
        excluded=_text(value.get("ExcNodeList")),
        dependency=_text(value.get("Dependency")),
        reservation=_text(value.get("Reservation")),
        licenses=_text(value.get("Licenses")),
        comment=_text(value.get("Comment")),
        admin_comment=_text(value.get("AdminComment")),
        exclusive=value.get("OverSubscribe") in ("NO", "EXCLUSIVE"),
        beyond=asked(
            exclusive={"USER": "user", "MCS": "mcs", "TOPO": "topo"}.get(value.get("OverSubscribe", ""), ""),
            contiguous=value.get("Contiguous", "0") == "1",
            tmp=_size(value.get("MinTmpDiskNode", "")),
            switches=_count_of_switches(value.get("Switches", "")),
            tres_per_socket=_text(value.get("TresPerSocket")),
            core_spec=_starred(value.get("CoreSpec")),
            thread_spec=_starred(value.get("ThreadSpec")),
        ),
        ignored=asked(
            sockets_per_node=_starred(sockets),
            cores_per_socket=_starred(cores),
            threads_per_core=_starred(threads) if threads != "1" else 0,
            tasks_per_socket=_starred(by_socket),
            tasks_per_core=_starred(by_core),
            prefer=_text(value.get("Prefer")),
            batch_features=_text(value.get("BatchFeatures")),
            burst_buffer=_text(value.get("BurstBuffer")),
        ),
        limit=_seconds(value.get("TimeLimit", "")),
        eligible=_moment(value.get("EligibleTime", "")),
        submitted=_moment(value.get("SubmitTime", "")),
        array=_text(value.get("ArrayTaskId")),
        array_job=_whole(value.get("ArrayJobId", "0")),
        het=_whole(value.get("HetJobId", "0")),
        het_offset=_whole(value.get("HetJobOffset", "0")),
        given=_text(value.get("NodeList")),
        shares=tuple(
            Share(node, _count(row["cpus"]), int(row["memory"]), _text(row["gres"]))
            for row in _DETAIL.finditer(parts["rest"])
            for node in hal.topology.expand_hosts(row["nodes"])
        ),
    )


def licences_from_text(line: str) -> tuple[str, int]:
    """Read a line of ``scontrol -o show licenses``: a name and how many are free."""
    value = fields(line)
    _need(value, ("LicenseName", "Free"), line)
    return value["LicenseName"], _whole(value["Free"])


def reservation_from_text(line: str) -> Reservation:
    """Read a line of ``scontrol -o show reservation``."""
    value = fields(line)
    _need(value, ("ReservationName", "StartTime", "EndTime"), line)
    return Reservation(
        value["ReservationName"],
        _text(value.get("Nodes")),
        _moment(value["StartTime"]),
        _moment(value["EndTime"]),
        words(_text(value.get("Flags"))),
        _text(value.get("TRES")),
    )


def _need(value: Mapping[str, str], names: tuple[str, ...], line: str) -> None:
    missing = [name for name in names if name not in value]
    if missing:
        raise hal.AdapterError(f"{', '.join(missing)}: not in {line[:80]!r}")


def _text(value: str | None) -> str:
    return "" if value in (None, "(null)", "N/A", "None") else str(value)


def _whole(value: str) -> int:
    if value == "N/A":  # of jobs that ended before they began
        return 0
    if not value.isdigit():
        raise hal.AdapterError(f"{value!r}: must be a whole number")
    return int(value)


def _seconds(value: str) -> int:
    found = _DURATION.match(value)
    if found is None:
        return 0
    return ((int(found["d"] or 0) * 24 + int(found["h"] or 0)) * 60 + int(found["m"])) * 60 + int(found["s"])


def _moment(value: str) -> int:
    try:
        return int(datetime.fromisoformat(value).timestamp())
    except ValueError:
        return 0


def _size(value: str) -> str:
    amount = memory_of(f"mem={value}")
    return f"{amount}M" if amount else ""


def _four(value: str) -> tuple[str, ...]:
    """Return the four parts of ``1:0:*:*``."""
    return (*value.split(":"), "", "", "", "")[:4]


def _starred(value: str | None) -> int:
    """Return a number where ``*`` is none."""
    return int(value) if value is not None and value.isdigit() else 0


def _count_of_switches(value: str) -> int:
    count = value.partition("@")[0]
    return int(count) if count.isdigit() else 0


def _count(ranges: str) -> int:
    """How many CPUs ``0-3,8`` names."""
    total = 0
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        total += int(last or first) - int(first) + 1
    return total
