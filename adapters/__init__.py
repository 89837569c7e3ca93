"""Adapters translate the state of an orchestrator into the model of hal, and placements back.

`hal.adapters.contract` says what an adapter is, `hal.adapters.conformance` checks any of them against it, and
`hal.adapters.loop` decides for one again and again.
"""

from hal.adapters.contract import (
    CONTRACT,
    Adapter,
    Applied,
    Delta,
    Dropped,
    JobGone,
    JobQueued,
    JobStarted,
    NodeChanged,
    NodeGone,
    Outcome,
    Preempts,
    Ranks,
    Reserved,
    Reserves,
    Running,
    Snapshot,
    Stale,
    Submitted,
    Words,
)
from hal.adapters.follower import Follower
from hal.adapters.lock import FileLock, Lock
from hal.adapters.loop import Loop, Round, why
from hal.adapters.mirror import Mirror

__all__ = [
    "CONTRACT",
    "Adapter",
    "Applied",
    "Delta",
    "Dropped",
    "FileLock",
    "Follower",
    "JobGone",
    "JobQueued",
    "JobStarted",
    "Lock",
    "Loop",
    "Mirror",
    "NodeChanged",
    "NodeGone",
    "Outcome",
    "Preempts",
    "Ranks",
    "Reserved",
    "Reserves",
    "Round",
    "Running",
    "Snapshot",
    "Stale",
    "Submitted",
    "Words",
    "why",
]
