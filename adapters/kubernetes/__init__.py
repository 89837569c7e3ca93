"""Kubernetes: `KubernetesAdapter` is its second scheduler, `GateAdviser` tells gated pods their node."""

from hal.adapters.kubernetes.adapter import KubernetesAdapter
from hal.adapters.kubernetes.gates import GateAdviser

__all__ = ["GateAdviser", "KubernetesAdapter"]
