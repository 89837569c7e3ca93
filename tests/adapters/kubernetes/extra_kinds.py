"""Kinds of objects that later releases have, kept by the real API server for the tests."""

from __future__ import annotations

from tests.adapters.kubernetes.cluster import KubernetesCluster

__all__ = ["define"]

_KINDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def define(cluster: KubernetesCluster, group: str, version: str, kind: str, scope: str) -> str:
    """Have the API server keep a further kind of objects, with a status of its own; the path of its collection."""
    one = kind.lower()
    many = f"{one}es" if one.endswith("s") else f"{one}s"
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        "subresources": {"status": {}},
    }
    notes = {"api-approved.kubernetes.io": "unapproved, for tests"}
    names = {"plural": many, "singular": one, "kind": kind}
    cluster.client.call(
        "POST",
        _KINDS,
        {
            "metadata": {"name": f"{many}.{group}", "annotations": notes},
            "spec": {"group": group, "scope": scope, "names": names, "versions": [served]},
        },
    )
    return f"/apis/{group}/{version}/{many}"
