from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hal.adapters.kubernetes import KubernetesAdapter
from hal.adapters.loop import Loop

from tests.adapters.kubernetes.cluster import KubernetesCluster, missing
from tests.adapters.kubernetes.following import hurried


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesCluster]:
    """Return a running API server without nodes."""
    lacking = missing()
    if lacking:
        if os.environ.get("CI"):
            pytest.fail(f"not installed: {', '.join(lacking)}")
        pytest.skip(f"not installed: {', '.join(lacking)}; see make servers")
    cluster = KubernetesCluster(tmp_path_factory.mktemp("kubernetes"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(kubernetes: KubernetesCluster) -> Iterator[KubernetesCluster]:
    """Return the API server with three nodes, and without anything afterwards."""
    kubernetes.clear()
    kubernetes.add_nodes(["n0", "n1", "n2"])
    yield kubernetes
    kubernetes.clear()


@pytest.fixture
def loop(cluster: KubernetesCluster) -> Iterator[Loop]:
    """Return a loop on the cluster, which holds the lease once it applies."""
    adapter = KubernetesAdapter(kubeconfig=str(cluster.config))
    yield Loop(adapter, clock=hurried)
    adapter.close()
