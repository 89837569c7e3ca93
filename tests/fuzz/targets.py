"""The doors that read what strangers write. Each takes bytes and may raise nothing but `HalError`.

Add a loader by adding a function and a seed to ``TARGETS``: it is then tried by Hypothesis on every run of the fast
tests, and by a coverage-guided fuzzer in ``make fuzz``.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import hal
from hal import files, topology
from hal.errors import HalError
from hal.replay.openb import trace

Loader = Callable[[bytes], object]


def from_file(load: Callable[[Path], object], suffix: str) -> Loader:
    """Turn a loader of files into one of bytes."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk would set the pace
    folder = tempfile.mkdtemp(prefix="hal-fuzz-", dir=memory)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / f"input{suffix}"

    def loader(data: bytes) -> object:
        path.write_bytes(data)
        return load(path)

    return loader


#: name -> (the loader, a small valid input to start from)
TARGETS: dict[str, tuple[Loader, bytes]] = {
    "openb_nodes": (
        from_file(trace.read_nodes, ".csv"),
        b"sn,cpu_milli,memory_mib,gpu,model\nn1,96000,786432,8,V100M32\nn2,64000,262144,0,\n",
    ),
    "openb_tasks": (
        from_file(trace.read_tasks, ".csv"),
        b"name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\nt1,6000,12288,1,460,\nt2,8000,1024,2,1000,T4|P100\n",
    ),
    "cluster_yaml": (
        from_file(hal.Cluster.from_yaml, ".yaml"),
        b"nodes:\n- {name: n, count: 2, cpus: 64, memory: 256GiB, gpus: {count: 8, model: A100}, labels: {zone: a}}\n",
    ),
    "cluster_json": (
        from_file(hal.Cluster.from_json, ".json"),
        b'{"nodes": [{"name": "n1", "cpus": 4, "memory": "8GiB", "taints": [{"key": "k"}]}]}',
    ),
    "jobs_yaml": (
        from_file(partial(files.read_jobs, format="yaml"), ".yaml"),
        b"jobs:\n- {name: j, tasks: 2, cpus: 500m, gpus: 0.5, selector: {zone: a}, resources: {licences: 1}}\n",
    ),
    "jobs_json": (
        from_file(partial(files.read_jobs, format="json"), ".json"),
        b'{"jobs": [{"name": "j", "cpus": 0.5, "tolerations": [{"key": "k", "op": "Exists"}], "priority": -1}]}',
    ),
    "topology_yaml": (
        from_file(topology.from_yaml, ".yaml"),
        b"levels: [{name: top, distance: 4}, leaf]\ntree: {name: s, domains: [{name: a, nodes: 'n[1-2]'}]}\n",
    ),
    "topology_slurm": (
        from_file(topology.from_slurm, ".conf"),
        b"SwitchName=leaf1 Nodes=n[1-4]\nSwitchName=leaf2 Nodes=n5,n6\nSwitchName=top Switches=leaf[1-2]\n",
    ),
}


def accepts(name: str, data: bytes) -> bool:
    """Feed one input to one door: it loads, or it is refused with a typed error."""
    try:
        TARGETS[name][0](data)
    except HalError:
        return False
    return True
