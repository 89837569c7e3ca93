"""Kubernetes: `KubernetesAdapter` is its second scheduler."""

from hal.adapters.kubernetes.adapter import KubernetesAdapter

__all__ = ["KubernetesAdapter"]
