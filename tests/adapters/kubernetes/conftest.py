from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.adapters.kubernetes.cluster import KubernetesCluster, missing


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
