"""The Helm chart, installed, upgraded and removed on a real API server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hal.adapters.kubernetes.client import ApiError

from tests.adapters.kubernetes.cluster import KubernetesCluster
from tests.deploy.chart import CHART, helm

pytestmark = pytest.mark.server

SPACE = "installed"
KINDS = {
    "/apis/apps/v1": ["deployments"],
    "/api/v1": ["services", "secrets", "configmaps", "serviceaccounts"],
    "/apis/networking.k8s.io/v1": ["networkpolicies"],
    "/apis/rbac.authorization.k8s.io/v1": ["roles", "rolebindings", "clusterroles", "clusterrolebindings"],
}


def there(cluster: KubernetesCluster) -> set[str]:
    """Return kind and name of everything that is the release's."""
    found = set()
    for api, kinds in KINDS.items():
        for kind in kinds:
            items, _ = cluster.client.list(f"{api}/{kind}", labelSelector="app.kubernetes.io/instance=hal")
            found |= {f"{kind}/{item['metadata']['name']}" for item in items}
    return found


def token(cluster: KubernetesCluster) -> str:
    told = cluster.client.call("GET", f"/api/v1/namespaces/{SPACE}/secrets/hal-token")
    return str(told["data"]["token"])


@pytest.fixture
def chart(kubernetes: KubernetesCluster, tmp_path: Path) -> Iterator[Path]:
    """Yield the chart as it is, but for the release that it wants: a server built from source may not tell its own."""
    copy = Path(shutil.copytree(CHART, tmp_path / "hal"))
    told = (copy / "Chart.yaml").read_text()
    (copy / "Chart.yaml").write_text(
        "".join(x for x in told.splitlines(keepends=True) if "kubeVersion" not in x)
    )
    kubernetes.client.call("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
    yield copy
    kubernetes.client.call("DELETE", f"/api/v1/namespaces/{SPACE}")


def test_comes_and_goes_whole(kubernetes: KubernetesCluster, chart: Path) -> None:
    where = ["--namespace", SPACE, "--kubeconfig", str(kubernetes.config)]
    extended = ["--set", "extender.enabled=true", "--set", "extender.kubeScheduler.configVersion=v1beta1"]
    told = helm("install", "hal", str(chart), *where, *extended)
    assert "placed by a kube-scheduler that asks hal" in told
    whole = there(kubernetes)
    assert {"deployments/hal-scheduler", "deployments/hal-serve", "deployments/hal-extender"} <= whole
    assert {"services/hal", "secrets/hal-token", "networkpolicies/hal"} <= whole
    before = token(kubernetes)
    helm("upgrade", "hal", str(chart), *where, "--reset-values")
    assert token(kubernetes) == before  # callers have it
    assert whole - there(kubernetes) >= {"deployments/hal-extender", "configmaps/hal-extender"}
    helm("uninstall", "hal", *where)
    assert there(kubernetes) == set()
    with pytest.raises(ApiError, match="not found"):
        token(kubernetes)
