"""GpuClustering."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hal._validate import settings
from hal.policies._base import Builtin

__all__ = ["GpuClustering"]


@settings
class GpuClustering(Builtin):
    """Put tasks of one GPU class (a share, one device, two, …) together.

    Assumes: tasks of one class leave devices that the next of the class can use.
    Formula, of 100: a task without GPUs 0; else floor(25 (scale - R) / scale), R the free share, plus 75 when the
    node hosts this class only, 50 when it hosts it among others, 25 when it hosts no GPU task.
    Cost: O(classes) a node that changed, O(log n) a decision.
    Source: the clustering policy of the ATC 2023 GPU study (after Gandiva).

    Attributes
    ----------
    scale_gpu : int
        Milli-GPU of a full node; 0: the largest node (the study: 8000).
    """

    name = "gpu_clustering"
    scale_gpu: Annotated[int, Field(ge=0, le=2**42)] = 0
