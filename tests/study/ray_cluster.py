"""Starts Ray with three nodes, sweeps a grid on it in two halves, and prints what it saw."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import sys
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"

import ray
from ray.cluster_utils import Cluster

from hal.study import Cell, Store, run_cells


def loopback_up() -> None:
    """Bring up the loopback device of a new network namespace, as ``ip link set lo up`` does."""
    get_flags, set_flags, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        (flags,) = struct.unpack("H", fcntl.ioctl(control, get_flags, request)[16:18])
        fcntl.ioctl(control, set_flags, struct.pack("16sH14s", b"lo", flags | up, b""))


def main(folder: Path) -> None:
    """Run the grid of test_engines.py."""
    cells = [
        Cell(controller=controller, seed=seed, nodes=4, seconds=600.0, step=30.0)
        for seed in range(2)
        for controller in ("static(p=0)", "pid")
    ]
    memory = 100 * 2**20
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": memory})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1, object_store_memory=memory)
        cluster.wait_for_nodes()
        store = Store(folder / "ray.jsonl")
        first = run_cells(cells[:2], store, engine="ray", address=cluster.address)
        ray.init(address=cluster.address, log_to_driver=False)
        nodes = sum(node["Alive"] for node in ray.nodes())
        second = run_cells(cells, Store(store.path), engine="ray")
        print(json.dumps({"nodes": nodes, "ran": [first, second]}))
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    loopback_up()
    main(Path(sys.argv[1]))
