from __future__ import annotations

import ctypes
import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.study.ray_cluster import loopback_up

MEMORY = 80 * 2**20


@contextmanager
def network_namespace() -> Iterator[None]:
    """Keep what this thread starts in a network of its own: Ray would bind the machine's outside address."""
    libc, new_net = ctypes.CDLL(None, use_errno=True), 0x40000000
    with Path("/proc/thread-self/ns/net").open("rb") as before:
        if libc.unshare(new_net) != 0:
            if os.environ.get("CI"):
                pytest.fail(f"unshare: {os.strerror(ctypes.get_errno())}; run as root")
            pytest.skip(f"unshare: {os.strerror(ctypes.get_errno())}; see make servers")
        try:
            loopback_up()
            yield
        finally:
            assert libc.setns(before.fileno(), new_net) == 0


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    """Return a running Ray of a head of one CPU and four nodes of 4 CPUs and 2 GPUs; two are in zone a, two in b."""
    names = ("RAY_USAGE_STATS_ENABLED", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO")
    with network_namespace(), pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setenv(name, "0")
        import ray
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": MEMORY})
        try:
            for zone in "aabb":
                add_node(cluster, zone)
            cluster.wait_for_nodes()
            ray.init(address=cluster.address, log_to_driver=False)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
            with warnings.catch_warnings():  # of the files and processes that Ray leaves to the collector
                warnings.simplefilter("ignore")
                del cluster
                gc.collect()


def add_node(cluster: Any, zone: str) -> Any:
    """Let a node join."""
    return cluster.add_node(
        num_cpus=4,
        num_gpus=2,
        resources={"disk": 3, "accelerator_type:T4": 1},
        labels={"zone": zone},
        object_store_memory=MEMORY,
    )
