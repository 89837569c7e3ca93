"""What an index answers, and what a scan of every node does."""

from __future__ import annotations

from collections.abc import Iterable

import hal
from hal import _core

__all__ = ["agree"]


def agree(cluster: hal.Cluster, jobs: Iterable[hal.Job], policy: hal.Policy) -> None:
    """Fail unless both choose the same node with the same score for each job."""
    for job in jobs:
        asked = cluster._core, job._shape(), policy._core
        assert _core.choose(*asked, False) == _core.choose(*asked, True)
