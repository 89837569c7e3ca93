"""Clusters that several tests place on."""

from __future__ import annotations

import hal

__all__ = ["small"]


def small() -> hal.Cluster:
    """Return four nodes of eight GPUs, in two zones by turns."""
    return hal.Cluster(
        [
            hal.Node(
                f"n{i}", cpus=64, memory="256GiB", gpus=hal.gpus(8, "A100"), labels={"zone": "ab"[i % 2]}
            )
            for i in range(4)
        ]
    )
