"""Caches and data: where datasets are, how they reach a node, and what to move ahead of time."""

from hal.data.cache_tree import Cache, CacheTree
from hal.data.content_map import ADDED, EVICTED, ContentMap
from hal.data.staging import StagingJob, StagingPlan, plan_staging
from hal.data.transfers import Transfer, Transfers, nearest, transfers

__all__ = [
    "ADDED",
    "EVICTED",
    "Cache",
    "CacheTree",
    "ContentMap",
    "StagingJob",
    "StagingPlan",
    "Transfer",
    "Transfers",
    "nearest",
    "plan_staging",
    "transfers",
]
